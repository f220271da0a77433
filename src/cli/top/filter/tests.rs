use super::*;
use crate::cli::top::tests::{socket, tcp};

#[test]
fn every_word_must_fit() {
    let one = socket(7, "ESTAB", Some(tcp()));
    for fits in [
        "",
        "  ",
        "80",
        ":80",
        "50007",
        "10.9.0.1",
        "estab",
        "ESTAB 80",
        "10.9",
        "0.2:80",
        "#7",
        "cubic",
        "est",
        "80 10.9.0.2 estab cub",
    ] {
        assert!(Filter::parse(fits).includes(&one), "{fits}");
    }
    for does_not in ["8", "81", "10.9.0.3", "time-wait", "estab 81", "#", "#70", "bbr", "x"] {
        assert!(!Filter::parse(does_not).includes(&one), "{does_not}");
    }
}

#[test]
fn what_can_be_looked_for_elsewhere_is_asked_for() {
    let asked = Filter::parse("10.9.0.1 :80 estab cub").ask();
    assert_eq!((asked.port, asked.address), (Some(80), Some(IpAddr::from([10, 9, 0, 1]))));
    assert_eq!((asked.protocol, asked.states), (Some(Protocol::Tcp), vec!["ESTAB".to_owned()]));
    let all = Filter::parse("cub").ask();
    assert_eq!((all.port, all.address), (None, None));
    assert!(all.includes(&socket(1, "TIME-WAIT", None)));
    assert!(!all.includes(&socket(1, "LISTEN", None)), "no listeners");
}
