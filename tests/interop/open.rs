//! Opening: refused, lost, simultaneous, a port used again, a peer that has forgotten.

use glasstcp::event::State;
use glasstcp::stack::SocketError;
use smoltcp::socket::tcp;

use super::link::{Ours, Side, Theirs};
use super::world::{
    CLIENT_PORT, Conn, Half, PORT, Setup, World, our_address, our_stack, seconds, their_address,
};

#[test]
fn nobody_listens_at_their_side() {
    let mut world = World::new(Setup::default());
    let key = world.ours.connect(None, their_address(81), None).unwrap();
    let begun = world.now;
    world.run(seconds(1), |world| world.connected(key) == Some(Err(SocketError::Refused)));
    assert_eq!(world.now.since(begun), 2 * world.link.delay, "refused at once");
}

#[test]
fn nobody_listens_at_our_side() {
    let mut world = World::new(Setup::default());
    let handle = world.their_socket();
    world.their_connect(handle, CLIENT_PORT, 81);
    let begun = world.now;
    world.run(seconds(1), |world| world.theirs.tcp(handle).state() == tcp::State::Closed);
    assert_eq!(world.now.since(begun), 2 * world.link.delay, "refused at once");
    assert_eq!(world.ours.counters().tcp_resets_sent, 1);
}

#[test]
fn syns_are_lost() {
    for client in Side::BOTH {
        let mut world = World::new(Setup::default());
        let mut lost = 0;
        world.link.judge = Box::new(move |_, segment| {
            lost += u32::from(segment.syn);
            segment.syn && lost <= 3
        });
        let conn = world.open(client);
        world.transfer(conn, [1000, 1000], seconds(60));
        world.finish(conn);
    }
}

#[test]
fn nobody_answers_our_syn() {
    let mut world = World::new(Setup::default());
    world.link.loss = 100;
    let key = world.ours.connect(None, their_address(PORT), None).unwrap();
    let begun = world.now;
    world.run(seconds(300), |world| world.connected(key) == Some(Err(SocketError::TimedOut)));
    // 1 + 2 + 4 + 8 + 16 + 32 + 64 (RFC 6298 5.5).
    assert_eq!(world.now.since(begun).as_secs(), 127);
}

#[test]
fn both_open_at_once() {
    for their_timestamps in [false, true] {
        for lost in 0..5 {
            let mut world = World::new(Setup { their_timestamps, ..Setup::default() });
            let mut count = 0;
            world.link.judge = Box::new(move |_, _| {
                count += 1;
                count == lost
            });
            let theirs = world.their_socket();
            world.their_connect(theirs, CLIENT_PORT, PORT);
            let local = Some(our_address(PORT));
            let ours = world.ours.connect(local, their_address(CLIENT_PORT), None).unwrap();
            let conn = Conn { ours, theirs };
            world.run(seconds(60), |world| {
                world.our_state(conn) == State::Established
                    && world.their_state(conn) == tcp::State::Established
            });
            world.transfer(conn, [100_000, 100_000], seconds(60));
            world.finish(conn);
        }
    }
}

/// Their port is used again while ours is in TIME-WAIT: at once when timestamps prove the new SYN
/// new, when the time is over otherwise (their sequence numbers are random).
#[test]
fn a_port_is_used_again() {
    for their_timestamps in [false, true] {
        let mut world = World::new(Setup { their_timestamps, ..Setup::default() });
        let conn = world.open(Theirs);
        world.shutdown(Ours, conn);
        world.run(seconds(5), |world| world.read(Theirs, conn, 1) == Err(Half::Ended));
        world.shutdown(Theirs, conn);
        world.run(seconds(5), |world| world.our_state(conn) == State::TimeWait);
        world.run(seconds(5), |world| world.their_state(conn) == tcp::State::Closed);
        let begun = world.now;
        let again = world.open(Theirs);
        let waited = world.now.since(begun);
        assert!(waited < seconds(if their_timestamps { 1 } else { 130 }), "{waited:?}");
        world.transfer(again, [1000, 1000], seconds(5));
        world.finish(again);
    }
}

/// They lost all memory of a connection and open it again with the same port (RFC 5961 4.2): our
/// challenge makes them reset the old one, and the SYN that follows opens the new one.
#[test]
fn they_restart_and_use_the_same_port() {
    let mut world = World::new(Setup::default());
    let old = world.open(Theirs);
    world.theirs.sockets.remove(old.theirs);
    let new = world.open(Theirs);
    assert_eq!(world.read(Ours, old, 1), Err(Half::Failed(Some(SocketError::Reset))));
    world.transfer(new, [1000, 1000], seconds(5));
    world.ours.close(old.ours);
    world.finish(new);
}

/// We lost all memory of a connection: their next segment is answered by a reset.
#[test]
fn we_restart_and_they_learn_of_it() {
    let mut world = World::new(Setup::default());
    let conn = world.open(Theirs);
    world.ours = our_stack(&Setup::default(), 4);
    world.write(Theirs, conn, b"anybody there?");
    world.run(seconds(5), |world| world.their_state(conn) == tcp::State::Closed);
}

/// We lost all memory and open the same connection again. RFC 9293 3.10.7.4 has them challenge our
/// SYN, but smoltcp drops it; its keepalive does the same: we reset it, and our next SYN is answered.
#[test]
fn we_restart_and_use_the_same_port() {
    let mut world = World::new(Setup::default());
    let theirs = world.their_listener();
    let local = Some(our_address(CLIENT_PORT));
    let ours = world.ours.connect(local, their_address(PORT), None).unwrap();
    world.run(seconds(5), |world| world.connected(ours) == Some(Ok(())));
    let old = Conn { ours, theirs };
    world.run(seconds(5), |world| world.their_state(old) == tcp::State::Established);
    world.theirs.tcp(theirs).set_keep_alive(Some(smoltcp::time::Duration::from_secs(10)));

    world.ours = our_stack(&Setup::default(), 4);
    let theirs = world.their_listener();
    let ours = world.ours.connect(local, their_address(PORT), None).unwrap();
    world.run(seconds(40), |world| world.connected(ours) == Some(Ok(())));
    assert_eq!(world.their_state(old), tcp::State::Closed);
    let new = Conn { ours, theirs };
    world.run(seconds(5), |world| world.their_state(new) == tcp::State::Established);
    world.transfer(new, [1000, 1000], seconds(5));
    world.finish(new);
}
