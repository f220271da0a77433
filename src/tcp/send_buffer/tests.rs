use super::*;
use proptest::prelude::*;

fn collect(buffer: &mut SendBuffer, offset: u64, len: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = offset;
    while at < offset + u64::from(len) {
        let mut slices = SmallVec::new();
        let got = buffer.gather(at, (offset + u64::from(len) - at) as u32, &mut slices);
        assert!(got > 0 && slices.len() <= MAX_SLICES);
        slices.iter().for_each(|s| out.extend_from_slice(s));
        at += u64::from(got);
    }
    out
}

#[test]
fn a_full_buffer_takes_nothing_and_an_acknowledgment_makes_room() {
    let mut buffer = SendBuffer::default();
    assert_eq!(buffer.push(&[1; 100], 60), 60);
    assert_eq!(buffer.push(&[1; 100], 60), 0);
    buffer.acknowledge(20);
    assert_eq!(buffer.push(&[2; 100], 60), 20);
    assert_eq!(buffer.len(), 60);
}

#[test]
fn tiny_chunks_cannot_outgrow_the_capacity() {
    let mut buffer = SendBuffer::default();
    let mut pushed = 0u64;
    // Sending after every byte freezes the tail into one-byte chunks.
    while buffer.push(b"x", 10_000) == 1 {
        collect(&mut buffer, pushed, 1);
        pushed += 1;
    }
    assert!(buffer.chunks.len() * (CHUNK_OVERHEAD + 1) <= 10_000 + CHUNK_OVERHEAD + 1);
}

#[test]
fn large_chunks_are_shared_not_copied() {
    let mut buffer = SendBuffer::default();
    let data = Bytes::from(vec![7u8; 20_000]);
    let mut pushed = data.clone();
    assert_eq!(buffer.push_bytes(&mut pushed, 1 << 20), 20_000);
    let mut slices = SmallVec::new();
    buffer.gather(10_000, 1000, &mut slices);
    assert_eq!(slices[0].as_ptr(), data[10_000..].as_ptr());
}

#[test]
fn the_memory_of_an_acknowledged_copy_is_used_again() {
    let mut buffer = SendBuffer::default();
    let start_of = |buffer: &mut SendBuffer, offset| {
        let mut slices = SmallVec::new();
        buffer.gather(offset, 1, &mut slices);
        slices[0].as_ptr()
    };
    assert_eq!(buffer.push(&[1; COPY + 100], 1 << 20), COPY + 100);
    let first = start_of(&mut buffer, 0);
    buffer.acknowledge(COPY as u64);
    assert_eq!(buffer.push(&[2; COPY], 1 << 20), COPY);
    assert_eq!(start_of(&mut buffer, COPY as u64 + 100), first);
    assert_eq!(collect(&mut buffer, COPY as u64 + 100, 100), [2; 100]);
    // But not while somebody still has it.
    let mut held = SmallVec::new();
    buffer.gather(COPY as u64 + 100, COPY as u32, &mut held);
    buffer.push(&[3; COPY], 1 << 20);
    buffer.acknowledge(2 * COPY as u64 + 100);
    buffer.push(&[4; COPY], 1 << 20);
    assert_eq!(held[0], [2; COPY][..]);
}

proptest! {
    /// Any mix of writes, acknowledgments and reads behaves as a plain vector does.
    #[test]
    fn behaves_as_a_vector(steps in proptest::collection::vec((0u8..4, 0usize..30_000), 1..60)) {
        let capacity = 200_000;
        let mut buffer = SendBuffer::default();
        let mut model: Vec<u8> = Vec::new();
        let mut byte = 0u8;
        for (action, n) in steps {
            match action {
                0 | 1 => {
                    let data: Vec<u8> = (0..n).map(|_| { byte = byte.wrapping_add(1); byte }).collect();
                    let taken = if action == 0 {
                        buffer.push(&data, capacity)
                    } else {
                        buffer.push_bytes(&mut Bytes::from(data.clone()), capacity)
                    };
                    model.extend_from_slice(&data[..taken]);
                }
                2 => {
                    let to = buffer.start() + (n as u64).min(buffer.len() as u64);
                    buffer.acknowledge(to);
                }
                _ => {
                    let from = buffer.start() + (n as u64).min(buffer.len() as u64);
                    let len = ((buffer.end() - from) as u32).min(20_000);
                    let expected = &model[from as usize..from as usize + len as usize];
                    prop_assert_eq!(collect(&mut buffer, from, len), expected);
                }
            }
            prop_assert_eq!(buffer.end(), model.len() as u64);
        }
    }
}
