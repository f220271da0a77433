use super::*;
use crate::event::{ConnId, Event, TimerKind};
use crate::time::Instant;

fn recording() -> Recording {
    let event = Event::TimerFired { conn: ConnId(7), timer: TimerKind::Retransmission };
    Recording {
        conn: ConnId(7),
        ends: Some(("10.9.0.2:80".parse().unwrap(), "10.9.0.1:4000".parse().unwrap())),
        trouble: Some(Trouble::Timeouts),
        at: Instant::from_millis(2),
        gone: 12,
        entries: 13,
        events: vec![(Instant::from_millis(1), event)],
    }
}

fn written(style: Style, recording: &Recording) -> String {
    let mut out = Vec::new();
    write(&mut out, style, recording).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_recording_is_a_line_and_its_events() {
    let expected = r#"{"time_ns":2000000,"conn":7,"name":"flight_record","data":{"local":"10.9.0.2:80","remote":"10.9.0.1:4000","trouble":"timeouts","events":1,"gone":12}}
{"time_ns":1000000,"conn":7,"name":"timer_fired","data":{"timer":"retransmission"}}
"#;
    assert_eq!(written(Style::Json, &recording()), expected);
    let asked = Recording { trouble: None, ends: None, gone: 0, ..recording() };
    let expected =
        r#"{"time_ns":2000000,"conn":7,"name":"flight_record","data":{"events":1,"gone":0}}"#;
    assert_eq!(written(Style::Json, &asked).lines().next(), Some(expected));
}

#[test]
fn and_for_people() {
    let line = "#7 10.9.0.2:80 10.9.0.1:4000: the last 1 events (12 before them are gone), kept for its timeouts\n";
    assert_eq!(written(Style::Text, &recording()), line);
}
