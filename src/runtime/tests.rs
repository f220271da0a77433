//! The parts of the driver, each with a real file descriptor and a real clock.

#[cfg(glasstcp_loom)]
mod model;

use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::task::Poll;
use std::time::Duration;

use super::clock::Clock;
use super::device::BUSY;
use super::driver::Time;
use super::timer::Timer;
use super::{AsyncDevice, FdDevice, start};
use crate::device::Device;
use crate::net::TcpListener;
use crate::stack::{Config, Stack};
use crate::time::Instant;
use crate::wire::{Burst, HeaderBuf, Packet, RxBatch, TxBatch};

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let patience = Duration::from_secs(30);
        tokio::time::timeout(patience, test).await.expect("the test hangs");
    });
}

/// A device behind a descriptor: one datagram is one packet.
struct Datagrams {
    socket: UnixDatagram,
}

impl Datagrams {
    fn pair() -> (Datagrams, UnixDatagram) {
        let (socket, peer) = UnixDatagram::pair().unwrap();
        for socket in [&socket, &peer] {
            socket.set_nonblocking(true).unwrap();
        }
        (Datagrams { socket }, peer)
    }
}

impl AsFd for Datagrams {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Device for Datagrams {
    fn mtu(&self) -> u16 {
        1500
    }

    fn receive(&mut self, rx: &mut RxBatch, max: usize) -> io::Result<usize> {
        let mut buf = [0; 1500];
        for count in 0..max {
            match self.socket.recv(&mut buf) {
                Ok(len) => rx.push_back(Packet::new(buf[..len].to_vec().into())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(count),
                Err(error) => return Err(error),
            }
        }
        Ok(max)
    }

    fn send(&mut self, tx: &mut TxBatch) -> io::Result<()> {
        while let Some(burst) = tx.front() {
            match self.socket.send(&burst.header) {
                Ok(_) => drop(tx.pop_front()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn burst(byte: u8) -> Burst {
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
fn a_device_is_readable_until_it_was_drained() {
    run(async {
        let (device, peer) = Datagrams::pair();
        let mut device = FdDevice::new(device).unwrap();
        let mut rx = RxBatch::new();
        for _ in 0..3 {
            for number in 0..5 {
                peer.send(&[number]).unwrap();
            }
            // Not drained: ready again at once, with no new datagram.
            poll_fn(|cx| device.poll_readable(cx)).await.unwrap();
            assert_eq!(device.receive(&mut rx, 4).unwrap(), 4);
            poll_fn(|cx| device.poll_readable(cx)).await.unwrap();
            assert_eq!(device.receive(&mut rx, 4).unwrap(), 1);
            // Drained: no longer ready, until the next arrives; it is found without waiting, too.
            let ready = poll_fn(|cx| Poll::Ready(device.poll_readable(cx).is_ready())).await;
            assert!(!ready);
            assert_eq!(device.receive(&mut rx, 4).unwrap(), 0);
            peer.send(&[5]).unwrap();
            assert_eq!(device.receive(&mut rx, 4).unwrap(), 1);
        }
        assert_eq!(rx.len(), 18);
    });
}

#[test]
fn a_full_device_says_when_there_is_room() {
    run(async {
        let (device, peer) = Datagrams::pair();
        let mut device = FdDevice::new(device).unwrap();
        let mut tx: TxBatch = (0..=255).cycle().take(5000).map(burst).collect();
        let mut received = 0;
        while received < 5000 {
            poll_fn(|cx| device.poll_writable(cx)).await.unwrap();
            let before = tx.len();
            device.send(&mut tx).unwrap();
            assert!(tx.len() < before || before == 0);
            while peer.recv(&mut [0; 64]).is_ok() {
                received += 1;
            }
        }
        assert!(tx.is_empty());
    });
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

#[test]
fn a_device_that_was_busy_is_waited_for_again() {
    run(async {
        let (device, peer) = Datagrams::pair();
        let mut device = FdDevice::new(device).unwrap();
        let mut rx = RxBatch::new();
        for _ in 0..3 {
            // Many batches that nobody waits for, more than make a device count as busy: none is lost.
            rx.clear();
            for number in 0..2 * BUSY {
                peer.send(&number.to_be_bytes()).unwrap();
                device.receive(&mut rx, 4).unwrap();
            }
            while device.receive(&mut rx, 4).unwrap() > 0 {}
            assert_eq!(rx.len() as u32, 2 * BUSY);
            // What arrives before anybody waits counts, and so does what arrives after.
            peer.send(&[1]).unwrap();
            poll_fn(|cx| device.poll_readable(cx)).await.unwrap();
            assert_eq!(device.receive(&mut rx, 4).unwrap(), 1);
            let ready = poll_fn(|cx| Poll::Ready(device.poll_readable(cx).is_ready())).await;
            assert!(!ready);
            peer.send(&[2]).unwrap();
            poll_fn(|cx| device.poll_readable(cx)).await.unwrap();
            assert_eq!(device.receive(&mut rx, 4).unwrap(), 1);
        }
    });
}

#[test]
fn giving_memory_back_leaves_alone_what_is_in_use() {
    let pieces: Vec<Vec<u8>> = (0..1000).map(|at| vec![at as u8; 4096]).collect();
    let kept: Vec<Vec<u8>> = pieces.into_iter().step_by(2).collect();
    crate::runtime::memory::give_back();
    assert!(kept.iter().enumerate().all(|(at, piece)| piece.iter().all(|&b| b == (2 * at) as u8)));
}
