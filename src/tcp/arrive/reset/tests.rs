use super::*;
use crate::event::Why;
use crate::tcp::discard::Reply;
use crate::tcp::testing::*;
use crate::time::Duration;
use crate::wire::tcp::{Flags, Segment};

const OPEN: [State; 6] = [
    State::Established,
    State::FinWait1,
    State::FinWait2,
    State::CloseWait,
    State::Closing,
    State::LastAck,
];

#[test]
fn a_reset_at_exactly_rcv_nxt_ends_the_connection_rfc_5961_3_2() {
    for state in OPEN {
        let mut rig = Rig::in_state(state);
        let rst = rig.rst(rig.peer_nxt);
        rig.arrive(rst).unwrap();
        assert_eq!(rig.changes(), [(state, State::Closed, Cause::ResetArrived)]);
        // When both sides are done and all was acknowledged but the FIN, nothing is lost.
        let done = matches!(state, State::Closing | State::LastAck);
        assert_eq!(rig.tcb.error(), (!done).then_some(Error::Reset), "{state}");
        assert_eq!(rig.tcb.next_deadline(), None);
        rig.silent();
    }
}

#[test]
fn a_reset_elsewhere_in_the_window_is_challenged_rfc_5961_3_2() {
    for state in OPEN {
        let mut rig = Rig::in_state(state);
        if rig.tcb.rcv.window() < 2 {
            continue; // after the peer's FIN there is no window for it to lie in
        }
        for at in [rig.peer_nxt + 1, rig.peer_nxt + rig.tcb.rcv.window() - 1] {
            let rst = rig.rst(at);
            assert_eq!(rig.refused(rst), (Refusal::ResetChallenged, Reply::Challenge), "{state}");
            let answer = rig.transmit_one();
            assert_eq!((answer.why, answer.ack), (Why::Challenge, rig.peer_nxt), "{state}");
        }
    }
}

#[test]
fn a_reset_outside_the_window_is_dropped_in_silence_rfc_5961_3_2() {
    for state in OPEN {
        let mut rig = Rig::in_state(state);
        let edge = rig.peer_nxt + rig.tcb.rcv.window().max(1);
        for at in [rig.peer_nxt - 1, edge, edge + (1 << 30)] {
            let rst = rig.rst(at);
            assert_eq!(rig.refused(rst), (Refusal::ResetOutsideWindow, Reply::Nothing), "{state}");
            rig.silent();
        }
    }
}

#[test]
fn the_flags_and_text_beside_a_reset_change_nothing_rfc_9293_3_5_3() {
    let mut rig = Rig::open(Setup::default());
    let text = rig.text(1, 100);
    let flags = Flags::RST | Flags::ACK | Flags::FIN | Flags::SYN;
    rig.arrive(Segment { flags, ack: rig.ours(5_000), ..text }).unwrap();
    assert_eq!((rig.tcb.state(), rig.tcb.error()), (State::Closed, Some(Error::Reset)));
    assert!(rig.tcb.rcv.buffer.is_empty());
}

#[test]
fn what_was_received_before_a_reset_stays_readable() {
    let mut rig = Rig::open(Setup::default());
    rig.text_arrives(50);
    let rst = rig.rst(51);
    rig.arrive(rst).unwrap();
    rig.read(1, 50);
    assert_eq!(rig.tcb.receive(1), Err(crate::tcp::Refused::Failed(Error::Reset)));
    assert_eq!(rig.tcb.send(b"x"), Err(crate::tcp::Refused::Failed(Error::Reset)));
}

#[test]
fn unsent_data_is_lost_by_a_reset_in_last_ack_rfc_9293_3_10_7_4() {
    let mut rig = Rig::in_state(State::CloseWait);
    rig.write(100);
    rig.shutdown();
    assert_eq!(rig.tcb.state(), State::LastAck);
    let rst = rig.rst(2);
    rig.arrive(rst).unwrap();
    assert_eq!(rig.tcb.error(), Some(Error::Reset));
}

#[test]
fn a_syn_is_challenged_wherever_it_lies_rfc_5961_4_2() {
    for state in OPEN {
        for at in [0, 1, 2, 3, 30_000] {
            let mut rig = Rig::in_state(state);
            let syn = Segment { seq: PEER_ISS + at, flags: Flags::SYN, ..rig.ack() };
            let refused = rig.refused(syn);
            let beyond = at > rig.peer_nxt && rig.tcb.rcv.window() == 0;
            if beyond {
                assert_eq!(refused.0, Refusal::SequenceBeyondWindow, "{state} {at}");
            } else {
                assert_eq!(refused, (Refusal::SynChallenged, Reply::Challenge), "{state} {at}");
            }
            assert_eq!(rig.transmit_one().ack, rig.peer_nxt);
            assert_eq!(rig.tcb.state(), state);
        }
    }
}

#[test]
fn a_repeated_syn_ack_is_acknowledged_again_rfc_9293_3_5() {
    let mut rig = Rig::open(Setup::default());
    let again = rig.syn(Some(1));
    assert_eq!(rig.refused(again), (Refusal::SynChallenged, Reply::Challenge));
    let answer = rig.transmit_one();
    assert_eq!((answer.seq, answer.ack, answer.flags), (1, 1, Flags::ACK));
}

#[test]
fn challenges_are_limited_to_ten_in_five_seconds_rfc_5961_7() {
    let mut rig = Rig::open(Setup::default());
    let flood = |rig: &mut Rig| {
        let mut answers = 0;
        for _ in 0..50 {
            let rst = rig.rst(2);
            assert_eq!(rig.refused(rst).0, Refusal::ResetChallenged);
            answers += rig.transmit().len();
        }
        answers
    };
    assert_eq!(flood(&mut rig), 10);
    assert_eq!(rig.refusals.of(Refusal::ChallengeLimited), 40);
    rig.now += Duration::from_millis(4_999);
    assert_eq!(flood(&mut rig), 0);
    rig.now += Duration::from_millis(1);
    assert_eq!(flood(&mut rig), 10);
    // Text is acknowledged whatever the limit.
    rig.text_arrives(1_000);
    rig.text_arrives(1_000);
    assert_eq!(rig.transmit_one().ack, 2_001);
}
