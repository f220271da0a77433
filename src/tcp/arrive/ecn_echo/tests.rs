use crate::event::{State, Why};
use crate::tcp::congestion::Algorithm;
use crate::tcp::testing::{ECN_SETUP, FULL, Rig, Setup, ms, s};
use crate::tcp::{Config, Ecn};
use crate::wire::ip::{CE, ECT_0};
use crate::wire::tcp::{Flags, Segment};

const ECHO: Flags = Flags::from_bits(Flags::ACK.bits() | Flags::ECE.bits());

/// An acknowledgment up to `relative` that echoes a mark.
fn echo(rig: &Rig, relative: u32) -> Segment {
    Segment { flags: ECHO, ..rig.ack_of(relative) }
}

/// The next `len` bytes of the peer arrive marked, in a segment with these flags.
fn marked(rig: &mut Rig, len: u32, flags: Flags) {
    let text = Segment { ecn: CE, flags: Flags::ACK | flags, ..rig.text(rig.peer_nxt, len) };
    rig.peer_nxt += len;
    rig.arrive(text).unwrap();
}

/// Whether an answer to a mark carries ECE, and what is capable.
fn is_capable(rig: &mut Rig) -> (bool, bool) {
    marked(rig, 10, Flags::default());
    rig.write(10);
    let sent = rig.transmit_one();
    (sent.flags.contains(Flags::ECE), sent.ecn == ECT_0)
}

/// An active open whose SYN is answered with these flags.
fn answered(mut rig: Rig, flags: Flags) -> Rig {
    let syn_ack = rig.syn(Some(1));
    rig.arrive(Segment { flags: Flags::SYN | Flags::ACK | flags, ..syn_ack }).unwrap();
    rig.transmit();
    rig
}

#[test]
fn only_a_good_answer_turns_it_on() {
    for (flags, on) in
        [(Flags::ECE, true), (Flags::default(), false), (Flags::CWR, false), (ECN_SETUP, false)]
    {
        let mut rig = answered(Rig::syn_sent(Setup::ecn()), flags);
        assert_eq!(is_capable(&mut rig), (on, on), "{flags}");
    }
    // Nobody has asked.
    let mut rig = answered(Rig::syn_sent(Setup::default()), Flags::ECE);
    assert_eq!(is_capable(&mut rig), (false, false));
}

/// RFC 3168 6.1.1: once a SYN went without, nothing may be marked; but a peer that has answered the one
/// before may mark, and hears of it.
#[test]
fn an_answer_to_the_first_syn_comes_late() {
    let mut rig = Rig::syn_sent(Setup::ecn());
    rig.sleep(s(1));
    let mut rig = answered(rig, Flags::ECE);
    assert_eq!(is_capable(&mut rig), (true, false));
}

#[test]
fn both_open_at_once() {
    for (ecn, asks, on) in
        [(Ecn::Request, true, true), (Ecn::Request, false, false), (Ecn::Accept, true, false)]
    {
        let setup = Setup::default();
        let mut rig =
            Rig::syn_sent(Setup { config: Config { ecn, ..setup.config.clone() }, ..setup });
        let setup = if asks { ECN_SETUP } else { Flags::default() };
        let syn = Segment { flags: Flags::SYN | setup, ..rig.syn(None) };
        rig.arrive(syn).unwrap();
        let sent = rig.transmit_one();
        assert_eq!(sent.flags.contains(Flags::ECE), on, "{ecn} {asks}");
        assert!(!sent.flags.contains(Flags::CWR));
        // Its answer repeats the SYN: the flags on that echo no mark.
        let flags = Flags::SYN | Flags::ACK | if on { Flags::ECE } else { Flags::default() };
        let syn_ack = Segment { flags, ..rig.syn(Some(1)) };
        rig.arrive(syn_ack).unwrap();
        assert_eq!((rig.tcb.state(), rig.echoes()), (State::Established, 0));
        rig.transmit();
        assert_eq!(is_capable(&mut rig), (on, on), "{ecn} {asks}");
    }
}

/// Text on a SYN-ACK is processed like any other, and its ECE still belongs to the SYN.
#[test]
fn the_flags_of_a_syn_ack_with_text_are_no_echo() {
    let mut rig = Rig::syn_sent(Setup::ecn());
    let syn_ack = rig.syn(Some(1));
    let text = rig.text(1, 20).payload;
    rig.peer_nxt = 21;
    rig.arrive(Segment { payload: text, ..syn_ack }).unwrap();
    assert_eq!(rig.echoes(), 0);
    rig.transmit();
    rig.write(FULL);
    let sent = rig.transmit_one();
    assert_eq!((sent.ecn, sent.flags), (ECT_0, Flags::PSH | Flags::ACK));
}

/// RFC 3168 6.1.3: on all acknowledgments, those with data too, until CWR.
#[test]
fn a_mark_is_echoed_at_once_and_until_cwr() {
    let mut rig = Rig::open(Setup::ecn());
    marked(&mut rig, 10, Flags::default());
    let ack = rig.transmit_one();
    assert_eq!((ack.why, ack.flags), (Why::AckNow, ECHO));
    rig.text_arrives(10);
    let ack = rig.sleep(ms(50)).remove(0);
    assert_eq!((ack.why, ack.flags), (Why::AckDelayed, ECHO));
    rig.write(10);
    assert!(rig.transmit_one().flags.contains(Flags::ECE));

    let text = Segment { flags: Flags::ACK | Flags::CWR, ..rig.text(rig.peer_nxt, 10) };
    rig.peer_nxt += 10;
    rig.arrive(text).unwrap();
    let ack = rig.transmit_one();
    assert_eq!((ack.why, ack.flags), (Why::AckNow, Flags::ACK));
    // A mark on the segment that says so is a new one.
    marked(&mut rig, 10, Flags::CWR);
    assert_eq!(rig.transmit_one().flags, ECHO);
}

#[test]
fn marks_count_on_text_in_the_window_alone() {
    let mut rig = Rig::open(Setup::ecn());
    rig.text_arrives(FULL);
    rig.transmit();
    let ack = Segment { ecn: CE, ..rig.ack() };
    rig.arrive(ack).unwrap();
    // RFC 3168 6.1.5: old text, and text beyond the window.
    for at in [1, 90_000] {
        let text = Segment { ecn: CE, ..rig.text(at, 100) };
        rig.refused(text);
        assert_eq!(rig.transmit_one().flags, Flags::ACK, "{at}");
    }
    // Out of order is in the window.
    let text = Segment { ecn: CE, ..rig.text(5_000, 100) };
    rig.arrive(text).unwrap();
    assert_eq!(rig.transmit_one().flags, ECHO);
}

#[test]
fn without_agreement_marks_and_echoes_are_ignored() {
    let mut rig = Rig::open(Setup::default());
    marked(&mut rig, 10, Flags::default());
    rig.write(20 * FULL);
    let sent = rig.transmit();
    assert!(sent.iter().all(|sent| !sent.flags.contains(Flags::ECE) && sent.ecn == 0));
    let before = rig.tcb.congestion.window();
    let ack = echo(&rig, 1 + 2 * FULL);
    rig.arrive(ack).unwrap();
    assert_eq!(rig.echoes(), 0);
    assert!(rig.tcb.congestion.window() > before);
}

/// RFC 3168 6.1.2: half of what was in flight, once a window, and word of it.
#[test]
fn an_echo_halves_the_window_once_a_window() {
    for congestion in [Algorithm::Tahoe, Algorithm::Reno, Algorithm::NewReno] {
        let setup = Setup::ecn();
        let config = Config { congestion, ..setup.config };
        let mut rig = Rig::open(Setup { config, ..setup });
        rig.write(60 * FULL);
        rig.transmit();
        assert_eq!(rig.tcb.in_flight(), 10 * FULL);
        let ack = echo(&rig, 1 + 2 * FULL);
        rig.arrive(ack).unwrap();
        let window = |rig: &Rig| (rig.tcb.congestion.window(), rig.tcb.congestion.ssthresh());
        assert_eq!((window(&rig), rig.echoes()), ((5 * FULL, Some(5 * FULL)), 1), "{congestion}");
        rig.silent();
        for acked in [4, 6, 8, 10] {
            let ack = echo(&rig, 1 + acked * FULL);
            rig.arrive(ack).unwrap();
            let sent = rig.transmit();
            // The eleventh segment is the first new one.
            for (at, sent) in sent.iter().enumerate() {
                let first = at == 0 && sent.seq == 1 + 10 * FULL;
                assert_eq!(sent.flags.contains(Flags::CWR), first, "{sent:?}");
            }
        }
        assert_eq!((window(&rig), rig.echoes()), ((5 * FULL, Some(5 * FULL)), 1), "{congestion}");
        // What acknowledges the first byte of that is of the next window.
        let ack = echo(&rig, 2 + 10 * FULL);
        rig.arrive(ack).unwrap();
        assert_eq!(rig.echoes(), 2, "{congestion}");
        let info = rig.tcb.info();
        assert_eq!((info.ecn, info.ecn_reductions, info.retransmissions), (true, 2, 0));
    }
}

/// RFC 3168 6.1.2: an echo makes the window no larger, and is answered although it comes with the acknowledgment of all
/// that was in flight; then nothing has to come down, and what comes next may use what is left.
#[test]
fn an_echo_with_the_last_acknowledgment_is_answered() {
    for (congestion, left) in [(Algorithm::NewReno, 5), (Algorithm::Cubic, 7)] {
        let setup = Setup::ecn();
        let config = Config { congestion, ..setup.config };
        let mut rig = Rig::open(Setup { config, ..setup });
        rig.write(10 * FULL);
        rig.transmit();
        let ack = echo(&rig, 1 + 10 * FULL);
        rig.arrive(ack).unwrap();
        let window = (rig.tcb.cwnd(), rig.tcb.congestion.ssthresh());
        assert_eq!((window, rig.echoes()), ((left * FULL, Some(left * FULL)), 1), "{congestion}");
        rig.write(20 * FULL);
        let sent = rig.transmit();
        assert!(sent[0].flags.contains(Flags::CWR), "{congestion}");
        assert_eq!(rig.tcb.in_flight(), left * FULL, "{congestion}");
    }
}

/// RFC 3168 6.1.2: a mark and a loss in one window are answered once.
#[test]
fn a_loss_in_a_window_that_a_mark_was_answered_in() {
    let mut rig = Rig::open(Setup::ecn());
    rig.write(60 * FULL);
    rig.transmit();
    let ack = echo(&rig, 1 + 2 * FULL);
    rig.arrive(ack).unwrap();
    let before = rig.tcb.congestion.ssthresh();
    (0..3).for_each(|_| rig.arrive(echo(&rig, 1 + 2 * FULL)).unwrap());
    assert_eq!(rig.transmit_one().why, Why::FastRetransmit);
    assert_eq!((rig.tcb.congestion.ssthresh(), rig.echoes()), (before, 1));

    // A time-out without duplicates.
    let mut rig = Rig::open(Setup::ecn());
    rig.write(60 * FULL);
    rig.transmit();
    let ack = echo(&rig, 1 + 2 * FULL);
    rig.arrive(ack).unwrap();
    rig.sleep(s(1));
    assert_eq!(rig.tcb.congestion.ssthresh(), Some(5 * FULL));
}

#[test]
fn a_mark_in_a_window_that_a_loss_was_answered_in() {
    let mut rig = Rig::open(Setup::ecn());
    rig.write(60 * FULL);
    rig.transmit();
    rig.duplicates_arrive(1, 3);
    rig.transmit();
    let before = rig.tcb.congestion.ssthresh();
    let nxt = rig.tcb.snd.nxt - rig.ours(0);
    for at in [1 + 4 * FULL, nxt] {
        let ack = echo(&rig, at);
        rig.arrive(ack).unwrap();
        rig.transmit();
    }
    assert_eq!((rig.tcb.congestion.ssthresh(), rig.echoes()), (before, 0));
    // After a time-out slow start goes on although old marks are still echoed.
    let mut rig = Rig::open(Setup::ecn());
    rig.write(30 * FULL);
    rig.transmit();
    rig.sleep(s(1));
    assert_eq!(rig.tcb.congestion.window(), FULL);
    let ack = echo(&rig, 1 + FULL);
    rig.arrive(ack).unwrap();
    assert_eq!((rig.tcb.congestion.window(), rig.echoes()), (2 * FULL, 0));
}

#[test]
fn an_echo_with_nothing_in_flight_is_of_nothing() {
    let mut rig = Rig::open(Setup::ecn());
    rig.write(2 * FULL);
    rig.transmit();
    rig.ack_arrives();
    let ack = echo(&rig, 1 + 2 * FULL);
    rig.arrive(ack).unwrap();
    let old = echo(&rig, 1);
    rig.arrive(old).unwrap();
    assert_eq!(rig.echoes(), 0);
}

/// Whoever echoes on every acknowledgment slows the sender down, and no more: at most one reduction for
/// each window that went out, never below the least window, and everything arrives.
#[test]
fn an_echo_on_every_acknowledgment() {
    for congestion in Algorithm::ALL {
        let setup = Setup::ecn();
        let config = Config { congestion, ..setup.config };
        let mut rig = Rig::open(Setup { config, ..setup });
        let (mut windows, mut end) = (0, rig.tcb.snd.una);
        rig.write(200 * FULL);
        while rig.tcb.snd.unsent() > 0 || rig.tcb.snd.outstanding() > 0 {
            rig.transmit();
            rig.now += ms(1);
            if rig.tcb.snd.una.at_or_after(end) {
                (windows, end) = (windows + 1, rig.tcb.snd.nxt);
            }
            let una = rig.tcb.snd.una - rig.ours(0);
            let most = rig.tcb.snd.outstanding().min(2 * FULL);
            let ack = echo(&rig, una + most);
            rig.arrive(ack).unwrap();
            // RFC 9438 4.6: CUBIC goes down to one.
            let least = if congestion == Algorithm::Cubic { FULL } else { 2 * FULL };
            assert!(rig.tcb.congestion.window() >= least, "{congestion}");
        }
        let info = rig.tcb.info();
        let echoes = rig.echoes();
        assert!(echoes > 5 && echoes <= windows + 1, "{congestion}: {echoes} in {windows}");
        assert_eq!((info.retransmissions, rig.fired().len()), (0, 0), "{congestion}");
    }
}
