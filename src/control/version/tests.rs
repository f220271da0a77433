use super::*;

fn sent(request: &Request) -> String {
    String::from_utf8(encode(request).unwrap()).unwrap()
}

#[test]
fn a_request_carries_its_version_and_needs_none() {
    assert_eq!(sent(&Request::Stats {}), "{\"version\":1,\"command\":\"stats\"}\n");
    let impair = Request::Impair { spec: Some("loss=1%".to_owned()) };
    for request in [Request::Stats {}, impair.clone()] {
        assert_eq!(decode(sent(&request).as_bytes()), Ok(request));
    }
    let without = b"{\"command\":\"impair\",\"spec\":\"loss=1%\"}";
    assert_eq!(decode(without), Ok(impair));
}

#[test]
fn another_version_is_told_first_whatever_it_asks() {
    for other in [
        "{\"version\":2,\"command\":\"stats\"}",
        "{\"command\":\"fly\",\"to\":[1,{\"version\":1}],\"version\":2}",
        "{\"version\":2}",
    ] {
        let sentence = decode(other.as_bytes()).unwrap_err();
        assert!(
            sentence.starts_with("the running glasstcp speaks version 1 ")
                && sentence.contains("version 2: use the same"),
            "{other}: {sentence}"
        );
    }
}

#[test]
fn a_version_that_is_none_is_no_request() {
    for bad in ["\"two\"", "-1", "1.5", "null", "99999999999"] {
        let line = format!("{{\"version\":{bad},\"command\":\"stats\"}}");
        let sentence = decode(line.as_bytes()).unwrap_err();
        assert!(sentence.starts_with("this is not a request such as"), "{bad}: {sentence}");
    }
    let more = decode(b"{\"version\":1,\"command\":\"impair\",\"more\":1}").unwrap_err();
    assert!(more.contains("unknown field `more`"), "{more}");
}
