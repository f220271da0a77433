use proptest::prelude::*;

use super::*;

/// What `text` reads as is shown as `shown`, which reads as the same.
fn assert_shown(text: &str, shown: &str) {
    let spec: Spec = text.parse().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(spec.to_string(), shown, "{text}");
    assert_eq!(shown.parse::<Spec>().as_ref(), Ok(&spec), "{text}");
}

#[test]
fn rules_are_shown_as_they_are_written() {
    for same in [
        "rate=10mbit",
        "rate=unlimited",
        "rate=1500bit",
        "rate=0",
        "delay=20ms",
        "delay=1500us",
        "delay=0",
        "jitter=5ms:ordered",
        "queue=100p",
        "queue=64kb:mark=20p",
        "queue=1bdp",
        "queue=0.25bdp",
        "queue=1mb:codel:target=5ms:interval=100ms:ecn",
        "loss=1%",
        "loss=gemodel:p=1%:r=20%:good=0%:bad=100%",
        "reorder=2%:by=10ms",
        "duplicate=0.5%",
        "corrupt=0.1%",
        "clear",
        "drop:data:byte=2048:nth=1",
        "drop:data:byte=2048:nth=1..",
        "drop:data:nth=7",
        "drop:ack:nth=3..5",
        "drop:syn",
        "delay:data:by=50ms:nth=4",
        "duplicate:udp:port=53:every=10",
        "corrupt:icmp",
        "mark:tcp:nth=3..",
        "out:at=2s:rate=1mbit in:clear at=500ms:drop:any",
    ] {
        assert_shown(same, same);
    }
}

#[test]
fn other_ways_to_write_it_are_shown_as_one() {
    assert_shown("drop:data:byte=2048", "drop:data:byte=2048:nth=1");
    assert_shown("rate=125kbps, delay=1000", "rate=1mbit delay=1ms");
    assert_shown("loss=50%:burst=4", "loss=gemodel:p=25%:r=25%:good=0%:bad=100%");
    assert_shown("queue=2048:codel", "queue=2kb:codel:target=5ms:interval=100ms");
    assert_shown("", "");
}

proptest! {
    /// Whatever the numbers are, what is shown reads as what was meant.
    #[test]
    fn what_is_shown_reads_as_the_same(
        rate in 0u64..1_000_000_000_000,
        nanos in 0u64..1_000_000_000_000,
        bytes in 0u64..1 << 40,
        share in 0.0..=100.0f64,
        tiny in 0.0..1e-6f64,
        direction in prop::sample::select(vec!["", "out:", "in:"]),
        burst in 1u32..1_000_000,
    ) {
        let text = format!(
            "rate={rate} delay={nanos}ns {direction}queue={bytes}b:mark={bytes}b loss={share}% \
             reorder={share}%:by={nanos}ns {direction}at={nanos}ns:jitter={nanos}ns \
             duplicate={tiny}% loss=gemodel:p={tiny}%:r={share}%:good={share}% \
             delay:any:by={nanos}ns:nth={burst}.. queue=1p:codel:target={nanos}ns:ecn"
        );
        let spec: Spec = text.parse().unwrap();
        prop_assert_eq!(spec.to_string().parse::<Spec>().unwrap(), spec);
    }

    /// A share that is a quotient, and not what somebody has typed, may differ in its last digit.
    #[test]
    fn bursts_read_as_nearly_the_same(share in 1e-6..50.0f64, burst in 1.0..1e6f64) {
        let chances = |text: &str| match text.parse::<Spec>().unwrap().rules[0].change {
            Change::Set(Setting::Loss(Loss { p, r, .. })) => [p.value(), r.value()],
            ref other => panic!("{other:?}"),
        };
        let text = format!("loss={share}%:burst={burst}");
        let shown = text.parse::<Spec>().unwrap().to_string();
        for (shown, meant) in chances(&shown).into_iter().zip(chances(&text)) {
            prop_assert!(meant > 0.0 && (shown / meant - 1.0).abs() < 1e-15, "{} {}", shown, meant);
        }
    }
}
