//! The list of what a stack has, and ending connections from outside.

use super::world::Side::{self, Client, Server};
use super::world::{PORT, World, craft};
use crate::event::{Cause, Event, State, TimerKind};
use crate::stack::Entry;
use crate::tcp::Endpoints;
use crate::time::Duration;
use crate::wire::SeqNum;
use crate::wire::tcp::Flags;

const SECOND: Duration = Duration::from_secs(1);

fn entries(world: &mut World, side: Side) -> Vec<Entry> {
    let stack = world.stack(side);
    let keys = stack.entry_keys();
    keys.into_iter().map(|key| stack.entry(key).expect("it is there")).collect()
}

/// A SYN from a stranger, who will say nothing more.
fn half_open(world: &mut World) -> Endpoints {
    let remote = ([10, 0, 0, 77], 7000).into();
    let local = Server.addr(PORT);
    let syn = craft::segment(remote, local, SeqNum::new(1), SeqNum::default(), Flags::SYN);
    world.inject(Server, craft::tcp(remote, local, &syn));
    world.turn();
    Endpoints { local, remote }
}

#[test]
fn everything_is_listed_as_it_is() {
    let mut world = World::new();
    let pair = world.open();
    let udp = world.stack(Server).udp_bind(Server.addr(7)).unwrap();
    world.stack(Server).udp_connect(udp, Client.addr(9)).unwrap();
    let stranger = half_open(&mut world);
    let ended = world.open_another();
    world.shutdown(Server, ended.server);
    world.pass(SECOND / 10);
    world.close_both(&ended);
    world.write_all(Client, pair.client, b"text");
    world.pass(SECOND / 4);

    let all = entries(&mut world, Server);
    let listener = Entry::Listener { local: Server.addr(PORT), waiting: 0, backlog: 16 };
    assert!(
        matches!(&all[0], Entry::Listener { local, waiting: 0, .. } if *local == Server.addr(PORT)),
        "{listener:?}"
    );
    let peer = Some(Client.addr(9));
    assert_eq!(all[1], Entry::Udp { local: Server.addr(7), peer, queued: 0 });
    let Entry::Connection { info, owned: true, .. } = &all[2] else { panic!("{:?}", all[2]) };
    assert_eq!((info.state, info.receive_queue), (State::Established, 4));
    assert_eq!(info.local, Server.addr(PORT));
    assert!(matches!(&all[3], Entry::HalfOpen { ends, .. } if *ends == stranger), "{:?}", all[3]);
    let Entry::TimeWait { ends, left, .. } = &all[4] else { panic!("{:?}", all[4]) };
    assert_eq!(ends.local, Server.addr(PORT));
    assert!(*left > 59 * SECOND && *left <= 60 * SECOND, "{left:?}");
    assert_eq!(all.len(), 5);

    let all = entries(&mut world, Client);
    assert!(
        matches!(&all[0], Entry::Connection { timer: None, .. }),
        "nothing is on its way: {all:?}"
    );
}

#[test]
fn the_next_timer_is_told_with_how_long_it_runs() {
    let mut world = World::new();
    let pair = world.open();
    world.judge = super::world::drop_all();
    world.write_all(Client, pair.client, b"text");
    world.pass(SECOND);
    let all = entries(&mut world, Client);
    let Entry::Connection { timer: Some((TimerKind::Retransmission, left)), tries, .. } = &all[0]
    else {
        panic!("{all:?}")
    };
    assert!(*left > Duration::ZERO && *left < 2 * SECOND, "{left:?}");
    assert!(*tries > 0);
}

#[test]
fn a_look_leaves_what_is_parked_as_it_is() {
    let mut world = World::new();
    let pair = world.open();
    world.pass(5 * SECOND);
    let is_parked = |world: &mut World| {
        let key = pair.server;
        world.stack(Server).connections.get(key).is_some_and(|one| one.tcb.is_parked())
    };
    assert!(is_parked(&mut world));
    assert!(
        entries(&mut world, Server).iter().any(|entry| matches!(entry, Entry::Connection { .. }))
    );
    assert!(is_parked(&mut world));
}

#[test]
fn what_is_gone_when_its_turn_comes_is_left_out() {
    let mut world = World::new();
    let pair = world.open();
    let keys = world.stack(Client).entry_keys();
    assert_eq!(keys.len(), 1);
    world.abort(Client, pair.client);
    world.close(Client, pair.client);
    world.pass(SECOND);
    assert_eq!(world.stack(Client).entry(keys[0]), None);
}

#[test]
fn a_connection_is_ended_from_outside() {
    let mut world = World::new();
    world.observe();
    let pair = world.open();
    let ends = world.info(Server, pair.server);
    let ends = Endpoints { local: ends.local, remote: ends.remote };
    assert!(world.stack(Server).kill(ends));
    assert!(!world.stack(Server).kill(ends), "it is gone");
    world.pass(SECOND);
    assert!(world.read(Client, pair.client).is_some_and(|read| read.is_err()), "a reset has come");
    assert!(world.read(Server, pair.server).is_some_and(|read| read.is_err()));
    let killed = |(_, side, event): &(_, Side, Event)| {
        *side == Server && matches!(event, Event::StateChanged { cause: Cause::Killed, .. })
    };
    assert!(world.events().iter().any(killed));

    let stranger = half_open(&mut world);
    assert!(world.stack(Server).kill(stranger));
    assert_eq!(world.stack(Server).tables().half_open, 0);

    let pair = world.open_another();
    let info = world.info(Client, pair.client);
    world.shutdown(Client, pair.client);
    world.pass(SECOND / 10);
    world.close_both(&pair);
    world.pass(SECOND / 10);
    assert_eq!(world.stack(Client).tables().time_wait, 1);
    assert!(world.stack(Client).kill(Endpoints { local: info.local, remote: info.remote }));
    assert_eq!(world.stack(Client).tables().time_wait, 0);
}
