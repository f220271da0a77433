use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::device::Device;
use crate::device::impair::Spec;
use crate::device::memory::{self, Memory};
use crate::runtime::tests::run;

/// Two ends that are joined by a link with these rules, the task that moves packets between them, and the
/// link.
fn joined(rules: &str) -> (Memory, Memory, tokio::task::JoinHandle<io::Result<()>>, LinkHandle) {
    let (left, near) = memory::pair(1500);
    let (right, far) = memory::pair(1500);
    let link = LinkHandle::new(1);
    let spec: Spec = rules.parse().unwrap_or_else(|error| panic!("{error}"));
    link.apply(&spec).unwrap();
    let emulator = Emulator::new(near, far, link.clone(), Duration::from_micros(100)).unwrap();
    (left, right, tokio::spawn(emulator.run()), link)
}

fn send(end: &mut Memory, texts: &[&'static str]) {
    let mut packets = texts.iter().map(|text| Bytes::from_static(text.as_bytes())).collect();
    end.send_packets(&mut packets).unwrap();
    assert!(packets.is_empty());
}

async fn receive(end: &mut Memory, count: usize) -> Vec<String> {
    let mut rx = RxBatch::new();
    while rx.len() < count {
        poll_fn(|cx| end.poll_readable(cx)).await;
        end.receive(&mut rx, 64).unwrap();
    }
    rx.iter().map(|packet| String::from_utf8(packet.bytes.to_vec()).unwrap()).collect()
}

#[test]
fn packets_go_both_ways() {
    run(async {
        let (mut left, mut right, _moving, link) = joined("");
        send(&mut left, &["one", "two"]);
        send(&mut right, &["three"]);
        assert_eq!(receive(&mut right, 2).await, ["one", "two"]);
        assert_eq!(receive(&mut left, 1).await, ["three"]);
        assert_eq!(link.report()[0].counters.delivered.packets, 2);
        assert_eq!(link.report()[1].counters.delivered.bytes, 5);
    });
}

#[test]
fn out_is_from_the_near_end_to_the_far_one() {
    run(async {
        let rules = "out:drop:any:nth=1 in:drop:any:nth=2 delay=2ms";
        let (mut left, mut right, _moving, _link) = joined(rules);
        send(&mut left, &["lost", "one"]);
        send(&mut right, &["two", "lost", "three"]);
        assert_eq!(receive(&mut right, 1).await, ["one"]);
        assert_eq!(receive(&mut left, 2).await, ["two", "three"]);
    });
}

#[test]
fn a_delay_lasts_at_least_as_long_as_was_asked_for() {
    run(async {
        let (mut left, mut right, _moving, _link) = joined("delay=5ms");
        for text in ["one", "two", "three"] {
            let begun = Clock::new().now();
            send(&mut left, &[text]);
            assert_eq!(receive(&mut right, 1).await, [text]);
            assert!(Clock::new().now().since(begun) >= Duration::from_millis(5));
        }
    });
}

#[test]
fn a_change_moves_what_is_held() {
    run(async {
        let (mut left, mut right, _moving, link) = joined("rate=0");
        send(&mut left, &["one"]);
        while link.report()[0].counters.arrived.packets == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(link.report()[0].backlog, (1, 3));
        link.apply(&"rate=unlimited".parse().unwrap()).unwrap();
        assert_eq!(receive(&mut right, 1).await, ["one"]);
    });
}

/// A device that counts how often it is asked for packets, and may be gone when it shall take some.
#[derive(Debug)]
struct Probe {
    inner: Memory,
    asked: Arc<AtomicUsize>,
    gone: bool,
}

impl Device for Probe {
    fn mtu(&self) -> u16 {
        self.inner.mtu()
    }

    fn receive(&mut self, rx: &mut RxBatch, max: usize) -> io::Result<usize> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.inner.receive(rx, max)
    }

    fn send_packets(&mut self, packets: &mut VecDeque<Bytes>) -> io::Result<()> {
        if self.gone {
            return Err(io::Error::other("the device is gone"));
        }
        self.inner.send_packets(packets)
    }
}

impl AsyncDevice for Probe {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_readable(cx).map(Ok)
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_writable(cx).map(Ok)
    }
}

/// Two ends with a link of a millisecond, whose far device is a probe.
fn probed(gone: bool) -> (Memory, Memory, Emulator<Memory, Probe>, Arc<AtomicUsize>) {
    let (left, near) = memory::pair(1500);
    let (right, far) = memory::pair(1500);
    let asked = Arc::<AtomicUsize>::default();
    let far = Probe { inner: far, asked: Arc::clone(&asked), gone };
    let link = LinkHandle::new(1);
    link.apply(&"delay=1ms".parse().unwrap()).unwrap();
    let emulator = Emulator::new(near, far, link, Duration::ZERO).unwrap();
    (left, right, emulator, asked)
}

#[test]
fn a_full_device_is_waited_for_and_not_asked_again_and_again() {
    run(async {
        let (mut left, mut right, emulator, asked) = probed(false);
        let _moving = tokio::spawn(emulator.run());
        // More than fit into the wire to the right, which nobody reads.
        for _ in 0..30 {
            send(&mut left, &["text"; 100]);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let before = asked.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(50)).await;
        let more = asked.load(Ordering::Relaxed) - before;
        assert!(more < 100, "asked {more} times for nothing");
        assert_eq!(receive(&mut right, 3000).await.len(), 3000);
    });
}

#[test]
fn an_error_of_a_device_ends_it() {
    run(async {
        let (mut left, _right, emulator, _) = probed(true);
        send(&mut left, &["one"]);
        let error = emulator.run().await.unwrap_err();
        assert_eq!(error.to_string(), "the device is gone");
    });
}
