use bytes::Bytes;

use super::*;
use crate::event::{Cause, ConnId, Limit, State};
use crate::tcp::output::Plan;
use crate::tcp::testing::*;
use crate::tcp::{Endpoints, Error, Refused, Secrets};
use crate::wire::icmp::{Notice, Quote, Report};
use crate::wire::tcp::Flags;
use crate::wire::tcp_options::{Cookie, Form, Options};

fn cookie(byte: u8) -> Option<Box<FastOpen>> {
    let cookie = Cookie::new(&[byte; 8]).unwrap();
    Some(Box::new(FastOpen { cookie, form: Form::Standard }))
}

/// An open whose SYN has a cookie, and `text` of `written` bytes.
fn opening(text: u32, written: u32) -> Rig {
    let mut rig = Rig::connecting(Setup::default());
    rig.tcb.open_fast(FirstSyn { option: cookie(1), room: text }, false);
    rig.write(written);
    let syn = rig.transmit_one();
    assert_eq!((syn.brief(), syn.flags), ((0, text.min(written), Why::Handshake), Flags::SYN));
    assert_eq!(syn.options.fast_open, cookie(1));
    rig
}

fn learned(rig: &mut Rig) -> Learned {
    assert!(!rig.tcb.is_opening_fast());
    rig.tcb.end_opening().expect("the answer has said something")
}

fn answer() -> Learned {
    Learned { mss: MSS as u16, cookie: None, lost: false, ignored: None }
}

#[test]
fn the_answer_acknowledges_the_text_with_the_syn_rfc_7413_4_2_2() {
    let mut rig = opening(600, 600);
    rig.silent();
    rig.now += ms(100);
    let syn_ack = rig.syn(Some(601));
    rig.arrive(syn_ack).unwrap();
    let ack = rig.transmit_one();
    assert_eq!((ack.seq, ack.len, ack.ack), (601, 0, 1));
    let info = rig.tcb.info();
    assert!(info.syn_text);
    assert_eq!((info.state, info.bytes_sent, info.bytes_acked), (State::Established, 600, 600));
    assert_eq!((info.retransmissions, info.in_flight), (0, 0));
    assert_eq!(rig.samples(), [ms(100)]);
    assert_eq!(learned(&mut rig), answer());
    assert_eq!(rig.tcb.next_deadline(), None);
}

#[test]
fn what_has_no_room_in_the_syn_follows_the_handshake() {
    let mut rig = opening(600, 2600);
    let syn_ack = rig.syn(Some(601));
    rig.arrive(syn_ack).unwrap();
    assert_eq!(rig.transmit_one().brief(), (601, 2000, Why::NewData));
}

#[test]
fn text_that_is_not_acknowledged_goes_again_at_once_rfc_7413_4_1_3() {
    for (acked, left) in [(1, 600), (101, 500), (600, 1)] {
        let mut rig = opening(600, 600);
        let syn_ack = rig.syn(Some(acked));
        rig.arrive(syn_ack).unwrap();
        let again = rig.transmit_one();
        assert_eq!(again.brief(), (acked, left, Why::SynText));
        let info = rig.tcb.info();
        assert!(!info.syn_text, "only if all of it was taken");
        assert_eq!((info.retransmissions, info.in_flight), (1, left));
        assert_eq!(rig.reductions(), [], "nothing was lost by congestion");
        assert!(info.cwnd >= 10 * FULL);
        assert_eq!(learned(&mut rig), answer());
        rig.write(100);
        assert_eq!(rig.transmit_one().brief(), (601, 100, Why::NewData));
        rig.ack_arrives();
        assert_eq!(rig.tcb.info().in_flight, 0);
        assert_eq!(rig.tcb.next_deadline(), None);
    }
}

#[test]
fn a_peer_with_smaller_segments_gets_the_text_again_in_those() {
    let mut rig = opening(900, 900);
    rig.setup.mss = Some(512);
    let syn_ack = rig.syn(Some(1));
    rig.arrive(syn_ack).unwrap();
    let again = rig.transmit_one();
    assert_eq!((again.brief(), again.segment_size), ((1, 900, Why::SynText), 500));
    assert_eq!(learned(&mut rig).mss, 512);
}

#[test]
fn more_than_was_sent_cannot_be_acknowledged() {
    let mut rig = opening(600, 600);
    let bad = rig.ours(602);
    let segment = rig.syn(Some(602));
    assert_eq!(rig.refused(segment).1, crate::tcp::Reply::Reset(bad));
    assert!(rig.tcb.is_opening_fast());
    let good = rig.syn(Some(601));
    rig.arrive(good).unwrap();
}

#[test]
fn a_syn_that_is_not_answered_goes_again_without_text_and_option_rfc_7413_4_1_3() {
    for acked in [1, 601] {
        let mut rig = opening(600, 600);
        let again = rig.sleep(ms(1100));
        assert_eq!(again.len(), 1, "{again:?}");
        assert_eq!(again[0].brief(), (0, 0, Why::HandshakeRetransmission(1)));
        assert_eq!(again[0].options.fast_open, None);
        let syn_ack = rig.syn(Some(acked));
        rig.arrive(syn_ack).unwrap();
        let next = rig.transmit_one();
        let expected = if acked == 1 { (1, 600, Why::SynText) } else { (601, 0, Why::Handshake) };
        assert_eq!(next.brief(), expected);
        // The text was lost on the way, unless it was the answer.
        assert_eq!(learned(&mut rig), Learned { lost: acked == 1, ..answer() });
        assert_eq!(rig.tcb.info().syn_text, acked == 601);
    }
}

#[test]
fn a_request_without_an_answer_is_no_sign_of_loss() {
    let mut rig = Rig::connecting(Setup::default());
    let request = FastOpen { cookie: Cookie::REQUEST, form: Form::Experimental };
    rig.tcb.open_fast(FirstSyn { option: Some(Box::new(request)), room: 0 }, false);
    rig.write(50);
    assert_eq!(rig.transmit_one().len, 0, "without a cookie, no text");
    let syn_ack = rig.syn(Some(1));
    rig.arrive(syn_ack).unwrap();
    assert_eq!(rig.transmit_one().brief(), (1, 50, Why::NewData));
    assert_eq!(learned(&mut rig), Learned { ignored: Some(Form::Experimental), ..answer() });
    assert!(!rig.tcb.info().syn_text);
}

#[test]
fn a_cookie_is_learned_if_one_was_asked_for_or_shown() {
    for (option, kept) in [(cookie(1), true), (None, false)] {
        let mut rig = Rig::connecting(Setup::default());
        rig.tcb.open_fast(FirstSyn { option, room: 600 }, false);
        rig.write(60);
        assert_eq!(rig.transmit_one().len, 60);
        let syn_ack = rig.syn(Some(61));
        let options = Options { fast_open: cookie(2), ..syn_ack.options.clone() };
        rig.arrive(Segment { options, ..syn_ack }).unwrap();
        assert_eq!(learned(&mut rig).cookie.is_some(), kept);
    }
}

#[test]
fn a_router_that_finds_the_syn_too_large_gets_one_without_text() {
    let mut rig = opening(900, 900);
    let report = Report::FragmentationNeeded { mtu: 700 };
    let notice = Notice { report, by: [10, 9, 0, 9].into() };
    let ends = rig.tcb.endpoints();
    let quote = Quote {
        src: ends.local.ip(),
        dst: ends.remote.ip(),
        protocol: crate::wire::ip::TCP,
        total_len: 1000,
        header_len: 20,
        src_port: ends.local.port(),
        dst_port: ends.remote.port(),
        seq: rig.ours(0),
    };
    assert_eq!(rig.with(|tcb, cx| tcb.icmp_error_arrives(cx, notice, &quote)), Ok(()));
    let syn = rig.transmit_one();
    assert_eq!((syn.brief(), syn.options.mss), ((0, 0, Why::PathMtu), Some(660)));
    // Only the first one: what is sent now fits.
    let smaller = Notice { report: Report::FragmentationNeeded { mtu: 600 }, ..notice };
    let again = rig.with(|tcb, cx| tcb.icmp_error_arrives(cx, smaller, &quote));
    assert_eq!(again, Err(Refusal::IcmpMtuNotSmaller));
    let syn_ack = rig.syn(Some(1));
    rig.arrive(syn_ack).unwrap();
    let text = rig.transmit_one();
    assert_eq!((text.brief(), text.segment_size), ((1, 900, Why::SynText), 648));
}

#[test]
fn a_syn_that_waits_for_the_first_write_takes_its_beginning() {
    let mut rig = Rig::connecting(Setup::default());
    rig.tcb.open_fast(FirstSyn { option: cookie(1), room: 600 }, true);
    rig.silent();
    assert_eq!(rig.tcb.next_deadline(), None);
    assert!(rig.tcb.takes_early());
    assert_eq!(rig.tcb.receive(9), Err(Refused::WouldBlock));
    assert_eq!(rig.tcb.send(&stream(0, 1000)), Ok(600));
    assert!(!rig.tcb.takes_early(), "what follows waits for the handshake");
    assert_eq!(rig.transmit_one().brief(), (0, 600, Why::Handshake));

    let mut rig = Rig::connecting(Setup::default());
    rig.tcb.open_fast(FirstSyn { option: cookie(1), room: 600 }, true);
    assert_eq!(rig.tcb.send(&[]), Ok(0));
    let syn = rig.transmit_one();
    assert_eq!((syn.len, syn.options.fast_open), (0, cookie(1)));

    // One that is closed before has sent nothing.
    let mut rig = Rig::connecting(Setup::default());
    rig.tcb.open_fast(FirstSyn { option: cookie(1), room: 600 }, true);
    rig.configure(|config| config.keepalive = Some(Default::default()));
    assert_eq!(rig.tcb.next_deadline(), None, "nobody is there to be probed");
    assert!(rig.close().is_empty());
    assert_eq!(rig.tcb.state(), State::Closed);
}

#[test]
fn text_of_a_syn_that_crosses_ours_is_not_taken_but_the_connection_opens() {
    let mut rig = opening(600, 600);
    let syn = Segment { payload: stream(0, 500), ..rig.syn(None) };
    rig.arrive(syn).unwrap();
    let answer = rig.transmit_one();
    assert_eq!((answer.brief(), answer.ack), ((0, 0, Why::Handshake), 1));
    assert_eq!((answer.flags, answer.options.fast_open), (Flags::SYN | Flags::ACK, None));
    for (acked, syn_text) in [(1, false), (601, true)] {
        let mut rig = opening(600, 600);
        let syn = rig.syn(None);
        rig.arrive(syn).unwrap();
        rig.transmit();
        let syn_ack = rig.syn(Some(acked));
        rig.arrive(syn_ack).unwrap();
        assert_eq!(rig.tcb.state(), State::Established);
        assert_eq!(rig.tcb.info().syn_text, syn_text);
        let sent = rig.transmit();
        assert_eq!(sent.first().map(Sent::brief), (!syn_text).then_some((1, 600, Why::SynText)));
    }
}

/// A server with the text of a SYN, before anything is sent.
fn accepted(text: Bytes, option: Option<Box<FastOpen>>) -> Rig {
    let mut rig = Rig::syn_sent(Setup::default());
    rig.now += ms(100);
    let len = text.len() as u32;
    let syn = Segment { payload: text, ..rig.syn(None) };
    let (secrets, config) = (Secrets::new([9; 16]), Arc::new(rig.setup.config.clone()));
    let Endpoints { local, remote } = rig.tcb.endpoints();
    let ends = Endpoints { local, remote };
    let half = rig.with(|_, cx| HalfOpen::new(cx, ConnId(2), ends, &syn, &secrets));
    let own_mss = rig.tcb.own_mss();
    rig.tcb = half.into_fast_tcb(rig.now, config, own_mss, &syn, option);
    rig.peer_nxt = 1 + len;
    rig.forget_events();
    rig
}

#[test]
fn the_text_can_be_read_and_answered_before_the_handshake_is_over_rfc_7413_4_2_2() {
    let mut rig = accepted(stream(0, 400), cookie(2));
    assert!(rig.tcb.info().syn_text && rig.tcb.is_opening_fast());
    rig.read(0, 400);
    rig.write(3000);
    let sent = rig.transmit();
    let briefs: Vec<_> = sent.iter().map(Sent::brief).collect();
    assert_eq!(briefs, [(0, 0, Why::Handshake), (1, 3000, Why::NewData)]);
    assert_eq!((sent[0].flags, sent[0].ack), (Flags::SYN | Flags::ACK, 401));
    assert_eq!((&sent[0].options.fast_open, sent[0].window), (&cookie(2), 60_000));
    rig.now += ms(30);
    rig.ack_arrives_of(1);
    assert_eq!(rig.changes(), [(State::SynReceived, State::Established, Cause::SynAcked)]);
    assert!(!rig.tcb.is_opening_fast());
    assert_eq!(rig.tcb.end_opening(), None, "a server learns nothing");
    assert_eq!(rig.samples(), [ms(30)]);
    rig.silent();
    rig.ack_arrives();
    assert_eq!(rig.tcb.info().in_flight, 0);
}

#[test]
fn what_was_not_read_takes_its_part_of_the_window() {
    let mut rig = accepted(stream(0, 400), None);
    assert_eq!(rig.transmit_one().window, 59_600);
    let mut rig = accepted(Bytes::new(), None);
    assert_eq!((rig.transmit_one().window, rig.tcb.info().syn_text), (60_000, false));
}

#[test]
fn early_text_keeps_to_the_window_of_the_syn_and_to_ten_segments() {
    for (window, most) in [(2_000, 2_000), (65_535, 10 * FULL)] {
        let mut rig = Rig::syn_sent(Setup::default());
        rig.setup.window = window;
        let syn = Segment { payload: stream(0, 9), ..rig.syn(None) };
        let (config, ends) = (Arc::new(rig.setup.config.clone()), rig.tcb.endpoints());
        let secrets = Secrets::new([9; 16]);
        let half = rig.with(|_, cx| HalfOpen::new(cx, ConnId(2), ends, &syn, &secrets));
        let own_mss = rig.tcb.own_mss();
        rig.tcb = half.into_fast_tcb(rig.now, config, own_mss, &syn, None);
        rig.write(30_000);
        let text: u32 = rig.transmit().iter().map(|sent| sent.len).sum();
        assert!(text <= most && text + FULL > most, "{text} of {most}");
        assert!(matches!(rig.tcb.plan(rig.now), Plan::Wait(limit) if limit != Limit::Nothing));
    }
}

#[test]
fn the_syn_again_is_answered_again_and_its_text_is_not_taken_twice() {
    let mut rig = accepted(stream(0, 400), cookie(2));
    rig.transmit_one();
    rig.now += ms(1000);
    for text in [Bytes::new(), stream(0, 400)] {
        let nxt = rig.peer_nxt;
        let syn = Segment { payload: text, ..rig.syn(None) };
        rig.peer_nxt = nxt;
        rig.arrive(syn).unwrap();
        let answer = rig.transmit_one();
        assert_eq!((answer.brief(), answer.ack), ((0, 0, Why::HandshakeAnswer), 401));
        assert_eq!(answer.options.fast_open, None);
        assert_eq!(answer.options.timestamps.unwrap().tsecr, rig.peer_tsval());
    }
    rig.read(0, 400);
    for _ in 0..20 {
        let nxt = rig.peer_nxt;
        let syn = rig.syn(None);
        rig.peer_nxt = nxt;
        rig.arrive(syn).unwrap();
        rig.transmit();
    }
    assert!(rig.refusals.of(Refusal::ChallengeLimited) >= 10);
    rig.ack_arrives();
    assert_eq!(rig.samples(), [ms(0)], "the echo tells which was answered");
    // After the handshake it is any SYN.
    let nxt = rig.peer_nxt;
    let syn = rig.syn(None);
    rig.peer_nxt = nxt;
    assert_eq!(rig.refused(syn).0, Refusal::SynChallenged);
}

#[test]
fn without_an_answer_the_syn_with_ack_goes_again_and_early_text_after_it() {
    let mut rig = accepted(stream(0, 400), None);
    rig.write(2000);
    rig.transmit();
    let again = rig.sleep(ms(3100));
    let briefs: Vec<_> = again.iter().map(Sent::brief).collect();
    let syn = |nth| (0, 0, Why::HandshakeRetransmission(nth));
    assert_eq!(briefs, [syn(1), syn(2)], "the text waits until somebody is there");
    assert_eq!(again[0].ack, 401);
    rig.ack_arrives_of(1);
    let sent = rig.transmit();
    assert_eq!((sent[0].seq, sent[0].why), (1, Why::RtoRecovery));
    for _ in 0..5 {
        rig.ack_arrives();
        rig.transmit();
    }
    assert_eq!(rig.tcb.info().bytes_acked, 2000);
}

#[test]
fn a_server_whose_client_never_confirms_gives_up() {
    let mut rig = accepted(stream(0, 400), None);
    rig.sleep(s(200));
    assert_eq!(rig.tcb.state(), State::Closed);
    assert_eq!(rig.tcb.error(), Some(Error::TimedOut));
    rig.read(0, 400);
    assert_eq!(rig.tcb.receive(9), Err(Refused::Failed(Error::TimedOut)));
}

#[test]
fn a_reset_ends_it_and_leaves_the_text() {
    let mut rig = accepted(stream(0, 400), None);
    rig.transmit();
    let reset = rig.rst(401);
    rig.arrive(reset).unwrap();
    assert_eq!((rig.tcb.state(), rig.tcb.error()), (State::Closed, Some(Error::Reset)));
    assert!(!rig.tcb.is_opening_fast());
    rig.read(0, 400);
    assert_eq!(rig.tcb.receive(9), Err(Refused::Failed(Error::Reset)));
}

#[test]
fn an_application_that_is_done_early_closes_early() {
    let mut rig = accepted(stream(0, 400), None);
    rig.read(0, 400);
    rig.write(10);
    let sent = rig.close();
    let briefs: Vec<_> = sent.iter().map(Sent::brief).collect();
    assert_eq!(briefs, [(0, 0, Why::Handshake), (1, 10, Why::NewData)]);
    assert_eq!(rig.tcb.state(), State::FinWait1);
    rig.fin_arrives();
    rig.transmit();
    assert_eq!(rig.tcb.state(), State::TimeWait);
    // With text unread it is a reset.
    let mut rig = accepted(stream(0, 400), None);
    rig.transmit();
    let reset = rig.close();
    assert_eq!((reset[0].seq, reset[0].ack), (1, 401));
    assert_eq!(reset[0].flags, Flags::RST | Flags::ACK);
}

#[test]
fn text_beyond_the_window_of_a_syn_is_left_to_come_again() {
    let mut setup = Setup::default();
    setup.config.receive_buffer = 100;
    let mut rig = Rig::syn_sent(setup);
    let syn = Segment { payload: stream(0, 400), ..rig.syn(None) };
    let (config, ends) = (Arc::new(rig.setup.config.clone()), rig.tcb.endpoints());
    let secrets = Secrets::new([9; 16]);
    let half = rig.with(|_, cx| HalfOpen::new(cx, ConnId(2), ends, &syn, &secrets));
    let own_mss = rig.tcb.own_mss();
    rig.tcb = half.into_fast_tcb(rig.now, config, own_mss, &syn, None);
    let answer = rig.transmit_one();
    assert_eq!((answer.ack, answer.window), (101, 0));
    rig.read(0, 100);
}
