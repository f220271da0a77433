use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::device::{Device, memory};
use crate::net::blocking::TcpListener;
use crate::stack::Config;
use crate::wire::{RxBatch, TxBatch};

fn stack() -> Stack {
    Stack::new(Config::new([10, 0, 0, 1].into(), 24, [1; 32]))
}

/// Waits for the end of the thread, and fails when it does not come.
fn join(thread: JoinHandle<io::Result<()>>) -> io::Result<()> {
    for _ in 0..60_000 {
        if thread.is_finished() {
            return thread.join().expect("no panic");
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("the thread does not end");
}

#[test]
fn the_thread_ends_when_it_is_stopped() {
    let (net, thread) = start_thread(stack(), memory::pair(1500).0).unwrap();
    assert_eq!(thread.thread().name(), Some("glasstcp"));
    let _listener = TcpListener::bind(&net, "10.0.0.1:1").unwrap();
    assert!(!thread.is_finished());
    net.stop();
    join(thread).unwrap();
}

#[test]
fn it_can_be_started_from_a_task() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let started = runtime.block_on(async { start_thread(stack(), memory::pair(1500).0) });
    let (net, thread) = started.unwrap();
    net.stop();
    join(thread).unwrap();
}

#[test]
fn why_there_is_no_device_is_told() {
    let no_device = || -> io::Result<memory::Memory> { Err(io::Error::other("no cable")) };
    let error = start_thread_with(stack(), no_device).unwrap_err();
    assert_eq!(error.to_string(), "no cable");

    let bug = || -> io::Result<memory::Memory> { panic!("a bug, made for a test") };
    let error = start_thread_with(stack(), bug).unwrap_err();
    assert!(error.to_string().contains("panicked"), "{error}");
}

/// A device that fails at its first packet.
struct Broken(memory::Memory);

impl Device for Broken {
    fn mtu(&self) -> u16 {
        self.0.mtu()
    }

    fn receive(&mut self, rx: &mut RxBatch, max: usize) -> io::Result<usize> {
        self.0.receive(rx, max)
    }

    fn send(&mut self, _: &mut TxBatch) -> io::Result<()> {
        Err(io::Error::other("the cable burns"))
    }

    fn send_packets(&mut self, _: &mut VecDeque<Bytes>) -> io::Result<()> {
        Err(io::Error::other("the cable burns"))
    }
}

impl AsyncDevice for Broken {
    fn poll_readable(
        &mut self,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        self.0.poll_readable(cx).map(Ok)
    }

    fn poll_writable(
        &mut self,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        self.0.poll_writable(cx).map(Ok)
    }
}

#[test]
fn a_device_that_fails_ends_the_thread_and_every_call() {
    let (net, thread) = start_thread(stack(), Broken(memory::pair(1500).0)).unwrap();
    let connecting = crate::net::blocking::TcpStream::connect(&net, "10.0.0.2:1");
    assert_eq!(connecting.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
    assert_eq!(join(thread).unwrap_err().to_string(), "the cable burns");
    let error = TcpListener::bind(&net, "10.0.0.1:1").unwrap_err();
    assert!(error.to_string().contains("the cable burns"), "{error}");
}
