use super::super::tests::{EVENTS, PACKETS, event, of_events, of_packets};
use super::*;

fn told(file: &str, all: bool) -> String {
    tell(&of_events(file.as_bytes()), all)
        .join("\n")
        .replace(&format!("\n{}", " ".repeat(INDENT)), "")
}

fn sent(ms: u64, seq: u64, why: &str) -> String {
    let data = format!(
        "\"flags\":\"ACK\",\"seq_relative\":{seq},\"len\":1000,\"window\":9,\"why\":\"{why}\""
    );
    event(ms, "sent", &data)
}

fn received(ms: u64, ack: u64, window: u64) -> String {
    let data = format!(
        "\"flags\":\"ACK\",\"seq_relative\":1,\"ack_relative\":{ack},\"len\":0,\"window\":{window}"
    );
    event(ms, "received", &data)
}

fn window(ms: u64, cwnd: u64, ssthresh: &str, phase: &str) -> String {
    event(ms, "congestion_window", &format!("\"cwnd\":{cwnd}{ssthresh},\"phase\":\"{phase}\""))
}

fn lost(ms: u64, from: u64, by: &str) -> String {
    event(ms, "lost", &format!("\"start_relative\":{from},\"len\":1000,\"found_by\":\"{by}\""))
}

#[test]
fn a_recorded_run_is_told_from_events_and_from_packets() {
    let story = tell(&of_events(EVENTS), false).join("\n");
    for words in [
        "Connection #1 at sender",
        "no answer: SYN is sent again, for the first time",
        "it is open, 1.043 s after the first SYN",
        "slow start begins with 2,440 bytes",
        "this end closes first: a FIN after 1,000 bytes of text",
        "FIN_WAIT_2 -> TIME_WAIT",
        "this end sent 11 segments in 9 bursts, 1,000 bytes of text, nothing again",
    ] {
        assert!(story.contains(words), "{words}:\n{story}");
    }
    let guessed = tell(&of_packets(PACKETS), false).join("\n");
    for words in [
        "are guesses",
        "this end offers segments of 256 bytes (RFC 9293 3.7.1), window scale 10",
        "agreed on:",
        "[SYN_SENT -> ESTABLISHED]",
    ] {
        assert!(guessed.contains(words), "{words}:\n{guessed}");
    }
}

#[test]
fn a_loss_is_told_with_what_the_window_did() {
    let mut file = window(0, 10_000, "", "slow_start");
    file += &(0..5).map(|n| sent(1, 1 + n * 1000, "new_data")).collect::<String>();
    file += &(lost(20, 1001, "rack") + &lost(20, 2001, "rack"));
    file += &event(20, "reduced", "\"reduced_for\":\"loss\"");
    file += &window(20, 9_000, ",\"ssthresh\":7000", "fast_recovery");
    file += &(sent(21, 1001, "rack") + &sent(22, 2001, "rack"));
    file += &window(40, 7_000, ",\"ssthresh\":7000", "congestion_avoidance");
    file += &(received(40, 5001, 90) + &event(41, "undone", "\"shown_by\":\"frto\""));
    let story = told(&file, false);
    for words in [
        "slow start ends at 10,000 bytes: something is lost",
        "loss of 2,000 bytes in 2 pieces from 1,001 on, found since later segments have arrived (RACK, RFC 8985 6)",
        "the threshold becomes 7,000 bytes, 0.70 of the window of 10,000: as CUBIC does (RFC 9438 4.6)",
        "(PRR, RFC 9937)",
        "2 segments (2,000 bytes) sent again",
        "all acknowledged 20.000 ms later, with a window of 7,000 bytes",
        "taken back: what was sent only before the time-out has arrived (F-RTO, RFC 5682)",
    ] {
        assert!(story.contains(words), "{words}:\n{story}");
    }
}

#[test]
fn a_closed_window_is_told_with_its_probes() {
    let open = "\"local\":\"10.0.0.1:1\",\"remote\":\"10.0.0.2:2\",\"from\":\"SYN_SENT\",\"to\":\"ESTABLISHED\",\"cause\":\"syn_ack_arrived\"";
    let mut file = event(0, "state_changed", open);
    file += &(received(10, 1, 0) + &sent(500, 1, "zero_window_probe"));
    file += &(sent(900, 1, "zero_window_probe") + &received(1010, 1, 0) + &received(2010, 1, 5000));
    let story = told(&file, false);
    assert!(story.contains("the other end closes its window (RFC 9293 3.8.6.1)"), "{story}");
    let opened = "opens its window again after 2.000 s, to 5,000 bytes; 2 probes meanwhile";
    assert!(story.contains(opened), "{story}");
}

#[test]
fn what_repeats_is_summed_up_and_long_stories_are_cut() {
    let mut file = String::new();
    for number in 0..30 {
        file += &event(number, "refused", "\"reason\":\"sequence_old\"");
    }
    let story = told(&file, false);
    assert!(story.contains("... and 26 more that were refused, up to 0.029000 s"), "{story}");
    assert!(story.contains("all of it was received before (RFC 9293 3.10.7.4)"));
    assert_eq!(told(&file, true).matches("is refused").count(), 30);

    for number in 0..400 {
        let state = format!("\"from\":\"A\",\"to\":\"B{number}\",\"cause\":\"new\"");
        file += &event(100 + number, "state_changed", &state);
    }
    let story = told(&file, false);
    assert!(story.lines().count() < MOST_LINES + 20, "{}", story.lines().count());
    assert!(story.contains("more are left out; --all shows them") && story.contains("B399"));
    assert!(told(&file, true).lines().count() > 430);
}

#[test]
fn what_held_the_sender_back_is_summed_up() {
    let limited = |ms, by: &str| event(ms, "limited", &format!("\"by\":\"{by}\""));
    let mut file = limited(0, "congestion_window") + &limited(750, "nothing");
    file += &limited(1000, "nothing");
    let story = told(&file, false);
    let words = "held back by the congestion window (RFC 5681) 75.0 %, the application, which gave no more 25.0 %";
    assert!(story.contains(words), "{story}");
}

#[test]
fn numbers_and_times_are_easy_to_read() {
    assert_eq!([0, 999, 1000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
    assert_eq!(span(Duration::from_micros(1500)), "1.500 ms");
    assert_eq!(span(Duration::from_millis(2500)), "2.500 s");
}
