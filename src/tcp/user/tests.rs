use super::*;
use crate::tcp::Keepalive;
use crate::tcp::testing::*;
use crate::wire::tcp::Flags;

fn with_linger(linger: Duration) -> Rig {
    let config = Config { linger: Some(linger), ..Config::default() };
    Rig::open(Setup { config, ..Setup::default() })
}

fn last_cause(rig: &Rig) -> Cause {
    rig.changes().last().unwrap().2
}

// SEND and RECEIVE (RFC 9293 3.10.2, 3.10.3).

#[test]
fn writes_are_taken_while_there_is_room_rfc_9293_3_10_2() {
    let config = Config { send_buffer: 1_000, ..Config::default() };
    let mut rig = Rig::open(Setup { config, window: 0, ..Setup::default() });
    assert_eq!(rig.tcb.send(&[1; 600]), Ok(600));
    assert_eq!(rig.tcb.send(&[2; 600]), Ok(400));
    assert_eq!(rig.tcb.send(&[3; 600]), Err(Refused::WouldBlock));
    assert_eq!(rig.tcb.send(&[]), Ok(0));
    assert_eq!(rig.tcb.send_room(), 0);
    let mut bytes = Bytes::from_static(b"more");
    assert_eq!(rig.tcb.send_bytes(&mut bytes), Err(Refused::WouldBlock));
    assert_eq!(bytes.len(), 4);
}

#[test]
fn room_comes_back_with_acknowledgments() {
    let config = Config { send_buffer: 1_000, ..Config::default() };
    let mut rig = Rig::open(Setup { config, ..Setup::default() });
    rig.write(1_000);
    rig.transmit();
    rig.ack_arrives_of(301);
    let room = rig.tcb.send_room();
    assert!((200..=300).contains(&room), "{room}");
    rig.ack_arrives();
    assert_eq!(rig.tcb.send_room(), 1_000);
}

/// As Linux's tcp_sndbuf_expand: twice the congestion window, and never smaller again while there is memory.
#[test]
fn the_send_buffer_grows_with_the_congestion_window() {
    let mut setup = Setup { window: 65_535, ..Setup::default() };
    setup.config.send_buffer = 60_000;
    setup.config.send_buffer_initial = 10_000;
    let mut rig = Rig::open(setup);
    let cwnd = rig.tcb.info().cwnd;
    assert_eq!((cwnd, rig.tcb.info().send_limit), (10 * FULL, 2 * cwnd));
    while rig.tcb.info().cwnd < 40 * FULL {
        let room = rig.tcb.send_room() as u32;
        assert_eq!(room, rig.tcb.send_limit());
        rig.write(room);
        rig.transmit();
        let sent = rig.tcb.info().send_queue;
        assert!(sent >= rig.tcb.info().cwnd);
        rig.ack_arrives();
        while rig.tcb.info().send_queue > 0 {
            rig.transmit();
            rig.ack_arrives();
        }
        assert_eq!(rig.tcb.send_limit(), (2 * rig.tcb.info().cwnd).min(60_000));
    }
    rig.tcb.tune_send_buffer(Memory::Scarce);
    assert_eq!(rig.tcb.send_limit(), 10_000);
    rig.tcb.tune_send_buffer(Memory::Exhausted);
    assert_eq!(rig.tcb.send_limit(), 4_096, "not nothing: nobody would wake the writer");
    rig.tcb.tune_send_buffer(Memory::Plenty);
    assert_eq!(rig.tcb.send_limit(), 60_000);
}

#[test]
fn after_a_shutdown_nothing_can_be_written_rfc_9293_3_10_2() {
    for state in [State::FinWait1, State::FinWait2, State::Closing, State::LastAck] {
        let mut rig = Rig::in_state(state);
        assert!(!rig.tcb.can_send(), "{state}");
        assert_eq!(rig.tcb.send(b"x"), Err(Refused::Closed), "{state}");
        let mut bytes = Bytes::from_static(b"x");
        assert_eq!(rig.tcb.send_bytes(&mut bytes), Err(Refused::Closed), "{state}");
    }
    for state in [State::Established, State::CloseWait] {
        assert!(Rig::in_state(state).tcb.can_send(), "{state}");
    }
}

#[test]
fn reads_wait_for_text_and_end_with_the_peers_fin_rfc_9293_3_10_3() {
    let mut rig = Rig::open(Setup::default());
    assert_eq!(rig.tcb.receive(10), Err(Refused::WouldBlock));
    rig.text_arrives(30);
    assert_eq!(rig.tcb.receive(10).unwrap(), stream(1, 10));
    rig.fin_arrives();
    assert_eq!(rig.tcb.receive(100).unwrap(), stream(11, 20));
    assert_eq!(rig.tcb.receive(100).unwrap(), "");
    assert_eq!(rig.tcb.receive(100).unwrap(), "", "and stay at the end");
}

// CLOSE (RFC 9293 3.10.4, 3.6).

#[test]
fn close_sends_what_was_written_and_then_the_fin_rfc_9293_3_10_4() {
    let mut rig = Rig::open(Setup::default());
    rig.write(30_000);
    let mut sent = rig.close();
    assert!(rig.tcb.is_detached());
    for _ in 0..10 {
        rig.ack_arrives();
        sent.extend(rig.transmit());
    }
    let text: Vec<u8> = sent.iter().flat_map(|sent| sent.text.clone()).collect();
    assert_eq!(text, stream(0, 30_000));
    let fins: Vec<_> = sent.iter().filter(|sent| sent.flags.contains(Flags::FIN)).collect();
    assert_eq!(fins.len(), 1);
    assert_eq!(fins[0].seq + fins[0].len, 30_001);
    assert_eq!(rig.tcb.state(), State::FinWait2);
}

#[test]
fn shutting_down_twice_changes_nothing() {
    for state in [State::FinWait1, State::FinWait2, State::Closing, State::LastAck] {
        let mut rig = Rig::in_state(state);
        assert!(rig.shutdown().is_empty());
        assert_eq!(rig.changes(), []);
    }
}

#[test]
fn closing_before_the_handshake_sends_nothing_more_rfc_9293_3_10_4() {
    let mut rig = Rig::syn_sent(Setup::default());
    assert!(rig.close().is_empty());
    assert_eq!((rig.tcb.state(), last_cause(&rig)), (State::Closed, Cause::UserClose));
    assert_eq!(rig.tcb.next_deadline(), None);
}

#[test]
fn closing_with_unread_text_resets_rfc_2525_2_17() {
    for out_of_order in [false, true] {
        let mut rig = Rig::open(Setup::default());
        let at = if out_of_order { 50 } else { 1 };
        let text = rig.text(at, 10);
        rig.arrive(text).unwrap();
        let reset = rig.close().remove(0);
        assert!(reset.flags.contains(Flags::RST));
        assert_eq!((rig.tcb.state(), last_cause(&rig)), (State::Closed, Cause::UserAbort));
        assert_eq!(rig.tcb.error(), Some(Error::Aborted));
    }
}

// ABORT (RFC 9293 3.10.5).

#[test]
fn an_abort_resets_where_the_peer_may_know_of_the_connection_rfc_9293_3_10_5() {
    let resets = [
        (State::Established, true),
        (State::FinWait1, true),
        (State::FinWait2, true),
        (State::CloseWait, true),
        (State::Closing, false),
        (State::LastAck, false),
    ];
    for (state, resets) in resets {
        let mut rig = Rig::in_state(state);
        let next = rig.tcb.snd.nxt - rig.tcb.snd.iss;
        rig.with(|tcb, cx| tcb.abort(cx, Cause::UserAbort));
        let sent = rig.transmit();
        assert_eq!(sent.len(), usize::from(resets), "{state}");
        if let [reset] = &sent[..] {
            assert_eq!((reset.seq, reset.ack), (next, rig.peer_nxt), "{state}");
            assert_eq!(reset.flags, Flags::RST | Flags::ACK, "{state}");
        }
        assert_eq!((rig.tcb.state(), last_cause(&rig)), (State::Closed, Cause::UserAbort));
        assert!(!rig.tcb.has_reset_to_send());
    }
    let mut rig = Rig::in_state(State::TimeWait);
    rig.with(|tcb, cx| tcb.abort(cx, Cause::UserAbort));
    rig.silent();
    assert_eq!((rig.tcb.state(), rig.changes()), (State::TimeWait, Vec::new()));
    let mut rig = Rig::syn_sent(Setup::default());
    rig.with(|tcb, cx| tcb.abort(cx, Cause::UserAbort));
    rig.silent();
}

// Linger (SO_LINGER; RFC 9293 3.9.1 leaves it to the interface).

#[test]
fn linger_zero_resets() {
    let mut rig = with_linger(Duration::ZERO);
    rig.write(100);
    let sent = rig.close();
    assert_eq!(sent.len(), 1, "no text any more");
    assert!(sent[0].flags.contains(Flags::RST));
    assert_eq!(last_cause(&rig), Cause::UserAbort);
}

#[test]
fn what_is_not_done_when_linger_ends_is_reset() {
    let mut rig = with_linger(s(5));
    rig.write(100);
    let closed = rig.now;
    rig.close();
    let sent = rig.sleep(s(60));
    let reset = sent.last().unwrap();
    assert_eq!((reset.why, reset.at), (Why::Reset, closed + s(5)));
    assert_eq!((last_cause(&rig), rig.tcb.error()), (Cause::LingerTimeout, Some(Error::Aborted)));
}

#[test]
fn what_is_done_in_time_is_not_touched_by_linger() {
    let mut rig = with_linger(s(5));
    rig.write(100);
    rig.close();
    rig.now += s(1);
    rig.ack_arrives();
    rig.fin_arrives();
    assert_eq!(rig.tcb.state(), State::TimeWait);
    assert_eq!(rig.tcb.next_deadline(), None);
    assert_eq!(rig.tcb.error(), None);
}

// FIN-WAIT-2 without an application.

#[test]
fn fin_wait_2_ends_after_a_while_when_nobody_can_read() {
    for close_late in [false, true] {
        let mut rig = Rig::open(Setup::default());
        if close_late {
            rig.shutdown();
            rig.ack_arrives();
            rig.now += s(1_000);
            rig.close();
        } else {
            rig.close();
            rig.ack_arrives();
        }
        let since = rig.now;
        assert_eq!(rig.tcb.state(), State::FinWait2);
        assert_eq!(rig.tcb.next_deadline(), Some(since + s(60)));
        assert!(rig.sleep(s(60)).is_empty(), "in silence, as in Linux");
        assert_eq!((rig.tcb.state(), last_cause(&rig)), (State::Closed, Cause::FinWait2Timeout));
        assert_eq!(rig.tcb.error(), None);
    }
}

#[test]
fn fin_wait_2_lasts_while_somebody_can_read_rfc_9293_3_6() {
    let mut rig = Rig::in_state(State::FinWait2);
    assert_eq!(rig.tcb.next_deadline(), None);
    rig.sleep(s(100_000));
    rig.text_arrives(10);
    rig.read(1, 10);
}

// Keepalive settings.

#[test]
fn keepalive_can_be_turned_on_and_off_rfc_9293_3_8_4_must_24() {
    let mut rig = Rig::open(Setup::default());
    assert_eq!(rig.tcb.next_deadline(), None, "off by default [MUST-25]");
    rig.configure(|config| config.keepalive = Some(Keepalive::default()));
    assert_eq!(rig.tcb.next_deadline(), Some(rig.now + s(7_200)), "two hours [MUST-28]");
    rig.configure(|config| config.keepalive = None);
    assert_eq!(rig.tcb.next_deadline(), None);
}

#[test]
fn settings_of_a_closed_connection_start_no_timer() {
    let mut rig = Rig::open(Setup::default());
    rig.with(|tcb, cx| tcb.abort(cx, Cause::UserAbort));
    rig.transmit();
    rig.configure(|config| config.keepalive = Some(Keepalive::default()));
    assert_eq!(rig.tcb.next_deadline(), None);
}

// The congestion control (RFC 5681), as TCP_CONGESTION changes it.

fn set_congestion_control(rig: &mut Rig, algorithm: Algorithm) {
    rig.with(|tcb, cx| tcb.configure(cx, |config| config.congestion = algorithm));
}

#[test]
fn before_the_handshake_another_congestion_control_begins_anew() {
    let mut rig = Rig::syn_sent(Setup::default());
    set_congestion_control(&mut rig, Algorithm::Tahoe);
    rig.now += ms(100);
    let syn_ack = rig.syn(Some(1));
    rig.arrive(syn_ack).unwrap();
    assert_eq!(rig.tcb.config().congestion, Algorithm::Tahoe);
    let info = rig.tcb.info();
    assert_eq!((info.congestion, info.cwnd, info.ssthresh), (Algorithm::Tahoe, 10 * FULL, None));
}

#[test]
fn in_the_middle_another_congestion_control_goes_on_with_the_window() {
    let mut rig = Rig::open(Setup::default());
    rig.write(40_000);
    rig.transmit();
    rig.ack_arrives();
    rig.transmit();
    rig.sleep(s(2));
    let before = rig.tcb.info();
    assert!(before.ssthresh.is_some());
    for algorithm in Algorithm::ALL {
        set_congestion_control(&mut rig, algorithm);
        let after = rig.tcb.info();
        assert_eq!(after.congestion, algorithm);
        assert_eq!(rig.tcb.config().congestion, algorithm);
        assert!(after.cwnd >= before.cwnd, "{algorithm}: {} bytes", after.cwnd);
        rig.tcb.check_invariants();
    }
}

#[test]
fn a_recovery_is_finished_under_another_congestion_control() {
    for algorithm in Algorithm::ALL {
        let mut rig = Rig::open(Setup { sack: false, ..Setup::default() });
        rig.write(20_000);
        rig.transmit();
        rig.duplicates_arrive(1, 3);
        assert_eq!(rig.transmit()[0].brief(), (1, FULL, Why::FastRetransmit));
        set_congestion_control(&mut rig, algorithm);
        rig.now += ms(100);
        for _ in 0..40 {
            rig.ack_arrives();
            rig.sleep(ms(5)); // some are paced
            rig.tcb.check_invariants();
        }
        assert_eq!(rig.tcb.info().bytes_acked, 20_000, "{algorithm}");
    }
}

#[test]
fn the_same_congestion_control_keeps_what_it_knows() {
    let mut rig = Rig::open(Setup::default());
    rig.write(10_000);
    rig.transmit();
    rig.ack_arrives();
    let before = rig.tcb.info();
    set_congestion_control(&mut rig, before.congestion);
    assert_eq!(rig.tcb.info(), before);
}

// Settings of sockets.

/// TCP_NOTSENT_LOWAT, as Linux's tcp_stream_memory_free: whole bursts, of which each is half the largest window.
#[test]
fn a_writer_waits_while_much_is_not_sent() {
    let mut setup = Setup { window: 8_250, ..Setup::default() };
    setup.config.notsent_low = Some(4_000);
    let mut rig = Rig::open(setup);
    assert!(rig.tcb.is_writable());
    let burst = 33_000 / 2 / FULL * FULL;
    let taken = rig.tcb.send(&stream(0, 59_000)).unwrap() as u32;
    assert_eq!(taken, 10 * FULL + burst);
    assert_eq!(rig.tcb.send(b"x"), Err(Refused::WouldBlock));
    rig.transmit();
    assert!(!rig.tcb.is_writable());
    while rig.tcb.info().details.unsent >= 2_000 {
        assert!(!rig.tcb.is_writable());
        let next = rig.tcb.info().bytes_acked as u32 + 1 + FULL;
        rig.ack_arrives_of(next);
        rig.transmit();
    }
    assert!(rig.tcb.is_writable());
    assert!(rig.tcb.send(b"x").is_ok());
}

#[test]
fn buffers_that_are_set_are_fixed() {
    let config = Config { receive_buffer: 1 << 20, ..Config::default() };
    let mut rig = Rig::open(Setup { config, ..Setup::default() });
    rig.configure(|config| config.fix_receive_buffer(30_000));
    rig.configure(|config| config.fix_send_buffer(20_000));
    assert_eq!(rig.tcb.send_limit(), 20_000);
    rig.text_arrives(FULL);
    rig.text_arrives(FULL);
    rig.transmit();
    assert_eq!(rig.tcb.info().receive_limit, 30_000);
    let mut config = Config::default();
    config.fix_send_buffer(0);
    assert_eq!(config.first_send_buffer(), 1);
}

#[test]
fn a_clamp_bounds_the_window() {
    let mut setup = Setup::default();
    setup.config.window_clamp = Some(5_000);
    let mut rig = Rig::connecting(setup);
    assert_eq!(rig.transmit_one().window, 5_000);
    rig.now += ms(100);
    let syn_ack = rig.syn(Some(1));
    rig.arrive(syn_ack).unwrap();
    assert!(rig.transmit_one().window <= 5_000);
    rig.text_arrives(1_000);
    rig.read(1, 1_000);
    assert!(rig.sleep(s(1)).iter().all(|sent| sent.window <= 5_000));
}

#[test]
fn times_of_keepalive_are_kept_while_it_is_off() {
    let times = Keepalive { idle: s(30), interval: s(5), count: 2 };
    let mut rig = Rig::open(Setup::default());
    rig.configure(|config| config.time_keepalive(times));
    assert_eq!(rig.tcb.config().keepalive, None);
    rig.now += s(10);
    rig.configure(|config| config.turn_keepalive(true));
    assert_eq!(rig.tcb.config().keepalive, Some(times));
    assert_eq!(rig.tcb.next_deadline(), Some(rig.now + s(20)), "ten have passed already");
    rig.configure(|config| config.nodelay = true);
    assert_eq!(rig.tcb.next_deadline(), Some(rig.now + s(20)), "another setting changes nothing");
    rig.configure(|config| config.time_keepalive(Keepalive { idle: s(5), ..times }));
    assert_eq!(rig.tcb.next_deadline(), Some(rig.now), "it is due");
    rig.configure(|config| config.turn_keepalive(false));
    assert_eq!(rig.tcb.config().keepalive_times.idle, s(5));
    assert_eq!(rig.tcb.next_deadline(), None);
}

#[test]
fn quick_acknowledgments_can_be_asked_for_as_in_linux() {
    let mut rig = Rig::open(Setup::default());
    rig.write_arrives(10);
    rig.write(10);
    rig.transmit();
    assert!(!rig.tcb.quick_ack(), "an answer was sent");
    rig.ack_arrives();
    rig.write_arrives(10);
    rig.silent();
    rig.tcb.set_quick_ack(true);
    assert!(rig.tcb.quick_ack());
    assert_eq!(rig.transmit_one().why, Why::AckQuick, "what waited goes at once");
    rig.tcb.set_quick_ack(false);
    assert!(!rig.tcb.quick_ack());
}

// Errors, and halves that are shut down.

#[test]
fn the_error_is_told_once_to_who_takes_it() {
    let mut rig = Rig::open(Setup::default());
    assert_eq!(rig.tcb.take_error(), None);
    let reset = rig.rst(1);
    rig.arrive(reset).unwrap();
    assert_eq!(rig.tcb.pending_error(), Some(Error::Reset));
    assert_eq!(rig.tcb.take_error(), Some(Error::Reset));
    assert_eq!((rig.tcb.pending_error(), rig.tcb.take_error()), (None, None));
    assert_eq!(rig.tcb.receive(1), Err(Refused::Failed(Error::Reset)), "calls go on telling it");
}

#[test]
fn a_half_shut_for_reading_gives_what_arrives_and_does_not_wait() {
    let mut rig = Rig::open(Setup::default());
    rig.text_arrives(10);
    rig.tcb.shutdown_read();
    assert_eq!(rig.tcb.receive(100).unwrap(), stream(1, 10));
    assert_eq!(rig.tcb.receive(100).unwrap(), "");
    rig.text_arrives(10);
    rig.transmit();
    assert_eq!(rig.tcb.receive(100).unwrap(), stream(11, 10), "the peer is not told");
    assert_eq!(rig.tcb.state(), State::Established);
}

#[test]
fn text_for_a_half_shut_for_reading_is_reset_once_nothing_more_is_sent_rfc_1122_4_2_2_13() {
    let mut rig = Rig::open(Setup::default());
    rig.tcb.shutdown_read();
    rig.shutdown();
    let text = rig.text(1, 10);
    rig.arrive(text).unwrap_err();
    assert_eq!(rig.tcb.state(), State::Closed);
    assert!(rig.transmit_one().flags.contains(Flags::RST));
}

#[test]
fn everything_is_finished_when_the_end_is_acknowledged() {
    let mut rig = Rig::open(Setup::default());
    rig.write(10);
    assert_eq!((rig.tcb.unacknowledged(), rig.tcb.unsent()), (10, 10));
    rig.with(|tcb, cx| tcb.shutdown_write(cx));
    assert_eq!((rig.tcb.unacknowledged(), rig.tcb.unsent()), (11, 11));
    rig.transmit();
    assert_eq!((rig.tcb.unacknowledged(), rig.tcb.unsent()), (11, 0));
    rig.ack_arrives_of(11);
    assert!(!rig.tcb.is_finished());
    rig.ack_arrives();
    assert!(rig.tcb.is_finished());
    assert_eq!((rig.tcb.unacknowledged(), rig.tcb.unsent()), (0, 0));
}
