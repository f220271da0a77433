use super::*;
use crate::event::Why;
use crate::tcp::testing::{Rig, Setup, ms, s};
use crate::wire::tcp::Flags;

fn rfc() -> Setup {
    Setup { config: Config::of(Profile::Rfc), ..Setup::default() }
}

#[test]
fn they_have_names() {
    for profile in Profile::ALL {
        assert_eq!(profile.to_string().parse(), Ok(profile));
    }
    let error = "bsd".parse::<Profile>().unwrap_err();
    assert_eq!(error.to_string(), "there is no profile \"bsd\": choose linux or rfc");
}

#[test]
fn the_default_is_linux() {
    assert_eq!(Config::of(Profile::Linux), Config::default());
    assert_eq!(Config::default().profile, Profile::default());
}

/// RFC 5681 3.1, equation 1.
#[test]
fn the_initial_window_rfc_5681_3_1() {
    let table =
        [(536, 2144), (1095, 4380), (1096, 3288), (1460, 4380), (2190, 6570), (8960, 17_920)];
    for (mss, window) in table {
        assert_eq!(Profile::Rfc.initial_window(mss), window, "mss {mss}");
    }
    let rig = Rig::open(rfc());
    let size = rig.tcb.segment_size();
    assert_eq!(rig.tcb.cwnd(), Profile::Rfc.initial_window(size));
}

#[test]
fn the_time_out_is_a_second_at_least_rfc_6298_2_4() {
    let mut rig = Rig::open(rfc());
    for _ in 0..20 {
        rig.write(100);
        rig.transmit();
        rig.now += ms(10);
        rig.ack_arrives();
    }
    assert_eq!(rig.tcb.rto().as_duration(), s(1));
    rig.write(100);
    rig.transmit();
    // RFC 8985 7.2: two round trips, and what the peer may wait.
    let srtt = rig.tcb.rtt.srtt().unwrap();
    let probe = rig.sleep(2 * srtt + ms(200));
    assert_eq!(probe.iter().map(|sent| sent.why).collect::<Vec<_>>(), [Why::TailLossProbe]);
}

#[test]
fn every_second_segment_is_acknowledged_or_it_takes_200_ms_rfc_9293_3_8_6_3() {
    let mut rig = Rig::open(rfc());
    rig.text_arrives(1);
    assert!(rig.sleep(ms(199)).is_empty());
    assert_eq!(rig.sleep(ms(1))[0].why, Why::AckDelayed);
}

#[test]
fn only_ends_of_writes_are_pushed_rfc_9293_3_9_1_2() {
    for profile in Profile::ALL {
        let mut setup = Setup::default();
        setup.config.profile = profile;
        let mut rig = Rig::open(setup);
        let window = rig.tcb.cwnd();
        rig.write(2 * window);
        let sent = rig.transmit();
        assert!(!sent.is_empty());
        let pushed = sent.iter().any(|sent| sent.flags.contains(Flags::PSH));
        assert_eq!(pushed, profile == Profile::Linux, "{profile}");
    }
}
