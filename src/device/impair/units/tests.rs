use super::*;

#[test]
fn rates_are_in_bits_and_those_in_bps_in_bytes() {
    for (word, expected) in [
        ("10mbit", 10_000_000),
        ("500kbit", 500_000),
        ("1.5Gbit", 1_500_000_000),
        ("1kibit", 1024),
        ("125kbps", 1_000_000),
        ("1Mibps", 8 * 1024 * 1024),
        ("64", 64),
        ("0", 0),
    ] {
        assert_eq!(rate(word), Some(expected), "{word}");
    }
    for word in [
        "",
        "0.4bit",
        "0.0001kbit",
        "mbit",
        "10 mbit",
        "-1mbit",
        "10m",
        "1e6",
        "1.2.3mbit",
        ".",
        "10mbits",
        "9999tbit",
    ] {
        assert_eq!(rate(word), None, "{word}");
    }
}

#[test]
fn times_without_a_unit_are_microseconds() {
    for (word, nanos) in [
        ("50ms", 50_000_000),
        ("1.5s", 1_500_000_000),
        ("200us", 200_000),
        ("7ns", 7),
        ("100", 100_000),
        ("2secs", 2_000_000_000),
        ("10m", 600_000_000_000),
        ("0", 0),
    ] {
        assert_eq!(time(word), Some(Duration::from_nanos(nanos)), "{word}");
    }
    for word in ["", "s", "1h", "-1s", "999999999999s", "0.4ns", "0.0009us"] {
        assert_eq!(time(word), None, "{word}");
    }
}

#[test]
fn sizes_are_powers_of_1024() {
    for (word, bytes) in
        [("1500", 1500), ("1500b", 1500), ("64kb", 65_536), ("1M", 1 << 20), ("8kbit", 1024)]
    {
        assert_eq!(size(word), Some(bytes), "{word}");
    }
    for word in ["", "kb", "1kib", "-1", "1p", "0.5b", "0.0009k"] {
        assert_eq!(size(word), None, "{word}");
    }
}

#[test]
fn what_would_be_rounded_to_nothing_is_refused() {
    let error = parse_rate("0.4bit").unwrap_err().to_string();
    assert!(error.starts_with("'0.4bit' is not a rate") && error.ends_with("under 1bit only 0"));
    for (word, rate) in [("0.001kbit", 1), ("1.4bit", 1), ("1.5bit", 2), ("0gbit", 0)] {
        assert_eq!(parse_rate(word), Ok(Some(rate)), "{word}");
    }
    assert_eq!((time("1ns"), size("0kb")), (Some(Duration::from_nanos(1)), Some(0)));
}

#[test]
fn shares_are_per_cent() {
    for (word, value) in [("1%", 0.01), ("0.05%", 0.0005), ("100%", 1.0), ("0%", 0.0), ("3", 0.03)]
    {
        let read = share(word).unwrap().value();
        assert!((read - value).abs() < 1e-12, "{word}: {read}");
    }
    for word in ["", "%", "101%", "-1%", "1%%", "half"] {
        assert_eq!(share(word), None, "{word}");
    }
    assert_eq!(Share::new(f64::NAN), None);
}
