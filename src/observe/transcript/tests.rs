use std::net::SocketAddr;

use super::*;
use crate::device::impair::Effect;
use crate::event::Refusal;
use crate::wire::tcp_options::SackBlocks;

const MSS: u32 = 1000;

fn place(host: u8, port: u16) -> SocketAddr {
    ([10, 9, 0, host], port).into()
}

/// Of our own, beginning `seq` after our SYN.
fn own(flags: Flags, seq: u32, ack: u32, len: u32) -> SegmentView {
    // Both wrap on the way.
    let (seq_base, ack_base) = (SeqNum::new(u32::MAX - 10), SeqNum::new(u32::MAX));
    SegmentView {
        local: place(1, 5000),
        remote: place(2, 80),
        seq: seq_base + seq,
        ack: ack_base + ack,
        flags,
        len,
        window: 9000,
        sack: SackBlocks::new(),
        ecn: 0,
        seq_base,
        ack_base,
    }
}

/// Of the peer's.
fn theirs(flags: Flags, seq: u32, ack: u32, len: u32) -> SegmentView {
    let view = own(flags, 0, 0, len);
    let (seq_base, ack_base) = (view.ack_base, view.seq_base);
    SegmentView { seq: seq_base + seq, ack: ack_base + ack, seq_base, ack_base, ..view }
}

/// A transcript of connection `conn` that has begun.
struct Run(Transcript, ConnId);

impl Run {
    fn begin(conn: u32, cause: Cause) -> Run {
        let mut run = Run(Transcript::new(MSS), ConnId(conn));
        let (from, to) = match cause {
            Cause::Connect => (State::Closed, State::SynSent),
            _ => (State::Listen, State::SynReceived),
        };
        let role = if cause == Cause::Connect { "CLIENT" } else { "SERVER" };
        let who = if conn == 1 { role.to_owned() } else { format!("{role}#{conn}") };
        assert_eq!(run.state(0, from, to, cause), format!("[  0.000000] {who} {from} -> {to}"));
        run
    }

    fn state(&mut self, ms: u64, from: State, to: State, cause: Cause) -> String {
        let (local, remote) = (place(1, 5000), place(2, 80));
        let event = Event::StateChanged { conn: self.1, local, remote, from, to, cause };
        self.line(ms, &event).unwrap()
    }

    fn line(&mut self, ms: u64, event: &Event) -> Option<String> {
        // The clock has been running for long.
        self.0.line(Instant::from_millis(77_000 + ms), event)
    }

    fn sent(&mut self, segment: SegmentView, why: Why) -> String {
        let event =
            Event::Sent { conn: Some(self.1), state: State::Established, segment, why, packets: 1 };
        self.words(&event)
    }

    fn received(&mut self, segment: SegmentView) -> String {
        let event = Event::Received { conn: self.1, state: State::Established, segment };
        self.words(&event)
    }

    /// What follows the time and the role.
    fn words(&mut self, event: &Event) -> String {
        let line = self.line(1, event).unwrap();
        line.strip_prefix("[  0.001000] CLIENT ").expect("one second of a client").to_owned()
    }
}

#[test]
fn a_life_is_told() {
    let mut run = Run::begin(1, Cause::Connect);
    let ack = Flags::ACK;
    assert_eq!(run.sent(own(Flags::SYN, 0, 0, 0), Why::Handshake), "send SYN seq=0 win=9000");
    assert_eq!(
        run.received(theirs(Flags::SYN | ack, 0, 1, 0)),
        "recv SYN,ACK seq=0 ack=1 win=9000"
    );
    assert_eq!(
        run.sent(own(ack, 1, 1, 2500), Why::NewData),
        "send ACK seq=1 ack=1 len=2500 (3 segments) win=9000"
    );
    assert_eq!(
        run.sent(own(ack, 2501, 1, 0), Why::AckDelayed),
        "send ACK seq=2501 ack=1 win=9000 (delayed)"
    );
    for number in ["", " (duplicate 1)", " (duplicate 2)", " (duplicate 3)"] {
        let words = run.received(theirs(ack, 1, 1001, 0));
        assert_eq!(words, format!("recv ACK seq=1 ack=1001 win=9000{number}"));
    }
    assert_eq!(
        run.sent(own(ack, 1001, 1, 1000), Why::FastRetransmit),
        "3 duplicate ACKs -> fast retransmit seq=1001 len=1000"
    );
    // Another window is no duplicate, and what follows is the fourth.
    let wider = SegmentView { window: 9001, ..theirs(ack, 1, 1001, 0) };
    assert_eq!(run.received(wider.clone()), "recv ACK seq=1 ack=1001 win=9001");
    assert_eq!(run.received(wider), "recv ACK seq=1 ack=1001 win=9001 (duplicate 4)");
    // All is acknowledged: the same again is no duplicate.
    for _ in 0..2 {
        let words = run.received(theirs(ack, 1, 2501, 0));
        assert_eq!(words, "recv ACK seq=1 ack=2501 win=9000");
    }
    let closed = run.state(1500, State::LastAck, State::Closed, Cause::FinAcked);
    assert_eq!(closed, "[  1.500000] CLIENT LAST_ACK -> CLOSED");
    // What has closed it is told after that.
    assert_eq!(run.received(theirs(ack, 2, 2502, 0)), "recv ACK seq=2 ack=2502 win=9000");
    assert!(run.0.seen.is_empty(), "nothing is kept of it");
}

#[test]
fn windows_are_in_segments() {
    let mut run = Run::begin(1, Cause::Connect);
    let conn = run.1;
    let mut window =
        |cwnd, ssthresh, phase| run.words(&Event::CongestionWindow { conn, cwnd, ssthresh, phase });
    assert_eq!(window(2000, None, Phase::SlowStart), "cwnd=2 MSS ssthresh=infinite  slow start");
    assert_eq!(
        window(5500, Some(5500), Phase::CongestionAvoidance),
        "cwnd=5.50 MSS ssthresh=5.50 MSS  congestion avoidance"
    );
    run.words(&Event::PathMtu { conn, mtu: 552, mss: 500, by: crate::event::MtuBy::Router });
    let smaller =
        Event::CongestionWindow { conn, cwnd: 1000, ssthresh: None, phase: Phase::SlowStart };
    assert_eq!(run.words(&smaller), "cwnd=2 MSS ssthresh=infinite  slow start");
}

#[test]
fn time_outs_double_what_was_measured() {
    let mut run = Run::begin(1, Cause::Connect);
    let syn = || own(Flags::SYN, 0, 0, 0);
    for (times, rto) in [(1, "2.000"), (2, "4.000"), (200, "120.000")] {
        assert_eq!(
            run.sent(syn(), Why::HandshakeRetransmission(times)),
            format!("timeout -> retransmit SYN seq=0 win=9000 RTO={rto} s")
        );
    }
    let text = || own(Flags::ACK, 1, 1, 1000);
    let words = |rto: &str| format!("timeout -> retransmit seq=1 len=1000 RTO={rto} s");
    assert_eq!(run.sent(text(), Why::Rto(1)), words("6.000"));
    let (conn, ms) = (run.1, Duration::from_millis);
    assert_eq!(
        run.line(1, &Event::RttSample { conn, rtt: ms(50), srtt: ms(50), rto: ms(250) }),
        None
    );
    for (times, rto) in [(1, "0.500"), (2, "1.000"), (3, "2.000")] {
        assert_eq!(run.sent(text(), Why::Rto(times)), words(rto));
    }
}

#[test]
fn the_second_connection_has_a_number() {
    let mut run = Run::begin(2, Cause::SynArrived);
    let segment = Some(theirs(Flags::ACK, 1, 1, 10));
    let event = Event::Refused {
        conn: Some(run.1),
        reason: Refusal::SequenceOld,
        segment,
        addresses: None,
    };
    assert_eq!(
        run.line(2, &event).unwrap(),
        "[  0.002000] SERVER#2 drop ACK seq=1 ack=1 len=10 win=9000: sequence old"
    );
    let nobody =
        Event::Refused { conn: None, reason: Refusal::SequenceOld, segment: None, addresses: None };
    assert_eq!(run.line(3, &nobody).unwrap(), "[  0.003000] STACK drop: sequence old");
}

#[test]
fn what_the_link_drops_is_named_by_its_numbers() {
    let mut run = Run::begin(1, Cause::Connect);
    let view = own(Flags::ACK, 1, 1, 4);
    run.sent(view.clone(), Why::NewData);
    let builder = etherparse::PacketBuilder::ipv4([10, 9, 0, 1], [10, 9, 0, 2], 64)
        .tcp(5000, 80, view.seq.value(), 9000)
        .ack(view.ack.value());
    let mut packet = Vec::new();
    builder.write(&mut packet, b"text").unwrap();
    let mut told = |effect, packet: &[u8]| {
        let at = Instant::from_millis(77_001);
        let packet = bytes::Bytes::copy_from_slice(packet);
        run.0.decision(Direction::Out, &Decision { at, effect, packet })
    };
    assert_eq!(
        told(Effect::RuleDropped, &packet),
        "[  0.001000] CLIENT drop (out): ACK seq=1 len=4, rule dropped"
    );
    assert_eq!(
        told(Effect::Corrupted, &packet),
        "[  0.001000] CLIENT link (out): ACK seq=1 len=4, corrupted"
    );
    assert_eq!(told(Effect::Lost, b"?"), "[  0.001000] STACK drop (out): 1 bytes, lost");
}
