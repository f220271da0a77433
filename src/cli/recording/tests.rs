use super::*;

#[test]
fn a_file_is_known_by_its_first_bytes() {
    for (begin, format) in [
        (&b""[..], Format::Nothing),
        (b"{\"time_ns\":0", Format::Events),
        (b"\n", Format::Events),
        (b"\x0A\x0D\x0D\x0A\x1C", Format::Capture),
        (b"\xD4\xC3\xB2\xA1", Format::Capture),
        (b"\xA1\xB2\x3C\x4D", Format::Capture),
        (b"\x1F\x8B\x08", Format::Compressed),
        (b"BZh9", Format::Compressed),
    ] {
        assert_eq!(Format::of(begin), format, "{begin:?}");
    }
}

#[test]
fn seconds_are_numbers() {
    assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
    for word in ["-1", "x", "inf", "NaN", "1e300", ""] {
        assert!(seconds(word).is_err(), "{word}");
    }
}

#[test]
fn of_many_connections_some_are_named() {
    let found = |number| Found { number, place: None, ends: None, text: [0, 0], moments: 1 };
    let all: Vec<Found> = (1..=9).map(found).collect();
    assert_eq!(list(&all[..2], Some(&all[0])), "#2");
    assert_eq!(list(&all, None), "#1; #2; #3; #4; #5; and 4 more (--conn N)");
}

#[test]
fn a_capture_can_be_turned_and_events_cannot() {
    let golden = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let turned = |name: &str| {
        let recording = Recording::open(&golden(name)).expect("it can be read");
        let found = recording.survey.choose(None, None).expect("there is one").clone();
        recording.turned(&found).map(|turned| (found, turned))
    };
    let (found, turned_found) = turned("cubic-9.pcapng").expect("a capture has both");
    assert_eq!(turned_found.turned(), found);
    let error = turned("cubic-9.events.jsonl").expect_err("events are of one").to_string();
    assert!(error.contains("--turn is for captures"), "{error}");
}
