use std::net::Ipv4Addr;

use glasstcp::device::OpenConfig;
use glasstcp::device::impair::Spec;
use glasstcp::device::link::Cidr;
use glasstcp::tcp::Ecn;
use glasstcp::tcp::congestion::Algorithm;

use super::*;

fn plan(netns: Option<&str>, services: &[&str]) -> Plan {
    Plan {
        device: OpenConfig {
            name: "glass0".to_owned(),
            address: Cidr { address: Ipv4Addr::new(10, 9, 0, 1), prefix_len: 24 },
            mtu: 1400,
            netns: netns.map(str::to_owned),
        },
        addresses: vec![Ipv4Addr::new(10, 9, 0, 2), Ipv4Addr::new(10, 9, 0, 3)],
        services: services.iter().map(|spec| spec.parse().unwrap()).collect(),
        www: None,
        congestion: Algorithm::Tahoe,
        ecn: Ecn::Request,
        impair: Spec::default(),
        impair_seed: 1,
        control: None,
        detail: Detail::Warnings,
        absolute: false,
    }
}

#[test]
fn the_welcome_says_what_there_is_and_what_to_try() {
    let text = welcome(&plan(Some("glass"), &["echo", "http", "http:81,cc=reno"]), true);
    assert_eq!(
        text,
        "glasstcp is up: 10.9.0.2, 10.9.0.3 on glass0 (kernel 10.9.0.1/24, MTU 1400) in the network namespace glass, made for it\n\
         services: echo 7, http 80, http 81 (reno)\n\
         try: sudo ip netns exec glass ping 10.9.0.2\n     \
         sudo ip netns exec glass curl http://10.9.0.2/\n     \
         sudo ip netns exec glass telnet 10.9.0.2 7\n\
         Ctrl-C ends it\n"
    );
}

#[test]
fn only_what_runs_is_suggested() {
    let hints = hints(&plan(None, &["http:8080"]));
    assert_eq!(hints, ["ping 10.9.0.2", "curl http://10.9.0.2:8080/"]);
    let text = welcome(&plan(None, &[]), false);
    assert!(text.contains("services: none\ntry: ping 10.9.0.2\n"));
}

#[test]
fn the_stack_gets_what_was_planned() {
    let config = stack_config(&plan(None, &[])).unwrap();
    assert_eq!(config.mtu, 1400);
    let addresses: Vec<_> = config.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.9.0.2/24", "10.9.0.3/24"]);
    assert_eq!((config.tcp.congestion, config.tcp.ecn), (Algorithm::Tahoe, Ecn::Request));
    assert_ne!(config.seed, [0; 32]);
}

#[test]
fn a_crowd_has_gone_once_when_half_of_it_has() {
    let mut crowd = Crowd::default();
    let counts = [0, 15, 0, 40, 300, 200, 150, 149, 0, 0, 16, 8];
    let gone: Vec<_> = counts.into_iter().filter(|&count| crowd.has_gone(count)).collect();
    // 150 is half of 300, 0 less than half of 150; of 15 there is little to gain.
    assert_eq!(gone, [150, 0, 8]);
}
