use super::*;

#[test]
fn a_chunk_is_its_own_bytes_and_then_the_shared_ones() {
    for (own, shared) in [("", ""), ("ab", ""), ("", "cd"), ("ab", "cd")] {
        let whole = [own, shared].concat();
        for step in 1..5 {
            let mut chunk = Chunk::new(own, shared.into());
            let mut read = Vec::new();
            while chunk.has_remaining() {
                assert_eq!(chunk.remaining(), whole.len() - read.len());
                let mut slices = [IoSlice::new(&[]); 4];
                let count = chunk.chunks_vectored(&mut slices);
                assert!(slices[..count].iter().all(|slice| !slice.is_empty()));
                let left = slices.iter().flat_map(|slice| slice.to_vec()).collect::<Vec<u8>>();
                assert_eq!(left, whole.as_bytes()[read.len()..]);
                assert_eq!(*slices[0], *chunk.chunk());
                let taken = step.min(chunk.remaining());
                read.extend_from_slice(&left[..taken]);
                chunk.advance(taken);
            }
            assert_eq!(read, whole.as_bytes());
        }
    }
    assert_eq!(Chunk::new("ab", "cd".into()).chunks_vectored(&mut []), 0);
}
