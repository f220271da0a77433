use proptest::prelude::*;

use super::figures::{Kind, figure};
use super::ladder::Ladder;
use super::*;

/// A run of the simulator over a link that does everything to packets.
pub const EVENTS: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/cubic-9.events.jsonl"));
/// The same as packets.
pub const PACKETS: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/cubic-9.pcapng"));

/// The trace of the connection with most text.
pub fn of_events(lines: &[u8]) -> Trace {
    let survey = events::survey(&mut { lines }).expect("memory can be read");
    let found = survey.choose(None, None).expect("a connection").clone();
    events::trace(&mut { lines }, &found, Span::default(), survey.notes)
        .expect("memory can be read")
}

pub fn of_packets(file: &[u8]) -> Trace {
    let survey = wire::survey(file).expect("a capture");
    let found = survey.choose(None, None).expect("a connection").clone();
    wire::trace(file, &found, Span::default(), survey.notes).expect("a capture")
}

/// An event of connection 1, without host.
pub fn event(ms: u64, name: &str, data: &str) -> String {
    let ns = ms * 1_000_000;
    format!("{{\"time_ns\":{ns},\"conn\":1,\"name\":\"{name}\",\"data\":{{{data}}}}}\n")
}

/// All that is made of a trace.
fn everything(trace: &Trace) {
    for kind in Kind::ALL {
        let svg = figure(trace, kind, Duration::ZERO).svg();
        assert!(svg.trim_end().ends_with("</svg>"));
    }
    assert!(Ladder::new(trace).svg().trim_end().ends_with("</svg>"));
    for all in [true, false] {
        assert!(story::tell(trace, all).len() > 1);
    }
}

#[test]
fn a_recorded_run_is_the_same_from_events_and_from_packets() {
    let (events, packets) = (of_events(EVENTS), of_packets(PACKETS));
    for trace in [&events, &packets] {
        assert_eq!(trace.found.number, 1);
        assert_eq!(trace.found.place.as_deref(), Some("sender"));
        assert_eq!(trace.sums(Side::Local).text, 1000);
        assert_eq!(trace.sums(Side::Local).acked, 1002, "with SYN and FIN");
        assert_eq!(trace.sender(), Side::Local);
        everything(trace);
    }
    assert_eq!(events.end, packets.end);
    assert!(!events.from_wire && packets.from_wire);
}

#[test]
fn numbers_go_on_after_4_gib() {
    assert_eq!(unwrapped(5, (1 << 32) - 5), (1 << 32) + 5);
    assert_eq!(unwrapped(u32::MAX, 1 << 32), (1 << 32) - 1);
    assert_eq!(unwrapped(u32::MAX, 0), 0, "there is nothing before the SYN");
    assert_eq!(unwrapped(0, u64::MAX), u64::MAX, "nor after the last");
}

#[test]
fn what_is_kept_has_a_limit_and_says_so() {
    let mut lines = String::new();
    for number in 0..20 {
        lines += &event(number, "timer_fired", "\"timer\":\"pacing\"");
    }
    let survey = events::survey(&mut lines.as_bytes()).unwrap();
    let mut builder = Builder::new(survey.found[0].clone(), false, Span::default());
    builder.most = 5;
    for number in 0..20 {
        builder.add(Instant::from_millis(100 + number), What::Missing(1));
    }
    let trace = builder.finish(Vec::new());
    assert_eq!((trace.moments.len(), trace.not_kept), (5, 15));
    assert_eq!(trace.end, Instant::from_millis(19), "counted from the first");
    assert!(trace.remark().unwrap().contains("the first 5 moments are shown, up to 0.004 s"));
    everything(&trace);
}

#[test]
fn a_part_of_a_connection_is_counted_from_its_beginning() {
    let survey = events::survey(&mut { EVENTS }).unwrap();
    let span = Span { from: Duration::from_millis(1043), to: Duration::from_millis(1086) };
    let trace = events::trace(&mut { EVENTS }, &survey.found[0], span, Vec::new()).unwrap();
    assert!(trace.moments.iter().all(|m| (1043..=1086).contains(&m.at.as_millis())));
    assert!(!trace.moments.is_empty());
    assert_eq!(trace.sums(Side::Local).text, 1000, "all of it is counted");
    assert!(trace.end.as_millis() <= 1086 && trace.whole.as_millis() > 1086);
    let svg = figure(&trace, Kind::Rtt, span.from).svg();
    assert!(svg.contains("\n1.05\n") && !svg.contains("\n0.5\n"), "{svg}");
}

/// Makes all there is to be made of a file, whatever is in it.
fn survives(bytes: &[u8]) {
    let survey = events::survey(&mut { bytes }).expect("memory can be read");
    for found in survey.found.iter().take(3) {
        let span = Span::default();
        everything(&events::trace(&mut { bytes }, found, span, Vec::new()).expect("memory"));
    }
    let Ok(survey) = wire::survey(bytes) else { return };
    for found in survey.found.iter().take(3) {
        everything(&wire::trace(bytes, found, Span::default(), Vec::new()).expect("as before"));
    }
}

/// A file of ours with some bytes that are others, and perhaps an early end.
fn mutated(original: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    let change = (0..original.len(), any::<u8>());
    (prop::collection::vec(change, 0..40), 0..original.len(), any::<bool>()).prop_map(
        move |(changes, end, cut)| {
            let mut bytes = original.to_vec();
            changes.into_iter().for_each(|(at, byte)| bytes[at] = byte);
            if cut {
                bytes.truncate(end);
            }
            bytes
        },
    )
}

/// Lines of JSON whose numbers are extreme.
fn extreme() -> impl Strategy<Value = Vec<u8>> {
    let number =
        prop_oneof![Just(0), Just(1), Just(u64::from(u32::MAX)), Just(u64::MAX), any::<u64>()];
    let name = prop_oneof![
        Just("sent"),
        Just("received"),
        Just("lost"),
        Just("congestion_window"),
        Just("rtt_sample"),
        Just("limited"),
        Just("refused"),
        Just("events_lost"),
    ];
    let line = (name, prop::collection::vec(number, 6)).prop_map(|(name, n)| {
        let conn = if name == "events_lost" { String::new() } else { "\"conn\":1,".to_owned() };
        format!(
            "{{\"time_ns\":{},{conn}\"name\":\"{name}\",\"data\":{{\"flags\":\"ACK\",\"seq_relative\":{},\
             \"ack_relative\":{},\"len\":{},\"window\":{},\"sack_relative\":[[{},{}]],\"cwnd\":{},\
             \"start_relative\":{},\"rtt_ns\":{},\"srtt_ns\":{},\"count\":{},\"by\":\"pacing\"}}}}\n",
            n[0], n[1], n[2], n[3], n[4], n[5], n[0], n[1], n[2], n[3], n[4], n[5]
        )
    });
    prop::collection::vec(line, 1..12).prop_map(|lines| lines.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        survives(&bytes);
        let mut capture = PACKETS[..200].to_vec();
        capture.extend(bytes);
        survives(&capture);
    }

    #[test]
    fn damaged_events_are_survived(bytes in mutated(EVENTS)) {
        survives(&bytes);
    }

    #[test]
    fn damaged_packets_are_survived(bytes in mutated(PACKETS)) {
        survives(&bytes);
    }

    #[test]
    fn extreme_numbers_are_survived(bytes in extreme()) {
        survives(&bytes);
    }
}
