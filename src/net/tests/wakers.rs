//! What becomes of the wakers that the stack keeps, with a driver played by the test.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use futures_util::FutureExt;
use tokio::io::{AsyncBufRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::{CLIENT, PATIENCE, SERVER, config, connected, run, until, world, world_of};
use crate::device::Device;
use crate::device::memory;
use crate::event::{Event, Observer};
use crate::net::{DriverSide, Net, TcpListener, TcpStream, UdpSocket};
use crate::stack::{Config, Stack};
use crate::time::Instant;
use crate::wire::{RxBatch, TxBatch};

#[derive(Default)]
struct Count(AtomicUsize);

impl Count {
    fn new() -> (Arc<Count>, Waker) {
        let count = Arc::new(Count::default());
        (count.clone(), count.into())
    }

    fn woken(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn start() -> (Net, DriverSide) {
    Net::new(Stack::new(config(SERVER)), || Instant::ZERO)
}

fn listen(net: &Net) -> TcpListener {
    TcpListener::bind(net, (SERVER, 7)).now_or_never().unwrap().unwrap()
}

fn bind(net: &Net) -> UdpSocket {
    UdpSocket::bind(net, (SERVER, 7)).now_or_never().unwrap().unwrap()
}

/// Packets go to and fro between our stack and a peer without a driver, until the connection stands.
fn connect(net: &Net, driver: &DriverSide) -> TcpStream {
    let (mut ours, mut theirs) = memory::pair(1500);
    let mut peer = Stack::new(config(CLIENT));
    peer.listen((CLIENT, 7).into(), 1).unwrap();
    let mut connecting = Box::pin(TcpStream::connect(net, (CLIENT, 7)));
    let (mut rx, mut tx) = (RxBatch::new(), TxBatch::new());
    loop {
        if let Some(connected) = connecting.as_mut().now_or_never() {
            return connected.unwrap();
        }
        while driver.transmit(Instant::ZERO, &mut tx).unwrap() {}
        ours.send(&mut tx).unwrap();
        theirs.receive(&mut rx, 64).unwrap();
        peer.turn(Instant::ZERO, &mut rx, &mut tx).notify();
        theirs.send(&mut tx).unwrap();
        ours.receive(&mut rx, 64).unwrap();
        driver.receive(Instant::ZERO, &mut rx).unwrap().wakes.notify();
    }
}

/// A task that a waker was the last to hold, and that holds a stack.
struct Last(Net);

impl Wake for Last {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Last {
    fn drop(&mut self) {
        self.0.counters();
    }
}

/// With the last waker of a task goes the task, and the sockets it owns take the lock.
#[test]
fn wakers_are_dropped_outside_of_the_lock() {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        let (net, driver) = start();
        let last = || Waker::from(Arc::new(Last(net.clone())));
        let (listener, socket) = (listen(&net), bind(&net));
        let mut stream = connect(&net, &driver);
        let mut wait = |waker: Waker| {
            let cx = &mut Context::from_waker(&waker);
            assert!(listener.poll_accept(cx).is_pending());
            assert!(Box::pin(socket.recv_chunk_from()).as_mut().poll(cx).is_pending());
            assert!(stream.poll_read_chunk(cx, 1).is_pending());
        };
        wait(last());
        wait(last());
        drop((listener, socket, stream));
        done.send(()).unwrap();
    });
    is_done.recv_timeout(PATIENCE).expect("a waker was dropped under the lock");
}

/// Tasks that gave up waiting are not kept until a connection comes.
#[test]
fn a_listener_remembers_one_task() {
    let (net, _driver) = start();
    let listener = listen(&net);
    let (first, waker) = Count::new();
    assert!(listener.poll_accept(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    assert_eq!(Arc::strong_count(&first), 2);
    assert!(listener.poll_accept(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(Arc::strong_count(&first), 1);
    assert_eq!(first.woken(), 0);
}

/// Who has read all there is need not ask again before it is woken.
#[test]
fn a_reader_that_has_emptied_the_stream_is_woken_for_more() {
    run(async {
        let world = world();
        let (mut client, mut server) = connected(&world).await;
        let (count, waker) = Count::new();
        let mut read = |room: usize| {
            let mut text = vec![0; room];
            let mut buf = ReadBuf::new(&mut text);
            let cx = &mut Context::from_waker(&waker);
            let dry = server.poll_read_dry(cx, &mut buf).map(Result::unwrap);
            (dry, buf.filled().to_vec())
        };
        assert_eq!(read(9), (Poll::Pending, vec![]));
        for times in 1..5 {
            client.write_all(b"more").await.unwrap();
            until(|| count.woken() == times).await;
            assert_eq!(read(9), (Poll::Ready(true), b"more".to_vec()));
        }
        client.write_all(b"just").await.unwrap();
        until(|| count.woken() == 5).await;
        // A buffer that is full tells nothing, and nor does the end.
        assert_eq!(read(4), (Poll::Ready(false), b"just".to_vec()));
        assert_eq!(read(4), (Poll::Pending, vec![]));
        client.shutdown().await.unwrap();
        until(|| count.woken() == 6).await;
        assert_eq!(read(4), (Poll::Ready(false), vec![]));
    });
}

/// The same for who reads it where it lies; what lies behind the first piece is not forgotten.
#[test]
fn a_reader_that_was_shown_all_there_is_is_woken_for_more() {
    run(async {
        let world = world();
        let (mut client, mut server) = connected(&world).await;
        let (count, waker) = Count::new();
        let mut fill = || {
            let mut reader = server.split().0;
            let cx = &mut Context::from_waker(&waker);
            let shown = reader.poll_fill_dry(cx).map(Result::unwrap);
            let shown = shown.map(|(text, dry)| (text.len(), dry));
            if let Poll::Ready((len, _)) = shown {
                Pin::new(&mut reader).consume(len);
            }
            shown
        };
        assert_eq!(fill(), Poll::Pending);
        for times in 1..5 {
            client.write_all(b"more").await.unwrap();
            until(|| count.woken() == times).await;
            assert_eq!(fill(), Poll::Ready((4, true)));
        }
        // Two pieces: after the first the reader must come again.
        client.write_all(&[1; 2000]).await.unwrap();
        until(|| client.info().unwrap().bytes_acked == 16 + 2000).await;
        let Poll::Ready((first, false)) = fill() else { panic!("the second piece is forgotten") };
        assert_eq!(fill(), Poll::Ready((2000 - first, false)));
        assert_eq!(fill(), Poll::Pending);
        client.shutdown().await.unwrap();
        until(|| count.woken() == 6).await;
        assert_eq!(fill(), Poll::Ready((0, false)));
    });
}

/// Pieces that are too long to be taken over together are not cut: each is shown by itself, and whole.
#[test]
fn long_pieces_are_shown_one_by_one() {
    const EACH: usize = 50_000;
    run(async {
        let [mut server, client] = [SERVER, CLIENT].map(|ip| Config { mtu: 65_535, ..config(ip) });
        (server.tcp.receive_buffer, server.tcp.receive_buffer_initial) = (1 << 20, 1 << 20);
        let world = world_of(server, client);
        let (mut client, mut server) = connected(&world).await;
        client.set_nodelay(true).unwrap();
        for piece in 1..4 {
            client.write_all(&[piece; EACH]).await.unwrap();
            until(|| client.info().unwrap().bytes_acked == u64::from(piece) * EACH as u64).await;
        }
        for piece in 1..4 {
            let mut reader = server.split().0;
            let cx = &mut Context::from_waker(Waker::noop());
            let Poll::Ready(Ok((text, dry))) = reader.poll_fill_dry(cx) else { panic!("{piece}") };
            assert_eq!((text, dry), (&[piece; EACH][..], piece == 3));
            Pin::new(&mut reader).consume(EACH);
        }
    });
}

/// A device that takes nothing is no reason to let a task wait for what has been decided.
#[test]
fn a_call_wakes_others_although_the_device_is_full() {
    let (net, driver) = start();
    let mut stream = connect(&net, &driver);
    let (writer, waker) = Count::new();
    let mut write =
        |data: &[u8]| Pin::new(&mut stream).poll_write(&mut Context::from_waker(&waker), data);
    while let Poll::Ready(written) = write(&[0; 65_536]) {
        assert!(written.unwrap() > 0);
    }
    assert!(driver.fall_asleep(Waker::noop(), true).is_some());
    assert_eq!(writer.woken(), 0);
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(matches!(Pin::new(&mut stream).poll_shutdown(cx), Poll::Ready(Ok(()))));
    assert_eq!(writer.woken(), 1);
}

/// A bug in the stack: it panics under the lock.
struct Bug;

impl Observer for Bug {
    fn observe(&mut self, _: Instant, _: &Event) {
        panic!("a bug, made for a test");
    }
}

/// The driver is woken to end the stack, even if nothing else would ever wake it.
#[test]
fn a_panic_of_a_call_wakes_the_driver() {
    let (net, driver) = start();
    let socket = bind(&net);
    let ((task, waker), (driving, driver_waker)) = (Count::new(), Count::new());
    let mut receiving = Box::pin(socket.recv_chunk_from());
    assert!(receiving.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    net.set_observer(Some(Box::new(Bug)));
    assert!(driver.fall_asleep(&driver_waker, false).is_some());
    let connect = || TcpStream::connect(&net, (CLIENT, 7)).now_or_never().map(drop);
    catch_unwind(AssertUnwindSafe(connect)).expect_err("the observer saw nothing");
    assert_eq!(driving.woken(), 1);
    assert!(driver.receive(Instant::ZERO, &mut RxBatch::new()).is_err());
    drop(driver);
    assert_eq!(task.woken(), 1);
    let error = receiving.now_or_never().unwrap().unwrap_err();
    assert!(error.to_string().contains("panicked"), "{error}");
}
