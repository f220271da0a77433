use std::future::poll_fn;
use std::net::Ipv4Addr;
use std::thread;

use smallvec::smallvec;

use super::*;
use crate::wire::{Burst, HeaderBuf, ip, udp};

/// A datagram that carries `number`, padded to `len` bytes of payload.
fn datagram(number: u32, len: usize) -> Burst {
    let mut payload = number.to_be_bytes().to_vec();
    payload.resize(len.max(4), 0);
    let mut header = HeaderBuf::new();
    let repr = ip::Repr {
        src: Ipv4Addr::new(10, 0, 0, 1).into(),
        dst: Ipv4Addr::new(10, 0, 0, 2).into(),
        protocol: ip::UDP,
        ttl: 64,
        dscp: 0,
        ecn: 0,
        identification: 0,
        dont_fragment: true,
    };
    ip::emit(&repr, 8 + payload.len(), &mut header);
    udp::emit(1, 2, payload.len(), &mut header);
    Burst {
        header,
        ip_header_len: 20,
        protocol: ip::UDP,
        payload_len: payload.len() as u32,
        payload: smallvec![payload.into()],
        segment_size: 0,
    }
}

fn number(packet: &Packet) -> u32 {
    let text = &packet.bytes[28..32];
    u32::from_be_bytes([text[0], text[1], text[2], text[3]])
}

#[test]
fn what_one_sends_the_other_receives_in_batches() {
    let (mut left, mut right) = pair(1500);
    let mut tx: TxBatch = (0..10).map(|n| datagram(n, 100)).collect();
    left.send(&mut tx).unwrap();
    assert!(tx.is_empty());
    let mut rx = RxBatch::new();
    assert_eq!(right.receive(&mut rx, 4).unwrap(), 4);
    assert_eq!(right.receive(&mut rx, 64).unwrap(), 6);
    assert_eq!(right.receive(&mut rx, 64).unwrap(), 0);
    assert_eq!(left.receive(&mut rx, 64).unwrap(), 0);
    assert!(rx.iter().map(number).eq(0..10));
}

#[test]
fn a_full_wire_leaves_the_rest() {
    let (mut left, mut right) = pair(1500);
    let count = QUEUE_PACKETS as u32 + 5;
    let mut tx: TxBatch = (0..count).map(|n| datagram(n, 4)).collect();
    left.send(&mut tx).unwrap();
    assert_eq!(tx.len(), 5);
    let mut rx = RxBatch::new();
    right.receive(&mut rx, usize::MAX).unwrap();
    left.send(&mut tx).unwrap();
    assert!(tx.is_empty());
    right.receive(&mut rx, usize::MAX).unwrap();
    assert!(rx.iter().map(number).eq(0..count));
}

#[test]
fn a_pulled_cable_loses_packets_and_frees_the_writer() {
    let (mut left, right) = pair(1500);
    drop(right);
    let mut tx: TxBatch = (0..3000).map(|n| datagram(n, 4)).collect();
    left.send(&mut tx).unwrap();
    assert!(tx.is_empty());
    assert!(left.incoming.lock().packets.is_empty());
}

/// Sends `count` packets as fast as the wire takes them, waiting for room.
async fn send_all(mut end: Memory, count: u32) {
    let mut tx: TxBatch = (0..count).map(|n| datagram(n, 4)).collect();
    while !tx.is_empty() {
        poll_fn(|cx| end.poll_writable(cx)).await;
        end.send(&mut tx).unwrap();
    }
}

/// Receives `count` packets, waiting for each batch.
async fn receive_all(mut end: Memory, count: u32) -> Vec<u32> {
    let mut rx = RxBatch::new();
    while rx.len() < count as usize {
        poll_fn(|cx| end.poll_readable(cx)).await;
        end.receive(&mut rx, 64).unwrap();
    }
    rx.iter().map(number).collect()
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let limit = std::time::Duration::from_secs(30);
    runtime.block_on(async { tokio::time::timeout(limit, future).await.expect("no wake-up lost") })
}

#[test]
fn no_wake_up_is_lost_between_threads() {
    let (left, right) = pair(1500);
    let count = 50_000;
    let sender = thread::spawn(move || block_on(send_all(left, count)));
    let received = block_on(receive_all(right, count));
    sender.join().unwrap();
    assert!(received.into_iter().eq(0..count));
}
