use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::write;
use crate::event::{
    Cause, ConnId, Event, Limit, LostBy, MtuBy, Phase, Reduction, Refusal, SegmentView, State,
    TimerKind, UndoneBy, Why,
};
use crate::time::{Duration, Instant};
use crate::wire::icmp::Report;
use crate::wire::tcp::Flags;
use crate::wire::tcp_options::{SackBlock, SackBlocks};
use crate::wire::{SeqNum, ip};

const CONN: ConnId = ConnId(3);
const ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 9, 0, 1));

fn local() -> SocketAddr {
    "10.9.0.2:80".parse().unwrap()
}

fn remote() -> SocketAddr {
    "10.9.0.1:40312".parse().unwrap()
}

/// A segment whose sequence number has wrapped since the first one.
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

/// An acknowledgment with two SACK blocks.
fn reporting() -> SegmentView {
    let block = |left, right| SackBlock { left: SeqNum::new(left), right: SeqNum::new(right) };
    let sack = [block(2000, 3000), block(1500, 1600)].into_iter().collect();
    SegmentView { sack, ..segment(Flags::ACK, 0) }
}

fn line(host: Option<&str>, event: &Event) -> String {
    let mut out = Vec::new();
    write(&mut out, Instant::from_millis(1500), host, event).unwrap();
    let line = String::from_utf8(out).unwrap();
    line.strip_suffix('\n').expect("a line").to_owned()
}

/// Events about segments, with what follows the time and the host.
fn segments() -> Vec<(Event, &'static str)> {
    let data = segment(Flags::PSH | Flags::ACK, 1448);
    let syn = segment(Flags::SYN, 0);
    let ack = reporting();
    let capable = SegmentView { ecn: ip::ECT_0, ..segment(Flags::ACK, 9) };
    let flags = Flags::ACK | Flags::ECE | Flags::CWR;
    let marked = SegmentView { ecn: ip::CE, ..segment(flags, 9) };
    let (conn, state) = (Some(CONN), State::Established);
    vec![
        (
            Event::Sent { conn, state, segment: data.clone(), why: Why::Rto(2), packets: 1 },
            r#""conn":3,"name":"sent","data":{"state":"ESTABLISHED","local":"10.9.0.2:80","remote":"10.9.0.1:40312","flags":"PSH,ACK","seq":0,"seq_relative":1,"ack":1080,"ack_relative":80,"len":1448,"window":65535,"why":"rto","count":2}}"#,
        ),
        (
            Event::Sent { conn: None, state, segment: syn.clone(), why: Why::Reset, packets: 1 },
            r#""name":"sent","data":{"local":"10.9.0.2:80","remote":"10.9.0.1:40312","flags":"SYN","seq":0,"seq_relative":1,"len":0,"window":65535,"why":"reset"}}"#,
        ),
        (
            Event::Sent { conn, state, segment: ack.clone(), why: Why::AckNow, packets: 1 },
            r#""conn":3,"name":"sent","data":{"state":"ESTABLISHED","local":"10.9.0.2:80","remote":"10.9.0.1:40312","flags":"ACK","seq":0,"seq_relative":1,"ack":1080,"ack_relative":80,"len":0,"window":65535,"sack_relative":[[1000,2000],[500,600]],"why":"ack_now"}}"#,
        ),
        (
            Event::Received { conn: CONN, state, segment: ack.clone() },
            r#""conn":3,"name":"received","data":{"state":"ESTABLISHED","local":"10.9.0.2:80","remote":"10.9.0.1:40312","flags":"ACK","seq":0,"seq_relative":1,"ack":1080,"ack_relative":80,"len":0,"window":65535,"sack_relative":[[1000,2000],[500,600]]}}"#,
        ),
        (
            Event::Received { conn: CONN, state, segment: data.clone() },
            r#""conn":3,"name":"received","data":{"state":"ESTABLISHED","local":"10.9.0.2:80","remote":"10.9.0.1:40312","flags":"PSH,ACK","seq":0,"seq_relative":1,"ack":1080,"ack_relative":80,"len":1448,"window":65535}}"#,
        ),
        (
            Event::Received { conn: CONN, state, segment: marked.clone() },
            r#""conn":3,"name":"received","data":{"state":"ESTABLISHED","local":"10.9.0.2:80","remote":"10.9.0.1:40312","flags":"ACK,ECE,CWR","seq":0,"seq_relative":1,"ack":1080,"ack_relative":80,"len":9,"window":65535,"ecn":"ce"}}"#,
        ),
        (
            Event::Sent { conn, state, segment: capable, why: Why::NewData, packets: 2 },
            r#""conn":3,"name":"sent","data":{"state":"ESTABLISHED","local":"10.9.0.2:80","remote":"10.9.0.1:40312","flags":"ACK","seq":0,"seq_relative":1,"ack":1080,"ack_relative":80,"len":9,"window":65535,"ecn":"ect0","why":"new_data","packets":2}}"#,
        ),
        (
            Event::Refused {
                conn,
                reason: Refusal::SequenceOld,
                segment: Some(marked),
                addresses: None,
            },
            r#""conn":3,"name":"refused","data":{"reason":"sequence_old","local":"10.9.0.2:80","remote":"10.9.0.1:40312","flags":"ACK,ECE,CWR","seq":0,"seq_relative":1,"ack":1080,"ack_relative":80,"len":9,"window":65535,"ecn":"ce"}}"#,
        ),
        (
            Event::Received { conn: CONN, state: State::SynReceived, segment: syn },
            r#""conn":3,"name":"received","data":{"state":"SYN_RCVD","local":"10.9.0.2:80","remote":"10.9.0.1:40312","flags":"SYN","seq":0,"seq_relative":1,"len":0,"window":65535}}"#,
        ),
        (
            Event::Refused {
                conn,
                reason: Refusal::SequenceOld,
                segment: Some(data),
                addresses: None,
            },
            r#""conn":3,"name":"refused","data":{"reason":"sequence_old","local":"10.9.0.2:80","remote":"10.9.0.1:40312","flags":"PSH,ACK","seq":0,"seq_relative":1,"ack":1080,"ack_relative":80,"len":1448,"window":65535}}"#,
        ),
        (
            Event::Refused {
                conn,
                reason: Refusal::AckTooOld,
                segment: Some(ack),
                addresses: None,
            },
            r#""conn":3,"name":"refused","data":{"reason":"ack_too_old","local":"10.9.0.2:80","remote":"10.9.0.1:40312","flags":"ACK","seq":0,"seq_relative":1,"ack":1080,"ack_relative":80,"len":0,"window":65535,"sack_relative":[[1000,2000],[500,600]]}}"#,
        ),
        (
            Event::Refused {
                conn: None,
                reason: Refusal::IpFragment,
                segment: None,
                addresses: Some((remote().ip(), local().ip())),
            },
            r#""name":"refused","data":{"reason":"ip_fragment","source":"10.9.0.1","destination":"10.9.0.2"}}"#,
        ),
        (
            Event::Refused {
                conn: None,
                reason: Refusal::IpTruncated,
                segment: None,
                addresses: None,
            },
            r#""name":"refused","data":{"reason":"ip_truncated"}}"#,
        ),
    ]
}

/// All other events, likewise.
fn others() -> Vec<(Event, &'static str)> {
    let (conn, local, remote) = (CONN, local(), remote());
    let (from, to, cause) = (State::SynReceived, State::Established, Cause::SynAcked);
    let (phase, ssthresh) = (Phase::SlowStart, Some(7240));
    let (rtt, srtt) = (Duration::from_nanos(1_234_567), Duration::from_millis(2));
    let rto = Duration::from_millis(200);
    vec![
        (
            Event::StateChanged { conn, local, remote, from, to, cause },
            r#""conn":3,"name":"state_changed","data":{"local":"10.9.0.2:80","remote":"10.9.0.1:40312","from":"SYN_RCVD","to":"ESTABLISHED","cause":"syn_acked"}}"#,
        ),
        (
            Event::CongestionWindow { conn, cwnd: 14_480, ssthresh: None, phase },
            r#""conn":3,"name":"congestion_window","data":{"cwnd":14480,"phase":"slow_start"}}"#,
        ),
        (
            Event::CongestionWindow { conn, cwnd: 14_480, ssthresh, phase },
            r#""conn":3,"name":"congestion_window","data":{"cwnd":14480,"ssthresh":7240,"phase":"slow_start"}}"#,
        ),
        (
            Event::Lost { conn, start: 2897, len: 1448, by: LostBy::Rack },
            r#""conn":3,"name":"lost","data":{"start_relative":2897,"len":1448,"found_by":"rack"}}"#,
        ),
        (
            Event::Reduced { conn, why: Reduction::Loss },
            r#""conn":3,"name":"reduced","data":{"reduced_for":"loss"}}"#,
        ),
        (
            Event::Undone { conn, by: UndoneBy::Eifel },
            r#""conn":3,"name":"undone","data":{"shown_by":"eifel"}}"#,
        ),
        (
            Event::IcmpError { conn, report: Report::HostProhibited, by: ROUTER },
            r#""conn":3,"name":"icmp_error","data":{"report":"host_prohibited","reporter":"10.9.0.1"}}"#,
        ),
        (
            Event::IcmpError {
                conn,
                report: Report::FragmentationNeeded { mtu: 1400 },
                by: ROUTER,
            },
            r#""conn":3,"name":"icmp_error","data":{"report":"fragmentation_needed","mtu":1400,"reporter":"10.9.0.1"}}"#,
        ),
        (
            Event::PathMtu { conn, mtu: 1400, mss: 1348, by: MtuBy::Router },
            r#""conn":3,"name":"path_mtu","data":{"mtu":1400,"mss":1348,"known_by":"router"}}"#,
        ),
        (
            Event::RttSample { conn, rtt, srtt, rto },
            r#""conn":3,"name":"rtt_sample","data":{"rtt_ns":1234567,"srtt_ns":2000000,"rto_ns":200000000}}"#,
        ),
        (
            Event::TimerFired { conn, timer: TimerKind::DelayedAck },
            r#""conn":3,"name":"timer_fired","data":{"timer":"delayed_ack"}}"#,
        ),
        (
            Event::Limited { conn, by: Limit::PeerWindow },
            r#""conn":3,"name":"limited","data":{"by":"peer_window"}}"#,
        ),
        (
            Event::TimerArmed {
                conn,
                timer: TimerKind::Retransmission,
                at: Instant::from_millis(1700),
            },
            r#""conn":3,"name":"timer_armed","data":{"timer":"retransmission","due_ns":1700000000}}"#,
        ),
        (
            Event::TimerCancelled { conn, timer: TimerKind::Persist },
            r#""conn":3,"name":"timer_cancelled","data":{"timer":"persist"}}"#,
        ),
        (Event::AppRead { conn, len: 80 }, r#""conn":3,"name":"app_read","data":{"len":80}}"#),
        (
            Event::AppWrote { conn, len: 65_536 },
            r#""conn":3,"name":"app_wrote","data":{"len":65536}}"#,
        ),
        (
            Event::Impaired {
                outbound: true,
                effect: "lost",
                addresses: Some((local.ip(), remote.ip())),
                len: 1500,
            },
            r#""name":"impaired","data":{"direction":"out","effect":"lost","len":1500,"source":"10.9.0.2","destination":"10.9.0.1"}}"#,
        ),
        (
            Event::Impaired { outbound: false, effect: "queue_full", addresses: None, len: 3 },
            r#""name":"impaired","data":{"direction":"in","effect":"queue_full","len":3}}"#,
        ),
    ]
}

/// Every event there is: see `each_event_has_an_example`.
fn examples() -> Vec<(Event, &'static str)> {
    [segments(), others()].concat()
}

#[test]
fn events_are_these_lines() {
    for (event, rest) in examples() {
        assert_eq!(line(None, &event), format!(r#"{{"time_ns":1500000000,{rest}"#));
        let host = r#"{"time_ns":1500000000,"host":"a \"b\"","#;
        assert_eq!(line(Some("a \"b\""), &event), format!("{host}{rest}"));
    }
}

#[test]
fn each_event_has_an_example() {
    let number = |event: &Event| match event {
        Event::Sent { .. } => 0,
        Event::Received { .. } => 1,
        Event::Refused { .. } => 2,
        Event::StateChanged { .. } => 3,
        Event::CongestionWindow { .. } => 4,
        Event::IcmpError { .. } => 5,
        Event::PathMtu { .. } => 6,
        Event::RttSample { .. } => 7,
        Event::TimerFired { .. } => 8,
        Event::Limited { .. } => 9,
        Event::Lost { .. } => 10,
        Event::Reduced { .. } => 11,
        Event::Undone { .. } => 12,
        Event::TimerArmed { .. } => 13,
        Event::TimerCancelled { .. } => 14,
        Event::AppRead { .. } => 15,
        Event::AppWrote { .. } => 16,
        Event::Impaired { .. } => 17,
    };
    let numbers: BTreeSet<i32> = examples().iter().map(|(event, _)| number(event)).collect();
    assert!(numbers.into_iter().eq(0..18));
}

#[test]
fn an_error_of_the_file_comes_back() {
    let (event, _) = others().remove(0);
    let error = write(&mut &mut [0; 60][..], Instant::ZERO, None, &event).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WriteZero);
}

/// The names of all variants of an enum under the key `$key`, in order; one that is left out here
/// does not compile.
macro_rules! names {
    ($key:literal, $kind:ident: $($variant:ident $(($n:literal))? $({ $field:ident: $value:literal })?),+) => {{
        let _ = |one: $kind| match one { $($kind::$variant { .. } => (),)+ };
        [$($kind::$variant $(($n))? $({ $field: $value })?),+].map(|one| name($key, &one)).to_vec()
    }};
}

/// The name of a value, which stands alone or under `key`.
fn name(key: &str, value: &impl Serialize) -> String {
    let json = serde_json::to_value(value).unwrap();
    json.get(key).unwrap_or(&json).as_str().expect("a name").to_owned()
}

/// What each field that holds a name can hold.
fn values() -> Vec<(&'static str, Vec<String>)> {
    vec![
        ("state", State::ALL.map(|state| state.name().to_owned()).to_vec()),
        (
            "why",
            names!("why", Why: Handshake, HandshakeRetransmission(1), HandshakeAnswer, SynCookie, NewData, Fin,
                FastRetransmit, Rack, TailLossProbe, TailLossProbeNew, PartialAck, GoBackN, Rto(1), RtoRecovery, PathMtu, SynText, PathMtuProbe, ZeroWindowProbe,
                Keepalive, AckNow, AckQuick, AckDelayed, WindowUpdate, Challenge, Reset),
        ),
        (
            "cause",
            names!("cause", Cause: Connect, SynArrived, SynCookie, NoRoom, SynAckArrived, SynAcked, FinArrived,
                FinAcked, UserClose, UserAbort, Killed, ResetArrived, IcmpError, DataAfterClose,
                RetransmissionLimit, UserTimeout, KeepaliveLimit, LingerTimeout, FinWait2Timeout,
                TimeWaitOver, TimeWaitReused, StackShutdown),
        ),
        (
            "phase",
            names!("phase", Phase: SlowStart, CongestionAvoidance, FastRecovery, Reducing, RtoRecovery),
        ),
        (
            "report",
            names!("report", Report: NetworkUnreachable, HostUnreachable, ProtocolUnreachable,
                PortUnreachable, FragmentationNeeded { mtu: 0 }, NetworkUnknown, HostUnknown,
                NetworkProhibited, HostProhibited, Prohibited, TimeExceeded, ParameterProblem),
        ),
        (
            "timer",
            names!("timer", TimerKind: Retransmission, Reordering, TailLossProbe, Pacing, Persist, DelayedAck, Keepalive, Close),
        ),
        (
            "by",
            names!("by", Limit: Nothing, State, CongestionWindow, PeerWindow, Nagle, Cork, SillyWindow,
                Pacing),
        ),
        (
            "found_by",
            names!("found_by", LostBy: Duplicates, Rack, Timeout, PathMtu, SynText, Reneged),
        ),
        ("known_by", names!("known_by", MtuBy: Router, BlackHole, Probe)),
        (
            "reduced_for",
            names!("reduced_for", Reduction: Loss, TailLoss, Timeout, Ecn, Idle, Unused),
        ),
        ("shown_by", names!("shown_by", UndoneBy: Eifel, Dsack, Frto, NothingMissing)),
    ]
}

/// `docs/events.md`.
fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/events.md");
    fs::read_to_string(path).unwrap()
}

/// The rows of the table under a heading of the page, without its own two first lines; each cell
/// trimmed.
fn table<'a>(page: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).expect(heading);
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    rows.skip(2).map(|row| row.split('|').map(str::trim).collect()).collect()
}

/// What stands in backquotes in a cell, in order.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Each event's fields as the page marks them, read off the lines of the examples.
fn fields_written() -> BTreeMap<String, BTreeSet<String>> {
    let mut seen: BTreeMap<String, Vec<BTreeSet<String>>> = BTreeMap::new();
    for (event, _) in examples() {
        let json: Value = serde_json::from_str(&line(None, &event)).unwrap();
        let fields = json["data"].as_object().unwrap().keys().cloned().collect();
        seen.entry(json["name"].as_str().unwrap().to_owned()).or_default().push(fields);
    }
    let mark = |lines: &[BTreeSet<String>], field: &String| {
        let always = lines.iter().all(|fields| fields.contains(field));
        if always { field.clone() } else { format!("{field}?") }
    };
    seen.into_iter()
        .map(|(name, lines)| (name, lines.iter().flatten().map(|f| mark(&lines, f)).collect()))
        .collect()
}

#[test]
fn the_page_has_the_events_and_their_fields() {
    let page = page();
    let on_page: BTreeMap<String, BTreeSet<String>> = table(&page, "Names")
        .iter()
        .map(|row| (quoted(row[0]).concat(), quoted(row[2]).into_iter().collect()))
        .collect();
    assert_eq!(on_page, fields_written());

    let all: BTreeSet<String> =
        on_page.values().flatten().map(|field| field.replace('?', "")).collect();
    let data = table(&page, "Data");
    let described: BTreeSet<String> = data.iter().map(|row| quoted(row[0]).concat()).collect();
    assert_eq!(described, all);
    for row in data {
        assert_eq!(row[0].ends_with("_ns`"), row[1] == "ns", "{row:?}");
    }
}

#[test]
fn the_page_has_the_envelope() {
    let (event, _) = others().remove(0);
    let json: Value = serde_json::from_str(&line(Some("server"), &event)).unwrap();
    let written: BTreeSet<&String> = json.as_object().unwrap().keys().collect();
    let page = page();
    let on_page: Vec<String> = table(&page, "Envelope").iter().flat_map(|r| quoted(r[0])).collect();
    assert_eq!(on_page.iter().collect::<BTreeSet<_>>(), written);
}

#[test]
fn the_page_has_the_values() {
    let page = page();
    let on_page: Vec<(String, Vec<String>)> = table(&page, "Values")
        .iter()
        .map(|row| (quoted(row[0]).swap_remove(0), quoted(row[1])))
        .collect();
    let written = values().into_iter().map(|(field, values)| (field.to_owned(), values));
    assert_eq!(on_page, written.collect::<Vec<_>>());
}

#[test]
fn the_page_shows_real_lines() {
    let written: Vec<String> =
        examples().iter().map(|(event, _)| line(Some("server"), event)).collect();
    let page = page();
    let shown = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    for line in shown.lines() {
        assert!(written.iter().any(|one| one == line), "{line}");
    }
}

#[test]
fn reasons_have_the_names_that_they_say() {
    let names: Vec<_> = Why::ALL.iter().map(|why| name("why", why)).collect();
    assert_eq!(names, Why::ALL.map(Why::name));
    let (_, written) = values().into_iter().find(|(field, _)| *field == "why").unwrap();
    assert_eq!(written, names);
}
