//! Each scenario in `scenarios/` shows what its name says.

use std::fs;
use std::path::{Path, PathBuf};

use glasstcp::device::impair::Effect;
use glasstcp::event::Why;
use glasstcp::sim::{self, Ended, FlowOutcome, Outcome, Scenario};
use glasstcp::tcp::congestion::Algorithm;
use glasstcp::time::Duration;

use Algorithm::{Bbr, Cubic, NewReno, Reno, Tahoe};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn scenario(name: &str) -> Scenario {
    let path = folder().join(format!("{name}.toml"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    Scenario::from_toml(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Runs a scenario to its end, everything transferred.
fn run(scenario: &Scenario, congestion: Algorithm) -> Outcome {
    let outcome = sim::run(scenario, congestion, true, None);
    assert_eq!(outcome.ended, Ended::Done, "{}", scenario.title);
    assert!(outcome.is_complete(), "{}: {outcome:?}", scenario.title);
    outcome
}

/// The only flow of a scenario run with one congestion control.
fn flow(name: &str, congestion: Algorithm) -> FlowOutcome {
    run(&scenario(name), congestion).flows.remove(0)
}

/// How many segments, or bursts of them, were sent for such a reason.
fn count(flow: &FlowOutcome, reason: impl Fn(Why) -> bool) -> usize {
    let series = flow.sender.series.as_ref().expect("it was asked for");
    series.sent.iter().filter(|(.., why)| reason(*why)).count()
}

fn is_rto(why: Why) -> bool {
    matches!(why, Why::Rto(_))
}

fn is_fast(why: Why) -> bool {
    why == Why::FastRetransmit
}

/// The congestion windows in the order in which they were, in bytes.
fn windows(flow: &FlowOutcome) -> Vec<u32> {
    let series = flow.sender.series.as_ref().expect("it was asked for");
    series.windows.iter().map(|&(_, cwnd, _)| cwnd).collect()
}

#[test]
fn every_scenario_is_read_and_says_what_it_shows() {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let scenario = scenario(&name);
        assert!(!scenario.title.is_empty() && scenario.about.len() > 50, "{name}");
        names.push(name);
    }
    assert!(names.len() >= 12, "{names:?}");
}

#[test]
fn slow_start_doubles_each_round_trip() {
    let flow = flow("slow-start", NewReno);
    assert_eq!((flow.sender.retransmissions, flow.sender.timeouts), (0, 0));
    let windows = windows(&flow);
    assert!(windows.is_sorted(), "it only grows");
    // 1 MiB in 10, 20, 40 ... segments a round trip: the seventh ends it; the handshake comes before.
    let time = flow.progress.completed.unwrap() - flow.progress.connected.unwrap();
    assert!((Duration::from_millis(600)..Duration::from_millis(800)).contains(&time), "{time:?}");
}

#[test]
fn congestion_avoidance_is_a_saw() {
    let flow = flow("congestion-avoidance", NewReno);
    assert!(flow.sender.fast_retransmits >= 3, "{}", flow.sender.fast_retransmits);
    let falls = windows(&flow).windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert!(falls >= 3, "{falls}");
    // The link is used nine parts in ten.
    assert!(flow.goodput(Duration::ZERO) > 0.9 * 10e6, "{}", flow.goodput(Duration::ZERO));
}

#[test]
fn a_dead_link_is_found_out_by_the_timer() {
    let flow = flow("timeout", NewReno);
    assert!(flow.sender.timeouts >= 2, "{}", flow.sender.timeouts);
    assert!(count(&flow, is_rto) >= 2);
    assert_eq!(count(&flow, is_fast), 0);
    let least = windows(&flow).into_iter().min().unwrap();
    assert_eq!(least, 1448, "one segment");
}

#[test]
fn tahoe_retransmits_fast_and_begins_anew() {
    let flow = flow("fast-retransmit", Tahoe);
    assert_eq!((count(&flow, is_fast), flow.sender.timeouts), (1, 0), "one and no RTO");
    assert_eq!(windows(&flow).into_iter().min().unwrap(), 1448);
}

#[test]
fn reno_recovers_without_beginning_anew() {
    let flow = flow("fast-recovery", Reno);
    assert_eq!((count(&flow, is_fast), flow.sender.timeouts), (1, 0), "one and no RTO");
    assert_eq!((flow.sender.fast_retransmits, flow.sender.retransmissions), (1, 1));
    assert!(windows(&flow).into_iter().min().unwrap() >= 5 * 1448, "half and no less");
}

#[test]
fn one_loss_at_2048_is_repaired_by_one_segment() {
    let flow = flow("loss-at-2048", NewReno);
    assert_eq!((count(&flow, is_fast), flow.sender.timeouts), (1, 0));
    let series = flow.sender.series.as_ref().unwrap();
    let again = series.sent.iter().find(|(.., why)| is_fast(*why)).unwrap();
    // Byte 0 has relative sequence number 1.
    assert_eq!((again.1, again.2), (2049, 1024));
    assert_eq!(flow.receiver.duplicates, 0, "nothing is sent for nothing");
}

#[test]
fn three_losses_tell_the_algorithms_apart() {
    let tahoe = flow("three-losses", Tahoe);
    assert_eq!((count(&tahoe, is_fast), tahoe.sender.timeouts), (1, 0));
    let reno = flow("three-losses", Reno);
    assert!(reno.sender.timeouts >= 1, "Reno has to wait for the timer");
    let newreno = flow("three-losses", NewReno);
    assert_eq!((count(&newreno, is_fast), newreno.sender.timeouts), (1, 0));
    assert_eq!(count(&newreno, |why| why == Why::PartialAck), 2);
    assert_eq!(newreno.sender.retransmissions, 3);
    assert!(newreno.progress.completed < reno.progress.completed);
}

#[test]
fn nagle_collects_while_the_receiver_waits() {
    let with = scenario("nagle-delayed-ack");
    let segments = |scenario: &Scenario| {
        let flow = run(scenario, NewReno).flows.remove(0);
        count(&flow, |why| why == Why::NewData)
    };
    let writes = (with.bytes / 100) as usize;
    let collected = segments(&with);
    assert!(collected < writes / 4, "{collected} of {writes}");
    let without = Scenario { nodelay: true, ..with };
    let single = segments(&without);
    assert!(single >= writes, "{single} of {writes}");
}

#[test]
fn a_closed_window_stops_the_sender() {
    let flow = flow("zero-window", NewReno);
    let series = flow.sender.series.as_ref().unwrap();
    assert!(series.acks.iter().any(|&(_, _, window)| window == 0), "it was closed");
    assert_eq!(flow.sender.retransmissions, 0);
    // 64 KiB, 2 KiB each 300 ms.
    let time = flow.progress.completed.unwrap() - flow.progress.connected.unwrap();
    assert!(time > Duration::from_secs(8), "{time:?}");
}

#[test]
fn a_bloated_buffer_makes_a_long_round_trip() {
    let outcome = run(&scenario("bufferbloat"), NewReno);
    let p99 = outcome.flows[0].sender.rtt_percentiles.unwrap()[1];
    assert!(p99 > Duration::from_millis(300), "{p99:?}");
    assert!(outcome.link[0].waited_max > Duration::from_millis(350));
}

#[test]
fn reordering_looks_like_loss() {
    let outcome = run(&scenario("reordering"), NewReno);
    let flow = &outcome.flows[0];
    assert!(outcome.link[0].count(Effect::Reordered) > 20);
    assert_eq!(outcome.link[0].count(Effect::Lost) + outcome.link[0].count(Effect::QueueFull), 0);
    assert!(flow.sender.fast_retransmits >= 3, "{}", flow.sender.fast_retransmits);
    assert!(flow.receiver.duplicates >= 3, "{}", flow.receiver.duplicates);
}

#[test]
fn twenty_flows_share() {
    let outcome = run(&scenario("twenty-flows"), NewReno);
    assert_eq!(outcome.flows.len(), 20);
    let fairness = outcome.fairness(Duration::ZERO);
    assert!(fairness > 0.8, "{fairness}");
    // 20 MiB over 20 Mbit/s.
    let seconds = outcome.time.as_secs_f64();
    assert!((8.5..13.0).contains(&seconds), "{seconds}");
}

#[test]
fn three_generations_fill_a_link_at_different_prices() {
    let [newreno, cubic, bbr] =
        [NewReno, Cubic, Bbr].map(|algorithm| flow("comparison", algorithm));
    let time = |flow: &FlowOutcome| flow.progress.completed.unwrap();
    assert!(time(&cubic) < time(&newreno) && time(&bbr) < time(&newreno));
    assert_eq!((cubic.sender.timeouts, bbr.sender.timeouts), (0, 0));
    assert!(newreno.sender.timeouts > 0, "a whole queue lost is more than it can repair in time");
    let median = |flow: &FlowOutcome| flow.sender.rtt_percentiles.unwrap()[0];
    assert!(median(&bbr) < Duration::from_millis(65), "hardly a queue: {:?}", median(&bbr));
    assert!(median(&cubic) > Duration::from_millis(100), "a queue: {:?}", median(&cubic));
}
