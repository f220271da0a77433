use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 0, 1));

/// What Linux gives for the key that `net.ipv4.tcp_fastopen_key` shows as four words of 32 bits.
fn key(words: [u32; 4]) -> [u8; 16] {
    let mut key = [0; 16];
    for (place, word) in key.chunks_mut(4).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    key
}

#[test]
fn cookies_are_those_of_linux_with_the_same_key() {
    let keys = CookieKeys::new(key([0xa1a1_a1a1, 0xb2b2_b2b2, 0xc3c3_c3c3, 0xd4d4_d4d4]));
    let expected = [0x30, 0x21, 0xb9, 0xd8, 0x89, 0x01, 0x7e, 0xeb];
    assert_eq!(keys.cookie(CLIENT, SERVER).bytes(), expected);
    let zero = [0xb7, 0xc1, 0x23, 0x50, 0xa9, 0x0d, 0xc8, 0xf5];
    assert_eq!(CookieKeys::new([0; 16]).cookie(CLIENT, SERVER).bytes(), zero);
}

#[test]
fn a_cookie_is_good_for_one_client_one_server_and_one_key() {
    let keys = CookieKeys::new([1; 16]);
    let cookie = keys.cookie(CLIENT, SERVER);
    assert_eq!(keys.check(&cookie, CLIENT, SERVER), CookieCheck::Current);
    assert_eq!(keys.check(&cookie, SERVER, CLIENT), CookieCheck::Foreign);
    assert_eq!(keys.check(&cookie, CLIENT, CLIENT), CookieCheck::Foreign);
    assert_eq!(CookieKeys::new([2; 16]).check(&cookie, CLIENT, SERVER), CookieCheck::Foreign);
    assert_eq!(keys.check(&Cookie::REQUEST, CLIENT, SERVER), CookieCheck::Foreign);
    let part = Cookie::new(&cookie.bytes()[..4]).unwrap();
    assert_eq!(keys.check(&part, CLIENT, SERVER), CookieCheck::Foreign);
    let six = IpAddr::V6(Ipv6Addr::LOCALHOST);
    assert_eq!(keys.check(&keys.cookie(six, six), six, six), CookieCheck::Current);
    assert_ne!(keys.cookie(six, six), keys.cookie(CLIENT, SERVER));
}

#[test]
fn cookies_of_the_key_before_the_present_one_are_good_too() {
    let mut keys = CookieKeys::new([1; 16]);
    let first = keys.cookie(CLIENT, SERVER);
    keys.change([2; 16]);
    assert_eq!(keys, CookieKeys::with_previous([2; 16], [1; 16]));
    assert_eq!(keys.check(&first, CLIENT, SERVER), CookieCheck::Previous);
    keys.change([3; 16]);
    assert_eq!(keys.check(&first, CLIENT, SERVER), CookieCheck::Foreign);
}

#[test]
fn keys_are_not_shown() {
    assert_eq!(format!("{:?}", CookieKeys::new([0x55; 16])), "CookieKeys { .. }");
}
