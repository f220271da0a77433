use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::event::{ConnId, Glance, Limit, Refusal, State};
use crate::time::Duration;
use crate::wire::Packet;

fn filter(text: &str) -> Filter {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A packet of TCP from 10.9.0.1:4000 to 10.9.0.2:80.
fn packet() -> Packet {
    let mut bytes = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, ip::TCP, 0, 0, 10, 9, 0, 1, 10, 9, 0, 2];
    bytes.extend([0x0f, 0xa0, 0, 80]);
    bytes.resize(40, 0);
    Packet::new(Bytes::from(bytes))
}

const GLANCE: Glance = Glance {
    conn: ConnId(7),
    state: State::Established,
    cwnd: 14_480,
    ssthresh: None,
    srtt: None,
    rto: Duration::from_secs(1),
    in_flight: 0,
    limit: Limit::Nothing,
};

/// Whether a packet for connection 7, which was refused, is let through.
fn received(text: &str) -> bool {
    let (packet, glance, refused) = (&packet(), Some(&GLANCE), Some(Refusal::SequenceOld));
    filter(text).lets_through(&PacketView::Received {
        packet,
        conn: Some((ConnId(7), State::Established)),
        glance,
        refused,
    })
}

/// Whether a reset that belongs to no connection is.
fn sent(text: &str) -> bool {
    let mut header = crate::wire::HeaderBuf::new();
    crate::wire::append(&mut header, &packet().bytes);
    let burst = &crate::wire::Burst {
        header,
        ip_header_len: 20,
        protocol: ip::TCP,
        payload: Default::default(),
        payload_len: 0,
        segment_size: 0,
    };
    let sent = Some((None, State::Closed, Why::RtoRecovery));
    filter(text).lets_through(&PacketView::Sent { burst, glance: None, sent })
}

#[test]
fn each_term_lets_through_what_it_says() {
    for text in [
        "",
        "tcp",
        "in",
        "host 10.9.0.1",
        "host 10.9.0.2",
        "port 80",
        "port 4000",
        "conn 7",
        "conn #7",
        "refused",
        "not udp",
        "not out",
        "not not tcp",
        "not port 81",
    ] {
        assert!(received(text), "{text}");
    }
    for text in ["udp", "icmp", "out", "host 10.9.0.3", "port 81", "conn 8", "impaired", "why rack"]
    {
        assert!(!received(text), "{text}");
    }
    for text in ["out", "why rto-recovery", "why rto_recovery", "not conn 7"] {
        assert!(sent(text), "{text}");
    }
    for text in ["in", "why rto", "refused", "conn 7"] {
        assert!(!sent(text), "{text}");
    }
    let (packet, effect) = (&packet().bytes, "lost");
    let impaired = PacketView::Impaired { outbound: true, packet, effect };
    for (text, expected) in
        [("impaired", true), ("impaired out", true), ("in", false), ("conn 7", false)]
    {
        assert_eq!(filter(text).lets_through(&impaired), expected, "{text}");
    }
}

#[test]
fn and_binds_more_tightly_than_or_and_may_be_left_out() {
    assert!(received("udp or tcp and port 80"));
    assert!(received("tcp port 80"));
    assert!(!received("(udp or tcp) and port 81"));
    assert!(received("udp and port 81 or tcp"));
    assert!(!received("udp and (port 81 or tcp)"));
    assert!(received("not(udp)and(in)"));
}

#[test]
fn what_is_wrong_is_named() {
    let error = |text: &str| text.parse::<Filter>().unwrap_err();
    assert_eq!(error("sctp"), FilterError::Unknown("sctp".to_owned()));
    assert_eq!(error("(tcp"), FilterError::Open);
    assert_eq!(error("tcp )"), FilterError::Surplus(")".to_owned()));
    assert!(matches!(error("port http"), FilterError::Missing(..)));
    assert!(matches!(error("host"), FilterError::Missing(..)));
    assert!(matches!(error("tcp and"), FilterError::Missing(..)));
    assert!(matches!(error("conn x"), FilterError::Missing(..)));
    assert!(matches!(error("why rakc"), FilterError::Missing(..)));
    for long in ["not ".repeat(99), "( ".repeat(99), "tcp ".repeat(99), "tcp or ".repeat(99)] {
        assert_eq!(error(&long), FilterError::TooLong);
    }
}

#[test]
fn what_is_but_a_record_is_of_its_connection_too() {
    let conn = Some((ConnId(7), State::TimeWait));
    let view = PacketView::Received { packet: &packet(), conn, glance: None, refused: None };
    assert!(filter("conn 7").lets_through(&view) && !filter("conn 8").lets_through(&view));
}

#[test]
fn a_packet_of_nothing_has_no_ends() {
    let packet = Packet::new(Bytes::from_static(&[0x4f; 20]));
    let view = PacketView::Received { packet: &packet, conn: None, glance: None, refused: None };
    assert!(!filter("port 80").lets_through(&view));
    let packet = Packet::new(Bytes::new());
    let view = PacketView::Received { packet: &packet, conn: None, glance: None, refused: None };
    assert!(!filter("host 10.9.0.1").lets_through(&view));
}

proptest! {
    #[test]
    fn whatever_is_said_ends(words in proptest::collection::vec(
        prop_oneof![Just("("), Just(")"), Just("not"), Just("and"), Just("or"), Just("tcp"), Just("port"), Just("1")]
            .prop_map(String::from), 0..40)
    ) {
        let _ = words.join(" ").parse::<Filter>();
    }
}
