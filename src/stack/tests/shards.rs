//! Several stacks that share their addresses, and packets that come to the wrong one.

use bytes::Bytes;

use super::world::Side::{Client, Server};
use super::world::{PORT, Side, config, craft, cut, cx, pattern, ready};
use crate::event::Refusal;
use crate::stack::{Config, ConnKey, Counters, PingAnswer, Stack};
use crate::time::{Duration, Instant};
use crate::wire::tcp::{Flags, Segment};
use crate::wire::{Checksum, Packet, RxBatch, SeqNum, TxBatch, icmp, ip, tcp};

/// How many share the server's address.
const SHARDS: usize = 3;

/// The server in several shards, and one client.
struct Ring {
    now: Instant,
    shards: Vec<Stack>,
    client: Stack,
    /// Through which queue the server gets the packets of the client.
    queue: usize,
    /// Everything that the server has sent.
    sent: Vec<Bytes>,
}

impl Ring {
    fn new() -> Ring {
        Ring::with(|_| ())
    }

    fn with(change: impl Fn(&mut Config)) -> Ring {
        let mut server = config(Server);
        change(&mut server);
        Ring {
            now: Instant::from_millis(1000),
            shards: server.divided(SHARDS as u16).map(Stack::new).collect(),
            client: Stack::new(config(Client)),
            queue: 0,
            sent: Vec::new(),
        }
    }

    /// A packet comes to a shard, and what that passes on to the others; then all of them send.
    fn arrive(&mut self, packets: Vec<Bytes>) -> Vec<Bytes> {
        let now = self.now;
        let mut rx: RxBatch = packets.into_iter().map(Packet::new).collect();
        self.shards[self.queue].receive(now, &mut rx).notify();
        let mut strays = self.shards[self.queue].take_strays();
        let mut hops = 0;
        while !strays.is_empty() {
            hops += 1;
            assert!(hops < SHARDS, "a packet goes round and round");
            for stray in std::mem::take(&mut strays) {
                let next = &mut self.shards[usize::from(stray.to())];
                next.receive_strays(now, [stray]);
                strays.extend(next.take_strays());
            }
        }
        let mut sent = Vec::new();
        for shard in &mut self.shards {
            let mut tx = TxBatch::new();
            shard.turn(now, &mut RxBatch::new(), &mut tx).notify();
            shard.check_invariants();
            sent.extend(tx.into_iter().flat_map(cut));
        }
        self.sent.extend_from_slice(&sent);
        sent
    }

    /// Packets go to and fro until nobody has any more.
    fn settle(&mut self) {
        let mut to_client = self.arrive(Vec::new());
        loop {
            let mut rx: RxBatch = to_client.drain(..).map(Packet::new).collect();
            let mut tx = TxBatch::new();
            self.client.turn(self.now, &mut rx, &mut tx).notify();
            self.client.check_invariants();
            let to_server: Vec<_> = tx.into_iter().flat_map(cut).collect();
            let quiet = to_server.is_empty();
            to_client = self.arrive(to_server);
            if quiet && to_client.is_empty() {
                return;
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.settle();
    }

    fn stack(&mut self, side: Side, shard: usize) -> &mut Stack {
        match side {
            Client => &mut self.client,
            Server => &mut self.shards[shard],
        }
    }

    /// Sends from one end to the other, with the acknowledgments that are delayed.
    fn transfer(&mut self, from: (Side, ConnKey), to: (Side, ConnKey), shard: usize, len: usize) {
        let data = pattern(len);
        let (mut written, mut got) = (0, Vec::new());
        while got.len() < len {
            let sender = self.stack(from.0, shard);
            if let Some(taken) = ready(sender.poll_send(from.1, &data[written..], &mut cx())) {
                written += taken.unwrap();
            }
            self.pass(Duration::from_millis(50));
            while let Some(chunk) =
                ready(self.stack(to.0, shard).poll_receive(to.1, len, &mut cx()))
            {
                got.extend_from_slice(&chunk.unwrap());
            }
        }
        assert!(got == data);
    }

    /// Both directions, whichever queue the client's packets come through.
    fn exchange(&mut self, client: ConnKey, server: ConnKey, shard: usize) {
        for queue in 0..SHARDS {
            self.queue = queue;
            self.transfer((Client, client), (Server, server), shard, 100_000);
            self.transfer((Server, server), (Client, client), shard, 100_000);
        }
    }

    fn counters(&self) -> Counters {
        let mut all = Counters::default();
        self.shards.iter().for_each(|shard| all.add(shard.counters()));
        all
    }

    /// The segments that the server has sent since it was asked.
    fn segments(&mut self) -> Vec<Segment> {
        let parse = |packet: Bytes| {
            let datagram = ip::parse(&packet).unwrap();
            let transport = packet.slice(datagram.payload.clone());
            let parse =
                || tcp::parse(transport, datagram.src, datagram.dst, Checksum::Verified).unwrap();
            (datagram.protocol == ip::TCP).then(parse)
        };
        self.sent.drain(..).filter_map(parse).collect()
    }
}

#[test]
fn a_connection_goes_on_whichever_queue_its_segments_come_through() {
    for home in 0..SHARDS {
        let mut ring = Ring::new();
        for shard in &mut ring.shards {
            shard.listen(Server.addr(PORT), 8).unwrap();
        }
        ring.queue = home;
        let client = ring.client.connect(None, Server.addr(PORT), None).unwrap();
        ring.settle();
        let counts: Vec<_> = ring.shards.iter().map(Stack::connection_count).collect();
        assert_eq!(counts.iter().sum::<usize>(), 1);
        assert_eq!(counts[home], 1, "it stays where its SYN came");
        let server = *ring.shards[home].connections.keys().collect::<Vec<_>>().first().unwrap();
        ring.exchange(client, server, home);
        assert!(!ring.segments().iter().any(Segment::rst));
        assert!(ring.counters().packets_passed_on > 0);
        assert_eq!(ring.counters().packets_passed_on, ring.counters().packets_taken_over);
    }
}

#[test]
fn one_that_was_opened_here_goes_on_as_well() {
    for home in 0..SHARDS {
        let mut ring = Ring::new();
        ring.client.listen(Client.addr(PORT), 8).unwrap();
        let server = ring.shards[home].connect(None, Client.addr(PORT), None).unwrap();
        let port = ring.shards[home].local_addr(server).unwrap().port();
        assert_eq!(usize::from(port) % SHARDS, home);
        ring.settle();
        let away = ring.counters().packets_passed_on;
        assert_eq!(away, u64::from(home != ring.queue), "straight to where the port says");
        let client = *ring.client.connections.keys().collect::<Vec<_>>().first().unwrap();
        ring.exchange(client, server, home);
        assert!(!ring.segments().iter().any(Segment::rst));
    }
}

#[test]
fn a_listener_on_one_shard_hears_all_queues() {
    let mut ring = Ring::new();
    let listener = ring.shards[1].listen(Server.addr(PORT), 8).unwrap();
    ring.queue = 2;
    let client = ring.client.connect(None, Server.addr(PORT), None).unwrap();
    ring.settle();
    let (server, _) = ready(ring.shards[1].poll_accept(listener, &mut cx())).unwrap().unwrap();
    ring.exchange(client, server, 1);
}

#[test]
fn what_is_for_nobody_is_answered_once() {
    for queue in 0..SHARDS {
        let mut ring = Ring::new();
        ring.queue = queue;
        let from = Client.addr(7000);
        let syn =
            craft::segment(from, Server.addr(PORT), SeqNum::new(1), SeqNum::default(), Flags::SYN);
        ring.arrive(vec![craft::tcp(from, Server.addr(PORT), &syn)]);
        let resets = ring.segments();
        assert_eq!(resets.len(), 1);
        assert!(resets[0].rst());

        ring.arrive(vec![craft::udp(from, Server.addr(PORT), b"x")]);
        assert_eq!(ring.sent.len(), 1, "port unreachable");
        assert_eq!(ring.counters().icmp_errors_sent, 1);
        let counters = ring.counters();
        assert_eq!(counters.refusals.of(Refusal::TcpPortClosed), 1);
        assert_eq!(counters.refusals.of(Refusal::UdpPortClosed), 1);
        assert_eq!(counters.packets_passed_on as usize, 2 * (SHARDS - 1));
        assert_eq!(counters.packets_received, 2, "none of them twice");
    }
}

#[test]
fn what_anybody_can_answer_is_not_passed_on() {
    let mut ring = Ring::new();
    ring.queue = 2;
    ring.arrive(vec![craft::icmp(Client.addr(0), Server.addr(0), [icmp::ECHO_REQUEST, 0], b"x")]);
    assert_eq!(ring.sent.len(), 1);
    ring.arrive(vec![Bytes::from_static(b"no packet at all")]);
    ring.arrive(vec![craft::unknown(Client.addr(0), Server.addr(0), 99)]);
    assert_eq!(ring.counters().packets_passed_on, 0);
    assert_eq!(ring.counters().refusals.whole(), 2);
}

#[test]
fn datagrams_and_echo_replies_find_their_socket() {
    let mut ring = Ring::new();
    ring.queue = 1;
    let socket = ring.shards[0].udp_bind(Server.addr(7)).unwrap();
    ring.arrive(vec![craft::udp(Client.addr(9), Server.addr(7), b"hello")]);
    let (text, from) = ready(ring.shards[0].poll_udp_receive(socket, &mut cx())).unwrap().unwrap();
    assert_eq!((&text[..], from), (&b"hello"[..], Client.addr(9)));

    let ping = ring.shards[0].ping_bind(0).unwrap();
    ring.shards[0].ping_send(ping, Client.ip(), 3, Bytes::from_static(b"ping")).unwrap();
    ring.settle();
    let answer = ready(ring.shards[0].poll_ping_receive(ping, &mut cx())).unwrap().unwrap();
    assert!(matches!(answer, PingAnswer::Reply { seq: 3, .. }), "{answer:?}");
}

#[test]
fn an_icmp_error_finds_the_connection_that_it_is_about() {
    let mut ring = Ring::new();
    let server = ring.shards[2].connect(None, Client.addr(PORT), None).unwrap();
    let syn = ring.arrive(Vec::new()).remove(0);
    ring.queue = 1;
    ring.arrive(vec![craft::icmp_error(
        [icmp::DESTINATION_UNREACHABLE, icmp::PORT_UNREACHABLE],
        0,
        &syn,
    )]);
    assert_eq!(ring.counters().icmp_errors_received, 1);
    assert!(ring.shards[2].connection_error(server).is_some());
    // Of the next one nobody knows anything.
    ring.arrive(vec![craft::icmp_error(
        [icmp::DESTINATION_UNREACHABLE, icmp::PORT_UNREACHABLE],
        0,
        &syn,
    )]);
    assert_eq!(ring.counters().refusals.of(Refusal::IcmpQuoteStray), 1);
}

#[test]
fn a_cookie_comes_back_through_another_queue() {
    let mut ring = Ring::with(|config| config.limits.syn_queue = SHARDS);
    let listeners: Vec<_> =
        ring.shards.iter_mut().map(|shard| shard.listen(Server.addr(PORT), 8).unwrap()).collect();
    let stranger = ([10, 0, 0, 77], 7000).into();
    let syn =
        craft::segment(stranger, Server.addr(PORT), SeqNum::new(1), SeqNum::default(), Flags::SYN);
    ring.queue = 1;
    ring.arrive(vec![craft::tcp(stranger, Server.addr(PORT), &syn)]);
    let client = ring.client.connect(None, Server.addr(PORT), None).unwrap();
    let mut tx = TxBatch::new();
    ring.client.turn(ring.now, &mut RxBatch::new(), &mut tx).notify();
    let packets: Vec<_> = tx.into_iter().flat_map(cut).collect();
    let answer = ring.arrive(packets);
    assert_eq!(ring.shards[1].counters().tcp_syn_cookies_sent, 1);
    ring.queue = 0;
    let mut rx: RxBatch = answer.into_iter().map(Packet::new).collect();
    ring.client.turn(ring.now, &mut rx, &mut TxBatch::new()).notify();
    ring.settle();
    // Its text brings the cookie, as its acknowledgment has got lost.
    ready(ring.client.poll_send(client, b"text", &mut cx())).unwrap().unwrap();
    ring.settle();
    assert_eq!(ring.shards[1].counters().tcp_syn_cookies_received, 1);
    assert!(!ring.segments().iter().any(Segment::rst));
    let (server, _) = ready(ring.shards[1].poll_accept(listeners[1], &mut cx())).unwrap().unwrap();
    let text = ready(ring.shards[1].poll_receive(server, 10, &mut cx())).unwrap().unwrap();
    assert_eq!(&text[..], b"text");
}

#[test]
fn a_record_in_time_wait_answers_through_another_queue() {
    let mut ring = Ring::new();
    let listener = ring.shards[1].listen(Server.addr(PORT), 8).unwrap();
    ring.queue = 1;
    let client = ring.client.connect(None, Server.addr(PORT), None).unwrap();
    let peer = ring.client.local_addr(client).unwrap();
    ring.settle();
    let (server, _) = ready(ring.shards[1].poll_accept(listener, &mut cx())).unwrap().unwrap();
    ring.shards[1].close(server);
    ring.settle();
    ring.client.close(client);
    ring.settle();
    assert_eq!(ring.shards[1].tables().time_wait, 1);
    ring.segments();
    ring.queue = 2;
    let late = craft::segment(peer, Server.addr(PORT), SeqNum::new(1), SeqNum::new(1), Flags::ACK);
    ring.arrive(vec![craft::tcp(peer, Server.addr(PORT), &late)]);
    assert!(!ring.segments().iter().any(Segment::rst));
}

#[test]
fn what_comes_too_fast_is_refused_by_name() {
    let mut ring = Ring::new();
    let packet = craft::udp(Client.addr(9), Server.addr(7), b"x");
    let mut rx: RxBatch = [packet.clone(), packet].map(Packet::new).into();
    ring.shards[0].receive(ring.now, &mut rx).notify();
    let strays = ring.shards[0].take_strays();
    assert_eq!(strays.len(), 2);
    ring.shards[1].refuse_strays(strays.len());
    ring.shards[1].check_invariants();
    assert_eq!(ring.shards[1].counters().refusals.of(Refusal::ShardQueueFull), 2);
}

#[test]
fn limits_are_divided_and_secrets_are_not() {
    let whole = config(Server);
    let parts: Vec<_> = whole.clone().divided(4).collect();
    let sum: usize = parts.iter().map(|part| part.limits.connections).sum();
    assert_eq!(sum, whole.limits.connections);
    assert_eq!(parts[3].limits.tcp_memory, whole.limits.tcp_memory / 4);
    assert_eq!(parts[3].limits.udp_queue, whole.limits.udp_queue);
    assert!(parts.iter().all(|part| part.seed == whole.seed));
    assert_eq!(whole.divided(0).count(), 1);
}
