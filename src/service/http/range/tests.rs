use super::*;
use hyper::header::HeaderValue;

fn asked(field: &str, len: u64) -> Wanted {
    let mut headers = HeaderMap::new();
    headers.insert(header::RANGE, HeaderValue::from_str(field).unwrap());
    wanted(&headers, len)
}

#[test]
fn single_ranges() {
    for (field, part) in [
        ("bytes=0-0", 0..1),
        ("bytes=0-99", 0..100),
        ("bytes=90-", 90..100),
        ("bytes=-1", 99..100),
        ("bytes=-100", 0..100),
        // The packages get this one wrong.
        ("bytes=-101", 0..100),
        ("bytes=10-1000", 10..100),
        ("bytes=007-0008", 7..9),
        ("BYTES=1-2", 1..3),
        ("bytes= 1-2 ", 1..3),
        ("bytes=,, 1-2\t,", 1..3),
        ("bytes=5-18446744073709551615", 5..100),
        ("bytes=5-99999999999999999999999999", 5..100),
        ("bytes=-99999999999999999999999999", 0..100),
        // What is not there is left out.
        ("bytes=100-200,3-4", 3..5),
        ("bytes=-0,3-4", 3..5),
    ] {
        assert_eq!(asked(field, 100), Wanted::Part(part), "{field}");
    }
}

#[test]
fn several_ranges_keep_their_order_unless_they_overlap() {
    let parts = |field| match asked(field, 100) {
        Wanted::Parts(parts) => parts,
        other => panic!("{field}: {other:?}"),
    };
    assert_eq!(parts("bytes=0-0,-1"), [0..1, 99..100]);
    assert_eq!(parts("bytes=50-59, 0-9"), [50..60, 0..10]);
    assert_eq!(parts("bytes=50-59,0-9,5-19"), [0..20, 50..60]);
    assert_eq!(parts("bytes=80-,0-9,10-19,85-90"), [0..20, 80..100]);
    assert_eq!(asked("bytes=0-9,10-19", 100), Wanted::Part(0..20));
    assert_eq!(asked("bytes=0-,0-,0-,-100", 100), Wanted::Part(0..100));
}

#[test]
fn nothing_that_is_asked_for_is_there() {
    for field in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999-"] {
        assert_eq!(asked(field, 100), Wanted::Nothing, "{field}");
    }
    assert_eq!(asked("bytes=0-", 0), Wanted::Nothing);
    assert_eq!(asked("bytes=-5", 0), Wanted::Whole);
    assert_eq!(asked("bytes=-0", 0), Wanted::Nothing);
}

#[test]
fn what_is_not_valid_is_ignored() {
    for field in [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=--1",
        "bytes=1",
        "bytes=2-1",
        "bytes=a-b",
        "bytes=+1-2",
        "bytes=1-2;3-4",
        "bytes=1-2-3",
        "bytes=0x1-2",
        "bytes=1 -2",
        "lines=1-2",
        "bytes 1-2",
        "bytes=1-2,x",
        "bytes=0-1,5-4",
    ] {
        assert_eq!(asked(field, 100), Wanted::Whole, "{field}");
    }
    let mut twice = HeaderMap::new();
    twice.append(header::RANGE, HeaderValue::from_static("bytes=0-1"));
    twice.append(header::RANGE, HeaderValue::from_static("bytes=2-3"));
    assert_eq!(wanted(&twice, 100), Wanted::Whole);
    assert_eq!(wanted(&HeaderMap::new(), 100), Wanted::Whole);
}

#[test]
fn a_flood_of_ranges_is_bounded() {
    let flood = |count: u64, step: u64| {
        let list: Vec<_> = (0..count).map(|i| format!("{}-{}", i * step, i * step)).collect();
        asked(&format!("bytes={}", list.join(",")), 1_000_000)
    };
    assert!(matches!(flood(64, 2), Wanted::Parts(parts) if parts.len() == 64));
    assert_eq!(flood(65, 2), Wanted::Whole);
    assert_eq!(flood(100_000, 2), Wanted::Whole);
    assert_eq!(flood(64, 1), Wanted::Part(0..64));
    // The attack of CVE-2011-3192: each a little shorter than the one before.
    let list: Vec<_> = (0..64).map(|i| format!("{i}-")).collect();
    assert_eq!(asked(&format!("bytes={}", list.join(",")), 1_000_000), Wanted::Part(0..1_000_000));
}
