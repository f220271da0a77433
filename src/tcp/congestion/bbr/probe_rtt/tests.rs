use super::super::CongestionControl;
use super::super::tests::{MSS, Path, sample};
use super::*;
use crate::tcp::Profile;

#[test]
fn the_shortest_of_ten_seconds_is_what_a_list_gives_while_it_gets_shorter() {
    let mut bbr = Bbr::new(MSS, Profile::Linux);
    for (now, rtt, min) in
        [(0, 50, 50), (1000, 60, 50), (2000, 40, 40), (3000, 41, 40), (7000, 44, 40)]
    {
        let rtt = Some(Duration::from_millis(rtt));
        bbr.update_min_rtt(&Sample { now: Instant::from_millis(now), rtt, ..sample() });
        assert_eq!(bbr.model.min_rtt, Some(Duration::from_millis(min)), "{now}");
        assert!(!bbr.probe_rtt.expired);
    }
    // After five seconds it is time for a new one, after ten the old one is gone.
    bbr.update_min_rtt(&Sample { now: Instant::from_millis(7001), rtt: None, ..sample() });
    assert!(bbr.probe_rtt.expired);
    for (now, rtt, min) in [(7002, 45, 40), (12_000, 46, 40), (12_001, 46, 45), (12_002, 44, 44)] {
        let rtt = Some(Duration::from_millis(rtt));
        bbr.update_min_rtt(&Sample { now: Instant::from_millis(now), rtt, ..sample() });
        assert_eq!(bbr.model.min_rtt, Some(Duration::from_millis(min)), "{now}");
    }
}

#[test]
fn without_a_round_trip_there_is_nothing_to_probe() {
    let mut bbr = Bbr::new(MSS, Profile::Linux);
    for seconds in 0..30 {
        let sample = Sample { now: Instant::from_millis(seconds * 1000), ..sample() };
        bbr.update_min_rtt(&sample);
        bbr.check_probe_rtt(&sample);
    }
    assert_eq!((bbr.state, bbr.model.min_rtt), (State::Startup, None));
}

#[test]
fn every_five_seconds_it_holds_half_for_200_ms_5_3_4() {
    let mut path = Path::new(20, 40, 2000);
    path.run(Duration::from_secs(30));
    let begun: Vec<_> = path.states.iter().filter(|(_, state)| *state == State::ProbeRtt).collect();
    assert!((5..=6).contains(&begun.len()), "{begun:?}");
    for pair in begun.windows(2) {
        let apart = pair[1].0.since(pair[0].0);
        assert!(
            (Duration::from_millis(5000)..Duration::from_millis(5400)).contains(&apart),
            "{apart:?}"
        );
    }
    let (_, took) = path.last(State::ProbeRtt).unwrap();
    assert!((Duration::from_millis(200)..Duration::from_millis(300)).contains(&took), "{took:?}");
    path.run_until(|path| path.bbr.state == State::ProbeRtt);
    let half = path.bdp() / 2;
    assert!(path.bbr.probe_rtt.cwnd.abs_diff(half) < half / 10);
    assert!(path.bbr.cwnd <= path.bbr.probe_rtt.cwnd);
    path.run_until(|path| path.bbr.state == State::Cruise);
    path.run(Duration::from_millis(100));
    assert!(path.bbr.cwnd > path.bdp(), "the window is back");
}

#[test]
fn a_longer_way_is_believed_after_ten_seconds_and_a_shorter_one_at_once() {
    let mut path = Path::new(20, 40, 4000);
    path.run(Duration::from_secs(8));
    path.rtt = Duration::from_millis(80);
    path.run(Duration::from_secs(5));
    let milli = Duration::from_millis(1);
    assert!(path.bbr.model.min_rtt.unwrap() < 42 * milli);
    path.run(Duration::from_secs(17));
    let longer = path.bbr.model.min_rtt.unwrap();
    assert!((80 * milli..84 * milli).contains(&longer), "{longer:?}");
    path.rtt = Duration::from_millis(20);
    path.run(Duration::from_secs(1));
    assert!(path.bbr.model.min_rtt.unwrap() < 40 * milli);
}

#[test]
fn what_was_sent_in_it_says_nothing_of_the_rate() {
    let mut bbr = Bbr::new(MSS, Profile::Linux);
    assert!(!bbr.probe_rtt.limited(0));
    bbr.state = State::ProbeRtt;
    bbr.model.delivered = 10_000;
    bbr.handle_probe_rtt(&Sample { in_flight: 30_000, ..sample() });
    bbr.model.delivered = 20_000;
    bbr.handle_probe_rtt(&Sample { in_flight: 8000, ..sample() });
    for (delivered, limited) in [(9999, false), (10_000, true), (28_000, true), (28_001, false)] {
        assert_eq!(bbr.probe_rtt.limited(delivered), limited, "{delivered}");
    }
}

#[test]
fn a_silence_is_as_good() {
    let mut path = Path::new(20, 40, 2000);
    path.run(Duration::from_secs(4));
    let mut bbr = path.bbr.clone();
    let now = path.now + Duration::from_secs(20);
    bbr.on_sent(now, 0, true);
    let after = Sample { now, rtt: Some(Duration::from_millis(41)), newly_acked: 1460, ..sample() };
    bbr.update_min_rtt(&after);
    bbr.check_probe_rtt(&after);
    assert_ne!(bbr.state, State::ProbeRtt);
    assert!(!bbr.idle_restart);
    // And a ProbeRTT that has lasted long enough is over before something is sent.
    bbr.state = State::ProbeRtt;
    bbr.probe_rtt.done_at = Some(now);
    bbr.on_sent(now + Duration::from_millis(1), 0, true);
    assert_eq!(bbr.state, State::Cruise);
}
