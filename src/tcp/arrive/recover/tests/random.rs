//! Anything may arrive; what must hold holds, and an honest peer gets everything in the end.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Write(u32),
    Transmit,
    Sleep(u64),
    /// An acknowledgment of so many segments more, or fewer.
    Ack {
        segments: i32,
        odd: i32,
        blocks: Vec<(i32, i32)>,
        echo: Option<u32>,
        window: u16,
        ece: bool,
    },
    Close,
}

fn block() -> impl Strategy<Value = (i32, i32)> {
    prop_oneof![
        // Whole segments, seen from the acknowledgment.
        6 => (-3i32..14, 1i32..6).prop_map(|(from, len)| (from * 1000, len * 1000)),
        2 => (-3000i32..14_000, -10i32..3000),
        1 => (any::<i32>(), any::<i32>()),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let blocks = prop::collection::vec(block(), 0..4);
    let parts = (-2i32..12, prop_oneof![3 => Just(0i32), 1 => -900i32..900], blocks);
    let window = prop_oneof![5 => Just(16_000u16), 1 => 0u16..16_000];
    let more = (prop::option::of(0u32..2000), window, prop::bool::weighted(0.1));
    let ack = (parts, more).prop_map(|((segments, odd, blocks), (echo, window, ece))| Step::Ack {
        segments: segments.min(6),
        odd,
        blocks,
        echo,
        window,
        ece,
    });
    prop_oneof![
        3 => (1u32..30_000).prop_map(Step::Write),
        4 => Just(Step::Transmit),
        3 => prop_oneof![3 => 0u64..150, 1 => 0u64..3000].prop_map(Step::Sleep),
        12 => ack,
        1 => Just(Step::Close),
    ]
}

fn take(rig: &mut Rig, step: Step) {
    match step {
        Step::Write(len) if rig.tcb.can_send() && rig.tcb.snd.buffer.len() < 200_000 => {
            rig.write(len)
        }
        Step::Write(_) => {}
        Step::Transmit => {
            rig.transmit();
        }
        Step::Sleep(millis) => {
            rig.sleep(ms(millis));
        }
        Step::Close => {
            rig.with(|tcb, cx| tcb.shutdown_write(cx));
        }
        Step::Ack { segments, odd, blocks, echo, window, ece } => {
            let una = rig.tcb.snd.una - rig.tcb.snd.iss;
            let ack = una.wrapping_add_signed(segments.min(6) * 1000 + odd);
            // Mostly of nothing new.
            let ack = if segments > 3 { una } else { ack };
            let absolute = |rig: &Rig, at: i32| rig.ours(ack.wrapping_add_signed(at));
            let mut segment = rig.ack_of(ack);
            segment.options.sack = blocks
                .iter()
                .map(|&(from, len)| SackBlock {
                    left: absolute(rig, from),
                    right: absolute(rig, from.wrapping_add(len)),
                })
                .collect();
            if let (Some(ts), Some(age)) = (&mut segment.options.timestamps, echo) {
                ts.tsecr = ts.tsecr.wrapping_sub(age);
            }
            segment.window = window;
            if ece {
                segment.flags |= Flags::ECE;
            }
            // It may be refused.
            let _ = rig.arrive(segment);
        }
    }
    let (in_flight, out) = (rig.tcb.in_flight(), rig.tcb.snd.outstanding());
    assert!(in_flight <= out, "pipe is {in_flight} of {out}");
}

/// A peer that has nothing but what it has acknowledged gets the rest.
fn finish(mut rig: Rig) {
    if rig.tcb.state() == crate::event::State::Closed {
        return;
    }
    rig.transmit();
    // Its window is open now.
    let una = rig.tcb.snd.una - rig.tcb.snd.iss;
    rig.peer_nxt += 1;
    let text = Segment { ack: rig.ours(una), ..rig.text(rig.peer_nxt - 1, 1) };
    rig.arrive(text).unwrap();
    let mut way = Way::new(rig);
    way.run(s(600));
    let tcb = &way.rig.tcb;
    assert!(way.is_done(), "{:?} {:?} {:?}", tcb.info(), tcb.loss, tcb.selective);
    assert!(!tcb.snd.closed || tcb.snd.fin_acked());
    assert_eq!(tcb.in_flight(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_arrives_everything_is_delivered_in_the_end(
        steps in prop::collection::vec(step(), 1..60),
        (sacks, timestamps, ecn, pacing) in any::<(bool, bool, bool, bool)>(),
    ) {
        for congestion in Algorithm::ALL {
            let mut setup = if ecn { Setup::ecn() } else { Setup::default() };
            (setup.sack, setup.timestamps) = (sacks, timestamps);
            (setup.config.congestion, setup.config.pacing) = (congestion, pacing);
            setup.config.retransmission_limit = u8::MAX;
            let mut rig = Rig::open(setup);
            rig.write(20_000);
            rig.transmit();
            for step in steps.clone() {
                take(&mut rig, step);
            }
            finish(rig);
        }
    }

    /// Segments that are lost, late and doubled, and acknowledgments that are lost and late.
    #[test]
    fn over_any_path_everything_is_delivered(
        fates in prop::collection::vec((0u8..10, 0u64..80), 20..60),
        back in prop::collection::vec((0u8..10, 0u64..80), 20..60),
        (sacks, timestamps, pacing) in any::<(bool, bool, bool)>(),
    ) {
        for congestion in Algorithm::ALL {
            let mut setup = setup(congestion);
            setup.config.retransmission_limit = u8::MAX;
            (setup.sack, setup.timestamps, setup.config.pacing) = (sacks, timestamps, pacing);
            let mut way = Way::new(Rig::open(setup));
            let fate = |fates: Vec<(u8, u64)>| {
                let mut at = 0;
                move || {
                    at += 1;
                    let (kind, late) = fates.get(at - 1).copied().unwrap_or((0, 0));
                    match kind {
                        0..6 => Some(Duration::ZERO),
                        6 | 7 => Some(ms(late)),
                        _ => None,
                    }
                }
            };
            let (mut there, mut here) = (fate(fates.clone()), fate(back.clone()));
            way.fate = Box::new(move |_| there());
            way.fate_back = Box::new(move |_| here());
            way.rig.write(80_000);
            way.run(s(20_000));
            prop_assert!(way.is_done(), "{}: {:?}", congestion, way.rig.tcb.info());
        }
    }
}
