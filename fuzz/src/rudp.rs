//! Files over UDP: a receiver with any senders, and a sender with any receiver.
//!
//! ```text
//!   input:  role   control  length  body   control  length  body ...
//!          1 byte   1 byte  1 byte
//! ```
//!
//! The bits of `control` say who sends it, after which time, and whether the checksum is made good (see [`Control`]).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use glasstcp::client::rudp::codec::{self, Answer, Kind, MAX_BEYOND, MAX_PACKET, Packet};
use glasstcp::client::rudp::{receiver, sender};
use glasstcp::time::{Duration, Instant};

/// Senders at once.
const SENDERS: usize = 2;
/// The whole file that a sender has.
const PIECES: u32 = 40;
/// Packets that one answer can set going: the window, once by duplicates and once by the timer.
const PACKETS_AN_EVENT: usize = 2 * MAX_BEYOND;

/// What a datagram is.
#[derive(Clone, Copy)]
struct Control(u8);

impl Control {
    fn from(self) -> SocketAddr {
        ([127, 0, 0, 1], 4000 + u16::from(self.0 & 3)).into()
    }

    /// The time before it.
    fn pause(self) -> Duration {
        Duration::from_millis([0, 10, 600, 40_000][usize::from(self.0 >> 2 & 3)])
    }

    /// The body is the number and the rest of a good packet of this kind; otherwise it is the datagram.
    fn is_made_good(self) -> bool {
        self.0 & 16 != 0
    }

    fn kind(self) -> Kind {
        [Kind::Start, Kind::Data, Kind::Data, Kind::End][usize::from(self.0 >> 5 & 3)]
    }
}

/// The datagrams of an input.
fn datagrams(mut input: &[u8]) -> impl Iterator<Item = (Control, &[u8])> {
    std::iter::from_fn(move || {
        let (&control, rest) = input.split_first()?;
        let (&len, rest) = rest.split_first()?;
        let (body, rest) = rest.split_at(rest.len().min(len.into()));
        input = rest;
        Some((Control(control), body))
    })
}

pub fn run(data: &[u8]) {
    let Some((&role, input)) = data.split_first() else { return };
    match role & 1 {
        0 => receive(role & 2 != 0, input),
        _ => send(role & 2 != 0, usize::from(role >> 2), input),
    }
}

/// Delivered are the pieces in order, once each; all is forgotten in the end.
fn receive(selective: bool, input: &[u8]) {
    let config = receiver::Config { selective, senders: SENDERS, ..receiver::Config::default() };
    let mut receiver = receiver::Receiver::new(config);
    let mut now = Instant::ZERO;
    // What each has been answered last, and the pieces it has delivered.
    let mut seen = BTreeMap::<SocketAddr, (u32, u32)>::new();
    for (control, body) in datagrams(input) {
        now += control.pause();
        while let Some(gone) = receiver.expire(now) {
            seen.remove(&gone.from).expect("who goes was there");
        }
        let datagram = match (control.is_made_good(), body.split_first()) {
            (true, Some((&seq, data))) => codec::piece(control.kind(), seq.into(), data),
            _ => Bytes::copy_from_slice(body),
        };
        let from = control.from();
        let reaction = receiver.receive(now, from, &datagram);
        if let Some(gone) = reaction.gone {
            seen.remove(&gone.from).expect("who goes was there");
        }
        let Some(answer) = reaction.answer else {
            assert!(reaction.pieces.is_empty() && !reaction.begun && !reaction.whole);
            continue;
        };
        assert_eq!(reaction.begun, !seen.contains_key(&from));
        let (next, delivered) = seen.entry(from).or_default();
        let said = answered(&answer);
        assert_eq!(said.beyond.is_some(), selective);
        // A start that has come again is acknowledged as far as it has come again.
        assert!(said.next >= *next || reaction.pieces.is_empty(), "what had arrived is taken back");
        *delivered += reaction.pieces.len() as u32;
        *next = said.next.max(*next);
        // Those without text are not delivered.
        assert!(*delivered <= *next, "a piece twice");
        assert!(seen.len() <= SENDERS);
    }
    while let Some(deadline) = receiver.deadline() {
        assert!(receiver.expire(deadline).is_some(), "nobody goes at the time that was told");
    }
}

/// An answer of ours can be read.
fn answered(packet: &Bytes) -> Answer {
    assert!(packet.len() <= MAX_PACKET);
    match codec::parse(packet) {
        Ok(Packet::Answer(answer)) => answer,
        other => panic!("an answer of ours is {other:?}"),
    }
}

/// It sends no more than the window at a time, and comes to an end whatever it is answered.
fn send(selective: bool, window: usize, input: &[u8]) {
    let config = sender::Config { selective, window, ..sender::Config::default() };
    let mut sender = sender::Sender::new(config);
    let (mut now, mut pushed) = (Instant::ZERO, 0);
    let mut turn = |sender: &mut sender::Sender, now| {
        while sender.has_room() && pushed < PIECES {
            pushed += 1;
            sender.push(&[pushed as u8; 10], pushed == PIECES);
        }
        let mut packets = 0;
        while let Some(packet) = sender.transmit(now) {
            assert!(matches!(codec::parse(&packet), Ok(Packet::Piece { .. })));
            packets += 1;
            assert!(packets <= PACKETS_AN_EVENT, "a flood");
        }
    };
    turn(&mut sender, now);
    for (control, body) in datagrams(input) {
        now += control.pause();
        sender.expire(now);
        let datagram = match (control.is_made_good(), body.split_first()) {
            (true, Some((&next, beyond))) => {
                let beyond = beyond.iter().map(|&seq| seq.into()).collect();
                Answer { next: next.into(), beyond: selective.then_some(beyond) }.packet()
            }
            _ => Bytes::copy_from_slice(body),
        };
        sender.receive(now, &datagram);
        turn(&mut sender, now);
    }
    for _ in 0..=config.tries {
        let Some(deadline) = sender.deadline() else { break };
        sender.expire(deadline);
        turn(&mut sender, deadline);
    }
    assert!(sender.ended().is_some(), "it waits for nothing");
    assert!(sender.counts().bytes <= 10 * u64::from(PIECES));
}
