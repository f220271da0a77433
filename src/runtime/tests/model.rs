//! The rules of waking, checked by loom: the real driver's loop over the real wire in memory, with
//! real stacks and sockets, in every order in which their threads may come to a lock (as long as no
//! more than a few of them are interrupted; `LOOM_MAX_PREEMPTIONS` says how many).
//!
//! A wake-up that is lost leaves every thread waiting, which loom reports as a deadlock. Each model
//! ends only if none is. Run with `RUSTFLAGS="--cfg glasstcp_loom" cargo test --lib model`.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use loom::future::block_on;
use loom::thread::{self, JoinHandle};

use super::super::driver::{Loop, Time};
use crate::device::Device;
use crate::device::memory::{self, Memory};
use crate::event::{Event, Observer};
use crate::net::{Net, TcpListener, TcpStream, UdpSocket, blocking};
use crate::stack::{Config, Stack};
use crate::time::Instant;
use crate::wire::{RxBatch, TxBatch};

const OURS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

/// Time stands still, and no deadline ever comes.
struct Still;

impl Time for Still {
    fn now(&self) -> Instant {
        Instant::ZERO
    }

    fn poll_expired(&mut self, _: Instant, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

/// What a thread of a model has for its stack, in words: a network stack takes more than loom gives.
const STACK_WORDS: usize = 1 << 15;

/// Runs `model` in every order in which threads are interrupted at most so many times.
fn check(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 20_000;
    builder.preemption_bound.get_or_insert(preemptions);
    let model = Arc::new(model);
    builder.check(move || {
        let model = Arc::clone(&model);
        spawn(move || model()).join().unwrap();
    });
}

fn spawn<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    thread::Builder::new().stack_size(STACK_WORDS).spawn(run).unwrap()
}

type Driving = JoinHandle<io::Result<()>>;

/// A stack whose driver runs on a thread of the model.
fn drive(ip: IpAddr, device: Memory) -> (Net, Driving) {
    let (net, side) = Net::new(Stack::new(Config::new(ip, 24, [1; 32])), || Instant::ZERO);
    let driver = Loop::new(side, device, Still, std::time::Duration::ZERO);
    (net, spawn(move || block_on(driver.run())))
}

fn bind(net: &Net, ip: IpAddr, port: u16) -> UdpSocket {
    block_on(UdpSocket::bind(net, (ip, port))).unwrap()
}

fn send(socket: &UdpSocket) {
    block_on(socket.send_to(b"x", (PEER, 7))).unwrap();
}

/// Waits at the other end of the wire for so many packets, without a driver.
fn await_packets(end: &mut Memory, mut count: usize) {
    let mut rx = RxBatch::new();
    while count > 0 {
        block_on(poll_fn(|cx| end.poll_readable(cx)));
        count -= end.receive(&mut rx, count).unwrap();
    }
}

/// Sends so many datagrams from the other end of the wire, by a stack without a driver.
fn send_from_peer(end: &mut Memory, count: usize) {
    let mut peer = Stack::new(Config::new(PEER, 24, [2; 32]));
    let socket = peer.udp_bind((PEER, 7).into()).unwrap();
    for _ in 0..count {
        peer.udp_send(socket, Bytes::from_static(b"x"), (OURS, 7).into()).unwrap();
    }
    let mut tx = TxBatch::new();
    peer.turn(Instant::ZERO, &mut RxBatch::new(), &mut tx).notify();
    end.send(&mut tx).unwrap();
}

/// The driver falls asleep while calls make work for it.
#[test]
fn output_is_sent_whenever_it_comes() {
    check(2, || {
        let (device, mut end) = memory::pair(1500);
        let (net, driving) = drive(OURS, device);
        let socket = bind(&net, OURS, 7);
        let sending = spawn(move || send(&socket));
        await_packets(&mut end, 1);
        sending.join().unwrap();
        net.stop();
        driving.join().unwrap().unwrap();
    });
}

/// Two callers at once, of which one may find the driver woken by the other.
#[test]
fn two_callers_are_both_heard() {
    check(1, || {
        let (device, mut end) = memory::pair(1500);
        let (net, driving) = drive(OURS, device);
        let sockets = [bind(&net, OURS, 7), bind(&net, OURS, 8)];
        let sending = sockets.map(|socket| spawn(move || send(&socket)));
        await_packets(&mut end, 2);
        sending.into_iter().for_each(|thread| thread.join().unwrap());
        net.stop();
        driving.join().unwrap().unwrap();
    });
}

/// A task asks for a datagram while the driver brings it.
#[test]
fn a_reader_sees_the_datagram_or_is_woken() {
    check(2, || {
        let (device, mut end) = memory::pair(1500);
        let (net, driving) = drive(OURS, device);
        let socket = bind(&net, OURS, 7);
        let reading = spawn(move || block_on(socket.recv_chunk_from()).unwrap());
        send_from_peer(&mut end, 1);
        assert_eq!(&reading.join().unwrap().0[..], b"x");
        net.stop();
        driving.join().unwrap().unwrap();
    });
}

/// A datagram comes to the one shard while the driver of the other, which has the socket, falls asleep.
#[test]
fn what_is_handed_over_is_seen_or_wakes_the_driver() {
    check(1, || {
        let config = Config::new(OURS, 24, [1; 32]).divided(2).map(Stack::new);
        let (net, sides) = Net::share(config, || Instant::ZERO);
        let (devices, mut ends): (Vec<_>, Vec<_>) = (0..2).map(|_| memory::pair(1500)).unzip();
        let drivers: Vec<Driving> = sides
            .into_iter()
            .zip(devices)
            .map(|(side, device)| {
                let driver = Loop::new(side, device, Still, std::time::Duration::ZERO);
                spawn(move || block_on(driver.run()))
            })
            .collect();
        let socket = bind(&net, OURS, 7);
        send_from_peer(&mut ends[1], 1);
        assert_eq!(&block_on(socket.recv_chunk_from()).unwrap().0[..], b"x");
        net.stop();
        drivers.into_iter().for_each(|driver| driver.join().unwrap().unwrap());
    });
}

/// Two threads wait at one gate, so with one waker; each gets one datagram.
#[test]
fn threads_at_one_gate_are_all_woken() {
    check(1, || {
        let (device, mut end) = memory::pair(1500);
        let (net, driving) = drive(OURS, device);
        let socket = blocking::UdpSocket::bind(&net, (OURS, 7)).unwrap();
        let clone = socket.try_clone().unwrap();
        let receive = |socket: blocking::UdpSocket| {
            spawn(move || assert_eq!(socket.recv_from(&mut [0; 8]).unwrap().0, 1))
        };
        let receiving = [receive(socket), receive(clone)];
        send_from_peer(&mut end, 2);
        receiving.into_iter().for_each(|thread| thread.join().unwrap());
        net.stop();
        driving.join().unwrap().unwrap();
    });
}

/// The driver is stopped while a thread comes to wait.
#[test]
fn nobody_waits_for_a_driver_that_stops() {
    check(2, || {
        let (device, _end) = memory::pair(1500);
        let (net, driving) = drive(OURS, device);
        let listener = blocking::TcpListener::bind(&net, (OURS, 7)).unwrap();
        let socket = bind(&net, OURS, 7);
        let accepting = spawn(move || listener.accept().unwrap_err());
        let receiving = spawn(move || block_on(socket.recv_chunk_from()).unwrap_err());
        net.stop();
        for waiting in [accepting, receiving] {
            assert_eq!(waiting.join().unwrap().kind(), io::ErrorKind::ConnectionAborted);
        }
        driving.join().unwrap().unwrap();
    });
}

/// The driver is dropped while a thread comes to wait.
#[test]
fn nobody_waits_for_a_driver_that_is_gone() {
    check(2, || {
        let (net, side) = Net::new(Stack::new(Config::new(OURS, 24, [1; 32])), || Instant::ZERO);
        let listener = block_on(TcpListener::bind(&net, (OURS, 7))).unwrap();
        let socket = blocking::UdpSocket::bind(&net, (OURS, 7)).unwrap();
        let accepting = spawn(move || block_on(listener.accept()).unwrap_err());
        let receiving = spawn(move || socket.recv_from(&mut [0; 8]).unwrap_err());
        drop(side);
        for waiting in [accepting, receiving] {
            assert_eq!(waiting.join().unwrap().kind(), io::ErrorKind::ConnectionAborted);
        }
    });
}

/// A bug in the stack, met by a call.
struct Bug;

impl Observer for Bug {
    fn observe(&mut self, _: Instant, _: &Event) {
        panic!("a bug, made for a test");
    }
}

/// A call panics while the driver falls asleep and another thread comes to wait.
#[test]
fn nobody_waits_for_a_stack_that_panicked() {
    check(2, || {
        let (device, _end) = memory::pair(1500);
        let (net, driving) = drive(OURS, device);
        net.set_observer(Some(Box::new(Bug)));
        let socket = bind(&net, OURS, 7);
        let receiving = spawn(move || block_on(socket.recv_chunk_from()).unwrap_err());
        let connecting =
            catch_unwind(AssertUnwindSafe(|| block_on(TcpStream::connect(&net, (PEER, 7)))));
        assert!(connecting.is_err(), "the observer saw nothing");
        assert!(receiving.join().unwrap().to_string().contains("panicked"));
        driving.join().unwrap().unwrap_err();
    });
}
