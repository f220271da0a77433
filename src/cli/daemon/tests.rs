use glasstcp::device::impair::Share;

use super::*;
use crate::cli::host::{self, UdpEnds};
use crate::cli::{record, web};

fn plan(netns: Option<&str>, services: &[&str]) -> Plan {
    let mut host = host::Plan::sample();
    let Link::Tun(device) = &mut host.link else { unreachable!() };
    device.netns = netns.map(str::to_owned);
    let services = services.iter().map(|spec| spec.parse().unwrap()).collect();
    Plan {
        host,
        services,
        www: None,
        ping_loss: Share::NONE,
        dns: None,
        record: record::Plan { events: None, packets: None, flight_memory: 0, flight_dir: None },
        web: web::Plan::default(),
        control: None,
        ends_with_stdin: false,
    }
}

#[test]
fn the_welcome_says_what_there_is_and_what_to_try() {
    let text = welcome(&plan(Some("glass"), &["echo", "http", "http:81,cc=reno"]), true, &[]);
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
    let text = welcome(&plan(None, &[]), false, &[]);
    assert!(text.contains("services: none\ntry: ping 10.9.0.2\n"));
}

#[test]
fn over_udp_only_another_glasstcp_can_reach_it() {
    let mut plan = plan(None, &["http", "echo"]);
    let (local, remote) = ("127.0.0.1:7000".parse().unwrap(), None);
    plan.host.link = Link::Udp(UdpEnds { local, remote });
    let text = welcome(&plan, false, &[]);
    assert!(text.starts_with(
        "glasstcp is up: 10.9.0.2, 10.9.0.3 over UDP from 127.0.0.1:7000 (MTU 1400)\n"
    ));
    assert!(text.contains(
        "try: glasstcp ping 10.9.0.2 --icmp --link udp:127.0.0.1:0,127.0.0.1:7000\n     \
             glasstcp get http://10.9.0.2/ --link udp:127.0.0.1:0,127.0.0.1:7000\n"
    ));
}

/// Where it listens on all addresses, one leads there from this machine; and those of IPv6 are in brackets.
#[test]
fn what_is_suggested_over_udp_leads_there() {
    for (local, remote, link) in [
        ("0.0.0.0:7000", None, "udp:127.0.0.1:0,127.0.0.1:7000"),
        ("[::]:7000", None, "udp:[::1]:0,[::1]:7000"),
        ("[::1]:7000", None, "udp:[::1]:0,[::1]:7000"),
        ("127.0.0.1:7000", Some("127.0.0.1:1"), "udp:127.0.0.1:1,127.0.0.1:7000"),
    ] {
        let mut plan = plan(None, &["ping"]);
        let remote = remote.map(|remote: &str| remote.parse().unwrap());
        plan.host.link = Link::Udp(UdpEnds { local: local.parse().unwrap(), remote });
        let expected = format!("glasstcp ping 10.9.0.2 -p 12001 --link {link}");
        assert_eq!(hints(&plan), [expected]);
    }
}

/// Where the other end of a link is another glasstcp, nobody else can be there: it goes over that one's stack.
#[test]
fn what_is_suggested_between_two_goes_over_the_other() {
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let remote = other.local_addr().unwrap();
    let mut plan = plan(None, &["ping"]);
    plan.host.link =
        Link::Udp(UdpEnds { local: "127.0.0.1:9".parse().unwrap(), remote: Some(remote) });
    assert_eq!(hints(&plan), [format!("glasstcp ping 10.9.0.2 -p 12001 --via udp-{remote}")]);
    plan.services.clear();
    assert!(
        welcome(&plan, false, &[]).ends_with("services: none\nCtrl-C ends it\n"),
        "no ICMP over it"
    );
}

#[test]
fn a_crowd_has_gone_once_when_half_of_it_has() {
    let mut crowd = Crowd::default();
    let counts = [0, 15, 0, 40, 300, 200, 150, 149, 0, 0, 16, 8];
    let gone: Vec<_> = counts.into_iter().filter(|&count| crowd.has_gone(count)).collect();
    // 150 is half of 300, 0 less than half of 150; of 15 there is little to gain.
    assert_eq!(gone, [150, 0, 8]);
}
