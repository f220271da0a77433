//! When a call wakes the driver and when it does not, with a driver played by the test.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use futures_util::FutureExt;

use super::{CLIENT, SERVER, config};
use crate::net::{DriverSide, Net, UdpSocket};
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::{RxBatch, TxBatch};

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct World {
    net: Net,
    driver: DriverSide,
    socket: UdpSocket,
    count: Arc<Count>,
    waker: Waker,
}

fn world() -> World {
    let (net, driver) = Net::new(Stack::new(config(SERVER)), || Instant::ZERO);
    let socket = UdpSocket::bind(&net, (SERVER, 7)).now_or_never();
    let count = Arc::new(Count::default());
    World { net, driver, socket: socket.unwrap().unwrap(), waker: count.clone().into(), count }
}

impl World {
    fn falls_asleep(&self, device_full: bool) -> bool {
        self.driver.fall_asleep(&self.waker, device_full).is_some()
    }

    fn send(&self) {
        let sent = self.socket.send_to(b"x", (CLIENT, 7)).now_or_never();
        assert_eq!(sent.unwrap().unwrap(), 1);
    }

    /// The driver's turn.
    fn turn(&self) -> TxBatch {
        let mut tx = TxBatch::new();
        let received = self.driver.receive(Instant::ZERO, &mut RxBatch::new());
        received.unwrap().wakes.notify();
        while self.driver.transmit(Instant::ZERO, &mut tx).unwrap() {}
        tx
    }

    fn woken(&self) -> usize {
        self.count.0.load(Ordering::Relaxed)
    }
}

#[test]
fn output_wakes_a_driver_that_sleeps_once() {
    let world = world();
    assert!(world.falls_asleep(false));
    world.send();
    world.send();
    assert_eq!(world.woken(), 1);
    assert_eq!(world.turn().len(), 2);
}

#[test]
fn a_driver_does_not_sleep_before_its_work_is_done() {
    let world = world();
    world.send();
    assert!(!world.falls_asleep(false));
    world.turn();
    assert!(world.falls_asleep(false));
    assert_eq!(world.woken(), 0);
}

#[test]
fn a_driver_that_is_awake_is_not_woken() {
    let world = world();
    assert!(world.falls_asleep(false));
    world.turn();
    world.send();
    assert_eq!(world.woken(), 0);
}

#[test]
fn calls_without_output_wake_nobody() {
    let world = world();
    assert!(world.falls_asleep(false));
    assert!(world.socket.recv_chunk_from().now_or_never().is_none());
    world.net.counters();
    assert_eq!(world.woken(), 0);
}

#[test]
fn output_is_no_reason_to_wake_while_the_device_is_full() {
    let world = world();
    world.send();
    assert!(world.falls_asleep(true));
    world.send();
    assert_eq!(world.woken(), 0);
    world.net.stop();
    assert_eq!(world.woken(), 1);
    assert!(!world.falls_asleep(true));
}
