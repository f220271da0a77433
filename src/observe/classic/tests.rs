use super::*;
use crate::event::{ConnId, TimerKind};
use crate::wire::tcp_options::SackBlocks;

const CONN: ConnId = ConnId(1);
/// Numbers wrap in the second segment.
const ISN: u32 = u32::MAX - 1500;

fn local() -> SocketAddr {
    ([10, 0, 0, 1], 40_000).into()
}

fn remote() -> SocketAddr {
    ([10, 1, 0, 1], 5001).into()
}

fn view(flags: Flags, seq: u32, ack: u32, len: u32) -> SegmentView {
    SegmentView {
        local: local(),
        remote: remote(),
        seq: SeqNum::new(ISN) + seq,
        ack: SeqNum::new(ack),
        flags,
        len,
        window: 65_535,
        sack: SackBlocks::default(),
        ecn: 0,
        seq_base: SeqNum::new(ISN),
        ack_base: SeqNum::new(0),
    }
}

fn burst(seq: u32, len: u32, why: Why) -> Event {
    let segment = view(Flags::ACK, seq, 1, len);
    Event::Sent {
        conn: Some(CONN),
        state: crate::event::State::Established,
        segment,
        why,
        packets: 1,
    }
}

fn acked(ack: u32) -> Event {
    let mut segment = view(Flags::ACK, 0, 0, 0);
    (segment.seq, segment.seq_base) = (SeqNum::new(1), SeqNum::new(0));
    (segment.ack, segment.ack_base) = (SeqNum::new(ISN) + ack, SeqNum::new(ISN));
    Event::Received { conn: CONN, state: crate::event::State::Established, segment }
}

fn window(cwnd: u32, ssthresh: Option<u32>, phase: Phase) -> Event {
    Event::CongestionWindow { conn: CONN, cwnd, ssthresh, phase }
}

/// A packet from the client, or to it.
fn packet(out: bool, seq: u32, len: usize) -> Vec<u8> {
    packet_with(out, seq, len, false)
}

fn packet_with(out: bool, seq: u32, len: usize, fin: bool) -> Vec<u8> {
    let (from, to) =
        if out { ([10, 0, 0, 1], [10, 1, 0, 1]) } else { ([10, 1, 0, 1], [10, 0, 0, 1]) };
    let (ports, number) = if out { ((40_000, 5001), seq) } else { ((5001, 40_000), 0) };
    let header = etherparse::PacketBuilder::ipv4(from, to, 64);
    let seq = if out { ISN.wrapping_add(number) } else { 1 };
    let mut bytes = Vec::new();
    let mut tcp = header.tcp(ports.0, ports.1, seq, 1000).ack(ISN.wrapping_add(2897));
    if fin {
        tcp = tcp.fin();
    }
    tcp.write(&mut bytes, &vec![7; len]).expect("memory");
    bytes
}

#[test]
fn a_burst_is_shown_as_its_packets_with_the_window_and_its_reason() {
    let mut client = Client::default();
    assert!(client.event(&burst(1, 2896, Why::NewData)).is_empty());
    let line = client.packet(&packet(true, 1, 1448));
    assert_eq!(line.as_deref(), Some("send seq=1 len=1448"));
    assert!(client.event(&window(15_928, None, Phase::SlowStart)).is_empty());
    let line = client.packet(&packet(true, 1449, 1448));
    assert_eq!(line.as_deref(), Some("send seq=1449 len=1448 cwnd=15928 ssthresh=infinite"));
    assert_eq!(client.packet(&packet(true, 2897, 0)), None, "an acknowledgment has no text");
    assert!(client.bursts.is_empty());
    for (why, words) in [
        (Why::Rto(1), "timeout -> retransmit"),
        (Why::Rto(3), "timeout 3 in a row -> retransmit"),
        (Why::FastRetransmit, "3 duplicate ACKs -> fast retransmit"),
        (Why::Rack, "later ones have arrived -> retransmit"),
        (Why::TailLossProbeNew, "send"),
    ] {
        client.event(&burst(1, 1448, why));
        let line = client.packet(&packet(true, 1, 1448)).expect("it has text");
        assert_eq!(line, format!("{words} seq=1 len=1448 cwnd=15928 ssthresh=infinite"));
    }
}

/// As a rule a transfer ends with it.
#[test]
fn the_end_of_a_connection_that_goes_with_text_is_shown() {
    let mut client = Client::default();
    let mut event = burst(1, 1500, Why::NewData);
    if let Event::Sent { segment, .. } = &mut event {
        segment.flags = Flags::ACK | Flags::FIN;
    }
    assert!(client.event(&event).is_empty());
    assert_eq!(client.packet(&packet(true, 1, 1448)).as_deref(), Some("send seq=1 len=1448"));
    let last = client.packet(&packet_with(true, 1449, 52, true));
    assert_eq!(last.as_deref(), Some("send seq=1449 len=52 FIN"));
}

#[test]
fn duplicates_are_counted_and_changes_of_phase_are_shown() {
    let mut client = Client::default();
    client.event(&burst(1, 4344, Why::NewData));
    for seq in [1, 1449, 2897] {
        client.packet(&packet(true, seq, 1448));
    }
    client.event(&window(15_928, None, Phase::SlowStart));
    let lines = |client: &mut Client, event: &Event| client.event(event).join("; ");
    let tail = "cwnd=15928 ssthresh=infinite";
    assert_eq!(lines(&mut client, &acked(1449)), format!("ack=1449 {tail}"));
    assert_eq!(lines(&mut client, &acked(1449)), format!("ack=1449 (duplicate 1) {tail}"));
    assert_eq!(lines(&mut client, &acked(1449)), format!("ack=1449 (duplicate 2) {tail}"));
    let reduced = window(7964, Some(7964), Phase::FastRecovery);
    let change = "slow start -> fast recovery cwnd=7964 ssthresh=7964";
    assert_eq!(lines(&mut client, &reduced), change);
    assert_eq!(lines(&mut client, &reduced), "");
    // Of everything sent nothing is missing: not a duplicate, but an update of the window.
    for _ in 0..2 {
        assert_eq!(lines(&mut client, &acked(4345)), "ack=4345 cwnd=7964 ssthresh=7964");
    }
    let timer = Event::TimerFired { conn: CONN, timer: TimerKind::DelayedAck };
    assert_eq!(lines(&mut client, &timer), "");
}

#[test]
fn what_the_link_does_is_told_to_its_client_alone() {
    let mut client = Client::default();
    let lost = packet(true, 1449, 1448);
    assert_eq!(client.link(Direction::Out, Effect::Lost, &lost), None, "nobody is known yet");
    client.event(&burst(1, 2896, Why::NewData));
    let out = |effect| client.link(Direction::Out, effect, &lost).expect("its own");
    assert_eq!(out(Effect::Lost), "packet lost seq=1449 len=1448");
    assert_eq!(out(Effect::QueueFull), "packet lost seq=1449 len=1448 (queue full)");
    assert_eq!(out(Effect::Marked), "packet marked seq=1449 len=1448");
    let back = client.link(Direction::In, Effect::Lost, &packet(false, 0, 0));
    assert_eq!(back.as_deref(), Some("acknowledgment lost ack=2897"));
    let mut other = Client::default();
    let mut event = burst(1, 2896, Why::NewData);
    if let Event::Sent { segment, .. } = &mut event {
        segment.local.set_port(40_001);
    }
    other.event(&event);
    assert_eq!(other.link(Direction::Out, Effect::Lost, &lost), None);
    assert_eq!(client.packet(b"no packet"), None);
}
