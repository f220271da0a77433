use super::super::tests::{MSS, sample};
use super::*;
use crate::tcp::congestion::Ack;

fn model() -> Model {
    Model::new(MSS.into())
}

#[test]
fn volumes_saturate() {
    assert_eq!(percent(1000, 277), 2770);
    assert_eq!(percent(u64::MAX, 200), u64::MAX);
    assert_eq!(volume(125_000, Duration::from_millis(40)), 5000);
    assert_eq!(volume(u64::MAX, Duration::MAX), u64::MAX);
    assert_eq!(volume(0, Duration::MAX), 0);
}

#[test]
fn a_round_ends_with_what_was_sent_after_it_began_5_5_1() {
    let mut model = model();
    // Delivered before what is acknowledged was sent, and up to now.
    for (prior, total, start) in [
        (0, 10, true),
        (0, 20, false),
        (9, 30, false),
        (10, 40, true),
        (39, 50, false),
        (40, 60, true),
    ] {
        model.update_max_bw(&Sample {
            prior_delivered: Some(prior),
            total_delivered: total,
            ..sample()
        });
        assert_eq!(model.rounds.start, start, "{prior}");
    }
    assert_eq!(model.rounds.count, 3);
    model.update_max_bw(&Sample { prior_delivered: None, ..sample() });
    assert!(!model.rounds.start);
}

#[test]
fn the_application_makes_a_path_no_slower_but_faster_5_5_4() {
    let mut model = model();
    for (rate, app_limited, max_bw) in
        [(500, true, 500), (100, true, 500), (900, true, 900), (400, false, 900)]
    {
        model.update_max_bw(&Sample { rate, app_limited, ..sample() });
        assert_eq!(model.max_bw(), max_bw);
    }
    model.advance_max_bw();
    model.update_max_bw(&Sample { rate: 300, app_limited: true, ..sample() });
    assert_eq!(model.max_bw(), 900);
    // A cycle without a sample is none.
    for _ in 0..5 {
        model.advance_max_bw();
        assert_eq!(model.max_bw(), 900);
    }
    model.update_max_bw(&Sample { rate: 300, app_limited: false, ..sample() });
    model.advance_max_bw();
    assert_eq!(model.max_bw(), 300);
}

#[test]
fn a_loss_takes_at_most_three_tenths_and_nothing_below_what_was_delivered_5_5_10_3() {
    let mut model = model();
    model.update_max_bw(&Sample { rate: 1000, app_limited: false, ..sample() });
    model.init_shortterm(80_000);
    assert_eq!((model.bw_shortterm, model.inflight_shortterm), (1000, 80_000));
    for (bw, inflight, expected) in
        [(0, 0, (700, 56_000)), (650, 50_000, (650, 50_000)), (0, 0, (455, 35_000))]
    {
        model.reset_congestion_signals();
        model.take_latest(&Sample { rate: bw, delivered: inflight, ..sample() });
        model.lower_for_loss();
        assert_eq!((model.bw_shortterm, model.inflight_shortterm), expected);
    }
    model.bound_bandwidth();
    assert_eq!(model.bw, 455);
    // Bounds that are there stay.
    model.init_shortterm(90_000);
    assert_eq!(model.inflight_shortterm, 35_000);
    model.reset_shortterm();
    model.bound_bandwidth();
    assert_eq!((model.bw, model.inflight_shortterm), (1000, NO_LIMIT));
}

#[test]
fn the_round_trip_of_a_loss_begins_with_it() {
    let mut model = model();
    let ack =
        |prior, total| Sample { prior_delivered: Some(prior), total_delivered: total, ..sample() };
    model.take_latest(&ack(0, 100));
    assert!(model.latest.round_start);
    model.take_latest(&ack(50, 200));
    assert!(model.note_loss() && !model.note_loss());
    model.take_latest(&ack(150, 300));
    assert!(!model.latest.round_start, "it would have ended without the loss");
    model.take_latest(&ack(200, 400));
    assert!(model.latest.round_start && model.latest.loss);
}

#[test]
fn the_latest_are_the_greatest_of_a_round_trip() {
    let mut model = model();
    let acks = [(0, 700, 700), (0, 500, 700), (1, 600, 700), (100, 400, 600), (100, 300, 400)];
    for (index, (prior, rate, latest)) in acks.into_iter().enumerate() {
        let total_delivered = [1, 100, 100, 100, 200][index];
        let sample = Sample { prior_delivered: Some(prior), total_delivered, rate, ..sample() };
        model.take_latest(&sample);
        assert_eq!(model.latest.bw, latest, "{index}");
        model.advance_latest(&sample);
    }
}

#[test]
fn a_sixth_of_the_long_term_bound_is_left_to_others_but_no_segment_of_the_last_four() {
    let mut model = model();
    assert_eq!(model.inflight_with_headroom(), NO_LIMIT);
    for (bound, left) in [(200_000, 170_000), (8 * 1460, 11_680 - 1752), (6000, 5840), (0, 5840)] {
        model.inflight_longterm = bound;
        assert_eq!(model.inflight_with_headroom(), left);
    }
}

/// A queue makes all of them longer; where most are, but not all, the path wavers.
#[test]
fn a_queue_is_seen_when_all_of_a_quarter_of_a_round_trip_are_longer() {
    let mut model = model();
    model.min_rtt = Some(Duration::from_millis(40));
    let mut at = 0;
    let mut arrives = |model: &mut Model, micros: u64| {
        at += 1;
        let rtt = Some(Duration::from_micros(micros));
        let ack = Ack { now: Instant::from_millis(at), rtt, ..Ack::default() };
        model.take_latest(&Sample::new(&ack, 0));
        model.has_queue()
    };
    assert!((0..200).all(|n| !arrives(&mut model, if n % 10 == 0 { 42_900 } else { 60_000 })));
    // Then all are; after 10 ms it may not be a chance any more, after 20 it is none.
    let seen: Vec<_> = (0..40).map(|_| arrives(&mut model, 43_100)).collect();
    let first = seen.iter().position(|&queue| queue).unwrap();
    assert!((9..=20).contains(&first) && seen[first..].iter().all(|&queue| queue), "{first}");
    assert!(!arrives(&mut model, 42_900), "one is enough to the contrary");
}
