use super::*;

const MS: fn(u64) -> Instant = Instant::from_millis;

fn place(port: u16) -> SocketAddr {
    ([10, 9, 0, 1], port).into()
}

/// What a packet does: the pieces and the answer as text, without its checksum.
fn give(receiver: &mut Receiver, at: u64, port: u16, packet: &Bytes) -> (String, String) {
    let reaction = receiver.receive(MS(at), place(port), packet);
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    let answer = reaction.answer.as_ref().map_or(String::new(), text);
    let answer = answer.rsplit_once('|').map(|(body, _)| body.to_owned()).unwrap_or_default();
    let whole = if reaction.whole { "!" } else { "" };
    (reaction.pieces.iter().map(text).collect::<String>() + whole, answer)
}

fn packet(seq: u32, end: bool) -> Bytes {
    let kind = match seq {
        0 => Kind::Start,
        _ if end => Kind::End,
        _ => Kind::Data,
    };
    codec::piece(kind, seq, seq.to_string().as_bytes())
}

fn selective() -> Receiver {
    Receiver::new(Config { selective: true, ..Config::default() })
}

#[test]
fn what_comes_in_order_is_delivered_and_answered_with_the_next() {
    let mut receiver = Receiver::new(Config::default());
    assert_eq!(give(&mut receiver, 0, 1, &packet(0, false)), ("0".into(), "ack|1".into()));
    assert_eq!(give(&mut receiver, 0, 1, &packet(1, false)), ("1".into(), "ack|2".into()));
    assert_eq!(give(&mut receiver, 0, 1, &packet(2, true)), ("2!".into(), "ack|3".into()));
    // Again, because the answer was lost; and what was overtaken.
    assert_eq!(give(&mut receiver, 9, 1, &packet(2, true)), (String::new(), "ack|3".into()));
    assert_eq!(give(&mut receiver, 9, 1, &packet(1, false)), (String::new(), "ack|3".into()));
    let counts = receiver.counts(place(1));
    assert_eq!((counts.packets, counts.duplicates, counts.bytes), (5, 2, 3));
}

#[test]
fn what_is_early_is_kept_and_named() {
    let mut receiver = selective();
    give(&mut receiver, 0, 1, &packet(0, false));
    assert_eq!(give(&mut receiver, 0, 1, &packet(3, true)), ("".into(), "sack|1;3".into()));
    assert_eq!(give(&mut receiver, 0, 1, &packet(2, false)), ("".into(), "sack|1;2,3".into()));
    assert_eq!(give(&mut receiver, 0, 1, &packet(2, false)), ("".into(), "sack|1;2,3".into()));
    assert_eq!(give(&mut receiver, 0, 1, &packet(1, false)), ("123!".into(), "sack|4;".into()));
    assert_eq!((receiver.counts(place(1)).early, receiver.counts(place(1)).duplicates), (2, 1));
}

#[test]
fn no_more_is_kept_than_a_window() {
    let mut receiver = selective();
    give(&mut receiver, 0, 1, &packet(0, false));
    for seq in 2..1000 {
        let (pieces, answer) = give(&mut receiver, 0, 1, &packet(seq, false));
        assert!(pieces.is_empty() && answer.len() <= codec::MAX_PACKET);
    }
    let counts = receiver.counts(place(1));
    assert_eq!((counts.early, counts.beyond), (64, 998 - 64));
    assert_eq!(receiver.senders[&place(1)].kept.len(), 64);
}

#[test]
fn senders_are_told_apart_and_bounded() {
    let mut receiver = Receiver::new(Config { senders: 2, ..Config::default() });
    assert_eq!(give(&mut receiver, 0, 1, &packet(0, false)).1, "ack|1");
    assert_eq!(give(&mut receiver, 0, 2, &packet(0, false)).1, "ack|1");
    assert_eq!(give(&mut receiver, 0, 3, &packet(0, false)).1, "", "there is no room");
    assert_eq!(give(&mut receiver, 0, 2, &packet(1, true)), ("1!".into(), "ack|2".into()));
    assert_eq!(give(&mut receiver, 0, 1, &packet(1, false)).1, "ack|2");
    assert_eq!(receiver.strangers(), 1);
    // Who is done makes room after a while.
    assert_eq!(receiver.deadline(), Some(MS(5000)));
    assert_eq!(receiver.expire(MS(4999)), None);
    let gone = receiver.expire(MS(5000)).expect("its time is over");
    assert_eq!((gone.from, gone.whole, gone.counts.bytes), (place(2), true, 2));
    assert_eq!(receiver.expire(MS(5000)), None);
    assert_eq!(give(&mut receiver, 5000, 3, &packet(0, false)).1, "ack|1");
}

#[test]
fn who_falls_silent_is_forgotten() {
    let mut receiver = selective();
    give(&mut receiver, 0, 1, &packet(0, false));
    give(&mut receiver, 10_000, 1, &packet(1, false));
    assert_eq!(receiver.deadline(), Some(MS(40_000)));
    let gone = receiver.expire(MS(40_000)).expect("its time is over");
    assert!(!gone.whole);
    // What it sends now begins nothing.
    assert_eq!(give(&mut receiver, 40_000, 1, &packet(2, true)).1, "");
}

/// Or a port that is used again at once would never be free.
#[test]
fn ends_alone_prolong_the_end() {
    let mut receiver = selective();
    give(&mut receiver, 0, 1, &packet(0, false));
    give(&mut receiver, 1, 1, &packet(1, true));
    give(&mut receiver, 1000, 1, &packet(1, true));
    assert_eq!(receiver.deadline(), Some(MS(6000)));
    assert_eq!(give(&mut receiver, 5000, 1, &packet(0, false)).1, "sack|2;");
    assert_eq!(receiver.deadline(), Some(MS(6000)));
}

#[test]
fn nonsense_is_counted_and_not_answered() {
    let mut receiver = selective();
    for packet in [
        Bytes::from_static(b"start|0|x|1"),
        codec::piece(Kind::Start, 1, b"x"),
        codec::piece(Kind::Data, 0, b"x"),
        Answer { next: 1, beyond: None }.packet(),
    ] {
        assert_eq!(receiver.receive(MS(0), place(1), &packet), Reaction::default());
    }
    assert_eq!((receiver.corrupt(), receiver.deadline()), (4, None));
    assert_eq!(give(&mut receiver, 0, 1, &packet(1, false)).1, "");
    assert_eq!(receiver.strangers(), 1);
}
