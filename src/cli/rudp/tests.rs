use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Rudp {
    #[command(flatten)]
    args: Args,
}

#[test]
fn what_cannot_go_together_is_refused() {
    for (line, part) in [
        ("send file", "HOST"),
        ("send file 10.9.0.1", "PORT"),
        ("send file 10.9.0.1 0", "invalid value '0'"),
        ("send file 10.9.0.1 1 --window 0", "1..=64"),
        ("send file 10.9.0.1 1 --window 65", "1..=64"),
        ("send file 10.9.0.1 1 --rto 0", "1..=60000"),
        ("send file 10.9.0.1 1 --packet 1473", "64..=1472"),
        ("send file 10.9.0.1 1 --kernel --dev a", "cannot be used with"),
        ("send file 10.9.0.1 1 --kernel --link udp:127.0.0.1:0", "cannot be used with"),
        ("send file 10.9.0.1 1 --kernel --via a", "cannot be used with"),
        ("recv", "<--output <FILE>|--dir <DIR>>"),
        ("recv -o a --dir b", "cannot be used with"),
        ("recv -o a --count 2", "cannot be used with"),
        ("recv -o a --kernel --impair loss=1%", "cannot be used with"),
        ("test --size x", "'x'"),
    ] {
        let words = std::iter::once("rudp").chain(line.split_whitespace());
        let error = Rudp::try_parse_from(words).expect_err(line).to_string();
        assert!(error.contains(part), "{line}: {error}");
    }
}

#[test]
fn speed_has_units() {
    assert_eq!(speed(1_000_000, Duration::from_secs(2)), "1000000 bytes in 2.000 s, 4.00 Mbit/s");
    assert_eq!(speed(0, Duration::ZERO), "0 bytes in 0.000 s, 0.00 Mbit/s");
}
