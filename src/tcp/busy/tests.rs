use super::*;

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[track_caller]
fn assert_near(got: Duration, expected: Duration) {
    // What is less than a tick counts for what follows.
    let tick = Duration::from_micros(66);
    assert!(got <= expected + tick && expected <= got + tick, "{got:?} and not {expected:?}");
}

#[test]
fn times_are_told_by_what_kept_the_sender() {
    let mut busy = Busy::default();
    busy.note(at(100), Doing::Sending);
    busy.note(at(130), Doing::PeerWindow);
    assert_near(busy.times(at(180)).peer_window, ms(50));
    assert_near(busy.times(at(180)).busy, ms(80));
    busy.note(at(230), Doing::SendBuffer);
    busy.note(at(250), Doing::Nothing);
    let times = busy.times(at(10_000));
    assert_near(times.busy, ms(150));
    assert_near(times.peer_window, ms(100));
    assert_near(times.send_buffer, ms(20));
}

#[test]
fn short_times_add_up() {
    let mut busy = Busy::default();
    for nth in 0..1000 {
        let begin = Instant::from_nanos(nth * 1_000_000);
        busy.note(begin, Doing::Sending);
        busy.note(begin + Duration::from_micros(40), Doing::SendBuffer);
        busy.note(begin + Duration::from_micros(80), Doing::Nothing);
    }
    let times = busy.times(at(2000));
    assert!((ms(35)..=ms(80)).contains(&times.busy), "{times:?}");
    assert!(times.send_buffer > ms(20), "{times:?}");
}
