use crate::event::{State, Why};
use crate::tcp::testing::*;
use crate::tcp::{Error, Refused, SendFlags};
use crate::wire::tcp::{Flags, Segment};

const URGENT: SendFlags = SendFlags { more: false, urgent: true };

/// Text at `at` with an urgent pointer.
fn urgent(rig: &Rig, at: u32, len: u32, pointer: u16) -> Segment {
    Segment { flags: Flags::ACK | Flags::URG, urgent: pointer, ..rig.text(at, len) }
}

fn arrives(rig: &mut Rig, len: u32, pointer: u16) {
    let segment = urgent(rig, rig.peer_nxt, len, pointer);
    rig.peer_nxt += len;
    rig.arrive(segment).unwrap();
}

/// Reads all that there is, piece by piece.
fn pieces(rig: &mut Rig) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    while rig.tcb.has_text() {
        pieces.push(rig.tcb.receive(usize::MAX).unwrap().to_vec());
    }
    pieces
}

// Sending (RFC 9293 3.8.5).

#[test]
fn urg_points_behind_the_last_urgent_octet_until_it_is_acknowledged_rfc_9293_3_8_5() {
    let mut rig = Rig::open(Setup::default());
    rig.write_with(2 * FULL + 10, URGENT);
    let sent = rig.transmit();
    let seen: Vec<_> = sent.iter().map(|sent| (sent.seq, sent.len, sent.urgent)).collect();
    let full = FULL as u16;
    let expected = [(1, FULL, 2 * full + 10), (1 + FULL, FULL, full + 10), (1 + 2 * FULL, 10, 10)];
    assert_eq!(seen, expected, "each segment has its own pointer");
    assert!(sent.iter().all(|sent| sent.flags.contains(Flags::URG)));
    rig.write(5);
    let after = rig.transmit_one();
    assert_eq!((after.flags.contains(Flags::URG), after.urgent), (false, 0), "it lies behind");
    rig.ack_arrives();
    assert!(!rig.tcb.is_urgent());
    rig.write(5);
    assert!(!rig.transmit_one().flags.contains(Flags::URG));
}

#[test]
fn nagle_does_not_hold_urgent_text_back() {
    let mut rig = Rig::open(Setup::default());
    rig.write(10);
    rig.transmit();
    rig.write_with(1, URGENT);
    assert_eq!(rig.transmit_one().brief(), (11, 1, Why::NewData));
}

#[test]
fn a_closed_window_does_not_keep_the_pointer_from_the_peer_rfc_9293_3_8_5() {
    let mut rig = Rig::open(Setup { window: 0, ..Setup::default() });
    rig.write_with(10, URGENT);
    let told = rig.transmit_one();
    assert_eq!((told.seq, told.len, told.urgent), (1, 0, 10));
    assert!(told.flags.contains(Flags::URG));
}

#[test]
fn a_pointer_that_lies_too_far_ahead_is_told_as_far_as_it_goes() {
    let mut rig = Rig::open(Setup { window: 60_000, ..Setup::default() });
    rig.write(100_000);
    rig.write_with(1, URGENT);
    assert_eq!(rig.transmit()[0].urgent, u16::MAX);
}

#[test]
fn what_is_sent_again_has_its_pointer_again() {
    let mut rig = Rig::open(Setup::default());
    rig.write_with(10, URGENT);
    rig.transmit();
    let again = rig.sleep(s(1));
    assert_eq!((again[0].seq, again[0].urgent), (1, 10));
}

// Receiving.

#[test]
fn reading_stops_before_the_urgent_octet_which_is_read_by_itself_rfc_6093_3() {
    let mut rig = Rig::open(Setup::default());
    assert_eq!(rig.tcb.receive_urgent(false), Err(Refused::NotUrgent));
    arrives(&mut rig, 10, 5);
    rig.text_arrives(10);
    assert!(rig.tcb.has_urgent() && !rig.tcb.at_mark());
    assert_eq!(rig.tcb.unread(), 4);
    let mut seen = [0; 20];
    assert_eq!(rig.tcb.peek(&mut seen), Ok(4), "a look stops, too");
    assert_eq!(rig.tcb.receive(20).unwrap(), stream(1, 4));
    assert!(rig.tcb.at_mark());
    assert_eq!(rig.tcb.receive_urgent(true), Ok(Some(stream(5, 1)[0])));
    assert_eq!(rig.tcb.receive_urgent(false), Ok(Some(stream(5, 1)[0])));
    assert!(rig.tcb.at_mark() && !rig.tcb.has_urgent());
    assert_eq!(rig.tcb.receive_urgent(false), Err(Refused::NotUrgent), "only once");
    assert_eq!(rig.tcb.peek(&mut seen), Ok(15));
    assert_eq!(seen[..15], stream(6, 15));
    assert_eq!(pieces(&mut rig).concat(), stream(6, 15), "it is not in the stream");
    assert!(!rig.tcb.at_mark());
}

#[test]
fn the_urgent_octet_alone_is_nothing_to_read() {
    let mut rig = Rig::open(Setup::default());
    arrives(&mut rig, 1, 1);
    assert!(!rig.tcb.has_text() && !rig.tcb.can_receive());
    assert_eq!(rig.tcb.receive_urgent(false), Ok(Some(stream(1, 1)[0])));
    rig.text_arrives(3);
    assert_eq!(rig.tcb.receive(10).unwrap(), stream(2, 3));
    rig.fin_arrives();
    assert_eq!(rig.tcb.receive(10).unwrap(), "");
}

/// Otherwise closing would find it unread, and reset what the peer takes for a good end.
#[test]
fn a_read_that_has_come_to_the_urgent_octet_passes_it_as_linux() {
    for taken in [false, true] {
        let mut rig = Rig::open(Setup::default());
        arrives(&mut rig, 5, 5);
        assert_eq!(rig.tcb.receive_urgent(!taken), Ok(Some(stream(5, 1)[0])));
        assert_eq!(rig.tcb.receive(10).unwrap(), stream(1, 4));
        assert_eq!(rig.tcb.receive(10), Err(Refused::WouldBlock));
        assert_eq!(rig.tcb.receive_urgent(false), Err(Refused::NotUrgent));
        assert!(!rig.tcb.at_mark());
        let sent = rig.close();
        assert!(sent[0].flags.contains(Flags::FIN), "{sent:?}");
    }
}

#[test]
fn a_reset_takes_the_urgent_octet_away_as_linux() {
    let mut rig = Rig::open(Setup::default());
    arrives(&mut rig, 5, 5);
    let reset = rig.rst(rig.peer_nxt);
    rig.arrive(reset).unwrap();
    assert_eq!(rig.tcb.receive_urgent(false), Err(Refused::Failed(Error::Reset)));
    assert_eq!(rig.tcb.receive(10).unwrap(), stream(1, 4), "what is in order stays");
}

#[test]
fn in_line_the_octet_stays_in_the_stream_and_the_mark_still_stops_rfc_6093_4() {
    let mut setup = Setup::default();
    setup.config.oob_inline = true;
    let mut rig = Rig::open(setup);
    arrives(&mut rig, 10, 5);
    assert!(rig.tcb.has_urgent());
    assert_eq!(rig.tcb.receive_urgent(false), Err(Refused::NotUrgent));
    assert_eq!(rig.tcb.unread(), 10);
    assert_eq!(rig.tcb.receive(20).unwrap(), stream(1, 4));
    assert!(rig.tcb.at_mark());
    assert_eq!(rig.tcb.receive(20).unwrap(), stream(5, 6));
    assert!(!rig.tcb.at_mark() && !rig.tcb.has_urgent());
}

#[test]
fn an_announced_octet_is_waited_for_rfc_9293_3_8_5() {
    let mut rig = Rig::open(Setup::default());
    arrives(&mut rig, 10, 15);
    assert!(!rig.tcb.has_urgent());
    assert_eq!(rig.tcb.receive_urgent(false), Err(Refused::WouldBlock));
    assert_eq!(rig.tcb.receive(20).unwrap(), stream(1, 10));
    rig.text_arrives(10);
    assert!(rig.tcb.has_urgent());
    assert_eq!(rig.tcb.receive(20).unwrap(), stream(11, 4));
    assert_eq!(rig.tcb.receive_urgent(false), Ok(Some(stream(15, 1)[0])));
    assert_eq!(pieces(&mut rig).concat(), stream(16, 5));
}

#[test]
fn the_end_comes_before_an_octet_that_never_will() {
    let mut rig = Rig::open(Setup::default());
    arrives(&mut rig, 1, 100);
    rig.fin_arrives();
    assert_eq!(rig.tcb.receive_urgent(false), Ok(None));
    assert_eq!(rig.tcb.receive(20).unwrap(), stream(1, 1));
    assert_eq!(rig.tcb.receive(20).unwrap(), "");
}

#[test]
fn only_the_newest_pointer_counts() {
    let mut rig = Rig::open(Setup::default());
    arrives(&mut rig, 10, 3);
    arrives(&mut rig, 10, 5);
    let old = urgent(&rig, rig.peer_nxt, 1, 0);
    assert_eq!(rig.tcb.unread(), 14, "the octet before has become ordinary text");
    let again = urgent(&rig, 11, 10, 5);
    rig.arrive(again).unwrap_err();
    assert_eq!(rig.tcb.unread(), 14);
    rig.arrive(old).unwrap();
    rig.peer_nxt += 1;
    assert_eq!(rig.tcb.unread(), 20, "a pointer of 0 names the first octet itself");
}

/// What was read by itself is not read again in line because another pointer comes.
#[test]
fn an_octet_at_the_mark_is_left_out_when_the_mark_moves() {
    let mut rig = Rig::open(Setup::default());
    arrives(&mut rig, 1, 1);
    assert!(rig.tcb.receive_urgent(false).unwrap().is_some());
    arrives(&mut rig, 10, 10);
    assert_eq!(rig.tcb.receive(20).unwrap(), stream(2, 9));
    assert!(rig.tcb.at_mark());
}

#[test]
fn a_pointer_is_counted_from_where_the_segment_began() {
    let mut rig = Rig::open(Setup::default());
    rig.text_arrives(6);
    let overlapping = urgent(&rig, 1, 10, 8);
    rig.arrive(overlapping).unwrap();
    assert_eq!(rig.tcb.unread(), 7);
    let mut rig = Rig::open(Setup::default());
    rig.text_arrives(6);
    let before = urgent(&rig, 1, 10, 6);
    rig.arrive(before).unwrap();
    assert_eq!((rig.tcb.unread(), rig.tcb.urgent.is_none()), (10, true), "it was received before");
}

#[test]
fn a_peer_that_sends_nothing_but_pointers_costs_one_mark() {
    let mut rig = Rig::open(Setup::default());
    for pointer in (0..=u16::MAX).step_by(251) {
        let bare = Segment { flags: Flags::ACK | Flags::URG, urgent: pointer, ..rig.ack() };
        rig.arrive(bare).unwrap();
    }
    rig.text_arrives(100);
    rig.read(1, 100);
    assert_eq!(rig.tcb.receive_urgent(false), Err(Refused::WouldBlock));
    rig.fin_arrives();
    assert_eq!(rig.tcb.state(), State::CloseWait);
    assert_eq!(rig.tcb.receive(1).unwrap(), "");
}
