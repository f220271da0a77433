use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Link {
    #[command(flatten)]
    args: Args,
}

fn parse(line: &str) -> Result<Args, String> {
    let words = std::iter::once("link").chain(line.split_whitespace());
    Link::try_parse_from(words).map(|link| link.args).map_err(|error| error.to_string())
}

fn refused(line: &str) -> String {
    match parse(line) {
        Err(error) => error,
        Ok(args) => args.check().expect_err(line).to_string(),
    }
}

#[test]
fn two_ends_are_read() {
    let args = parse("--left a:link0,10.8.0.1/24 --right link1,10.8.0.2/24 --impair loss=1% --impair out:delay=5ms").unwrap();
    args.check().unwrap();
    let left = args.left.as_ref().unwrap();
    assert_eq!((left.netns.as_deref(), left.device.as_str()), (Some("a"), "link0"));
    assert_eq!(left.address.to_string(), "10.8.0.1/24");
    assert_eq!(args.right.as_ref().unwrap().netns, None);
    assert_eq!(args.spec().to_string(), "loss=1% out:delay=5ms");
    assert_eq!((args.mtu, args.spin, args.seed), (1500, Duration::from_millis(5), 1));
}

#[test]
fn a_proxy_is_read() {
    let args = parse("--udp 127.0.0.1:7001 --to localhost:7000").unwrap();
    args.check().unwrap();
    assert_eq!(args.udp.unwrap().port(), 7001);
}

#[test]
fn what_does_not_fit_together_is_refused_with_a_sentence() {
    let two = |left: &str, right: &str| refused(&format!("--left {left} --right {right}"));
    for (said, expected) in [
        (refused(""), "--left"),
        (refused("--left a:link0,10.8.0.1/24"), "--right"),
        (refused("--right a:link0,10.8.0.1/24"), "--left"),
        (refused("--udp 127.0.0.1:1"), "--to"),
        (refused("--to 127.0.0.1:1"), "--udp"),
        (refused("--udp 127.0.0.1:1 --to b:1 --left a:x,10.8.0.1/24"), "cannot be used with"),
        (refused("--udp localhost --to b:1"), "invalid"),
        (two("a:link0", "b:link0,10.8.0.2/24"), "write it as a:link0,10.8.0.1/24"),
        (two("a:link0,10.8.0.1", "b:link0,10.8.0.2/24"), "the length of the prefix is missing"),
        (two("a b:x,10.8.0.1/24", "b:x,10.8.0.2/24"), "unexpected argument"),
        (two("a:,10.8.0.1/24", "b:x,10.8.0.2/24"), "no name for a network device"),
        (two(":x,10.8.0.1/24", "b:x,10.8.0.2/24"), "no name for a network namespace"),
        (two("a:x,10.8.0.1/24", "a:y,10.8.0.2/24"), "one network namespace (a)"),
        (two("x,10.8.0.1/24", "y,10.8.0.2/24"), "one network namespace (that of this shell)"),
        (two("a:x,10.8.0.1/24", "b:x,10.8.0.1/24"), "both ends have the address 10.8.0.1"),
        (two("a:x,10.8.0.1/24", "b:x,10.8.1.2/24"), "not in one network"),
        (refused("--udp 127.0.0.1:1 --to b:1 --spin 2s"), "--spin is at most 1s"),
        (refused("--udp 127.0.0.1:1 --to b:1 --impair loss=200%"), "'loss=200%' is not a share"),
    ] {
        assert!(said.contains(expected), "{expected:?} in {said}");
    }
}
