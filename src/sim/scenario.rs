//! What is to be simulated: flows that share one link.
//!
//! ```text
//!   sender 1 ---.                                         .--- receiver 1
//!   sender 2 --- router === rate, queue, delay, ... === router --- receiver 2
//!   sender n ---'          out ->         <- in           '--- receiver n
//! ```

use std::fmt;
use std::str::FromStr;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, de};

use super::cross::Cross;
use super::flow::Pace;
use super::run::link_spec;
use crate::device::impair::units::{self, UnitError};
use crate::device::impair::{Direction, Impairment, Share, Size, Spec, TooManyRules};
use crate::tcp::congestion::Algorithm;
use crate::tcp::{Ecn, Profile};
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
    /// Flows.
    pub flows: u16,
    /// How much later each flow begins than the one before it.
    #[serde(deserialize_with = "time")]
    pub stagger: Duration,
    /// What else passes through the link.
    #[serde(deserialize_with = "one_or_more")]
    pub cross: Vec<Cross>,
    /// From which all chance comes.
    pub seed: u64,
    /// Receive buffer and send buffer of each connection, in bytes, when they have a fixed size.
    #[serde(deserialize_with = "some_amount")]
    pub buffer: Option<u64>,
    /// When the simulation ends at the latest.
    #[serde(deserialize_with = "time")]
    pub time_limit: Duration,
    /// Largest packet of every link.
    pub mtu: u16,
    /// Whether senders send small segments at once.
    pub nodelay: bool,
    /// Whether selective acknowledgments are offered and taken up (RFC 2018).
    pub sack: bool,
    /// Whether timestamps are offered and taken up (RFC 7323); they take 12 bytes of each segment.
    pub timestamps: bool,
    /// Whether explicit congestion notification is asked for and taken up (RFC 3168).
    #[serde(deserialize_with = "name")]
    pub ecn: Ecn,
    /// Whose habits both ends have: those of Linux, or what the RFCs say to the letter.
    #[serde(deserialize_with = "name")]
    pub profile: Profile,
    /// Whether receivers acknowledge at once where it helps the sender; if not, only after a delay or
    /// two segments. With the profile of the RFCs they never do.
    pub quick_ack: bool,
    /// How long receivers keep the acknowledgment of a single segment, under 500 ms (RFC 9293 3.8.6.3), when it is not for
    /// as long as the profile has it.
    #[serde(deserialize_with = "some_time")]
    pub ack_delay: Option<Duration>,
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
            stagger: Duration::ZERO,
            cross: Vec::new(),
            seed: 1,
            buffer: None,
            time_limit: Duration::from_secs(600),
            mtu: 1500,
            nodelay: false,
            sack: true,
            timestamps: true,
            ecn: Ecn::default(),
            profile: Profile::default(),
            quick_ack: true,
            ack_delay: None,
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
        } else if let Some(buffer) = self.buffer.filter(|bytes| !(1..=1 << 30).contains(bytes)) {
            format!("a buffer of {buffer} bytes cannot be; allowed: 1b to 1gb")
        } else if self.title.contains(char::is_control) {
            "the title may have no control characters, nor line breaks".to_owned()
        } else if self.cc.is_empty() {
            format!("no congestion control is named; there are {}", Algorithm::names())
        } else if self.bytes == 0 {
            "a transfer of no bytes shows nothing; allowed: 1b and more".to_owned()
        } else if self.ack_delay.is_some_and(|delay| delay >= Duration::from_millis(500)) {
            "an acknowledgment may be delayed by less than 500ms (RFC 9293 3.8.6.3)".to_owned()
        } else if self.mtu < 68 {
            format!("an MTU of {} bytes cannot be; allowed: 68 to 65535", self.mtu)
        } else if self.cross.len() > usize::from(MAX_FLOWS) {
            format!("cross traffic of {} kinds; allowed: {MAX_FLOWS}", self.cross.len())
        } else if let Some(error) = self.too_many_rules() {
            error.to_string()
        } else {
            let problem = self.cross.iter().find_map(|cross| cross.problem(self.mtu));
            return problem.map_or(Ok(()), |problem| Err(ScenarioError(problem)));
        };
        Err(ScenarioError(problem))
    }

    /// Why the link cannot have all its rules, if it cannot.
    fn too_many_rules(&self) -> Option<TooManyRules> {
        let spec = link_spec(self);
        let fits = |way| Impairment::new(way, 0).check_room(&spec);
        fits(Direction::Out).and(fits(Direction::In)).err()
    }
}

/// As many hosts as have addresses of their own on each side.
const MAX_FLOWS: u16 = 250;

/// Names of congestion controls.
fn algorithms<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<Algorithm>, D::Error> {
    let names = Vec::<String>::deserialize(source)?;
    names.iter().map(|name| name.parse().map_err(de::Error::custom)).collect()
}

/// A word for one of several.
fn name<'de, D: Deserializer<'de>, T: FromStr<Err: fmt::Display>>(
    source: D,
) -> Result<T, D::Error> {
    String::deserialize(source)?.parse().map_err(de::Error::custom)
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

fn some_amount<'de, D: Deserializer<'de>>(source: D) -> Result<Option<u64>, D::Error> {
    amount(source).map(Some)
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

impl<'de> Deserialize<'de> for Cross {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Cross, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            #[serde(deserialize_with = "rate")]
            rate: Option<u64>,
            #[serde(deserialize_with = "amount")]
            size: u64,
            #[serde(default, deserialize_with = "time")]
            from: Duration,
            #[serde(default, deserialize_with = "some_time")]
            to: Option<Duration>,
            #[serde(default)]
            direction: Way,
        }
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Way {
            #[default]
            Out,
            In,
        }
        let Fields { rate, size, from, to, direction } = Fields::deserialize(source)?;
        let rate = rate.ok_or_else(|| de::Error::custom("cross traffic needs a rate that ends"))?;
        let direction = match direction {
            Way::Out => Direction::Out,
            Way::In => Direction::In,
        };
        Ok(Cross { rate, size, from, to, direction })
    }
}

fn some_time<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Duration>, D::Error> {
    time(source).map(Some)
}

/// `cross = { ... }`, or a list of such: `[[cross]]`.
fn one_or_more<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<Cross>, D::Error> {
    struct OneOrMore;

    impl<'de> de::Visitor<'de> for OneOrMore {
        type Value = Vec<Cross>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("cross traffic in braces, or a list of such")
        }

        fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Vec<Cross>, A::Error> {
            Ok(vec![Cross::deserialize(MapAccessDeserializer::new(map))?])
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<Vec<Cross>, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(list))
        }
    }

    source.deserialize_any(OneOrMore)
}

#[cfg(test)]
mod tests;
