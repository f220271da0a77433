use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// The samples of a text by name with labels, which must be as the format has them: each family is told of once, before
/// its samples, and these stand together.
fn parse(text: &str) -> BTreeMap<String, f64> {
    let (mut samples, mut told) = (BTreeMap::new(), BTreeSet::new());
    let (mut family, mut kind) = (String::new(), String::new());
    let is_name = |name: &str| {
        let first = name.chars().next().expect("a name");
        (first.is_ascii_alphabetic() || first == '_')
            && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
    };
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect("a help");
            assert!(!help.is_empty() && !help.contains("[`"), "{line}");
            assert!(told.insert(name.to_owned()), "told of twice: {line}");
            family = name.to_owned();
        } else if let Some(of) = line.strip_prefix("# TYPE ") {
            kind = of.strip_prefix(&format!("{family} ")).expect("the same family").to_owned();
            assert!(kind == "counter" || kind == "gauge", "{line}");
        } else {
            let (key, value) = line.rsplit_once(' ').expect("a value");
            let (name, labels) = key.split_once('{').unwrap_or((key, "}"));
            assert_eq!(name, family, "{line}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
            let labels = labels.strip_suffix('}').expect("an end");
            for label in labels.split(',').filter(|label| !label.is_empty()) {
                let (name, value) = label.split_once('=').expect("a label");
                assert!(is_name(name) && value.starts_with('"') && value.ends_with('"'), "{line}");
            }
            assert!(is_name(name), "{line}");
            let value = value.parse().expect("a number");
            assert!(samples.insert(key.to_owned(), value).is_none(), "twice: {line}");
        }
    }
    samples
}

#[test]
fn all_there_is_can_be_read() {
    let mut counters = Counters { tcp_segments_sent: 1207, ..Counters::default() };
    counters.refusals.count(Refusal::TcpChecksum);
    let mut gauges = Gauges { udp_sockets: 2, tcp_memory: 4096, ..Gauges::default() };
    gauges.sockets[State::Established as usize] = 5;
    let samples = parse(&format(&counters, 3, &gauges));
    for (key, value) in [
        ("glasstcp_tcp_segments_sent_total", 1207.0),
        ("glasstcp_packets_received_total", 0.0),
        ("glasstcp_device_dropped_total", 3.0),
        ("glasstcp_refused_total{reason=\"tcp_checksum\"}", 1.0),
        ("glasstcp_refused_total{reason=\"paws\"}", 0.0),
        ("glasstcp_sockets{state=\"established\"}", 5.0),
        ("glasstcp_sockets{state=\"time_wait\"}", 0.0),
        ("glasstcp_udp_sockets", 2.0),
        ("glasstcp_tcp_memory_bytes", 4096.0),
    ] {
        assert_eq!(samples.get(key), Some(&value), "{key}");
    }
    let reasons = samples.keys().filter(|key| key.starts_with("glasstcp_refused_total{"));
    assert_eq!(reasons.count(), Refusal::ALL.len());
}

#[test]
fn what_would_end_a_line_or_a_label_is_escaped() {
    let mut text = Text::default();
    text.family("odd", "gauge", "A \\ and\na line.");
    text.sample("odd", Some(("name", "\"\\\n")), 1);
    assert_eq!(
        text.0,
        "# HELP glasstcp_odd A \\\\ and\\na line.\n# TYPE glasstcp_odd gauge\nglasstcp_odd{name=\"\\\"\\\\\\n\"} 1\n"
    );
}
