use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    args: Args,
}

fn plan_as(role: Role, line: &str) -> Result<Plan, String> {
    let words = std::iter::once("command").chain(line.split_whitespace());
    let args = Command::try_parse_from(words).map_err(|error| error.to_string())?.args;
    args.plan(role).map_err(|error| error.to_string())
}

fn plan(line: &str) -> Result<Plan, String> {
    plan_as(Role::Server, line)
}

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

#[test]
fn the_defaults_are_those_of_the_manual() {
    let plan = plan("").unwrap();
    let Link::Tun(device) = &plan.link else { panic!("{plan:?}") };
    assert_eq!(device.name, "glass0");
    assert_eq!(device.address.to_string(), "10.9.0.1/24");
    assert_eq!((device.mtu, plan.mtu), (1500, 1500));
    assert_eq!((&device.netns, plan.netns()), (&None, None));
    let kernel = (device::Offload::Auto, device::Checksums::Partial);
    assert_eq!((device.offload, device.checksums), kernel);
    assert_eq!((plan.addresses, plan.prefix_len), (vec![ip("10.9.0.2")], 24));
    assert_eq!((plan.congestion, plan.ecn), (Algorithm::Cubic, Ecn::Accept));
    assert_eq!(plan.profile, Profile::Linux);
    assert_eq!(plan.fast_open, FastOpen::Client);
    assert_eq!((plan.fast_open.connect(), plan.fast_open.accept()), (FastConnect::Cookie, None));
    assert_eq!((plan.detail, plan.absolute), (Detail::Warnings, false));
}

#[test]
fn what_the_kernel_does_can_be_chosen_where_there_is_one() {
    let plan = plan("--offload off --checksum full").unwrap();
    let Link::Tun(device) = &plan.link else { panic!("{plan:?}") };
    let kernel = (device::Offload::Off, device::Checksums::Full);
    assert_eq!((device.offload, device.checksums), kernel);
    let error = self::plan("--link udp:127.0.0.1:0 --offload off").unwrap_err();
    assert!(error.contains("cannot be used with"), "{error}");
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

/// Over UDP there is no kernel: a server has the second address of the network, a client the first.
#[test]
fn a_link_over_udp_needs_no_device() {
    let link = |line: &str| plan(line).unwrap().link;
    let ends = |local: &str, remote: Option<&str>| {
        let remote = remote.map(|remote| remote.parse().unwrap());
        Link::Udp(UdpEnds { local: local.parse().unwrap(), remote })
    };
    assert_eq!(link("--link udp:127.0.0.1:7000"), ends("127.0.0.1:7000", None));
    assert_eq!(link("--link udp:[::1]:0,[::1]:7"), ends("[::1]:0", Some("[::1]:7")));
    let addresses = |role, line| plan_as(role, line).unwrap().addresses;
    let line = "--link udp:127.0.0.1:0,127.0.0.1:7000";
    assert_eq!(addresses(Role::Server, line), [ip("10.9.0.2")]);
    assert_eq!(addresses(Role::Client, "--link udp:127.0.0.1:7000"), [ip("10.9.0.1")]);
    let given = format!("{line} --addr 10.9.0.1/24");
    assert_eq!(addresses(Role::Client, &given), [ip("10.9.0.1")]);
    assert_eq!(addresses(Role::Client, ""), [ip("10.9.0.2")]);
    let asked = format!("{line} --stack-addr 10.9.0.1");
    assert_eq!(addresses(Role::Server, &asked), [ip("10.9.0.1")]);
    let mut plan = plan(line).unwrap();
    assert_eq!(plan.name(), "udp-127.0.0.1:0");
    plan.is_at("127.0.0.1:40000".parse().unwrap());
    assert_eq!(plan.name(), "udp-127.0.0.1:40000");
    let table = [
        ("--link tcp:127.0.0.1:7", "begins with udp:"),
        ("--link udp:127.0.0.1", "not an address with a port"),
        ("--link udp:127.0.0.1:7,x", "'x' is not an address"),
        ("--link udp:127.0.0.1:7,127.0.0.1:0", "nowhere to send to"),
        ("--link udp:127.0.0.1:7,0.0.0.0:7", "0.0.0.0 is nowhere to send to"),
        ("--link udp:[::1]:7,[::]:7", ":: is nowhere to send to"),
        ("--link udp:127.0.0.1:7,[::1]:7", "both"),
        ("--link udp:127.0.0.1:7,224.0.0.1:5", "224.0.0.1 is not one other end but many"),
        ("--link udp:127.0.0.1:7,255.255.255.255:9", "255.255.255.255 is not one other end"),
        ("--link udp:[::1]:7,[ff02::1]:7", "ff02::1 is not one other end"),
        ("--link udp:127.0.0.1:7,127.0.0.1:7", "127.0.0.1:7 would be both ends"),
        ("--link udp:224.0.0.1:7", "224.0.0.1 is no address of this machine"),
        ("--link udp:127.0.0.1:7 --netns x", "cannot be used with"),
        ("--link udp:127.0.0.1:7 --dev x", "cannot be used with"),
        ("--link udp:127.0.0.1:7 --stack-addr 10.8.0.1", "choose one from"),
    ];
    for (line, part) in table {
        let error = self::plan(line).expect_err(line);
        assert!(error.contains(part), "{line}: {error}");
    }
}

/// Clients that go to the same place take addresses of their own.
#[test]
fn clients_of_a_link_are_different_hosts() {
    let mut chosen = std::collections::BTreeSet::new();
    for _ in 0..500 {
        let plan = plan_as(Role::Client, "--link udp:127.0.0.1:0,127.0.0.1:7000").unwrap();
        let [address] = plan.addresses[..] else { panic!("{plan:?}") };
        let [ten, high, _, host] = address.octets();
        assert!(ten == 10 && high >= 128 && (1..=254).contains(&host), "{address}");
        chosen.insert(address);
    }
    // In the mean one in sixty-seven times two of them are the same.
    assert!(chosen.len() > 490, "{chosen:?}");
}

#[test]
fn congestion_control_is_chosen_by_name() {
    for algorithm in Algorithm::ALL {
        assert_eq!(plan(&format!("--cc {algorithm}")).unwrap().congestion, algorithm);
    }
    assert_eq!(plan("--cc NewReno").unwrap().congestion, Algorithm::NewReno);
}

#[test]
fn each_v_says_more() {
    let detail = |line| plan(line).unwrap().detail;
    assert_eq!(detail("-v"), Detail::States);
    assert_eq!(detail("-vv"), Detail::Segments);
    assert_eq!(detail("-vvvv"), Detail::Segments);
}

#[test]
fn drop_is_short_for_a_rule_that_drops() {
    let rules = |line: &str| plan(line).map(|plan| plan.impair.rules);
    for (short, long) in [
        ("data:nth=3", "drop:data:nth=3"),
        ("drop:data:nth=3", "drop:data:nth=3"),
        ("out:syn:nth=1", "out:drop:syn:nth=1"),
        ("in:drop:data:nth=2..4", "in:drop:data:nth=2..4"),
    ] {
        let written = rules(&format!("--impair {long}"));
        assert_eq!(rules(&format!("--drop {short}")), written, "{short}");
        assert_eq!(written.map(|rules| rules.len()), Ok(1), "{long}");
    }
    let both = rules("--drop data:nth=1 --impair delay=5ms --drop in:data:nth=2").unwrap();
    assert_eq!(both.len(), 3);
    let error = rules("--drop data:what=3").unwrap_err();
    assert!(error.contains("docs/link.md has the language"), "{error}");
}

#[test]
fn a_transcript_is_a_way_to_print() {
    assert_eq!(plan("--transcript").unwrap().detail, Detail::Transcript);
    assert!(plan("--transcript -v").unwrap_err().contains("cannot be used with"));
}
