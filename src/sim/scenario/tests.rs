use super::*;

#[test]
fn an_empty_scenario_is_the_default() {
    assert_eq!(Scenario::from_toml("").unwrap(), Scenario::default());
}

#[test]
fn every_field_is_read() {
    let text = r#"
        title = "all"
        about = "of it"
        bytes = "2m"
        rtt = "30ms"
        rate = "5mbit"
        queue = "20p"
        loss = "1%"
        impair = ["out:drop:syn:nth=1", "in:corrupt=1%"]
        cc = ["tahoe", "reno"]
        flows = 3
        stagger = "500ms"
        cross = { rate = "20mbit", size = "500b", from = "2s", to = "5s", direction = "in" }
        seed = 7
        buffer = "64k"
        time-limit = "9s"
        mtu = 576
        nodelay = true
        sack = false
        timestamps = false
        ecn = "request"
        profile = "rfc"
        quick-ack = false
        ack-delay = "10ms"
        write = { size = "10b", every = "1ms" }
        read = { size = "1k", every = "2ms" }
    "#;
    let ms = Duration::from_millis;
    let expected = Scenario {
        title: "all".into(),
        about: "of it".into(),
        bytes: 2 << 20,
        rtt: ms(30),
        rate: Some(5_000_000),
        queue: Size::Packets(20),
        loss: Share::new(0.01).unwrap(),
        impair: "out:drop:syn:nth=1 in:corrupt=1%".parse().unwrap(),
        cc: vec![Algorithm::Tahoe, Algorithm::Reno],
        flows: 3,
        stagger: ms(500),
        cross: vec![Cross {
            rate: 20_000_000,
            size: 500,
            from: ms(2000),
            to: Some(ms(5000)),
            direction: Direction::In,
        }],
        seed: 7,
        buffer: Some(65_536),
        time_limit: ms(9000),
        mtu: 576,
        nodelay: true,
        sack: false,
        timestamps: false,
        ecn: Ecn::Request,
        profile: Profile::Rfc,
        quick_ack: false,
        ack_delay: Some(ms(10)),
        write: Some(Pace { size: 10, every: ms(1) }),
        read: Some(Pace { size: 1024, every: ms(2) }),
    };
    assert_eq!(Scenario::from_toml(text).unwrap(), expected);
    assert_eq!(Scenario::from_toml("rate = 'unlimited'").unwrap().rate, None);
}

#[test]
fn cross_traffic_may_be_a_list() {
    let two = "[[cross]]\nrate = '1mbit'\nsize = '100b'\n[[cross]]\nrate = '2mbit'\nsize = '200b'";
    let cross = |rate, size| {
        let (from, direction) = (Duration::ZERO, Direction::Out);
        Cross { rate, size, from, to: None, direction }
    };
    let expected = [cross(1_000_000, 100), cross(2_000_000, 200)];
    assert_eq!(Scenario::from_toml(two).unwrap().cross, expected);
}

#[test]
fn mistakes_show_the_words_and_what_is_allowed() {
    for (text, words) in [
        ("rtt = '50'ms", "TOML parse error"),
        ("rtt = 'soon'", "'soon' is not a time such as 50ms"),
        ("rate = '10m'", "'10m' is not a rate such as 10mbit"),
        ("queue = 'long'", "'long' is not packets such as 100p"),
        ("loss = '200%'", "'200%' is not a share"),
        ("bytes = 'some'", "'some' is not a size"),
        ("speed = 1", "unknown field `speed`, expected one of `title`"),
        ("cc = ['cubic2']", "there is no congestion control \"cubic2\": choose one of tahoe"),
        ("cc = []", "no congestion control is named; there are tahoe"),
        ("ecn = 'yes'", "ECN cannot be \"yes\": choose one of off, accept, request"),
        ("impair = ['drop:dta']", "there is no kind of packet 'dta'"),
        ("flows = 0", "0 flows cannot be simulated; allowed: 1 to 250"),
        ("flows = 251", "251 flows cannot be simulated"),
        ("buffer = '2g'", "a buffer of 2147483648 bytes cannot be"),
        ("bytes = '0'", "a transfer of no bytes"),
        ("title = \"a\\u0007\"", "the title may have no control characters"),
        ("mtu = 67", "an MTU of 67 bytes cannot be"),
        ("ack-delay = '500ms'", "by less than 500ms (RFC 9293 3.8.6.3)"),
        ("read = { size = '0', every = '1ms' }", "'size' must be at least one byte"),
        ("read = { size = '1k' }", "missing field `every`"),
        ("cross = 5", "expected cross traffic in braces, or a list of such"),
        ("cross = { size = '1k' }", "missing field `rate`"),
        ("cross = { rate = '1mbit', size = '1k', way = 'in' }", "unknown field `way`"),
        ("cross = { rate = '1mbit', size = '1k', direction = 'up' }", "expected `out` or `in`"),
        ("cross = { rate = 'unlimited', size = '1k' }", "cross traffic needs a rate that ends"),
        ("cross = { rate = '0', size = '1k' }", "0 bit/s cannot be; allowed: 1bit to 100gbit"),
        (
            "cross = { rate = '1mbit', size = '27b' }",
            "allowed: 28b, which are all header, to 1500b",
        ),
        ("cross = { rate = '1mbit', size = '1501b' }", "packets of 1501 bytes cannot be"),
        ("cross = { rate = '1mbit', size = '1k', from = '2s', to = '2s' }", "must end after"),
    ] {
        let error = Scenario::from_toml(text).expect_err(text).to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn a_link_has_no_more_rules_than_it_can_have() {
    let text = |count| format!("impair = [\"{}\"]", "in:drop:syn ".repeat(count));
    assert!(Scenario::from_toml(&text(900)).is_ok());
    let error = Scenario::from_toml(&text(1000)).expect_err("with those of the link itself");
    assert!(error.to_string().contains("more than 1000 rules"), "{error}");
}
