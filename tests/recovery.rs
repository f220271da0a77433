//! Loss recovery and congestion control on simulated links: what a sender of today's grade has to do.
//!
//! Those that move gigabytes are left to the optimised build: `cargo test --profile checked --test recovery --
//! --include-ignored`, as `scripts/test` runs them.

use std::sync::{Arc, Mutex};

use glasstcp::device::impair::{Decision, Direction, Spec};
use glasstcp::event::{Event, Reduction, Why};
use glasstcp::sim::{self, Ended, FlowOutcome, Outcome, Scenario, Vantage, Watch};
use glasstcp::tcp::congestion::Algorithm;
use glasstcp::time::{Duration, Instant};

/// Those that repair by SACK, RACK and TLP.
const MODERN: [Algorithm; 2] = [Algorithm::Cubic, Algorithm::Bbr];

const SECOND: Instant = Instant::from_millis(1000);

/// Keeps when the senders' windows were reduced, and why, but for windows that were not used.
#[derive(Default)]
struct Reductions(Vec<(Instant, Reduction)>);

impl Watch for Reductions {
    fn event(&mut self, now: Instant, host: &str, event: &Event) {
        if let Event::Reduced { why, .. } = event
            && !matches!(why, Reduction::Idle | Reduction::Unused)
            && host.starts_with("sender")
        {
            self.0.push((now, *why));
        }
    }

    fn packet(&mut self, _: Instant, _: Vantage, _: &str, _: &[u8]) {}

    fn decision(&mut self, _: Direction, _: &Decision) {}

    fn backlog(&mut self, _: Instant, _: usize, _: u64) {}
}

fn scenario(text: &str) -> Scenario {
    Scenario::from_toml(text).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs it to its end, everything transferred; with all reductions.
fn run(scenario: &Scenario, algorithm: Algorithm) -> (Outcome, Vec<(Instant, Reduction)>) {
    let watch = Arc::new(Mutex::new(Reductions::default()));
    let outcome = sim::run(scenario, algorithm, true, Some(watch.clone()));
    assert_eq!(outcome.ended, Ended::Done, "{algorithm}");
    assert!(outcome.is_complete(), "{algorithm}");
    let reductions = std::mem::take(&mut watch.lock().unwrap().0);
    (outcome, reductions)
}

/// How much the receiver has acknowledged by then, in bytes.
fn acked_by(flow: &FlowOutcome, at: Instant) -> u64 {
    let series = flow.sender.series.as_ref().expect("it was asked for");
    let before = series.acks.partition_point(|(when, ..)| *when <= at);
    series.acks[..before].iter().map(|(_, ack, _)| *ack).max().unwrap_or(0)
}

/// How many segments, or bursts of them, were sent for this reason.
fn count(flow: &FlowOutcome, reason: Why) -> usize {
    let series = flow.sender.series.as_ref().expect("it was asked for");
    series.sent.iter().filter(|(.., why)| *why == reason).count()
}

/// RACK's reordering window adapts (RFC 8985 6.2 step 4): nothing is taken for lost that is only late.
#[test]
fn reordering_of_5_ms_costs_nothing_after_the_first_second() {
    for algorithm in MODERN {
        // Buffers of one and a half of what the path holds: the link is full, and its queue never is.
        for (rtt, buffer, share) in [("20ms", "192k", "2%"), ("40ms", "384k", "5%")] {
            let mut scenario = scenario(&format!(
                "bytes = '40m'\nrate = '50mbit'\nrtt = '{rtt}'\nqueue = '8000p'\nbuffer = '{buffer}'"
            ));
            scenario.impair = format!("out:reorder={share}:by=5ms").parse::<Spec>().unwrap();
            let (outcome, reductions) = run(&scenario, algorithm);
            let name = format!("{algorithm}, {rtt}, {share}");
            let late = reductions.iter().filter(|(at, _)| *at > SECOND).count();
            // A loss does not make BBR's window smaller: that it takes one for lost is what may happen when
            // ProbeRTT makes the smoothed round trip short.
            let most = if algorithm == Algorithm::Bbr { 1 } else { 0 };
            assert!(late <= most, "{name}: {reductions:?}");
            let flow = &outcome.flows[0];
            let segments = flow.sender.text_bytes / 1448;
            assert!(flow.receiver.duplicates * 1000 < segments, "{name}: sent again in vain");
            assert_eq!(flow.sender.timeouts, 0, "{name}");
        }
    }
}

/// RFC 8985 7: the last segment of a reply of ten is lost, and after it comes nothing that would show it. A
/// probe goes two round trips after the last acknowledgment, and half a one later the reply is whole.
#[test]
fn a_lost_tail_is_repaired_by_a_probe() {
    for algorithm in MODERN {
        for rtt_ms in [40, 100, 200] {
            let mut scenario = scenario(&format!("bytes = '14480b'\nrtt = '{rtt_ms}ms'"));
            scenario.impair = "out:drop:data:nth=10".parse::<Spec>().unwrap();
            let (outcome, _) = run(&scenario, algorithm);
            let flow = &outcome.flows[0];
            let name = format!("{algorithm}, {rtt_ms} ms");
            assert_eq!((flow.sender.timeouts, count(flow, Why::TailLossProbe)), (0, 1), "{name}");
            let series = flow.sender.series.as_ref().unwrap();
            // The ninth segment ends at place 1 + 9 * 1448.
            let shown = series.acks.iter().find(|(_, ack, _)| *ack == 1 + 9 * 1448).unwrap().0;
            let took = flow.progress.completed.unwrap() - shown;
            let rtt = Duration::from_millis(rtt_ms);
            assert!(took < rtt * 5 / 2 + Duration::from_millis(10), "{name}: {took:?}");
        }
    }
}

/// RFC 6675, RFC 6937: half of a window is lost at once.
#[test]
fn a_burst_of_half_a_window_is_repaired_without_a_time_out() {
    for algorithm in MODERN {
        for first in [60, 100, 200, 400] {
            // In slow start seven tenths of as many segments are in flight as were sent before.
            let last = first + first / 5 * 2;
            let mut scenario =
                scenario("bytes = '4m'\nrtt = '50ms'\nrate = '100mbit'\nqueue = '4bdp'");
            let rule = format!("out:drop:data:nth={first}..{last}");
            scenario.impair = rule.parse::<Spec>().unwrap();
            let (outcome, reductions) = run(&scenario, algorithm);
            let flow = &outcome.flows[0];
            assert_eq!(flow.sender.timeouts, 0, "{algorithm}, {rule}");
            assert_eq!(
                flow.sender.retransmitted_bytes,
                (last - first + 1) * 1448,
                "{algorithm}, {rule}"
            );
            assert_eq!(reductions.len(), 1, "{algorithm}, {rule}: once for all of them");
        }
    }
}

/// Jain's index of two that begin one after the other: of what they get in some 40 seconds, once they have had 20 to
/// find each other.
#[test]
#[ignore = "needs an optimised build: run scripts/test"]
fn two_flows_share_a_link_evenly() {
    let text =
        "bytes = '150m'\nrate = '40mbit'\nrtt = '40ms'\nflows = 2\nstagger = '1s'\nqueue = '1bdp'";
    let (outcome, _) = run(&scenario(text), Algorithm::Cubic);
    let fairness = outcome.fairness(Duration::from_secs(20));
    assert!(fairness >= 0.95, "{fairness}");
}

/// 1 Gbit/s over 100 ms, with buffers that adapt: what is acknowledged in the best of the first five seconds.
#[test]
#[ignore = "needs an optimised build: run scripts/test"]
fn a_long_fat_pipe_is_filled_within_5_seconds() {
    for algorithm in MODERN {
        let text = "bytes = '700m'\nrate = '1gbit'\nrtt = '100ms'\nqueue = '1bdp'";
        let (outcome, _) = run(&scenario(text), algorithm);
        let flow = &outcome.flows[0];
        let acked = |second: u64| acked_by(flow, Instant::from_millis(second * 1000));
        let mbits = (0..5).map(|s| (acked(s + 1) - acked(s)) * 8 / 1_000_000).max().unwrap();
        // Of 1000 Mbit/s headers take 35.
        assert!(mbits >= 900, "{algorithm}: {mbits} Mbit/s");
    }
}

/// More than 8 GiB on one connection, with losses: sequence numbers wrap twice, places do not.
#[test]
#[ignore = "needs an optimised build: run scripts/test"]
fn eight_gibibytes_and_more_arrive_over_a_link_that_loses() {
    for algorithm in MODERN {
        let mut scenario = scenario("bytes = '8700m'\nrate = '10gbit'\nrtt = '2ms'\nbuffer = '8m'");
        scenario.impair = "out:loss=0.01%".parse::<Spec>().unwrap();
        let outcome = sim::run(&scenario, algorithm, false, None);
        assert!(outcome.is_complete(), "{algorithm}");
        assert!(outcome.flows[0].sender.retransmissions > 0);
    }
}
