use super::*;
use crate::tcp::discard::Reply;
use crate::tcp::testing::*;
use crate::tcp::{Config, Refused};
use crate::wire::SeqNum;
use crate::wire::tcp_options::{Options, Timestamps};

#[test]
fn our_syn_offers_everything_rfc_9293_3_7_1_must_14() {
    let mut rig = Rig::connecting(Setup::default());
    let syn = rig.transmit_one();
    assert_eq!((syn.flags, syn.ack, syn.window), (Flags::SYN, 0, 60_000));
    assert_eq!(syn.options.mss, Some(MSS as u16));
    assert_eq!(syn.options.window_scale, Some(0));
    assert!(syn.options.sack_permitted);
    assert_eq!(syn.options.timestamps.unwrap().tsecr, 0, "RFC 7323 3.2");
}

#[test]
fn a_syn_ack_opens_and_is_acknowledged_at_once_rfc_9293_3_10_7_3() {
    let mut rig = Rig::syn_sent(Setup::default());
    rig.now += ms(80);
    let syn_ack = rig.syn(Some(1));
    rig.arrive(syn_ack).unwrap();
    let ack = rig.transmit_one();
    assert_eq!((ack.seq, ack.ack, ack.flags), (1, 1, Flags::ACK));
    assert_eq!((ack.why, ack.window), (Why::Handshake, 60_000));
    assert_eq!(rig.changes()[1..], [(State::SynSent, State::Established, Cause::SynAckArrived)]);
    assert_eq!(rig.samples(), [ms(80)]);
    assert_eq!(rig.tcb.next_deadline(), None);
}

#[test]
fn what_the_peer_does_not_offer_is_not_used_rfc_7323_2_2_rfc_2018_2() {
    let config = Config::default(); // a buffer that would need scaling
    let plain = Setup { config, timestamps: false, sack: false, scale: None, mss: None, window: 9 };
    let mut rig = Rig::open(plain);
    let info = rig.tcb.info();
    assert_eq!((info.mss, info.snd_wnd), (536, 9), "RFC 9293 3.7.1 [MUST-15]");
    let hole = rig.text(9, 9);
    rig.arrive(hole).unwrap();
    let ack = rig.transmit_one();
    assert!(ack.options.is_empty(), "{ack:?}");
    assert_eq!(ack.window, 65_535, "unscaled");
}

#[test]
fn without_sack_none_is_offered_and_none_used_rfc_2018_2() {
    let config = Config { sack: false, ..Setup::default().config };
    let mut rig = Rig::connecting(Setup { config: config.clone(), ..Setup::default() });
    assert!(!rig.transmit_one().options.sack_permitted);
    // A peer that permits it all the same.
    let mut rig = Rig::open(Setup { config, ..Setup::default() });
    let hole = rig.text(9, 9);
    rig.arrive(hole.clone()).unwrap();
    assert_eq!(rig.transmit_one().sack(), []);
    rig.arrive(hole).unwrap();
    assert_eq!(rig.transmit_one().sack(), [], "nor what arrived twice, RFC 2883 4");
}

#[test]
fn the_peers_mss_is_kept_within_bounds_rfc_9293_3_7_1_must_16() {
    for (offered, used) in [(0, 48), (1, 48), (500, 500), (MSS as u16, 1_012), (65_535, 1_012)] {
        let rig = Rig::open(Setup { mss: Some(offered), timestamps: false, ..Setup::default() });
        assert_eq!(rig.tcb.info().mss, used, "{offered}");
    }
}

#[test]
fn an_ack_of_something_else_is_reset_rfc_9293_3_10_7_3_first() {
    for ack in [0, 2, u32::MAX, 1 << 31] {
        for flags in [Flags::ACK, Flags::SYN | Flags::ACK] {
            let mut rig = Rig::syn_sent(Setup::default());
            let bad = rig.ours(ack);
            let segment = Segment { ack: bad, flags, ..rig.ack() };
            assert_eq!(rig.refused(segment), (Refusal::SynSentBadAck, Reply::Reset(bad)));
            let rst = Segment { ack: bad, flags: Flags::RST | Flags::ACK, ..rig.ack() };
            assert_eq!(rig.refused(rst), (Refusal::SynSentBadReset, Reply::Nothing));
            rig.silent();
        }
    }
}

#[test]
fn a_reset_that_acknowledges_our_syn_refuses_the_connection_rfc_9293_3_10_7_3_second() {
    let mut rig = Rig::syn_sent(Setup::default());
    let rst = Segment { flags: Flags::RST | Flags::ACK, ..rig.ack_of(1) };
    rig.arrive(rst).unwrap();
    assert_eq!((rig.tcb.state(), rig.tcb.error()), (State::Closed, Some(Error::Refused)));
    assert_eq!(rig.tcb.receive(1), Err(Refused::Failed(Error::Refused)));
    assert_eq!(rig.tcb.next_deadline(), None);
    rig.silent();
}

#[test]
fn a_blind_reset_is_dropped_rfc_9293_3_10_7_3_second() {
    let mut rig = Rig::syn_sent(Setup::default());
    let rst = rig.rst(1);
    assert_eq!(rig.refused(rst), (Refusal::SynSentBadReset, Reply::Nothing));
}

#[test]
fn segments_without_syn_are_dropped_rfc_9293_3_10_7_3_fifth() {
    let mut rig = Rig::syn_sent(Setup::default());
    for flags in [Flags::ACK, Flags::default(), Flags::FIN, Flags::FIN | Flags::ACK] {
        let segment = Segment { flags, ..rig.ack_of(1) };
        assert_eq!(rig.refused(segment), (Refusal::SynSentNoSyn, Reply::Nothing));
        rig.silent();
    }
}

#[test]
fn text_and_fin_on_the_syn_ack_are_processed_rfc_9293_3_10_7_3_fourth() {
    let mut rig = Rig::syn_sent(Setup::default());
    let syn_ack = rig.syn(Some(1));
    let flags = syn_ack.flags | Flags::FIN;
    rig.arrive(Segment { payload: stream(1, 20), flags, ..syn_ack }).unwrap();
    assert_eq!(rig.tcb.state(), State::CloseWait);
    assert_eq!(rig.transmit_one().ack, 22);
    rig.read(1, 20);
}

#[test]
fn what_was_written_early_goes_out_with_the_last_ack_of_the_handshake() {
    let mut rig = Rig::connecting(Setup::default());
    rig.write(100);
    assert_eq!(rig.transmit_one().len, 0, "no text on a SYN");
    let syn_ack = rig.syn(Some(1));
    rig.arrive(syn_ack).unwrap();
    let sent = rig.transmit_one();
    assert_eq!((sent.seq, sent.ack, sent.len), (1, 1, 100));
}

// RFC 9293 3.5, figure 8: simultaneous open.

/// Both SYNs have crossed; ours with the acknowledgment has gone out.
fn crossed() -> Rig {
    let mut rig = Rig::syn_sent(Setup::default());
    rig.now += ms(20);
    let syn = rig.syn(None);
    rig.arrive(syn).unwrap();
    assert_eq!(rig.tcb.state(), State::SynReceived);
    let syn_ack = rig.transmit_one();
    assert_eq!((syn_ack.seq, syn_ack.ack), (0, 1));
    assert_eq!(syn_ack.flags, Flags::SYN | Flags::ACK);
    assert_eq!((syn_ack.options.mss, syn_ack.options.sack_permitted), (Some(MSS as u16), true));
    let echoed = syn_ack.options.timestamps.unwrap().tsecr;
    assert_eq!(echoed, rig.peer_tsval());
    rig
}

fn opens_and_works(rig: &mut Rig) {
    assert_eq!(rig.tcb.state(), State::Established);
    rig.transmit();
    assert_eq!(rig.tcb.next_deadline(), None, "nothing is outstanding");
    rig.write(10);
    assert_eq!(rig.transmit_one().brief(), (1, 10, Why::NewData));
    rig.text_arrives(10);
    rig.read(1, 10);
}

/// RFC 5681 3.1; the first is excepted by RFC 6928 2, for it may only have been late.
#[test]
fn after_two_lost_syns_the_window_is_one_segment_rfc_5681_3_1() {
    for (lost, segments) in [(0, 10), (1, 10), (2, 1), (3, 1)] {
        let mut rig = Rig::syn_sent(Setup::default());
        rig.sleep(s((1 << lost) - 1) + ms(50));
        let syn_ack = rig.syn(Some(1));
        rig.arrive(syn_ack).unwrap();
        assert_eq!(rig.tcb.info().cwnd, segments * FULL, "{lost}");
    }
}

#[test]
fn simultaneous_open_the_peers_syn_ack_crosses_ours_rfc_9293_figure_8() {
    let mut rig = crossed();
    let syn_ack = rig.syn(Some(1));
    rig.arrive(syn_ack).unwrap();
    assert_eq!(
        rig.changes()[1..],
        [
            (State::SynSent, State::SynReceived, Cause::SynArrived),
            (State::SynReceived, State::Established, Cause::SynAcked),
        ]
    );
    opens_and_works(&mut rig);
}

#[test]
fn simultaneous_open_the_peer_acknowledges_our_syn_ack_rfc_9293_figure_8() {
    let mut rig = crossed();
    rig.ack_arrives_of(1);
    assert_eq!(rig.samples().len(), 1);
    opens_and_works(&mut rig);
}

#[test]
fn simultaneous_open_text_completes_it_too_rfc_9293_3_10_7_4_fifth() {
    let mut rig = crossed();
    rig.text_arrives(10);
    assert_eq!(rig.tcb.state(), State::Established);
    rig.read(1, 10);
}

#[test]
fn simultaneous_open_a_lost_syn_ack_is_sent_again() {
    let mut rig = crossed();
    let again = rig.sleep(s(1)).remove(0);
    assert_eq!((again.seq, again.flags), (0, Flags::SYN | Flags::ACK));
    assert_eq!(again.why, Why::HandshakeRetransmission(1));
    rig.ack_arrives_of(1);
    assert_eq!(rig.tcb.state(), State::Established);
}

#[test]
fn simultaneous_open_the_peers_syn_again_is_answered_rfc_9293_3_10_7_4_fourth() {
    let mut rig = crossed();
    let again = rig.syn(None);
    assert_eq!(rig.refused(again), (Refusal::SynChallenged, Reply::Challenge));
    assert_eq!(rig.transmit_one().ack, 1);
}

#[test]
fn simultaneous_open_an_unacceptable_ack_is_reset_rfc_9293_3_10_7_4_fifth() {
    let mut rig = crossed();
    for ack in [0, 2] {
        let bad: SeqNum = rig.ours(ack);
        let segment = rig.ack_of(ack);
        let expected = (Refusal::SynReceivedUnacceptable, Reply::Reset(bad));
        assert_eq!(rig.refused(segment), expected);
    }
}

#[test]
fn simultaneous_open_a_reset_refuses_it_rfc_9293_3_10_7_4_second() {
    let mut rig = crossed();
    let rst = rig.rst(1);
    rig.arrive(rst).unwrap();
    assert_eq!(rig.tcb.error(), Some(Error::Refused));
}

#[test]
fn simultaneous_open_and_close_before_it_completes_rfc_9293_3_10_4() {
    let mut rig = crossed();
    rig.write(10);
    rig.with(|tcb, cx| tcb.shutdown_write(cx));
    assert_eq!(rig.tcb.state(), State::FinWait1);
    rig.silent();
    rig.ack_arrives_of(1);
    let sent = rig.transmit_one();
    assert_eq!((sent.seq, sent.len, sent.flags.contains(Flags::FIN)), (1, 10, true));
    rig.ack_arrives();
    assert_eq!(rig.tcb.state(), State::FinWait2);
}

#[test]
fn an_echo_of_a_time_before_our_syn_is_no_answer_to_it() {
    let mut rig = Rig::syn_sent(Setup::default());
    let sent = rig.sleep(ms(1500));
    assert_eq!(sent.len(), 1, "the SYN again");
    let clock = rig.tcb.tsval(rig.now);
    let acked = rig.ours(1);
    let echoing = |rig: &mut Rig, tsecr: u32| {
        let syn_ack = rig.syn(Some(1));
        let timestamps = syn_ack.options.timestamps.map(|ts| Timestamps { tsecr, ..ts });
        Segment { options: Options { timestamps, ..syn_ack.options.clone() }, ..syn_ack }
    };
    for bad in [clock.wrapping_sub(1501), clock.wrapping_add(1), clock.wrapping_add(1 << 31)] {
        let bad = echoing(&mut rig, bad);
        assert_eq!(rig.refused(bad), (Refusal::SynSentBadEcho, Reply::Reset(acked)));
    }
    // The first copy, sent 1500 ms ago, may be the one that was answered.
    let good = echoing(&mut rig, clock.wrapping_sub(1500));
    rig.arrive(good).unwrap();
    assert_eq!(rig.tcb.state(), State::Established);
    // Some echo nothing.
    let mut rig = Rig::syn_sent(Setup::default());
    let zero = echoing(&mut rig, 0);
    rig.arrive(zero).unwrap();
}
