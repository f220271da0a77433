//! Keepalive: each side answers the other's probes, and finds out that the other is gone.

use glasstcp::event::State;
use glasstcp::stack::SocketError;
use glasstcp::tcp::Keepalive;
use smoltcp::socket::tcp;
use smoltcp::time::Duration as TheirDuration;

use super::link::Side;
use super::world::{Half, Setup, World, seconds};

#[test]
fn we_answer_their_probes() {
    for their_timestamps in [false, true] {
        for client in Side::BOTH {
            let mut world = World::new(Setup { their_timestamps, ..Setup::default() });
            let conn = world.open(client);
            let socket = world.theirs.tcp(conn.theirs);
            socket.set_keep_alive(Some(TheirDuration::from_secs(10)));
            socket.set_timeout(Some(TheirDuration::from_secs(25)));
            world.pass(seconds(3600));
            assert_eq!(world.their_state(conn), tcp::State::Established);
            assert_eq!(world.our_state(conn), State::Established);
            world.transfer(conn, [10_000, 10_000], seconds(5));

            let conn = world.open(client);
            let socket = world.theirs.tcp(conn.theirs);
            socket.set_keep_alive(Some(TheirDuration::from_secs(10)));
            socket.set_timeout(Some(TheirDuration::from_secs(25)));
            world.pass(seconds(60));
            world.link.loss = 100;
            world.run(seconds(30), |world| world.their_state(conn) == tcp::State::Closed);
        }
    }
}

#[test]
fn they_answer_our_probes() {
    for their_timestamps in [false, true] {
        for client in Side::BOTH {
            let keepalive = Keepalive { idle: seconds(10), interval: seconds(1), count: 3 };
            let mut setup = Setup { their_timestamps, ..Setup::default() };
            setup.ours.keepalive = Some(keepalive);
            let mut world = World::new(setup);
            let conn = world.open(client);
            world.pass(seconds(3600));
            assert_eq!(world.our_state(conn), State::Established);
            world.transfer(conn, [10_000, 10_000], seconds(5));

            let conn = world.open(client);
            world.pass(seconds(60));
            world.link.loss = 100;
            world.run(seconds(15), |world| world.our_state(conn) == State::Closed);
            let timed_out = Err(Half::Failed(Some(SocketError::TimedOut)));
            assert_eq!(world.read(super::link::Ours, conn, 1), timed_out);
        }
    }
}
