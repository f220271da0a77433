//! The steps of the homework on TCP in the transcripts of programs that run over a link of UDP (`tests/homework.rs` has
//! them in the simulator, `tests/netns/homework.rs` over a TUN device).

use std::fs;

use crate::harness::{Up, bytes, folder, run, said};
use crate::transcript::Steps;

/// What a client tells that uploads so much, to a server without any loss.
#[track_caller]
fn upload(len: usize, options: &str) -> Steps {
    let folder = folder();
    let www = folder.path().join("www");
    fs::create_dir(&www).expect("made");
    fs::write(folder.path().join("file"), bytes(len)).expect("written");
    let server = Up::serving(&www, "");
    let mut put = server.client("put --transcript --cc reno");
    put.args(["file", "http://10.9.0.2/upload/"]).args(options.split_whitespace());
    let output = run(put.current_dir(folder.path()));
    assert!(output.status.success(), "{}", said(&output));
    Steps::of("CLIENT", &said(&output))
}

/// A path on which a round trip is longer than most of what a busy machine does in between; and time-outs of a second at
/// least, for the rest.
const FAR: &str = "--profile rfc --impair delay=50ms";
/// The same, on which segments arrive one by one; and one of them does not.
const LOSES_ONE: &str =
    "--profile rfc --impair delay=50ms --impair rate=20mbit --drop out:data:nth=40";

#[test]
fn slow_start_doubles() {
    let steps = upload(300_000, FAR);
    assert!(steps.doublings() >= 2);
}

#[test]
fn a_lost_segment_is_repaired_as_the_homework_says() {
    let steps = upload(400_000, LOSES_ONE);
    steps.assert_one_fast_retransmission();
    steps.assert_recovery_leads_to_half();
    assert!(steps.grown_by_one() >= 4);
}

#[test]
fn time_outs_double() {
    let server = Up::start("--serve tasks");
    let line = "task 10.9.0.2 --calc 6*7 --cc reno --transcript --drop out:data:nth=1..4";
    let output = run(&mut server.client(line));
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(Steps::of("CLIENT", &said(&output)).doubled_time_outs(), 4);
}

/// Answers that nothing follows for a second, but for the last one, which is acknowledged with the FIN.
#[test]
fn what_comes_alone_is_acknowledged_late() {
    let server = Up::start("--serve ping --profile rfc --cc reno");
    let line = "ping 10.9.0.2 -c 4 -i 1 --profile rfc --cc reno --transcript";
    let output = run(&mut server.client(line));
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(Steps::of("CLIENT", &said(&output)).acknowledgments().0, 3);
}

/// A file that comes segment by segment.
#[test]
fn every_second_segment_is_acknowledged() {
    let folder = folder();
    fs::write(folder.path().join("file"), bytes(300_000)).expect("written");
    let server = Up::serving(folder.path(), "--serve tasks");
    let line = "task 10.9.0.2 --file file --profile rfc --transcript --impair in:rate=10mbit";
    let output = run(server.client(line).current_dir(folder.path()));
    assert!(output.status.success(), "{}", said(&output));
    let (_, at_once) = Steps::of("CLIENT", &said(&output)).acknowledgments();
    assert!(at_once >= 5, "{at_once}");
}

/// A transcript that shows everything.
const SHOWS: &str = "\
[  0.000000] CLIENT cwnd=10 MSS ssthresh=infinite  slow start
[  0.000000] CLIENT recv SYN,ACK seq=0 ack=1 win=65535
[  0.000000] CLIENT send ACK seq=1 ack=1 len=14480 (10 segments) win=65535
[  0.100000] CLIENT cwnd=20 MSS ssthresh=infinite  slow start
[  0.100000] CLIENT recv ACK seq=1 ack=14481 win=65535
[  0.100000] CLIENT send ACK seq=14481 ack=1 len=28960 (20 segments) win=65535
[  0.100000] CLIENT drop (out): ACK seq=14481 len=1448, rule dropped
[  0.200000] CLIENT recv ACK seq=1 ack=14481 win=65535 (duplicate 1)
[  0.200000] CLIENT send ACK seq=43441 ack=1 len=1448 win=65535
[  0.200000] CLIENT recv ACK seq=1 ack=14481 win=65535 (duplicate 2)
[  0.200000] CLIENT cwnd=10 MSS ssthresh=10 MSS  fast recovery
[  0.200000] CLIENT recv ACK seq=1 ack=14481 win=65535 (duplicate 3)
[  0.200000] CLIENT 3 duplicate ACKs -> fast retransmit seq=14481 len=1448
[  0.300000] CLIENT cwnd=10 MSS ssthresh=10 MSS  congestion avoidance
[  0.300000] CLIENT recv ACK seq=1 ack=44889 win=65535
[  0.300000] CLIENT send ACK seq=44889 ack=1 len=14480 (10 segments) win=65535
[  0.400000] CLIENT cwnd=11 MSS ssthresh=10 MSS  congestion avoidance
[  0.400000] CLIENT recv ACK seq=1 ack=59369 win=65535
";

/// Time-outs and acknowledgments.
const SHOWS_TOO: &str = "\
[  0.000000] CLIENT recv SYN,ACK seq=0 ack=1 win=65535
[  0.000000] CLIENT send ACK seq=1 ack=1 len=9 win=65535
[  0.200000] CLIENT cwnd=1 MSS ssthresh=2 MSS  recovery from a timeout
[  0.200000] CLIENT timeout -> retransmit seq=1 len=9 RTO=0.401 s
[  0.600000] CLIENT cwnd=1 MSS ssthresh=2 MSS  recovery from a timeout
[  0.600000] CLIENT timeout -> retransmit seq=1 len=9 RTO=0.802 s
[  0.700000] CLIENT recv ACK seq=1 ack=10 len=1448 win=65535
[  0.700000] CLIENT recv ACK seq=1449 ack=10 len=1448 win=65535
[  0.700000] CLIENT send ACK seq=10 ack=2897 win=65535
[  0.700000] CLIENT recv ACK seq=2897 ack=10 len=1448 win=65535
[  0.900000] CLIENT send ACK seq=10 ack=4345 win=65535 (delayed)
";

/// What is asked of a transcript, each step by itself.
fn judge(transcript: &str, step: u32) -> usize {
    let steps = Steps::of("CLIENT", transcript);
    match step {
        1 => steps.acknowledgments().0,
        2 => steps.doublings(),
        3 => steps.grown_by_one(),
        4 => {
            steps.assert_one_fast_retransmission();
            1
        }
        5 => {
            steps.assert_recovery_leads_to_half();
            1
        }
        _ => steps.doubled_time_outs(),
    }
}

#[test]
fn a_transcript_that_does_not_show_it_is_found() {
    for (transcript, steps) in [(SHOWS, 2..6), (SHOWS_TOO, 6..7), (SHOWS_TOO, 1..2)] {
        for step in steps {
            assert_eq!(judge(transcript, step), if step == 6 { 2 } else { 1 }, "{step}");
        }
    }
    for (step, transcript, from, to) in [
        (1, SHOWS_TOO, " (delayed)", ""),
        (2, SHOWS, "cwnd=20", "cwnd=21"),
        (2, SHOWS, "CLIENT cwnd=20 MSS", "CLIENT MSS"),
        (3, SHOWS, "cwnd=11", "cwnd=12"),
        (3, SHOWS, "ack=59369", "ack=52129"),
        (4, SHOWS, "(duplicate 1)", ""),
        (4, SHOWS, "3 duplicate ACKs -> fast retransmit", "timeout -> retransmit RTO=1"),
        (4, SHOWS, "retransmit seq=14481", "retransmit seq=15929"),
        (5, SHOWS, "cwnd=10 MSS ssthresh=10 MSS  fast", "cwnd=1 MSS ssthresh=10 MSS  fast"),
        (5, SHOWS, "len=28960", "len=20272"),
        (5, SHOWS, "cwnd=10 MSS ssthresh=10 MSS  cong", "cwnd=11 MSS ssthresh=10 MSS  cong"),
        (6, SHOWS_TOO, "RTO=0.802", "RTO=0.702"),
        (6, SHOWS_TOO, "cwnd=1 ", "cwnd=2 "),
    ] {
        let wrong = transcript.replacen(from, to, 1);
        assert_ne!(wrong, transcript);
        let judged = std::panic::catch_unwind(|| judge(&wrong, step));
        assert!(judged.is_err(), "step {step} without {from:?}");
    }
}
