//! The parts of the driver, with a real clock.

#[cfg(glasstcp_loom)]
mod model;

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::clock::Clock;
use super::driver::{Loop, Time};
use super::timer::Timer;
use super::{AsyncDevice, start};
use crate::device::{Device, memory};
use crate::net::{Net, TcpListener};
use crate::stack::{Config, Stack};
use crate::time::Instant;
use crate::wire::{Burst, HeaderBuf, Packet, RxBatch, TxBatch};

pub(super) fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let patience = Duration::from_secs(30);
        tokio::time::timeout(patience, test).await.expect("the test hangs");
    });
}

pub(super) fn burst(byte: u8) -> Burst {
    Burst {
        header: HeaderBuf::from_iter([byte; 40]),
        ip_header_len: 20,
        protocol: 6,
        payload: Default::default(),
        payload_len: 0,
        segment_size: 0,
    }
}

#[test]
fn the_timer_is_neither_early_nor_very_late() {
    run(async {
        let clock = Clock::new();
        let mut timer = Timer::new(clock).unwrap();
        for millis in [1, 3, 0, 2, 20] {
            let deadline = clock.now() + Duration::from_millis(millis);
            poll_fn(|cx| timer.poll_expired(deadline, cx)).await.unwrap();
            let late = clock.now().since(deadline);
            assert!(clock.now() >= deadline);
            assert!(late < Duration::from_millis(500), "{late:?} late");
        }
    });
}

#[test]
fn an_alarm_for_an_earlier_deadline_comes_first() {
    run(async {
        let clock = Clock::new();
        let mut timer = Timer::new(clock).unwrap();
        let far = clock.now() + Duration::from_secs(3600);
        let near = clock.now() + Duration::from_millis(5);
        let soon = clock.now() + Duration::from_millis(30);
        let ready = poll_fn(|cx| Poll::Ready(timer.poll_expired(far, cx).is_ready())).await;
        assert!(!ready);
        poll_fn(|cx| timer.poll_expired(near, cx)).await.unwrap();
        // The alarm for `near` may go off once more; that must not be taken for this one.
        poll_fn(|cx| timer.poll_expired(soon, cx)).await.unwrap();
        assert!(clock.now() >= soon);
        let never = poll_fn(|cx| timer.poll_expired(Instant::FAR_FUTURE, cx));
        tokio::time::timeout(Duration::from_millis(20), never)
            .await
            .expect_err("there is no deadline");
    });
}

#[test]
fn a_stack_needs_a_runtime() {
    let (device, _) = crate::device::memory::pair(1500);
    let config = Config::new([10, 0, 0, 1].into(), 24, [1; 32]);
    let error = start(Stack::new(config), device).unwrap_err();
    assert!(error.to_string().contains("tokio runtime"), "{error}");
}

/// A device that is pulled out when the first packet arrives.
struct Pulled {
    inner: crate::device::memory::Memory,
}

impl Device for Pulled {
    fn mtu(&self) -> u16 {
        self.inner.mtu()
    }

    fn receive(&mut self, rx: &mut RxBatch, max: usize) -> io::Result<usize> {
        match self.inner.receive(rx, max)? {
            0 => Ok(0),
            _ => Err(io::Error::other("the cable was pulled")),
        }
    }

    fn send(&mut self, tx: &mut TxBatch) -> io::Result<()> {
        self.inner.send(tx)
    }

    fn send_packets(&mut self, packets: &mut VecDeque<Bytes>) -> io::Result<()> {
        self.inner.send_packets(packets)
    }
}

impl AsyncDevice for Pulled {
    fn poll_readable(&mut self, cx: &mut std::task::Context<'_>) -> Poll<io::Result<()>> {
        AsyncDevice::poll_readable(&mut self.inner, cx)
    }

    fn poll_writable(&mut self, cx: &mut std::task::Context<'_>) -> Poll<io::Result<()>> {
        AsyncDevice::poll_writable(&mut self.inner, cx)
    }
}

#[test]
fn an_error_of_the_device_ends_the_driver_and_every_call() {
    run(async {
        let (inner, mut peer) = crate::device::memory::pair(1500);
        let config = Config::new([10, 0, 0, 1].into(), 24, [1; 32]);
        let (net, driver) = start(Stack::new(config), Pulled { inner }).unwrap();
        let driver = tokio::spawn(driver);
        let listener = TcpListener::bind(&net, ([10, 0, 0, 1], 7)).await.unwrap();
        let accepting = tokio::spawn(async move { listener.accept().await.map(drop) });
        tokio::time::sleep(Duration::from_millis(5)).await;
        peer.send(&mut TxBatch::from_iter([burst(0)])).unwrap();

        let error = driver.await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "the cable was pulled");
        accepting.await.unwrap().unwrap_err();
        let error = TcpListener::bind(&net, ([10, 0, 0, 1], 8)).await.unwrap_err();
        assert!(error.to_string().contains("the cable was pulled"), "{error}");
    });
}

/// Gives packets in crowds, one crowd a millisecond, and notes how many the driver asks for at once.
struct Crowds {
    inner: crate::device::memory::Memory,
    asked: Arc<Mutex<Vec<usize>>>,
    waiting: usize,
}

impl Device for Crowds {
    fn mtu(&self) -> u16 {
        self.inner.mtu()
    }

    fn receive(&mut self, rx: &mut RxBatch, max: usize) -> io::Result<usize> {
        self.asked.lock().unwrap().push(max);
        let count = max.min(self.waiting);
        self.waiting -= count;
        rx.extend((0..count).map(|_| Packet::new(vec![0x45; 40].into())));
        Ok(count)
    }

    fn send(&mut self, tx: &mut TxBatch) -> io::Result<()> {
        self.inner.send(tx)
    }

    fn send_packets(&mut self, packets: &mut VecDeque<Bytes>) -> io::Result<()> {
        self.inner.send_packets(packets)
    }
}

impl AsyncDevice for Crowds {
    fn poll_readable(&mut self, cx: &mut std::task::Context<'_>) -> Poll<io::Result<()>> {
        self.waiting = 8;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_writable(&mut self, _: &mut std::task::Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A clock that goes on by a millisecond whenever the driver sleeps.
struct Ticks(Cell<Instant>);

impl Time for Ticks {
    fn now(&self) -> Instant {
        self.0.get()
    }

    fn poll_expired(&mut self, _: Instant, _: &mut std::task::Context<'_>) -> Poll<io::Result<()>> {
        self.0.set(self.0.get() + Duration::from_millis(1));
        Poll::Pending
    }
}

#[test]
fn a_driver_that_sleeps_often_takes_batches_all_the_same() {
    run(async {
        let asked = Arc::default();
        let (inner, _peer) = crate::device::memory::pair(1500);
        let device = Crowds { inner, asked: Arc::clone(&asked), waiting: 1 };
        let stack = Stack::new(Config::new([10, 0, 0, 1].into(), 24, [1; 32]));
        let (net, side) = Net::new(stack, || Instant::ZERO);
        let driver = tokio::spawn(
            Loop::new(side, device, Ticks(Cell::default()), std::time::Duration::ZERO).run(),
        );
        while asked.lock().unwrap().len() < 200 {
            tokio::task::yield_now().await;
        }
        net.stop();
        driver.await.unwrap().unwrap();
        // It begins with a packet that comes singly, and is not fooled by that for long.
        let asked = asked.lock().unwrap();
        assert!(asked.contains(&1), "{asked:?}");
        assert!(asked[100..].iter().all(|&max| max > 1), "{asked:?}");
    });
}

/// Tasks that are started for new connections answer before their requests are acknowledged.
#[test]
fn the_first_answer_of_a_connection_acknowledges_its_request() {
    run(async {
        let (device, mut end) = memory::pair(1500);
        let config = |last| Config::new([10, 0, 0, last].into(), 24, [last; 32]);
        let (server, driver) = start(Stack::new(config(1)), device).unwrap();
        tokio::spawn(driver);
        let listener = TcpListener::bind(&server, ([10, 0, 0, 1], 7)).await.unwrap();
        let _accepting = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let request = stream.read_u8().await.unwrap();
                    stream.write_u8(request + 1).await.unwrap();
                    stream.read_u8().await
                });
            }
        });
        // A peer without a driver, whose last packets of handshakes and requests come together.
        let mut peer = Stack::new(config(2));
        let mut cx = Context::from_waker(Waker::noop());
        let keys = [(); 2].map(|()| peer.connect(None, ([10, 0, 0, 1], 7).into(), None).unwrap());
        let (mut rx, mut tx) = (RxBatch::new(), TxBatch::new());
        peer.turn(Instant::ZERO, &mut rx, &mut tx).notify();
        end.send(&mut tx).unwrap();
        poll_fn(|cx| end.poll_readable(cx)).await;
        assert_eq!(end.receive(&mut rx, 9).unwrap(), 2, "a SYN-ACK for each");
        peer.turn(Instant::ZERO, &mut rx, &mut tx).notify();
        for key in keys {
            assert!(peer.poll_send(key, &[1], &mut cx).is_ready());
        }
        peer.turn(Instant::ZERO, &mut rx, &mut tx).notify();
        assert_eq!(tx.len(), 4);
        end.send(&mut tx).unwrap();
        poll_fn(|cx| end.poll_readable(cx)).await;
        end.receive(&mut rx, 9).unwrap();
        peer.turn(Instant::ZERO, &mut rx, &mut tx).notify();
        for answer in keys.map(|key| peer.poll_receive(key, 9, &mut cx)) {
            assert!(matches!(&answer, Poll::Ready(Ok(text)) if text[..] == [2]), "{answer:?}");
        }
        assert_eq!(server.counters().bursts_sent, 4, "a SYN-ACK and an answer for each");
    });
}

#[test]
fn giving_memory_back_leaves_alone_what_is_in_use() {
    let pieces: Vec<Vec<u8>> = (0..1000).map(|at| vec![at as u8; 4096]).collect();
    let kept: Vec<Vec<u8>> = pieces.into_iter().step_by(2).collect();
    crate::runtime::memory::give_back();
    assert!(kept.iter().enumerate().all(|(at, piece)| piece.iter().all(|&b| b == (2 * at) as u8)));
}
