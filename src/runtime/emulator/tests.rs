use std::future::poll_fn;

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
    link.apply(&spec);
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
        assert_eq!(link.report(Direction::Out).counters.delivered.packets, 2);
        assert_eq!(link.report(Direction::In).counters.delivered.bytes, 5);
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
        while link.report(Direction::Out).counters.arrived.packets == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(link.report(Direction::Out).backlog, (1, 3));
        link.apply(&"rate=unlimited".parse().unwrap());
        assert_eq!(receive(&mut right, 1).await, ["one"]);
    });
}

#[test]
fn an_error_of_a_device_ends_it() {
    /// A device that is gone when something comes out.
    #[derive(Debug)]
    struct Gone(Memory);
    impl Device for Gone {
        fn mtu(&self) -> u16 {
            self.0.mtu()
        }
        fn receive(&mut self, rx: &mut RxBatch, max: usize) -> io::Result<usize> {
            self.0.receive(rx, max)
        }
        fn send_packets(&mut self, _: &mut VecDeque<Bytes>) -> io::Result<()> {
            Err(io::Error::other("the device is gone"))
        }
    }
    impl AsyncDevice for Gone {
        fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.0.poll_readable(cx).map(Ok)
        }
        fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.0.poll_writable(cx).map(Ok)
        }
    }
    run(async {
        let (mut left, near) = memory::pair(1500);
        let (_right, far) = memory::pair(1500);
        let link = LinkHandle::new(1);
        let emulator = Emulator::new(near, Gone(far), link, Duration::ZERO).unwrap();
        send(&mut left, &["one"]);
        let error = emulator.run().await.unwrap_err();
        assert_eq!(error.to_string(), "the device is gone");
    });
}
