use super::*;
use crate::tcp::testing::*;
use crate::time::Duration;

const OWN: u32 = 60_000;

fn half_open(setup: Setup) -> (Rig, HalfOpen) {
    let mut rig = Rig::syn_sent(setup);
    let half_open = rig.half_open();
    (rig, half_open)
}

fn own_mss() -> Mss {
    Mss::of_mtu(MSS as u16 + 40, std::net::Ipv4Addr::LOCALHOST.into())
}

fn syn_ack(rig: &Rig, half_open: &HalfOpen) -> Segment {
    half_open.syn_ack(rig.now, rig.tcb.config(), own_mss())
}

#[test]
fn only_a_plain_syn_opens_rfc_9293_3_10_7_2() {
    let rig = Rig::open(Setup::default());
    let with = |flags| check_listen(&Segment { flags, ..rig.ack() });
    let (reset, silent) = (Discard::reset(Refusal::TcpPortClosed, rig.ours(1)), Discard::silent);
    assert_eq!(with(Flags::SYN), Ok(()));
    assert_eq!(with(Flags::SYN | Flags::PSH | Flags::ECE | Flags::CWR), Ok(()));
    assert_eq!(with(Flags::RST), Err(silent(Refusal::TcpStrayReset)));
    assert_eq!(with(Flags::RST | Flags::ACK), Err(silent(Refusal::TcpStrayReset)));
    assert_eq!(with(Flags::ACK), Err(reset));
    assert_eq!(with(Flags::SYN | Flags::ACK), Err(reset));
    assert_eq!(with(Flags::FIN), Err(silent(Refusal::ListenNoSyn)));
    assert_eq!(with(Flags::default()), Err(silent(Refusal::ListenNoSyn)));
    assert_eq!(with(Flags::SYN | Flags::FIN), Err(silent(Refusal::ListenBadFlags)));
}

#[test]
fn the_syn_ack_answers_only_what_was_offered_rfc_7323_2_2_rfc_2018_2() {
    let (rig, half) = half_open(Setup::default());
    let answer = syn_ack(&rig, &half);
    assert_eq!((answer.seq, answer.ack), (half.iss, PEER_ISS + 1));
    assert_eq!((answer.flags, answer.window), (Flags::SYN | Flags::ACK, OWN as u16));
    assert_eq!((answer.src_port, answer.dst_port), (49_152, 80));
    assert_eq!(answer.options.mss, Some(MSS as u16));
    assert_eq!(answer.options.window_scale, Some(0));
    assert!(answer.options.sack_permitted);
    assert_eq!(answer.options.timestamps.unwrap().tsecr, rig.peer_tsval());

    let plain = Setup { timestamps: false, sack: false, scale: None, ..Setup::default() };
    let (rig, half) = half_open(plain);
    let only_mss = Options { mss: Some(MSS as u16), ..Options::default() };
    assert_eq!(syn_ack(&rig, &half).options, only_mss);
}

#[test]
fn settings_without_timestamps_or_scaling_take_up_neither_rfc_7323_2_2() {
    let config = Config { timestamps: false, window_scaling: false, ..Setup::default().config };
    let setup = Setup { config: config.clone(), scale: Some(3), ..Setup::default() };
    let (rig, mut half) = half_open(setup.clone());
    half.limit(&config);
    let options = syn_ack(&rig, &half).options;
    assert_eq!((options.timestamps, options.window_scale), (None, None));

    let rig = Rig::connecting(setup);
    assert_eq!(rig.tcb.timestamps, None, "nor are they offered");
}

#[test]
fn without_sack_none_is_permitted_and_none_used_rfc_2018_2() {
    let config = Config { sack: false, ..Setup::default().config };
    let setup = Setup { config, ..Setup::default() };
    let (rig, half) = half_open(setup.clone());
    assert!(!syn_ack(&rig, &half).options.sack_permitted);
    let mut rig = Rig::accepted(setup);
    let hole = rig.text(9, 9);
    rig.arrive(hole).unwrap();
    assert_eq!(rig.transmit_one().sack(), []);

    let mut rig = Rig::accepted(Setup { sack: false, ..Setup::default() });
    let hole = rig.text(9, 9);
    rig.arrive(hole).unwrap();
    assert_eq!(rig.transmit_one().sack(), [], "the peer did not permit it");
    let mut rig = Rig::accepted(Setup::default());
    let hole = rig.text(9, 9);
    rig.arrive(hole).unwrap();
    assert_eq!(rig.transmit_one().sack(), [(9, 18)]);
}

#[test]
fn the_window_of_a_syn_ack_is_unscaled_and_that_of_a_challenge_scaled_rfc_7323_2_2() {
    let config = Config { receive_buffer: 1 << 20, ..Config::default() };
    let (rig, half) = half_open(Setup { config, ..Setup::default() });
    assert_eq!(syn_ack(&rig, &half).window, 65_535);
    let challenge = half.challenge_ack(rig.now, rig.tcb.config());
    assert_eq!((challenge.seq, challenge.flags), (half.iss + 1, Flags::ACK));
    assert_eq!(u32::from(challenge.window) << 5, 65_535 & !31);
}

#[test]
fn what_a_segment_means_to_a_half_open_connection_rfc_9293_3_10_7_4() {
    let (rig, half) = half_open(Setup::default());
    let ack = Segment { ack: half.iss + 1, ..rig.ack() };
    let step = |segment: &Segment| half.segment_arrives(segment, OWN, Profile::Rfc);
    let of = |flags, seq, ack| Segment { flags, seq, ack, ..rig.ack() };

    assert_eq!(step(&ack), Ok(Step::Complete));
    let text = Segment { payload: stream(1, 9), ..ack.clone() };
    assert_eq!(step(&text), Ok(Step::Complete), "text may come with it");
    let fin = Segment { flags: Flags::FIN | Flags::ACK, ..text };
    assert_eq!(step(&fin), Ok(Step::Complete), "and so may a FIN");
    assert_eq!(step(&of(Flags::SYN, PEER_ISS, half.iss)), Ok(Step::AnswerAgain));
    assert_eq!(step(&of(Flags::RST, PEER_ISS + 1, half.iss)), Ok(Step::Forget));

    for wrong in [half.iss, half.iss + 2, half.iss - 1] {
        let expected = Discard::reset(Refusal::SynReceivedUnacceptable, wrong);
        assert_eq!(step(&of(Flags::ACK, PEER_ISS + 1, wrong)), Err(expected));
    }
    let mut bare = ack.clone();
    bare.options.timestamps = None;
    let missing = Discard::silent(Refusal::TimestampMissing);
    assert_eq!(step(&bare), Err(missing), "RFC 7323 3.2");
    assert_eq!(half.segment_arrives(&bare, OWN, Profile::Linux), Ok(Step::Complete));
    let mut old = ack;
    old.options.timestamps.as_mut().unwrap().tsval -= 1;
    assert_eq!(step(&old), Err(Discard::challenge(Refusal::Paws)), "RFC 7323 5.3 R1");
    let no_ack = of(Flags::FIN, PEER_ISS + 1, half.iss);
    assert_eq!(step(&no_ack), Err(Discard::silent(Refusal::AckMissing)));
    let challenged = Discard::challenge(Refusal::SynReceivedUnacceptable);
    for seq in [PEER_ISS, PEER_ISS + 2 + OWN] {
        assert_eq!(step(&of(Flags::ACK, seq, half.iss + 1)), Err(challenged));
    }
    assert_eq!(step(&of(Flags::SYN, PEER_ISS + 7, half.iss)), Err(challenged));
    for seq in [PEER_ISS, PEER_ISS + 1 + OWN] {
        let outside = Discard::silent(Refusal::ResetOutsideWindow);
        assert_eq!(step(&of(Flags::RST, seq, half.iss)), Err(outside));
    }
}

#[test]
fn the_syn_ack_is_sent_again_after_1_2_4_seconds_rfc_6298_5_5() {
    let (mut rig, mut half) = half_open(Setup::default());
    for secs in [1, 2, 4, 8, 16, 32] {
        assert_eq!(
            half.next_deadline(rig.now, &rig.setup.config),
            rig.now + Duration::from_secs(secs)
        );
        rig.now = half.next_deadline(rig.now, &rig.setup.config);
        half.timed_out(rig.now);
    }
}

#[test]
fn the_syn_ack_waits_no_longer_than_the_longest_time_out() {
    let mut setup = Setup::default();
    setup.config.limit_rto(Duration::from_secs(3));
    let (mut rig, mut half) = half_open(setup);
    for secs in [1, 2, 3, 3] {
        assert_eq!(
            half.next_deadline(rig.now, &rig.setup.config),
            rig.now + Duration::from_secs(secs)
        );
        rig.now = half.next_deadline(rig.now, &rig.setup.config);
        half.timed_out(rig.now);
    }
}

#[test]
fn the_handshake_gives_the_first_sample_rfc_6298_2_2() {
    let rig = Rig::accepted(Setup::default());
    assert_eq!(rig.tcb.info().srtt, Some(ms(100)));
    assert_eq!(rig.tcb.info().snd_wnd, 64_000, "this window is scaled");
    assert_eq!(rig.tcb.info().mss, FULL as u16);
    assert_eq!(rig.tcb.next_deadline(), None);
}

#[test]
fn a_syn_ack_that_was_sent_again_gives_no_sample_and_three_seconds_rfc_6298_5_7() {
    let (mut rig, mut half) = half_open(Setup { timestamps: false, ..Setup::default() });
    rig.now = half.next_deadline(rig.now, &rig.setup.config);
    half.timed_out(rig.now);
    rig.now += ms(10);
    let config = Arc::new(rig.setup.config.clone());
    rig.tcb = half.into_tcb(rig.now, config.clone(), &config, own_mss());
    rig.ack_arrives();
    assert_eq!(rig.tcb.state(), State::Established);
    assert_eq!((rig.tcb.info().srtt, rig.tcb.info().rto), (None, s(3)));
}

/// RFC 5681 3.1, RFC 6928 2.
#[test]
fn after_two_lost_syn_acks_the_window_is_one_segment_rfc_5681_3_1() {
    for (lost, segments) in [(1, 10), (2, 1)] {
        let (mut rig, mut half) = half_open(Setup::default());
        for _ in 0..lost {
            rig.now = half.next_deadline(rig.now, &rig.setup.config);
            half.timed_out(rig.now);
        }
        let config = Arc::new(rig.setup.config.clone());
        rig.tcb = half.into_tcb(rig.now, config.clone(), &config, own_mss());
        assert_eq!(rig.tcb.info().cwnd, segments * FULL, "{lost}");
    }
}

#[test]
fn text_with_the_last_ack_of_the_handshake_is_delivered() {
    let (mut rig, half) = half_open(Setup::default());
    let config = Arc::new(rig.setup.config.clone());
    rig.tcb = half.into_tcb(rig.now, config.clone(), &config, own_mss());
    rig.text_arrives(500);
    rig.read(1, 500);
    assert_eq!(rig.tcb.state(), State::Established);
}

#[test]
fn numbers_go_on_after_a_connection_in_time_wait_rfc_1122_4_2_2_13() {
    let (_, half) = half_open(Setup::default());
    for ahead in [0, 1, 1 << 20] {
        let mut half = half.clone();
        let before = half.iss + ahead;
        half.start_after(before);
        assert!(half.iss.after(before));
    }
    let mut fine = half.clone();
    fine.start_after(half.iss - 1);
    assert_eq!(fine.iss, half.iss);
}

// Settings of the listener (TCP_DEFER_ACCEPT, TCP_MAXSEG, SO_RCVBUF).

#[test]
fn a_bare_acknowledgment_can_be_left_waiting_for_text() {
    let (rig, mut half) = half_open(Setup::default());
    let config = Config { defer_accept: Some(Duration::from_secs(3)), ..Config::default() };
    let bare = Segment { ack: half.iss + 1, ..rig.ack() };
    let text = Segment { payload: stream(1, 9), ..bare.clone() };
    let fin = Segment { flags: Flags::FIN | Flags::ACK, ..bare.clone() };
    assert!(!half.defers(&bare, &Config::default()), "off by default");
    assert!(!half.defers(&text, &config) && !half.defers(&fin, &config));
    assert!(!half.waits_for_text(&config));
    assert!(half.defers(&bare, &config));
    assert!(half.waits_for_text(&config), "no SYN-ACK again, for there was an answer");
    half.timed_out(rig.now);
    assert!(half.defers(&bare, &config) && !half.waits_for_text(&config), "to ask once more");
    half.timed_out(rig.now);
    assert!(!half.defers(&bare, &config), "three seconds are two retransmissions");
}

#[test]
fn the_time_to_wait_for_text_is_counted_in_retransmissions_as_in_linux() {
    let count = |seconds| {
        let defer_accept = Some(Duration::from_secs(seconds));
        Config { defer_accept, ..Config::default() }.accept_retransmissions()
    };
    assert_eq!([0, 1, 2, 3, 4, 7, 8, 15].map(count), [0, 1, 2, 2, 3, 3, 4, 4]);
    assert_eq!(Config::default().accept_retransmissions(), 0);
}

#[test]
fn what_the_syn_ack_said_stands_whatever_is_set_afterwards() {
    let mut setup = Setup::default();
    setup.config.receive_buffer = 1 << 20;
    setup.config.max_segment = Some(500);
    let (mut rig, half) = half_open(setup);
    let offered = Arc::new(rig.setup.config.clone());
    let said = half.syn_ack(rig.now, &offered, own_mss()).options;
    assert_eq!((said.mss, said.window_scale), (Some(500), Some(5)));
    let later = Config { receive_buffer: 1 << 10, max_segment: None, ..offered.as_ref().clone() };
    rig.tcb = half.into_tcb(rig.now, Arc::new(later), &offered, own_mss());
    assert_eq!(rig.tcb.rcv.scale.shift(), 5);
    assert_eq!(rig.tcb.info().details.advertised_mss, 500);
    assert_eq!(rig.tcb.full_segment(), 500 - 12, "no larger segment is sent, either");
}
