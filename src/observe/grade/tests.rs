use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::observe::trace::{Span, events, wire};

/// A recording of the simulator, by the name of a host.
fn recorded(at: &str) -> (Trace, usize) {
    let bytes = include_bytes!("../../../tests/golden/cubic-9.events.jsonl");
    let survey = events::survey(&mut &bytes[..]).expect("readable");
    let found = survey.choose(None, Some(at)).expect("there is one");
    let there = survey.found.iter().filter(|found| found.place.as_deref() == Some(at)).count();
    let trace = events::trace(&mut &bytes[..], found, Span::default(), Vec::new());
    (trace.expect("readable"), there)
}

/// The same run as packets.
fn captured() -> Trace {
    let bytes = include_bytes!("../../../tests/golden/cubic-9.pcapng");
    let survey = wire::survey(&bytes[..]).expect("readable");
    let found = survey.choose(None, Some("sender")).expect("there is one");
    wire::trace(&bytes[..], found, Span::default(), Vec::new()).expect("readable")
}

fn of_lines(lines: &str) -> Trace {
    let survey = events::survey(&mut lines.as_bytes()).expect("readable");
    let found = survey.choose(None, None).expect("there is one");
    let notes = survey.notes.clone();
    events::trace(&mut lines.as_bytes(), found, Span::default(), notes).expect("readable")
}

fn grades(rules: &str, trace: &Trace) -> Vec<Grade> {
    let rules: Rules = rules.parse().unwrap_or_else(|error| panic!("{error}"));
    let mut findings = Findings::default();
    for place in rules.places() {
        rules.look_at(&mut findings, &place, (trace, 1));
    }
    rules.judge(&findings)
}

fn verdict(rule: &str, trace: &Trace) -> (Verdict, String) {
    let grade = grades(rule, trace).remove(0);
    (grade.verdict, grade.seen)
}

#[test]
fn rules_are_told_apart_and_kept_as_they_are_written() {
    let text = "fast-retransmits == 1, rto==0\n# a comment\n\n at \"sender 1\" conn 3:  closed by peer # so\n\
                conn 2: goodput in 1mbit..20mbit,";
    let rules: Rules = text.parse().expect("rules");
    let written: Vec<String> = rules.rules.iter().map(Rule::to_string).collect();
    let expected = [
        "fast-retransmits == 1",
        "rto==0",
        "at \"sender 1\" conn 3:  closed by peer",
        "conn 2: goodput in 1mbit..20mbit",
    ];
    assert_eq!(written, expected);
    let places: Vec<String> = rules.places().iter().map(Place::to_string).collect();
    assert_eq!(places, ["the connection with most text", "conn 2", "sender 1 conn 3"]);
    // Hyphens, underscores, spaces and cases are one.
    for alike in ["Fast_Retransmits = 1", "fast retransmits == 1"] {
        let one: Rules = alike.parse().expect("a rule");
        assert_eq!(one.rules[0].claim, rules.rules[0].claim, "{alike}");
    }
}

#[test]
fn every_measure_can_be_asked_for() {
    for measure in MEASURES {
        let name = measure.names().first().copied().unwrap_or_default().replace('_', "-");
        let phrase = measure.phrase.replace("NAME", &name);
        let pick = if measure.is_series() { " p99" } else { "" };
        let value = match measure.unit {
            Unit::Times => "3",
            Unit::Bytes => "3k",
            Unit::Time => "3ms",
            Unit::Rate => "3mbit",
        };
        let rule = format!("{phrase}{pick} <= {value}, 0.5 * {phrase}{pick} of x == 1");
        let rule = rule.split(", ").next().unwrap_or_default();
        let rules: Rules = rule.parse().unwrap_or_else(|error| panic!("{rule}: {error}"));
        let Claim::Compares(read, ..) = &rules.rules[0].claim else { panic!("{rule}") };
        assert_eq!((read.phrase, read.unit), (measure.phrase, measure.unit), "{rule}");
        let quantity = format!("0.5 * {phrase}{pick} of there conn 4");
        let quantity: Quantity = quantity.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(quantity.place().to_string(), "there conn 4");
    }
    // Those that hold a sender back are the ones of the events.
    let sent = MEASURES.iter().find(|measure| measure.phrase == "limited-by NAME").expect("there");
    for limit in ["nagle", "peer_window", "silly_window"] {
        assert!(sent.names().contains(&limit));
    }
}

#[test]
fn what_cannot_be_read_is_said_with_its_place() {
    for (text, place, problem) in [
        ("", "line 1, column 1", "there is no rule here"),
        ("rto == 0,\n  fast-retransmit == 1", "line 2, column 3", "perhaps 'fast-retransmits'"),
        ("cwmd max > 3", "line 1, column 1", "nothing that can be measured"),
        ("cwnd > 3", "line 1, column 6", "which cwnd (first, min, mean, median, p99, max, last)"),
        ("cwnd max", "line 1, column 9", "here a comparison such as == or <= is missing"),
        ("cwnd max <> 3", "line 1, column 11", "'>' is nothing that can be measured"),
        ("cwnd max == 3ms", "line 1, column 13", "'3ms' is not a size"),
        ("rtt max == 3", "line 1, column 12", "'3' has no unit: write 200ms"),
        ("goodput > 10Mbps", "line 1, column 11", "bits for some and bytes for others: write"),
        ("rtt max <= cwnd max", "line 1, column 12", "a bytes, and cannot be compared with a time"),
        ("rto == 0 fast-retransmits == 1", "line 1, column 10", "between rules there is a comma"),
        ("rto == many", "line 1, column 8", "'many' is nothing that can be measured"),
        ("rtt max in 1ms-2ms", "line 1, column 12", "'1ms-2ms' is not a time"),
        ("rtt max in 1ms", "line 1, column 15", "here .. is missing"),
        ("state reaches OPEN", "line 1, column 15", "'OPEN' is no state; there are LISTEN"),
        ("state is OPEN", "line 1, column 7", "'reaches', 'never' or 'path'"),
        ("closed by me", "line 1, column 11", "there are us, peer, both, reset, nobody"),
        ("opened by reset", "line 1, column 11", "there are us, peer, both"),
        ("sent racks == 1", "line 1, column 6", "perhaps 'rack'; docs/events.md"),
        ("sent == 1", "line 1, column 10", "a name is missing, after 'sent'"),
        ("rto in 5..1", "line 1, column 9", "nothing lies there"),
        ("rtt max >= 1e308 * rtt min", "line 1, column 12", "no number up to a million"),
        ("conn x: rto == 0", "line 1, column 6", "'x' is no number of a connection"),
        ("sender 1: rto == 0", "line 1, column 8", "names with spaces are put in quotation marks"),
        ("rto == 0 & rtt max < 3s", "line 1, column 10", "'&' is nothing that rules have"),
        ("at \"x: rto == 0", "line 1, column 4", "the second \" is missing"),
    ] {
        let error = text.parse::<Rules>().expect_err(text).to_string();
        assert!(error.starts_with(place) && error.contains(problem), "{text}:\n{error}");
    }
    let error = "rto == 0\n  rtt max".parse::<Rules>().expect_err("no comparison").to_string();
    assert!(error.ends_with("\n    rtt max\n           ^"), "{error}");
    let many = "rto == 0,".repeat(MOST_RULES + 1);
    assert!(many.parse::<Rules>().is_err_and(|error| error.to_string().contains("more than 200")));
    assert!("x".repeat(1 << 20).parse::<Rules>().is_err());
    for text in
        ["\u{1b}[31m", "é == 1", "..", "* 3", ": : :", "0.5 *", "of of of", "\"\": rto == 0"]
    {
        assert!(text.parse::<Rules>().is_err(), "{text:?}");
    }
}

#[test]
fn a_recording_is_judged_by_what_is_in_it() {
    let (trace, _) = recorded("sender");
    for rule in [
        "text sent == 1000",
        "text acknowledged == text sent",
        "state reaches ESTABLISHED",
        "state never CLOSE_WAIT",
        "state path SYN_SENT > ESTABLISHED > FIN_WAIT_1",
        "opened by us",
        "closed by us",
        "cwnd first >= 10 * segment max",
        "cwnd max >= cwnd first",
        "connections == 1",
        "duration > 1ms",
        "goodput < 1gbit",
        "resets sent == 0",
        "rtt min <= rtt median",
        "rtt samples >= 1",
    ] {
        assert_eq!(verdict(rule, &trace).0, Verdict::Pass, "{rule}: {}", verdict(rule, &trace).1);
    }
    for rule in ["text sent == 999", "state reaches CLOSING", "closed by peer", "opened by both"] {
        assert_eq!(verdict(rule, &trace).0, Verdict::Fail, "{rule}");
    }
    let (receiver, _) = recorded("receiver");
    assert_eq!(verdict("closed by peer", &receiver).0, Verdict::Pass);
    assert_eq!(verdict("text received == 1000", &receiver).0, Verdict::Pass);
}

#[test]
fn packets_tell_less_and_that_is_said() {
    let trace = captured();
    let (both, guess) = (verdict("text sent == 1000", &trace), verdict("cwnd max > 0", &trace));
    assert_eq!(both.0, Verdict::Pass, "{}", both.1);
    assert_eq!(guess, (Verdict::Unknown, "packets alone do not tell".to_owned()));
    let grades = grades("rto >= 0, state reaches ESTABLISHED, segments sent > 0", &trace);
    assert!(grades.iter().all(|grade| grade.verdict == Verdict::Pass), "{grades:?}");
    assert_eq!(grades.iter().map(|grade| grade.guessed).collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn what_is_missing_makes_no_rule_hold() {
    let head = "{\"time_ns\":5,\"conn\":1,\"name\":\"flight_record\",\"data\":{\"gone\":7}}\n";
    let event = "{\"time_ns\":6,\"conn\":1,\"name\":\"timer_fired\",\"data\":{\"timer\":\"retransmission\"}}\n";
    let change = "{\"time_ns\":7,\"conn\":1,\"name\":\"state_changed\",\"data\":{\"from\":\"ESTABLISHED\",\"to\":\"CLOSED\",\"cause\":\"killed\"}}\n";
    let trace = of_lines(&[head, event, change].concat());
    for (rule, expected) in [
        ("rto >= 1", Verdict::Pass),
        ("rto == 1", Verdict::Unknown),
        ("rto <= 5", Verdict::Unknown),
        ("rto == 0", Verdict::Fail),
        ("rto < 1", Verdict::Fail),
        ("rto != 0", Verdict::Pass),
        ("state reaches CLOSED", Verdict::Pass),
        ("state reaches SYN_SENT", Verdict::Unknown),
        ("state never SYN_SENT", Verdict::Unknown),
        ("state never CLOSED", Verdict::Fail),
        ("closed by nobody", Verdict::Unknown),
        ("cwnd min > 3", Verdict::Unknown),
        ("handshake rtt > 3s", Verdict::Unknown),
    ] {
        let (verdict, seen) = verdict(rule, &trace);
        assert_eq!(verdict, expected, "{rule}: {seen}");
    }
}

#[test]
fn what_cannot_be_read_may_have_been_anything() {
    let event = "{\"time_ns\":6,\"conn\":1,\"name\":\"app_read\",\"data\":{\"len\":1}}\n";
    assert_eq!(verdict("rto == 0", &of_lines(event)).0, Verdict::Pass);
    let cut = of_lines(&[event, "{\"time_ns\":7,\"co"].concat());
    let (verdict, seen) = verdict("rto == 0", &cut);
    assert_eq!(verdict, Verdict::Unknown, "{seen}");
}

/// An event of connection 1.
fn event(ms: u64, name: &str, data: &str) -> String {
    let ns = ms * 1_000_000;
    format!("{{\"time_ns\":{ns},\"conn\":1,\"name\":\"{name}\",\"data\":{{{data}}}}}\n")
}

fn sent(ms: u64, seq: u64, len: u64, more: &str) -> String {
    event(
        ms,
        "sent",
        &format!("\"flags\":\"ACK\",\"seq_relative\":{seq},\"ack_relative\":1,\"len\":{len}{more}"),
    )
}

fn acked(ms: u64, ack: u64, window: u64) -> String {
    event(
        ms,
        "received",
        &format!("\"flags\":\"ACK\",\"seq_relative\":1,\"ack_relative\":{ack},\"window\":{window}"),
    )
}

#[test]
fn what_a_gap_can_lengthen_or_turn_is_unknown_beside_it() {
    let gap = "{\"name\":\"events_lost\",\"data\":{\"count\":7}}\n";
    let fin =
        event(90, "sent", "\"flags\":\"FIN,ACK\",\"seq_relative\":21,\"ack_relative\":1,\"len\":0");
    let whole = [sent(1, 1, 10, ""), acked(20, 11, 90), sent(30, 11, 10, ""), fin].concat();
    let whole = event(0, "limited", "\"by\":\"nothing\"") + &whole;
    let cut = whole.replacen('\n', &format!("\n{gap}"), 1);
    for rule in
        ["silence max >= 5ms", "limited-by nothing > 1ms", "flight max >= 5", "closed by us"]
    {
        assert_eq!(verdict(rule, &of_lines(&whole)).0, Verdict::Pass, "{rule}");
        let (verdict, seen) = verdict(rule, &of_lines(&cut));
        assert_eq!(verdict, Verdict::Unknown, "{rule}: {seen}");
        assert!(seen.contains("7 events are missing"), "{seen}");
    }
    assert_eq!(verdict("text sent >= 20", &of_lines(&cut)).0, Verdict::Pass);
}

#[test]
fn a_window_update_is_no_duplicate_acknowledgment() {
    let mut file = sent(0, 1, 1000, "") + &acked(20, 501, 90);
    file += &(acked(21, 501, 90) + &acked(22, 501, 95) + &acked(23, 501, 95));
    assert_eq!(verdict("duplicate-acks == 2", &of_lines(&file)).0, Verdict::Pass);
}

#[test]
fn a_part_of_a_burst_that_was_sent_twice_is_ambiguous_too() {
    let again = ",\"why\":\"rto\",\"packets\":2";
    let rtt = |ms| event(ms, "rtt_sample", "\"rtt_ns\":5");
    let mut file = sent(0, 1, 2000, ",\"packets\":2") + &sent(300, 1, 2000, again);
    file += &(rtt(320) + &acked(320, 1001, 90) + &rtt(321) + &acked(321, 2001, 90));
    file += &(sent(400, 2001, 10, "") + &rtt(420) + &acked(420, 2011, 90));
    assert_eq!(verdict("rtt ambiguous == 2", &of_lines(&file)).0, Verdict::Pass);
    // A sample of what was sent once says nothing of what is acknowledged at the same time and was sent twice.
    let mut file = sent(0, 1, 1000, "") + &sent(1, 1001, 1000, "") + &sent(300, 1001, 1000, again);
    file += &(rtt(320) + &acked(320, 1001, 90) + &acked(320, 2001, 90));
    assert_eq!(verdict("rtt ambiguous == 0", &of_lines(&file)).0, Verdict::Pass);
}

#[test]
fn a_quantity_is_told_with_its_unit() {
    let (trace, connections) = recorded("sender");
    let value = |text: &str| {
        let quantity: Quantity = text.parse().unwrap_or_else(|error| panic!("{error}"));
        quantity.value(&trace, connections)
    };
    assert_eq!(value("text sent").as_deref(), Some("1,000 bytes"));
    assert_eq!(value("0.5 * text sent").as_deref(), Some("500 bytes"));
    assert_eq!(value("connections").as_deref(), Some("1"));
    assert_eq!(value("refused paws").as_deref(), Some("3"));
    assert!(value("rtt min").is_some_and(|rtt| rtt.ends_with(" ms")));
}

proptest! {
    /// Whatever stands there, rules are read or refused, and judged without a panic.
    #[test]
    fn no_text_is_too_strange(text in "[ -~\n\u{e9}]{0,80}", words in vec(select(WORDS), 0..12)) {
        drop(text.parse::<Rules>());
        let text = words.join(" ");
        match text.parse::<Rules>() {
            Ok(rules) => {
                let (trace, connections) = recorded("sender");
                let mut findings = Findings::default();
                for place in rules.places() {
                    rules.look_at(&mut findings, &place, (&trace, connections));
                }
                prop_assert_eq!(rules.judge(&findings).len(), rules.rules.len());
            }
            Err(error) => prop_assert!(error.to_string().starts_with("line ")),
        }
    }
}

/// Words of which rules are made.
const WORDS: &[&str] = &[
    "rto",
    "cwnd max",
    "cwnd",
    "rtt median",
    "==",
    "<=",
    "in",
    "..",
    "1",
    "3k",
    "20ms",
    "10mbit",
    "0.5",
    "*",
    "of",
    "conn",
    "at",
    "x",
    ":",
    ",",
    "\n",
    "state",
    "reaches",
    "path",
    ">",
    "CLOSED",
    "closed",
    "by",
    "peer",
    "sent",
    "fin",
    "refused",
    "goodput",
    "#",
    "\"",
    "silence max",
];
