use super::super::tests::{EVENTS, event, of_events};
use super::*;

#[test]
fn a_recorded_run_has_an_arrow_for_each_segment_and_the_states_of_both() {
    let ladder = Ladder::new(&of_events(EVENTS));
    let arrows = ladder.rows.iter().filter(|row| matches!(row, Row::Arrow { .. })).count();
    assert_eq!((arrows, ladder.left_out), (12, 0));
    let svg = ladder.svg();
    for words in [
        "SYN seq=0 win=65535: handshake",
        "FIN_WAIT_1",
        "[LAST_ACK]",
        "refused: paws",
        "10.0.1.1:5001",
    ] {
        assert!(svg.contains(words), "{words}");
    }
    let text = ladder.text();
    assert_eq!(
        text.lines()
            .filter(|line| line.contains("->|") || line.contains("X   |") || line.contains("|<-"))
            .count(),
        12
    );
    assert!(text.lines().all(|line| line.chars().count() <= 105), "{text}");
    for words in
        ["   SYN_SENT |- SYN seq=0 win=65535: handshake ---", "| [LAST_ACK]", "|* refused: paws "]
    {
        assert!(text.contains(words), "{words}:\n{text}");
    }
}

#[test]
fn of_many_arrows_the_first_are_drawn_and_the_others_counted() {
    let sent = |n: u64| {
        event(
            n,
            "sent",
            &format!("\"flags\":\"ACK\",\"seq_relative\":{n},\"len\":1,\"why\":\"new_data\""),
        )
    };
    let file: String = (0..130).map(sent).collect();
    let ladder = Ladder::new(&of_events(file.as_bytes()));
    assert_eq!((ladder.left_out, ladder.until), (30, Instant::from_millis(99)));
    assert_eq!(ladder.rows.len(), MOST_ARROWS);
}

#[test]
fn what_is_found_lost_does_not_arrive_or_not_all_of_it() {
    let sent = |n: u64, seq: u64, why: &str| {
        event(
            n,
            "sent",
            &format!("\"flags\":\"ACK\",\"seq_relative\":{seq},\"len\":10,\"why\":\"{why}\""),
        )
    };
    let mut file = sent(0, 1, "new_data") + &sent(1, 11, "new_data");
    file += &event(5, "lost", "\"start_relative\":1,\"len\":10,\"found_by\":\"rack\"");
    file += &event(5, "lost", "\"start_relative\":11,\"len\":4,\"found_by\":\"rack\"");
    file += &sent(6, 1, "rack");
    let ladder = Ladder::new(&of_events(file.as_bytes()));
    let fates: Vec<Fate> = ladder
        .rows
        .iter()
        .filter_map(|row| if let Row::Arrow { lost, .. } = row { Some(*lost) } else { None })
        .collect();
    assert_eq!(fates, [Fate::Lost, Fate::InPart, Fate::Arrives]);
}

#[test]
fn what_a_time_out_finds_lost_has_a_cross_unless_it_was_wrong() {
    let sent = |n: u64, why: &str| {
        let data = format!("\"flags\":\"ACK\",\"seq_relative\":1,\"len\":10,\"why\":\"{why}\"");
        event(n, "sent", &data)
    };
    let begin = sent(0, "new_data")
        + &event(5, "lost", "\"start_relative\":1,\"len\":10,\"found_by\":\"timeout\"")
        + &sent(5, "rto");
    let undone = event(9, "undone", "\"shown_by\":\"eifel\"");
    let answer = event(9, "received", "\"flags\":\"ACK\",\"ack_relative\":11");
    let fate = |file: &str| match &Ladder::new(&of_events(file.as_bytes())).rows[0] {
        Row::Arrow { lost, .. } => *lost,
        _ => panic!("an arrow comes first"),
    };
    assert_eq!(fate(&(begin.clone() + &answer)), Fate::Lost);
    assert_eq!(fate(&(begin + &undone + &answer)), Fate::Arrives);
}
