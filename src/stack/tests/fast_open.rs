//! TCP Fast Open between two stacks (RFC 7413).

use bytes::Bytes;

use super::world::Side::{Client, Server};
use super::world::{Fate, PORT, Pair, Random, World, craft, cx, drop_numbers, is};
use crate::event::{Refusal, State, Why};
use crate::stack::{ConnKey, FastAccept, ListenerKey, SocketError};
use crate::tcp::{CookieKeys, FastConnect};
use crate::time::Duration;
use crate::wire::SeqNum;
use crate::wire::tcp::{Flags, Segment};
use crate::wire::tcp_options::{Cookie, FastOpen, Form};

const REQUEST: &[u8] = b"question";

fn world() -> World {
    World::with(|_, config| config.fast_accept = Some(FastAccept::new(4)))
}

/// Opens fast with `data`, and says how much was taken.
fn connect(world: &mut World, data: &[u8]) -> (ConnKey, usize) {
    world.stack(Client).connect_fast(None, Server.addr(PORT), None, data).unwrap()
}

/// Has the client get a cookie, by a connection that is over afterwards.
fn get_cookie(world: &mut World, listener: ListenerKey) {
    let (client, taken) = connect(world, REQUEST);
    assert_eq!(taken, 0, "no cookie is known");
    let pair = world.accepted(listener, client);
    world.close_both(&pair);
    world.pass(Duration::from_secs(130));
    world.trace.clear();
}

/// A client that has a cookie of the server, and the server's listener.
fn prepared() -> (World, ListenerKey) {
    let mut world = world();
    let listener = world.listen();
    get_cookie(&mut world, listener);
    (world, listener)
}

fn option(segment: &Segment) -> Option<&FastOpen> {
    segment.options.fast_open.as_deref()
}

fn end(mut world: World, pair: &Pair) {
    world.close_both(pair);
    world.assert_quiet_end();
}

#[test]
fn the_first_connection_gets_a_cookie_and_the_next_one_is_open_at_once() {
    let mut world = world();
    let listener = world.listen();
    let (client, taken) = connect(&mut world, REQUEST);
    assert_eq!(taken, 0);
    let pair = world.accepted(listener, client);
    assert_eq!(world.shape(0), ["C SYN", "S SYN,ACK", "C ACK"]);
    assert_eq!(option(&world.trace[0].2).map(|one| one.cookie.is_request()), Some(true));
    let cookie = option(&world.trace[1].2).unwrap().clone();
    assert_eq!((cookie.cookie.bytes().len(), cookie.form), (8, Form::Standard));
    world.close_both(&pair);
    world.pass(Duration::from_secs(130));

    let from = world.trace.len();
    let (client, taken) = connect(&mut world, REQUEST);
    assert_eq!(taken, REQUEST.len());
    world.pass(Duration::from_millis(5));
    let server = world.accept(listener).expect("the SYN has arrived, and nothing else");
    assert_eq!(world.state(Server, server), State::SynReceived);
    world.expect(Server, server, REQUEST);
    world.write_all(Server, server, b"answer");
    world.pass(Duration::from_millis(50));
    assert_eq!(world.shape(from)[..4], ["C SYN 8", "S SYN,ACK", "S PSH,ACK 6", "C ACK"]);
    assert_eq!(option(&world.trace[from].2), Some(&cookie));
    assert_eq!(option(&world.trace[from + 1].2), None, "it is still good");
    world.expect(Client, client, b"answer");
    let pair = Pair { client, server };
    assert_eq!(world.states(&pair), (State::Established, State::Established));
    for side in [Client, Server] {
        assert!(world.info(side, pair.of(side)).syn_text);
    }
    assert_eq!(world.stack(Client).counters().tcp_fast_active_opens, 1);
    let counters = world.stack(Server).counters();
    assert_eq!((counters.tcp_fast_passive_opens, counters.tcp_cookies_sent), (1, 1));
    assert_eq!(counters.tcp_passive_opens, 2);
    end(world, &pair);
}

#[test]
fn a_listener_that_does_not_allow_it_opens_as_usual() {
    let mut world = World::new();
    let listener = world.listen();
    let forms = [Form::Standard, Form::Experimental, Form::Standard, Form::Standard];
    for form in forms {
        let from = world.trace.len();
        let (client, taken) = connect(&mut world, REQUEST);
        assert_eq!(taken, 0);
        let pair = world.accepted(listener, client);
        assert_eq!(option(&world.trace[from].2).unwrap().form, form);
        assert_eq!(option(&world.trace[from + 1].2), None);
        world.write_all(Client, client, REQUEST);
        world.pass(Duration::from_millis(50));
        world.expect(Server, pair.server, REQUEST);
        world.close_both(&pair);
        world.pass(Duration::from_secs(70));
    }
    world.assert_quiet_end();
}

#[test]
fn text_of_a_syn_whose_cookie_is_wrong_goes_again_and_the_right_one_is_learned() {
    let (mut world, listener) = prepared();
    world.stack(Server).set_cookie_keys(CookieKeys::new([7; 16]));
    let (client, taken) = connect(&mut world, REQUEST);
    assert_eq!(taken, REQUEST.len());
    let pair = world.accepted(listener, client);
    world.pass(Duration::from_millis(50));
    assert_eq!(world.shape(0)[..3], ["C SYN 8", "S SYN,ACK", "C PSH,ACK 8"]);
    assert_eq!(world.trace[1].2.ack, world.trace[0].2.seq + 1);
    assert_ne!(option(&world.trace[1].2), option(&world.trace[0].2));
    assert_eq!(world.refused(Server, Refusal::FastOpenCookie), 1);
    assert_eq!(world.refused(Server, Refusal::ListenText), 1);
    world.expect(Server, pair.server, REQUEST);
    assert!(!world.info(Client, client).syn_text);
    world.close_both(&pair);
    world.pass(Duration::from_secs(130));
    let (client, _) = connect(&mut world, REQUEST);
    world.pass(Duration::from_millis(5));
    let server = world.accept(listener).unwrap();
    world.expect(Server, server, REQUEST);
    end(world, &Pair { client, server });
}

#[test]
fn the_cookie_of_the_key_before_is_good_and_is_replaced() {
    let (mut world, listener) = prepared();
    let mut keys = world.stack(Server).cookie_keys().clone();
    keys.change([7; 16]);
    world.stack(Server).set_cookie_keys(keys.clone());
    let (client, _) = connect(&mut world, REQUEST);
    world.pass(Duration::from_millis(20));
    let server = world.accept(listener).unwrap();
    world.expect(Server, server, REQUEST);
    let new = keys.cookie(Client.ip(), Server.ip());
    assert_eq!(option(&world.trace[1].2).map(|one| &one.cookie), Some(&new));
    end(world, &Pair { client, server });
}

#[test]
fn a_listener_may_have_keys_of_its_own() {
    let (mut world, listener) = prepared();
    let own = CookieKeys::new([5; 16]);
    world.stack(Server).set_listener_cookie_keys(listener, Some(own.clone())).unwrap();
    let (client, _) = connect(&mut world, REQUEST);
    let pair = world.accepted(listener, client);
    let given = option(&world.trace[1].2).map(|one| one.cookie.clone());
    assert_eq!(given, Some(own.cookie(Client.ip(), Server.ip())));
    end(world, &pair);
}

/// A SYN with a good cookie and text, from this port.
fn forged(world: &mut World, port: u16) -> Bytes {
    let cookie = world.stack(Server).cookie_keys().cookie(Client.ip(), Server.ip());
    let (from, to) = (Client.addr(port), Server.addr(PORT));
    let mut syn = craft::segment(from, to, SeqNum::new(1000), SeqNum::default(), Flags::SYN);
    syn.options.fast_open = Some(Box::new(FastOpen { cookie, form: Form::Experimental }));
    syn.payload = Bytes::from_static(REQUEST);
    craft::tcp(from, to, &syn)
}

#[test]
fn only_so_many_are_opened_fast_that_nobody_has_confirmed_rfc_7413_5_1() {
    let mut world = world();
    world.checker = None;
    let listener = world.listen();
    // The client knows nothing of these and resets them; the resets do not arrive.
    world.judge = Box::new(|_, segment| if segment.rst() { Fate::Drop } else { Fate::Deliver });
    for port in 1..=5 {
        let syn = forged(&mut world, port);
        world.inject(Server, syn);
        world.turn();
    }
    assert_eq!(world.stack(Server).counters().tcp_fast_passive_opens, 4);
    assert_eq!(world.refused(Server, Refusal::FastOpenQueueFull), 1);
    assert_eq!(world.stack(Server).tables().half_open, 1, "the fifth is opened as usual");
    assert_eq!(world.sent_by(Server).filter(|(_, seg)| option(seg).is_some()).count(), 0);
    // Resets make no room before a minute is over: a victim of forged addresses would send them.
    let resets = |world: &mut World| {
        for port in 1..=5 {
            let (from, to) = (Client.addr(port), Server.addr(PORT));
            let seq = SeqNum::new(1000 + 1) + REQUEST.len() as u32;
            let reset = craft::segment(from, to, seq, SeqNum::default(), Flags::RST);
            world.inject(Server, craft::tcp(from, to, &reset));
        }
        world.turn();
    };
    resets(&mut world);
    for (wait, opened) in [(0, 4), (59, 4), (2, 5)] {
        world.pass(Duration::from_secs(wait));
        let syn = forged(&mut world, 100 + wait as u16);
        world.inject(Server, syn);
        world.turn();
        assert_eq!(world.stack(Server).counters().tcp_fast_passive_opens, opened, "{wait}");
    }
    // Those that were reset can be accepted, and what they sent is there.
    for _ in 0..4 {
        let server = world.accept(listener).unwrap();
        assert_eq!(world.read(Server, server), Some(Ok(Bytes::from_static(REQUEST))));
        assert_eq!(world.read(Server, server), Some(Err(SocketError::Reset)));
        world.close(Server, server);
    }
}

#[test]
fn a_confirmed_one_makes_room_for_the_next() {
    let mut world = World::with(|_, config| config.fast_accept = Some(FastAccept::new(1)));
    let listener = world.listen();
    get_cookie(&mut world, listener);
    for _ in 0..5 {
        let (client, taken) = connect(&mut world, REQUEST);
        assert_eq!(taken, REQUEST.len());
        let pair = world.accepted(listener, client);
        world.pass(Duration::from_millis(20));
        world.expect(Server, pair.server, REQUEST);
        world.close_both(&pair);
    }
    assert_eq!(world.stack(Server).counters().tcp_fast_passive_opens, 5);
    world.assert_quiet_end();
}

#[test]
fn without_cookies_text_is_accepted_from_anybody() {
    let mut world = World::with(|_, config| {
        config.fast_accept = Some(FastAccept { max_pending: 4, needs_cookie: false });
        config.tcp.fast_connect = FastConnect::NoCookie;
    });
    let listener = world.listen();
    let (client, taken) = connect(&mut world, REQUEST);
    assert_eq!(taken, REQUEST.len());
    world.pass(Duration::from_millis(5));
    let server = world.accept(listener).unwrap();
    world.expect(Server, server, REQUEST);
    world.pass(Duration::from_millis(50));
    assert!(world.trace.iter().all(|(_, _, segment)| option(segment).is_none()));
    end(world, &Pair { client, server });
}

#[test]
fn a_client_that_must_not_opens_as_usual() {
    let (mut world, listener) = prepared();
    let config = crate::tcp::Config {
        fast_connect: FastConnect::Off,
        ..world.stack(Client).config().tcp.clone()
    };
    let remote = Server.addr(PORT);
    let (client, taken) =
        world.stack(Client).connect_fast(None, remote, Some(config), REQUEST).unwrap();
    assert_eq!(taken, 0);
    let pair = world.accepted(listener, client);
    assert_eq!(world.shape(0), ["C SYN", "S SYN,ACK", "C ACK"]);
    assert_eq!(option(&world.trace[0].2), None);
    end(world, &pair);
}

/// Text twice lost in a row is one time too many: the path is taken not to let it through.
#[test]
fn a_path_that_loses_syns_with_text_gets_none_for_a_while() {
    let (mut world, listener) = prepared();
    let has_text = |segment: &Segment| is(segment, Flags::SYN) && !segment.payload.is_empty();
    world.judge =
        Box::new(move |_, segment| if has_text(segment) { Fate::Drop } else { Fate::Deliver });
    for taken in [8, 8, 0, 0] {
        let from = world.trace.len();
        let (client, now_taken) = connect(&mut world, REQUEST);
        assert_eq!(now_taken, taken);
        let pair = world.accepted(listener, client);
        world.pass(Duration::from_millis(50));
        if taken > 0 {
            let shape = ["C SYN 8", "C SYN", "S SYN,ACK", "C PSH,ACK 8"];
            assert_eq!(world.shape(from)[..4], shape);
            world.expect(Server, pair.server, REQUEST);
        }
        world.close_both(&pair);
        world.pass(Duration::from_secs(1));
    }
    world.pass(Duration::from_secs(245));
    world.judge = super::world::deliver_all();
    let (client, taken) = connect(&mut world, REQUEST);
    assert_eq!(taken, REQUEST.len(), "it is tried again");
    let pair = world.accepted(listener, client);
    world.expect(Server, pair.server, REQUEST);
    end(world, &pair);
}

#[test]
fn a_lost_answer_is_sent_again_to_the_syn_without_text() {
    let (mut world, listener) = prepared();
    let from_server = |side, segment: &Segment| side == Server && segment.syn();
    world.judge = drop_numbers([0, 1], from_server);
    world.observe();
    let (client, _) = connect(&mut world, REQUEST);
    let pair = world.accepted(listener, client);
    world.pass(Duration::from_millis(50));
    world.expect(Server, pair.server, REQUEST);
    assert!(world.info(Client, client).syn_text, "the answer acknowledges it all the same");
    assert!(world.whys(Server).contains(&Why::HandshakeAnswer));
    assert_eq!(world.texts_by(Client).count(), 1);
    end(world, &pair);
}

#[test]
fn a_server_that_closes_its_listener_resets_what_nobody_has_accepted() {
    let (mut world, listener) = prepared();
    let (client, _) = connect(&mut world, REQUEST);
    world.pass(Duration::from_millis(5));
    world.stack(Server).close_listener(listener);
    world.pass(Duration::from_millis(50));
    assert_eq!(world.shape(0)[..3], ["C SYN 8", "S SYN,ACK", "S RST,ACK"]);
    assert_eq!(world.read(Client, client), Some(Err(SocketError::Reset)));
    world.close(Client, client);
    world.assert_quiet_end();
}

#[test]
fn a_syn_with_text_may_take_the_place_of_a_connection_in_time_wait() {
    let (mut world, listener) = prepared();
    for round in 0..2 {
        let local = Some(Client.addr(4000));
        let remote = Server.addr(PORT);
        let (client, taken) =
            world.stack(Client).connect_fast(local, remote, None, REQUEST).unwrap();
        assert_eq!(taken, REQUEST.len());
        world.pass(Duration::from_millis(20));
        let server = world.accept(listener).unwrap();
        world.expect(Server, server, REQUEST);
        // The server closes first, so that the time to wait is its.
        world.close(Server, server);
        world.pass(Duration::from_millis(50));
        world.close(Client, client);
        world.pass(Duration::from_millis(50));
        assert_eq!(world.stack(Server).tables().time_wait, 1, "{round}");
    }
    assert_eq!(world.stack(Server).counters().tcp_fast_passive_opens, 2);
    world.assert_quiet_end();
}

#[test]
fn a_connection_opened_by_its_first_write_sends_nothing_before() {
    let (mut world, listener) = prepared();
    let remote = Server.addr(PORT);
    let (client, waits) = world.stack(Client).connect_by_write(None, remote, None).unwrap();
    assert!(waits);
    world.pass(Duration::from_secs(100));
    assert_eq!(world.shape(0), [""; 0]);
    world.write_all(Client, client, REQUEST);
    world.pass(Duration::from_millis(20));
    assert_eq!(world.shape(0)[..2], ["C SYN 8", "S SYN,ACK"]);
    let server = world.accept(listener).unwrap();
    world.expect(Server, server, REQUEST);
    end(world, &Pair { client, server });

    let mut world = World::new();
    let listener = world.listen();
    let (client, waits) = world.stack(Client).connect_by_write(None, remote, None).unwrap();
    assert!(!waits, "there is no cookie yet, and no text to wait for");
    let pair = world.accepted(listener, client);
    end(world, &pair);
}

/// What poll(2) says of either side: text can be read, and an answer written, before the client has confirmed; who waits
/// for connections hears of it.
#[test]
fn early_text_is_news() {
    const IN: u16 = 1;
    const OUT: u16 = 4;
    let (mut world, listener) = prepared();
    let news = world.stack(Server).watch_listener(listener, &mut cx()).unwrap().news;
    let (client, taken) = connect(&mut world, REQUEST);
    assert_eq!(taken, REQUEST.len());
    assert_eq!(world.stack(Client).readiness(client).unwrap().poll_bits(), 0, "SYN-SENT");
    world.pass(Duration::from_millis(5));
    let there = world.stack(Server).listener_readiness(listener).unwrap();
    assert_eq!((there.poll_bits(), there.news), (IN, news + 1));
    let server = world.accept(listener).unwrap();
    assert_eq!(world.state(Server, server), State::SynReceived);
    assert_eq!(world.stack(Server).readiness(server).unwrap().poll_bits(), IN | OUT);
    world.expect(Server, server, REQUEST);
    assert_eq!(world.stack(Server).readiness(server).unwrap().poll_bits(), OUT);
    world.pass(Duration::from_millis(50));
    assert_eq!(world.stack(Client).readiness(client).unwrap().poll_bits(), OUT);
    // One that waits for its first write can be written to.
    let remote = Server.addr(PORT);
    let (waiting, _) = world.stack(Client).connect_by_write(None, remote, None).unwrap();
    assert_eq!(world.stack(Client).readiness(waiting).unwrap().poll_bits(), OUT);
    world.stack(Client).close(waiting);
    end(world, &Pair { client, server });
}

/// The SYN and its text are one segment, whether the answer acknowledges both or the text goes again (as Linux counts,
/// tcpi_delivered).
#[test]
fn a_syn_with_text_is_delivered_as_one_segment() {
    let (mut world, listener) = prepared();
    let delivered = |world: &mut World, side, key| world.info(side, key).details.segments_delivered;
    let (client, _) = connect(&mut world, REQUEST);
    let pair = world.accepted(listener, client);
    world.pass(Duration::from_millis(50));
    assert_eq!(delivered(&mut world, Client, client), 1);
    assert_eq!(delivered(&mut world, Server, pair.server), 1);
    world.write_all(Client, client, &[7; 3000]);
    world.pass(Duration::from_millis(100));
    assert_eq!(delivered(&mut world, Client, client), 1 + 3);
    // A server that takes no text acknowledges the SYN alone.
    world.stack(Server).set_fast_accept(listener, None).unwrap();
    let (refused, _) = connect(&mut world, REQUEST);
    world.pass(Duration::from_millis(100));
    assert_eq!(delivered(&mut world, Client, refused), 2);
    world.stack(Client).close(refused);
    let server = world.accept(listener).unwrap();
    world.close_both(&pair);
    end(world, &Pair { client: refused, server });
}

#[test]
fn an_application_may_be_done_before_the_client_confirms() {
    let (mut world, listener) = prepared();
    let (client, _) = connect(&mut world, REQUEST);
    world.pass(Duration::from_millis(5));
    let server = world.accept(listener).unwrap();
    world.expect(Server, server, REQUEST);
    world.write_all(Server, server, b"answer");
    world.close(Server, server);
    world.pass(Duration::from_secs(1));
    world.expect(Client, client, b"answer");
    assert_eq!(world.read(Client, client), Some(Ok(Bytes::new())), "the end");
    world.close(Client, client);
    world.assert_quiet_end();
}

#[test]
fn a_router_in_the_middle_that_takes_less_gets_a_syn_without_text() {
    let (mut world, listener) = prepared();
    world.middle = 800;
    let data = super::world::pattern(1400);
    let (client, taken) = connect(&mut world, &data);
    assert_eq!(taken, 1400);
    let pair = world.accepted(listener, client);
    world.pass(Duration::from_millis(100));
    assert_eq!(world.shape(0)[..3], ["C SYN 1400", "C SYN", "S SYN,ACK"]);
    world.expect(Server, pair.server, &data);
    world.middle = u16::MAX;
    end(world, &pair);
}

#[test]
fn it_can_be_changed_while_it_listens() {
    let mut world = World::new();
    let listener = world.listen();
    assert_eq!(world.stack(Server).fast_accept(listener), None);
    let accept = FastAccept::new(3);
    world.stack(Server).set_fast_accept(listener, Some(accept)).unwrap();
    assert_eq!(world.stack(Server).fast_accept(listener), Some(accept));
    get_cookie(&mut world, listener);
    assert_eq!(world.stack(Server).counters().tcp_cookies_sent, 1);
    world.stack(Server).set_fast_accept(listener, None).unwrap();
    let (client, _) = connect(&mut world, REQUEST);
    let pair = world.accepted(listener, client);
    world.pass(Duration::from_millis(50));
    assert_eq!(world.shape(0)[..3], ["C SYN 8", "S SYN,ACK", "C PSH,ACK 8"]);
    world.expect(Server, pair.server, REQUEST);
    end(world, &pair);
}

/// Whatever is lost, twice there or late: the stream arrives once, and everything ends.
#[test]
fn chance_on_the_path_neither_loses_nor_doubles_what_goes_with_the_syn() {
    let mut fast = 0;
    for seed in 0..120 {
        let (mut world, listener) = prepared();
        let mut chance = Random::new(seed);
        world.judge = Box::new(move |_, _| match chance.below(10) {
            0..=1 => Fate::Drop,
            2 => Fate::Twice,
            3..=4 => Fate::Late(Duration::from_millis(40)),
            _ => Fate::Deliver,
        });
        let mut random = Random::new(seed + 1000);
        let len = random.below(4000) as usize + 1;
        let data = super::world::pattern(len);
        let (client, mut written) = connect(&mut world, &data);
        let (mut server, mut got, mut back) = (None, Vec::new(), Vec::new());
        let answer = super::world::pattern(random.below(20_000) as usize + 1);
        world.run(Duration::from_secs(400), |world| {
            if written < len
                && world.state(Client, client) != State::SynSent
                && let Some(taken) = world.write(Client, client, &data[written..])
            {
                written += taken.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            }
            server = server.or_else(|| {
                let server = world.accept(listener)?;
                world.write_all(Server, server, &answer);
                Some(server)
            });
            if let Some(server) = server {
                world.drain(Server, server, &mut got);
            }
            world.drain(Client, client, &mut back);
            got.len() >= len && back.len() >= answer.len()
        });
        assert!(got == data && back == answer, "seed {seed}");
        fast += world.stack(Server).counters().tcp_fast_passive_opens;
        world.judge = super::world::deliver_all();
        end(world, &Pair { client, server: server.unwrap() });
    }
    assert!(fast > 60, "most are opened fast: {fast}");
}

#[test]
fn a_cookie_that_is_none_is_not_taken_for_one() {
    let mut world = world();
    world.checker = None;
    world.listen();
    for (nth, len) in [4, 16].into_iter().enumerate() {
        let (from, to) = (Client.addr(10 + nth as u16), Server.addr(PORT));
        let mut syn = craft::segment(from, to, SeqNum::new(1000), SeqNum::default(), Flags::SYN);
        let cookie = Cookie::new(&vec![1; len]).unwrap();
        syn.options.fast_open = Some(Box::new(FastOpen { cookie, form: Form::Standard }));
        world.inject(Server, craft::tcp(from, to, &syn));
        world.turn();
    }
    assert_eq!(world.refused(Server, Refusal::FastOpenCookie), 2);
    assert_eq!(world.stack(Server).counters().tcp_fast_passive_opens, 0);
    assert_eq!(world.stack(Server).tables().half_open, 2);
}
