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
