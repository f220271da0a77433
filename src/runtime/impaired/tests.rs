use std::future::poll_fn;

use super::*;
use crate::device::impair::{Effect, Spec};
use crate::device::memory::{self, Memory};
use crate::runtime::tests::{burst, run};
use crate::runtime::{LinkWatch, Passage};
use crate::wire::checksum::Sum;

fn spec(text: &str) -> Spec {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// A device behind a link with these rules, the other end of its wire, and the link.
fn impaired(rules: &str) -> (Impaired<Memory>, Memory, LinkHandle) {
    let (device, peer) = memory::pair(1500);
    let link = LinkHandle::new(1);
    if !rules.is_empty() {
        link.apply(&spec(rules)).unwrap();
    }
    (Impaired::new(device, link.clone()).unwrap(), peer, link)
}

/// Packets that were told apart by their number, which is in their checksum's place.
fn received(device: &mut impl Device) -> Vec<Bytes> {
    let mut rx = RxBatch::new();
    device.receive(&mut rx, 64).unwrap();
    rx.into_iter().map(|packet| packet.bytes).collect()
}

fn bursts(numbers: std::ops::Range<u8>) -> TxBatch {
    numbers.map(burst).collect()
}

/// What these bursts are on a wire without impairments.
fn plain(numbers: std::ops::Range<u8>) -> Vec<Bytes> {
    let (mut one, mut other) = memory::pair(1500);
    one.send(&mut bursts(numbers)).unwrap();
    received(&mut other)
}

#[test]
fn a_link_that_does_nothing_is_passed_by() {
    run(async {
        let (mut device, mut peer, link) = impaired("");
        device.send(&mut bursts(0..3)).unwrap();
        assert_eq!(received(&mut peer), plain(0..3));
        peer.send(&mut bursts(0..2)).unwrap();
        assert_eq!(received(&mut device), plain(0..2));
        assert!(link.report().iter().all(|lane| lane.counters.arrived.packets == 0));
        assert_eq!(device.mtu(), 1500);
    });
}

#[test]
fn rules_meet_the_packets_of_their_direction() {
    run(async {
        let (mut device, mut peer, link) = impaired("out:drop:any:nth=2 in:drop:any:nth=1");
        device.send(&mut bursts(0..3)).unwrap();
        assert_eq!(received(&mut peer), [plain(0..1), plain(2..3)].concat());
        device.send_packets(&mut plain(3..4).into()).unwrap();
        assert_eq!(received(&mut peer), plain(3..4));
        peer.send(&mut bursts(0..2)).unwrap();
        assert_eq!(received(&mut device), plain(1..2));
        assert_eq!(link.report()[1].counters.count(Effect::RuleDropped), 1);
        assert_eq!(link.report()[0].counters.delivered.packets, 3);
    });
}

#[test]
fn what_was_corrupted_arrives_so_and_is_not_mended() {
    run(async {
        let (mut device, mut peer, _) = impaired("corrupt=100%");
        device.send(&mut bursts(0..1)).unwrap();
        peer.send(&mut bursts(0..1)).unwrap();
        let whole = plain(0..1).remove(0);
        assert_eq!(Sum::new().add_bytes(&whole[..20]).finish(), 0, "a header that is right");
        for packet in [received(&mut peer), received(&mut device)].concat() {
            assert_eq!(packet.len(), whole.len());
            let bits = |(one, other): (&u8, &u8)| (one ^ other).count_ones();
            assert_eq!(packet.iter().zip(&whole).map(bits).sum::<u32>(), 1);
        }
    });
}

#[test]
fn a_sleeping_driver_is_woken_when_a_packet_is_due() {
    run(async {
        let (mut device, mut peer, _) = impaired("delay=3ms");
        device.send(&mut bursts(0..1)).unwrap();
        peer.send(&mut bursts(1..2)).unwrap();
        assert!(received(&mut device).is_empty());
        let mut out = Vec::new();
        let mut back = Vec::new();
        while out.is_empty() || back.is_empty() {
            poll_fn(|cx| device.poll_readable(cx)).await.unwrap();
            back.extend(received(&mut device));
            out.extend(received(&mut peer));
        }
        assert_eq!((out, back), (plain(0..1), plain(1..2)));
    });
}

#[test]
fn a_change_of_the_link_wakes_a_sleeping_driver_and_clear_lets_it_be_passed_by() {
    run(async {
        let (mut device, mut peer, link) = impaired("rate=0");
        device.send(&mut bursts(0..1)).unwrap();
        let mut changed = false;
        poll_fn(|cx| {
            let ready = device.poll_readable(cx);
            if !std::mem::replace(&mut changed, true) {
                assert!(ready.is_pending(), "nothing moves at no rate");
                link.apply(&spec("clear")).unwrap();
            }
            ready
        })
        .await
        .unwrap();
        received(&mut device);
        assert_eq!(received(&mut peer), plain(0..1));
        assert!(!link.is_active());
        device.send(&mut bursts(1..2)).unwrap();
        assert_eq!(received(&mut peer), plain(1..2));
        assert_eq!(link.report()[0].counters.arrived.packets, 1);
    });
}

#[test]
fn what_the_device_does_not_take_waits_until_it_does() {
    run(async {
        let (mut device, mut peer, _) = impaired("out:drop:any:nth=1");
        // More than fit into the wire.
        let mut sent = 0;
        for _ in 0..6 {
            device.send(&mut bursts(0..250)).unwrap();
            sent += 250;
        }
        let mut arrived = 0;
        while arrived < sent - 1 {
            let more = received(&mut peer).len();
            arrived += more;
            if more == 0 {
                poll_fn(|cx| device.poll_readable(cx)).await.unwrap();
                received(&mut device);
            }
        }
        assert!(received(&mut peer).is_empty());
    });
}

#[test]
fn a_watch_sees_what_passes_and_what_is_done() {
    #[derive(Clone, Default)]
    struct Seen(std::sync::Arc<std::sync::Mutex<Vec<String>>>);
    impl LinkWatch for Seen {
        fn packet(&mut self, _: Instant, passage: Passage, _: &Bytes) {
            self.0.lock().unwrap().push(format!("{passage:?}"));
        }
        fn decision(&mut self, direction: Direction, decision: &crate::device::impair::Decision) {
            self.0.lock().unwrap().push(crate::observe::text::decision(direction, decision));
        }
    }
    run(async {
        let (mut device, mut peer, link) = impaired("out:drop:any:nth=2");
        let seen = Seen::default();
        link.set_watch(Some(Box::new(seen.clone())));
        device.send(&mut bursts(0..2)).unwrap();
        assert_eq!(received(&mut peer).len(), 1);
        let len = plain(1..2)[0].len();
        let dropped = format!("link (out): {len} bytes, rule dropped");
        let expected = ["Enters(Out)", "Enters(Out)", &dropped, "Leaves(Out)"];
        assert_eq!(*seen.0.lock().unwrap(), expected);
    });
}
