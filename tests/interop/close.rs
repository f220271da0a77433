//! Every order of closing, and aborting.

use glasstcp::event::State;
use glasstcp::stack::SocketError;
use smoltcp::socket::tcp;

use super::link::{Ours, Side, Theirs};
use super::world::{Conn, Half, Setup, World, pattern, seconds};

fn with_each_client(test: impl Fn(&mut World, Conn)) {
    for client in Side::BOTH {
        let mut world = World::new(Setup::default());
        let conn = world.open(client);
        test(&mut world, conn);
    }
}

fn until_ended(world: &mut World, at: Side, conn: Conn) {
    world.run(seconds(60), |world| world.read(at, conn, 1) == Err(Half::Ended));
}

#[test]
fn we_close_first() {
    with_each_client(|world, conn| {
        world.shutdown(Ours, conn);
        assert_eq!(world.our_state(conn), State::FinWait1);
        until_ended(world, Theirs, conn);
        assert_eq!(world.their_state(conn), tcp::State::CloseWait);
        world.run(seconds(5), |world| world.our_state(conn) == State::FinWait2);
        world.shutdown(Theirs, conn);
        until_ended(world, Ours, conn);
        assert_eq!(world.our_state(conn), State::TimeWait);
        world.run(seconds(5), |world| world.their_state(conn) == tcp::State::Closed);
        world.finish(conn);
    });
}

#[test]
fn they_close_first() {
    with_each_client(|world, conn| {
        world.shutdown(Theirs, conn);
        until_ended(world, Ours, conn);
        assert_eq!(world.our_state(conn), State::CloseWait);
        world.run(seconds(5), |world| world.their_state(conn) == tcp::State::FinWait2);
        world.shutdown(Ours, conn);
        assert_eq!(world.our_state(conn), State::LastAck);
        until_ended(world, Theirs, conn);
        assert_eq!(world.their_state(conn), tcp::State::TimeWait);
        world.run(seconds(5), |world| world.our_state(conn) == State::Closed);
        world.finish(conn);
    });
}

#[test]
fn both_close_at_once() {
    with_each_client(|world, conn| {
        world.shutdown(Ours, conn);
        world.shutdown(Theirs, conn);
        let mut was_closing = false;
        world.run(seconds(5), |world| {
            was_closing |= world.our_state(conn) == State::Closing;
            world.our_state(conn) == State::TimeWait
                && world.their_state(conn) == tcp::State::TimeWait
        });
        assert!(was_closing);
        world.finish(conn);
    });
}

/// The same with one of the segments lost, whichever.
#[test]
fn both_close_at_once_over_a_bad_link() {
    for lost in 1..=8 {
        with_each_client(|world, conn| {
            let mut count = 0;
            world.link.judge = Box::new(move |_, _| {
                count += 1;
                count == lost
            });
            world.shutdown(Ours, conn);
            world.shutdown(Theirs, conn);
            until_ended(world, Ours, conn);
            until_ended(world, Theirs, conn);
            world.finish(conn);
        });
    }
}

/// One side has closed, the other goes on sending for long.
#[test]
fn half_close() {
    for closes_first in Side::BOTH {
        with_each_client(|world, conn| {
            world.shutdown(closes_first, conn);
            until_ended(world, closes_first.other(), conn);
            world.pass(seconds(100));
            let (data, mut received) = (pattern(300_000, closes_first.other()), Vec::new());
            let mut written = 0;
            world.run(seconds(60), |world| {
                written += world.write(closes_first.other(), conn, &data[written..]);
                world.drain(closes_first, conn, &mut received);
                received.len() == data.len()
            });
            assert_eq!(received, data);
            world.shutdown(closes_first.other(), conn);
            until_ended(world, closes_first, conn);
            world.finish(conn);
        });
    }
}

/// A FIN that follows unsent data is sent after it; it is lost, or its acknowledgment is.
#[test]
fn the_fin_or_its_acknowledgment_is_lost() {
    for from in Side::BOTH {
        for of_fin in [true, false] {
            with_each_client(|world, conn| {
                let (mut fins, mut lost) = (0, 0);
                world.link.judge = Box::new(move |side, segment| {
                    fins += u32::from(segment.fin && side == from);
                    let it = if of_fin { segment.fin } else { side != from && fins > 0 };
                    lost += u32::from(it);
                    it && lost <= 2
                });
                world.transfer(conn, [50_000, 50_000], seconds(60));
                world.finish(conn);
            });
        }
    }
}

#[test]
fn we_abort() {
    with_each_client(|world, conn| {
        world.write(Theirs, conn, b"unread");
        world.pass(seconds(1));
        world.ours.abort(conn.ours);
        assert_eq!(world.read(Ours, conn, 100).unwrap(), &b"unread"[..]);
        assert_eq!(world.read(Ours, conn, 1), Err(Half::Failed(Some(SocketError::Aborted))));
        world.run(seconds(5), |world| world.their_state(conn) == tcp::State::Closed);
        assert_eq!(world.read(Theirs, conn, 1), Err(Half::Failed(None)));
        world.finish(conn);
    });
}

#[test]
fn they_abort() {
    with_each_client(|world, conn| {
        world.write(Ours, conn, b"unread");
        world.pass(seconds(1));
        world.theirs.tcp(conn.theirs).abort();
        let reset = Err(Half::Failed(Some(SocketError::Reset)));
        world.run(seconds(5), |world| world.read(Ours, conn, 1) == reset);
        world.finish(conn);
    });
}

/// Aborting with data in flight in both directions.
#[test]
fn abort_in_the_middle_of_everything() {
    for aborts in Side::BOTH {
        with_each_client(|world, conn| {
            world.write(Ours, conn, &pattern(500_000, Ours));
            world.write(Theirs, conn, &pattern(60_000, Theirs));
            world.pass(4 * world.link.delay);
            match aborts {
                Ours => world.ours.abort(conn.ours),
                Theirs => world.theirs.tcp(conn.theirs).abort(),
            }
            let mut rest = Vec::new();
            world.run(seconds(60), |world| match aborts {
                Ours => world.their_state(conn) == tcp::State::Closed,
                Theirs => matches!(world.drain(Ours, conn, &mut rest), Half::Failed(_)),
            });
            world.finish(conn);
        });
    }
}

/// The reset is lost: the next segment of the other side is answered with another.
#[test]
fn the_reset_is_lost() {
    for aborts in Side::BOTH {
        with_each_client(|world, conn| {
            let mut resets = 0;
            world.link.judge = Box::new(move |_, segment| {
                resets += u32::from(segment.rst);
                segment.rst && resets == 1
            });
            match aborts {
                Ours => world.ours.abort(conn.ours),
                Theirs => world.theirs.tcp(conn.theirs).abort(),
            }
            world.pass(seconds(1));
            world.write(aborts.other(), conn, b"still there?");
            world.run(seconds(60), |world| match aborts {
                Ours => world.their_state(conn) == tcp::State::Closed,
                Theirs => world.our_state(conn) == State::Closed,
            });
            world.finish(conn);
        });
    }
}

/// RFC 2525 2.17: closing with unread data resets.
#[test]
fn we_close_without_reading() {
    with_each_client(|world, conn| {
        world.write(Theirs, conn, b"unread");
        world.pass(seconds(1));
        world.ours.close(conn.ours);
        world.run(seconds(5), |world| world.their_state(conn) == tcp::State::Closed);
        assert_eq!(world.read(Theirs, conn, 1), Err(Half::Failed(None)));
        world.finish(conn);
    });
}

/// RFC 9293 3.6.1: data for a socket that nobody reads from any more resets.
#[test]
fn they_send_after_we_let_go() {
    with_each_client(|world, conn| {
        world.ours.close(conn.ours);
        world.pass(seconds(1));
        assert_eq!(world.their_state(conn), tcp::State::CloseWait);
        world.write(Theirs, conn, b"too late");
        world.run(seconds(5), |world| world.their_state(conn) == tcp::State::Closed);
        world.finish(conn);
    });
}

/// They never close: a connection that we have let go of does not stay for ever.
#[test]
fn they_never_close() {
    with_each_client(|world, conn| {
        world.ours.close(conn.ours);
        world.pass(seconds(59));
        assert_eq!(world.ours.connection_count(), 1);
        world.pass(seconds(2));
        assert_eq!(world.ours.connection_count(), 0);
        world.shutdown(Theirs, conn);
        world.run(seconds(5), |world| world.their_state(conn) == tcp::State::Closed);
    });
}
