use super::*;

fn parse(text: &str) -> Spec {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// The only rule of `text`, which is for both directions and holds from the start.
fn change(text: &str) -> Change {
    let mut rules = parse(text).rules;
    assert_eq!(rules.len(), 1);
    let rule = rules.remove(0);
    assert_eq!((rule.direction, rule.at), (None, Duration::ZERO));
    rule.change
}

fn set(text: &str) -> Setting {
    match change(text) {
        Change::Set(setting) => setting,
        other => panic!("{other:?}"),
    }
}

fn exact_rule(text: &str) -> Exact {
    match change(text) {
        Change::Exact(exact) => exact,
        other => panic!("{other:?}"),
    }
}

fn share(percent: f64) -> Share {
    Share::new(percent / 100.0).unwrap()
}

#[test]
fn settings_are_read() {
    let ms = Duration::from_millis;
    assert_eq!(set("rate=10mbit"), Setting::Rate(Some(10_000_000)));
    assert_eq!(set("rate=unlimited"), Setting::Rate(None));
    assert_eq!(set("delay=50ms"), Setting::Delay(ms(50)));
    assert_eq!(set("jitter=5ms"), Setting::Jitter(Jitter { by: ms(5), ordered: false }));
    assert_eq!(set("jitter=5ms:ordered"), Setting::Jitter(Jitter { by: ms(5), ordered: true }));
    assert_eq!(set("loss=1%"), Setting::Loss(Loss::independent(share(1.0))));
    assert_eq!(set("reorder=2%"), Setting::Reorder(Reorder { share: share(2.0), by: ms(10) }));
    assert_eq!(
        set("reorder=2%:by=3ms"),
        Setting::Reorder(Reorder { share: share(2.0), by: ms(3) })
    );
    assert_eq!(set("duplicate=0.5%"), Setting::Duplicate(share(0.5)));
    assert_eq!(set("corrupt=0.1%"), Setting::Corrupt(share(0.1)));
}

#[test]
fn queues_are_read() {
    let queue = |limit| Setting::Queue(Queue { limit, mark: None, codel: None });
    assert_eq!(set("queue=100p"), queue(Size::Packets(100)));
    assert_eq!(set("queue=1packet"), queue(Size::Packets(1)));
    assert_eq!(set("queue=64kb"), queue(Size::Bytes(65_536)));
    assert_eq!(set("queue=1bdp"), queue(Size::BandwidthDelay(1.0)));
    assert_eq!(set("queue=0.5bdp"), queue(Size::BandwidthDelay(0.5)));
    assert_eq!(set("queue=bdp"), queue(Size::BandwidthDelay(1.0)));
    let Setting::Queue(queue) = set("queue=1mb:mark=30p:codel:interval=50ms:target=2ms:ecn") else {
        panic!("not a queue");
    };
    assert_eq!(queue.limit, Size::Bytes(1 << 20));
    assert_eq!(queue.mark, Some(Size::Packets(30)));
    let (target, interval) = (Duration::from_millis(2), Duration::from_millis(50));
    assert_eq!(queue.codel, Some(Codel { target, interval, ecn: true }));
    let Setting::Queue(queue) = set("queue=1mb:codel") else { panic!("not a queue") };
    let (target, interval) = (Duration::from_millis(5), Duration::from_millis(100));
    assert_eq!(queue.codel, Some(Codel { target, interval, ecn: false }));
}

#[test]
fn losses_in_bursts_are_read() {
    let Setting::Loss(loss) = set("loss=1%:burst=5") else { panic!("not a loss") };
    // The bad state lasts five packets, and 1 in 100 packets meets it.
    assert!((loss.r.value() - 0.2).abs() < 1e-12);
    assert!((loss.p.value() / (loss.p.value() + loss.r.value()) - 0.01).abs() < 1e-12);
    assert_eq!((loss.good, loss.bad), (Share::NONE, Share::ALL));
    let expected = Loss { p: share(1.0), r: share(10.0), good: share(0.1), bad: share(50.0) };
    assert_eq!(set("loss=gemodel:p=1%:r=10%:good=0.1%:bad=50%"), Setting::Loss(expected));
    let Setting::Loss(loss) = set("loss=gemodel:p=1%") else { panic!("not a loss") };
    assert!((loss.r.value() - 0.99).abs() < 1e-12, "as tc(8): without r it is independent");
}

#[test]
fn exact_rules_are_read() {
    let drop = |class, which| Exact { action: Action::Drop, class, port: None, byte: None, which };
    assert_eq!(exact_rule("drop:syn"), drop(Class::Syn, Which::All));
    assert_eq!(exact_rule("drop:data:nth=7"), drop(Class::Data, Which::Nth(7..=7)));
    assert_eq!(exact_rule("drop:ack:nth=3..5"), drop(Class::Ack, Which::Nth(3..=5)));
    assert_eq!(exact_rule("drop:fin:nth=2.."), drop(Class::Fin, Which::Nth(2..=u64::MAX)));
    assert_eq!(exact_rule("drop:any:every=10"), drop(Class::Any, Which::Every(10)));
    assert_eq!(
        exact_rule("drop:data:byte=2048"),
        Exact { byte: Some(2048), ..drop(Class::Data, Which::Nth(1..=1)) },
        "once, or it would never arrive"
    );
    assert_eq!(
        exact_rule("drop:data:byte=2048:nth=1..2:port=80"),
        Exact { byte: Some(2048), port: Some(80), ..drop(Class::Data, Which::Nth(1..=2)) }
    );
    assert_eq!(
        exact_rule("delay:data:nth=4:by=50ms").action,
        Action::Delay(Duration::from_millis(50))
    );
    for (text, action) in [
        ("duplicate:rst", Action::Duplicate),
        ("corrupt:udp", Action::Corrupt),
        ("mark:tcp", Action::Mark),
    ] {
        assert_eq!(exact_rule(text).action, action);
    }
}

#[test]
fn rules_have_a_direction_and_a_time() {
    let spec = parse("rate=1mbit, out:loss=1%\tin:at=2s:drop:syn at=1s:out:clear");
    let heads: Vec<_> = spec.rules.iter().map(|rule| (rule.direction, rule.at.as_secs())).collect();
    let (out, back) = (Some(Direction::Out), Some(Direction::In));
    assert_eq!(heads, [(None, 0), (out, 0), (back, 2), (out, 1)]);
    assert_eq!(spec.rules[3].change, Change::Clear);
    assert_eq!(parse(" , "), Spec::default());
}

#[test]
fn errors_show_the_words_and_what_is_allowed() {
    for (text, words) in [
        (
            "drop:dta:nth=7",
            "there is no kind of packet 'dta'; there are any, syn, synack, ack, data",
        ),
        ("drop", "it does not say what kind of packet: write drop: and one of any, syn"),
        ("dorp:data", "there is no 'dorp'; there are drop:, delay:"),
        ("lost=1%", "there is no setting 'lost='; there are rate=, delay=, jitter=, queue=, loss="),
        ("loss=200%", "'loss=200%' is not a share such as 1%"),
        ("loss=1%:bursts=3", "'bursts=3' does not belong here; allowed: burst=PACKETS"),
        ("loss=1%:burst=0", "'burst=0' is not the mean length of a burst"),
        ("loss=100%:burst=2", "bursts of 2 packets cannot make up 100% of all"),
        ("loss=gemodel", "it needs p=SHARE"),
        ("rate=10m", "'rate=10m' is not a rate such as 10mbit"),
        ("delay=fast", "'delay=fast' is not a time such as 50ms"),
        ("delay=5ms:10ms", "'10ms' does not belong here; allowed: nothing may follow the value"),
        ("delay:data:nth=4", "it does not say how long: add by=TIME"),
        ("drop:data:by=5ms", "'by=5ms' does not belong here"),
        ("queue=lots", "'queue=lots' is not packets such as 100p"),
        ("queue=10p:target=5ms", "'target=5ms' does not belong here; allowed: mark=SIZE, codel"),
        ("drop:data:nth=0", "'nth=0' is not a number from 1 on"),
        ("drop:data:nth=5..3", "'nth=5..3' is not a number from 1 on"),
        ("drop:data:nth=1:every=2", "nth= and every= exclude each other"),
        ("drop:syn:byte=1", "only data has bytes: write drop:data:byte="),
        ("drop:data:port=70000", "'port=70000' is not a port"),
        ("at=2s", "it ends before it says what to do"),
        ("at=soon:clear", "'at=soon' is not a time"),
        ("at=1s:out:at=5s:loss=1%", "it has two times"),
        ("out:in:loss=1%", "it has two directions; without one it is for both"),
        ("out:at=1s:out:clear", "it has two directions"),
        ("rate=0.4bit", "'rate=0.4bit' is not a rate such as 10mbit"),
        ("clear:out", "'out' does not belong here; allowed: nothing may follow it"),
        (":", "there is no ''"),
    ] {
        let error = text.parse::<Spec>().expect_err(text).to_string();
        assert!(error.starts_with(&format!("impairment '{text}': ")), "{error}");
        assert!(error.contains(words), "{text}: {error}");
    }
}
