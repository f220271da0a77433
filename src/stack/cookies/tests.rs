use std::net::Ipv4Addr;

use super::*;
use crate::stack::demux::keyed_hash;

const NOW: Instant = Instant::from_millis(1000);

fn cookies() -> Cookies {
    Cookies::new(keyed_hash([1, 2, 3, 4]))
}

fn pair(last: u32) -> Pair {
    (Ipv4Addr::new(10, 0, 0, 1).into(), Ipv4Addr::from_bits(0x0a01_0000 + last).into())
}

fn own() -> Mss {
    Mss::of_mtu(1500, Ipv4Addr::LOCALHOST.into())
}

fn cookie(bytes: &[u8]) -> Option<Box<FastOpen>> {
    let cookie = Cookie::new(bytes).unwrap();
    Some(Box::new(FastOpen { cookie, form: Form::Standard }))
}

fn request(form: Form) -> FirstSyn {
    FirstSyn { option: Some(Box::new(FastOpen { cookie: Cookie::REQUEST, form })), room: 0 }
}

fn answer() -> Learned {
    Learned { mss: 1000, cookie: None, lost: false, ignored: None }
}

/// What the first SYN has, with a cookie.
fn asked(cookies: &mut Cookies, now: Instant, last: u32) -> FirstSyn {
    cookies.first_syn(now, pair(last), own(), FastConnect::Cookie)
}

#[test]
fn an_unknown_server_is_asked_for_a_cookie_and_gets_text_with_it_afterwards() {
    let mut cookies = cookies();
    assert_eq!(asked(&mut cookies, NOW, 0), request(Form::Standard));
    cookies.learn(NOW, pair(0), Learned { cookie: cookie(&[1; 8]), ..answer() });
    let known = FirstSyn { option: cookie(&[1; 8]), room: 960 };
    assert_eq!(asked(&mut cookies, NOW, 0), known);
    assert_eq!(asked(&mut cookies, NOW, 1), request(Form::Standard), "another server");
    // An answer without a cookie keeps the one there is; its size is the one to go by.
    cookies.learn(NOW, pair(0), Learned { mss: 500, ..answer() });
    assert_eq!(asked(&mut cookies, NOW, 0), FirstSyn { room: 460, ..known.clone() });
    cookies.learn(NOW, pair(0), Learned { mss: u16::MAX, ..answer() });
    assert_eq!(asked(&mut cookies, NOW, 0), FirstSyn { room: 1420, ..known });
    cookies.clear();
    assert_eq!(asked(&mut cookies, NOW, 0), request(Form::Standard));
}

#[test]
fn no_size_is_so_small_that_there_would_be_less_than_no_room() {
    let mut cookies = cookies();
    cookies.learn(NOW, pair(0), Learned { mss: 0, cookie: cookie(&[1; 4]), ..answer() });
    assert_eq!(asked(&mut cookies, NOW, 0).room, 8);
}

#[test]
fn without_cookies_text_goes_at_once_and_with_off_never() {
    let mut cookies = cookies();
    let mut first = |how| cookies.first_syn(NOW, pair(0), own(), how);
    assert_eq!(first(FastConnect::NoCookie), FirstSyn { option: None, room: 1420 });
    assert_eq!(first(FastConnect::Off), FirstSyn::default());
}

#[test]
fn a_server_that_ignores_the_option_is_asked_once_in_the_old_form() {
    let mut cookies = cookies();
    for form in [Form::Standard, Form::Experimental, Form::Standard, Form::Standard] {
        assert_eq!(asked(&mut cookies, NOW, 0), request(form));
        cookies.learn(NOW, pair(0), Learned { ignored: Some(form), ..answer() });
    }
}

#[test]
fn where_text_is_lost_twice_in_a_row_none_goes_for_a_while_rfc_7413_4_1_3() {
    let mut cookies = cookies();
    cookies.learn(NOW, pair(0), Learned { cookie: cookie(&[1; 4]), ..answer() });
    let lost = || Learned { lost: true, ..answer() };
    cookies.learn(NOW, pair(0), lost());
    assert!(asked(&mut cookies, NOW, 0).room > 0, "once is chance");
    let mut now = NOW;
    for minutes in [4, 8, 16] {
        cookies.learn(now, pair(0), lost());
        let end = now + Duration::from_secs(60 * minutes);
        assert_eq!(asked(&mut cookies, now, 0), FirstSyn::default());
        assert_eq!(asked(&mut cookies, end - Duration::from_nanos(1), 0), FirstSyn::default());
        assert!(asked(&mut cookies, end, 0).room > 0);
        now = end;
    }
    (0..300).for_each(|_| cookies.learn(now, pair(0), lost()));
    assert!(asked(&mut cookies, now + PAUSE * 1024, 0).room > 0, "there is an end to it");
    cookies.learn(now, pair(0), answer());
    assert!(asked(&mut cookies, now, 0).room > 0);
}

#[test]
fn what_was_used_least_recently_makes_room() {
    let mut cookies = cookies();
    for last in 0..MOST as u32 {
        cookies.learn(NOW, pair(last), Learned { cookie: cookie(&[1; 4]), ..answer() });
    }
    asked(&mut cookies, NOW, 0);
    for last in 0..10 {
        cookies.learn(NOW, pair(5000 + last), Learned { cookie: cookie(&[1; 4]), ..answer() });
    }
    assert_eq!(cookies.servers.len(), MOST);
    assert!(asked(&mut cookies, NOW, 0).room > 0);
    assert_eq!((1..=10).filter(|&last| asked(&mut cookies, NOW, last).room > 0).count(), 0);
    assert!(asked(&mut cookies, NOW, 11).room > 0);
}
