use super::*;
use crate::event::Why;
use crate::tcp::Config;
use crate::tcp::testing::{FULL, MSS, Rig, Sent, Setup, ms, s};
use crate::wire::ip;
use crate::wire::tcp::{Flags, Segment};

/// Every error but the one about the size.
const REPORTS: [Report; 11] = [
    Report::NetworkUnreachable,
    Report::HostUnreachable,
    Report::ProtocolUnreachable,
    Report::PortUnreachable,
    Report::NetworkUnknown,
    Report::HostUnknown,
    Report::NetworkProhibited,
    Report::HostProhibited,
    Report::Prohibited,
    Report::TimeExceeded,
    Report::ParameterProblem,
];

/// What a router says.
fn notice(report: Report) -> Notice {
    Notice { report, by: [10, 0, 0, 254].into() }
}

fn reported(report: Report) -> Option<Error> {
    Some(Error::Reported(notice(report)))
}

/// An error about the segment at `seq`, relative, which was `total_len` bytes long.
fn error_of_len(rig: &mut Rig, report: Report, seq: u32, total_len: u16) -> Result<(), Refusal> {
    let ends = rig.tcb.endpoints();
    let quote = Quote {
        src: ends.local.ip(),
        dst: ends.remote.ip(),
        protocol: ip::TCP,
        total_len,
        src_port: ends.local.port(),
        dst_port: ends.remote.port(),
        seq: rig.ours(seq),
        header_len: ip::IPV4_HEADER_LEN,
    };
    rig.with(|tcb, cx| tcb.icmp_error_arrives(cx, notice(report), &quote))
}

fn error(rig: &mut Rig, report: Report, seq: u32) -> Result<(), Refusal> {
    error_of_len(rig, report, seq, MSS as u16 + 40)
}

fn too_large(rig: &mut Rig, mtu: u16, seq: u32) -> Result<(), Refusal> {
    error(rig, Report::FragmentationNeeded { mtu }, seq)
}

/// Open, with ten full segments in flight.
fn in_flight() -> Rig {
    let mut rig = Rig::open(Setup::default());
    rig.write(10_000);
    // In bursts of half a window.
    let sent: Vec<_> = rig.transmit().iter().map(Sent::brief).collect();
    assert_eq!(sent, [(1, 5000, Why::NewData), (5001, 5000, Why::NewData)]);
    rig
}

fn sizes(sent: &[Sent]) -> Vec<(u32, u32, u16)> {
    assert!(sent.iter().all(|sent| sent.why == Why::PathMtu), "{sent:#?}");
    sent.iter().map(|sent| (sent.seq, sent.len, sent.segment_size)).collect()
}

// RFC 9293 3.9.2.2: errors that are not about the size.

#[test]
fn a_hard_error_ends_an_open_rfc_9293_3_9_2_2_shld_26() {
    for report in REPORTS.into_iter().filter(|report| report.is_hard()) {
        let mut rig = Rig::syn_sent(Setup::default());
        assert_eq!(error(&mut rig, report, 0), Ok(()));
        assert_eq!(rig.tcb.error(), reported(report), "{report}");
        let change = (State::SynSent, State::Closed, Cause::IcmpError);
        assert_eq!(rig.changes().last(), Some(&change));
        rig.silent();
        assert_eq!(rig.tcb.next_deadline(), None);
    }
}

#[test]
fn a_soft_error_ends_no_open_and_explains_its_time_out_rfc_9293_3_9_2_2_must_56() {
    for report in REPORTS.into_iter().filter(|report| !report.is_hard()) {
        let mut rig = Rig::syn_sent(Setup::default());
        assert_eq!(error(&mut rig, report, 0), Ok(()));
        assert_eq!((rig.tcb.state(), rig.tcb.error()), (State::SynSent, None));
        let soft = rig.tcb.info().soft_error;
        assert_eq!(soft, Some(notice(report)), "RFC 9293 3.9.2.2 [SHLD-25]");
        assert_eq!(rig.sleep(s(200)).len(), 6, "it is tried as often as without");
        assert_eq!(rig.tcb.error(), reported(report), "{report}");
        let change = (State::SynSent, State::Closed, Cause::RetransmissionLimit);
        assert_eq!(rig.changes().last(), Some(&change));
    }
}

#[test]
fn an_open_that_succeeds_after_all_forgets_the_error() {
    let mut rig = Rig::syn_sent(Setup::default());
    error(&mut rig, Report::HostUnreachable, 0).unwrap();
    let syn_ack = rig.syn(Some(1));
    rig.arrive(syn_ack).unwrap();
    assert_eq!((rig.tcb.state(), rig.tcb.info().soft_error), (State::Established, None));
}

#[test]
fn a_hard_error_ends_a_simultaneous_open() {
    let mut rig = Rig::syn_sent(Setup::default());
    let syn = rig.syn(None);
    rig.arrive(syn).unwrap();
    rig.transmit();
    assert_eq!(rig.tcb.state(), State::SynReceived);
    error(&mut rig, Report::PortUnreachable, 0).unwrap();
    assert_eq!(
        (rig.tcb.state(), rig.tcb.error()),
        (State::Closed, reported(Report::PortUnreachable))
    );
    rig.silent();
}

#[test]
fn no_error_ends_a_synchronized_connection_rfc_5927_5_2() {
    use State::*;
    for state in [Established, CloseWait, FinWait1, Closing, LastAck] {
        for report in REPORTS {
            let mut rig = Rig::in_state(state);
            if matches!(state, Established | CloseWait) {
                rig.write(100);
                rig.transmit();
            }
            let seq = rig.tcb.snd.una - rig.tcb.snd.iss;
            assert_eq!(error(&mut rig, report, seq), Ok(()));
            assert_eq!((rig.tcb.state(), rig.tcb.error()), (state, None), "{report}");
            rig.sleep(s(3600));
            assert_eq!(rig.tcb.error(), reported(report), "{state} {report}");
            assert_eq!(rig.changes().last().unwrap().2, Cause::RetransmissionLimit);
        }
    }
}

#[test]
fn an_acknowledgment_of_something_new_disproves_the_error() {
    let mut rig = in_flight();
    error(&mut rig, Report::HostUnreachable, 1).unwrap();
    rig.duplicates_arrive(1, 1);
    assert_eq!(rig.tcb.info().soft_error, Some(notice(Report::HostUnreachable)));
    rig.ack_arrives_of(1 + FULL);
    assert_eq!(rig.tcb.info().soft_error, None);
    rig.sleep(s(3600));
    assert_eq!(rig.tcb.error(), Some(Error::TimedOut));
}

#[test]
fn the_user_time_out_says_what_was_reported_last() {
    let config = Config { user_timeout: Some(s(5)), ..Setup::default().config };
    let mut rig = Rig::open(Setup { config, ..Setup::default() });
    rig.write(100);
    rig.transmit();
    error(&mut rig, Report::HostUnreachable, 1).unwrap();
    error(&mut rig, Report::NetworkUnreachable, 1).unwrap();
    rig.sleep(s(6));
    assert_eq!(rig.tcb.error(), reported(Report::NetworkUnreachable));
    assert_eq!(rig.changes().last().unwrap().2, Cause::UserTimeout);
}

#[test]
fn only_what_is_in_flight_can_have_met_with_an_error_rfc_5927_4_1() {
    let mut rig = Rig::connecting(Setup::default());
    let refused = Err(Refusal::IcmpQuoteSequence);
    assert_eq!(error(&mut rig, Report::PortUnreachable, 0), refused, "nothing was sent");
    let mut rig = in_flight();
    rig.ack_arrives_of(1 + FULL);
    let (una, nxt) = (1 + FULL, 10_001);
    for report in REPORTS.into_iter().chain([Report::FragmentationNeeded { mtu: 600 }]) {
        for outside in [una - 1, nxt, nxt + 1, nxt + (1 << 31), 0] {
            assert_eq!(error(&mut rig, report, outside), refused, "{report} at {outside}");
        }
    }
    assert_eq!(rig.tcb.info().soft_error, None);
    for report in REPORTS {
        for inside in [una, nxt - 1] {
            assert_eq!(error(&mut rig, report, inside), Ok(()));
            assert_eq!(rig.tcb.info().soft_error.take(), Some(notice(report)));
        }
    }
}

// RFC 1191: the size.

#[test]
fn what_was_too_large_goes_again_at_once_in_smaller_segments_rfc_1191_6_4() {
    let mut rig = in_flight();
    rig.now += ms(50);
    assert_eq!(too_large(&mut rig, 700, 1), Ok(()));
    let info = rig.tcb.info();
    let size = 700 - 40 - 12;
    assert_eq!((info.mss, info.cwnd, info.ssthresh), (size, 6480, None), "ten segments, as before");
    let sent = rig.transmit();
    assert_eq!(sizes(&sent), [(1, 6480, size)]);
    assert!(sent[0].dont_fragment);
    rig.now += ms(100);
    rig.ack_arrives_of(6481);
    assert_eq!(sizes(&rig.transmit()), [(6481, 3520, size)]);
    rig.ack_arrives();
    assert_eq!(rig.tcb.info().ssthresh, None);
    rig.write(2000);
    let new = rig.transmit_one();
    assert_eq!((new.brief(), new.segment_size), ((10_001, 2000, Why::NewData), size));
    assert_eq!(rig.tcb.mss.bytes(), 660);
}

#[test]
fn the_other_errors_of_the_same_window_change_nothing() {
    let mut rig = in_flight();
    too_large(&mut rig, 700, 1).unwrap();
    rig.transmit();
    for seq in (1..10_000).step_by(FULL as usize) {
        for mtu in [700, 701, 1052, 1500, u16::MAX] {
            assert_eq!(too_large(&mut rig, mtu, seq), Err(Refusal::IcmpMtuNotSmaller));
        }
    }
    rig.silent();
    assert_eq!(too_large(&mut rig, 699, 1), Ok(()), "another router");
}

#[test]
fn the_segments_keep_a_least_size_and_may_be_fragmented_then() {
    for mtu in [1, 67, 68, 300, 551] {
        let mut rig = in_flight();
        too_large(&mut rig, mtu, 1).unwrap();
        let sent = rig.transmit();
        assert_eq!(sizes(&sent), [(1, 5000, 500)]);
        assert!(!sent[0].dont_fragment);
        assert_eq!(too_large(&mut rig, mtu, 1), Err(Refusal::IcmpMtuNotSmaller));
    }
    let mut rig = in_flight();
    too_large(&mut rig, 552, 1).unwrap();
    assert!(rig.transmit().iter().all(|sent| sent.dont_fragment));
    too_large(&mut rig, 551, 1).unwrap();
    let sent = rig.transmit();
    assert_eq!((sizes(&sent), sent[0].dont_fragment), (vec![(1, 5000, 500)], false));
}

/// Some routers quote a wrong length.
#[test]
fn a_router_that_does_not_name_its_mtu_is_believed_the_next_plateau_rfc_1191_5() {
    for quoted_len in [1052, 1072, 0x1c04, u16::MAX] {
        let mut rig = in_flight();
        for mss in [1006 - 40, 552 - 40] {
            let report = Report::FragmentationNeeded { mtu: 0 };
            error_of_len(&mut rig, report, 1, quoted_len).unwrap();
            assert_eq!(rig.tcb.mss.bytes(), mss);
            rig.transmit();
        }
        let again = error_of_len(&mut rig, Report::FragmentationNeeded { mtu: 0 }, 1, quoted_len);
        assert_eq!(again, Err(Refusal::IcmpMtuNotSmaller));
    }
}

#[test]
fn a_syn_is_never_too_large() {
    let mut rig = Rig::syn_sent(Setup::default());
    assert_eq!(too_large(&mut rig, 560, 0), Err(Refusal::IcmpMtuNotSmaller));
    rig.silent();
}

#[test]
fn duplicates_meanwhile_are_no_sign_of_a_loss() {
    let mut rig = in_flight();
    too_large(&mut rig, 700, 4001).unwrap();
    rig.transmit();
    rig.duplicates_arrive(1, 10);
    rig.silent();
    assert_eq!(rig.tcb.info().ssthresh, None);
}

#[test]
fn what_is_lost_again_is_found_by_a_time_out() {
    let mut rig = in_flight();
    rig.now += ms(250);
    too_large(&mut rig, 700, 1).unwrap();
    let first = rig.transmit_one();
    let again = rig.sleep(ms(300));
    assert_eq!((again[0].brief(), again[0].at.since(first.at)), ((1, 648, Why::Rto(1)), ms(300)));
    // Ten segments of the new size were allowed.
    assert_eq!(rig.tcb.info().ssthresh, Some(5 * 648), "this was a loss");
}

#[test]
fn blocks_that_are_reported_meanwhile_are_no_part_of_the_new_size() {
    let mut rig = in_flight();
    let nothing_new = rig.ours(1);
    let text = |rig: &Rig, at| Segment { ack: nothing_new, ..rig.text(at, 50) };
    let beyond_a_gap = text(&rig, 51);
    rig.arrive(beyond_a_gap).unwrap();
    rig.transmit();
    too_large(&mut rig, 600, 1).unwrap();
    rig.transmit();
    let gap = text(&rig, 1);
    rig.arrive(gap).unwrap();
    rig.transmit();
    // The window after a time-out is one segment, which now has no blocks in it: it must fit.
    let again = rig.sleep(s(3));
    assert!(again.iter().any(|sent| sent.brief() == (1, 548, Why::Rto(1))), "{again:#?}");
    rig.tcb.check_invariants();
}

#[test]
fn a_fin_in_flight_goes_again_with_the_text() {
    let mut rig = Rig::open(Setup::default());
    rig.write(1500);
    rig.shutdown();
    assert_eq!(rig.tcb.state(), State::FinWait1);
    too_large(&mut rig, 700, 1).unwrap();
    let sent = rig.transmit_one();
    assert_eq!((sent.brief(), sent.segment_size), ((1, 1500, Why::PathMtu), 648));
    assert!(sent.flags.contains(Flags::FIN));
    rig.ack_arrives();
    assert_eq!(rig.tcb.state(), State::FinWait2);
}

#[test]
fn it_replaces_a_recovery_that_was_under_way() {
    for timeout in [false, true] {
        let mut rig = in_flight();
        if timeout {
            rig.sleep(ms(300));
        } else {
            rig.duplicates_arrive(1, 3);
            rig.transmit();
        }
        let before = rig.tcb.info();
        too_large(&mut rig, 700, 1).unwrap();
        let info = rig.tcb.info();
        assert_eq!(info.ssthresh, before.ssthresh);
        assert_eq!(info.cwnd, before.cwnd * 648 / 1000, "as many segments as before");
        let sent = rig.transmit_one();
        assert_eq!(sent.brief(), (1, info.cwnd / 648 * 648, Why::PathMtu));
        rig.ack_arrives();
        assert_eq!(rig.tcb.in_flight(), 0);
    }
}
