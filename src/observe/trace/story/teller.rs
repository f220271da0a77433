//! Goes through what happened and says what matters.

use crate::event::State;
use crate::time::Instant;
use crate::wire::tcp::Flags;

use super::super::figures::plain;
use super::super::{Class, Moment, Name, Offers, Segment, Side, Trace, What, is_tail_probe};
use super::loss::Episode;
use super::{Kind, Line, number, span, words};

/// What is remembered of what was told.
#[derive(Default)]
pub struct Teller {
    lines: Vec<Line>,
    /// When the first SYN was seen.
    opening: Option<Instant>,
    is_open: bool,
    offers: [Option<Offers>; 2],
    /// Where what this end has sent ends.
    end: u64,
    acked: u64,
    /// Congestion window, threshold and phase.
    window: Option<(u32, Option<u32>, Option<Name>)>,
    episode: Option<Episode>,
    /// A reduction whose window is not yet known.
    reduced: Option<(Name, Option<u32>)>,
    /// Since when the window of each end is closed, and probes since then.
    closed: [Option<(Instant, u64)>; 2],
    fins: [bool; 2],
    text: [bool; 2],
    /// What came before is not there.
    is_part: bool,
    /// Whose windows stand there without their scale.
    unscaled: [bool; 2],
}

impl Teller {
    /// All lines of a trace.
    pub fn tell(trace: &Trace) -> Vec<Line> {
        let mut teller = Teller { unscaled: trace.unscaled, ..Teller::default() };
        if let Some(first) = trace.moments.first().filter(|_| !trace.moments.iter().any(opens)) {
            (teller.is_part, teller.is_open, teller.text) = (true, true, [true; 2]);
            teller.say(
                first.at,
                Kind::Once,
                "here the file begins, in the middle of it".to_owned(),
            );
        }
        for moment in &trace.moments {
            teller.take(moment.at, &moment.what);
        }
        if let Some(episode) = teller.episode.take() {
            teller.say(episode.began, kind(&episode), episode.words(None));
        }
        // What began earlier may have been told later.
        teller.lines.sort_by_key(|line| line.at);
        teller.lines
    }

    fn say(&mut self, at: Instant, kind: Kind, text: impl Into<String>) {
        self.lines.push(Line { at, kind, text: text.into() });
    }

    fn take(&mut self, at: Instant, what: &What) {
        match what {
            What::Sent(segment) => {
                self.segment(at, Side::Local, segment);
                self.sent(at, segment);
            }
            What::Received(segment) => {
                self.segment(at, Side::Remote, segment);
                self.received(at, segment);
            }
            What::Refused(reason, segment) => {
                let subject = segment.as_ref().map_or_else(
                    || "a packet".to_owned(),
                    |segment| format!("{} seq={}", segment.flags, number(segment.seq)),
                );
                let text = format!("{subject} is refused: {}", words::refused_for(reason));
                self.say(at, Kind::Refusal, text);
            }
            What::State(from, to, cause) => self.state(at, from, to, cause),
            What::Window(cwnd, ssthresh, phase) => {
                self.congestion(at, *cwnd, *ssthresh, phase.as_ref());
            }
            What::Lost(from, len, by) => {
                self.episode(at).lost(*from, *len, by);
            }
            What::Reduced(why) => match &**why {
                "loss" | "timeout" => self.episode(at).reduced(why),
                _ => self.reduced = Some((why.clone(), self.cwnd())),
            },
            What::Undone(by) => self.undone(at, by),
            What::IcmpError(report, by) => {
                let text = format!("ICMP from {by}: {} (RFC 9293 3.9.2.2)", plain(report));
                self.say(at, Kind::Path, text);
            }
            What::PathMtu(mtu, mss, by) => {
                let by = words::known_by(by);
                let text = format!("the path takes {mtu} bytes, segments {mss} of text: {by}");
                self.say(at, Kind::Path, text);
            }
            What::Missing(count) => {
                let count = number(*count);
                let text = format!("{count} events are missing here: who wrote them was too slow");
                self.say(at, Kind::Missing, text);
                self.episode = None;
            }
            What::Rtt(..) | What::TimerFired(_) | What::Limited(_) => {}
        }
    }

    fn cwnd(&self) -> Option<u32> {
        self.window.as_ref().map(|(cwnd, ..)| *cwnd)
    }

    /// The loss that is being repaired, or a new one.
    fn episode(&mut self, at: Instant) -> &mut Episode {
        let (end, cwnd) = (self.end, self.cwnd());
        self.episode.get_or_insert_with(|| Episode::new(at, end, cwnd))
    }

    /// What both ends do alike.
    fn segment(&mut self, at: Instant, side: Side, segment: &Segment) {
        let (who, flags) = (name(side), segment.flags);
        if flags.contains(Flags::SYN) {
            self.opening.get_or_insert(at);
            if let Some(offers) = &segment.offers {
                let first = self.offers[side as usize].replace((**offers).clone()).is_none();
                if first {
                    self.say(at, Kind::Once, format!("{who} offers {}", offered(offers)));
                }
            }
        }
        if flags.contains(Flags::RST) {
            let text = format!("{who} sends a reset (RFC 9293 3.5.2)");
            self.say(at, Kind::Once, text);
            return;
        }
        if flags.contains(Flags::FIN) && !self.fins[side as usize] {
            let later = self.is_part || self.fins[side.other() as usize];
            let first = if later { "" } else { " first" };
            self.fins[side as usize] = true;
            let text = format!(
                "{who} closes{first}: a FIN after {} bytes of text (RFC 9293 3.6)",
                number(segment.seq.saturating_add(segment.len.into()).saturating_sub(1))
            );
            self.say(at, Kind::Once, text);
        }
        if segment.len > 0 && !self.text[side as usize] {
            self.text[side as usize] = true;
            self.say(at, Kind::Once, format!("{who} sends its first text"));
        }
        if self.is_open && !flags.contains(Flags::SYN) {
            self.offered_window(at, side, segment);
        }
    }

    /// Whether the window that `side` offers is closed.
    fn offered_window(&mut self, at: Instant, side: Side, segment: &Segment) {
        let who = name(side);
        let closed = &mut self.closed[side as usize];
        match (*closed, segment.window) {
            (None, 0) if !self.fins[side.other() as usize] => {
                *closed = Some((at, 0));
                let text = format!("{who} closes its window (RFC 9293 3.8.6.1)");
                self.say(at, Kind::ZeroWindow, text);
            }
            (Some((since, probes)), window) if window > 0 => {
                *closed = None;
                let to = match self.unscaled[side as usize] {
                    true => String::new(),
                    false => format!(", to {} bytes", number(window.into())),
                };
                let text = format!(
                    "{who} opens its window again after {}{to}{}",
                    span(at.since(since)),
                    // Of the other end's probes not all can be told from text.
                    if probes > 0 { format!("; {probes} probes meanwhile") } else { String::new() }
                );
                self.say(at, Kind::ZeroWindow, text);
            }
            _ => {}
        }
    }

    fn sent(&mut self, at: Instant, segment: &Segment) {
        let why = segment.why.as_deref().unwrap_or_default();
        self.end = self.end.max(segment.seq.saturating_add(segment.len.into()));
        match why {
            "handshake_retransmission" => {
                let time = match segment.count {
                    0 => String::new(),
                    count => format!(", for the {} time", ordinal(count)),
                };
                let text = format!(
                    "no answer: {} is sent again{time} (RFC 6298 5, RFC 9293 3.8.1)",
                    segment.flags
                );
                self.say(at, Kind::Timeout, text);
            }
            "rto" => {
                self.episode(at);
                let row = match segment.count {
                    0 => String::new(),
                    count => format!(", {count} in a row"),
                };
                let text = format!(
                    "the retransmission timer goes off{row}: seq={} is sent again (RFC 6298 5.4 to 5.7)",
                    number(segment.seq)
                );
                self.say(at, Kind::Timeout, text);
            }
            "tail_loss_probe" | "tail_loss_probe_new" | "seems_tail_loss_probe" => {
                let what =
                    if is_tail_probe(why) { "the last segment again" } else { "a new segment" };
                let seems = if why.starts_with("seems") { ", it seems" } else { "" };
                let text = format!(
                    "nothing is answered: {what}, as a probe of the tail{seems} (RFC 8985 7)"
                );
                self.say(at, Kind::Probe, text);
            }
            "keepalive" => {
                self.say(at, Kind::Keepalive, "is anybody there? (keepalive, RFC 9293 3.8.4)")
            }
            "zero_window_probe" => {
                if let Some((_, probes)) = &mut self.closed[Side::Remote as usize] {
                    *probes += 1;
                }
            }
            _ => {}
        }
        let again = segment.again || Class::of(why) == Class::Timeout;
        if again
            && segment.len > 0
            && let Some(episode) = &mut self.episode
        {
            episode.sent_again(segment);
        }
    }

    fn received(&mut self, at: Instant, segment: &Segment) {
        let Some(ack) = segment.ack else { return };
        self.acked = self.acked.max(ack);
        if self.episode.as_ref().is_some_and(|episode| ack >= episode.end)
            && let Some(episode) = self.episode.take()
        {
            let text = episode.words(Some((at, self.cwnd())));
            self.say(episode.began, kind(&episode), text);
        }
    }

    fn state(&mut self, at: Instant, from: &str, to: &str, cause: &Name) {
        let text = match &**cause {
            "seems" => format!("[{from} -> {to}]"),
            cause => format!("{from} -> {to}: {}", words::cause(cause)),
        };
        self.say(at, Kind::Once, text);
        if to == State::Established.name() && !self.is_open {
            self.is_open = true;
            if let Some(opening) = self.opening {
                let text = format!("it is open, {} after the first SYN", span(at.since(opening)));
                self.say(at, Kind::Once, text);
            }
            self.agreed(at);
        }
        if to == State::TimeWait.name() {
            let text =
                "it stays in TIME-WAIT until old segments are gone (RFC 9293 3.3.2, RFC 1337)";
            self.say(at, Kind::Once, text);
        }
    }

    /// What both ends have offered.
    fn agreed(&mut self, at: Instant) {
        let [Some(ours), Some(theirs)] = &self.offers else { return };
        let both = Offers {
            mss: ours.mss.min(theirs.mss),
            window_scale: None,
            sack: ours.sack && theirs.sack,
            timestamps: ours.timestamps && theirs.timestamps,
        };
        let scales = ours.window_scale.zip(theirs.window_scale);
        let mut words = offered(&both);
        if scales.is_some() {
            words += ", scaled windows (RFC 7323 2)";
        }
        self.say(at, Kind::Once, format!("agreed on: {words}"));
    }

    fn congestion(&mut self, at: Instant, cwnd: u32, ssthresh: Option<u32>, phase: Option<&Name>) {
        let before = self.window.replace((cwnd, ssthresh, phase.cloned()));
        if let Some(episode) = &mut self.episode {
            episode.window(cwnd, ssthresh, phase.map(|phase| &**phase));
        }
        let reduced = self.reduced.take();
        let is_reduced = reduced.is_some();
        if let Some((why, old)) = reduced {
            let old = old.map_or_else(String::new, |old| format!("from {} ", number(old.into())));
            let text = format!(
                "the window is lowered {old}to {} bytes, {}",
                number(cwnd.into()),
                words::reduced_for(&why)
            );
            self.say(at, Kind::Reduction, text);
        }
        let slow = |phase: Option<&Name>| phase.is_some_and(|phase| &**phase == "slow_start");
        let Some((old, old_threshold, old_phase)) = before else {
            let text = match (self.is_part, slow(phase)) {
                (true, _) => format!("the window has {} bytes", number(cwnd.into())),
                (false, slow) => format!(
                    "{} with {} bytes (RFC 6928, RFC 5681 3.1)",
                    if slow { "slow start begins" } else { "the window begins" },
                    number(cwnd.into())
                ),
            };
            return self.say(at, Kind::Once, text);
        };
        if slow(old_phase.as_ref()) && !slow(phase) && phase.is_some() {
            let avoids = phase.is_some_and(|phase| &**phase == "congestion_avoidance");
            let at_window = ssthresh.is_some_and(|threshold| [old, cwnd].contains(&threshold));
            let why = match (&self.episode, old_threshold) {
                (Some(_), _) => ": something is lost (RFC 5681 3.1)",
                (None, None) if avoids && at_window && !is_reduced => {
                    ": round trips become longer (HyStart++, RFC 9406)"
                }
                (None, Some(_)) if avoids && !is_reduced => {
                    ": the threshold is reached (RFC 5681 3.1)"
                }
                _ => "",
            };
            let text = format!("slow start ends at {} bytes{why}", number(old.into()));
            self.say(at, Kind::Once, text);
        }
    }

    fn undone(&mut self, at: Instant, by: &Name) {
        let text = format!("the reduction is taken back: {}", words::shown_by(by));
        self.say(at, Kind::Undo, text);
    }
}

fn kind(episode: &Episode) -> Kind {
    if episode.is_timeout() { Kind::Timeout } else { Kind::Loss }
}

fn name(side: Side) -> &'static str {
    match side {
        Side::Local => "this end",
        Side::Remote => "the other end",
    }
}

fn ordinal(count: u32) -> String {
    match count {
        0 | 1 => "first".to_owned(),
        2 => "second".to_owned(),
        3 => "third".to_owned(),
        count => format!("{count}th"),
    }
}

/// Whether a connection begins with it.
fn opens(moment: &Moment) -> bool {
    match &moment.what {
        What::Sent(segment) | What::Received(segment) => segment.flags.contains(Flags::SYN),
        What::State(from, _, cause) => {
            let opening = matches!(&**from, "CLOSED" | "LISTEN" | "SYN_SENT" | "SYN_RCVD");
            opening && &**cause != "seems"
        }
        _ => false,
    }
}

fn offered(offers: &Offers) -> String {
    let mut words = Vec::new();
    words.extend(offers.mss.map(|mss| format!("segments of {mss} bytes (RFC 9293 3.7.1)")));
    words.extend(offers.window_scale.map(|scale| format!("window scale {scale} (RFC 7323 2)")));
    if offers.sack {
        words.push("SACK (RFC 2018)".to_owned());
    }
    if offers.timestamps {
        words.push("timestamps (RFC 7323 3)".to_owned());
    }
    if words.is_empty() { "no options".to_owned() } else { words.join(", ") }
}
