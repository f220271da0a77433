//! How a link is, as it is told over the socket.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::device::impair::{Effect, Spec, Tally};
use crate::runtime::{LaneReport, LinkHandle};
use crate::time::Duration;

/// How both directions of a link are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkStatus {
    /// From the near end to the far one.
    pub out: LaneStatus,
    /// From the far end to the near one.
    #[serde(rename = "in")]
    pub back: LaneStatus,
}

/// How one direction is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LaneStatus {
    /// The rules in force, and those that come later, in the language of links; empty: none.
    pub rules: String,
    /// What came in.
    pub arrived: Amount,
    /// What went out.
    pub delivered: Amount,
    /// What waits in the queue.
    pub waiting: Amount,
    /// How long packets have waited in the queue, in the mean and at most, in microseconds.
    pub waited_mean_us: f64,
    /// The longest of these times.
    pub waited_max_us: f64,
    /// How often what was done to a packet; what never was is left out.
    pub effects: BTreeMap<String, u64>,
}

/// Packets and their bytes, IP headers included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

impl LinkStatus {
    /// How `link` is now.
    pub fn of(link: &LinkHandle) -> LinkStatus {
        let [out, back] = link.report().map(LaneStatus::from);
        LinkStatus { out, back }
    }
}

/// Why a link cannot be made bad.
const QUEUES: &str = "a device with several queues has no link that could be made bad: start glasstcp without --queues";

/// Changes the link as `spec` says, if it says something, and tells how it is then.
///
/// # Errors
/// A sentence: there is no link, or it cannot be changed like this.
pub fn impair(link: Option<&LinkHandle>, spec: Option<&str>) -> Result<LinkStatus, String> {
    let link = link.ok_or(QUEUES)?;
    if let Some(spec) = spec {
        let spec = spec.parse::<Spec>().map_err(|error| error.to_string())?;
        link.apply(&spec).map_err(|error| error.to_string())?;
    }
    Ok(LinkStatus::of(link))
}

impl From<Tally> for Amount {
    fn from(Tally { packets, bytes }: Tally) -> Amount {
        Amount { packets, bytes }
    }
}

impl From<LaneReport> for LaneStatus {
    fn from(LaneReport { mut spec, counters, backlog: (packets, bytes) }: LaneReport) -> Self {
        for rule in &mut spec.rules {
            // Whose rules they are is plain, and nobody reads nanoseconds until they come.
            rule.direction = None;
            rule.at = Duration::from_millis(rule.at.as_millis() as u64);
        }
        let count = |effect: &Effect| (effect.name().to_owned(), counters.count(*effect));
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        LaneStatus {
            rules: spec.to_string(),
            arrived: counters.arrived.into(),
            delivered: counters.delivered.into(),
            waiting: Amount { packets: packets as u64, bytes },
            waited_mean_us: micros(counters.waited) / counters.queued.packets.max(1) as f64,
            waited_max_us: micros(counters.waited_max),
            effects: Effect::ALL.iter().map(count).filter(|(_, count)| *count > 0).collect(),
        }
    }
}
