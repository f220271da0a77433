use super::*;

#[test]
fn errors_keep_their_kind_and_their_words() {
    for (kind, _) in KINDS {
        let error = io::Error::from(Failure::from(io::Error::new(kind, "the words")));
        assert_eq!((error.kind(), error.to_string().as_str()), (kind, "the words"));
    }
    let error = io::Error::from(Failure::from(io::Error::new(io::ErrorKind::WriteZero, "x")));
    assert_eq!(error.kind(), io::ErrorKind::Other);
}

#[tokio::test]
async fn frames_come_out_as_they_went_in() {
    let place: SocketAddr = "10.9.0.2:53".parse().unwrap();
    let mut wire = Vec::new();
    let texts = [vec![], b"hello".to_vec(), vec![7; usize::from(u16::MAX)]];
    for text in &texts {
        write_frame(&mut wire, text, place).await.unwrap();
    }
    let mut reading = &wire[..];
    for text in texts {
        assert_eq!(read_frame(&mut reading).await.unwrap(), Some((text, place)));
    }
    assert_eq!(read_frame(&mut reading).await.unwrap(), None);
    let too_long = vec![0; 1 << 16];
    let refused = write_frame(&mut wire, &too_long, place).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    let cut = read_frame(&mut &[0, 9, 1, 1, 1, 1, 0, 1, 7][..]).await.unwrap_err();
    assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
}
