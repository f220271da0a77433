//! A test while it runs: what counts, and when it is over.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::lanes::{Lanes, Over};
use super::{Control, Iperf, IperfError, Results, Seen};
use crate::service::iperf::lane::{self, Count, Usage};
use crate::tcp;

/// How often to look whether anything moves.
const LOOK: Duration = Duration::from_secs(1);
/// How often to look whether all that was to be sent has arrived.
const ARRIVAL: Duration = Duration::from_millis(1);
/// How long a server whose connections end has to say why.
const GRACE: Duration = Duration::from_secs(1);
/// The share of an interval under which the rest of the time is none: one of so many parts.
const REST: u32 = 10;

/// A part of a test.
#[derive(Clone, Debug)]
pub struct Interval {
    /// When it began, since that which is counted did.
    pub start: Duration,
    /// When it ended.
    pub end: Duration,
    /// It does not count.
    pub omitted: bool,
    /// What was moved over each connection.
    pub lanes: Vec<Moved>,
}

/// What was moved over a connection.
#[derive(Clone, Debug)]
pub struct Moved {
    /// Bytes sent or received.
    pub bytes: u64,
    /// Segments sent again, where we send and that is known.
    pub retransmits: Option<u64>,
    /// What the connection looks like in the end, where we send and there is something to see.
    pub info: Option<tcp::Info>,
}

/// How it came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// As was asked for.
    Done,
    /// Before that.
    Stopped,
}

/// What was counted until a moment.
#[derive(Clone)]
struct Mark {
    at: Instant,
    counts: Vec<Count>,
}

/// A test that runs.
pub(super) struct Measuring<'a> {
    iperf: &'a Iperf,
    lanes: &'a mut Lanes,
    usage: Usage,
    /// When what counts will begin, until it does.
    omitting: Option<Instant>,
    /// Since when it counts, or, until then, since when it does not.
    begun: Mark,
    /// Since when the interval lasts.
    last: Mark,
    /// What was moved or has arrived, and since when that is all.
    progress: (u64, Instant),
    /// All that was to be sent was given to the stack.
    sent: bool,
}

impl<'a> Measuring<'a> {
    /// Begins it.
    pub fn begin(iperf: &'a Iperf, lanes: &'a mut Lanes) -> Measuring<'a> {
        let now = Instant::now();
        let begun = Mark { at: now, counts: lanes.counts() };
        let omit = Duration::from_secs(iperf.params.omit.into());
        lanes.phase.send_replace(lane::Phase::Running);
        let mut measuring = Measuring {
            iperf,
            lanes,
            usage: Usage::begin(),
            omitting: Some(now + omit).filter(|_| !omit.is_zero()),
            last: begun.clone(),
            begun,
            progress: (0, now),
            sent: false,
        };
        if measuring.omitting.is_none() {
            measuring.count(now);
        }
        measuring
    }

    /// Lets it run until it is over.
    pub async fn run(
        &mut self,
        control: &mut Control,
        mut stop: Pin<&mut impl Future<Output = ()>>,
        see: &mut impl FnMut(Seen<'_>),
    ) -> Result<Ended, IperfError> {
        let quotas = (self.lanes.sent.clone(), self.lanes.received.clone());
        let ended = loop {
            let next = self.next();
            tokio::select! {
                biased;
                () = &mut stop => break Ended::Stopped,
                heard = control.hear() => return Err(control.refused(heard?).await),
                over = self.lanes.over() => explained(over, control).await?,
                () = quotas.0.met(), if !self.sent => self.sent = true,
                () = quotas.1.met() => break Ended::Done,
                () = sleep_until(next) => {
                    let now = Instant::now();
                    self.look(now, see)?;
                    if self.is_over(now) {
                        break Ended::Done;
                    }
                }
            }
        };
        let now = Instant::now();
        let rest = self.iperf.interval.map(|interval| interval / REST);
        if rest.is_some_and(|rest| now - self.last.at > rest || self.last.at == self.begun.at) {
            self.interval(now, see);
        }
        self.last = Mark { at: now, counts: self.lanes.counts() };
        Ok(ended)
    }

    /// What was counted between its beginning and its end.
    pub fn results(&self) -> Results {
        let counts = since(&self.last.counts, &self.begun.counts);
        let took = self.last.at - self.begun.at;
        lane::results(&self.lanes.lanes, &counts, took, &self.usage)
    }

    /// When there is something to do.
    fn next(&self) -> Instant {
        let look = if self.sent { ARRIVAL } else { LOOK.min(self.iperf.patience) };
        let times = [self.omitting, self.end(), self.tick()];
        times.into_iter().flatten().fold(Instant::now() + look, Instant::min)
    }

    /// When it is over, if time ends it.
    fn end(&self) -> Option<Instant> {
        let time = Duration::from_secs(self.iperf.params.time.into());
        let timed = self.omitting.is_none() && !time.is_zero();
        timed.then(|| self.begun.at + time)
    }

    /// When the interval is over, which is a whole number of them after the beginning.
    fn tick(&self) -> Option<Instant> {
        let interval = self.iperf.interval.filter(|interval| !interval.is_zero())?;
        let nth = (self.last.at - self.begun.at).as_nanos() / interval.as_nanos() + 1;
        Some(self.begun.at + interval.saturating_mul(u32::try_from(nth).unwrap_or(u32::MAX)))
    }

    fn is_over(&self, now: Instant) -> bool {
        self.end().is_some_and(|end| now >= end) || self.sent && !self.lanes.waits()
    }

    /// Does what it is time for.
    fn look(&mut self, now: Instant, see: &mut impl FnMut(Seen<'_>)) -> Result<(), IperfError> {
        if self.tick().is_some_and(|tick| now >= tick) {
            self.interval(now, see);
        }
        if self.omitting.is_some_and(|until| now >= until) {
            self.count(now);
        }
        let counts = self.lanes.counts();
        let moved = counts.iter().map(|count| count.bytes).sum::<u64>() + self.lanes.acknowledged();
        if moved != self.progress.0 {
            self.progress = (moved, now);
        }
        match now - self.progress.1 >= self.iperf.patience {
            true => Err(IperfError::Silent(self.iperf.patience)),
            false => Ok(()),
        }
    }

    /// From now on it counts.
    fn count(&mut self, now: Instant) {
        self.omitting = None;
        self.begun = Mark { at: now, counts: self.lanes.counts() };
        self.last = self.begun.clone();
        if self.iperf.params.num > 0 {
            self.lanes.sent.begin(self.iperf.params.num);
            self.lanes.received.begin(self.iperf.params.num);
        }
    }

    /// Tells of what was moved since the last time.
    fn interval(&mut self, now: Instant, see: &mut impl FnMut(Seen<'_>)) {
        let counts = self.lanes.counts();
        let moved = since(&counts, &self.last.counts).into_iter().zip(&self.lanes.lanes);
        let lanes = moved.map(|(Count { bytes, retransmits }, lane)| Moved {
            bytes,
            retransmits,
            info: lane.info().filter(|_| lane.sends),
        });
        let interval = Interval {
            start: self.last.at - self.begun.at,
            end: now - self.begun.at,
            omitted: self.omitting.is_some(),
            lanes: lanes.collect(),
        };
        self.last = Mark { at: now, counts };
        see(Seen::Interval(&interval));
    }
}

fn since(now: &[Count], before: &[Count]) -> Vec<Count> {
    now.iter().zip(before).map(|(now, before)| *now - *before).collect()
}

/// Why nothing is moved over a connection any more, unless that is as it should be.
async fn explained(over: Over, control: &mut Control) -> Result<(), IperfError> {
    let error = match over.how {
        // It has sent its share.
        Ok(()) if over.sends => return Ok(()),
        Ok(()) => IperfError::Gone,
        Err(error) => error.into(),
    };
    match timeout(GRACE, control.hear()).await {
        Ok(Ok(state)) => Err(control.refused(state).await),
        _ => Err(error),
    }
}
