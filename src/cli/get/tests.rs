use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Get {
    #[command(flatten)]
    args: Args,
}

#[test]
fn what_cannot_go_together_is_refused() {
    for (line, part) in [
        ("", "URL"),
        ("10.9.0.2 -C", "--output"),
        ("10.9.0.2 --sha256 12", "64 hexadecimal digits"),
        ("10.9.0.2 --dns x", "write it as 10.9.0.1"),
        ("10.9.0.2 --via a --link udp:127.0.0.1:7", "cannot be used with"),
    ] {
        let words = std::iter::once("get").chain(line.split_whitespace());
        let error = Get::try_parse_from(words).expect_err(line).to_string();
        assert!(error.contains(part), "{line}: {error}");
    }
}

#[test]
fn a_sum_is_64_digits() {
    let text = format!("{}Ff", "01".repeat(31));
    let Sum(bytes) = sum(&text).unwrap();
    assert_eq!((bytes[0], bytes[30], bytes[31]), (1, 1, 255));
    for bad in ["", "0", &text[1..], &text.replace("Ff", "Fg"), &text.replace("Ff", "é")] {
        assert!(sum(bad).is_err(), "{bad}");
    }
}
