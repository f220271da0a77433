use proptest::prelude::*;

use super::*;

fn ends() -> Endpoints {
    Endpoints { local: "10.9.0.2:80".parse().unwrap(), remote: "10.9.0.1:40000".parse().unwrap() }
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

proptest! {
    #[test]
    fn what_was_kept_comes_back(
        key in any::<[u8; 16]>(),
        irs in any::<u32>(),
        mss in any::<Option<u16>>(),
        begin in 0u64..100_000,
        later in 0u64..64,
    ) {
        let (secrets, irs) = (Secrets::new(key), SeqNum::new(irs));
        let iss = secrets.syn_cookie(at(begin), ends(), irs, mss);
        let kept = secrets.open_syn_cookie(at(begin + later), ends(), irs, iss).unwrap();
        let said = mss.unwrap_or(536);
        prop_assert!(kept <= said || said < 88, "{kept} for {said}");
        prop_assert!(SIZES.contains(&kept));
        // It is nobody else's, and ends.
        prop_assert_eq!(secrets.open_syn_cookie(at(begin + 128), ends(), irs, iss), None);
    }

    #[test]
    fn the_stamp_is_the_clock_or_a_little_before(
        clock in any::<u32>(),
        scale in prop::option::of(0u8..15),
        sack in any::<bool>(),
    ) {
        let stamp = stamp(clock, scale, sack);
        prop_assert!(clock.wrapping_sub(stamp) <= 31);
        prop_assert_eq!(read_stamp(stamp), (scale, sack));
    }
}

#[test]
fn a_guess_is_hardly_ever_a_cookie() {
    let (secrets, irs) = (Secrets::new([7; 16]), SeqNum::new(5));
    let real = secrets.syn_cookie(at(1000), ends(), irs, Some(1460));
    let opens = |iss| secrets.open_syn_cookie(at(1000), ends(), irs, iss).is_some();
    assert!(opens(real));
    // Sixteen of 2^32 numbers: eight sizes, two spans.
    let guesses = (0..1_000_000u32).map(|n| SeqNum::new(n.wrapping_mul(0x9e37_79b9)));
    assert!(guesses.filter(|&iss| opens(iss)).count() <= 1);
    // One of hours ago, when the last bits of the time were the same.
    assert_eq!(secrets.open_syn_cookie(at(1000 + 256 * 64), ends(), irs, real), None);
    // Another's ends, another number of the peer, another key.
    let others = Endpoints { remote: "10.9.0.1:40001".parse().unwrap(), ..ends() };
    assert_eq!(secrets.open_syn_cookie(at(1000), others, irs, real), None);
    assert_eq!(secrets.open_syn_cookie(at(1000), ends(), irs + 100, real), None);
    assert_eq!(Secrets::new([8; 16]).open_syn_cookie(at(1000), ends(), irs, real), None);
}
