use super::*;

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

#[test]
fn a_queue_of_one_packet_is_enough() {
    let outcome =
        run(&scenario("queue = '1p'\nbytes = '300k'\nrtt = '10ms'"), NEWRENO, false, None);
    assert!(outcome.is_complete());
}
