use super::*;

const TAG: &str = "\"00112233aabbccdd\"";
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

fn version(strong: bool) -> Version {
    let modified = httpdate::parse_http_date(DATE).ok();
    Version { tag: TAG.to_owned(), strong, modified }
}

fn headers(text: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let text = text.replace("TAG", TAG);
    let text = text.replace("DATE", DATE).replace("BEFORE", BEFORE).replace("AFTER", AFTER);
    for line in text.split(';').filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once('=').unwrap();
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[test]
fn conditions_have_the_precedence_of_the_rfc() {
    use Verdict::{Failed, Go, NotModified};
    for (fields, verdict) in [
        ("", Go),
        ("if-none-match=TAG", NotModified),
        ("if-none-match=W/TAG", NotModified),
        ("if-none-match=*", NotModified),
        ("if-none-match=\"a,b\", \"x\" ,W/TAG", NotModified),
        ("if-none-match=\"x\";if-none-match=TAG", NotModified),
        ("if-none-match=\"x\"", Go),
        ("if-none-match=", Go),
        ("if-none-match=00112233aabbccdd", Go),
        ("if-none-match=w/TAG", Go),
        ("if-modified-since=DATE", NotModified),
        ("if-modified-since=AFTER", NotModified),
        ("if-modified-since=BEFORE", Go),
        // The two old forms of a date.
        ("if-modified-since=Sunday, 06-Nov-94 08:49:37 GMT", NotModified),
        ("if-modified-since=Sun Nov  6 08:49:37 1994", NotModified),
        // Dates that are none, and dates that are two.
        ("if-modified-since=yesterday", Go),
        ("if-modified-since=Sun, 31 Feb 1994 08:49:37 GMT", Go),
        ("if-modified-since=Sun, 06 Nov 1994 25:61:61 GMT", Go),
        ("if-modified-since=99999999999999999999", Go),
        ("if-modified-since=DATE;if-modified-since=DATE", Go),
        // A tag counts, and a date beside it does not.
        ("if-none-match=\"x\";if-modified-since=DATE", Go),
        ("if-none-match=TAG;if-modified-since=BEFORE", NotModified),
        ("if-match=TAG", Go),
        ("if-match=*", Go),
        ("if-match=\"x\", TAG", Go),
        ("if-match=\"x\"", Failed),
        ("if-match=", Failed),
        ("if-match=W/TAG", Failed),
        ("if-unmodified-since=DATE", Go),
        ("if-unmodified-since=BEFORE", Failed),
        ("if-unmodified-since=yesterday", Go),
        ("if-match=TAG;if-unmodified-since=BEFORE", Go),
        // First whether it is the right one, then whether the client has it.
        ("if-match=\"x\";if-none-match=TAG", Failed),
        ("if-match=TAG;if-none-match=TAG", NotModified),
        ("if-unmodified-since=BEFORE;if-modified-since=DATE", Failed),
    ] {
        assert_eq!(check(&headers(fields), true, Some(&version(true))), verdict, "{fields}");
    }
    // A version that may still change under its tag is not the right one for sure.
    assert_eq!(check(&headers("if-match=TAG"), true, Some(&version(false))), Failed);
    assert_eq!(check(&headers("if-none-match=TAG"), true, Some(&version(false))), NotModified);
}

#[test]
fn conditions_of_a_method_that_writes() {
    use Verdict::{Failed, Go};
    let there = version(true);
    for (fields, there_is_one, there_is_none) in [
        ("if-none-match=*", Failed, Go),
        ("if-none-match=TAG", Failed, Go),
        ("if-match=*", Go, Failed),
        ("if-match=TAG", Go, Failed),
        ("if-modified-since=DATE", Go, Go),
        ("if-unmodified-since=BEFORE", Failed, Go),
    ] {
        let headers = headers(fields);
        assert_eq!(check(&headers, false, Some(&there)), there_is_one, "{fields}");
        assert_eq!(check(&headers, false, None), there_is_none, "{fields}");
    }
}

#[test]
fn parts_are_only_of_use_with_the_rest() {
    for (fields, strong, weak) in [
        ("", true, true),
        ("if-range=TAG", true, false),
        ("if-range=W/TAG", false, false),
        ("if-range=\"x\"", false, false),
        ("if-range=\"", false, false),
        ("if-range=", false, false),
        ("if-range=DATE", true, false),
        // Not "not modified since", but exactly this one.
        ("if-range=AFTER", false, false),
        ("if-range=BEFORE", false, false),
        ("if-range=yesterday", false, false),
        ("if-range=TAG;if-range=TAG", false, false),
    ] {
        assert_eq!(range_counts(&headers(fields), &version(true)), strong, "{fields}");
        assert_eq!(range_counts(&headers(fields), &version(false)), weak, "{fields}");
    }
    let undated = Version { modified: None, ..version(true) };
    assert!(!range_counts(&headers("if-range=yesterday"), &undated));
}

#[test]
fn a_version_is_weak_first_and_strong_later() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("file");
    let look = || std::fs::metadata(&place).unwrap();
    std::fs::write(&place, "one").unwrap();
    let now = SystemTime::now();
    let young = Version::of(&look(), now);
    let old = Version::of(&look(), now + Duration::from_secs(10));
    assert!(!young.strong && old.strong);
    assert_eq!(young.tag, old.tag);
    assert_eq!(old.tag.len(), 18);
    // Another length is another version at once, and so is another file of the same length.
    std::fs::write(&place, "three").unwrap();
    let longer = Version::of(&look(), now);
    std::fs::write(folder.path().join("new"), "seven").unwrap();
    std::fs::rename(folder.path().join("new"), &place).unwrap();
    let other = Version::of(&look(), now);
    assert_ne!(old.tag, longer.tag);
    assert_ne!(longer.tag, other.tag);
    // A date in the future is not passed on, and one before 1970 has no form.
    let set = |time| std::fs::File::open(&place).unwrap().set_modified(time).unwrap();
    set(now + Duration::from_secs(1000));
    assert!(Version::of(&look(), now).modified.unwrap() <= now);
    set(UNIX_EPOCH - Duration::from_secs(1000));
    assert_eq!(Version::of(&look(), now).modified, None);
}
