use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use super::*;
use crate::event::{Cause, Limit, Refusal, SegmentView, TimerKind, Why};
use crate::time::Duration;
use crate::wire::SeqNum;
use crate::wire::tcp::Flags;
use crate::wire::tcp_options::{SackBlock, SackBlocks};

fn ends() -> (SocketAddr, SocketAddr) {
    ("10.9.0.2:80".parse().unwrap(), "10.9.0.1:4000".parse().unwrap())
}

/// A segment of ours when `out`, otherwise of the peer's.
fn view(out: bool, seq: u32, ack: u32, len: u32) -> SegmentView {
    let (local, remote) = ends();
    let (iss, irs) = (SeqNum::new(1000), SeqNum::new(9000));
    let (seq_base, ack_base) = if out { (iss, irs) } else { (irs, iss) };
    SegmentView {
        local,
        remote,
        seq: SeqNum::new(seq),
        ack: SeqNum::new(ack),
        flags: Flags::ACK,
        len,
        window: 64_000,
        sack: SackBlocks::new(),
        ecn: 1,
        seq_base,
        ack_base,
    }
}

fn sent(conn: u32, seq: u32, why: Why) -> Event {
    let (conn, state) = (Some(ConnId(conn)), State::Established);
    Event::Sent { conn, state, segment: view(true, seq, 9001, 1448), why, packets: 3 }
}

fn received(conn: u32, ack: u32) -> Event {
    let (conn, state) = (ConnId(conn), State::Established);
    Event::Received { conn, state, segment: view(false, 9001, ack, 0) }
}

fn closed(conn: u32, cause: Cause) -> Event {
    let ((local, remote), conn) = (ends(), ConnId(conn));
    let (from, to) = (State::Established, State::Closed);
    Event::StateChanged { conn, local, remote, from, to, cause }
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// Has the recorder keep an event.
fn record(flight: &mut Flight, at: Instant, event: &Event) {
    flight.record(at, Kept::of(event).unwrap(), || event.clone());
}

/// So many connections have a place in the smallest of all.
const PLACES: u32 = (Flight::LEAST / PLACE_SIZE) as u32;

/// A recorder with room for some times so many connections, and what it has told of.
fn flight(times: usize) -> (Flight, Arc<Mutex<Vec<Recording>>>) {
    let mut flight = Flight::new(times * Flight::LEAST).unwrap();
    let told = Arc::<Mutex<Vec<Recording>>>::default();
    let sink = Arc::clone(&told);
    flight.set_sink(Some(Box::new(move |record| sink.lock().unwrap().push(record()))));
    (flight, told)
}

#[test]
fn events_come_back_as_they_were() {
    let conn = ConnId(7);
    let block = |left, right| SackBlock { left: SeqNum::new(left), right: SeqNum::new(right) };
    let mut reported = view(false, 9001, 1001, 0);
    reported.sack = [block(2449, 3897), block(5345, 6793)].into_iter().collect();
    let (local, remote) = ends();
    let micros = Duration::from_micros;
    let all = [
        sent(7, 1001, Why::NewData),
        sent(7, 1001, Why::Rto(2)),
        Event::Received { conn, state: State::CloseWait, segment: reported.clone() },
        Event::Refused {
            conn: Some(conn),
            reason: Refusal::Paws,
            segment: Some(reported),
            addresses: None,
        },
        Event::Refused {
            conn: Some(conn),
            reason: Refusal::ReassemblyFull,
            segment: None,
            addresses: None,
        },
        Event::StateChanged {
            conn,
            local,
            remote,
            from: State::SynReceived,
            to: State::Established,
            cause: Cause::SynAcked,
        },
        Event::CongestionWindow {
            conn,
            cwnd: 14_480,
            ssthresh: None,
            phase: crate::event::Phase::SlowStart,
        },
        Event::Lost { conn, start: 1 << 40, len: 1448, by: crate::event::LostBy::Rack },
        Event::Reduced { conn, why: crate::event::Reduction::Loss },
        Event::Undone { conn, by: crate::event::UndoneBy::Eifel },
        Event::IcmpError {
            conn,
            report: crate::wire::icmp::Report::FragmentationNeeded { mtu: 1400 },
            by: "10.1.2.3".parse().unwrap(),
        },
        Event::PathMtu { conn, mtu: 1400, mss: 1348, by: crate::event::MtuBy::Router },
        Event::RttSample { conn, rtt: micros(30), srtt: micros(31), rto: micros(200_031) },
        Event::TimerFired { conn, timer: TimerKind::Reordering },
        Event::Limited { conn, by: Limit::PeerWindow },
        Event::AppRead { conn, len: 5 },
        Event::AppWrote { conn, len: 6 },
    ];
    let (mut flight, _) = flight(2);
    for (millis, event) in (1..).zip(&all) {
        record(&mut flight, at(millis), event);
    }
    let recording = flight.recording(conn, 0, at(100)).unwrap();
    let expected: Vec<_> = (1..).map(at).zip(all).collect();
    assert_eq!(recording.events, expected);
    assert_eq!(recording.ends, Some(ends()));
    assert_eq!((recording.at, recording.gone, recording.trouble), (at(100), 0, None));
    assert_eq!(flight.recording(ConnId(8), 0, at(100)), None);
}

#[test]
fn the_last_ones_are_kept_and_the_others_counted() {
    let (mut flight, _) = flight(1);
    let more = 10;
    for number in 0..EVENTS as u32 + more {
        record(&mut flight, at(number.into()), &sent(1, number, Why::NewData));
    }
    let recording = flight.recording(ConnId(1), 0, at(999)).unwrap();
    assert_eq!((recording.events.len(), recording.gone), (EVENTS, u64::from(more)));
    let seq = |event: &Event| match event {
        Event::Sent { segment, .. } => segment.seq.value(),
        _ => unreachable!("only such were recorded"),
    };
    let seqs: Vec<_> = recording.events.iter().map(|(_, event)| seq(event)).collect();
    assert_eq!(seqs, (more..EVENTS as u32 + more).collect::<Vec<_>>());
}

#[test]
fn a_block_whose_segment_is_gone_is_left_out() {
    let (mut flight, _) = flight(1);
    let mut segment = view(false, 9001, 1001, 0);
    segment.sack.push(SackBlock { left: SeqNum::new(2449), right: SeqNum::new(3897) });
    let (conn, state) = (ConnId(1), State::Established);
    record(&mut flight, at(0), &Event::Received { conn, state, segment });
    for number in 0..EVENTS as u32 - 1 {
        record(&mut flight, at(1), &sent(1, number, Why::NewData));
    }
    let recording = flight.recording(conn, 0, at(2)).unwrap();
    assert_eq!(recording.events.len(), EVENTS - 1);
    assert!(recording.events.iter().all(|(_, event)| matches!(event, Event::Sent { .. })));
}

#[test]
fn those_that_are_over_make_way_first_and_then_those_that_are_quiet() {
    let (mut flight, _) = flight(1);
    for conn in 1..=PLACES {
        record(&mut flight, at(conn.into()), &received(conn, 1001));
    }
    record(&mut flight, at(10), &closed(3, Cause::FinAcked));
    record(&mut flight, at(10), &closed(9, Cause::TimeWaitOver));
    let kept = |flight: &Flight| {
        let mut kept: Vec<_> = flight.recorded().map(|one| one.conn.0).collect();
        kept.sort_unstable();
        kept
    };
    assert_eq!(kept(&flight), [1, 2, 3, 4], "what ends asks for no place");
    record(&mut flight, at(11), &received(5, 1001));
    assert_eq!(kept(&flight), [1, 2, 4, 5]);
    record(&mut flight, at(12), &received(1, 1001));
    record(&mut flight, at(13), &received(6, 1001));
    assert_eq!(kept(&flight), [1, 2, 4, 5], "all are in use");
    record(&mut flight, at(5002), &received(6, 1001));
    assert_eq!(kept(&flight), [1, 4, 5, 6]);
    let fresh = flight.recording(ConnId(6), 0, at(14)).unwrap();
    assert_eq!((fresh.events.len(), fresh.gone), (1, 0));
}

/// A request of a peer's.
fn requested(conn: u32) -> Event {
    let ((local, remote), conn, cause) = (ends(), ConnId(conn), Cause::SynArrived);
    let (from, to) = (State::Listen, State::SynReceived);
    Event::StateChanged { conn, local, remote, from, to, cause }
}

#[test]
fn requests_of_others_disturb_no_connection_and_are_no_trouble() {
    let (mut flight, told) = flight(1);
    for conn in 1..PLACES {
        record(&mut flight, at(1), &received(conn, 1001));
    }
    for conn in 10..99 {
        record(&mut flight, at(20_000), &requested(conn));
        record(&mut flight, at(23_000), &closed(conn, Cause::RetransmissionLimit));
    }
    assert!(told.lock().unwrap().is_empty());
    assert!((1..PLACES).all(|conn| flight.recording(ConnId(conn), 0, at(24_000)).is_some()));
    // One that is still there yields to a connection, however fresh it is.
    record(&mut flight, at(24_000), &requested(99));
    record(&mut flight, at(24_000), &received(100, 1001));
    assert!(flight.recording(ConnId(100), 0, at(24_000)).is_some());
}

#[test]
fn what_a_connection_has_lost_with_its_place_is_told_of_as_missing() {
    let (mut flight, _) = flight(1);
    (1..=PLACES).for_each(|conn| record(&mut flight, at(1), &received(conn, 1001)));
    (0..50).for_each(|ack| record(&mut flight, at(2), &received(1, ack)));
    let before = flight.recording(ConnId(1), 0, at(2)).unwrap();
    // Others have its place meanwhile, and then it has one again.
    (2..=PLACES).for_each(|conn| record(&mut flight, at(6000), &received(conn, 1002)));
    record(&mut flight, at(7100), &received(99, 1001));
    assert_eq!(flight.recording(ConnId(1), 0, at(7100)), None);
    record(&mut flight, at(7200), &closed(99, Cause::FinAcked));
    record(&mut flight, at(7300), &received(1, 2001));
    let after = flight.recording(ConnId(1), before.entries, at(7300)).unwrap();
    assert_eq!((after.events.len(), after.gone), (1, 1));
    assert!(after.entries > before.entries);
    let none = flight.recording(ConnId(1), after.entries, at(7400)).unwrap();
    assert_eq!((none.events.len(), none.gone), (0, 0));
}

/// Opens a connection and closes it.
fn opened_and_closed(flight: &mut Flight, conn: u32) {
    record(flight, at(conn.into()), &received(conn, 1001));
    record(flight, at(conn.into()), &closed(conn, Cause::FinAcked));
}

#[test]
fn the_last_that_closed_are_kept_and_no_more_as_long_as_there_is_room() {
    let (mut flight, _) = flight(64);
    let closed = 1000;
    (1..=closed).for_each(|conn| opened_and_closed(&mut flight, conn));
    let lately = closed - LATELY as u32;
    for conn in lately + 1..=closed {
        let recording = flight.recording(ConnId(conn), 0, at(2000)).unwrap();
        assert_eq!((recording.conn, recording.events.len()), (ConnId(conn), 2));
    }
    assert!(flight.recorded().count() <= LATELY + 1);
    // Those that are open do not go, however many come and go, and all places are used.
    let open = 64 * PLACES - LATELY as u32 - 1;
    (0..open).for_each(|conn| record(&mut flight, at(2000), &received(2000 + conn, 1001)));
    (5000..6000).for_each(|conn| opened_and_closed(&mut flight, conn));
    assert!((0..open).all(|conn| flight.recording(ConnId(2000 + conn), 0, at(0)).is_some()));
    assert_eq!(flight.recorded().count(), 64 * PLACES as usize);
}

#[test]
fn a_recording_goes_on_from_where_the_last_one_ended() {
    let (mut flight, _) = flight(1);
    let mut segment = view(false, 9001, 1001, 0);
    segment.sack.push(SackBlock { left: SeqNum::new(2449), right: SeqNum::new(3897) });
    let (conn, state) = (ConnId(1), State::Established);
    record(&mut flight, at(0), &Event::Received { conn, state, segment: segment.clone() });
    let first = flight.recording(conn, 0, at(1)).unwrap();
    assert_eq!((first.events.len(), first.entries), (1, 2));
    let none = flight.recording(conn, first.entries, at(1)).unwrap();
    assert_eq!((none.events.len(), none.entries, none.gone), (0, 2, 0));
    record(&mut flight, at(2), &Event::Received { conn, state, segment });
    let second = flight.recording(conn, first.entries, at(3)).unwrap();
    assert_eq!((second.events.len(), second.entries, second.gone), (1, 4, 0));
    (0..2 * EVENTS as u32).for_each(|seq| record(&mut flight, at(4), &sent(1, seq, Why::NewData)));
    let third = flight.recording(conn, second.entries, at(5)).unwrap();
    assert_eq!((third.events.len(), third.gone), (EVENTS, EVENTS as u64));
}

#[test]
fn without_memory_there_is_none() {
    assert!(Flight::new(0).is_none());
    assert!(Flight::new(Flight::LEAST - 1).is_none());
}

/// What was told of after these events.
fn troubles(events: &[(u64, Event)]) -> Vec<Trouble> {
    let (mut flight, told) = flight(1);
    events.iter().for_each(|(millis, event)| record(&mut flight, at(*millis), event));
    told.lock().unwrap().iter().filter_map(|recording| recording.trouble).collect()
}

#[test]
fn the_third_time_out_in_a_row_is_told_of_once() {
    let rto = |count: u8| (u64::from(count) * 300, sent(1, 1001, Why::Rto(count)));
    assert_eq!(troubles(&[rto(1), rto(2)]), []);
    assert_eq!(troubles(&[rto(1), rto(2), rto(3), rto(4)]), [Trouble::Timeouts]);
}

#[test]
fn a_reset_is_told_of_with_the_segment() {
    let (mut flight, told) = flight(1);
    record(&mut flight, at(1), &received(1, 1001));
    record(&mut flight, at(2), &closed(1, Cause::ResetArrived));
    assert!(told.lock().unwrap().is_empty(), "the segment is told of after what it does");
    record(&mut flight, at(2), &received(1, 1001));
    let told = told.lock().unwrap();
    let [recording] = &told[..] else { panic!("{told:?}") };
    assert_eq!((recording.trouble, recording.events.len()), (Some(Trouble::Reset), 3));
    assert_eq!(troubles(&[(1, received(1, 1)), (2, closed(1, Cause::FinAcked))]), []);
    let gone = [(1, received(1, 1)), (2, closed(1, Cause::KeepaliveLimit))];
    assert_eq!(troubles(&gone), [Trouble::GivenUp]);
}

#[test]
fn refused_segments_are_told_of_but_for_duplicates() {
    let refused = |reason| {
        let event =
            Event::Refused { conn: Some(ConnId(1)), reason, segment: None, addresses: None };
        troubles(&[vec![(1, received(1, 1))], vec![(1, event); 40]].concat())
    };
    assert_eq!(refused(Refusal::AckBeyondSent), [Trouble::Refused]);
    assert_eq!(refused(Refusal::SequenceOld), []);
}

#[test]
fn a_stall_is_told_of_when_nothing_goes_on_for_long() {
    let probe = |seconds: u64| (seconds * 1000, sent(1, 1001, Why::ZeroWindowProbe));
    assert_eq!(troubles(&[probe(0), probe(9)]), []);
    assert_eq!(troubles(&[probe(0), probe(9), probe(10), probe(20)]), [Trouble::Stalled]);
    // The peer has acknowledged something meanwhile, whatever the numbers are.
    for first in [1500, u32::MAX - 20] {
        let acked = |seconds: u64, ack: u32| (seconds * 1000, received(1, first.wrapping_add(ack)));
        let probe =
            |seconds: u64| (seconds * 1000, sent(1, first.wrapping_sub(1), Why::ZeroWindowProbe));
        assert_eq!(troubles(&[acked(0, 0), probe(0), acked(5, 0), probe(12)]), [Trouble::Stalled]);
        assert_eq!(troubles(&[acked(0, 0), probe(0), acked(5, 100), probe(12)]), []);
    }
    // That it was silent for long before something was sent is no stall.
    assert_eq!(troubles(&[(0, received(1, 1001)), probe(60)]), []);
    let new = (60_000, sent(1, 1001, Why::NewData));
    let again = (60_300, sent(1, 1001, Why::Rto(1)));
    assert_eq!(troubles(&[(0, received(1, 1001)), new, again]), []);
}
