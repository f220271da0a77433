//! The core allocates nothing for a segment, once a connection is warm.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use glasstcp::device::{gso, pool::Pool};
use glasstcp::stack::{Config, ConnKey, Stack};
use glasstcp::time::{Duration, Instant};
use glasstcp::wire::{Packet, RxBatch, TxBatch};

use super::allocator;

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 9, 0, 1));
const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 9, 0, 2)), 80);
/// Turns until buffers and windows are as large as they become.
const WARM: usize = 1000;

/// A stack with one connection, and what it allocates.
struct Side {
    stack: Stack,
    key: ConnKey,
    rx: RxBatch,
    tx: TxBatch,
    allocations: usize,
    /// Packets that have come.
    packets: usize,
}

fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

impl Side {
    fn new(stack: Stack, key: ConnKey) -> Side {
        let (rx, tx) = (RxBatch::new(), TxBatch::new());
        Side { stack, key, rx, tx, allocations: 0, packets: 0 }
    }

    /// A turn as the driver has it, with the tasks in its middle.
    fn turn(&mut self, now: Instant, task: impl FnOnce(&mut Stack, ConnKey)) {
        self.packets += self.rx.len();
        let before = allocator::now().allocations;
        drop(self.stack.receive(now, &mut self.rx));
        task(&mut self.stack, self.key);
        while self.stack.transmit(now, &mut self.tx) {}
        self.allocations += allocator::now().allocations - before;
    }

    /// Gives what was sent to the other; what that takes is not counted.
    fn send_to(&mut self, other: &mut Side) {
        for burst in self.tx.drain(..) {
            gso::cut_whole(burst, |packet| other.rx.push_back(Packet::new(packet)));
        }
    }
}

/// Runs `turns` after those that warm up, and says for each side how many allocations there were, and packets.
fn counted(
    turns: usize,
    mut client_task: impl FnMut(&mut Stack, ConnKey),
    mut server_task: impl FnMut(&mut Stack, ConnKey),
) -> [(usize, usize); 2] {
    let mut client = Stack::new(Config::new(CLIENT, 24, [1; 32]));
    let mut server = Stack::new(Config::new(SERVER.ip(), 24, [2; 32]));
    let listener = server.listen(SERVER, 16).expect("the port is free");
    let key = client.connect(None, SERVER, None).expect("it opens");
    let (mut client, mut server) = (Side::new(client, key), Side::new(server, key));
    let mut now = Instant::from_millis(1000);
    let mut turn = |client: &mut Side, server: &mut Side, works: bool| {
        client.turn(now, |stack, key| {
            if works {
                client_task(stack, key)
            }
        });
        client.send_to(server);
        server.turn(now, |stack, key| {
            if works {
                server_task(stack, key)
            }
        });
        server.send_to(client);
        now += Duration::from_micros(100);
    };
    (0..4).for_each(|_| turn(&mut client, &mut server, false));
    let Poll::Ready(Ok((key, _))) = server.stack.poll_accept(listener, &mut cx()) else {
        panic!("the handshake did not end");
    };
    server.key = key;
    for nth in 0..WARM + turns {
        if nth == WARM {
            for side in [&mut client, &mut server] {
                (side.allocations, side.packets) = (0, 0);
            }
        }
        turn(&mut client, &mut server, true);
    }
    [client, server].map(|side| (side.allocations, side.packets))
}

#[test]
fn nothing_is_allocated_for_bulk_text() {
    let text = Bytes::from(vec![7; 1 << 16]);
    let write = |stack: &mut Stack, key| {
        let mut text = text.clone();
        let written = stack.poll_send_chunk(key, &mut text, &mut cx());
        assert!(matches!(written, Poll::Ready(Ok(1..))));
    };
    let read = |stack: &mut Stack, key| {
        let _ = stack.poll_receive_all(key, usize::MAX, &mut cx(), drop);
    };
    let [client, server] = counted(2000, write, read);
    assert!(client.1 >= 2000 && server.1 >= 80_000, "{client:?} {server:?}");
    assert_eq!((client.0, server.0), (0, 0), "for {} segments", server.1);
}

/// Bytes that are written one by one share pieces of memory, which are used again: now and then two at a time are in use.
#[test]
fn next_to_nothing_is_allocated_for_a_dialogue() {
    let ask = |stack: &mut Stack, key| {
        let _ = stack.poll_receive(key, 9, &mut cx());
        assert_eq!(stack.poll_send(key, b"?", &mut cx()), Poll::Ready(Ok(1)));
    };
    let answer = |stack: &mut Stack, key| {
        if let Poll::Ready(Ok(text)) = stack.poll_receive(key, 9, &mut cx()) {
            assert_eq!(stack.poll_send(key, &text, &mut cx()), Poll::Ready(Ok(text.len())));
        }
    };
    let [client, server] = counted(5000, ask, answer);
    assert!(client.1 >= 5000 && server.1 >= 5000, "{client:?} {server:?}");
    let allocations = client.0 + server.0;
    assert!(allocations * 100 <= client.1 + server.1, "{allocations} for {server:?}");
}

/// Packets that others hold for a while: one that fills a quarter of its buffer keeps that, and allocates nothing; small
/// copies share pieces of memory, and one of a length in between has its own.
#[test]
fn little_is_allocated_for_what_is_read() {
    for (len, most) in [(60_000, 0), (60, 9000 / 8), (1500, 9000)] {
        let mut pool = Pool::of_size(1 << 16);
        let mut held = VecDeque::with_capacity(17);
        let mut before = 0;
        for nth in 0..10_000 {
            if nth == WARM {
                before = allocator::now().allocations;
            }
            held.push_back(pool.receive(|_| Ok::<usize, ()>(len)));
            if held.len() > 16 {
                held.pop_front();
            }
        }
        let allocations = allocator::now().allocations - before;
        assert!(allocations <= most, "{allocations} for packets of {len} bytes");
    }
}
