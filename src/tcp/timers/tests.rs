use super::*;

#[test]
fn the_earliest_deadline_is_next_and_due_timers_fire_once() {
    let mut timers = Timers::default();
    assert_eq!(timers.next(), None);
    timers.arm(TimerKind::Retransmission, Instant::from_millis(200));
    timers.arm(TimerKind::DelayedAck, Instant::from_millis(40));
    timers.arm_if_idle(TimerKind::DelayedAck, Instant::from_millis(10));
    assert_eq!(timers.next(), Some(Instant::from_millis(40)));
    assert_eq!(timers.take_due(Instant::from_millis(39)), None);
    assert_eq!(timers.take_due(Instant::from_millis(40)), Some(TimerKind::DelayedAck));
    assert_eq!(timers.take_due(Instant::from_millis(40)), None);
    timers.cancel(TimerKind::Retransmission);
    assert_eq!(timers.next(), None);
}

#[test]
fn every_kind_has_its_own_place() {
    for (place, kind) in Timers::KINDS.into_iter().enumerate() {
        assert_eq!(kind as usize, place);
    }
}

#[test]
fn a_timer_has_one_name() {
    for kind in Timers::KINDS {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name(), "in events, and in a list");
    }
}

#[test]
fn what_was_set_or_stopped_is_told_of_once_and_that_a_timer_goes_off_is_not() {
    let mut timers = Timers::default();
    let at = Instant::from_millis(10);
    timers.arm(TimerKind::Retransmission, at);
    timers.arm(TimerKind::DelayedAck, at);
    timers.cancel(TimerKind::DelayedAck);
    timers.cancel(TimerKind::Pacing);
    let changes: Vec<_> = timers.take_changes().collect();
    let set = (TimerKind::Retransmission, Some(at));
    assert_eq!(changes, [set, (TimerKind::DelayedAck, None)]);
    timers.arm(TimerKind::Retransmission, at);
    assert_eq!(timers.take_changes().count(), 0, "to the same time");
    timers.arm(TimerKind::Persist, at);
    assert_eq!(timers.take_due(at), Some(TimerKind::Retransmission));
    assert_eq!(timers.take_changes().collect::<Vec<_>>(), [(TimerKind::Persist, Some(at))]);
}
