//! RFC 9438 (CUBIC), RFC 9406 (HyStart++), RFC 6928 (the initial window) and RFC 5681 where they rest on it.

use crate::play::{PLAIN, SACK, after, play, play_with, segments};

/// A transfer that the window limits: so many segments of `mss` bytes go at once, and no more.
fn first_window(mtu: u16, mss: u32, segments: u32) {
    let write = 40 * mss;
    let lines = (0..segments).map(|nth| {
        let half = (segments / 2).max(1);
        let push = if half > 1 && (nth + 1) % half == 0 { "PSH,ACK" } else { "ACK" };
        format!("+0ms expect {push} seq={}..{}\n", nth * mss + 1, nth * mss + mss + 1)
    });
    let lines: String = lines.collect();
    play_with(
        |config| {
            config.mtu = mtu;
            config.tcp.fix_buffers(1 << 20);
        },
        &format!(
            "
            +0ms   call listen
            +0ms   inject SYN seq=0 win=65535 <mss {mss}, wscale 7>
            +0ms   expect SYN,ACK seq=0 ack=1
            +10ms  inject ACK seq=1 ack=1 win=65535
            +0ms   call accept
            +0ms   call write {write}
            {lines}
            +0ms   expect nothing
        "
        ),
    );
}

/// RFC 6928 2: min(10 MSS, max(2 MSS, 14,600)) bytes.
#[test]
fn the_first_window_is_ten_segments_6928_2() {
    first_window(1500, 536, 10);
    first_window(1500, 1000, 10);
    first_window(1500, 1460, 10);
    first_window(9000, 2920, 5);
    first_window(9000, 7000, 2);
    first_window(9000, 8960, 2);
}

/// RFC 6928 2: one SYN that was sent again is no reason for a smaller window, for it may have been late.
#[test]
fn one_lost_syn_leaves_the_window_as_it_is_6928_2() {
    play_with(
        |config| config.tcp.timestamps = false,
        "
        +0ms   call connect
        +0ms   expect SYN seq=0
        +1s    expect SYN seq=0
        +10ms  inject SYN,ACK seq=0 ack=1 <mss 1000>
        +0ms   expect ACK seq=1 ack=1
        +0ms   call cwnd -> 10000 bytes
    ",
    );
}

/// RFC 6928 2, RFC 5681 3.1: after more than one the window is a segment.
#[test]
fn two_lost_syns_make_the_window_one_segment_5681_3_1() {
    play_with(
        |config| config.tcp.timestamps = false,
        "
        +0ms   call connect
        +0ms   expect SYN seq=0
        +1s    expect SYN seq=0
        +2s    expect SYN seq=0
        +10ms  inject SYN,ACK seq=0 ack=1 <mss 1000>
        +0ms   expect ACK seq=1 ack=1
        +0ms   call cwnd -> 1000 bytes
    ",
    );
}

/// RFC 5681 3.1: slow start, a segment for each that is acknowledged.
#[test]
fn slow_start_doubles_each_round_trip_5681_3_1() {
    let (first, second) = (segments(0, 5), segments(5, 5));
    after(
        PLAIN,
        &format!(
            "+0ms  call write 30000
            {first}{second}
            +10ms  inject ACK seq=1 ack=2001
            +0ms   expect ACK seq=10001..11001
            +0ms   expect ACK seq=11001..12001
            +0ms   expect ACK seq=12001..13001
            +0ms   expect PSH,ACK seq=13001..14001
            +0ms   call cwnd -> 12000 bytes
            "
        ),
    );
}

/// 4.6: a loss leaves seven tenths of the window.
#[test]
fn a_loss_leaves_seven_tenths_4_6() {
    let (first, second) = (segments(0, 5), segments(5, 5));
    after(
        SACK,
        &format!(
            "+0ms  call write 10000
            {first}{second}
            +10ms  inject ACK seq=1 ack=1 <sack 1001..10001>
            +0ms   expect ACK seq=1..1001
            +0ms   call ssthresh -> 7000 bytes
            +10ms  inject ACK seq=1 ack=10001
            +0ms   call cwnd -> 7000 bytes
            "
        ),
    );
}

/// 4.8: a time-out leaves one segment, and seven tenths of the window as the threshold.
#[test]
fn a_time_out_leaves_one_segment_4_8() {
    let (first, second) = (segments(0, 5), segments(5, 5));
    after(
        PLAIN,
        &format!(
            "+0ms  call write 10000
            {first}{second}
            +210ms expect ACK seq=1..1001
            +0ms   call cwnd -> 1000 bytes
            +0ms   call ssthresh -> 7000 bytes
            +420ms expect ACK seq=1..1001
            +0ms   call ssthresh -> 7000 bytes               # of the same data (RFC 5681 3.1)
            +10ms  inject ACK seq=1 ack=10001
            "
        ),
    );
}

/// 4.6, RFC 3168 6.1.2: a mark is answered as a loss is.
#[test]
fn a_mark_leaves_seven_tenths_4_6() {
    let (first, second) = (segments(0, 5), segments(5, 5));
    play(&format!(
        "
        +0ms   call listen
        +0ms   inject SYN,ECE,CWR seq=0 win=65535 <mss 1000>
        +0ms   expect SYN,ACK,ECE seq=0 ack=1
        +10ms  inject ACK seq=1 ack=1
        +0ms   call accept
        +0ms   call write 10000
        {first}{second}
        +10ms  inject ACK,ECE seq=1 ack=10001
        +0ms   call ssthresh -> 7000 bytes
        +0ms   call cwnd -> 7000 bytes
        "
    ));
}

/// W_cubic(t) = C (t - K)^3 + W_max (4.2), in segments and seconds.
fn cubic(t: f64, w_max: f64, cwnd: f64) -> f64 {
    let k = ((w_max - cwnd) / 0.4).cbrt();
    0.4 * (t - k).powi(3) + w_max
}

/// 4.3: on a path as short as this W_est decides: three tenths less lost, so 9/17 of a segment more each round trip, until
/// there are as many as before the loss. 4.2: the curve would be below that.
#[test]
fn a_short_path_grows_as_reno_would_4_3() {
    let (first, second) = (segments(0, 5), segments(5, 5));
    let mut script = format!(
        "{SACK}+0ms call write 10000
        {first}{second}
        +10ms  inject ACK seq=1 ack=1 <sack 1001..10001>
        +0ms   expect ACK seq=1..1001
        +10ms  inject ACK seq=1 ack=10001
        "
    );
    let (mut w_est, mut sent) = (7.0_f64, 10_u32);
    for round in 1..=6 {
        let window = w_est.round() as u32; // whole segments, the nearest number
        let half = (window / 2).max(1);
        script += &format!("+0ms call cwnd -> {}000 bytes\n+0ms call write {window}000\n", window);
        for nth in 0..window {
            let push = if (nth + 1) % half == 0 || nth + 1 == window { "PSH,ACK" } else { "ACK" };
            let from = (sent + nth) * 1000 + 1;
            script += &format!("+0ms expect {push} seq={from}..{}\n", from + 1000);
        }
        sent += window;
        script += &format!("+10ms inject ACK seq=1 ack={}001\n", sent);
        // The curve is lower all the time.
        assert!(cubic(f64::from(round) * 0.01, 10.0, 7.0) < w_est + 1.0);
        let alpha = 3.0 * (1.0 - 0.7) / (1.0 + 0.7);
        w_est += alpha * f64::from(window) / w_est;
    }
    play(&script);
}

/// RFC 9406 4.2 in its own words: slow start, conservative slow start, and the end of it.
struct HyStart {
    /// Bytes; windows are the nearest number of whole segments.
    cwnd: u32,
    window_end: u32,
    last_round_min: Option<u32>,
    current_round_min: Option<u32>,
    samples: u32,
    /// The shortest round trip when conservative slow start began, and the rounds that it has had.
    css: Option<(u32, u32)>,
    over: bool,
}

impl HyStart {
    /// One segment is acknowledged after `rtt` milliseconds; it is the segment before `una`, and `nxt` were sent.
    fn on_ack(&mut self, rtt: u32, una: u32, nxt: u32) {
        self.current_round_min = Some(self.current_round_min.map_or(rtt, |min| min.min(rtt)));
        self.samples += 1;
        if self.samples >= 8 {
            let current = self.current_round_min.unwrap_or(rtt);
            match (self.css, self.last_round_min) {
                (None, Some(last)) if current >= last + (last / 8).clamp(4, 16) => {
                    self.css = Some((current, 0));
                }
                (Some((baseline, _)), _) if current < baseline => self.css = None,
                _ => {}
            }
        }
        if una >= self.window_end {
            self.window_end = nxt;
            (self.last_round_min, self.current_round_min) = (self.current_round_min, None);
            self.samples = 0;
            self.css = self.css.map(|(baseline, rounds)| (baseline, rounds + 1));
        }
        self.over |= self.css.is_some_and(|(_, rounds)| rounds == 5);
        if !self.over {
            self.cwnd += if self.css.is_some() { 250 } else { 1000 };
        }
    }
}

/// RFC 9406 4.2: when the round trip has grown by an eighth, slow start grows by a quarter of what it did, and after five
/// rounds of that congestion avoidance begins where the window is, without a loss. The peer acknowledges each segment.
#[test]
fn a_longer_round_trip_ends_slow_start_9406_4_2() {
    let mut script = format!(
        "
        +0ms   call listen
        +0ms   inject SYN seq=0 win=65535 <mss 1000, wscale 7>
        +0ms   expect SYN,ACK seq=0 ack=1
        +100ms inject ACK seq=1 ack=1 win=65535
        +0ms   call accept
        +0ms   call write 900000
        {}{}",
        segments(0, 5),
        segments(5, 5)
    );
    let mut hystart = HyStart {
        cwnd: 10_000,
        window_end: 10,
        last_round_min: None,
        current_round_min: None,
        samples: 0,
        css: None,
        over: false,
    };
    let (mut una, mut nxt) = (0, 10);
    for rtt in [100, 120, 120, 120, 120, 120, 120] {
        script += &format!("+{rtt}ms expect nothing\n");
        let flight = nxt - una;
        for _ in 0..flight {
            una += 1;
            script += &format!("+0ms inject ACK seq=1 ack={}001 win=65535\n", una);
            hystart.on_ack(rtt, una, nxt);
            let room = (hystart.cwnd + 500) / 1000 - (nxt - una);
            let lines = segments(nxt, room);
            script += &(if room > 1 { lines } else { lines.replace("PSH,", "") });
            nxt += room;
            if hystart.over {
                break;
            }
        }
        script += &format!("+0ms call cwnd -> {}000 bytes\n", (hystart.cwnd + 500) / 1000);
        if hystart.over {
            break;
        }
        script += "+0ms call ssthresh -> infinite\n";
    }
    assert!(hystart.over && hystart.cwnd > 50_000, "{}", hystart.cwnd);
    script += &format!("+0ms call ssthresh -> {}000 bytes\n", (hystart.cwnd + 500) / 1000);
    script += "+0ms inject RST seq=1";
    play_with(|config| config.tcp.fix_buffers(1 << 20), &script);
}
