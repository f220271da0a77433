use glasstcp::event::{Cause, ConnId, State, TimerKind};

use super::*;

fn opened() -> Event {
    Event::StateChanged {
        conn: ConnId(1),
        local: "10.9.0.2:80".parse().unwrap(),
        remote: "10.9.0.1:40000".parse().unwrap(),
        from: State::Listen,
        to: State::SynReceived,
        cause: Cause::SynArrived,
    }
}

fn dropped() -> Event {
    Event::Refused {
        conn: None,
        reason: glasstcp::event::Refusal::IpChecksum,
        segment: None,
        addresses: None,
    }
}

fn with_room(verbosity: Verbosity, room: usize) -> (LineObserver, Receiver<Line>) {
    let (lines, waiting) = sync_channel(room);
    let observer = LineObserver { lines, verbosity, absolute: false, lost: 0 };
    (observer, waiting)
}

fn levels(verbosity: Verbosity) -> Vec<Level> {
    let (mut observer, waiting) = with_room(verbosity, 10);
    let timer = Event::TimerFired { conn: ConnId(1), timer: TimerKind::Persist };
    for event in [opened(), dropped(), timer] {
        observer.observe(Instant::ZERO, &event);
    }
    waiting.try_iter().map(|(level, _)| level).collect()
}

#[test]
fn each_level_shows_its_events() {
    assert_eq!(levels(Verbosity::States), [Level::Info]);
    assert_eq!(levels(Verbosity::Segments), [Level::Info, Level::Debug]);
    assert!(observer(Detail::Warnings, false).is_none());
}

#[test]
fn lines_that_cannot_be_printed_in_time_are_counted() {
    let (mut observer, waiting) = with_room(Verbosity::States, 2);
    for _ in 0..5 {
        observer.observe(Instant::ZERO, &opened());
    }
    assert_eq!(waiting.try_iter().count(), 2);
    observer.observe(Instant::ZERO, &opened());
    let (_, notice) = waiting.recv().unwrap();
    assert!(notice.contains("3 lines left out"), "{notice}");
    assert!(waiting.recv().unwrap().1.contains("10.9.0.2:80"));
}

#[test]
fn the_printer_ends_with_the_observer() {
    let (observer, printer) = observer(Detail::States, false).unwrap();
    drop(observer);
    assert_eq!(printer.done.recv_timeout(PATIENCE), Ok(()));
}
