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

#[test]
fn what_a_segment_shows_stands_below_it_with_all_its_blocks() {
    let sent =
        "\"flags\":\"ACK\",\"seq_relative\":1,\"len\":2000,\"packets\":2,\"why\":\"new_data\"";
    let came = "\"flags\":\"ACK\",\"seq_relative\":1,\"ack_relative\":1,\"window\":229376,\
                \"sack_relative\":[[16001,18001],[13001,15001],[9001,10001]]";
    let mut file = event(0, "sent", sent);
    file += &event(20, "lost", "\"start_relative\":1,\"len\":2000,\"found_by\":\"rack\"");
    file += &(event(20, "reduced", "\"reduced_for\":\"loss\"") + &event(20, "received", came));
    let ladder = Ladder::new(&of_events(file.as_bytes()));
    let (text, svg) = (ladder.text(), ladder.svg());
    let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words}:\n{text}"));
    let blocks = at("<- ACK seq=1 ack=1 sack=16001..18001,13001..15001,");
    assert!(blocks < at("* found lost") && at("* found lost") < at("* window reduced"), "{text}");
    assert!(svg.contains("win=229376 sack=16001..18001,13001..15001,9001..10001"), "{svg}");
    assert!(text.contains("len=2000 (2): new data"), "{text}");
}

#[test]
fn a_syn_that_nobody_answers_does_not_arrive() {
    let syn = |ms, more: &str| {
        event(ms, "sent", &format!("\"flags\":\"SYN\",\"seq_relative\":0,\"len\":0{more}"))
    };
    let again = ",\"why\":\"handshake_retransmission\",\"count\":1";
    let text = Ladder::new(&of_events((syn(0, "") + &syn(1000, again)).as_bytes())).text();
    assert_eq!(text.matches("X   |").count(), 2, "{text}");
}
