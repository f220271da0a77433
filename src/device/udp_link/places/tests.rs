use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use etherparse::PacketBuilder;

use super::*;
use crate::stack::Address;

/// What a host at 10.9.0.2 of 10.9.0.0/16 knows, and its clock, in milliseconds.
fn places() -> (Places, Arc<AtomicU64>) {
    let own = Address { ip: [10, 9, 0, 2].into(), prefix_len: 16 };
    let clock = Arc::new(AtomicU64::new(0));
    let read = Arc::clone(&clock);
    let now = move || Instant::from_millis(read.load(Ordering::Relaxed));
    (Places::new(Routes::new(vec![own]), now), clock)
}

fn packet(from: Ipv4Addr, to: Ipv4Addr) -> Vec<u8> {
    let mut packet = Vec::new();
    let builder = PacketBuilder::ipv4(from.octets(), to.octets(), 64).udp(1, 2);
    builder.write(&mut packet, b"hello").unwrap();
    packet
}

const US: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);

const OTHER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 50);

fn host(number: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(10, 9, 1, 0).to_bits() + u32::from(number))
}

fn place(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

impl Places {
    fn hear(&mut self, from: u16, source: Ipv4Addr) -> bool {
        self.learn(place(from), &packet(source, US))
    }

    fn where_is(&self, host: Ipv4Addr) -> Option<u16> {
        self.place_of(host.into()).map(|place| place.port())
    }
}

#[test]
fn an_address_stays_where_it_is_heard() {
    let (mut places, clock) = places();
    assert!(places.hear(1, host(0)));
    clock.store(9_000, Ordering::Relaxed);
    assert!(!places.hear(2, host(0)), "it was heard nine seconds ago");
    assert!(places.hear(1, host(0)));
    clock.store(18_999, Ordering::Relaxed);
    assert!(!places.hear(2, host(0)), "what is not heard does not count");
    assert_eq!(places.where_is(host(0)), Some(1));
    clock.store(19_000, Ordering::Relaxed);
    assert!(places.hear(2, host(0)), "as behind a proxy that begins anew");
    assert_eq!(places.where_is(host(0)), Some(2));
    assert!(!places.hear(1, host(0)));
}

/// A place of which there are so many that each has few addresses.
fn shared(number: u16) -> u16 {
    1 + number / 100
}

#[test]
fn the_one_that_was_not_heard_for_the_longest_time_is_forgotten() {
    let (mut places, clock) = places();
    let most = MAX_LEARNED as u16;
    for number in 0..most {
        clock.store(number.into(), Ordering::Relaxed);
        assert!(places.hear(shared(number), host(number)));
    }
    clock.store(10_001, Ordering::Relaxed);
    assert!(places.hear(shared(0), host(0)));
    assert!(places.hear(shared(most), host(most)));
    assert_eq!(places.known.len(), MAX_LEARNED);
    let forgotten: Vec<u16> =
        (0..=most).filter(|&number| places.where_is(host(number)).is_none()).collect();
    assert_eq!(forgotten, [1]);
}

/// However many addresses somebody says that it has: it takes the room of its own.
#[test]
fn an_address_stays_where_it_is_heard_whatever_else_one_place_says() {
    let (mut places, _clock) = places();
    assert!(places.hear(1, OTHER));
    for number in 0..5000 {
        assert!(places.hear(2, host(number)));
    }
    assert!(!places.hear(2, OTHER));
    assert_eq!(places.where_is(OTHER), Some(1));
    assert_eq!(places.known.len(), 1 + MAX_OF_ONE);
    assert_eq!(places.where_is(host(4999)), Some(2));
}

#[test]
fn an_address_stays_where_it_is_heard_when_there_is_no_room() {
    let (mut places, clock) = places();
    assert!(places.hear(1, OTHER));
    let more = MAX_LEARNED as u16 - 1;
    clock.store(5_000, Ordering::Relaxed);
    assert!((0..more).all(|number| places.hear(2 + shared(number), host(number))));
    clock.store(9_999, Ordering::Relaxed);
    assert!(!places.hear(2, host(more)), "there is no room");
    assert_eq!(places.where_is(OTHER), Some(1));
    clock.store(10_000, Ordering::Relaxed);
    assert!(places.hear(2, host(more)), "one was silent");
    assert_eq!((places.where_is(OTHER), places.known.len()), (None, MAX_LEARNED));
}

#[test]
fn only_what_a_host_sends_to_us_teaches() {
    let (mut places, _clock) = places();
    let other = Ipv4Addr::new(10, 9, 0, 3);
    for (from, to) in [
        (host(0), other),
        (host(0), Ipv4Addr::new(10, 9, 255, 255)),
        (US, US),
        (Ipv4Addr::UNSPECIFIED, US),
        (Ipv4Addr::LOCALHOST, US),
        (Ipv4Addr::BROADCAST, US),
        (Ipv4Addr::new(10, 9, 255, 255), US),
        (Ipv4Addr::new(224, 0, 0, 1), US),
    ] {
        // The stack counts it.
        assert!(places.learn(place(7), &packet(from, to)), "{from} {to}");
    }
    for junk in [&b""[..], b"junk", &[0x45; 2000]] {
        assert!(places.learn(place(7), junk));
    }
    assert!(places.known.is_empty());
    assert!(places.hear(7, other));
    assert_eq!(places.where_is(other), Some(7));
}
