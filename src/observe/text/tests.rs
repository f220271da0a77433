use std::net::{IpAddr, SocketAddr};

use super::{Verbosity, format, grouped};
use crate::event::{
    Cause, ConnId, Event, Limit, MtuBy, Phase, Refusal, SegmentView, State, TimerKind, Why,
};
use crate::time::Duration;
use crate::wire::icmp::Report;
use crate::wire::tcp::Flags;
use crate::wire::tcp_options::{SackBlock, SackBlocks};
use crate::wire::{SeqNum, ip};

const CONN: ConnId = ConnId(3);

fn local() -> SocketAddr {
    "10.9.0.2:80".parse().unwrap()
}

fn remote() -> SocketAddr {
    "10.9.0.1:40312".parse().unwrap()
}

/// A segment with sequence number 1 and acknowledgment number 80, relative; the sequence number
/// wraps between the first one and this one.
fn segment(flags: Flags, len: u32) -> SegmentView {
    SegmentView {
        local: local(),
        remote: remote(),
        seq: SeqNum::new(0),
        ack: SeqNum::new(1080),
        flags,
        len,
        window: 65_535,
        sack: SackBlocks::new(),
        ecn: 0,
        seq_base: SeqNum::new(u32::MAX),
        ack_base: SeqNum::new(1000),
    }
}

fn sent(flags: Flags, len: u32, why: Why) -> Event {
    Event::Sent {
        conn: Some(CONN),
        state: State::Established,
        segment: segment(flags, len),
        why,
        packets: 1,
    }
}

fn line(event: &Event) -> String {
    let (verbosity, line) = format(event, false).unwrap();
    assert_eq!(verbosity, Verbosity::Segments);
    line
}

#[test]
fn a_change_of_state() {
    let event = Event::StateChanged {
        conn: CONN,
        local: local(),
        remote: remote(),
        from: State::SynReceived,
        to: State::Established,
        cause: Cause::SynAcked,
    };
    let line = "#3 10.9.0.2:80 10.9.0.1:40312 SYN_RCVD -> ESTABLISHED: our SYN was acknowledged";
    assert_eq!(format(&event, false), Some((Verbosity::States, line.to_owned())));
}

#[test]
fn a_segment_sent() {
    assert_eq!(
        line(&sent(Flags::PSH | Flags::ACK, 1448, Why::NewData)),
        "#3 -> PSH,ACK seq=1 ack=80 len=1448 win=65535 (ESTABLISHED)"
    );
}

#[test]
fn a_segment_received() {
    let event = Event::Received {
        conn: CONN,
        state: State::CloseWait,
        segment: segment(Flags::FIN | Flags::ACK, 0),
    };
    assert_eq!(line(&event), "#3 <- FIN,ACK seq=1 ack=80 len=0 win=65535 (CLOSE_WAIT)");
}

#[test]
fn an_acknowledgment_number_is_shown_only_where_there_is_one() {
    assert_eq!(
        line(&sent(Flags::SYN, 0, Why::Handshake)),
        "#3 -> SYN seq=1 len=0 win=65535 (ESTABLISHED)"
    );
}

#[test]
fn marks_and_what_they_lead_to() {
    let flags = Flags::PSH | Flags::ACK | Flags::ECE | Flags::CWR;
    let segment = SegmentView { ecn: ip::CE, ..segment(flags, 9) };
    assert_eq!(
        line(&Event::Received { conn: CONN, state: State::Established, segment }),
        "#3 <- PSH,ACK,ECE,CWR seq=1 ack=80 len=9 win=65535 ce (ESTABLISHED)"
    );
    let echo = Event::Reduced { conn: CONN, why: crate::event::Reduction::Ecn };
    assert_eq!(line(&echo), "#3 window reduced: a mark of congestion");
}

#[test]
fn what_has_arrived_out_of_order() {
    let block = |left, right| SackBlock { left: SeqNum::new(left), right: SeqNum::new(right) };
    let sack = [block(2000, 3000), block(1500, 1600)].into_iter().collect();
    let segment = SegmentView { sack, ..segment(Flags::ACK, 0) };
    let event = Event::Received { conn: CONN, state: State::Established, segment };
    let line = |absolute| format(&event, absolute).unwrap().1;
    assert!(line(false).contains("win=65535 sack=1000..2000,500..600 (E"), "{}", line(false));
    assert!(line(true).contains("win=65535 sack=2000..3000,1500..1600 (E"), "{}", line(true));
}

#[test]
fn absolute_numbers() {
    let event = sent(Flags::ACK, 0, Why::AckNow);
    let (_, line) = format(&event, true).unwrap();
    assert_eq!(line, "#3 -> ACK seq=0 ack=1080 len=0 win=65535 (ESTABLISHED)");
}

#[test]
fn each_retransmission_says_why() {
    let words = |why| line(&sent(Flags::ACK, 9, why));
    let head = "#3 -> ACK seq=1 ack=80 len=9 win=65535 (ESTABLISHED)";
    let cases = [
        (Why::FastRetransmit, ": fast retransmission, after three duplicate acknowledgments"),
        (Why::PartialAck, ": retransmission, after a partial acknowledgment"),
        (Why::GoBackN, ": retransmission, everything since the loss goes again"),
        (Why::Rto(2), ": retransmission, after time-out 2 in a row"),
        (Why::RtoRecovery, ": retransmission, declared lost by the last time-out"),
        (Why::HandshakeRetransmission(1), ": retransmission 1 of the handshake"),
        (Why::ZeroWindowProbe, ": zero-window probe"),
        (Why::Keepalive, ": keepalive probe"),
        (Why::AckQuick, ": quick acknowledgment"),
        (Why::AckDelayed, ": delayed acknowledgment"),
        (Why::Fin, ""),
    ];
    for (why, tail) in cases {
        assert_eq!(words(why), format!("{head}{tail}"));
    }
}

#[test]
fn a_reset_that_belongs_to_no_connection() {
    let event = Event::Sent {
        conn: None,
        state: State::Closed,
        segment: segment(Flags::RST, 0),
        why: Why::Reset,
        packets: 1,
    };
    assert_eq!(line(&event), "- 10.9.0.2:80 -> 10.9.0.1:40312 RST seq=1 len=0 win=65535");
}

#[test]
fn each_drop_says_why() {
    let refused = |conn, reason, segment, addresses| {
        line(&Event::Refused { conn, reason, segment, addresses })
    };
    let addresses: (IpAddr, IpAddr) = (remote().ip(), local().ip());
    let view = segment(Flags::ACK, 5);
    assert_eq!(
        refused(Some(CONN), Refusal::SequenceOld, Some(view.clone()), None),
        "#3 <- ACK seq=1 ack=80 len=5 win=65535 dropped: sequence old"
    );
    assert_eq!(
        refused(None, Refusal::TcpPortClosed, Some(view), Some(addresses)),
        "- 10.9.0.2:80 <- 10.9.0.1:40312 ACK seq=1 ack=80 len=5 win=65535 dropped: tcp port closed"
    );
    assert_eq!(
        refused(Some(CONN), Refusal::ChallengeLimited, None, None),
        "#3 dropped: challenge limited"
    );
    assert_eq!(
        refused(None, Refusal::UdpChecksum, None, Some(addresses)),
        "- 10.9.0.2 <- 10.9.0.1 dropped: udp checksum"
    );
    assert_eq!(refused(None, Refusal::IpTruncated, None, None), "- dropped: ip truncated");
}

#[test]
fn the_congestion_window() {
    let event =
        |ssthresh, phase| Event::CongestionWindow { conn: CONN, cwnd: 14_480, ssthresh, phase };
    assert_eq!(
        line(&event(None, Phase::SlowStart)),
        "#3 cwnd=14480 ssthresh=infinite (slow start)"
    );
    assert_eq!(
        line(&event(Some(7240), Phase::FastRecovery)),
        "#3 cwnd=14480 ssthresh=7240 (fast recovery)"
    );
}

#[test]
fn measurements_are_no_lines() {
    let events = [
        Event::RttSample {
            conn: CONN,
            rtt: Duration::ZERO,
            srtt: Duration::ZERO,
            rto: Duration::ZERO,
        },
        Event::TimerFired { conn: CONN, timer: TimerKind::DelayedAck },
        Event::Limited { conn: CONN, by: Limit::Nagle },
    ];
    for event in events {
        assert_eq!(format(&event, false), None);
    }
}

#[test]
fn levels_include_those_before_them() {
    assert!(Verbosity::States < Verbosity::Segments);
}

#[test]
fn what_the_network_reports() {
    let event =
        Event::IcmpError { conn: CONN, report: Report::HostProhibited, by: [10, 9, 0, 1].into() };
    assert_eq!(line(&event), "#3 <- ICMP: host prohibited by 10.9.0.1");
    let event = Event::PathMtu { conn: CONN, mtu: 1400, mss: 1348, by: MtuBy::Router };
    assert_eq!(line(&event), "#3 path MTU 1400: mss=1348, a router says");
}

#[test]
fn thousands_have_commas() {
    assert_eq!(grouped(0), "0");
    assert_eq!(grouped(999), "999");
    assert_eq!(grouped(1_000), "1,000");
    assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
}
