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
    assert_eq!(give(&mut receiver, 0, 1, &packet(3, false)), ("".into(), "sack|1;3".into()));
    assert_eq!(give(&mut receiver, 0, 1, &packet(2, false)), ("".into(), "sack|1;2,3".into()));
    assert_eq!(give(&mut receiver, 0, 1, &packet(2, false)), ("".into(), "sack|1;2,3".into()));
    assert_eq!(give(&mut receiver, 0, 1, &packet(1, false)), ("123".into(), "sack|4;".into()));
    assert_eq!((receiver.counts(place(1)).early, receiver.counts(place(1)).duplicates), (2, 1));
}

#[test]
fn no_more_is_kept_than_a_window() {
    let mut receiver = selective();
    give(&mut receiver, 0, 1, &packet(0, false));
    for seq in 2..1000 {
        let (pieces, answer) = give(&mut receiver, 0, 1, &packet(seq, false));
        assert!(pieces.is_empty() && answer.len() <= codec::MAX_PACKET);
        assert_eq!(answer.split(',').count(), (seq as usize - 1).min(64));
    }
    let counts = receiver.counts(place(1));
    assert_eq!((counts.early, counts.beyond), (64, 998 - 64));
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
    assert_eq!(give(&mut receiver, 5000, 1, &packet(0, false)).1, "sack|1;");
    assert_eq!(receiver.deadline(), Some(MS(6000)));
}

/// An end of another file, which is late, must not cut off this one.
#[test]
fn an_end_is_taken_in_its_turn_alone() {
    let mut receiver = selective();
    give(&mut receiver, 0, 1, &packet(0, false));
    assert_eq!(give(&mut receiver, 1, 1, &packet(2, true)).1, "sack|1;");
    assert_eq!(give(&mut receiver, 1, 1, &packet(1, false)), ("1".into(), "sack|2;".into()));
    assert_eq!(give(&mut receiver, 1, 1, &packet(2, false)), ("2".into(), "sack|3;".into()));
    assert_eq!(give(&mut receiver, 500, 1, &packet(3, true)), ("3!".into(), "sack|4;".into()));
    assert_eq!(receiver.deadline(), Some(MS(5500)));
}

/// Whoever says nothing new is not there.
#[test]
fn the_same_for_ever_is_given_up() {
    let mut receiver = selective();
    give(&mut receiver, 0, 1, &packet(0, false));
    for second in 1..30 {
        for again in [0, 1] {
            give(&mut receiver, second * 1000, 1, &packet(again, false));
        }
    }
    let gone = receiver.expire(MS(31_000)).expect("since 1000 nothing was new");
    assert_eq!((gone.whole, gone.why), (false, Why::Over));
    give(&mut receiver, 40_000, 1, &packet(0, false));
    for second in 40..70 {
        give(&mut receiver, second * 1000, 1, &packet(1, true));
    }
    let gone = receiver.expire(MS(70_000)).expect("an end that never ends");
    assert_eq!((gone.whole, gone.why), (true, Why::Over));
}

/// A file as packets, of which the first and the last carry nothing, as some senders have it.
fn bare(texts: &[&str]) -> Vec<Bytes> {
    let last = texts.len() as u32 + 1;
    let data = (1..).zip(texts).map(|(seq, text)| codec::piece(Kind::Data, seq, text.as_bytes()));
    let ends = [codec::piece(Kind::Start, 0, b""), codec::piece(Kind::End, last, b"")];
    let [start, end] = ends;
    [start].into_iter().chain(data).chain([end]).collect()
}

/// Gives packets in turn: what was delivered since the last file began, and how files have ended.
fn give_all(receiver: &mut Receiver, packets: &[Bytes]) -> (String, Vec<(bool, Why)>, String) {
    give_all_at(receiver, 1, packets)
}

fn give_all_at(
    receiver: &mut Receiver,
    at: u64,
    packets: &[Bytes],
) -> (String, Vec<(bool, Why)>, String) {
    let (mut got, mut gone, mut said) = (String::new(), Vec::new(), String::new());
    for packet in packets {
        let reaction = receiver.receive(MS(at), place(1), packet);
        gone.extend(reaction.gone.map(|gone| (gone.whole, gone.why)));
        if reaction.begun {
            got.clear();
        }
        for piece in &reaction.pieces {
            got += &String::from_utf8_lossy(piece);
        }
        got += if reaction.whole { "!" } else { "" };
        said = reaction.answer.map_or(String::new(), |text| String::from_utf8_lossy(&text).into());
    }
    (got, gone, said.rsplit_once('|').map(|(body, _)| body.to_owned()).unwrap_or_default())
}

/// However the same address begins anew: what it has sent before is in no file that is reported whole.
#[test]
fn a_file_that_begins_anew_is_never_mixed_with_the_one_before() {
    let first = [packet(0, false), packet(1, false), packet(2, false), packet(3, true)];
    let second = [codec::piece(Kind::Start, 0, b"x"), codec::piece(Kind::End, 1, b"y")];
    for before in 1..=4 {
        let mut receiver = selective();
        give_all(&mut receiver, &first[..before]);
        if before < 4 {
            // The sender that is known may still be there, and what is another late.
            for at in [1, 500] {
                let nothing = (String::new(), Vec::new(), String::new());
                assert_eq!(give_all_at(&mut receiver, at, &second), nothing, "after {before}");
            }
        }
        let (got, gone, said) = give_all_at(&mut receiver, 1001, &second);
        assert_eq!((&got[..], &said[..]), ("xy!", "sack|2;"), "after {before}");
        assert_eq!(gone, [(before == 4, Why::Anew)]);
    }
}

#[test]
fn nor_if_both_begin_with_the_same_packet() {
    let first = bare(&["a", "b", "c"]);
    for (texts, in_common) in
        [(&["x", "y", "z"][..], 0), (&["a", "y"], 1), (&["a", "b"], 2), (&[], 0)]
    {
        let second = bare(texts);
        for before in 2 + in_common..=5 {
            let mut receiver = selective();
            give_all(&mut receiver, &first[..before]);
            let (got, gone, said) = give_all_at(&mut receiver, 1001, &second);
            let next = second.len();
            assert_eq!((got, said), (texts.concat() + "!", format!("sack|{next};")), "{before}");
            assert_eq!(gone, [(before == 5, Why::Anew)]);
        }
    }
}

/// What another file does not have is never acknowledged to its sender, and it cannot take the one before for its own.
#[test]
fn a_start_that_comes_again_is_acknowledged_as_far_as_it_has_come_again() {
    let mut receiver = Receiver::new(Config::default());
    let file = bare(&["a", "b", "c"]);
    give_all(&mut receiver, &file);
    for (number, packet) in (1..).zip(&file) {
        let (got, gone, said) = give_all(&mut receiver, std::slice::from_ref(packet));
        assert_eq!((&got[..], gone.len(), said), ("", 0, format!("ack|{number}")));
    }
    // The end alone, of the sender that is known: a start was overtaken, and nothing follows it.
    assert_eq!(give_all(&mut receiver, &file[..1]).2, "ack|1");
    assert_eq!(give_all(&mut receiver, &file[4..]).2, "ack|1");
    assert_eq!(give_all(&mut receiver, &file[4..]).2, "ack|5");
}

/// What shows that it is another file may be late: nothing of it is lost.
#[test]
fn a_packet_that_tells_files_apart_may_come_last() {
    let mut receiver = selective();
    give_all(&mut receiver, &bare(&["a", "b", "c"]));
    let other = bare(&["x", "b", "c"]);
    let order = [0, 2, 3, 4, 1, 2, 3, 4].map(|place: usize| other[place].clone());
    let (got, gone, said) = give_all(&mut receiver, &order);
    assert_eq!((&got[..], &said[..]), ("xbc!", "sack|5;"));
    assert_eq!(gone, [(true, Why::Anew)]);
}

/// No sender has more on the way, so whoever comes so far with a start that is known is another.
#[test]
fn a_long_file_may_be_sent_again() {
    let texts: Vec<String> = (0..80).map(|n| format!("{n} ")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut receiver = selective();
    give_all(&mut receiver, &bare(&texts));
    let (got, gone, said) = give_all(&mut receiver, &bare(&texts));
    assert_eq!((got, said), (texts.concat() + "!", "sack|82;".into()));
    assert_eq!(gone, [(true, Why::Anew)]);
}

/// Of its file it is known that another was sent, and not what.
#[test]
fn whose_start_is_missing_begins_nothing() {
    let mut receiver = selective();
    give_all(&mut receiver, &bare(&["a", "b", "c"]));
    let other = bare(&["x", "y"]);
    let (got, gone, said) = give_all(&mut receiver, &other[1..]);
    assert_eq!((got, gone, said), (String::new(), vec![], String::new()));
    assert_eq!(receiver.strangers(), 3);
    let (got, gone, _) = give_all(&mut receiver, &other);
    assert_eq!((&got[..], gone), ("xy!", vec![(true, Why::Anew)]));
}

/// Nor is anything of it in the file that is known: its sender is begun anew, and its start is lost at first.
#[test]
fn nothing_is_taken_while_it_is_not_known_of_which_file_it_is() {
    let first = bare(&["a", "b", "c", "d"]);
    let second = bare(&["x", "y", "z"]);
    let mut receiver = selective();
    give_all(&mut receiver, &first[..3]);
    for at in [100, 600] {
        // `z` would be the next.
        let (got, gone, said) = give_all_at(&mut receiver, at, &second[1..]);
        assert_eq!((got, gone, said), (String::new(), vec![], String::new()));
    }
    let (got, gone, said) = give_all_at(&mut receiver, 1100, &second);
    assert_eq!((&got[..], &said[..], gone), ("xyz!", "sack|5;", vec![(false, Why::Anew)]));
}

/// Whatever is late of a file before, the sender that is there goes on after its timer has run out.
#[test]
fn what_is_late_of_the_file_before_destroys_nothing() {
    let before = [packet(0, false), packet(1, false), packet(2, false), packet(9, true)];
    let file: Vec<Bytes> =
        ["A", "B", "C", "D", "E"].iter().map(|text| Bytes::from(*text)).collect();
    let kinds = [Kind::Start, Kind::Data, Kind::Data, Kind::Data, Kind::End];
    let file: Vec<Bytes> = (0..)
        .zip(kinds)
        .zip(&file)
        .map(|((seq, kind), text)| codec::piece(kind, seq, text))
        .collect();
    for late in &before {
        for came in 3..5 {
            let mut receiver = selective();
            let (mut got, gone, _) = give_all(&mut receiver, &file[..came]);
            assert_eq!(gone, []);
            let (_, gone, said) = give_all_at(&mut receiver, 2, std::slice::from_ref(late));
            assert!(gone.is_empty() && (said.is_empty() || late == &before[3]), "{late:?}: {said}");
            // What goes again when the timer has run out, once and twice.
            for at in [3, 503, 1003] {
                let (more, gone, _) = give_all_at(&mut receiver, at, &file[came..]);
                assert_eq!(gone, []);
                got += &more;
            }
            assert_eq!(got, "ABCDE!", "{late:?} after {came}");
        }
    }
}

/// Of two that are early one is late, and which is not known.
#[test]
fn what_is_early_and_contradicted_has_to_come_again() {
    let mut receiver = selective();
    give_all(&mut receiver, &[packet(0, false), codec::piece(Kind::Data, 3, b"late")]);
    assert_eq!(give(&mut receiver, 2, 1, &packet(3, false)).1, "");
    assert_eq!(give(&mut receiver, 1002, 1, &packet(1, false)).1, "sack|2;");
    assert_eq!(give(&mut receiver, 1002, 1, &packet(2, false)).1, "sack|3;");
    assert_eq!(give(&mut receiver, 1002, 1, &packet(3, false)), ("3".into(), "sack|4;".into()));
}

#[test]
fn who_is_silent_in_the_middle_gives_way() {
    let mut receiver = Receiver::new(Config { senders: 1, ..Config::default() });
    give(&mut receiver, 0, 1, &packet(0, false));
    assert_eq!(give(&mut receiver, 999, 2, &packet(0, false)).1, "");
    give(&mut receiver, 500, 1, &packet(1, false));
    assert_eq!(give(&mut receiver, 1499, 2, &packet(0, false)).1, "", "heard of at 500");
    let reaction = receiver.receive(MS(1500), place(2), &packet(0, false));
    let gone = reaction.gone.expect("it gives way");
    assert_eq!((gone.from, gone.whole, gone.why), (place(1), false, Why::GaveWay));
    assert!(reaction.begun);
    assert_eq!(give(&mut receiver, 1500, 2, &packet(1, true)).0, "1!");
    assert_eq!(give(&mut receiver, 4000, 1, &packet(0, false)).1, "", "a whole file does not");
}

/// A stray start keeps nobody out, however often it comes.
#[test]
fn a_start_that_is_repeated_does_not_hold_the_place() {
    let mut receiver = Receiver::new(Config { senders: 1, ..Config::default() });
    for at in [0, 500, 999] {
        give(&mut receiver, at, 1, &packet(0, false));
    }
    let reaction = receiver.receive(MS(1000), place(2), &packet(0, false));
    assert_eq!(reaction.gone.map(|gone| gone.why), Some(Why::GaveWay));
    assert!(reaction.begun);
    give(&mut receiver, 1001, 2, &packet(1, false));
    assert_eq!(give(&mut receiver, 1500, 1, &packet(0, false)).1, "", "who sends more holds it");
}

#[test]
fn who_is_refused_is_not_heard_before_it_begins_another_file() {
    let mut receiver = selective();
    give(&mut receiver, 0, 1, &packet(0, false));
    receiver.refuse(place(1));
    for seq in [0, 1, 0] {
        let reaction = receiver.receive(MS(1), place(1), &packet(seq, false));
        assert_eq!(reaction, Reaction::default());
    }
    let other = codec::piece(Kind::Start, 0, b"x");
    assert_eq!(give(&mut receiver, 2, 1, &other), ("x".into(), "sack|1;".into()));
    receiver.refuse(place(1));
    assert_eq!((receiver.expire(MS(60_000)), receiver.deadline()), (None, None), "it was told");
}

#[test]
fn who_is_left_at_the_end_is_named() {
    let mut receiver = selective();
    give(&mut receiver, 0, 1, &packet(0, false));
    give(&mut receiver, 0, 2, &packet(0, false));
    receiver.refuse(place(2));
    let gone = receiver.dismiss().expect("one is left");
    assert_eq!((gone.from, gone.whole, gone.why), (place(1), false, Why::Enough));
    assert_eq!(receiver.dismiss(), None);
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
