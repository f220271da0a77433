//! A connection over time: its timers, from the outside.

use super::*;
use crate::event::{Limit, Why};
use crate::tcp::output::Plan;
use crate::tcp::testing::*;
use crate::tcp::{Keepalive, Refused};
use crate::time::Duration;
use crate::wire::tcp::Flags;

const KEEPALIVE: Keepalive = Keepalive { idle: s(100), interval: s(10), count: 3 };

fn configured(change: impl FnOnce(&mut Config)) -> Setup {
    let mut setup = Setup::default();
    change(&mut setup.config);
    setup
}

/// The times between what was sent, in milliseconds.
fn gaps(from: Instant, sent: &[Sent]) -> Vec<u128> {
    let times = std::iter::once(from).chain(sent.iter().map(|sent| sent.at));
    let times: Vec<Instant> = times.collect();
    times.windows(2).map(|pair| pair[1].since(pair[0]).as_millis()).collect()
}

fn ended(rig: &Rig) -> (State, Cause, Option<Error>) {
    let (_, to, cause) = *rig.changes().last().unwrap();
    (to, cause, rig.tcb.error())
}

/// A connection with data to send and a closed window.
fn blocked(config: impl FnOnce(&mut Config)) -> Rig {
    let mut rig = Rig::open(Setup { window: 0, ..configured(config) });
    rig.write(5_000);
    assert_eq!(rig.tcb.plan(rig.now), Plan::Wait(Limit::PeerWindow));
    rig.silent();
    rig
}

/// The peer says that its window is still closed.
fn still_closed(rig: &mut Rig) {
    rig.ack_arrives_of(1);
}

// RFC 6298: retransmission of data.

#[test]
fn the_time_out_doubles_up_to_two_minutes_rfc_6298_5_5() {
    let mut rig = Rig::open(Setup::default());
    rig.write(100);
    let first = rig.transmit_one();
    let again = rig.sleep(s(600));
    let expected = [300, 600, 1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 76_800, 120_000, 120_000];
    assert_eq!(gaps(first.at, &again)[..11], expected);
    for (nth, sent) in again.iter().enumerate() {
        assert_eq!(sent.brief(), (1, 100, Why::Rto(nth as u8 + 1)));
        assert_eq!(sent.text, &stream(0, 100)[..]);
    }
}

#[test]
fn data_is_given_up_after_15_retransmissions_rfc_9293_3_8_3_must_20() {
    let mut rig = Rig::open(Setup::default());
    rig.write(100);
    rig.transmit();
    let sent = rig.sleep(s(3_600));
    assert_eq!(sent.len(), 16);
    assert_eq!(sent[14].why, Why::Rto(15));
    assert_eq!((sent[15].why, sent[15].at.since(sent[14].at)), (Why::Reset, s(120)));
    let timed_out = (State::Closed, Cause::RetransmissionLimit, Some(Error::TimedOut));
    assert_eq!(ended(&rig), timed_out);
    assert!(rig.now.since(sent[0].at) > s(100), "RFC 9293 3.8.3 [SHLD-11]: at least 100 s");
    assert_eq!(rig.tcb.receive(1), Err(Refused::Failed(Error::TimedOut)));
}

#[test]
fn an_acknowledgment_of_new_data_ends_the_backoff_rfc_6298_5() {
    let mut rig = Rig::open(Setup::default());
    rig.write(100);
    rig.transmit();
    rig.sleep(s(3));
    assert!(rig.tcb.backoff > 2);
    rig.ack_arrives();
    assert_eq!(rig.tcb.backoff, 0);
    rig.write(100);
    let sent = rig.transmit_one();
    let again = rig.sleep(rig.tcb.info().rto);
    assert_eq!(again.last().unwrap().brief(), (sent.seq, 100, Why::Rto(1)));
}

#[test]
fn a_duplicate_does_not_end_the_backoff_rfc_6298_5() {
    let mut rig = Rig::open(Setup::default());
    rig.write(100);
    rig.transmit();
    rig.sleep(s(3));
    let before = rig.tcb.backoff;
    rig.duplicates_arrive(1, 2);
    assert_eq!(rig.tcb.backoff, before);
}

#[test]
fn a_time_out_collapses_the_window_once_rfc_5681_3_1() {
    let mut rig = Rig::open(Setup::default());
    rig.write(50_000);
    rig.transmit();
    rig.sleep(ms(300));
    let info = rig.tcb.info();
    assert_eq!((info.cwnd, info.ssthresh), (FULL, Some(5 * FULL)));
    rig.sleep(s(10));
    assert_eq!(rig.tcb.info().ssthresh, Some(5 * FULL), "not again for the same data");
}

#[test]
fn a_retransmission_gathers_many_small_writes() {
    // (The rig compares the text with what was written.)
    for write in [1, 7, 100, 333] {
        let mut rig = Rig::open(configured(|config| config.nodelay = true));
        for _ in 0..30 {
            rig.write(write);
            rig.transmit();
        }
        let end = 1 + 30 * write;
        let mut una = 1;
        while una < end {
            let sent = rig.sleep(s(1)).remove(0);
            assert_eq!(sent.seq, una);
            una = sent.seq + sent.len;
            rig.ack_arrives_of(una);
        }
        assert_eq!(rig.tcb.next_deadline(), None);
    }
}

// SYNs.

#[test]
fn a_syn_is_sent_again_after_one_second_rfc_6298_2_1() {
    let mut rig = Rig::connecting(Setup::default());
    let syn = rig.transmit_one();
    let again = rig.sleep(s(1));
    assert_eq!(gaps(syn.at, &again), [1_000]);
    assert_eq!(again[0].brief(), (0, 0, Why::HandshakeRetransmission(1)));
    assert_eq!((again[0].flags, &again[0].options.mss), (Flags::SYN, &syn.options.mss));
}

#[test]
fn a_syn_is_given_up_after_six_retransmissions_rfc_9293_3_8_3_must_23() {
    let mut rig = Rig::syn_sent(Setup::default());
    let start = rig.now;
    let sent = rig.sleep(s(3_600));
    assert_eq!(sent.len(), 6);
    assert_eq!(sent[5].why, Why::HandshakeRetransmission(6));
    let timed_out = (State::Closed, Cause::RetransmissionLimit, Some(Error::TimedOut));
    assert_eq!(ended(&rig), timed_out);
    assert!(!rig.tcb.has_reset_to_send(), "nobody knows of it");
    assert!(sent[5].at.since(start) >= s(60));
    assert_eq!(rig.tcb.info().retransmissions, 6);
}

#[test]
fn after_a_lost_syn_the_time_out_for_data_is_three_seconds_rfc_6298_5_7() {
    let mut rig = Rig::syn_sent(Setup { timestamps: false, ..Setup::default() });
    rig.sleep(ms(1_500));
    let syn_ack = rig.syn(Some(1));
    rig.arrive(syn_ack).unwrap();
    rig.write(10);
    let sent = rig.transmit_one();
    let again = rig.sleep(s(3));
    assert_eq!(gaps(sent.at, &again), [3_000]);
}

// The user time-out.

#[test]
fn the_user_time_out_ends_a_connection_that_gets_no_answer_rfc_9293_3_8_3() {
    let mut rig = Rig::open(configured(|config| config.user_timeout = Some(s(7))));
    rig.sleep(s(1_000)); // idle time does not count
    rig.write(100);
    let first = rig.transmit_one();
    let sent = rig.sleep(s(60));
    let reset = sent.last().unwrap();
    assert_eq!((reset.why, reset.at), (Why::Reset, first.at + s(7)));
    assert_eq!(ended(&rig), (State::Closed, Cause::UserTimeout, Some(Error::TimedOut)));
}

#[test]
fn progress_restarts_the_user_time_out_rfc_9293_3_8_3() {
    let mut rig = Rig::open(configured(|config| config.user_timeout = Some(s(7))));
    rig.write(10_000);
    rig.transmit();
    for n in 1..=5 {
        rig.sleep(s(5));
        rig.ack_arrives_of(1 + n * 1_000);
    }
    assert_eq!(rig.tcb.state(), State::Established);
}

#[test]
fn the_user_time_out_holds_for_syns_and_closed_windows_rfc_9293_3_8_3() {
    let mut rig = Rig::syn_sent(configured(|config| config.user_timeout = Some(s(2))));
    let start = rig.now;
    rig.sleep(s(1));
    assert_eq!(rig.tcb.next_deadline(), Some(start + s(2)));
    rig.sleep(s(1));
    assert_eq!(ended(&rig), (State::Closed, Cause::UserTimeout, Some(Error::TimedOut)));

    let mut rig = blocked(|config| config.user_timeout = Some(s(2)));
    rig.sleep(s(2));
    assert_eq!(ended(&rig), (State::Closed, Cause::UserTimeout, Some(Error::TimedOut)));
}

// RFC 9293 3.8.6.1: zero-window probing.

#[test]
fn probes_of_a_closed_window_back_off_rfc_9293_3_8_6_1_shld_30() {
    let mut rig = blocked(|_| ());
    let start = rig.now;
    let probes = rig.sleep(s(20));
    assert_eq!(gaps(start, &probes), [300, 600, 1_200, 2_400, 4_800, 9_600], "[SHLD-29]");
    for probe in &probes {
        // An acknowledged sequence number makes the peer answer.
        assert_eq!(probe.brief(), (0, 0, Why::ZeroWindowProbe));
    }
}

#[test]
fn a_peer_that_answers_is_probed_for_ever_rfc_9293_3_8_6_1_must_37() {
    let mut rig = blocked(|config| config.retransmission_limit = 4);
    for _ in 0..100 {
        let until = rig.tcb.next_deadline().unwrap();
        let probes = rig.sleep(until.since(rig.now));
        assert_eq!(probes.last().unwrap().why, Why::ZeroWindowProbe);
        still_closed(&mut rig);
    }
    assert_eq!(rig.tcb.state(), State::Established);
}

#[test]
fn a_peer_that_no_longer_answers_probes_is_given_up() {
    let mut rig = blocked(|_| ());
    let sent = rig.sleep(s(3_600));
    let probes = sent.iter().filter(|sent| sent.why == Why::ZeroWindowProbe).count();
    assert_eq!((probes, sent.last().unwrap().why), (15, Why::Reset));
    let timed_out = (State::Closed, Cause::RetransmissionLimit, Some(Error::TimedOut));
    assert_eq!(ended(&rig), timed_out);
}

#[test]
fn an_open_window_stops_the_probes_and_starts_the_data_rfc_9293_3_8_6_1() {
    let mut rig = blocked(|_| ());
    rig.sleep(s(20));
    rig.setup.window = 16_000;
    rig.ack_arrives_of(1);
    assert_eq!(rig.tcb.backoff, 0);
    let sent: u32 = rig.transmit().iter().map(|sent| sent.len).sum();
    assert_eq!(sent, 5_000);
    assert!(!rig.tcb.timers.is_armed(TimerKind::Persist));
    rig.ack_arrives();
    assert_eq!(rig.tcb.next_deadline(), None);
}

#[test]
fn a_lost_window_update_is_found_by_a_probe_rfc_9293_3_8_6_1() {
    let mut rig = blocked(|_| ());
    let probe = rig.sleep(ms(300)).remove(0);
    assert_eq!(probe.why, Why::ZeroWindowProbe);
    rig.setup.window = 16_000;
    rig.ack_arrives_of(1); // the answer to the probe tells the window
    assert!(!rig.transmit().is_empty());
}

#[test]
fn a_fin_waits_for_window_and_is_probed_for_rfc_9293_3_8_6_1() {
    let mut rig = Rig::open(Setup { window: 0, ..Setup::default() });
    assert!(rig.shutdown().is_empty());
    assert_eq!(rig.sleep(ms(300))[0].why, Why::ZeroWindowProbe);
    rig.setup.window = 1;
    rig.ack_arrives_of(1);
    assert_eq!(rig.transmit_one().why, Why::Fin);
}

#[test]
fn a_silly_window_is_overridden_in_time_rfc_9293_3_8_6_2_1() {
    let mut rig = Rig::open(Setup { scale: Some(0), window: 8_000, ..Setup::default() });
    rig.setup.window = 100;
    rig.ack_arrives();
    rig.write(5_000);
    assert_eq!(rig.tcb.plan(rig.now), Plan::Wait(Limit::SillyWindow));
    rig.silent();
    // RFC 9293 3.8.6.2.1: the override is in the range of 0.1 to 1 s.
    let start = rig.now;
    let sent = rig.sleep(s(1));
    assert_eq!(sent[0].brief(), (1, 100, Why::NewData));
    assert!((ms(100)..=s(1)).contains(&sent[0].at.since(start)));
}

#[test]
fn a_window_that_opens_a_little_after_long_probing_is_used_in_time() {
    let mut rig = Rig::open(Setup { scale: Some(0), window: 8_000, ..Setup::default() });
    rig.setup.window = 0;
    rig.ack_arrives();
    rig.write(5_000);
    rig.sleep(s(60));
    rig.setup.window = 100;
    rig.ack_arrives();
    // Not after the long wait between the last probes.
    let sent = rig.sleep(s(1));
    assert_eq!(sent[0].brief(), (1, 100, Why::NewData));
}

// RFC 9293 3.8.4: keepalive.

#[test]
fn an_idle_connection_is_probed_and_given_up_rfc_9293_3_8_4() {
    let mut rig = Rig::open(configured(|config| config.keepalive = Some(KEEPALIVE)));
    let idle_since = rig.tcb.last_heard;
    let sent = rig.sleep(s(1_000));
    assert_eq!(gaps(idle_since, &sent), [100_000, 10_000, 10_000, 10_000]);
    for probe in &sent[..3] {
        assert_eq!((probe.brief(), probe.ack), ((0, 0, Why::Keepalive), 1), "[MUST-29]");
    }
    assert_eq!(sent[3].why, Why::Reset);
    assert_eq!(ended(&rig), (State::Closed, Cause::KeepaliveLimit, Some(Error::TimedOut)));
}

#[test]
fn an_answer_keeps_it_alive_rfc_9293_3_8_4() {
    let mut rig = Rig::open(configured(|config| config.keepalive = Some(KEEPALIVE)));
    let mut idle_since = rig.tcb.last_heard;
    for _ in 0..20 {
        let deadline = idle_since + s(120); // two of three probes are lost
        let probes = rig.sleep(deadline.since(rig.now));
        assert_eq!(gaps(idle_since, &probes), [100_000, 10_000, 10_000]);
        rig.ack_arrives();
        idle_since = rig.now;
    }
    assert_eq!(rig.tcb.state(), State::Established);
}

#[test]
fn no_probe_while_anything_is_heard_rfc_9293_3_8_4_must_26() {
    let mut rig = Rig::open(configured(|config| config.keepalive = Some(KEEPALIVE)));
    for _ in 0..50 {
        let sent = rig.sleep(s(90));
        assert!(sent.iter().all(|sent| sent.why != Why::Keepalive));
        rig.text_arrives(10);
    }
}

#[test]
fn no_probe_while_data_is_outstanding_rfc_9293_3_8_4() {
    let mut rig = Rig::open(configured(|config| config.keepalive = Some(KEEPALIVE)));
    rig.write(10);
    rig.transmit();
    let sent = rig.sleep(s(300));
    assert!(sent.iter().all(|sent| matches!(sent.why, Why::Rto(_))));
    assert_eq!(rig.tcb.state(), State::Established);
}

#[test]
fn keepalive_goes_on_in_half_closed_states() {
    for state in [State::CloseWait, State::FinWait2] {
        let setup = configured(|config| config.keepalive = Some(KEEPALIVE));
        let mut rig = Rig::in_state_with(state, setup);
        rig.sleep(s(1_000));
        assert_eq!(ended(&rig).1, Cause::KeepaliveLimit, "{state}");
    }
}

// RFC 5681 4.1: restart after idle.

#[test]
fn a_window_that_was_not_used_is_forgotten_rfc_5681_4_1() {
    let grown = |rig: &mut Rig| {
        for _ in 0..3 {
            rig.write(60_000);
            while !rig.transmit().is_empty() {
                rig.ack_arrives();
            }
        }
        rig.tcb.info().cwnd
    };
    let setup = Setup { scale: Some(6), ..Setup::default() };
    let mut rig = Rig::open(setup.clone());
    let cwnd = grown(&mut rig);
    assert!(cwnd > 20 * FULL, "{cwnd}");
    let rto = rig.tcb.info().rto;
    rig.sleep(rto);
    rig.write(10);
    rig.transmit();
    assert_eq!(rig.tcb.info().cwnd, cwnd, "one time-out is not more than one");
    rig.ack_arrives();
    rig.sleep(rto + ms(1));
    rig.write(60_000);
    let burst: u32 = rig.transmit().iter().map(|sent| sent.len).sum();
    assert_eq!((burst, rig.tcb.info().cwnd), (10 * FULL, 10 * FULL));
}

#[test]
fn a_small_window_does_not_grow_by_idling_rfc_5681_4_1() {
    let mut rig = Rig::open(Setup::default());
    rig.write(50_000);
    rig.transmit();
    rig.sleep(ms(300));
    rig.ack_arrives_of(10_001);
    rig.transmit();
    rig.ack_arrives();
    let cwnd = rig.tcb.info().cwnd;
    assert!(cwnd < 10 * FULL);
    while rig.tcb.in_flight() > 0 || rig.tcb.snd.unsent() > 0 {
        rig.transmit();
        rig.ack_arrives();
    }
    let cwnd = rig.tcb.info().cwnd.min(10 * FULL);
    rig.sleep(s(10));
    rig.write(10);
    rig.transmit();
    assert_eq!(rig.tcb.info().cwnd, cwnd);
}

// The whole.

#[test]
fn a_transfer_across_the_wrap_with_losses_arrives_whole() {
    let mut rig = Rig::open(Setup::default());
    // The peer's numbers wrap after 2,500 bytes; every third segment comes late, every fifth twice.
    let (mut at, mut late, mut n) = (1, Vec::new(), 0);
    let mut got = Vec::new();
    while at < 40_000 {
        n += 1;
        let text = rig.text(at, 777);
        at += 777;
        if n % 3 == 0 {
            late.push(text);
        } else {
            let again = (n % 5 == 0).then(|| text.clone());
            rig.arrive(text).unwrap();
            again.map(|again| rig.arrive(again));
        }
        if n % 4 == 0 {
            late.drain(..).for_each(|text| rig.arrive(text).unwrap());
        }
        rig.transmit();
        while let Ok(chunk) = rig.tcb.receive(usize::MAX) {
            got.extend(chunk);
        }
    }
    late.drain(..).for_each(|text| rig.arrive(text).unwrap());
    while let Ok(chunk) = rig.tcb.receive(usize::MAX) {
        got.extend(chunk);
    }
    assert_eq!(got.len() as u32, at - 1);
    assert_eq!(got, stream(1, at - 1));
}

#[test]
fn info_shows_the_connection() {
    let mut rig = Rig::open(Setup::default());
    rig.text_arrives(70);
    rig.write(20_000);
    rig.transmit();
    let info = rig.tcb.info();
    assert_eq!((info.state, info.conn), (State::Established, ConnId(1)));
    assert_eq!((info.in_flight, info.send_queue, info.bytes_sent), (10_000, 20_000, 10_000));
    assert_eq!((info.receive_queue, info.bytes_received, info.rcv_wnd), (70, 70, 59_930));
    assert_eq!((info.snd_wnd, info.cwnd, info.ssthresh), (64_000, 10_000, None));
    assert_eq!((info.srtt, info.rttvar), (Some(ms(100)), ms(50)));
    assert_eq!(info.rto, Duration::from_millis(300));
}

/// What an idle connection costs beside its buffers; it grows only for a reason.
#[test]
fn a_control_block_stays_small() {
    assert!(size_of::<Tcb>() <= 1472, "{} bytes", size_of::<Tcb>());
}
