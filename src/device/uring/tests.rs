use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixDatagram;

use arrayvec::ArrayVec;
use bytes::Bytes;
use smallvec::SmallVec;

use super::*;
use crate::device::tun::put;

/// A burst of one packet: a header of `header` bytes, and a payload of `payload` bytes.
fn burst(number: u8, header: usize, payload: usize) -> Burst {
    Burst {
        header: ArrayVec::from_iter(std::iter::repeat_n(number, header)),
        ip_header_len: 20,
        protocol: 255,
        payload: SmallVec::from_iter([Bytes::from(vec![number; payload])]),
        payload_len: payload as u32,
        segment_size: 0,
    }
}

/// A ring, a file to write packets to, and where they arrive; `None` where rings cannot write to it.
fn setup() -> Option<(Ring, OwnedFd, UnixDatagram)> {
    let not_tested = |why: &str| println!("NOT TESTED: no io_uring for us on this machine: {why}");
    let mut ring = match Ring::new() {
        Ok(ring) => ring,
        Err(error) => {
            not_tested(&error.to_string());
            return None;
        }
    };
    let (ours, peer) = UnixDatagram::pair().unwrap();
    for socket in [&ours, &peer] {
        socket.set_nonblocking(true).unwrap();
    }
    let file = ours.into();
    let mut first = TxBatch::from_iter((0..FEWEST as u8).map(|n| burst(n, 40, 0)));
    let outcome = ring.send(&mut first, OwnedFd::as_fd(&file), put, |_, errno| Err(errno));
    if outcome == Err(Errno::OPNOTSUPP) {
        not_tested("this kernel's sockets cannot be written to without waiting");
        return None;
    }
    assert_eq!((outcome, arrived(&peer).len()), (Ok(()), FEWEST));
    Some((ring, file, peer))
}

/// Number and length of what has arrived.
fn arrived(peer: &UnixDatagram) -> Vec<(u8, usize)> {
    let mut packet = [0; 4096];
    std::iter::from_fn(|| peer.recv(&mut packet).ok().map(|len| (packet[len - 1], len))).collect()
}

fn nothing_refused(packet: &[u8], errno: Errno) -> Result<(), Errno> {
    panic!("refused, {errno}: {packet:?}")
}

#[test]
fn small_packets_are_written_in_order_and_the_others_are_left() {
    let Some((mut ring, file, peer)) = setup() else { return };
    for _ in 0..3 {
        let mut tx = TxBatch::from_iter((0..6).map(|n| burst(n, 40, 10 * usize::from(n))));
        tx.push_back(burst(6, 40, SMALL));
        tx.push_back(burst(7, 40, 0));
        ring.send(&mut tx, file.as_fd(), put, nothing_refused).unwrap();
        assert_eq!(arrived(&peer), [(0, 40), (1, 50), (2, 60), (3, 70), (4, 80), (5, 90)]);
        assert_eq!(tx.iter().map(|burst| burst.header[30]).collect::<Vec<_>>(), [6, 7]);
    }
}

#[test]
fn a_few_packets_are_left_for_single_calls() {
    let Some((mut ring, file, peer)) = setup() else { return };
    let mut tx = TxBatch::from_iter((0..FEWEST as u8 - 1).map(|n| burst(n, 40, 0)));
    ring.send(&mut tx, file.as_fd(), put, nothing_refused).unwrap();
    assert_eq!((tx.len(), arrived(&peer)), (FEWEST - 1, Vec::new()));
}

#[test]
fn what_the_kernel_refuses_is_named_in_order() {
    let Some((mut ring, file, peer)) = setup() else { return };
    let mut sent = Vec::new();
    let mut refused = Vec::new();
    // Nobody reads, so there is an end to what the socket takes.
    for round in 0..100 {
        let packets = (0..100).map(|len| burst(round, 60, len));
        let mut tx = TxBatch::from_iter(packets);
        ring.send(&mut tx, file.as_fd(), put, |packet, errno| {
            assert_eq!(errno, Errno::AGAIN);
            refused.push((packet[0], packet.len()));
            Ok(())
        })
        .unwrap();
        assert_eq!(tx.len(), 100 - MOST, "no more than a batch is taken");
        sent.extend((60..60 + MOST).map(|len| (round, len)));
        if !refused.is_empty() {
            break;
        }
    }
    assert!(!refused.is_empty());
    assert_eq!([arrived(&peer), refused].concat(), sent);
}

#[test]
fn whoever_minds_a_refusal_is_heard() {
    let Some((mut ring, _, _)) = setup() else { return };
    let nowhere = OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
    let mut tx = TxBatch::from_iter((0..5).map(|n| burst(n, 40, 0)));
    let outcome = ring.send(&mut tx, nowhere.as_fd(), put, |_, errno| Err(errno));
    assert_eq!(outcome, Err(Errno::BADF));
}

#[test]
fn a_ring_that_fails_loses_nothing_and_is_not_used_again() {
    if setup().is_none() {
        return;
    }
    let disabled = IoUring::builder().setup_r_disabled().build(MOST as u32).unwrap();
    let mut ring = Ring { ring: disabled, packets: Box::new([0; MOST * ROOM]), failed: false };
    let (ours, peer) = UnixDatagram::pair().unwrap();
    peer.set_nonblocking(true).unwrap();
    let mut refused = Vec::new();
    for _ in 0..2 {
        let mut tx = TxBatch::from_iter((0..5).map(|n| burst(n, 40, 0)));
        let outcome = ring.send(&mut tx, ours.as_fd(), put, |packet, errno| {
            refused.push((packet[0], errno));
            Ok(())
        });
        assert_eq!((outcome, ring.has_failed()), (Ok(()), true));
        assert_eq!(refused, (0..5).map(|n| (n, Errno::AGAIN)).collect::<Vec<_>>());
        assert_eq!(arrived(&peer), []);
    }
}
