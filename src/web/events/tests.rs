use super::*;
use crate::event::Event;
use crate::time;

/// What is told of a connection for the first time only.
const ENDS: &str = r#""local":"10.9.0.2:80","remote":"10.9.0.1:4000""#;

/// What somebody has seen: connections with what is told of each.
fn seen(millis: u64, rows: &[(u32, &str)], counters: &[(&str, u64)], link: Option<&str>) -> Seen {
    let (local, remote) = ("10.9.0.2:80".parse().unwrap(), "10.9.0.1:4000".parse().unwrap());
    let row = |&(conn, text): &(u32, &str)| {
        (conn, Row { ends: Endpoints { local, remote }, text: text.into() })
    };
    Seen {
        at: time::Instant::from_millis(millis),
        total: rows.len(),
        rows: rows.iter().map(row).collect(),
        counters: counters.iter().map(|&(name, count)| (name.to_owned(), count)).collect(),
        link: link.map(str::to_owned),
    }
}

/// What is told of that.
fn told(told: &mut Told, seen: &Seen) -> String {
    let mut page = Vec::new();
    told.look(&mut page, seen);
    String::from_utf8(page).unwrap()
}

#[test]
fn only_news_are_told() {
    let mut page = Told::default();
    let link = Some(r#"{"out":1}"#);
    let first = told(&mut page, &seen(1, &[(1, "{1}"), (2, "{2}")], &[("packets", 5)], link));
    assert_eq!(
        first.replace(ENDS, "ENDS"),
        "event: sockets\ndata: {\"time_ns\":1000000,\"total\":2,\"shown\":2,\"rows\":[{ENDS,1},{ENDS,2}],\"gone\":[]}\n\n\
         event: link\ndata: {\"time_ns\":1000000,\"out\":1}\n\n\
         event: counters\ndata: {\"time_ns\":1000000,\"counters\":{\"packets\":5}}\n\n"
    );
    let same = seen(2, &[(1, "{1}"), (2, "{2}")], &[("packets", 5)], link);
    assert_eq!(told(&mut page, &same), "");
    page.counted = None;
    let changed =
        seen(3, &[(2, "{2b}"), (3, "{3}")], &[("bytes", 1), ("packets", 5)], Some(r#"{"out":2}"#));
    assert_eq!(
        told(&mut page, &changed).replace(ENDS, "ENDS"),
        "event: sockets\ndata: {\"time_ns\":3000000,\"total\":2,\"shown\":2,\"rows\":[{2b},{ENDS,3}],\"gone\":[1]}\n\n\
         event: link\ndata: {\"time_ns\":3000000,\"out\":2}\n\n\
         event: counters\ndata: {\"time_ns\":3000000,\"counters\":{\"bytes\":1}}\n\n"
    );
}

#[test]
fn an_empty_list_is_told_once_so_that_the_page_knows() {
    let mut page = Told::default();
    assert!(told(&mut page, &seen(1, &[], &[], None)).contains(r#""total":0"#));
    assert_eq!(told(&mut page, &seen(2, &[], &[], None)), "");
}

#[test]
fn a_recording_goes_on_and_says_what_is_missing() {
    let conn = ConnId(7);
    let event = |len| (time::Instant::from_millis(1), Event::AppRead { conn, len });
    let recording = |gone, entries, events| Recording {
        conn,
        ends: None,
        trouble: None,
        at: time::Instant::from_millis(2),
        gone,
        entries,
        events,
    };
    let (mut told, mut page) = (Told::default(), Vec::new());
    told.record(&mut page, &recording(0, 1, vec![event(5)]));
    told.record(&mut page, &recording(0, 1, vec![]));
    told.record(&mut page, &recording(9, 11, vec![event(6)]));
    assert_eq!(told.entries, Some(11));
    let lines = String::from_utf8(page).unwrap();
    let mut messages = lines.split_terminator("\n\n");
    let first = messages.next().unwrap();
    assert!(
        first.starts_with("event: record\ndata: {") && first.contains("flight_record"),
        "{first}"
    );
    let second = messages.next().unwrap();
    let expected = "event: record\ndata: {\"name\":\"events_lost\",\"data\":{\"count\":9}}\n\
                    data: {\"time_ns\":1000000,\"conn\":7,\"name\":\"app_read\",\"data\":{\"len\":6}}";
    assert_eq!((second, messages.next()), (expected, None));
}

#[test]
fn of_a_busy_connection_the_last_events_are_told() {
    let conn = ConnId(7);
    let events = |count| {
        let event = |len| (time::Instant::from_millis(1), Event::AppRead { conn, len });
        (0..count).map(event).collect()
    };
    let recording = |gone, events| Recording {
        conn,
        ends: None,
        trouble: None,
        at: time::Instant::from_millis(2),
        gone,
        entries: 1000,
        events,
    };
    assert!(!is_much(&recording(0, events(256)), TICK));
    assert!(is_much(&recording(1, events(256)), TICK));
    assert!(!is_much(&recording(1000, events(256)), BUSY_TICK), "it is calm again");
    let mut busy = recording(3, events(256));
    leave_last(&mut busy);
    assert_eq!((busy.gone, busy.events.len()), (3 + 256 - BUSY_EVENTS as u64, BUSY_EVENTS));
    assert_eq!(busy.events[0].1, Event::AppRead { conn, len: 256 - BUSY_EVENTS as u32 });
    let mut calm = recording(0, events(5));
    leave_last(&mut calm);
    assert_eq!((calm.gone, calm.events.len()), (0, 5));
}

#[test]
fn one_of_which_nothing_is_recorded_any_more_is_not_busy() {
    let (mut told, mut page) = (Told { is_busy: true, ..Told::default() }, Vec::new());
    told.recording(&mut page, None, TICK);
    assert!(!told.is_busy && page.is_empty());
}

#[test]
fn who_owes_an_acknowledgment_for_long_has_vanished() {
    let [short, long] = [29, 30].map(Duration::from_secs);
    assert!(has_vanished(1, long));
    assert!(!has_vanished(1, short), "it may still come");
    assert!(!has_vanished(0, long) && !has_vanished(0, short), "it owes nothing");
}

#[test]
fn a_long_list_that_changes_all_the_time_is_told_less_often() {
    let mut page = Told::default();
    told(&mut page, &seen(1, &[(1, "{1}")], &[], None));
    let long = "x".repeat(200);
    let rows: Vec<_> = (0..1000).map(|conn| (conn, long.as_str())).collect();
    assert!(told(&mut page, &seen(2, &rows, &[], None)).contains("sockets"));
    assert!(page.listed.is_some_and(|(_, pause)| pause > 3 * FRESH), "{:?}", page.listed);
    let soon = told(&mut page, &seen(3, &[(1, "{2}")], &[], Some(r#"{"out":1}"#)));
    assert!(!soon.contains("sockets") && soon.contains("event: link"), "{soon}");
    page.listed = page.listed.map(|(at, _)| (at, Duration::ZERO));
    assert!(told(&mut page, &seen(4, &[(1, "{2}")], &[], None)).contains(r#""total":1,"#));
}
