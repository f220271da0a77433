use super::*;
use crate::event::Refusal;
use crate::tcp::discard::Reply;
use crate::tcp::testing::*;
use crate::wire::tcp::{Flags, Segment};

#[test]
fn a_fin_is_acknowledged_at_once_and_ends_the_stream_rfc_9293_3_10_7_4_eighth() {
    let mut rig = Rig::open(Setup::default());
    rig.text_arrives(10);
    rig.fin_arrives();
    assert_eq!(rig.changes(), [(State::Established, State::CloseWait, Cause::FinArrived)]);
    let ack = rig.transmit_one();
    assert_eq!((ack.ack, ack.why), (12, Why::AckNow));
    rig.read(1, 10);
    assert!(rig.tcb.can_receive());
    assert_eq!(rig.tcb.receive(10).unwrap().len(), 0, "the end of the stream");
    assert_eq!(rig.tcb.info().bytes_received, 10, "a FIN is no text");
}

#[test]
fn a_fin_rides_on_text() {
    let mut rig = Rig::open(Setup::default());
    let last = Segment { flags: Flags::FIN | Flags::ACK, ..rig.text(1, 10) };
    rig.arrive(last).unwrap();
    assert_eq!(rig.tcb.state(), State::CloseWait);
    assert_eq!(rig.transmit_one().ack, 12);
    rig.read(1, 10);
}

#[test]
fn a_fin_out_of_order_waits_for_what_precedes_it_rfc_9293_3_10_7_4_eighth() {
    for fin_with_text in [false, true] {
        let mut rig = Rig::open(Setup::default());
        let (end, flags) = (101, Flags::FIN | Flags::ACK);
        let early = match fin_with_text {
            true => Segment { flags, ..rig.text(51, 50) },
            false => rig.fin(end),
        };
        rig.arrive(early).unwrap();
        assert_eq!(rig.tcb.state(), State::Established);
        let duplicate = rig.transmit_one();
        assert_eq!((duplicate.ack, duplicate.why), (1, Why::AckNow));
        assert!(!rig.tcb.can_receive());
        let rest = rig.text(1, 100);
        rig.arrive(rest).unwrap();
        assert_eq!(rig.tcb.state(), State::CloseWait);
        assert_eq!(rig.sleep(ms(40)).remove(0).ack, end + 1);
        rig.read(1, 100);
    }
}

#[test]
fn a_fin_comes_again_and_is_acknowledged_again_rfc_9293_3_10_7_4_eighth() {
    for state in [State::CloseWait, State::Closing, State::LastAck] {
        let mut rig = Rig::in_state(state);
        let again = rig.fin(rig.peer_nxt - 1);
        assert_eq!(rig.refused(again), (Refusal::SequenceOld, Reply::Ack), "{state}");
        let ack = rig.transmit_one();
        assert_eq!((ack.ack, ack.len), (rig.peer_nxt, 0), "{state}");
    }
}

#[test]
fn half_close_our_side_stays_open_rfc_9293_3_6() {
    let mut rig = Rig::in_state(State::CloseWait);
    rig.write(2_000);
    let sent: u32 = rig.transmit().iter().map(|sent| sent.len).sum();
    assert_eq!(sent, 2_000);
    rig.ack_arrives();
    let fin = rig.shutdown().remove(0);
    assert_eq!((fin.seq, fin.flags, fin.why), (2_001, Flags::FIN | Flags::ACK, Why::Fin));
    rig.ack_arrives();
    assert_eq!(
        rig.changes(),
        [
            (State::CloseWait, State::LastAck, Cause::UserClose),
            (State::LastAck, State::Closed, Cause::FinAcked),
        ]
    );
    assert_eq!(rig.tcb.error(), None);
}

#[test]
fn an_active_close_goes_through_fin_wait_2_rfc_9293_figure_12() {
    let mut rig = Rig::open(Setup::default());
    let fin = rig.shutdown().remove(0);
    assert_eq!((fin.seq, fin.flags), (1, Flags::FIN | Flags::ACK));
    rig.ack_arrives();
    rig.fin_arrives();
    assert_eq!(
        rig.changes(),
        [
            (State::Established, State::FinWait1, Cause::UserClose),
            (State::FinWait1, State::FinWait2, Cause::FinAcked),
            (State::FinWait2, State::TimeWait, Cause::FinArrived),
        ]
    );
    assert!(rig.tcb.owes_acknowledgment(), "the stack's record sends it");
    assert_eq!(rig.tcb.next_deadline(), None);
}

#[test]
fn a_fin_that_acknowledges_ours_leads_straight_to_time_wait_rfc_9293_3_10_7_4_eighth() {
    let mut rig = Rig::in_state(State::FinWait1);
    rig.fin_arrives();
    assert_eq!(
        rig.changes(),
        [
            (State::FinWait1, State::FinWait2, Cause::FinAcked),
            (State::FinWait2, State::TimeWait, Cause::FinArrived),
        ]
    );
}

#[test]
fn simultaneous_close_rfc_9293_figure_13() {
    let mut rig = Rig::in_state(State::FinWait1);
    let crossing = Segment { ack: rig.ours(1), ..rig.fin(1) };
    rig.peer_nxt = 2;
    rig.arrive(crossing).unwrap();
    assert_eq!(rig.changes(), [(State::FinWait1, State::Closing, Cause::FinArrived)]);
    let ack = rig.transmit_one();
    assert_eq!((ack.seq, ack.ack, ack.flags), (2, 2, Flags::ACK));
    rig.ack_arrives();
    assert_eq!(rig.tcb.state(), State::TimeWait);
    assert_eq!(rig.tcb.error(), None);
}

#[test]
fn simultaneous_close_with_data_still_on_the_way_rfc_9293_3_6() {
    let mut rig = Rig::open(Setup::default());
    rig.write(3_000);
    rig.transmit();
    rig.shutdown();
    let crossing = Segment { ack: rig.ours(1_001), ..rig.fin(1) };
    rig.peer_nxt = 2;
    rig.arrive(crossing).unwrap();
    assert_eq!(rig.tcb.state(), State::Closing);
    rig.ack_arrives_of(3_001);
    assert_eq!(rig.tcb.state(), State::Closing, "text, but not the FIN");
    let rto = rig.tcb.info().rto;
    let again = rig.sleep(rto);
    assert_eq!(again.last().unwrap().brief(), (3_001, 0, Why::Rto(1)));
    assert!(again.last().unwrap().flags.contains(Flags::FIN));
    rig.ack_arrives();
    assert_eq!(rig.tcb.state(), State::TimeWait);
}

#[test]
fn our_lost_fin_is_sent_again_rfc_9293_3_6() {
    for state in [State::FinWait1, State::Closing, State::LastAck] {
        let mut rig = Rig::in_state(state);
        let rto = rig.tcb.info().rto;
        let again = rig.sleep(rto);
        let again = again.last().unwrap();
        assert_eq!((again.brief(), again.ack), ((1, 0, Why::Rto(1)), rig.peer_nxt), "{state}");
        assert!(again.flags.contains(Flags::FIN | Flags::ACK), "{state}");
        rig.ack_arrives();
        assert_eq!(rig.tcb.next_deadline(), None, "{state}");
    }
}

#[test]
fn fin_and_last_text_are_lost_together() {
    let mut rig = Rig::open(Setup::default());
    rig.write(1_500);
    rig.with(|tcb, cx| tcb.shutdown_write(cx));
    let sent = rig.transmit_one();
    assert_eq!((sent.len, sent.flags.contains(Flags::FIN)), (1_500, true));
    rig.ack_arrives_of(1_001);
    let rto = rig.tcb.info().rto;
    let again = rig.sleep(rto).remove(0);
    assert_eq!(again.brief(), (1_001, 500, Why::Rto(1)));
    assert!(again.flags.contains(Flags::FIN));
    assert_eq!(again.text, &stream(1_000, 500)[..]);
    rig.ack_arrives_of(1_502);
    assert_eq!(rig.tcb.state(), State::FinWait2);
}

#[test]
fn what_lies_beyond_the_fin_is_forgotten() {
    let mut rig = Rig::open(Setup::default());
    let beyond = rig.text(50, 10);
    rig.arrive(beyond).unwrap();
    assert_eq!(rig.transmit_one().sack(), [(50, 60)]);
    rig.fin_arrives();
    assert_eq!(rig.transmit_one().sack(), []);
    // Nothing is unread, so closing is no reason to reset.
    let sent = rig.close();
    assert_eq!((sent[0].why, rig.tcb.state()), (Why::Fin, State::LastAck));
}
