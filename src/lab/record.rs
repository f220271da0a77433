//! Recordings of runs: events as lines of JSON, and packets for Wireshark.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::device::impair::{Decision, Direction};
use crate::event::{Event, PacketView};
use crate::observe::capture::{Captured, Recorder};
use crate::observe::grade::Place;
use crate::observe::json;
use crate::observe::stream::Item;
use crate::observe::trace::{Span, Survey, Trace, events};
use crate::sim::{self, Dialogue, Scenario, Vantage, Watch};
use crate::tcp::congestion::Algorithm;
use crate::time::{Duration, Instant};

use super::Run;

/// Bytes of a packet that are kept: all.
const WHOLE: usize = 65_535;

/// Why a lab cannot be shown, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// A run that is over.
#[derive(Debug)]
pub struct Recorded {
    /// Its name.
    pub name: &'static str,
    /// The host whose view it is; empty where the events name none.
    pub(super) host: &'static str,
    /// Its events, as lines of JSON.
    pub events: Vec<u8>,
    /// The packets of that host, as pcapng.
    pub packets: Vec<u8>,
    survey: Survey,
}

impl Recorded {
    /// What a run has written.
    ///
    /// # Errors
    /// When these are no events.
    pub fn new(
        name: &'static str,
        host: &'static str,
        events: Vec<u8>,
        packets: Vec<u8>,
    ) -> Result<Recorded, Unreadable> {
        let survey = events::survey(&mut &events[..])
            .map_err(|error| Unreadable(format!("cannot read the events of {name}: {error}")))?;
        Ok(Recorded { name, host, events, packets, survey })
    }

    /// What happened at a place, and how many connections there were. The place is the run, perhaps with a host
    /// behind a slash, and a number.
    pub(super) fn trace(&self, place: &Place, span: Span) -> Result<(Trace, usize), String> {
        let host = place.at.as_deref().and_then(|at| at.split_once('/')).map(|(_, host)| host);
        let host = host.or(Some(self.host)).filter(|host| !host.is_empty());
        let found = self.survey.choose(place.conn, host);
        let found = found.ok_or_else(|| format!("{} has no connection {place}", self.name))?;
        let there = self.survey.found.iter().filter(|other| other.place == found.place).count();
        let trace = events::trace(&mut &self.events[..], found, span, Vec::new());
        Ok((trace.map_err(|error| error.to_string())?, there))
    }
}

/// Writes down what happens.
struct Writer {
    host: &'static str,
    events: Vec<u8>,
    packets: Recorder,
}

impl Writer {
    fn new(host: &'static str) -> Result<Arc<Mutex<Writer>>, Unreadable> {
        let packets = Recorder::new(Duration::ZERO).map_err(in_memory)?;
        Ok(Arc::new(Mutex::new(Writer { host, events: Vec::new(), packets })))
    }

    fn finish(writer: &Mutex<Writer>, run: &Run) -> Result<Recorded, Unreadable> {
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        let (events, packets) = (std::mem::take(&mut writer.events), writer.packets.take());
        Recorded::new(run.name, run.host, events, packets)
    }
}

fn in_memory(error: io::Error) -> Unreadable {
    Unreadable(format!("cannot write into memory: {error}"))
}

impl Watch for Writer {
    fn event(&mut self, now: Instant, host: &str, event: &Event) {
        json::write(&mut self.events, now, Some(host), event).expect("memory takes all");
    }

    fn packet(&mut self, _: Instant, _: Vantage, _: &str, _: &[u8]) {}

    fn decision(&mut self, _: Direction, _: &Decision) {}

    fn backlog(&mut self, _: Instant, _: usize, _: u64) {}

    fn wants_views(&self) -> bool {
        true
    }

    fn view(&mut self, now: Instant, host: &str, packet: &PacketView<'_>) {
        if host == self.host {
            let item = Item::One(Captured::new(now, packet));
            self.packets.write(&item, WHOLE).expect("memory takes all");
        }
    }
}

/// Runs a scenario.
pub(super) fn of_scenario(
    run: &Run,
    scenario: &Scenario,
    congestion: Algorithm,
) -> Result<Recorded, Unreadable> {
    let writer = Writer::new(run.host)?;
    let outcome = sim::run(scenario, congestion, false, Some(writer.clone()));
    if !outcome.is_complete() {
        return Err(Unreadable(format!("the run {} does not come to its end", run.name)));
    }
    Writer::finish(&writer, run)
}

/// Plays a dialogue.
pub(super) fn of_dialogue(run: &Run, dialogue: &Dialogue) -> Result<Recorded, Unreadable> {
    let writer = Writer::new(run.host)?;
    dialogue.play(writer.clone());
    Writer::finish(&writer, run)
}
