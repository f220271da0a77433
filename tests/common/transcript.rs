//! Whether a transcript (`--transcript`) shows what each step of the homework on TCP is about. Only what it says of
//! segments, windows and causes counts, never when: on a machine that is busy segments arrive in batches, and what is
//! asked for here must hold for them too.

use std::fmt::Write as _;

/// Text of a full-sized segment, in bytes, on a link with an MTU of 1500.
const MSS: f64 = 1448.0;
/// Windows are printed with two places.
const ROUNDING: f64 = 0.011;

/// A line of which the steps speak.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Line {
    /// A segment that was sent, whether it has a FIN, and whether it is an acknowledgment that was delayed.
    Sent { seq: f64, ack: f64, len: f64, is_end: bool, is_delayed: bool },
    /// A segment of the peer's, whether it has a FIN, and the how manyth duplicate it is.
    Received { ack: f64, len: f64, is_end: bool, duplicate: Option<f64> },
    /// The window and ssthresh, in segments, and what they mean.
    Window { cwnd: f64, ssthresh: f64, phase: Phase },
    /// Three duplicates, and what is sent again.
    Fast { seq: f64 },
    /// A time-out, what is sent again, and how long the next one will be in seconds.
    Timeout { seq: f64, rto: f64 },
    /// What a rule has taken.
    Dropped { seq: f64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    SlowStart,
    CongestionAvoidance,
    FastRecovery,
    AfterTimeout,
    Other,
}

use Line::{Dropped, Fast, Received, Sent, Timeout, Window};

/// What one connection has to tell.
pub struct Steps {
    lines: Vec<Line>,
    /// For whoever has to find out why they are not as they should be.
    text: String,
}

/// The number that stands behind a word in a line.
fn number(line: &str, word: &str) -> Option<f64> {
    let (_, rest) = line.split_once(word)?;
    rest.split([' ', ')', ',']).next()?.parse().ok()
}

impl Line {
    fn read(line: &str) -> Option<Line> {
        let after = |word| number(line, word);
        let (seq, ack, len) = (after(" seq="), after(" ack="), after(" len=").unwrap_or(0.0));
        let is_end = line.split(' ').nth(1).is_some_and(|flags| flags.contains("FIN"));
        let read = if line.starts_with("cwnd=") {
            let phase = match line.split_once("  ")?.1 {
                "slow start" => Phase::SlowStart,
                "congestion avoidance" => Phase::CongestionAvoidance,
                "fast recovery" => Phase::FastRecovery,
                "recovery from a timeout" => Phase::AfterTimeout,
                _ => Phase::Other,
            };
            let ssthresh = after("ssthresh=").unwrap_or(f64::INFINITY);
            Window { cwnd: after("cwnd=")?, ssthresh, phase }
        } else if line.starts_with("timeout -> ") {
            Timeout { seq: seq?, rto: after("RTO=")? }
        } else if line.starts_with("3 duplicate ACKs -> fast retransmit") {
            Fast { seq: seq? }
        } else if line.starts_with("drop (out): ") {
            Dropped { seq: seq? }
        } else if line.starts_with("recv ") {
            Received { ack: ack?, len, is_end, duplicate: after("(duplicate ") }
        } else if line.starts_with("send ") {
            let is_delayed = line.ends_with(" (delayed)");
            Sent { seq: seq?, ack: ack?, len, is_end, is_delayed }
        } else {
            return None;
        };
        Some(read)
    }
}

impl Steps {
    /// Those of the first connection of a stack, which is this: `CLIENT`, or `SERVER`.
    pub fn of(who: &str, transcript: &str) -> Steps {
        let (mut lines, mut text) = (Vec::new(), String::new());
        for line in transcript.lines().filter_map(|line| Some(line.split_once("] ")?.1)) {
            let Some(line) = line.strip_prefix(who).and_then(|line| line.strip_prefix(' ')) else {
                continue;
            };
            lines.extend(Line::read(line));
            let _ = writeln!(text, "{line}");
        }
        assert!(!lines.is_empty(), "nothing is told by {who}: {transcript}");
        Steps { lines, text }
    }

    /// Step 1: how many acknowledgments were delayed, and how many were sent at once, each of which must tell of two
    /// segments at least (RFC 9293 3.8.6.3) or of the end. What carries text or the end goes in any case.
    pub fn acknowledgments(&self) -> (usize, usize) {
        let (mut delayed, mut at_once, mut told, mut arrived) = (0, 0, 0.0, 0);
        for line in &self.lines {
            match *line {
                Received { len, is_end, .. } => {
                    arrived += usize::from(len > 0.0) + 2 * usize::from(is_end);
                }
                // The first one is that of the handshake.
                Sent { ack, len, is_end, is_delayed, .. } if ack > told => {
                    if is_delayed {
                        delayed += 1;
                    } else if told > 0.0 && len == 0.0 && !is_end {
                        assert!(arrived >= 2, "ack={ack} comes too soon:\n{}", self.text);
                        at_once += 1;
                    }
                    (told, arrived) = (ack, 0);
                }
                _ => {}
            }
        }
        (delayed, at_once)
    }

    /// Step 2: in slow start the window grows by what is acknowledged, and so it doubles with each round trip in which
    /// all of it was used (RFC 5681 3.1). How often it has.
    pub fn doublings(&self) -> usize {
        let (mut cwnd, mut acked, mut end, mut grown) = (0.0, 1.0, 1.0_f64, 0.0);
        // A round trip that began with a full window: how large it was, and where what was sent ended.
        let mut round: Option<(f64, f64)> = None;
        let mut doubled = 0;
        for line in &self.lines {
            match *line {
                Window { cwnd: now, ssthresh: f64::INFINITY, phase: Phase::SlowStart } => {
                    (grown, cwnd) = (if cwnd == 0.0 { 0.0 } else { now - cwnd }, now);
                }
                Window { .. } => break,
                Sent { seq, len, .. } if len > 0.0 => {
                    end = end.max(seq + len);
                    if round.is_none() && end - acked > (cwnd - 1.0) * MSS {
                        round = Some((cwnd, end));
                    }
                }
                Received { ack, .. } if ack > acked => {
                    let error = grown - (ack - acked) / MSS;
                    assert!(
                        grown == 0.0 || error.abs() <= 2.0 * ROUNDING,
                        "from {acked} to {ack} cwnd grows by {grown}:\n{}",
                        self.text
                    );
                    (acked, grown) = (ack, 0.0);
                    if let Some((before, _)) = round.take_if(|(_, until)| ack >= *until) {
                        assert!(
                            cwnd > 2.0 * before - 1.0 - ROUNDING,
                            "at {ack} cwnd={cwnd}, a round trip after {before}:\n{}",
                            self.text
                        );
                        doubled += 1;
                    }
                }
                _ => {}
            }
        }
        doubled
    }

    /// Step 3: from ssthresh on the window grows by one segment for each whole window that is acknowledged (RFC 5681
    /// 3.1). How often it has.
    pub fn grown_by_one(&self) -> usize {
        let (mut last, mut acked, mut windows, mut grown) = (None, 0.0, 0.0, 0);
        let mut begun = None;
        for line in &self.lines {
            match *line {
                Window { cwnd, phase: Phase::CongestionAvoidance, .. } => {
                    if let Some(last) = last.replace(cwnd) {
                        assert!(
                            (cwnd - last - 1.0).abs() <= 2.0 * ROUNDING,
                            "cwnd={cwnd} follows cwnd={last}:\n{}",
                            self.text
                        );
                        (windows, grown) = (windows + last, grown + 1);
                    }
                }
                Window { .. } if last.is_some() => break,
                Received { ack, .. } if last.is_some() && ack > acked => {
                    acked = ack;
                    let begun: f64 = *begun.get_or_insert(ack);
                    let passed = (ack - begun) / MSS;
                    // Not sooner; and not much later, though part of a window may lack in each round trip.
                    assert!(
                        windows - ROUNDING <= passed
                            && passed < 2.0 * (windows + 3.0 * last.unwrap_or(0.0)),
                        "at {ack} {passed} segments are acknowledged for {windows}:\n{}",
                        self.text
                    );
                }
                _ => {}
            }
        }
        grown
    }

    /// Step 4: the third duplicate has the segment sent again that was dropped, once, and nothing has to time out (RFC
    /// 5681 3.2).
    pub fn assert_one_fast_retransmission(&self) {
        let dropped = self.lines.iter().find_map(|line| match line {
            Dropped { seq } => Some(*seq),
            _ => None,
        });
        let dropped = dropped.expect("something was dropped");
        let again: Vec<_> =
            self.lines.iter().filter(|line| matches!(line, Fast { .. } | Timeout { .. })).collect();
        assert_eq!(again, [&Fast { seq: dropped }], "{}", self.text);
        let reduced = self.reduced();
        let duplicates: Vec<_> = self.lines[..=reduced + 1]
            .iter()
            .filter_map(|line| match line {
                Received { ack, duplicate: Some(number), .. } if *ack == dropped => Some(*number),
                _ => None,
            })
            .collect();
        assert_eq!(duplicates, [1.0, 2.0, 3.0], "{}", self.text);
        let at = self.lines.iter().position(|line| line == again[0]);
        assert!(at.is_some_and(|at| at > reduced), "{}", self.text);
    }

    /// The line that tells of the first reduction of the window.
    fn reduced(&self) -> usize {
        let reduced = |line: &Line| matches!(line, Window { ssthresh, .. } if ssthresh.is_finite());
        self.lines.iter().position(reduced).unwrap_or_else(|| panic!("no loss:\n{}", self.text))
    }

    /// Step 5: ssthresh is half of what was in flight, and so is the window from then on: in recovery, and when it is over
    /// (RFC 5681 3.2; without what its step 3 adds for each duplicate, as RFC 6582 allows).
    pub fn assert_recovery_leads_to_half(&self) {
        let reduced = self.reduced();
        let (mut acked, mut end) = (0.0, 0.0_f64);
        // What is sent for a duplicate is not counted (RFC 3042 2).
        let first = |line: &&Line| !matches!(line, Received { duplicate: Some(_), .. });
        for line in self.lines.iter().take_while(first) {
            match *line {
                Sent { seq, len, .. } => end = end.max(seq + len),
                Received { ack, .. } => acked = ack,
                _ => {}
            }
        }
        let half = (end - acked) / MSS / 2.0;
        let Window { cwnd, ssthresh, phase } = self.lines[reduced] else { unreachable!() };
        assert!((ssthresh - half).abs() <= ROUNDING, "half is {half}:\n{}", self.text);
        assert_eq!((cwnd, phase), (ssthresh, Phase::FastRecovery), "{}", self.text);
        let after = self.lines[reduced..].iter().find_map(|line| match *line {
            Window { cwnd, ssthresh, phase: Phase::CongestionAvoidance } => Some((cwnd, ssthresh)),
            _ => None,
        });
        assert_eq!(after, Some((ssthresh, ssthresh)), "{}", self.text);
    }

    /// Step 6: each time-out in a row waits twice as long as the one before (RFC 6298 5.5), with a window of one segment
    /// (RFC 5681 3.1). How many there were.
    pub fn doubled_time_outs(&self) -> usize {
        let mut row: Vec<(f64, f64)> = Vec::new();
        let mut window = 0.0;
        for line in &self.lines {
            match *line {
                Window { cwnd, phase, .. } => {
                    window = if phase == Phase::AfterTimeout { cwnd } else { 0.0 };
                }
                Timeout { seq, rto } => {
                    assert_eq!(window, 1.0, "{}", self.text);
                    row.push((seq, rto));
                }
                _ => {}
            }
        }
        for pair in row.windows(2) {
            let [(one, waits), (next, longer)] = [pair[0], pair[1]];
            // They are printed in milliseconds.
            let doubled = (longer - 2.0 * waits).abs() < 0.0021;
            assert!(one == next && doubled, "{longer} after {waits}:\n{}", self.text);
        }
        row.len()
    }
}
