//! Explicit congestion notification between two stacks (RFC 3168): who agrees on it, what is marked, what
//! becomes of marks.

use bytes::Bytes;

use super::world::Side::{self, Client, Server};
use super::world::{Fate, PORT, Pair, Random, World, craft, deliver_all, drop_numbers, fate_of};
use crate::event::{Event, Reduction, State, Why};
use crate::tcp::Ecn;
use crate::tcp::congestion::Algorithm;
use crate::time::Duration;
use crate::wire::SeqNum;
use crate::wire::ip::{CE, ECT_0};
use crate::wire::tcp::{FLAGS_AT, Flags, Segment};

const SETUP: Flags = Flags::from_bits(Flags::ECE.bits() | Flags::CWR.bits());

/// Two stacks with such settings.
fn world(client: Ecn, server: Ecn) -> World {
    let mut world = World::with(|side, config| {
        config.tcp.ecn = if side == Client { client } else { server };
    });
    world.observe();
    world.pace = Duration::from_micros(100);
    world
}

/// Whether each side could be marked.
fn agreed(world: &mut World, pair: &Pair) -> [bool; 2] {
    Side::BOTH.map(|side| world.info(side, pair.of(side)).ecn)
}

/// The flags of ECN on the SYNs that a side has sent.
fn syns(world: &World, side: Side) -> Vec<Flags> {
    let syns = world.sent_by(side).filter(|(_, segment)| segment.syn());
    syns.map(|(_, segment)| Flags::from_bits(segment.flags.bits() & SETUP.bits())).collect()
}

#[test]
fn it_takes_one_who_asks_and_one_who_accepts() {
    for client in Ecn::ALL {
        for server in Ecn::ALL {
            let mut world = world(client, server);
            let pair = world.open();
            let on = client == Ecn::Request && server != Ecn::Off;
            assert_eq!(agreed(&mut world, &pair), [on; 2], "{client} {server}");
            world.judge = Box::new(|_, _| Fate::Mark);
            world.duplex(&pair, [100_000; 2], Duration::from_secs(60));
            for side in Side::BOTH {
                let capable = world.texts_by(side).filter(|(_, text)| text.ecn == ECT_0).count();
                assert_eq!(capable > 0, on, "{client} {server} {side:?}");
            }
            world.close_both(&pair);
            world.assert_quiet_end();
            check(&world);
        }
    }
}

/// RFC 3168 6.1.1.1, and what a lost SYN-ACK makes of it.
#[test]
fn handshakes_over_paths_that_lose() {
    let syn = |side, segment: &Segment| side == Client && segment.syn();
    let syn_ack = |side, segment: &Segment| side == Server && segment.syn();
    let none = Flags::default();
    // The SYN that asks never arrives.
    let mut lost = world(Ecn::Request, Ecn::Accept);
    lost.judge = drop_numbers([0], syn);
    let pair = lost.open();
    assert_eq!(agreed(&mut lost, &pair), [false; 2]);
    assert_eq!((syns(&lost, Client), syns(&lost, Server)), (vec![SETUP, none], vec![none]));
    // The answer to it comes when another, that does not ask, has been sent.
    let mut late = world(Ecn::Request, Ecn::Accept);
    late.judge = fate_of(Fate::Late(Duration::from_millis(1500)), [0], syn_ack);
    let pair = late.open();
    assert_eq!(agreed(&mut late, &pair), [false; 2]);
    assert_eq!(syns(&late, Server), [Flags::ECE, none, none]);
    // Every SYN that asks gets through, the answer to it does not.
    let mut plain = world(Ecn::Request, Ecn::Accept);
    plain.judge = drop_numbers([0], syn_ack);
    let pair = plain.open();
    assert_eq!(agreed(&mut plain, &pair), [false; 2]);
    assert_eq!(syns(&plain, Client), [SETUP, none]);
    assert_eq!(syns(&plain, Server)[0], Flags::ECE);
    plain.duplex(&pair, [50_000; 2], Duration::from_secs(60));
    assert!(Side::BOTH.iter().all(|&side| plain.texts_by(side).all(|(_, text)| text.ecn == 0)));
}

/// A SYN with these flags, and with `reserved` in the four bits before them.
fn asked(ecn: Ecn, flags: Flags, reserved: u8) -> Flags {
    let mut world = world(Ecn::Off, ecn);
    world.listen();
    let (from, to) = (Client.addr(40_000), Server.addr(PORT));
    let zero = SeqNum::default();
    let mut syn = craft::segment(from, to, zero, zero, Flags::SYN | flags);
    syn.ecn = 0;
    let mut packet = craft::tcp(from, to, &syn).to_vec();
    packet[20 + FLAGS_AT - 1] |= reserved;
    let checksum = crate::wire::checksum::Sum::pseudo_header(from.ip(), to.ip(), 6, 20);
    packet[36..38].fill(0);
    let checksum = checksum.add_bytes(&packet[20..]).finish();
    packet[36..38].copy_from_slice(&checksum.to_be_bytes());
    world.inject(Server, Bytes::from(packet));
    world.turn();
    let (_, answer) = world.sent_by(Server).next().expect("an answer");
    assert!(answer.syn() && answer.ack() == Some(SeqNum::new(1)));
    Flags::from_bits(answer.flags.bits() & SETUP.bits())
}

/// RFC 9768 3.1.2: accurate ECN, which the bit before CWR asks for, falls back to that of RFC 3168.
#[test]
fn whatever_a_syn_asks_for_it_is_answered() {
    for reserved in 0..16 {
        for ecn in [Ecn::Accept, Ecn::Request] {
            assert_eq!(asked(ecn, SETUP, reserved), Flags::ECE);
        }
        for (ecn, flags) in [
            (Ecn::Off, SETUP),
            (Ecn::Request, Flags::ECE),
            (Ecn::Request, Flags::CWR),
            (Ecn::Request, Flags::default()),
        ] {
            assert_eq!(asked(ecn, flags, reserved), Flags::default(), "{ecn} {flags}");
        }
    }
}

/// Whether what is sent for this reason is data never sent before.
fn is_new(why: Why) -> bool {
    matches!(why, Why::NewData | Why::TailLossProbeNew)
}

/// What must hold of all that both sides have sent, whatever has happened to it.
fn check(world: &World) {
    let mut echoes = [false; 2];
    for (at, side, event) in world.events() {
        match event {
            Event::Received { segment, .. } if segment.len > 0 => {
                let owed = &mut echoes[side as usize];
                *owed = (*owed && !segment.flags.contains(Flags::CWR)) || segment.ecn == CE;
            }
            Event::Sent { segment, why, state, .. } => {
                let flags = segment.flags;
                let bare = flags.contains(Flags::SYN) || flags.contains(Flags::RST);
                // RFC 3168 6.1.3. What TIME-WAIT acknowledges is a FIN, which nobody marks.
                if !bare && state != State::TimeWait {
                    let owed = echoes[side as usize];
                    assert_eq!(flags.contains(Flags::ECE), owed, "{at} {side:?} {segment:?}");
                }
                let capable = segment.ecn == ECT_0;
                assert!(capable || segment.ecn == 0);
                // RFC 3168 6.1.1, 6.1.4, 6.1.5.
                assert!(!capable || (is_new(why) && segment.len > 0 && !bare));
                let cwr = flags.contains(Flags::CWR) && !flags.contains(Flags::SYN);
                assert!(!cwr || capable, "{at} {side:?} {segment:?}");
            }
            _ => {}
        }
    }
}

/// Without losses each reduction is word for word what RFC 3168 6.1.2 says: new data tells of it, and
/// nothing else does.
fn check_reductions(world: &World, side: Side) -> usize {
    let (mut owed, mut reductions) = (false, 0);
    for (at, by, event) in world.events() {
        match event {
            _ if by != side => {}
            Event::Reduced { why: Reduction::Ecn, .. } => {
                assert!(!owed, "{at}: twice without new data");
                (owed, reductions) = (true, reductions + 1);
            }
            Event::Sent { segment, why, .. } if is_new(why) => {
                let cwr = segment.flags.contains(Flags::CWR);
                assert_eq!(cwr, std::mem::take(&mut owed), "{at} {segment:?}");
            }
            _ => {}
        }
    }
    reductions
}

/// Marks in both directions; the seed is in the message of what fails.
#[test]
fn random_marks_are_answered_once_a_window() {
    for seed in 0..30 {
        let mut random = Random::new(seed);
        let algorithm = random.one_of(&Algorithm::ALL);
        let mut world = World::with_tcp(|config| {
            config.ecn = Ecn::Request;
            config.congestion = algorithm;
        });
        world.observe();
        world.pace = Duration::from_micros(random.below(300));
        let share = random.one_of(&[1, 5, 30, 100]);
        world.judge =
            Box::new(move |_, _| if random.chance(share) { Fate::Mark } else { Fate::Deliver });
        let pair = world.open();
        world.duplex(&pair, [200_000, 300_000], Duration::from_secs(600));
        for side in Side::BOTH {
            let info = world.info(side, pair.of(side));
            assert_eq!(info.retransmissions, 0, "seed {seed} {side:?}");
            let reductions = check_reductions(&world, side);
            assert_eq!(info.ecn_reductions, reductions as u64, "seed {seed} {side:?}");
            assert!(share < 30 || reductions > 3, "seed {seed} {side:?} {share} {reductions}");
        }
        check(&world);
        world.close_both(&pair);
        world.assert_quiet_end();
    }
}

/// Marks and losses, late packets and duplicates, and sides that do not want it.
#[test]
fn marks_in_worlds_that_lose_hold_nothing_up() {
    for seed in 0..60 {
        let mut random = Random::new(1_000 + seed);
        let settings = [random.one_of(&Ecn::ALL), random.one_of(&Ecn::ALL)];
        let algorithm = random.one_of(&Algorithm::ALL);
        let mut world = World::with(|side, config| {
            config.tcp.ecn = if seed % 2 == 0 { Ecn::Request } else { settings[side as usize] };
            config.tcp.congestion = algorithm;
        });
        world.observe();
        let lens = [random.below(60_000) as usize, random.below(60_000) as usize];
        world.judge = Box::new(move |_, _| match random.below(100) {
            0..4 => Fate::Drop,
            4..7 => Fate::Twice,
            7..12 => Fate::Late(Duration::from_millis(random.below(40))),
            12..50 => Fate::Mark,
            _ => Fate::Deliver,
        });
        let pair = world.open();
        world.duplex(&pair, lens, Duration::from_secs(2000));
        world.judge = deliver_all();
        world.close_both(&pair);
        world.assert_quiet_end();
        check(&world);
    }
}
