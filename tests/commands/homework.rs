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

/// A path on which a round trip is longer than all that a busy machine does in between.
const FAR: &str = "--impair delay=50ms";
/// The same, on which segments arrive one by one; and one of them does not.
const LOSES_ONE: &str = "--impair delay=50ms --impair rate=20mbit --drop out:data:nth=20";

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
