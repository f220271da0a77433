use super::*;
use crate::device::impair::Effect;

const NEWRENO: Algorithm = Algorithm::NewReno;

fn scenario(text: &str) -> Scenario {
    Scenario::from_toml(text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn one_flow_fills_the_link() {
    let outcome = run(
        &scenario("bytes = '5mb'\nrate = '10mbit'\nrtt = '20ms'\nqueue = '2bdp'"),
        NEWRENO,
        true,
        None,
    );
    assert_eq!(outcome.ended, Ended::Done);
    let flow = &outcome.flows[0];
    assert_eq!((flow.progress.received, flow.progress.failed.as_ref()), (5 << 20, None));
    // 5 MiB at 10 Mbit/s take 4.2 s, headers 4.5.
    let seconds = outcome.time.as_secs_f64();
    assert!((4.3..6.0).contains(&seconds), "{seconds}");
    assert!(flow.sender.fast_retransmits >= 1, "slow start overshoots");
    assert_eq!(flow.sender.text_bytes - flow.sender.retransmitted_bytes, 5 << 20);
    let series = flow.sender.series.as_ref().unwrap();
    assert!(!series.windows.is_empty() && !series.acks.is_empty() && !series.rtts.is_empty());
}

#[test]
fn a_lost_segment_costs_one_fast_retransmission() {
    let one =
        "bytes = '200kb'\nrtt = '50ms'\nqueue = '1000p'\nimpair = ['out:drop:data:byte=20480']";
    let outcome = run(&scenario(one), NEWRENO, false, None);
    let sender = &outcome.flows[0].sender;
    assert_eq!((sender.retransmissions, sender.timeouts, sender.fast_retransmits), (1, 0, 1));
    assert_eq!(outcome.flows[0].receiver.duplicates, 0);
}

#[test]
fn sack_blocks_are_seen_unless_sack_is_off() {
    let sacks = |sack: bool| {
        let text = format!("bytes = '200kb'\nsack = {sack}\nimpair = ['out:drop:data:byte=20480']");
        let mut outcome = run(&scenario(&text), NEWRENO, true, None);
        outcome.flows.remove(0).sender.series.unwrap().sacks
    };
    let blocks = sacks(true);
    // The first segment after the one that was lost, and more with each duplicate.
    let from = 1 + 20_480 / 1448 * 1448 + 1448;
    assert!(blocks.len() > 3 && blocks.iter().all(|block| block.1 == from), "{blocks:?}");
    assert!(blocks.is_sorted_by_key(|block| block.2));
    assert_eq!(sacks(false), []);
}

/// Everything that is shown of a run, as text.
#[derive(Default)]
struct Diary(String);

impl Watch for Diary {
    fn event(&mut self, now: Instant, host: &str, event: &Event) {
        self.0 += &format!("{now} {host} {event:?}\n");
    }

    fn packet(&mut self, now: Instant, at: Vantage, host: &str, packet: &[u8]) {
        self.0 += &format!("{now} {host} {at:?} {packet:?}\n");
    }

    fn decision(&mut self, direction: Direction, decision: &Decision) {
        self.0 += &format!("{direction} {:?} {}\n", decision.effect, decision.at);
    }

    fn backlog(&mut self, now: Instant, packets: usize, bytes: u64) {
        self.0 += &format!("{now} {packets} {bytes}\n");
    }
}

#[test]
fn the_same_seed_shows_the_same_byte_for_byte() {
    let diary = |seed: u64| {
        let text = "bytes = '60k'\nflows = 2\nloss = '3%'\nrate = '5mbit'\nrtt = '30ms'";
        let diary = Arc::new(Mutex::new(Diary::default()));
        let watch = Some(Arc::clone(&diary) as SharedWatch);
        let outcome = run(&Scenario { seed, ..scenario(text) }, NEWRENO, false, watch);
        assert!(outcome.is_complete());
        std::mem::take(&mut diary.lock().unwrap().0)
    };
    let first = diary(5);
    for word in ["sender 1 ", "receiver 2 ", "Leaves", "Arrives", "out Lost", "CongestionWindow"] {
        assert!(first.contains(word), "{word}");
    }
    assert!(diary(5) == first);
    assert!(diary(6) != first);
}

#[test]
fn a_link_that_takes_nothing_ends_the_run_with_a_reason() {
    for link in ["loss = '100%'", "rate = '0'"] {
        let text = format!("{link}\ntime-limit = '200s'");
        let outcome = run(&scenario(&text), NEWRENO, false, None);
        assert!(!outcome.is_complete());
        let flow = &outcome.flows[0];
        assert!(
            flow.progress.failed.as_ref().is_some_and(|why| why.contains("sender")),
            "{flow:?}"
        );
        assert_eq!(flow.progress.received, 0);
        assert_eq!(flow.goodput(outcome.time), 0.0);
    }
    let outcome = run(&scenario("time-limit = '300ms'"), NEWRENO, false, None);
    assert_eq!((outcome.ended, outcome.time), (Ended::TimeLimit, Duration::from_millis(300)));
    assert!(!outcome.is_complete() && outcome.flows[0].progress.failed.is_none());
}

/// A queue that marks instead of dropping costs nothing: the link is full, and nothing goes again.
#[test]
fn marks_keep_the_link_full_without_a_loss() {
    let play = |queue: &str, ecn: &str| {
        let text = format!(
            "bytes = '10m'\nrate = '20mbit'\nrtt = '20ms'\necn = '{ecn}'\nimpair = ['out:queue={queue}']"
        );
        let outcome = run(&scenario(&text), NEWRENO, false, None);
        assert!(outcome.is_complete());
        outcome
    };
    for queue in ["1000p:mark=1bdp", "1000p:codel:target=15ms:interval=40ms:ecn"] {
        let outcome = play(queue, "request");
        let sender = &outcome.flows[0].sender;
        assert_eq!((sender.retransmissions, sender.timeouts), (0, 0), "{queue}");
        let marked = outcome.link[0].count(Effect::Marked);
        assert!(sender.ecn_reductions >= 3 && marked > 0, "{queue} {sender:?}");
        assert!(sender.ecn_reductions < marked, "once a window: {queue} {marked}");
        // 40 of 1500 bytes are headers, and 12 timestamps; slow start takes its time.
        let goodput = outcome.flows[0].goodput(outcome.time);
        assert!(goodput > 0.93 * 20e6, "{queue} {goodput}");
        // Without, nobody hears of the queue, or it drops.
        let without = play(queue, "accept");
        let sender = &without.flows[0].sender;
        assert_eq!((without.link[0].count(Effect::Marked), sender.ecn_reductions), (0, 0));
    }
}

#[test]
fn a_queue_of_one_packet_is_enough() {
    let outcome =
        run(&scenario("queue = '1p'\nbytes = '300k'\nrtt = '10ms'"), NEWRENO, false, None);
    assert!(outcome.is_complete());
}

#[test]
fn cross_traffic_slows_a_flow_down_and_fills_the_queue() {
    let play = |more: &str| {
        // A window of one bandwidth-delay product, for which nothing has to wait.
        let text = "bytes = '5m'\nrate = '10mbit'\nrtt = '20ms'\nqueue = '40p'\nbuffer = '25k'\n";
        let outcome = run(&scenario(&format!("{text}{more}")), NEWRENO, false, None);
        assert!(outcome.is_complete());
        outcome
    };
    let half = "cross = { rate = '6mbit', size = '1000b', from = '100ms', to = '30s' }";
    let (alone, beside) = (play(""), play(half));
    let [fast, slow] = [&alone, &beside].map(|outcome| outcome.flows[0].goodput(outcome.time));
    assert!(slow < 0.7 * fast && slow > 0.3 * fast, "{slow} of {fast}");
    let waited = |outcome: &Outcome| {
        outcome.link[0].waited.as_secs_f64() / outcome.link[0].queued.packets as f64
    };
    assert!(waited(&beside) > 3.0 * waited(&alone), "{} {}", waited(&beside), waited(&alone));
    let CrossTally { sent, arrived } = beside.cross[0];
    // 750 packets a second, for 0.1 s less than the flow takes.
    let expected = (beside.time.as_secs_f64() - 0.1) * 750.0;
    assert!((sent as f64 - expected).abs() < 2.0, "{sent} of {expected}");
    assert!((sent - 60..=sent).contains(&arrived), "{arrived} of {sent}");
    let again = play(half);
    let seen = |outcome: &Outcome| (outcome.time, outcome.link.clone(), outcome.cross.clone());
    assert_eq!(seen(&again), seen(&beside));

    // The other way it meets acknowledgments alone.
    let back = play("cross = { rate = '5mbit', size = '1000b', direction = 'in', to = '1s' }");
    assert_eq!(back.cross[0], CrossTally { sent: 625, arrived: 625 });
    assert!(back.flows[0].goodput(back.time) > 0.95 * fast);
    assert_eq!(alone.cross, []);
}

#[test]
fn flows_may_begin_one_after_the_other() {
    let text = "bytes = '500k'\nrate = '10mbit'\nrtt = '20ms'\nflows = 3\nstagger = '2s'";
    let outcome = run(&scenario(text), NEWRENO, false, None);
    let begun = outcome.flows.iter().map(|flow| flow.begun.as_secs()).collect::<Vec<_>>();
    assert_eq!(begun, [0, 2, 4]);
    for flow in &outcome.flows {
        let connected = flow.progress.connected.unwrap();
        let handshake = connected.since(Instant::ZERO + flow.begun);
        assert!((20..21).contains(&handshake.as_millis()), "{handshake:?}");
        let took = flow.progress.completed.unwrap().since(Instant::ZERO + flow.begun);
        assert!(took < Duration::from_secs(2), "each has had the link for itself: {took:?}");
        let goodput = 500.0 * 1024.0 * 8.0 / took.as_secs_f64();
        assert!((flow.goodput(outcome.time) / goodput - 1.0).abs() < 1e-9);
    }
}
