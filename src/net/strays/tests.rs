use bytes::Bytes;

use super::*;
use crate::stack::{Config, Stack};
use crate::time::Instant;
use crate::wire::{Packet, RxBatch};

/// Datagrams of `len` bytes for a port that nobody has on the first of two stacks.
fn strays(count: usize, len: usize) -> Vec<Stray> {
    let config = Config::new([10, 0, 0, 1].into(), 24, [1; 32]);
    let mut stack = Stack::new(config.divided(2).next().expect("the first one"));
    let mut peer =
        Stack::new(Config { mtu: u16::MAX, ..Config::new([10, 0, 0, 2].into(), 24, [2; 32]) });
    let socket = peer.udp_bind(([10, 0, 0, 2], 9).into()).unwrap();
    let mut taken = Vec::new();
    while taken.len() < count {
        peer.udp_send(socket, Bytes::from(vec![0; len]), ([10, 0, 0, 1], 9).into()).unwrap();
        let mut tx = std::collections::VecDeque::new();
        peer.turn(Instant::ZERO, &mut RxBatch::new(), &mut tx).notify();
        let mut rx = RxBatch::new();
        for burst in tx {
            crate::device::gso::cut_whole(burst, |packet| rx.push_back(Packet::new(packet)));
        }
        stack.receive(Instant::ZERO, &mut rx).notify();
        taken.extend(stack.take_strays());
    }
    taken
}

#[test]
fn they_come_out_in_batches_in_order() {
    let inbox = Inbox::default();
    assert!(inbox.is_empty());
    for (nth, stray) in strays(BATCH + 1, 1).into_iter().enumerate() {
        inbox.push(stray);
        assert!(!inbox.is_empty(), "{nth}");
    }
    let (first, refused) = inbox.take();
    assert_eq!((first.len(), refused), (BATCH, 0));
    assert_eq!(inbox.take().0.len(), 1);
    assert_eq!(inbox.take().0.len(), 0);
    assert!(inbox.is_empty());
}

#[test]
fn there_is_room_for_so_many_and_for_so_many_bytes() {
    for (len, most) in [(1, MAX_PACKETS), (60_000, MAX_BYTES / 60_028 + 1)] {
        let inbox = Inbox::default();
        strays(most + 3, len).into_iter().for_each(|stray| inbox.push(stray));
        let mut count = 0;
        let (batch, refused) = inbox.take();
        count += batch.len();
        assert_eq!(refused, 3);
        assert_eq!(inbox.take().1, 0, "they are told once");
        count += BATCH.min(most - count);
        while !inbox.is_empty() {
            count += inbox.take().0.len();
        }
        assert_eq!(count, most);
    }
}
