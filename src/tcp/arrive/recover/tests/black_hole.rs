//! Paths that swallow large segments and say nothing (`tcp/black_hole`).

use super::*;
use crate::event::{Event, MtuBy};
use crate::tcp::Mss;

/// Text of a full-sized segment at an MTU of 1500, and at the two smaller ones.
const LARGE: u32 = 1448;
const SMALLER: u32 = 1012;
const LEAST: u32 = 500;

/// A connection with segments of [`LARGE`] over a path that carries only so much text in each, and `len` to send.
fn way(congestion: Algorithm, carries: u32, len: u32) -> Way {
    let mut setup = setup(congestion);
    setup.config.black_hole_detection = true;
    let mut rig = Rig::open(setup);
    let mss = Mss::of_mtu(1500, rig.tcb.ends.remote.ip());
    rig.with(|tcb, cx| tcb.change_mss(cx, mss, MtuBy::Probe));
    rig.forget_events();
    rig.write(len);
    let mut way = Way::new(rig);
    swallow(&mut way, carries);
    way
}

fn swallow(way: &mut Way, carries: u32) {
    way.fate = Box::new(move |piece| (piece.len <= carries).then_some(Duration::ZERO));
}

fn sizes(way: &Way) -> Vec<(u16, u32, MtuBy)> {
    let size = |event: &Event| match *event {
        Event::PathMtu { mtu, mss, by, .. } => Some((mtu, mss, by)),
        _ => None,
    };
    way.rig.events().iter().filter_map(size).collect()
}

fn probes(way: &Way) -> Vec<u32> {
    let probes = way.sent.iter().filter(|sent| sent.why == Why::PathMtuProbe);
    probes.map(|sent| sent.len).collect()
}

#[test]
fn a_path_that_swallows_large_segments_gets_smaller_ones_rfc_4821_7_7() {
    for congestion in Algorithm::ALL {
        let steps = [(1064, SMALLER, MtuBy::BlackHole), (552, LEAST, MtuBy::BlackHole)];
        for (carries, count) in [(1200, 1), (600, 2)] {
            let mut way = way(congestion, carries, 100_000);
            way.run(s(100));
            assert!(way.is_done(), "{congestion} {carries}");
            assert_eq!(sizes(&way), steps[..count], "{congestion} {carries}");
            assert_eq!(way.rig.tcb.full_segment(), steps[count - 1].1);
        }
    }
}

#[test]
fn three_probes_may_be_lost_which_says_nothing_of_congestion_rfc_8899_5_1_2_rfc_4821_7_5() {
    let mut way = way(Algorithm::Cubic, 1200, 500_000);
    way.run(s(100));
    assert!(way.is_done());
    assert_eq!(probes(&way), [LARGE; 3]);
    assert_eq!(way.rig.tcb.full_segment(), SMALLER);
    assert_eq!(way.rig.reductions(), [Reduction::Timeout; 3]);
}

#[test]
fn after_an_outage_a_probe_brings_the_old_size_back() {
    for congestion in Algorithm::ALL {
        let mut way = way(congestion, 0, 500_000);
        way.run(s(3));
        assert_eq!(way.rig.tcb.full_segment(), SMALLER, "{congestion}");
        swallow(&mut way, u32::MAX);
        way.run(s(100));
        assert!(way.is_done(), "{congestion}");
        assert_eq!(probes(&way), [LARGE], "{congestion}");
        let back = Some(&(1500, LARGE, MtuBy::Probe));
        assert_eq!(sizes(&way).last(), back, "{congestion}");
        assert_eq!(way.rig.tcb.full_segment(), LARGE);
    }
}

#[test]
fn what_would_fit_anyway_is_not_lost_for_its_size() {
    let mut way = way(Algorithm::Cubic, 0, LEAST);
    way.run(s(60));
    assert_eq!((sizes(&way), way.rig.tcb.full_segment()), (vec![], LARGE));
}

#[test]
fn it_can_be_turned_off() {
    let mut way = way(Algorithm::Cubic, 1200, 100_000);
    way.rig.configure(|config| config.black_hole_detection = false);
    way.run(s(60));
    assert_eq!((sizes(&way), way.rig.tcb.full_segment()), (vec![], LARGE));
}
