use proptest::prelude::*;

use super::*;

fn run(size: usize, seed: u64, link: &str, config: sender::Config) -> Outcome {
    let link = link.parse().expect("rules of a link");
    Trial { size, seed, link, config }.run().expect("few rules")
}

/// Patience costs nothing here.
fn patient(selective: bool) -> sender::Config {
    sender::Config { selective, tries: 2000, ..sender::Config::default() }
}

#[test]
fn every_case_delivers_the_file_in_both_modes() {
    for case in cases() {
        for selective in [false, true] {
            let outcome = run(100_000, 1, &case.rules(), patient(selective));
            assert_eq!(outcome.verdict(), Ok(()), "{case:?} {selective}: {outcome:?}");
            assert_eq!(outcome.sender.bytes, 100_000);
        }
    }
}

#[test]
fn nothing_goes_twice_over_a_good_link() {
    let outcome = run(100_000, 1, "delay=10ms", patient(false));
    let pieces = 100_000_usize.div_ceil(MAX_DATA) as u64;
    let expected = sender::Counts { packets: pieces, bytes: 100_000, ..sender::Counts::default() };
    assert_eq!(outcome.sender, expected);
    assert_eq!((outcome.receiver.early, outcome.receiver.duplicates, outcome.corrupt), (0, 0, 0));
    // Five packets each 20 ms.
    assert_eq!(outcome.time, Duration::from_millis(20) * (pieces as u32).div_ceil(5));
}

#[test]
fn what_the_link_does_is_counted() {
    let over = |link: &str| run(100_000, 2, &format!("delay=10ms {link}"), patient(false));
    let lost = over("out:loss=10%");
    assert!(lost.sender.fast > 0 && lost.receiver.early > 0, "{lost:?}");
    assert!(over("loss=50%").sender.timeouts > 0);
    let corrupt = over("corrupt=20%");
    assert!(corrupt.corrupt > 0 && corrupt.sender.corrupt > 0, "{corrupt:?}");
    assert!(over("out:duplicate=20%").receiver.duplicates > 0);
    assert!(over("in:duplicate=20%").sender.duplicates > 0);
    assert!(over("out:reorder=20%:by=30ms").receiver.early > 0);
}

/// Less is sent in vain when what has arrived is known.
#[test]
fn selective_answers_save_packets() {
    let packets = |selective| run(400_000, 3, "delay=10ms loss=30%", patient(selective)).sender;
    assert!(packets(true).packets < packets(false).packets);
}

#[test]
fn the_same_seed_gives_the_same() {
    let once = |seed| run(50_000, seed, "delay=10ms loss=20% corrupt=10%", patient(true));
    assert_eq!(once(5), once(5));
    assert_ne!(once(5), once(6));
}

#[test]
fn a_link_that_carries_nothing_ends_it() {
    let outcome = run(5000, 1, "loss=100%", sender::Config::default());
    assert_eq!((outcome.ended, outcome.whole), (Some(Ended::Silent), false));
    assert_eq!(outcome.time, Duration::from_millis(500) * 61);
    // The file is there, and nobody says so.
    let outcome = run(10, 1, "in:loss=100%", sender::Config::default());
    assert_eq!((outcome.ended, outcome.whole, outcome.right), (Some(Ended::Silent), true, true));
    assert_eq!(outcome.verdict(), Err("the sender has given up"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_the_link_does_the_file_arrives(
        size in prop_oneof![0_usize..3, 1440_usize..1450, 0_usize..30_000],
        seed: u64,
        shares in prop::array::uniform8(0_u32..=50),
        window in 1_usize..=sender::MAX_WINDOW,
        selective: bool,
    ) {
        let [loss, reorder, duplicate, corrupt, more @ ..] = shares;
        let [back_loss, back_reorder, back_duplicate, back_corrupt] = more;
        let link = format!(
            "delay=5ms jitter=3ms out:loss={loss}% out:reorder={reorder}%:by=20ms out:duplicate={duplicate}% \
             out:corrupt={corrupt}% in:loss={back_loss}% in:reorder={back_reorder}%:by=20ms \
             in:duplicate={back_duplicate}% in:corrupt={back_corrupt}%"
        );
        let config = sender::Config { window, ..patient(selective) };
        let outcome = run(size, seed, &link, config);
        prop_assert_eq!(outcome.verdict(), Ok(()), "{}: {:?}", link, outcome);
        prop_assert_eq!(outcome.sender.bytes, size as u64);
    }
}
