use proptest::prelude::*;

use super::*;

const MSS: u32 = 1000;

/// What may be sent after an acknowledgment: the window beyond what is in flight (RFC 6937 3.1, sndcnt).
fn may_send(prr: &mut Prr, delivered: u32, in_flight: u32, safe: bool) -> u32 {
    prr.on_ack(delivered, in_flight, safe);
    prr.window() - in_flight
}

#[test]
fn above_ssthresh_it_sends_in_proportion_to_what_is_delivered_rfc_6937_3() {
    // From 100 segments to 70: for ten delivered, seven go.
    let mut prr = Prr::new(70 * MSS, 100 * MSS, MSS);
    let (mut in_flight, mut out) = (99 * MSS, 0); // one is lost
    prr.on_sent(MSS); // the fast retransmission
    in_flight += MSS;
    for n in 1..=10 {
        in_flight -= MSS;
        let may = may_send(&mut prr, MSS, in_flight, false) / MSS * MSS;
        prr.on_sent(may);
        (in_flight, out) = (in_flight + may, out + may);
        assert_eq!(out + MSS, (n * 7 * MSS).div_ceil(10).max(MSS) / MSS * MSS, "after {n}");
    }
    assert_eq!(out + MSS, 7 * MSS);
}

#[test]
fn parts_of_a_segment_are_rounded_up_once_and_not_with_each_rfc_6937_3() {
    let mut prr = Prr::new(7, 10, 1);
    let counts: Vec<_> = (1..=10)
        .map(|n| {
            let may = may_send(&mut prr, 1, 100 - n, false);
            prr.on_sent(may);
            may
        })
        .collect();
    // CEIL(prr_delivered * ssthresh / RecoverFS) - prr_out
    assert_eq!(counts, [1, 1, 1, 0, 1, 1, 0, 1, 1, 0]);
}

#[test]
fn below_ssthresh_the_conservative_bound_sends_what_has_arrived_rfc_6937_3() {
    // Half of a window of ten is lost at once; ssthresh is 7.
    let mut prr = Prr::new(7 * MSS, 10 * MSS, MSS);
    let mut in_flight = 4 * MSS;
    for _ in 0..4 {
        let may = may_send(&mut prr, MSS, in_flight, false);
        assert_eq!(may, MSS, "a segment for a segment");
        prr.on_sent(may);
        in_flight = in_flight + may - MSS;
    }
    // What was not sent for what was delivered is made up for.
    assert_eq!(may_send(&mut prr, MSS, 3 * MSS, false), MSS);
    assert_eq!(may_send(&mut prr, MSS, 2 * MSS, false), 2 * MSS);
    prr.on_sent(2 * MSS);
    // But an acknowledgment is never worth less than what it says.
    prr.on_sent(5 * MSS);
    assert_eq!(may_send(&mut prr, MSS, 2 * MSS, false), MSS);
}

#[test]
fn below_ssthresh_a_safe_acknowledgment_lets_one_more_go_rfc6937bis_6_2() {
    let mut prr = Prr::new(7 * MSS, 10 * MSS, MSS);
    prr.on_sent(MSS);
    assert_eq!(may_send(&mut prr, MSS, 4 * MSS, false), MSS);
    prr.on_sent(MSS);
    assert_eq!(may_send(&mut prr, MSS, 4 * MSS, true), 2 * MSS);
    prr.on_sent(2 * MSS);
    // Never beyond ssthresh.
    assert_eq!(may_send(&mut prr, 9 * MSS, 4 * MSS, true), 3 * MSS);
    assert_eq!(may_send(&mut prr, MSS, 6_500, true), 500);
    assert_eq!(may_send(&mut prr, MSS, 7 * MSS, true), 0);
}

#[test]
fn the_first_retransmission_goes_whatever_the_rest_says_rfc6937bis_6_2() {
    // What is in flight is at ssthresh, or above it and next to nothing has arrived.
    for (in_flight, delivered) in [(7 * MSS, 1), (8 * MSS, 1), (90 * MSS, 1), (6_999, 1)] {
        let mut prr = Prr::new(7 * MSS, 10 * MSS, MSS);
        assert_eq!(may_send(&mut prr, delivered, in_flight, false), MSS);
        prr.on_sent(MSS);
        let more = may_send(&mut prr, delivered, in_flight + MSS, false);
        assert!(more < MSS, "only the first one is forced, not {more}");
    }
}

#[test]
fn nothing_goes_before_the_first_acknowledgment() {
    assert_eq!(Prr::new(7 * MSS, 10 * MSS, MSS).window(), 10 * MSS);
    // Nothing in flight divides by nothing.
    let mut prr = Prr::new(2 * MSS, 0, MSS);
    assert_eq!(may_send(&mut prr, MSS, 3 * MSS, false), 2_000 * MSS);
}

/// A peer that counts more for delivered than was ever in flight must not let it overflow.
#[test]
fn the_largest_numbers_do_not_overflow() {
    let mut prr = Prr::new(1 << 30, 1 << 30, 65_535);
    for _ in 0..100 {
        prr.on_ack(u32::MAX, u32::MAX, true);
        prr.on_ack(u32::MAX, 0, true);
        prr.on_sent(u32::MAX);
    }
    assert!(prr.window() <= 1 << 30);
}

/// RFC 6937 3.1 with 6937bis 6.2, word by word.
#[derive(Clone, Copy, Debug)]
struct Naive {
    ssthresh: u128,
    recover_fs: u128,
    prr_delivered: u128,
    prr_out: u128,
}

impl Naive {
    fn sndcnt(&mut self, delivered_data: u128, pipe: u128, safe_ack: bool, smss: u128) -> u128 {
        self.prr_delivered += delivered_data;
        let mut sndcnt = if pipe > self.ssthresh {
            let exact = self.prr_delivered * self.ssthresh;
            let ceil = exact / self.recover_fs + u128::from(!exact.is_multiple_of(self.recover_fs));
            ceil.saturating_sub(self.prr_out)
        } else {
            let behind = self.prr_delivered as i128 - self.prr_out as i128;
            let mut limit = behind.max(delivered_data as i128) as u128;
            if safe_ack {
                limit += smss;
            }
            limit.min(self.ssthresh - pipe)
        };
        if self.prr_out == 0 && sndcnt < smss {
            sndcnt = smss; // only whole segments can be forced
        }
        sndcnt
    }
}

proptest! {
    #[test]
    fn it_is_as_the_text_has_it(
        (ssthresh, flight, mss) in (2u32..1 << 30, 1u32..1 << 30, 1u32..9_000),
        steps in prop::collection::vec((0u32..1 << 30, 0u32..1 << 30, any::<bool>(), 0u32..1 << 20), 1..60),
    ) {
        let mut prr = Prr::new(ssthresh, flight, mss);
        let (ssthresh, recover_fs) = (u128::from(ssthresh), u128::from(flight));
        let mut naive = Naive { ssthresh, recover_fs, prr_delivered: 0, prr_out: 0 };
        for (delivered, in_flight, safe, sent) in steps {
            prr.on_ack(delivered, in_flight, safe);
            let may = naive.sndcnt(delivered.into(), in_flight.into(), safe, mss.into());
            prop_assert_eq!(u128::from(prr.window()), (u128::from(in_flight) + may).min(u32::MAX.into()));
            prr.on_sent(sent);
            naive.prr_out += u128::from(sent);
        }
    }

    /// A window in which any segments are lost, each of which is sent again once: at its end what is in
    /// flight is ssthresh, and no acknowledgment let out more than it should.
    #[test]
    fn at_its_end_the_window_is_ssthresh(
        lost in prop::collection::vec(any::<bool>(), 10..300),
        beta in 30u32..=90,
        alone in any::<bool>(),
    ) {
        let segments = lost.len() as u32;
        let ssthresh = (segments * beta / 100).max(2) * MSS;
        let mut prr = Prr::new(ssthresh, segments * MSS, MSS);
        let mut to_repair = lost.iter().filter(|lost| **lost).count() as u32;
        prop_assume!(to_repair > 0 && to_repair < segments);
        let arriving = segments - to_repair;
        // RACK finds all of them with the first acknowledgment.
        let mut in_flight = arriving;
        let mut unsent = if alone { 0 } else { u32::MAX };
        // A round trip in which the rest of the old window arrives, and then rounds of what goes now.
        let mut in_round = arriving;
        for round in 0..4 {
            let mut next_round = 0;
            for _ in 0..in_round {
                in_flight -= 1;
                let safe = round > 0;
                let may = may_send(&mut prr, MSS, in_flight * MSS, safe);
                let bound = if in_flight * MSS > ssthresh { ssthresh } else { MSS * 2 };
                let behind = prr.delivered.saturating_sub(prr.out) as u32;
                prop_assert!(may <= bound.max(behind + MSS), "{may} at once");
                let go = (may / MSS).min(to_repair.saturating_add(unsent));
                let again = go.min(to_repair);
                to_repair -= again;
                unsent -= go - again;
                prr.on_sent(go * MSS);
                in_flight += go;
                next_round += go;
            }
            in_round = next_round;
            if round > 0 {
                prop_assert!(in_flight * MSS <= ssthresh + MSS, "{in_flight} are above {ssthresh}");
            }
        }
        if !alone {
            // Safe acknowledgments let it grow by a segment each; four round trips double it thrice.
            let reachable = ssthresh.min(arriving * 2 * MSS) / MSS;
            prop_assert!(in_flight + 1 >= reachable, "{in_flight} of {reachable}");
        }
    }
}
