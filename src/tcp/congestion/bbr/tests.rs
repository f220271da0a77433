//! The algorithm on a path; what a part of it does by itself is in the tests of each.

mod path;

use proptest::prelude::*;

use super::super::{Controller, RateSample};
use super::*;

pub(super) use path::{MSS, Path};

const SECOND: Duration = Duration::from_secs(1);
const NOW: Instant = Instant::from_millis(1);

/// An acknowledgment that says nothing.
pub(super) fn sample() -> Sample {
    Sample::new(&Ack { now: NOW, ..Ack::default() }, 0)
}

#[test]
fn startup_finds_the_bandwidth_in_as_many_rounds_as_it_has_to_double_and_three_more() {
    // Megabits a second, milliseconds, thousandths of the product in the queue, most round trips.
    for (mbit, rtt, queue, rounds) in
        [(10, 40, 2000, 8), (50, 40, 2000, 11), (50, 100, 1000, 11), (100, 20, 3000, 11)]
    {
        let mut path = Path::new(mbit, rtt, queue);
        assert!(path.bbr.in_slow_start());
        path.run_until(|path| path.bbr.state == State::Drain);
        assert!(!path.bbr.in_slow_start());
        assert!(path.rounds_seen <= rounds, "{mbit} Mbit/s: {}", path.rounds_seen);
        let bw = path.bbr.model.max_bw();
        assert!(bw.abs_diff(path.rate) < path.rate / 50, "{mbit} Mbit/s: {bw}");
        assert!(path.longest_queue <= path.bdp() * 13 / 10);
        path.run_until(|path| path.bbr.state == State::Cruise);
        assert!(path.queue() < 3 * u64::from(MSS), "Drain empties the queue: {}", path.queue());
        let (_, took) = path.last(State::Drain).unwrap();
        assert!(took < path.rtt * 3, "{took:?}");
    }
}

#[test]
fn then_the_path_is_full_and_the_queue_is_short() {
    for (mbit, rtt, queue) in [(10, 40, 2000), (50, 40, 2000), (50, 100, 1000), (20, 10, 500)] {
        let mut path = Path::new(mbit, rtt, queue);
        path.run(3 * SECOND);
        let dropped = path.dropped;
        let share = path.run(20 * SECOND);
        assert!(share > 950, "{mbit} Mbit/s: {share}");
        let bw = path.bbr.model.bw;
        assert!(bw.abs_diff(path.rate) * 20 < path.rate, "{mbit} Mbit/s: {bw}");
        assert!(path.longest_queue < path.bdp(), "only while probing: {}", path.longest_queue);
        let lost = (path.dropped - dropped) * u64::from(MSS) * 1000 / path.delivered;
        assert!(lost < 10, "{mbit} Mbit/s: {lost} of 1000");
        path.run_until(|path| path.bbr.state == State::Cruise);
        path.run(SECOND / 2);
        assert!(path.queue() < path.bdp() / 10 + 3 * u64::from(MSS), "{}", path.queue());
    }
}

#[test]
fn random_loss_without_a_queue_costs_little() {
    // Thousandths lost, thousandths of the bandwidth that are left.
    for (loss, left) in [(1, 900), (10, 850), (50, 750), (100, 700)] {
        let mut path = Path::new(50, 100, 2000);
        path.loss = loss;
        path.run(3 * SECOND);
        let share = path.run(30 * SECOND);
        assert!(share > left, "{loss} of 1000 lost: {share}");
        assert!(path.bbr.model.max_bw() > path.rate * 9 / 10);
    }
}

/// Every probe loses more than it may, so that nothing holds the bound up.
#[test]
fn what_loses_half_is_taken_for_full() {
    let mut path = Path::new(50, 100, 2000);
    path.loss = 500;
    path.run(3 * SECOND);
    let share = path.run(30 * SECOND);
    assert!(share < 500, "{share}");
    assert!(path.bbr.model.inflight_longterm < path.bdp());
}

#[test]
fn a_probe_that_overflows_the_queue_sets_the_long_term_bound() {
    let mut path = Path::new(50, 40, 150);
    path.run(10 * SECOND);
    let held = path.bdp() + path.queue_limit;
    let bound = path.bbr.model.inflight_longterm;
    assert!((path.bdp() * 7 / 10..held * 11 / 10).contains(&bound), "{bound} of {held}");
    let (before, dropped) = (path.delivered, path.dropped);
    let share = path.run(20 * SECOND);
    let lost = (path.dropped - dropped) * u64::from(MSS) * 1000 / (path.delivered - before);
    assert!(share > 900 && lost < 20, "{share}, lost {lost}");
}

#[test]
fn twice_the_bandwidth_is_found_with_the_next_probe() {
    for factor in [2, 8] {
        let mut path = Path::new(20, 40, 2000);
        path.run_until(|path| path.states.len() > 8);
        path.run_until(|path| path.bbr.state == State::Cruise);
        path.rate *= factor;
        let changed = path.now;
        path.run_until(|path| path.bbr.model.max_bw() > path.rate * 9 / 10);
        let took = path.now.since(changed);
        assert!(took < Duration::from_millis(3500), "{factor} times: {took:?}");
    }
}

#[test]
fn half_the_bandwidth_is_followed_as_soon_as_something_is_lost() {
    for (queue, rounds) in [(200, 6), (1000, 10)] {
        let mut path = Path::new(20, 40, queue);
        path.run_until(|path| path.states.len() > 8);
        path.run_until(|path| path.bbr.state == State::Cruise);
        path.rate /= 2;
        let (changed, round) = (path.now, path.rounds_seen);
        path.run_until(|path| path.bbr.model.bw < path.rate * 105 / 100);
        assert!(path.rounds_seen - round <= rounds, "queue {queue}: {}", path.rounds_seen - round);
        assert!(path.now.since(changed) < SECOND);
        assert!(path.run(5 * SECOND) > 950);
        path.run(15 * SECOND);
        assert!(path.bbr.model.max_bw() < path.rate * 105 / 100, "the cycles have forgotten it");
    }
}

#[test]
fn an_application_with_little_to_send_leaves_the_model_alone() {
    let mut path = Path::new(50, 40, 4000);
    path.run(12 * SECOND);
    path.write_at(1_000_000);
    path.run(12 * SECOND);
    let bw = path.bbr.model.bw;
    assert!(bw.abs_diff(path.rate) * 20 < path.rate, "{bw}");
    path.application = None;
    assert!(path.run(SECOND) > 900, "and it is all there when there is more");
}

#[test]
fn a_silence_ends_without_a_burst_at_the_rate_of_the_path() {
    let mut path = Path::new(20, 40, 2000);
    path.run_until(|path| path.bbr.state == State::Up);
    let rate = path.bbr.model.bw;
    assert!(path.bbr.pacing_rate().unwrap() > rate);
    let window = path.bbr.window();
    path.bbr.on_idle_restart(SECOND, SECOND / 2);
    path.bbr.on_sent(path.now + SECOND, 0, true);
    assert_eq!(path.bbr.pacing_rate(), Some(rate * 99 / 100));
    assert_eq!(path.bbr.window(), window);
    // Not so when something is out.
    path.bbr.idle_restart = false;
    path.bbr.on_sent(path.now + SECOND, MSS, false);
    assert!(!path.bbr.idle_restart);
}

#[test]
fn saved_up_acknowledgments_do_not_run_the_path_dry() {
    for slot in [5, 20, 40] {
        let mut path = Path::new(20, 40, 4000);
        path.slot = Duration::from_millis(slot);
        path.run(3 * SECOND);
        let share = path.run(20 * SECOND);
        assert!(share > 950, "{slot} ms: {share}");
        assert!(path.bbr.model.bw < path.rate * 105 / 100);
    }
}

#[test]
fn all_that_is_lost_is_found_out_by_the_timer() {
    let mut path = Path::new(20, 40, 2000);
    path.run(3 * SECOND);
    path.loss = 1000;
    path.run(3 * SECOND);
    path.loss = 0;
    path.run(5 * SECOND);
    assert!(path.run(5 * SECOND) > 900);
}

#[test]
fn without_rates_the_first_window_stays_and_nothing_breaks() {
    let mut cc = Controller::new(Algorithm::Bbr, MSS, Profile::Linux);
    let srtt = Some(Duration::from_millis(100));
    let ack = Ack { acked: MSS, delivered: MSS, srtt, ..Ack::default() };
    for _ in 0..100 {
        cc.on_ack(&ack);
    }
    assert_eq!((cc.window(), cc.ssthresh(), cc.recovery()), (19 * MSS, None, Recovery::Own));
    cc.on_rto(NOW, 10 * MSS, Timeout::First);
    assert_eq!(cc.window(), MSS);
    cc.on_ack(&ack);
    assert_eq!(cc.window(), 4 * MSS);
}

#[test]
fn another_algorithm_leaves_its_window() {
    let mut cc = Controller::new(Algorithm::Bbr, MSS, Profile::Linux);
    let fresh = cc.pacing_rate().unwrap();
    cc.adopt(33 * MSS, Some(20 * MSS));
    assert_eq!((cc.window(), cc.ssthresh()), (33 * MSS, None));
    assert!(cc.in_slow_start() && cc.pacing_rate().unwrap() > fresh);
    cc.adopt(1, None);
    assert_eq!(cc.window(), 4 * MSS);
}

/// One call of the trait, with numbers that need not fit together.
#[derive(Clone, Debug)]
enum Call {
    Ack(Ack),
    Lost(LostSegment),
    Congestion(u32, Signal),
    Rto(u32),
    Recovered,
    Undo,
    Sent(u32, bool),
    Mss(u32),
    Adopt(u32),
}

fn any_ack() -> impl Strategy<Value = Ack> {
    let rate =
        (any::<u32>(), 0u64..1 << 34, any::<u64>(), any::<u32>(), any::<u32>(), any::<bool>());
    let parts = (0u32..1 << 30, 0u32..100_000, 0u64..1 << 34, any::<bool>(), any::<bool>());
    (parts, proptest::option::of(rate)).prop_map(|((in_flight, acked, rtt, limited, ece), rate)| {
        Ack {
            acked,
            delivered: acked,
            in_flight,
            rtt: (rtt % 3 > 0).then_some(Duration::from_nanos(rtt)),
            srtt: (rtt % 5 > 0).then_some(Duration::from_nanos(rtt)),
            window_limited: limited,
            ece,
            rate: rate.map(|(delivered, interval, total, lost, tx_in_flight, app_limited)| {
                RateSample {
                    delivered: delivered.into(),
                    interval: Duration::from_nanos(interval),
                    prior_delivered: total.saturating_sub(delivered.into()),
                    total_delivered: total,
                    lost: lost.into(),
                    tx_in_flight,
                    app_limited,
                }
            }),
            ..Ack::default()
        }
    })
}

fn any_call() -> impl Strategy<Value = Call> {
    let lost = (any::<u32>(), any::<u32>(), any::<u64>(), any::<bool>());
    prop_oneof![
        8 => any_ack().prop_map(Call::Ack),
        2 => lost.prop_map(|(bytes, tx_in_flight, lost, app_limited)| {
            let prior_delivered = lost / 2;
            Call::Lost(LostSegment { now: NOW, bytes, tx_in_flight, lost, prior_delivered, app_limited })
        }),
        1 => (any::<u32>(), any::<bool>()).prop_map(|(in_flight, ecn)| {
            Call::Congestion(in_flight, if ecn { Signal::Ecn } else { Signal::Loss })
        }),
        1 => any::<u32>().prop_map(Call::Rto),
        1 => Just(Call::Recovered),
        1 => Just(Call::Undo),
        1 => (any::<u32>(), any::<bool>()).prop_map(|(in_flight, idle)| Call::Sent(in_flight, idle)),
        1 => (1u32..65_536).prop_map(Call::Mss),
        1 => any::<u32>().prop_map(Call::Adopt),
    ]
}

proptest! {
    #[test]
    fn no_sequence_of_calls_stops_it(
        mss in 1u32..65_536,
        calls in proptest::collection::vec((any_call(), 0u64..1 << 32), 1..120),
    ) {
        let mut bbr = Bbr::new(mss, Profile::Linux);
        // The first window of large segments has fewer than four.
        let (mut now, mut mss, mut few) = (Instant::ZERO, mss, true);
        for (call, pause) in calls {
            now += Duration::from_nanos(pause);
            match call {
                Call::Ack(ack) => {
                    bbr.on_ack(&Ack { now, ..ack });
                    few = false;
                }
                Call::Lost(lost) => bbr.on_segment_lost(&LostSegment { now, ..lost }),
                Call::Congestion(in_flight, signal) => bbr.on_congestion(now, in_flight, signal),
                Call::Rto(in_flight) => {
                    let loss = if pause % 2 == 0 { Timeout::Again } else { Timeout::First };
                    bbr.on_rto(now, in_flight, loss);
                    few = true;
                }
                Call::Recovered => bbr.on_recovered(now, 0),
                Call::Undo => bbr.on_undo(now),
                Call::Sent(in_flight, idle) => bbr.on_sent(now, in_flight * u32::from(!idle), idle),
                Call::Mss(smaller) if smaller < mss => {
                    bbr.on_mss(smaller);
                    mss = smaller;
                }
                Call::Mss(_) => {}
                Call::Adopt(window) => {
                    bbr.adopt(window, None);
                    few = false;
                }
            }
            let least = if few { mss } else { 4 * mss };
            prop_assert!(bbr.window() >= least, "{} of {least}", bbr.window());
            prop_assert!(bbr.pacing_rate().unwrap() > 0);
        }
    }
}
