use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Nc {
    #[command(flatten)]
    args: Args,
}

#[test]
fn what_cannot_go_together_is_refused() {
    for (line, part) in [
        ("", "HOST"),
        ("10.9.0.1", "PORT"),
        ("10.9.0.1 x", "invalid value 'x'"),
        ("-l 7 10.9.0.1 7", "cannot be used with"),
        ("10.9.0.1 7 --via a --dev b", "cannot be used with"),
        ("10.9.0.1 7 --timeout 0", "above 0"),
        ("10.9.0.1 7 --timeout nan", "above 0"),
        ("10.9.0.1 7 --timeout=-1", "above 0"),
        ("10.9.0.1 7 --timeout 1e19", "at most 31536000 seconds"),
        ("10.9.0.1 7 --timeout inf", "at most 31536000 seconds"),
        ("a 7 --dns b", "write it as 10.9.0.1 or 10.9.0.1:5353"),
        ("a 7 --dns 10.9.0.1:0", "write it as"),
        ("a 7 --dns [::1]:53", "not an IPv4 address"),
    ] {
        let words = std::iter::once("nc").chain(line.split_whitespace());
        let error = Nc::try_parse_from(words).expect_err(line).to_string();
        assert!(error.contains(part), "{line}: {error}");
    }
}

#[tokio::test]
async fn a_line_is_a_datagram_as_far_as_it_fits() {
    let (mut input, mut text) = (&b"one\ntwo\nlonger than it may be\n\nend"[..], Vec::new());
    let mut lines = Vec::new();
    loop {
        line(&mut input, &mut text, 10).await.unwrap();
        if text.is_empty() {
            break;
        }
        lines.push(String::from_utf8(std::mem::take(&mut text)).unwrap());
    }
    assert_eq!(lines, ["one\n", "two\n", "longer tha", "n it may b", "e\n", "\n", "end"]);
}
