use super::super::tests::{EVENTS, event, of_events};
use super::*;

#[test]
fn connections_of_several_hosts_are_told_apart() {
    let survey = survey(&mut { EVENTS }).unwrap();
    let places: Vec<_> = survey.found.iter().map(|found| found.place.as_deref().unwrap()).collect();
    assert_eq!(places, ["sender", "receiver"]);
    assert_eq!(survey.found[0].text, [1000, 0]);
    assert_eq!(survey.choose(Some(1), Some("receiver")), Some(&survey.found[1]));
    assert_eq!(survey.choose(Some(2), None), None);
    let found = survey.choose(None, None).unwrap();
    assert_eq!(found.to_string(), "#1 at sender, 10.0.0.1:47471 with 10.0.1.1:5001");
}

#[test]
fn what_is_unknown_is_skipped_and_what_is_no_event_is_counted() {
    let mut file =
        "{\"name\":\"flight_record\",\"data\":{\"conn\":\"all\",\"len\":[1]}}\n".to_owned();
    file += &event(1, "timer_armed", "\"timer\":{\"deep\":1},\"count\":\"x\"");
    file += &event(2, "limited", "\"by\":\"what_is_new\",\"more\":[1,{}]");
    file += "no event\n\n[1]\n";
    file += &"x".repeat(3 << 20);
    let survey = survey(&mut file.as_bytes()).unwrap();
    assert_eq!(survey.read, 3);
    assert_eq!(survey.notes, ["3 lines are no events and were skipped"]);
    let trace = of_events(file.as_bytes());
    assert_eq!(trace.moments.len(), 1);
    assert!(matches!(&trace.moments[0].what, What::Limited(by) if &**by == "what_is_new"));
}

#[test]
fn a_gap_stands_where_events_are_missing() {
    let lost = "{\"name\":\"events_lost\",\"data\":{\"count\":7}}\n";
    let file = [lost, &event(1, "limited", "\"by\":\"nagle\""), lost].concat();
    let trace = of_events(file.as_bytes());
    let whats: Vec<_> = trace.moments.iter().map(|moment| &moment.what).collect();
    assert!(matches!(whats[..], [What::Limited(_), What::Missing(7)]), "{whats:?}");
}

#[test]
fn numbers_do_not_wrap() {
    let sent = |ms, seq: u32| {
        let data =
            format!("\"flags\":\"ACK\",\"seq_relative\":{seq},\"len\":1448,\"why\":\"new_data\"");
        event(ms, "sent", &data)
    };
    let acked = |ms, ack: u32| {
        event(ms, "received", &format!("\"flags\":\"ACK\",\"ack_relative\":{ack},\"len\":0"))
    };
    let mut file = String::new();
    // Steps of a gigabyte, as far as numbers are compared.
    for step in 0..6_u64 {
        let at = (step << 30) as u32;
        file += &(sent(step, at) + &acked(step, at));
    }
    let trace = of_events(file.as_bytes());
    assert_eq!(trace.sums(crate::observe::trace::Side::Local).end, (5 << 30) + 1448);
    assert_eq!(trace.sums(crate::observe::trace::Side::Local).acked, 5 << 30);
}

#[test]
fn a_file_may_begin_anywhere_and_what_was_refused_moves_nothing() {
    let sent = |ms, seq: u32| {
        event(
            ms,
            "sent",
            &format!("\"flags\":\"ACK\",\"seq_relative\":{seq},\"len\":1000,\"why\":\"new_data\""),
        )
    };
    let received = |ms, name: &str, ack: u32| {
        event(
            ms,
            name,
            &format!(
                "\"flags\":\"ACK\",\"ack_relative\":{ack},\"len\":0,\"reason\":\"ack_beyond_sent\""
            ),
        )
    };
    let first = 3_500_000_000;
    let file = [
        sent(0, first),
        received(1, "received", first),
        received(2, "refused", first.wrapping_add(1 << 30)),
        received(3, "refused", first.wrapping_add(2 << 30)),
        sent(4, first + 1000),
        received(5, "received", first + 2000),
    ];
    let trace = of_events(file.concat().as_bytes());
    let sums = trace.sums(crate::observe::trace::Side::Local);
    assert_eq!(
        (sums.end, sums.acked, sums.begin),
        (3_500_002_000, 3_500_002_000, Some(3_500_000_000))
    );
}

#[test]
fn a_host_cannot_write_on_the_terminal() {
    let line = event(1, "limited", "\"by\":\"nagle\"").replacen(
        '{',
        "{\"host\":\"\\u001b]0;a\\u0007b\",",
        1,
    );
    let survey = survey(&mut line.as_bytes()).unwrap();
    assert_eq!(survey.found[0].place.as_deref(), Some("]0;ab"));
    let trace = trace(&mut line.as_bytes(), &survey.found[0], Span::default(), Vec::new()).unwrap();
    assert_eq!(trace.moments.len(), 1);
}

#[test]
fn what_holds_a_sender_back_when_a_part_begins_is_told_of() {
    let limited = |at, by: &str| event(at, "limited", &format!("\"by\":\"{by}\""));
    let file = [limited(0, "pacing"), limited(5, "peer_window"), limited(20, "nagle")].concat();
    let whole = of_events(file.as_bytes());
    let at = |index: usize| whole.moments[index].at - Instant::ZERO;
    // From between the second and the third.
    let span = Span { from: (at(1) + at(2)) / 2, to: Duration::MAX };
    let survey = survey(&mut file.as_bytes()).unwrap();
    let trace = trace(&mut file.as_bytes(), &survey.found[0], span, Vec::new()).unwrap();
    let told = trace.moments.iter().map(|moment| match &moment.what {
        What::Limited(by) => (moment.at - Instant::ZERO, &**by),
        other => panic!("{other:?}"),
    });
    assert!(told.eq([(span.from, "peer_window"), (at(2), "nagle")]));
}
