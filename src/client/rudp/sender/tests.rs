use super::*;

const MS: fn(u64) -> Instant = Instant::from_millis;

fn sender(selective: bool, pieces: u8) -> Sender {
    let mut sender = Sender::new(Config { selective, tries: 2, ..Config::default() });
    for number in 0..pieces {
        assert!(sender.has_room());
        sender.push(&[b'a' + number], false);
    }
    sender
}

/// The numbers of what is sent at a time.
fn sent(sender: &mut Sender, at: u64) -> Vec<u32> {
    let packets = std::iter::from_fn(|| sender.transmit(MS(at)));
    packets
        .map(|packet| match codec::parse(&packet) {
            Ok(Packet::Piece { seq, .. }) => seq,
            other => panic!("{other:?}"),
        })
        .collect()
}

fn ack(sender: &mut Sender, at: u64, next: u32, beyond: Option<&[u32]>) {
    let answer = Answer { next, beyond: beyond.map(<[u32]>::to_vec) };
    sender.receive(MS(at), &answer.packet());
}

fn text(sender: &mut Sender, at: u64) -> String {
    let packets = std::iter::from_fn(|| sender.transmit(MS(at)));
    let texts = packets.map(|packet| {
        let text = String::from_utf8_lossy(&packet).into_owned();
        text.rsplit_once('|').map(|(body, _)| body.to_owned()).unwrap_or(text)
    });
    texts.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_first_piece_is_in_the_start_and_the_last_in_the_end() {
    let mut many = sender(false, 2);
    many.push(b"z", true);
    assert!(!many.has_room());
    assert_eq!(text(&mut many, 0), "start|0|a data|1|b end|2|z");
    let mut one = Sender::new(Config::default());
    one.push(b"only", true);
    assert_eq!(text(&mut one, 0), "start|0|only end|1|");
    ack(&mut one, 1, 2, None);
    assert_eq!(one.ended(), Some(Ended::Whole));
    assert_eq!((one.counts().bytes, one.deadline()), (4, None));
}

/// Also when both are one piece, for which there are two packets.
#[test]
fn no_more_than_a_window_is_on_the_way() {
    let mut five = sender(false, 5);
    assert!(!five.has_room());
    assert_eq!(sent(&mut five, 0), [0, 1, 2, 3, 4]);
    ack(&mut five, 1, 2, None);
    assert!(five.has_room());
    let mut one = Sender::new(Config { window: 1, ..Config::default() });
    one.push(b"only", true);
    assert_eq!(sent(&mut one, 0), [0]);
    ack(&mut one, 1, 1, None);
    assert_eq!(sent(&mut one, 1), [1]);
}

#[test]
fn three_duplicates_send_what_is_missing_again_once() {
    let mut sender = sender(false, 5);
    sent(&mut sender, 0);
    ack(&mut sender, 10, 1, None);
    for at in 11..13 {
        ack(&mut sender, at, 1, None);
        assert!(sent(&mut sender, at).is_empty());
    }
    ack(&mut sender, 13, 1, None);
    assert_eq!(sent(&mut sender, 13), [1]);
    ack(&mut sender, 14, 1, None);
    assert!(sent(&mut sender, 14).is_empty(), "the fourth says nothing more");
    let counts = sender.counts();
    assert_eq!((counts.fast, counts.again, counts.duplicates), (1, 1, 4));
    // Its time begins anew.
    assert_eq!(sender.deadline(), Some(MS(513)));
}

#[test]
fn selective_duplicates_send_every_hole_again() {
    for (selective, again) in [(true, vec![1, 3]), (false, vec![1])] {
        let mut sender = sender(selective, 5);
        sent(&mut sender, 0);
        for (at, beyond) in [(10, &[][..]), (11, &[2]), (12, &[2]), (13, &[2, 4])] {
            ack(&mut sender, at, 1, Some(beyond));
        }
        assert_eq!(sent(&mut sender, 13), again);
        assert_eq!(sender.counts().fast, again.len() as u64);
    }
}

#[test]
fn after_a_time_without_news_everything_goes_again() {
    let mut sender = sender(false, 5);
    sent(&mut sender, 0);
    ack(&mut sender, 10, 2, None);
    sender.expire(MS(509));
    assert!(sent(&mut sender, 509).is_empty());
    sender.expire(MS(510));
    assert_eq!(sent(&mut sender, 510), [2, 3, 4]);
    assert_eq!((sender.counts().timeouts, sender.counts().again), (1, 3));
}

#[test]
fn what_has_arrived_is_spared_in_selective_mode_alone() {
    for (selective, again) in [(true, vec![1, 3]), (false, vec![1, 2, 3, 4])] {
        let mut sender = sender(selective, 5);
        sent(&mut sender, 0);
        ack(&mut sender, 10, 1, Some(&[2, 4, 99]));
        sender.expire(MS(510));
        assert_eq!(sent(&mut sender, 510), again);
    }
}

/// RFC 2018 8: what was named and not acknowledged may be gone again.
#[test]
fn what_was_only_named_goes_again_when_that_does_not_help() {
    let mut sender = sender(true, 5);
    sent(&mut sender, 0);
    ack(&mut sender, 10, 1, Some(&[2, 4]));
    for (at, again) in [(510, vec![1, 3]), (1010, vec![1, 2, 3, 4])] {
        sender.expire(MS(at));
        assert_eq!(sent(&mut sender, at), again);
    }
}

#[test]
fn it_gives_up_and_says_how_far_it_was() {
    let give_up = |sender: &mut Sender| {
        for at in [1000, 2000, 3000] {
            sent(sender, at);
            sender.expire(MS(at + 999));
        }
        assert_eq!(sender.transmit(MS(9999)), None);
        sender.ended()
    };
    let mut silent = sender(false, 2);
    assert_eq!(give_up(&mut silent), Some(Ended::Silent));
    assert_eq!(silent.counts().packets, 6);
    let mut stuck = sender(false, 2);
    sent(&mut stuck, 0);
    ack(&mut stuck, 0, 1, None);
    assert_eq!(give_up(&mut stuck), Some(Ended::Stuck { at_end: false }));
    let mut almost = sender(false, 1);
    almost.push(b"", true);
    sent(&mut almost, 0);
    ack(&mut almost, 0, 1, None);
    assert_eq!(give_up(&mut almost), Some(Ended::Stuck { at_end: true }));
}

#[test]
fn nonsense_is_counted_and_changes_nothing() {
    let mut sender = sender(true, 3);
    sent(&mut sender, 0);
    ack(&mut sender, 1, 4, None);
    ack(&mut sender, 1, u32::MAX, Some(&[u32::MAX]));
    sender.receive(MS(1), &codec::piece(Kind::Data, 1, b"x"));
    sender.receive(MS(1), &Bytes::from_static(b"ack|1|0"));
    let counts = sender.counts();
    assert_eq!((counts.corrupt, counts.unsound, counts.impossible), (4, 1, 2));
    ack(&mut sender, 2, 2, None);
    ack(&mut sender, 3, 1, None);
    assert_eq!((sender.counts().duplicates, sender.counts().bytes), (1, 2));
    ack(&mut sender, 4, 2, Some(&[0, 1, u32::MAX]));
    sender.expire(MS(600));
    assert_eq!(sent(&mut sender, 600), [2]);
}

/// It may be ready and not have gone out.
#[test]
fn what_was_never_sent_is_not_acknowledged() {
    let mut sender = sender(true, 5);
    assert!((0..2).all(|_| sender.transmit(MS(0)).is_some()));
    ack(&mut sender, 1, 3, None);
    assert_eq!((sender.counts().impossible, sender.heard()), (1, false));
    ack(&mut sender, 1, 1, Some(&[2]));
    assert_eq!(sent(&mut sender, 1), [2, 3, 4], "2 has not arrived, whatever is said");
    ack(&mut sender, 2, 3, None);
    assert_eq!((sender.counts().bytes, sender.counts().impossible), (3, 1));
}
