use clap::Parser;
use glasstcp::service::Service;
use glasstcp::tcp::congestion::Algorithm;

use super::*;

#[derive(Debug, Parser)]
struct Up {
    #[command(flatten)]
    args: Args,
}

fn plan(line: &str) -> Result<Plan, String> {
    let words = std::iter::once("up").chain(line.split_whitespace());
    let args = Up::try_parse_from(words).map_err(|error| error.to_string())?.args;
    args.plan().map_err(|error| error.to_string())
}

#[test]
fn bad_values_are_refused_with_the_way_out() {
    let table = [
        ("--serve gopher", "echo"),
        ("--serve http:0", "65535"),
        ("--serve http,cc=none", "choose one of tahoe, reno"),
        ("--serve http,reno", "as in http:80,cc=reno"),
        ("--serve http:7", "taken twice"),
        ("--dns 10.9.0.1", "add --serve tasks or --serve dns"),
        ("--serve dns", "say to which with --dns SERVER"),
        ("--www x --no-default-services", "needs the service http"),
        ("--ping-loss 1%", "add --serve ping"),
        ("--serve ping --ping-loss x", "a share such as 1%"),
        ("--stack-addr 10.8.0.2", "not in the network of --addr"),
        ("--queues 0", "1..=64"),
        ("--queues 65", "1..=64"),
        ("--queues 2 --offload off", "--queues takes offload"),
        ("--queues 2 --link udp:127.0.0.1:0", "--queues is for a device"),
        ("--queues 2 --impair delay=1ms", "leave it out"),
        ("--queues 2 --drop data:nth=3", "leave it out"),
    ];
    for (line, part) in table {
        let error = plan(line).expect_err(line);
        assert!(error.contains(part), "{line}: {error}");
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
fn a_service_may_have_a_congestion_control_of_its_own() {
    let plan = plan("--cc reno --serve http:80,cc=tahoe --no-default-services").unwrap();
    assert_eq!(plan.host.congestion, Algorithm::Reno);
    assert_eq!(plan.services[0].congestion, Some(Algorithm::Tahoe));
}

#[test]
fn one_queue_goes_with_everything() {
    let queues = |line| plan(line).unwrap().host.queues;
    assert_eq!(queues(""), 1);
    assert_eq!(queues("--queues 1 --offload off --impair delay=1ms"), 1);
    assert_eq!(queues("--queues 4 --offload on"), 4);
}

#[test]
fn all_services_run_unless_told_otherwise() {
    assert_eq!(plan("").unwrap().services.len(), Service::DEFAULT.len());
}
