use proptest::prelude::*;

use super::*;

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn an_exact_listener_goes_before_one_on_all_addresses() {
    let mut demux: Demux<u32, u32> = Demux::new(keyed_hash([1; 4]));
    demux.insert_listener(addr("0.0.0.0:80"), 1);
    assert_eq!(demux.find_listener(addr("10.0.0.1:80")), Some(1));
    assert_eq!(demux.find_listener(addr("10.0.0.1:81")), None);
    demux.insert_listener(addr("10.0.0.1:80"), 2);
    assert_eq!(demux.find_listener(addr("10.0.0.1:80")), Some(2));
    demux.remove_listener(addr("0.0.0.0:80"));
    assert_eq!(demux.find_listener(addr("10.0.0.2:80")), None);
}

#[test]
fn a_port_on_all_addresses_excludes_each_of_them() {
    let own = || [addr("10.0.0.1:0").ip(), addr("10.0.0.2:0").ip()].into_iter();
    let mut demux: Demux<u32, u32> = Demux::new(keyed_hash([1; 4]));
    demux.insert_listener(addr("10.0.0.1:80"), 1);
    assert!(!demux.can_listen(addr("0.0.0.0:80"), own()));
    assert!(!demux.can_listen(addr("10.0.0.1:80"), own()));
    assert!(demux.can_listen(addr("10.0.0.2:80"), own()));
    demux.insert_listener(addr("0.0.0.0:81"), 1);
    assert!(!demux.can_listen(addr("10.0.0.2:81"), own()));
}

#[test]
fn both_ends_make_the_key() {
    let mut demux: Demux<u32, u32> = Demux::new(keyed_hash([1; 4]));
    let ends = Endpoints { local: addr("10.0.0.1:80"), remote: addr("10.0.0.2:4000") };
    demux.insert(ends, 5);
    assert_eq!(demux.find(ends), Some(5));
    assert_eq!(demux.find(Endpoints { remote: addr("10.0.0.2:4001"), ..ends }), None);
    assert_eq!(demux.find(Endpoints { local: ends.remote, remote: ends.local }), None);
    demux.remove(ends);
    assert_eq!(demux.find(ends), None);
}

/// What is done to a demux; the ends are chosen among a few, so that they meet again.
#[derive(Clone, Debug)]
enum Step {
    Insert(u8, u32),
    Remove(u8),
    Segment(u8),
    Listen(u8, u32),
    Unlisten(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..6u8, any::<u32>()).prop_map(|(ends, owner)| Step::Insert(ends, owner)),
        (0..6u8).prop_map(Step::Remove),
        (0..6u8).prop_map(Step::Segment),
        (0..4u8, any::<u32>()).prop_map(|(local, owner)| Step::Listen(local, owner)),
        (0..4u8).prop_map(Step::Unlisten),
    ]
}

fn ends(number: u8) -> Endpoints {
    let local = SocketAddr::from(([10, 0, 0, 1 + number % 2], 80));
    Endpoints { local, remote: SocketAddr::from(([10, 0, 1, 1], 4000 + u16::from(number / 2))) }
}

/// Two addresses and the one that stands for all, and another port.
fn local(number: u8) -> SocketAddr {
    match number {
        0 => addr("0.0.0.0:80"),
        1 | 2 => SocketAddr::from(([10, 0, 0, number], 80)),
        _ => addr("0.0.0.0:81"),
    }
}

fn owner_of<K: PartialEq>(list: &[(K, u32)], key: &K) -> Option<u32> {
    list.iter().find(|(other, _)| other == key).map(|&(_, owner)| owner)
}

fn set<K: PartialEq>(list: &mut Vec<(K, u32)>, key: K, owner: Option<u32>) {
    list.retain(|(other, _)| *other != key);
    list.extend(owner.map(|owner| (key, owner)));
}

proptest! {
    #[test]
    fn behaves_as_two_lists(steps in prop::collection::vec(step(), 1..60), key in any::<[u64; 4]>()) {
        let mut demux: Demux<u32, u32> = Demux::new(keyed_hash(key));
        let (mut connections, mut listeners) = (Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Insert(n, owner) => {
                    demux.insert(ends(n), owner);
                    set(&mut connections, ends(n), Some(owner));
                }
                Step::Remove(n) => {
                    demux.remove(ends(n));
                    set(&mut connections, ends(n), None);
                }
                Step::Segment(n) => {
                    let expected = owner_of(&connections, &ends(n));
                    prop_assert_eq!(demux.find_for_segment(ends(n)), expected);
                }
                Step::Listen(n, owner) => {
                    demux.insert_listener(local(n), owner);
                    set(&mut listeners, local(n), Some(owner));
                }
                Step::Unlisten(n) => {
                    demux.remove_listener(local(n));
                    set(&mut listeners, local(n), None);
                }
            }
            for n in 0..6 {
                prop_assert_eq!(demux.find(ends(n)), owner_of(&connections, &ends(n)));
                let at = ends(n).local;
                let any = SocketAddr::new(unspecified(at.ip()), at.port());
                let expected = owner_of(&listeners, &at).or(owner_of(&listeners, &any));
                prop_assert_eq!(demux.find_listener(at), expected);
            }
            prop_assert_eq!(demux.address_count(), connections.len() + listeners.len());
        }
    }
}

#[test]
fn what_was_found_last_is_forgotten_when_it_changes() {
    let mut demux: Demux<u32, u32> = Demux::new(keyed_hash([1; 4]));
    let ends = Endpoints { local: addr("10.0.0.1:80"), remote: addr("10.0.0.2:4000") };
    let others = Endpoints { remote: addr("10.0.0.2:4001"), ..ends };
    assert_eq!(demux.find_for_segment(ends), None);
    demux.insert(ends, 1);
    demux.insert(others, 2);
    for _ in 0..2 {
        assert_eq!(demux.find_for_segment(ends), Some(1));
        assert_eq!(demux.find_for_segment(ends), Some(1));
        assert_eq!(demux.find_for_segment(others), Some(2));
    }
    assert_eq!(demux.find_for_segment(ends), Some(1));
    demux.insert(ends, 3);
    assert_eq!(demux.find_for_segment(ends), Some(3));
    demux.remove(ends);
    assert_eq!(demux.find_for_segment(ends), None);
    assert_eq!(demux.find_for_segment(others), Some(2));
}
