use super::*;
use proptest::prelude::*;

#[test]
fn small_chunks_share_one_allocation() {
    let mut buffer = RecvBuffer::default();
    for byte in 0..1000u32 {
        buffer.push(Bytes::copy_from_slice(&[byte as u8]));
    }
    assert!(buffer.chunks.len() <= 2);
    assert_eq!(buffer.len(), 1000);
    assert_eq!(buffer.pop(usize::MAX).map(|c| c.len()), Some(1));
    assert_eq!(buffer.pop(usize::MAX).map(|c| c.len()), Some(999));
    assert_eq!(buffer.pop(1), None);
}

/// The next bytes, at most `max`.
fn peeked(buffer: &RecvBuffer, max: usize) -> Vec<u8> {
    let mut bytes = vec![0; max.min(1 << 16)];
    let len = buffer.peek(0, &mut bytes);
    bytes.truncate(len);
    bytes
}

proptest! {
    #[test]
    fn gives_back_what_went_in(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..600), 0..40),
        max in 1usize..700,
    ) {
        let mut buffer = RecvBuffer::default();
        let mut out = Vec::new();
        for (index, chunk) in chunks.iter().enumerate() {
            buffer.push(Bytes::from(chunk.clone()));
            let waiting = [&out[..], &peeked(&buffer, usize::MAX)].concat();
            prop_assert_eq!(waiting, chunks[..=index].concat());
            let next = peeked(&buffer, max);
            if index % 3 == 0 && let Some(read) = buffer.pop(max) {
                prop_assert!(next.starts_with(&read));
                prop_assert!(!read.is_empty() && read.len() <= max);
                out.extend_from_slice(&read);
            }
        }
        while let Some(read) = buffer.pop(max) {
            out.extend_from_slice(&read);
        }
        prop_assert_eq!(out, chunks.concat());
        prop_assert_eq!(buffer.len(), 0);
    }
}
