//! Garbage, forgeries and floods, with connections alive beside them.

use std::net::SocketAddr;

use bytes::Bytes;

use super::world::Side::{Client, Server};
use super::world::{
    PORT, Pair, Random, World, craft, deliver_all, drop_all, drop_numbers, pattern,
};
use crate::event::{Refusal, State};
use crate::stack::{ConnKey, SocketError};
use crate::time::Duration;
use crate::wire::tcp::{Flags, Segment};
use crate::wire::{Packet, RxBatch, SeqNum, TxBatch};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

fn stranger() -> SocketAddr {
    ([10, 0, 0, 77], 7000).into()
}

/// A world with live connections in several states, and a transfer to finish in one of them.
struct Target {
    world: World,
    /// In the middle of a transfer from the client.
    busy: Pair,
    written: usize,
    got: Vec<u8>,
    /// Closed by the client, open for the server.
    half_closed: Pair,
    idle: Pair,
    /// Waits for an answer that never comes.
    opening: ConnKey,
}

const LEN: usize = 300_000;

impl Target {
    fn new() -> Target {
        let mut world = World::with_tcp(|config| config.receive_buffer = 20_000);
        world.packets = Some(Vec::new());
        let listener = world.listen();
        let mut open = |port| {
            let client = world.connect_from(port);
            world.accepted(listener, client)
        };
        let (busy, half_closed, idle, gone) = (open(4000), open(4001), open(4002), open(4003));
        world.shutdown(Client, half_closed.client);
        world.close(Server, gone.server);
        world.pass(50 * MS);
        world.close(Client, gone.client);
        let nowhere = ([10, 0, 0, 99], 9).into();
        let opening = world.stack(Server).connect(None, nowhere, None).unwrap();
        world.pass(50 * MS);
        assert_eq!(world.stack(Server).time_wait.len(), 1);
        let mut target =
            Target { world, busy, written: 0, got: Vec::new(), half_closed, idle, opening };
        target.transfer(LEN / 3);
        target
    }

    /// Goes on with the transfer until `upto` bytes have arrived.
    fn transfer(&mut self, upto: usize) {
        let data = pattern(LEN);
        let Target { world, busy, written, got, .. } = self;
        world.run(500 * SECOND, |world| {
            if *written < upto
                && let Some(taken) = world.write(Client, busy.client, &data[*written..upto])
            {
                *written += taken.unwrap();
            }
            world.drain(Server, busy.server, got);
            got.len() >= upto
        });
        assert!(data.starts_with(got), "nothing forged was delivered");
    }

    /// Puts a packet before the server.
    fn attack(&mut self, packet: Bytes) {
        self.world.inject(Server, packet);
        self.world.turn();
    }

    /// What was in progress comes to its good end.
    fn survives(mut self) {
        self.transfer(LEN);
        let Target { mut world, busy, half_closed, idle, opening, .. } = self;
        assert_eq!(world.states(&busy), (State::Established, State::Established));
        assert_eq!(world.states(&half_closed), (State::FinWait2, State::CloseWait));
        assert_eq!(world.states(&idle), (State::Established, State::Established));
        world.stream(&half_closed, Server, 10_000);
        world.stream(&idle, Client, 10_000);
        world.close(Server, opening);
        [busy, half_closed, idle].iter().for_each(|pair| world.close_both(pair));
        world.assert_quiet_end();
    }

    /// Both addresses of the busy connection, the client's first.
    fn busy_ends() -> (SocketAddr, SocketAddr) {
        (Client.addr(4000), Server.addr(PORT))
    }

    /// What the server expects next on the busy connection, and what it has sent.
    fn busy_numbers(&self) -> (SeqNum, SeqNum) {
        let of_busy = |segment: &&Segment| segment.dst_port == 4000;
        let segments = self.world.sent_by(Server).map(|(_, segment)| segment).filter(of_busy);
        segments.last().map(|last| (last.ack, last.seq_end())).unwrap()
    }
}

fn random_bytes(random: &mut Random, len: usize) -> Vec<u8> {
    (0..len).map(|_| random.next() as u8).collect()
}

/// A listener keeps no text (RFC 9293 3.10.7.2 lets it); the acknowledgment of the SYN says so.
#[test]
fn text_on_a_syn_is_counted_and_sent_again_by_its_sender() {
    let mut target = Target::new();
    let syn =
        craft::segment(stranger(), Server.addr(PORT), SeqNum::new(100), SeqNum::new(0), Flags::SYN);
    let syn = Segment { payload: Bytes::from_static(b"early"), ..syn };
    target.attack(craft::tcp(stranger(), Server.addr(PORT), &syn));
    assert_eq!(target.world.refused(Server, Refusal::ListenText), 1);
    let mut sent = target.world.sent_by(Server).map(|(_, segment)| segment);
    let answer = sent.find(|segment| segment.dst_port == stranger().port()).unwrap();
    assert_eq!((answer.flags, answer.ack), (Flags::SYN | Flags::ACK, SeqNum::new(101)));
}

#[test]
fn random_bytes_do_no_harm() {
    let mut target = Target::new();
    let mut random = Random::new(1);
    for nth in 0..20_000 {
        let len = random.below(120) as usize;
        let mut bytes = random_bytes(&mut random, len);
        if nth % 2 == 0 && len >= 20 {
            // A good IP header for us, then anything.
            bytes[..10].copy_from_slice(&[0x45, 0, 0, len as u8, 0, 0, 0x40, 0, 64, 6]);
            bytes[9] = random.one_of(&[1, 6, 17, 99]);
            bytes[12..20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
            craft::fix_checksums(&mut bytes);
        }
        target.attack(bytes.into());
    }
    for reason in [
        Refusal::IpVersion,
        Refusal::IpTruncated,
        Refusal::IpProtocol,
        Refusal::TcpDataOffset,
        Refusal::TcpTruncated,
        Refusal::UdpLength,
        Refusal::UdpTruncated,
        Refusal::IcmpChecksum,
        Refusal::IcmpTruncated,
    ] {
        assert!(target.world.refused(Server, reason) > 0, "{}", reason.name());
    }
    target.survives();
}

#[test]
fn real_packets_cut_short_do_no_harm() {
    let mut target = Target::new();
    let real = target.world.packets.take().unwrap();
    for (side, packet) in real.iter().take(40) {
        if *side == Client {
            for len in 0..packet.len().min(120) {
                let mut cut = packet[..len].to_vec();
                target.attack(cut.clone().into());
                if len >= 20 {
                    cut[2..4].copy_from_slice(&(len as u16).to_be_bytes());
                    craft::fix_checksums(&mut cut);
                    // With good checksums and less text it is as if the client had sent it.
                    if len < 52 {
                        target.attack(cut.into());
                    }
                }
            }
        }
    }
    assert!(target.world.refused(Server, Refusal::IpTotalLength) > 0);
    assert!(target.world.refused(Server, Refusal::TcpTruncated) > 0);
    target.survives();
}

#[test]
fn real_packets_with_flipped_bits_are_refused() {
    let mut target = Target::new();
    let real = target.world.packets.take().unwrap();
    let mut random = Random::new(2);
    for _ in 0..20_000 {
        let (_, packet) = &real[random.below(real.len() as u64) as usize];
        let mut bytes = packet.to_vec();
        let bit = random.below(8 * bytes.len() as u64) as usize;
        bytes[bit / 8] ^= 1 << (bit % 8);
        target.attack(bytes.into());
    }
    assert!(target.world.refused(Server, Refusal::TcpChecksum) > 0);
    assert!(target.world.refused(Server, Refusal::IpChecksum) > 0);
    target.survives();
}

/// With good checksums anything may come out of it, a reset in the window too; but no panic, and
/// the stack goes on.
#[test]
fn mutated_packets_with_good_checksums_never_panic() {
    for seed in 0..10 {
        let mut target = Target::new();
        let real = target.world.packets.take().unwrap();
        target.world.checker = None;
        let mut random = Random::new(seed);
        for _ in 0..3000 {
            let (side, packet) = &real[random.below(real.len() as u64) as usize];
            let mut bytes = packet.to_vec();
            for _ in 0..1 + random.below(4) {
                let at = random.below(bytes.len().min(72) as u64) as usize;
                bytes[at] = random.next() as u8;
            }
            craft::fix_checksums(&mut bytes);
            target.world.inject(side.other(), bytes.into());
            if random.chance(10) {
                target.world.turn();
            }
        }
        let mut world = target.world;
        world.turn();
        // The queue of the first listener is full of what was forged.
        world.stack(Server).listen(Server.addr(81), 1).unwrap();
        let client = world.stack(Client).connect(None, Server.addr(81), None).unwrap();
        world.pass(SECOND);
        assert_eq!(world.connected(Client, client), Some(Ok(())), "seed {seed}");
    }
}

/// RFC 5961: whoever does not know the numbers cannot end, reopen or write into a connection.
#[test]
fn blind_segments_do_no_harm() {
    let mut target = Target::new();
    let (client, server) = Target::busy_ends();
    let mut random = Random::new(3);
    let (next, _) = target.busy_numbers();
    for flags in [Flags::RST, Flags::RST | Flags::ACK, Flags::SYN, Flags::SYN | Flags::ACK] {
        for _ in 0..3000 {
            let (seq, ack) = (random.next() as u32, random.next() as u32);
            if SeqNum::new(seq) == next {
                continue;
            }
            let blind = craft::segment(client, server, SeqNum::new(seq), SeqNum::new(ack), flags);
            target.attack(craft::tcp(client, server, &blind));
        }
    }
    for _ in 0..3000 {
        let (seq, ack) = (SeqNum::new(random.next() as u32), SeqNum::new(random.next() as u32));
        let mut blind = craft::segment(client, server, seq, ack, Flags::ACK);
        blind.payload = Bytes::from_static(b"forged");
        target.attack(craft::tcp(client, server, &blind));
    }
    for reason in [Refusal::ResetOutsideWindow, Refusal::SequenceBeyondWindow] {
        assert!(target.world.refused(Server, reason) > 0, "{}", reason.name());
    }
    target.survives();
}

/// Inside the window only the exact number counts; the rest is challenged, within a limit.
#[test]
fn a_reset_must_be_exact() {
    let mut target = Target::new();
    target.world.pass(SECOND);
    let (client, server) = Target::busy_ends();
    let (next, sent) = target.busy_numbers();
    let mark = target.world.trace.len();
    for offset in 1..1000 {
        let reset = craft::segment(client, server, next + offset, sent, Flags::RST);
        target.attack(craft::tcp(client, server, &reset));
    }
    assert_eq!(target.world.refused(Server, Refusal::ResetChallenged), 999);
    assert_eq!(target.world.refused(Server, Refusal::ChallengeLimited), 989);
    assert_eq!(target.world.trace.len() - mark, 10, "ten challenges in five seconds");
    let reset = craft::segment(client, server, next, sent, Flags::RST);
    target.attack(craft::tcp(client, server, &reset));
    let busy = target.busy;
    assert_eq!(target.world.read(Server, busy.server), Some(Err(SocketError::Reset)));
}

/// Half-open connections have the same limit (RFC 5961 7).
#[test]
fn a_half_open_connection_answers_within_a_limit() {
    let mut target = Target::new();
    target.world.pass(SECOND);
    let (from, to) = (SocketAddr::from(([10, 0, 0, 77], 7000)), Server.addr(PORT));
    let syn = craft::segment(from, to, SeqNum::new(1), SeqNum::default(), Flags::SYN);
    let mark = target.world.trace.len();
    for _ in 0..500 {
        target.attack(craft::tcp(from, to, &syn));
    }
    let reset = craft::segment(from, to, SeqNum::new(99), SeqNum::default(), Flags::RST);
    for _ in 0..500 {
        target.attack(craft::tcp(from, to, &reset));
    }
    assert_eq!(target.world.trace.len() - mark, 11, "the SYN-ACK and ten answers");
    assert_eq!(target.world.refused(Server, Refusal::ChallengeLimited), 989);
}

#[test]
fn a_syn_in_the_window_is_challenged() {
    let mut target = Target::new();
    target.world.pass(SECOND);
    let (client, server) = Target::busy_ends();
    let (next, sent) = target.busy_numbers();
    let last = target.world.sent_by(Client).filter(|(_, seg)| seg.src_port == 4000).last();
    let ts = last.unwrap().1.options.timestamps.unwrap();
    let syn = craft::segment(client, server, next + 10, sent, Flags::SYN);
    let syn = craft::stamped(syn, ts.tsval, ts.tsecr);
    target.attack(craft::tcp(client, server, &syn));
    assert_eq!(target.world.refused(Server, Refusal::SynChallenged), 1);
    target.survives();
}

#[test]
fn land_packets_martians_and_fragments_are_refused() {
    let mut target = Target::new();
    let server = Server.addr(PORT);
    let syn = |from: SocketAddr, to: SocketAddr| {
        let syn = craft::segment(from, to, SeqNum::new(1), SeqNum::default(), Flags::SYN);
        craft::tcp(from, to, &syn)
    };
    target.world.pass(SECOND);
    let mark = target.world.trace.len();
    let at = |ip: [u8; 4]| SocketAddr::from((ip, 7000));
    target.attack(syn(server, server));
    assert_eq!(target.world.refused(Server, Refusal::IpLand), 1);
    let martians =
        [[127, 0, 0, 1], [0, 0, 0, 0], [224, 0, 0, 1], [255, 255, 255, 255], [10, 0, 0, 255]];
    for (nth, martian) in martians.into_iter().enumerate() {
        target.attack(syn(at(martian), server));
        assert_eq!(target.world.refused(Server, Refusal::IpMartianSource), nth as u64 + 1);
    }
    target.attack(syn(stranger(), at([10, 0, 0, 255])));
    assert_eq!(target.world.refused(Server, Refusal::IpBroadcast), 1);
    target.attack(syn(stranger(), at([10, 0, 0, 3])));
    assert_eq!(target.world.refused(Server, Refusal::IpNotForUs), 1);
    for field in [0x2000u16, 0x2001, 0x0001, 0x1fff] {
        let mut fragment = syn(stranger(), server).to_vec();
        fragment[6..8].copy_from_slice(&field.to_be_bytes());
        craft::fix_checksums(&mut fragment);
        target.attack(fragment.into());
    }
    assert_eq!(target.world.refused(Server, Refusal::IpFragment), 4);
    assert_eq!(target.world.trace.len(), mark, "none of it is answered");
    target.survives();
}

/// Half-open records are bounded; whoever is connected stays so, and the records die.
#[test]
fn a_flood_of_syns_is_bounded() {
    let mut target = Target::new();
    let server = Server.addr(PORT);
    let mut random = Random::new(4);
    for _ in 0..20_000 {
        let from: SocketAddr =
            ([10, 0, 7, random.next() as u8], 1024 + random.below(60_000) as u16).into();
        let seq = SeqNum::new(random.next() as u32);
        let syn = craft::segment(from, server, seq, SeqNum::default(), Flags::SYN);
        target.attack(craft::tcp(from, server, &syn));
    }
    assert_eq!(target.world.stack(Server).half_open.len(), 16, "the backlog");
    assert!(target.world.stack(Server).counters().tcp_syn_cookies_sent > 19_000);
    target.world.pass(5 * SECOND);
    assert!(target.world.stack(Server).half_open.len() <= 8, "there is room again after seconds");
    target.world.pass(130 * SECOND);
    assert_eq!(target.world.stack(Server).half_open.len(), 0);
    target.survives();
}

#[test]
fn a_flood_of_stray_acks_is_answered_by_resets_and_kept_nowhere() {
    let mut target = Target::new();
    let server = Server.addr(PORT);
    let before = target.world.stack(Server).demux.len();
    for nth in 0..20_000 {
        let seq = SeqNum::new(nth);
        let ack = craft::segment(stranger(), server, seq, SeqNum::new(nth + 5), Flags::ACK);
        target.attack(craft::tcp(stranger(), server, &ack));
    }
    assert_eq!(target.world.refused(Server, Refusal::TcpPortClosed), 20_000);
    assert_eq!(target.world.stack(Server).demux.len(), before);
    target.survives();
}

/// Segments of one byte each in a window's worth of gaps: memory is bounded, and what comes in
/// order is still taken.
#[test]
fn a_flood_of_bytes_out_of_order_is_bounded() {
    let mut target = Target::new();
    target.world.pass(SECOND);
    let (client, server) = Target::busy_ends();
    let (next, sent) = target.busy_numbers();
    let data = pattern(LEN);
    let last = target.world.sent_by(Client).filter(|(_, seg)| seg.src_port == 4000).last();
    let ts = last.unwrap().1.options.timestamps.unwrap();
    let at = target.got.len();
    for offset in (1..19_000u32).step_by(2) {
        let byte = craft::segment(client, server, next + offset, sent, Flags::ACK);
        let mut byte = craft::stamped(byte, ts.tsval, ts.tsecr);
        byte.payload = Bytes::copy_from_slice(&data[at + offset as usize..][..1]);
        byte.window = 10_000;
        target.attack(craft::tcp(client, server, &byte));
    }
    assert!(target.world.refused(Server, Refusal::ReassemblyFull) > 9000);
    target.survives();
}

/// Gives the server's stack packets without a world around it, a batch of 64 at a time, and counts
/// what it answers.
fn flood(target: &mut Target, packet: &Bytes, count: usize) -> usize {
    let now = target.world.now;
    let mut answers = 0;
    for _ in 0..count / 64 {
        let mut rx: RxBatch = (0..64).map(|_| Packet::new(packet.clone())).collect();
        let mut tx = TxBatch::new();
        target.world.stack(Server).turn(now, &mut rx, &mut tx).notify();
        answers += tx.len();
    }
    answers
}

#[test]
fn floods_of_icmp_and_udp_are_answered_within_the_limit() {
    const COUNT: usize = 64 * 3000;
    let mut target = Target::new();
    target.world.pass(SECOND);
    let to = Server.addr(9999);
    let closed = flood(&mut target, &craft::udp(stranger(), to, b"anybody?"), COUNT);
    assert_eq!(closed, 50, "a burst of errors, then a thousand a second");
    let unknown = flood(&mut target, &craft::unknown(stranger(), to, 99), COUNT);
    assert_eq!(unknown, 0, "the bucket is empty");
    let errors = flood(&mut target, &craft::icmp(stranger(), to, [3, 0], &[0; 28]), COUNT);
    assert_eq!(errors, 0, "errors are never answered");
    let echoes = flood(&mut target, &craft::icmp(stranger(), to, [8, 0], b"ping"), COUNT);
    assert_eq!(echoes, COUNT, "each echo has its reply");
    let world = &mut target.world;
    assert_eq!(world.refused(Server, Refusal::UdpPortClosed), COUNT as u64);
    assert_eq!(world.refused(Server, Refusal::IcmpRateLimited), 2 * COUNT as u64 - 50);
    assert_eq!(world.refused(Server, Refusal::IcmpQuoteHeader), COUNT as u64);
    assert!(!world.stack(Server).has_output());
    target.survives();
}

/// More in one batch than replies may wait: the rest is dropped and counted.
#[test]
fn replies_that_wait_are_bounded() {
    let mut target = Target::new();
    target.world.pass(SECOND);
    let ping = craft::icmp(stranger(), Server.addr(1), [8, 0], b"ping");
    let mut rx: RxBatch = (0..10_000).map(|_| Packet::new(ping.clone())).collect();
    let mut tx = TxBatch::new();
    let now = target.world.now;
    target.world.stack(Server).turn(now, &mut rx, &mut tx).notify();
    assert_eq!(tx.len(), 4096);
    assert_eq!(target.world.stack(Server).counters().replies_dropped, 10_000 - 4096);
    target.survives();
}

/// Acknowledgments of what was never sent, in the window or not, move nothing.
#[test]
fn optimistic_acknowledgments_are_challenged() {
    let mut target = Target::new();
    target.world.pass(SECOND);
    let (client, server) = Target::busy_ends();
    let (next, sent) = target.busy_numbers();
    let last = target.world.sent_by(Client).filter(|(_, seg)| seg.src_port == 4000).last();
    let ts = last.unwrap().1.options.timestamps.unwrap();
    for beyond in [1, 1000, 1 << 20, 1 << 30] {
        let ack = craft::segment(client, server, next, sent + beyond, Flags::ACK);
        let ack = craft::stamped(ack, ts.tsval, ts.tsecr);
        target.attack(craft::tcp(client, server, &ack));
    }
    assert_eq!(target.world.refused(Server, Refusal::AckBeyondSent), 4);
    target.survives();
}

/// A handshake cannot be completed without having seen its SYN-ACK.
#[test]
fn a_handshake_cannot_be_completed_blindly() {
    let mut world = World::new();
    let listener = world.listen();
    world.judge = drop_numbers([0, 1, 2, 3], |_, segment| segment.ack().is_some());
    let client = world.connect_from(4000);
    world.pass(50 * MS);
    assert_eq!(world.stack(Server).half_open.len(), 1);
    let (from, to) = (Client.addr(4000), Server.addr(PORT));
    let iss = world.trace[0].2.seq;
    let right = world.trace[1].2.seq + 1;
    for wrong in [1, 2, 100, 1 << 31, u32::MAX] {
        let ack = craft::segment(from, to, iss + 1, right + wrong, Flags::ACK);
        world.inject(Server, craft::tcp(from, to, &ack));
        world.turn();
    }
    assert_eq!(world.refused(Server, Refusal::SynReceivedUnacceptable), 5);
    assert_eq!(world.accept(listener), None);
    world.judge = deliver_all();
    let pair = world.accepted(listener, client);
    world.close_both(&pair);
    world.assert_quiet_end();
}

/// The server has a thousand bytes in flight on the idle connection; gives the sequence number of the
/// first and the last of them.
fn thousand_in_flight(target: &mut Target) -> (SeqNum, SeqNum) {
    let idle = target.idle;
    target.world.pass(SECOND);
    target.world.judge = drop_all();
    target.world.write_all(Server, idle.server, &pattern(1000));
    target.world.turn();
    let last = target.world.sent_by(Server).last().unwrap().1;
    assert_eq!((last.dst_port, last.payload.len()), (4002, 1000));
    (last.seq, last.seq + 999)
}

/// The thousand bytes arrive after all.
fn thousand_arrive(target: &mut Target) {
    target.world.judge = deliver_all();
    target.world.pass(5 * SECOND);
    let idle = target.idle;
    target.world.expect(Client, idle.client, &pattern(1000));
}

/// An ICMP error about a segment of the idle connection, supposedly at `seq`.
fn icmp_error_at(seq: SeqNum, kind_and_code: [u8; 2], mtu: u16) -> Bytes {
    let (client, server) = (Client.addr(4002), Server.addr(PORT));
    let segment = craft::segment(server, client, seq, SeqNum::default(), Flags::ACK);
    craft::icmp_error(kind_and_code, mtu, &craft::tcp(server, client, &segment))
}

/// RFC 5927 4.1: whoever does not see the segments cannot make the network seem to speak of them.
#[test]
fn blind_icmp_errors_do_no_harm() {
    const COUNT: u64 = 3000;
    let mut target = Target::new();
    let (first, last) = thousand_in_flight(&mut target);
    let before = target.world.info(Server, target.idle.server);
    let mut random = Random::new(6);
    let kinds = [[3, 0], [3, 1], [3, 2], [3, 3], [3, 4], [3, 13], [11, 0], [12, 0]];
    for kind in kinds {
        for _ in 0..COUNT {
            let beside = [first - 1, last + 1, last + 1 + random.below(1 << 31) as u32];
            target.attack(icmp_error_at(random.one_of(&beside), kind, 600));
        }
    }
    let refused = target.world.refused(Server, Refusal::IcmpQuoteSequence);
    assert_eq!(refused, COUNT * kinds.len() as u64);
    assert_eq!(target.world.info(Server, target.idle.server), before);
    thousand_arrive(&mut target);
    target.survives();
}

/// Even with the right numbers a connection stays open, and its segments have a least size.
#[test]
fn icmp_errors_with_the_right_numbers_only_slow_down() {
    let mut target = Target::new();
    let (first, last) = thousand_in_flight(&mut target);
    for code in 0..=15 {
        target.attack(icmp_error_at(first, [3, code], 1400));
        target.attack(icmp_error_at(last, [11, 0], 0));
    }
    for mtu in (0..1500).rev() {
        target.attack(icmp_error_at(last, [3, 4], mtu));
    }
    let info = target.world.info(Server, target.idle.server);
    assert_eq!((info.state, info.mss), (State::Established, 552 - 52));
    thousand_arrive(&mut target);
    target.survives();
}

#[test]
fn a_flood_of_icmp_errors_makes_no_flood_of_segments() {
    const COUNT: usize = 64 * 3000;
    let mut target = Target::new();
    let (first, last) = thousand_in_flight(&mut target);
    let sent = flood(&mut target, &icmp_error_at(first, [3, 4], 700), COUNT);
    assert_eq!(sent, 1, "once again in smaller segments");
    let soft = flood(&mut target, &icmp_error_at(last, [3, 1], 0), COUNT);
    let blind = flood(&mut target, &icmp_error_at(last + 1, [3, 4], 600), COUNT);
    assert_eq!((soft, blind), (0, 0));
    let world = &mut target.world;
    assert_eq!(world.refused(Server, Refusal::IcmpMtuNotSmaller), COUNT as u64 - 1);
    assert_eq!(world.refused(Server, Refusal::IcmpQuoteSequence), COUNT as u64);
    thousand_arrive(&mut target);
    target.survives();
}
