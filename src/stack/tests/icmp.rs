//! ICMP errors about TCP: opens that fail, time-outs that are explained, paths with a smaller MTU.

use std::io::ErrorKind;

use bytes::Bytes;

use super::world::Side::{self, Client, Server};
use super::world::{PORT, World, craft, deliver_all, drop_all};
use crate::event::{Event, Refusal, State};
use crate::stack::SocketError;
use crate::time::Duration;
use crate::wire::SeqNum;
use crate::wire::icmp::{Notice, Report};
use crate::wire::tcp::Flags;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// A world that keeps its packets.
fn world() -> World {
    let mut world = World::new();
    world.packets = Some(Vec::new());
    world
}

/// The last packet that `side` has sent.
fn last_packet(world: &World, side: Side) -> Bytes {
    let by_side = |(by, packet): &(Side, Bytes)| (*by == side).then(|| packet.clone());
    world.packets.iter().flatten().rev().find_map(by_side).unwrap()
}

/// The network reports something about the last packet that `side` has sent.
fn report(world: &mut World, side: Side, kind_and_code: [u8; 2]) {
    let error = craft::icmp_error(kind_and_code, 0, &last_packet(world, side));
    world.inject(side, error);
    world.turn();
}

/// What the router of [`craft::icmp_error`] says.
fn reported(report: Report) -> SocketError {
    SocketError::Reported(Notice { report, by: [10, 0, 0, 254].into() })
}

#[test]
fn an_open_fails_at_once_by_a_hard_error_and_names_who_said_so() {
    for (code, report, kind, words) in [
        (
            2,
            Report::ProtocolUnreachable,
            ErrorKind::ConnectionRefused,
            "protocol unreachable (10.0.0.254 says so)",
        ),
        (
            3,
            Report::PortUnreachable,
            ErrorKind::ConnectionRefused,
            "port unreachable (10.0.0.254 says so)",
        ),
        (
            9,
            Report::NetworkProhibited,
            ErrorKind::NetworkUnreachable,
            "network prohibited by 10.0.0.254",
        ),
        (13, Report::Prohibited, ErrorKind::HostUnreachable, "prohibited by 10.0.0.254"),
    ] {
        let mut world = world();
        world.judge = drop_all();
        let client = world.connect();
        world.turn();
        self::report(&mut world, Client, [3, code]);
        let error = reported(report);
        assert_eq!(world.connected(Client, client), Some(Err(error)), "code {code}");
        let error = std::io::Error::from(error);
        assert_eq!((error.kind(), error.to_string().as_str()), (kind, words));
        let notice = Notice { report, by: [10, 0, 0, 254].into() };
        assert_eq!(SocketError::notice_of(&error), Some(notice));
        assert_eq!(world.stack(Client).counters().icmp_errors_received, 1);
        world.close(Client, client);
        world.assert_quiet_end();
        assert_eq!(world.trace.len(), 1, "one SYN and nothing else");
    }
}

#[test]
fn an_open_fails_in_its_time_with_what_soft_errors_said() {
    for (kind_and_code, error) in [
        ([3, 0], reported(Report::NetworkUnreachable)),
        ([3, 1], reported(Report::HostUnreachable)),
        ([11, 0], reported(Report::TimeExceeded)),
        ([12, 0], reported(Report::ParameterProblem)),
        ([4, 0], SocketError::TimedOut),
        ([5, 1], SocketError::TimedOut),
    ] {
        let mut world = world();
        world.judge = drop_all();
        let client = world.connect();
        world.pass(8 * SECOND);
        report(&mut world, Client, kind_and_code);
        let gone = |world: &mut World| world.connected(Client, client) == Some(Err(error));
        world.run(200 * SECOND, gone);
        assert_eq!(world.trace.len(), 7, "type and code {kind_and_code:?}");
        world.close(Client, client);
        world.assert_quiet_end();
    }
}

#[test]
fn a_reader_is_told_why_the_peer_was_not_reached() {
    let mut world = world();
    let pair = world.open();
    world.pass(50 * MS);
    world.judge = drop_all();
    world.write_all(Client, pair.client, b"anybody?");
    world.turn();
    report(&mut world, Client, [3, 1]);
    assert_eq!(world.state(Client, pair.client), State::Established);
    let unreachable = Some(Err(reported(Report::HostUnreachable)));
    world.run(2000 * SECOND, |world| world.read(Client, pair.client) == unreachable);
    world.judge = deliver_all();
    world.close_both(&pair);
    world.assert_quiet_end();
}

#[test]
fn a_half_open_connection_is_forgotten_after_a_hard_error_only() {
    let mut world = world();
    world.listen();
    let (from, to) = (([10, 0, 0, 77], 7000).into(), Server.addr(PORT));
    let syn = craft::segment(from, to, SeqNum::new(1), SeqNum::default(), Flags::SYN);
    world.inject(Server, craft::tcp(from, to, &syn));
    world.turn();
    let syn_ack = last_packet(&world, Server);
    let mut forged = syn_ack.to_vec();
    forged[27] ^= 1;
    world.inject(Server, craft::icmp_error([3, 1], 0, &syn_ack));
    world.inject(Server, craft::icmp_error([3, 3], 0, &forged));
    world.turn();
    assert_eq!(world.refused(Server, Refusal::IcmpIgnored), 1);
    assert_eq!(world.refused(Server, Refusal::IcmpQuoteSequence), 1);
    assert_eq!(world.stack(Server).half_open.len(), 1);
    world.inject(Server, craft::icmp_error([3, 3], 0, &syn_ack));
    world.turn();
    assert_eq!(world.stack(Server).half_open.len(), 0);
    world.assert_quiet_end();
}

#[test]
fn what_is_about_nobody_is_refused_by_name() {
    let mut world = world();
    let pair = world.open();
    world.pass(50 * MS);
    let ours = last_packet(&world, Server);
    let (client, server) = (Client.addr(5), Server.addr(5));
    let mut refused = |packet: Bytes, reason: Refusal| {
        let before = world.refused(Server, reason);
        world.inject(Server, packet);
        world.turn();
        assert_eq!(world.refused(Server, reason), before + 1, "{}", reason.name());
    };
    let quoting = |quoted: &[u8]| craft::icmp(client, server, [3, 1], quoted);
    refused(quoting(&ours), Refusal::IcmpQuoteSequence);
    refused(quoting(&ours[..27]), Refusal::IcmpQuoteTruncated);
    refused(quoting(b"no header"), Refusal::IcmpQuoteHeader);
    refused(quoting(&last_packet_of_others()), Refusal::IcmpQuoteForeign);
    let mut fragment = ours.to_vec();
    fragment[7] = 1;
    refused(quoting(&fragment), Refusal::IcmpQuoteFragment);
    let mut other_port = ours.to_vec();
    other_port[20] ^= 1;
    refused(quoting(&other_port), Refusal::IcmpQuoteStray);
    let datagram = craft::udp(server, client, b"a datagram");
    refused(quoting(&datagram), Refusal::IcmpQuoteStray);
    let mut foreign_protocol = ours.to_vec();
    foreign_protocol[9] = 132;
    refused(quoting(&foreign_protocol), Refusal::IcmpIgnored);
    refused(craft::icmp(client, server, [4, 0], &ours), Refusal::IcmpSourceQuench);
    world.close_both(&pair);
    world.assert_quiet_end();
}

/// A packet that the server has not sent.
fn last_packet_of_others() -> Bytes {
    craft::udp(Client.addr(1), Server.addr(2), b"somebody else's")
}

#[test]
fn an_error_about_a_connection_in_time_wait_is_stray() {
    let mut world = world();
    let pair = world.open();
    world.close_both(&pair);
    world.pass(SECOND);
    let closed_first = if world.stack(Client).time_wait.is_empty() { Server } else { Client };
    report(&mut world, closed_first, [3, 3]);
    assert_eq!(world.refused(closed_first, Refusal::IcmpQuoteStray), 1);
    world.assert_quiet_end();
}

fn path_mtus(world: &World, side: Side) -> Vec<u16> {
    let mtu = |(_, by, event): (_, Side, Event)| match event {
        Event::PathMtu { mtu, .. } if by == side => Some(mtu),
        _ => None,
    };
    world.events().into_iter().filter_map(mtu).collect()
}

#[test]
fn a_transfer_over_a_smaller_mtu_in_the_middle_completes() {
    const LEN: usize = 300_000;
    for (middle, used) in [(1499, 1499), (1400, 1400), (1000, 1000), (552, 552), (300, 552)] {
        let mut world = world();
        world.observe();
        world.middle = middle;
        let pair = world.open();
        let start = world.now;
        world.duplex(&pair, [LEN, LEN], 10 * SECOND);
        assert!(world.now - start < SECOND, "{middle}: no time-out is waited for");
        for side in Side::BOTH {
            assert_eq!(path_mtus(&world, side), [used]);
            let info = world.info(side, pair.of(side));
            assert_eq!((info.mss, info.ssthresh), (used - 52, None), "no loss was seen");
            let counters = world.stack(side).counters();
            assert_eq!(counters.icmp_errors_received, 1);
            assert_eq!(counters.refusals.of(Refusal::IcmpMtuNotSmaller), 9, "the initial window");
            let texts: Vec<_> = world.texts_by(side).collect();
            let larger = |len: usize| len + 52 > usize::from(used);
            let too_large = texts.iter().filter(|(_, text)| larger(text.payload.len()));
            assert_eq!(too_large.count(), 10, "{middle}: the initial window");
        }
        world.close_both(&pair);
        world.assert_quiet_end();
    }
}

/// The path changes in the middle of a transfer, twice.
#[test]
fn a_path_that_gets_smaller_is_followed_down() {
    let mut world = world();
    world.observe();
    let pair = world.open();
    world.stream(&pair, Server, 100_000);
    for (nth, mtu) in [1200, 900].into_iter().enumerate() {
        world.middle = mtu;
        world.stream(&pair, Server, 100_000);
        assert_eq!(path_mtus(&world, Server)[nth..], [mtu]);
    }
    world.middle = u16::MAX;
    world.stream(&pair, Server, 100_000);
    assert_eq!(world.info(Server, pair.server).mss, 900 - 52, "it never grows again");
    world.close_both(&pair);
    world.assert_quiet_end();
}

#[test]
fn the_observer_sees_what_the_network_reported() {
    let mut world = world();
    world.observe();
    world.judge = drop_all();
    let client = world.connect();
    world.turn();
    report(&mut world, Client, [11, 0]);
    let seen = |(_, _, event): &(_, Side, Event)| {
        matches!(event, Event::IcmpError { report: Report::TimeExceeded, .. })
    };
    assert_eq!(world.events().iter().filter(|event| seen(event)).count(), 1);
    world.close(Client, client);
    world.assert_quiet_end();
}
