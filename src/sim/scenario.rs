//! What is to be simulated: flows that share one link.
//!
//! ```text
//!   sender 1 ---.                                         .--- receiver 1
//!   sender 2 --- router === rate, queue, delay, ... === router --- receiver 2
//!   sender n ---'          out ->         <- in           '--- receiver n
//! ```

use serde::{Deserialize, Deserializer, de};

use super::flow::Pace;
use crate::device::impair::units::{self, UnitError};
use crate::device::impair::{Share, Size, Spec};
use crate::tcp::congestion::Algorithm;
use crate::time::Duration;

/// A scenario; every field has a default. The seed and the scenario decide all that happens.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// What it is called.
    pub title: String,
    /// What it shows and what to look for.
    pub about: String,
    /// Bytes that each flow transfers.
    #[serde(deserialize_with = "amount")]
    pub bytes: u64,
    /// The round-trip time of an empty link: half of it each way.
    #[serde(deserialize_with = "time")]
    pub rtt: Duration,
    /// Bits per second, each way; `None`: as fast as can be.
    #[serde(deserialize_with = "rate")]
    pub rate: Option<u64>,
    /// The queue before the link, each way.
    #[serde(deserialize_with = "size")]
    pub queue: Size,
    /// The share of packets lost on the way from the senders to the receivers.
    #[serde(deserialize_with = "share")]
    pub loss: Share,
    /// More impairments of the link.
    #[serde(deserialize_with = "spec")]
    pub impair: Spec,
    /// The congestion control of all flows; several: one simulation with each, on the same seed.
    #[serde(deserialize_with = "algorithms")]
    pub cc: Vec<Algorithm>,
    /// Flows at the same time.
    pub flows: u16,
    /// From which all chance comes.
    pub seed: u64,
    /// Receive buffer and send buffer of each connection, in bytes.
    #[serde(deserialize_with = "amount")]
    pub buffer: u64,
    /// When the simulation ends at the latest.
    #[serde(deserialize_with = "time")]
    pub time_limit: Duration,
    /// Largest packet of every link.
    pub mtu: u16,
    /// Whether senders send small segments at once.
    pub nodelay: bool,
    /// Whether selective acknowledgments are offered and taken up (RFC 2018).
    pub sack: bool,
    /// How senders write, when it is not as fast as they can.
    pub write: Option<Pace>,
    /// How receivers read, when it is not as fast as they can.
    pub read: Option<Pace>,
}

impl Default for Scenario {
    fn default() -> Self {
        Scenario {
            title: String::new(),
            about: String::new(),
            bytes: 10 << 20,
            rtt: Duration::from_millis(100),
            rate: Some(100_000_000),
            queue: Size::BandwidthDelay(1.0),
            loss: Share::NONE,
            impair: Spec::default(),
            cc: vec![Algorithm::default()],
            flows: 1,
            seed: 1,
            buffer: 4 << 20,
            time_limit: Duration::from_secs(600),
            mtu: 1500,
            nodelay: false,
            sack: true,
            write: None,
            read: None,
        }
    }
}

/// What is wrong with the text of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScenarioError(String);

impl Scenario {
    /// Reads a scenario in TOML.
    ///
    /// # Errors
    /// A sentence that shows the line, the words in it and what is allowed.
    pub fn from_toml(text: &str) -> Result<Scenario, ScenarioError> {
        let scenario: Scenario =
            toml::from_str(text).map_err(|error| ScenarioError(error.to_string()))?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Whether the values fit together.
    ///
    /// # Errors
    /// A sentence that says which does not and what is allowed.
    pub fn check(&self) -> Result<(), ScenarioError> {
        let problem = if self.flows == 0 || self.flows > MAX_FLOWS {
            format!("{} flows cannot be simulated; allowed: 1 to {MAX_FLOWS}", self.flows)
        } else if self.buffer == 0 || self.buffer > 1 << 30 {
            format!("a buffer of {} bytes cannot be; allowed: 1b to 1gb", self.buffer)
        } else if self.title.contains(char::is_control) {
            "the title may have no control characters, nor line breaks".to_owned()
        } else if self.cc.is_empty() {
            format!("no congestion control is named; there are {}", Algorithm::names())
        } else if self.bytes == 0 {
            "a transfer of no bytes shows nothing; allowed: 1b and more".to_owned()
        } else if self.mtu < 68 {
            format!("an MTU of {} bytes cannot be; allowed: 68 to 65535", self.mtu)
        } else {
            return Ok(());
        };
        Err(ScenarioError(problem))
    }
}

/// As many hosts as have addresses of their own on each side.
const MAX_FLOWS: u16 = 250;

/// Names of congestion controls.
fn algorithms<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<Algorithm>, D::Error> {
    let names = Vec::<String>::deserialize(source)?;
    names.iter().map(|name| name.parse().map_err(de::Error::custom)).collect()
}

/// Reads a value that stands in quotation marks, with its unit.
fn text<'de, D: Deserializer<'de>, T>(
    source: D,
    parse: impl Fn(&str) -> Result<T, UnitError>,
) -> Result<T, D::Error> {
    let word = String::deserialize(source)?;
    parse(&word).map_err(de::Error::custom)
}

fn amount<'de, D: Deserializer<'de>>(source: D) -> Result<u64, D::Error> {
    text(source, units::parse_size)
}

fn time<'de, D: Deserializer<'de>>(source: D) -> Result<Duration, D::Error> {
    text(source, units::parse_time)
}

fn rate<'de, D: Deserializer<'de>>(source: D) -> Result<Option<u64>, D::Error> {
    text(source, units::parse_rate)
}

fn size<'de, D: Deserializer<'de>>(source: D) -> Result<Size, D::Error> {
    text(source, units::parse_queue_size)
}

fn share<'de, D: Deserializer<'de>>(source: D) -> Result<Share, D::Error> {
    text(source, units::parse_share)
}

/// A list of rules.
fn spec<'de, D: Deserializer<'de>>(source: D) -> Result<Spec, D::Error> {
    let rules = Vec::<String>::deserialize(source)?;
    rules.join(" ").parse().map_err(de::Error::custom)
}

impl<'de> Deserialize<'de> for Pace {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Pace, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            #[serde(deserialize_with = "amount")]
            size: u64,
            #[serde(deserialize_with = "time")]
            every: Duration,
        }
        let Fields { size, every } = Fields::deserialize(source)?;
        if size == 0 {
            return Err(de::Error::custom("'size' must be at least one byte"));
        }
        Ok(Pace { size, every })
    }
}

#[cfg(test)]
mod tests;
