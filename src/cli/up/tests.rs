use clap::Parser;
use glasstcp::service::Service;

use super::*;

#[derive(Debug, Parser)]
struct Up {
    #[command(flatten)]
    args: Args,
}

fn parse(line: &str) -> Result<Args, String> {
    let words = std::iter::once("up").chain(line.split_whitespace());
    Up::try_parse_from(words).map(|up| up.args).map_err(|error| error.to_string())
}

fn plan(line: &str) -> Result<Plan, String> {
    parse(line)?.plan().map_err(|error| error.to_string())
}

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

#[test]
fn the_defaults_are_those_of_the_manual() {
    let plan = plan("").unwrap();
    assert_eq!(plan.device.name, "glass0");
    assert_eq!(plan.device.address.to_string(), "10.9.0.1/24");
    assert_eq!(plan.device.mtu, 1500);
    assert_eq!(plan.device.netns, None);
    assert_eq!(plan.addresses, [ip("10.9.0.2")]);
    assert_eq!(plan.services.len(), Service::ALL.len());
    assert_eq!((plan.congestion, plan.ecn), (Algorithm::Cubic, Ecn::Accept));
    assert_eq!((plan.detail, plan.absolute), (Detail::Warnings, false));
}

#[test]
fn the_stack_is_beside_the_kernel_unless_told_otherwise() {
    let addresses = |line| plan(line).unwrap().addresses;
    assert_eq!(addresses("--addr 192.168.77.5/24"), [ip("192.168.77.6")]);
    assert_eq!(addresses("--addr 192.168.77.254/24"), [ip("192.168.77.253")]);
    assert_eq!(addresses("--addr 10.0.0.1/30"), [ip("10.0.0.2")]);
    assert_eq!(addresses("--addr 10.0.0.2/30"), [ip("10.0.0.1")]);
    let several = "--stack-addr 10.9.0.7 --stack-addr 10.9.0.254";
    assert_eq!(addresses(several), [ip("10.9.0.7"), ip("10.9.0.254")]);
}

#[test]
fn bad_values_are_refused_with_the_way_out() {
    let table = [
        ("--addr 10.9.0.1", "write it as 10.9.0.1/24"),
        ("--addr 10.9.0/24", "not an IPv4 address"),
        ("--addr fd00::1/64", "not an IPv4 address"),
        ("--addr 10.9.0.1/0", "from 1 to 30"),
        ("--addr 10.9.0.1/31", "from 1 to 30"),
        ("--addr 10.9.0.1/x", "from 1 to 30"),
        ("--addr 10.9.0.0/24", "as 10.9.0.1/24"),
        ("--addr 10.9.0.255/24", "stands for all"),
        ("--addr 127.0.0.1/8", "not an address that a host can have"),
        ("--addr 224.0.0.1/8", "not an address that a host can have"),
        ("--addr 0.0.0.1/8", "not an address that a host can have"),
        ("--stack-addr 10.8.0.2", "choose one from 10.9.0.2 to 10.9.0.254"),
        ("--stack-addr 10.8.0.2 --addr 10.9.0.254/24", "choose one from 10.9.0.1 to 10.9.0.253"),
        ("--stack-addr 10.8.0.2 --addr 10.9.0.7/24", "from 10.9.0.1 to 10.9.0.254, not 10.9.0.7"),
        ("--stack-addr 10.8.0.2 --addr 10.9.0.1/30", "choose 10.9.0.2"),
        ("--stack-addr 10.9.0.3 --addr 10.9.0.2/30", "choose 10.9.0.1"),
        ("--stack-addr 10.9.0.0", "stands for all"),
        ("--stack-addr 10.9.0.255", "stands for all"),
        ("--stack-addr 10.9.0.1", "the kernel's own address"),
        ("--stack-addr 10.9.0.3 --stack-addr 10.9.0.3", "given twice"),
        ("--stack-addr x", "invalid"),
        ("--mtu 575", "576"),
        ("--mtu 65536", "65535"),
        ("--mtu big", "65535"),
        ("--dev a/b", "1 to 15 characters"),
        ("--dev abcdefghijklmnop", "1 to 15 characters"),
        ("--netns a/b", "without spaces and slashes"),
        ("--netns ..", "without spaces and slashes"),
        ("--cc vegas", "invalid value 'vegas'"),
        ("--cc vegas", "[possible values: tahoe, reno, newreno, cubic, bbr]"),
        ("--serve gopher", "echo"),
        ("--serve http:0", "65535"),
        ("--serve http,cc=none", "choose one of tahoe, reno"),
        ("--serve http,reno", "as in http:80,cc=reno"),
        ("--serve http:7", "taken twice"),
    ];
    for (line, part) in table {
        let error = plan(line).expect_err(line);
        assert!(error.contains(part), "{line}: {error}");
    }
}

#[test]
fn edges_are_accepted() {
    for line in ["--mtu 576", "--mtu 65535", "--addr 100.0.0.1/1", "--dev x --netns y -vvv"] {
        plan(line).expect(line);
    }
}

#[test]
fn services_are_added_moved_and_left_out() {
    let ports = |line| -> Vec<_> {
        let services = plan(line).unwrap().services;
        services.iter().map(|spec| (spec.service, spec.port)).collect()
    };
    assert!(ports("--serve http:8080").contains(&(Service::Http, 8080)));
    assert!(!ports("--serve http:8080").contains(&(Service::Http, 80)));
    assert_eq!(ports("--no-default-services"), []);
    let line = "--no-default-services --serve echo --serve echo:7007";
    assert_eq!(ports(line), [(Service::Echo, 7), (Service::Echo, 7007)]);
}

#[test]
fn congestion_control_is_chosen_by_name() {
    for algorithm in Algorithm::ALL {
        assert_eq!(plan(&format!("--cc {algorithm}")).unwrap().congestion, algorithm);
    }
    assert_eq!(plan("--cc NewReno").unwrap().congestion, Algorithm::NewReno);
    let plan = plan("--cc reno --serve http:80,cc=tahoe --no-default-services").unwrap();
    assert_eq!(plan.congestion, Algorithm::Reno);
    assert_eq!(plan.services[0].congestion, Some(Algorithm::Tahoe));
}

#[test]
fn each_v_says_more() {
    let detail = |line| plan(line).unwrap().detail;
    assert_eq!(detail("-v"), Detail::States);
    assert_eq!(detail("-vv"), Detail::Segments);
    assert_eq!(detail("-vvvv"), Detail::Segments);
}
