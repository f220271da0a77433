use hyper::header::HeaderName;

use super::*;

/// A request with these fields.
fn request(fields: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::new(());
    *request.uri_mut() = "/glass/".parse().unwrap();
    for (name, value) in fields {
        let name: HeaderName = name.parse().unwrap();
        request.headers_mut().append(name, value.parse().unwrap());
    }
    request
}

fn checked(fields: &[(&str, &str)]) -> Result<(), Refused> {
    check_origin(&request(fields))
}

#[test]
fn it_is_asked_for_by_an_address() {
    for host in
        ["10.9.0.2", "10.9.0.2:8080", "127.0.0.1:1", "[::1]:8080", "localhost", "LocalHost:80"]
    {
        assert_eq!(checked(&[("host", host)]), Ok(()), "{host}");
    }
    for host in [
        "evil.example",
        "10.9.0.2.evil.example",
        "user@10.9.0.2",
        "",
        "[::1",
        "localhost.evil.example:80",
    ] {
        assert_eq!(checked(&[("host", host)]), Err(Refused::Host), "{host}");
    }
    assert_eq!(checked(&[]), Err(Refused::Host));
    assert_eq!(checked(&[("host", "10.9.0.2"), ("host", "10.9.0.2")]), Err(Refused::Host));
}

#[test]
fn pages_from_elsewhere_are_refused() {
    let with = |name, value| checked(&[("host", "10.9.0.2:80"), (name, value)]);
    assert_eq!(with("origin", "http://10.9.0.2:80"), Ok(()));
    for origin in [
        "http://evil.example",
        "http://10.9.0.2:81",
        "null",
        "http://10.9.0.2.evil.example:80",
        "https://10.9.0.2:80",
        "nonsense nonsense",
    ] {
        assert_eq!(with("origin", origin), Err(Refused::Origin), "{origin}");
    }
    let own = ("origin", "http://10.9.0.2:80");
    let two = [("host", "10.9.0.2:80"), own, ("origin", "http://evil.example")];
    assert_eq!(checked(&two), Err(Refused::Origin));
    assert_eq!(with("sec-fetch-site", "same-origin"), Ok(()));
    assert_eq!(with("sec-fetch-site", "none"), Ok(()), "typed by somebody");
    for site in ["cross-site", "same-site"] {
        assert_eq!(with("sec-fetch-site", site), Err(Refused::Origin), "{site}");
    }
    let link =
        [("host", "10.9.0.2"), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    assert_eq!(checked(&link), Ok(()), "a link that leads here");
}

#[test]
fn a_change_takes_what_only_the_page_itself_can_send_and_the_token() {
    let token = Token::new().unwrap();
    let (said, wrong) = (format!("Bearer {token}"), format!("Bearer {}", Token::new().unwrap()));
    assert_eq!(token.to_string().len(), 32);
    assert!(!format!("{token:?}").contains(&token.to_string()));
    let right = Right::Token(token);
    let check = |right: &Right, fields: &[(&str, &str)]| right.check(request(fields).headers());
    let (json, own) = (("content-type", "application/json"), ("x-glass", "1"));
    for fields in [&[][..], &[json], &[own], &[("content-type", "text/plain"), own]] {
        assert_eq!(check(&Right::Everybody, fields), Err(Refused::NoJson), "{fields:?}");
        assert_eq!(check(&right, fields), Err(Refused::NoJson), "{fields:?}");
    }
    assert_eq!(check(&Right::Everybody, &[json, own]), Ok(()));
    assert_eq!(check(&right, &[json, own]), Err(Refused::NoToken));
    let authorized = |said: &str| check(&right, &[json, own, ("authorization", said)]);
    assert_eq!(authorized(&said), Ok(()));
    assert_eq!(authorized(&wrong), Err(Refused::WrongToken));
    assert_eq!(authorized(&said[..said.len() - 1]), Err(Refused::WrongToken));
    assert_eq!(authorized("Bearer "), Err(Refused::WrongToken));
    assert_eq!(authorized("Basic Zm9v"), Err(Refused::NoToken));
    assert!(Right::Everybody.is_free() && !right.is_free());
}
