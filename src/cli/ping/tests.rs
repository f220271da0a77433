//! The whole of it over a wire in memory, with a second stack on its other side.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use clap::Parser;
use glasstcp::client::Sockets;
use glasstcp::device::impair::Share;
use glasstcp::device::memory;
use glasstcp::net::{Net, TcpListener, UdpSocket};
use glasstcp::runtime;
use glasstcp::service::{Service, ServiceContext, ping, serve_listener, serve_socket};
use glasstcp::stack::{Config, Stack};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::task::JoinSet;

use super::*;

const FAR: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 9, 0, 2));

/// Two stacks on a wire.
fn world(tasks: &mut JoinSet<()>) -> (Client, Net) {
    let (one, other) = memory::pair(1500);
    let mut start = |host: u8, device| {
        let config = Config::new([10, 9, 0, host].into(), 24, [host; 32]);
        let (net, driver) = runtime::start(Stack::new(config), device).unwrap();
        tasks.spawn(async { drop(driver.await) });
        net
    };
    let (near, far) = (start(1, one), start(2, other));
    (Client::new(Sockets::Stack(near), Duration::from_secs(30), None), far)
}

/// The service ping on the far side, which loses so much.
async fn serve(far: &Net, loss: f64, tasks: &mut JoinSet<()>) {
    let any = (Ipv4Addr::UNSPECIFIED, 12_001);
    let listener = TcpListener::bind(far, any).await.unwrap();
    let socket = UdpSocket::bind(far, any).await.unwrap();
    let ping_loss = Arc::new(ping::Loss::new(Share::new(loss).unwrap(), 1));
    let context = Arc::new(ServiceContext { ping_loss, ..ServiceContext::default() });
    tasks.spawn(serve_listener(listener, Service::Ping, Arc::clone(&context)));
    tasks.spawn(serve_socket(socket, Service::Ping, context));
}

fn plan(way: Way, count: u64) -> Plan {
    Plan {
        way,
        to: SocketAddr::new(FAR, 12_001),
        size: 64,
        count: Some(count),
        interval: Duration::from_millis(1),
        wait: Duration::from_secs(20),
    }
}

/// What it prints, and whether anything was answered.
async fn printed(client: &Client, plan: Plan) -> (String, bool) {
    let mut out = Vec::new();
    let answered = run(client, plan, &mut out).await.unwrap();
    (String::from_utf8(out).unwrap(), answered)
}

const WAYS: [(Way, &str); 4] = [
    (Way::Tcp, "64 bytes from 10.9.0.2: seq="),
    (Way::Udp, "64 bytes from 10.9.0.2: seq="),
    (Way::Icmp { ttl: 64 }, "72 bytes from 10.9.0.2: seq="),
    (Way::Open, "connected to 10.9.0.2:12001: seq="),
];

#[tokio::test]
async fn every_way_is_answered() {
    for (way, line) in WAYS {
        let mut tasks = JoinSet::new();
        let (client, far) = world(&mut tasks);
        serve(&far, 0.0, &mut tasks).await;
        let (text, answered) = printed(&client, plan(way, 20)).await;
        assert!(answered, "{text}");
        assert_eq!(text.matches(line).count(), 20, "{text}");
        assert_eq!(text.contains(" ttl=64 time="), way == Way::Icmp { ttl: 64 }, "{text}");
        let summary = "--- 10.9.0.2 ping statistics ---\n\
                       20 packets transmitted, 20 received, 0% packet loss, time ";
        assert!(text.contains(summary), "{text}");
        assert!(text.contains("\nrtt min/avg/max/mdev = "), "{text}");
        assert!(text.lines().last().unwrap().starts_with("p50/p99 = "), "{text}");
    }
}

#[tokio::test]
async fn a_closed_port_is_named_with_who_says_so() {
    for (way, words) in [
        (Way::Tcp, "From 10.9.0.2 seq=1 Connection refused\n"),
        (Way::Open, "From 10.9.0.2 seq=1 Connection refused\n"),
        (Way::Udp, "From 10.9.0.2 seq=1 Destination Port Unreachable\n"),
    ] {
        let mut tasks = JoinSet::new();
        let (client, _far) = world(&mut tasks);
        let (text, answered) = printed(&client, plan(way, 2)).await;
        assert!(!answered && text.contains(words), "{text}");
        let summary = "2 packets transmitted, 0 received, +2 errors, 100% packet loss";
        assert!(text.contains(summary), "{text}");
    }
}

#[tokio::test]
async fn what_is_not_answered_is_named() {
    for way in [Way::Tcp, Way::Udp, Way::Icmp { ttl: 64 }, Way::Open] {
        let mut tasks = JoinSet::new();
        let (client, far) = world(&mut tasks);
        let mut plan = Plan { wait: Duration::from_millis(50), ..plan(way, 2) };
        match way {
            // There is nobody with this address on the wire.
            Way::Icmp { .. } | Way::Open => plan.to.set_ip([10, 9, 0, 3].into()),
            _ => serve(&far, 1.0, &mut tasks).await,
        }
        let (text, answered) = printed(&client, plan).await;
        assert!(!answered, "{text}");
        assert!(text.contains("no answer for seq=1\nno answer for seq=2\n"), "{text}");
        assert!(text.contains("2 packets transmitted, 0 received, 100% packet loss"), "{text}");
    }
}

#[tokio::test]
async fn two_hundred_clients_of_one_server_are_all_answered() {
    let mut tasks = JoinSet::new();
    let (client, far) = world(&mut tasks);
    serve(&far, 0.0, &mut tasks).await;
    let client = Arc::new(client);
    let mut pings = JoinSet::new();
    for _ in 0..200 {
        let client = Arc::clone(&client);
        pings.spawn(async move { printed(&client, plan(Way::Tcp, 10)).await });
    }
    while let Some(done) = pings.join_next().await {
        let (text, _) = done.unwrap();
        assert!(text.contains("10 packets transmitted, 10 received, 0% packet loss"), "{text}");
    }
}

/// A server that does with each line what `answer` says, one connection after the other.
async fn server(far: &Net, answer: fn(u64, &str) -> Option<String>, tasks: &mut JoinSet<()>) {
    let listener = TcpListener::bind(far, (Ipv4Addr::UNSPECIFIED, 12_001)).await.unwrap();
    tasks.spawn(async move {
        let mut number = 0;
        while let Ok((mut stream, _)) = listener.accept().await {
            let (reading, mut writing) = tokio::io::split(&mut stream);
            let mut lines = BufReader::new(reading).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                number += 1;
                let Some(answer) = answer(number, &line) else {
                    break;
                };
                if writing.write_all(answer.as_bytes()).await.is_err() {
                    break;
                }
            }
        }
    });
}

#[tokio::test]
async fn echoes_are_right_and_wrong_answers_are_not() {
    let mut tasks = JoinSet::new();
    let (client, far) = world(&mut tasks);
    let answer = |number, line: &str| {
        Some(match number {
            1 => format!("{line}\n"),
            2 => format!("{}\n", line.replace('z', "y")),
            3 => "what?\n".to_owned(),
            4 => format!("{line}\n{line}\n"),
            _ => format!("{}\n", line.to_uppercase()),
        })
    };
    server(&far, answer, &mut tasks).await;
    let plan = Plan { wait: Duration::from_millis(500), ..plan(Way::Tcp, 5) };
    let (text, answered) = printed(&client, plan).await;
    assert!(answered, "{text}");
    for words in [
        "64 bytes from 10.9.0.2: seq=1 time=",
        "64 bytes from 10.9.0.2: seq=2 (corrupt)\n",
        "6 bytes from 10.9.0.2: not an answer (corrupt)\n",
        "64 bytes from 10.9.0.2: seq=4 time=",
        "64 bytes from 10.9.0.2: seq=4 (DUP!)\n",
        "64 bytes from 10.9.0.2: seq=5 time=",
        "no answer for seq=3\n",
        "5 packets transmitted, 3 received, +1 duplicates, +2 corrupted, 40% packet loss",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[tokio::test]
async fn a_connection_that_ends_is_opened_anew() {
    let mut tasks = JoinSet::new();
    let (client, far) = world(&mut tasks);
    let answer = |number, line: &str| (number % 3 > 0).then(|| format!("{line}\n"));
    server(&far, answer, &mut tasks).await;
    let plan = Plan { interval: Duration::from_millis(20), ..plan(Way::Tcp, 9) };
    let (text, answered) = printed(&client, plan).await;
    assert!(answered && text.contains(": the other side has closed the connection\n"), "{text}");
    let times = text.matches(" time=").count();
    // Of three lines on each connection the last one ends it, with those that are under way.
    assert!((3..=7).contains(&times), "{text}");
    assert!(text.contains("64 bytes from 10.9.0.2: seq=8 time="), "{text}");
}

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    args: Args,
}

#[test]
fn mistakes_are_refused_with_the_way_out() {
    for (line, part) in [
        ("", "<HOST>"),
        ("10.9.0.2 -c 0", "invalid value '0'"),
        ("10.9.0.2 -i 0", "a number of seconds above 0"),
        ("10.9.0.2 -W x", "a number of seconds above 0"),
        ("10.9.0.2 -s 65001", "65001"),
        ("10.9.0.2 --udp --icmp", "cannot be used with"),
        ("10.9.0.2 --icmp --connect", "cannot be used with"),
        ("10.9.0.2 --icmp --via glass0", "cannot be used with"),
        ("10.9.0.2 -t 3", "--icmp"),
    ] {
        let words = std::iter::once("ping").chain(line.split_whitespace());
        let error = Command::try_parse_from(words).expect_err(line).to_string();
        assert!(error.contains(part), "{line}: {error}");
    }
}
