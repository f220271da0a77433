//! The language in which impairments are asked for; `docs/link.md` describes it for people.
//!
//! ```text
//!   SPEC      = RULE *( ("," | " ") RULE )
//!   RULE      = [("out" | "in") ":"] ["at=" TIME ":"] ( SETTING | EXACT | "clear" )
//!   SETTING   = NAME "=" VALUE *(":" OPTION)                   rate=10mbit   loss=1%:burst=5
//!   EXACT     = ACTION ":" CLASS *(":" SELECTOR)               drop:data:nth=7
//! ```

use crate::time::Duration;
use std::fmt;
use std::mem;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::units::{self, Share};

/// The two ways through a link, seen from its near end: the own stack, the sender of a simulation,
/// the left device of an emulator, the client of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the near end to the far one.
    Out,
    /// From the far end to the near one.
    In,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::Out => "out",
            Direction::In => "in",
        })
    }
}

/// Impairments as they were asked for, in the order written; later ones overrule earlier ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spec {
    /// The rules.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The way it is for; `None`: both.
    pub direction: Option<Direction>,
    /// When it comes into force, counted from when the specification does.
    pub at: Duration,
    /// What it says.
    pub change: Change,
}

impl Rule {
    /// Whether it takes away all that there is, at once.
    pub(super) fn clears_all(&self) -> bool {
        self.change == Change::Clear && self.at.is_zero()
    }
}

/// What a rule changes.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Everything before it is forgotten.
    Clear,
    /// A property of the link.
    Set(Setting),
    /// Something that happens to chosen packets; added to those there are.
    Exact(Exact),
}

impl Change {
    /// Whether it says something of the property that `setting` is about.
    pub(super) fn is_same_property(&self, setting: &Setting) -> bool {
        matches!(self, Change::Set(own) if mem::discriminant(own) == mem::discriminant(setting))
    }
}

/// A property of the link. Each overrules what was said of the same property before.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// Bits per second, IP headers included, nothing below; `None`: as fast as can be.
    Rate(Option<u64>),
    /// How long every packet travels.
    Delay(Duration),
    /// How much longer or shorter it may travel.
    Jitter(Jitter),
    /// The queue before the link.
    Queue(Queue),
    /// Random loss on the way.
    Loss(Loss),
    /// Packets held back, so that later ones overtake them.
    Reorder(Reorder),
    /// The share of packets that arrive twice.
    Duplicate(Share),
    /// The share of packets with one bit turned over.
    Corrupt(Share),
}

/// Travel times vary evenly by up to `by` in both directions, but never below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Jitter {
    /// The largest deviation.
    pub by: Duration,
    /// Whether packets keep their order all the same.
    pub ordered: bool,
}

/// The queue in which packets wait for the link. The packet that is being sent does not count, and an
/// empty queue takes a packet of any size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Queue {
    /// How much may wait.
    pub limit: Size,
    /// From how much on arriving packets are marked (RFC 3168), if their transport can tell.
    pub mark: Option<Size>,
    /// Drops, or marks, packets that have waited too long (RFC 8289).
    pub codel: Option<Codel>,
}

impl Default for Queue {
    /// A thousand packets, as tc(8)'s netem.
    fn default() -> Self {
        Queue { limit: Size::Packets(1000), mark: None, codel: None }
    }
}

/// An amount of packets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// So many packets.
    Packets(u64),
    /// So many bytes.
    Bytes(u64),
    /// So many times what is on its way when the link is full and nothing waits: rate times twice the
    /// delay.
    BandwidthDelay(f64),
}

/// The parameters of CoDel (RFC 8289 4.2 and 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codel {
    /// How long a packet may wait.
    pub target: Duration,
    /// For how long none may have waited less.
    pub interval: Duration,
    /// Whether packets are marked and not dropped where their transport can tell.
    pub ecn: bool,
}

/// Random loss: the chain of Gilbert and Elliott, of which independent loss is the special case that
/// never leaves the good state.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loss {
    /// The share lost in the good state.
    pub good: Share,
    /// The share lost in the bad state.
    pub bad: Share,
    /// How likely the good state ends with each packet.
    pub p: Share,
    /// How likely the bad state ends with each packet.
    pub r: Share,
}

impl Loss {
    /// Each packet on its own.
    pub fn independent(share: Share) -> Loss {
        Loss { good: share, ..Loss::default() }
    }

    /// In bursts of `length` packets in the mean (at least 1), so that `share` of all is lost in the
    /// long run; `None` where the pauses between would have to be shorter than a packet.
    pub fn bursts(share: Share, length: f64) -> Option<Loss> {
        let r = Share::new(1.0 / length)?;
        // In the long run p / (p + r) of all packets meet the bad state.
        let p = Share::new(r.value() * share.value() / (1.0 - share.value()))?;
        Some(Loss { good: Share::NONE, bad: Share::ALL, p, r })
    }
}

/// The share of packets that are held back, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reorder {
    /// The share.
    pub share: Share,
    /// How much longer they travel.
    pub by: Duration,
}

/// Something that happens to chosen packets.
#[derive(Clone, Debug, PartialEq)]
pub struct Exact {
    /// What happens.
    pub action: Action,
    /// To what kind of packet.
    pub class: Class,
    /// Only if this is its source or destination port.
    pub port: Option<u16>,
    /// Only if it carries this byte of its stream, counted from 0.
    pub byte: Option<u32>,
    /// Which of the packets that fit so far, counted from 1.
    pub which: Which,
}

/// What happens to a chosen packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is lost before the queue.
    Drop,
    /// It travels longer.
    Delay(Duration),
    /// It arrives twice.
    Duplicate,
    /// One bit is turned over.
    Corrupt,
    /// It is marked "congestion experienced" (RFC 3168), if its transport can tell.
    Mark,
}

/// Which of the packets that fit a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// Each.
    All,
    /// Those with these numbers.
    Nth(RangeInclusive<u64>),
    /// Every so-manyth.
    Every(u64),
}

/// Kinds of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Every packet.
    Any,
    /// TCP: SYN without ACK.
    Syn,
    /// TCP: SYN with ACK.
    SynAck,
    /// TCP: an acknowledgment and nothing else.
    Ack,
    /// TCP: with text.
    Data,
    /// TCP: FIN.
    Fin,
    /// TCP: RST.
    Rst,
    /// Any of TCP.
    Tcp,
    /// Any of UDP.
    Udp,
    /// Any of ICMP.
    Icmp,
}

pub(super) const CLASSES: &[(&str, Class)] = &[
    ("any", Class::Any),
    ("syn", Class::Syn),
    ("synack", Class::SynAck),
    ("ack", Class::Ack),
    ("data", Class::Data),
    ("fin", Class::Fin),
    ("rst", Class::Rst),
    ("tcp", Class::Tcp),
    ("udp", Class::Udp),
    ("icmp", Class::Icmp),
];

const SETTINGS: &str = "rate=, delay=, jitter=, queue=, loss=, reorder=, duplicate=, corrupt=";
const ACTIONS: &str = "drop:, delay:, duplicate:, corrupt:, mark:";

/// How long a packet may wait by CoDel (RFC 8289 4.2), and for how long none may have waited less
/// (RFC 8289 4.3).
const CODEL_TARGET: Duration = Duration::from_millis(5);
const CODEL_INTERVAL: Duration = Duration::from_millis(100);

/// How long packets of `reorder=` are held back when it does not say.
const REORDER_BY: Duration = Duration::from_millis(10);

/// What is wrong with a specification: shows the rule, the words in it, and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("impairment '{rule}': {problem}")]
pub struct SpecError {
    rule: String,
    problem: String,
}

impl FromStr for Spec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Spec, SpecError> {
        let separators = [' ', ',', '\t', '\n', '\r'];
        let words = text.split(separators).filter(|word| !word.is_empty());
        Ok(Spec { rules: words.map(rule).collect::<Result<_, _>>()? })
    }
}

fn rule(text: &str) -> Result<Rule, SpecError> {
    let mut words = Words::new(text);
    let (mut direction, mut when) = (None, None);
    loop {
        let at = when.unwrap_or(Duration::ZERO);
        let word = words.next().ok_or_else(|| words.error("it ends before it says what to do"))?;
        match word {
            "out" | "in" if direction.is_some() => {
                return Err(words.error("it has two directions; without one it is for both"));
            }
            "out" => direction = Some(Direction::Out),
            "in" => direction = Some(Direction::In),
            "clear" => {
                words.finish("nothing may follow it")?;
                return Ok(Rule { direction, at, change: Change::Clear });
            }
            _ => match word.split_once('=') {
                Some(("at", _)) if when.is_some() => {
                    return Err(words.error("it has two times; a rule comes into force once"));
                }
                Some(("at", value)) => {
                    when = Some(words.parse("at", value, units::time, units::TIME)?);
                }
                Some((name, value)) => {
                    let change = Change::Set(setting(&mut words, name, value)?);
                    return Ok(Rule { direction, at, change });
                }
                None => {
                    let change = Change::Exact(exact(&mut words, word)?);
                    return Ok(Rule { direction, at, change });
                }
            },
        }
    }
}

fn setting(words: &mut Words<'_>, name: &str, value: &str) -> Result<Setting, SpecError> {
    let (setting, allowed) = match name {
        "rate" => (Setting::Rate(rate(words, value)?), NOTHING_MORE),
        "delay" => (Setting::Delay(words.time(name, value)?), NOTHING_MORE),
        "jitter" => {
            let ordered = words.flag("ordered");
            (Setting::Jitter(Jitter { by: words.time(name, value)?, ordered }), "ordered")
        }
        "queue" => return Ok(Setting::Queue(queue(words, value)?)),
        "loss" => return Ok(Setting::Loss(loss(words, value)?)),
        "reorder" => {
            let share = words.share(name, value)?;
            let by = words.option("by", units::time, units::TIME)?.unwrap_or(REORDER_BY);
            (Setting::Reorder(Reorder { share, by }), "by=TIME")
        }
        "duplicate" => (Setting::Duplicate(words.share(name, value)?), NOTHING_MORE),
        "corrupt" => (Setting::Corrupt(words.share(name, value)?), NOTHING_MORE),
        _ => {
            let problem = format!(
                "there is no setting '{name}='; there are {SETTINGS}, and {ACTIONS} for chosen packets"
            );
            return Err(words.error(problem));
        }
    };
    words.finish(allowed)?;
    Ok(setting)
}

/// For [`Words::finish`]: this rule has no options.
const NOTHING_MORE: &str = "nothing may follow the value";

fn rate(words: &Words<'_>, value: &str) -> Result<Option<u64>, SpecError> {
    if value == "unlimited" {
        return Ok(None);
    }
    words.parse("rate", value, units::rate, units::RATE).map(Some)
}

fn queue(words: &mut Words<'_>, value: &str) -> Result<Queue, SpecError> {
    let limit = words.parse("queue", value, units::queue_size, units::QUEUE_SIZE)?;
    let mark = words.option("mark", units::queue_size, units::QUEUE_SIZE)?;
    let codel = if words.flag("codel") {
        let target = words.option("target", units::time, units::TIME)?;
        let interval = words.option("interval", units::time, units::TIME)?;
        Some(Codel {
            target: target.unwrap_or(CODEL_TARGET),
            interval: interval.unwrap_or(CODEL_INTERVAL),
            ecn: words.flag("ecn"),
        })
    } else {
        None
    };
    words.finish("mark=SIZE, codel, and with codel target=TIME, interval=TIME, ecn")?;
    Ok(Queue { limit, mark, codel })
}

fn loss(words: &mut Words<'_>, value: &str) -> Result<Loss, SpecError> {
    if value == "gemodel" {
        let mut share = |name| words.option(name, units::share, units::SHARE);
        let (p, r, good, bad) = (share("p")?, share("r")?, share("good")?, share("bad")?);
        words.finish("p=SHARE, r=SHARE, good=SHARE, bad=SHARE")?;
        let p = p.ok_or_else(|| words.error("it needs p=SHARE, how likely the good state ends"))?;
        let r = r.unwrap_or(Share::new(1.0 - p.value()).unwrap_or_default());
        return Ok(Loss {
            p,
            r,
            good: good.unwrap_or(Share::NONE),
            bad: bad.unwrap_or(Share::ALL),
        });
    }
    let share = words.share("loss", value)?;
    let lengths = "the mean length of a burst in packets, 1 or more";
    let length = words.option("burst", burst_length, lengths)?;
    words.finish("burst=PACKETS")?;
    match length {
        None => Ok(Loss::independent(share)),
        Some(length) => Loss::bursts(share, length).ok_or_else(|| {
            words.error(format!(
                "bursts of {length} packets cannot make up {share} of all; lower the share, or leave out burst="
            ))
        }),
    }
}

fn burst_length(word: &str) -> Option<f64> {
    word.parse().ok().filter(|length| (1.0..=1e9).contains(length))
}

fn exact(words: &mut Words<'_>, verb: &str) -> Result<Exact, SpecError> {
    if !["drop", "delay", "duplicate", "corrupt", "mark"].contains(&verb) {
        return Err(words.error(format!(
            "there is no '{verb}'; there are {ACTIONS} for chosen packets, {SETTINGS}, and clear"
        )));
    }
    let names = || CLASSES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let word = words.next().ok_or_else(|| {
        words.error(format!(
            "it does not say what kind of packet: write {verb}: and one of {}",
            names()
        ))
    })?;
    let class = CLASSES.iter().find(|(name, _)| *name == word).map(|(_, class)| *class);
    let class = class.ok_or_else(|| {
        words.error(format!("there is no kind of packet '{word}'; there are {}", names()))
    })?;
    let by = match verb {
        "delay" => words.option("by", units::time, units::TIME)?,
        _ => None,
    };
    let byte = words.option("byte", |word| word.parse().ok(), "the number of a byte, from 0 on")?;
    let port = words.option("port", |word| word.parse().ok(), "a port, 0 to 65535")?;
    let nth = words.option("nth", range, "a number from 1 on, or a range such as 3..5 or 3..")?;
    let every = words.option("every", positive, "a number from 1 on")?;
    words.finish(match verb {
        "delay" => "by=TIME, byte=N, port=N, nth=N or nth=N..M, every=N",
        _ => "byte=N, port=N, nth=N or nth=N..M, every=N",
    })?;
    if byte.is_some() && class != Class::Data {
        return Err(words.error(format!("only data has bytes: write {verb}:data:byte=")));
    }
    let which = match (nth, every) {
        (Some(_), Some(_)) => return Err(words.error("nth= and every= exclude each other")),
        (Some(range), None) => Which::Nth(range),
        (None, Some(every)) => Which::Every(every),
        // A byte that is lost each time it is sent never arrives.
        (None, None) if byte.is_some() => Which::Nth(1..=1),
        (None, None) => Which::All,
    };
    let action = match verb {
        "drop" => Action::Drop,
        "delay" => {
            Action::Delay(by.ok_or_else(|| words.error("it does not say how long: add by=TIME"))?)
        }
        "duplicate" => Action::Duplicate,
        "corrupt" => Action::Corrupt,
        _ => Action::Mark,
    };
    Ok(Exact { action, class, port, byte, which })
}

fn positive(word: &str) -> Option<u64> {
    units::count(word).filter(|&number| number > 0)
}

fn range(word: &str) -> Option<RangeInclusive<u64>> {
    match word.split_once("..") {
        None => positive(word).map(|number| number..=number),
        Some((first, "")) => positive(first).map(|first| first..=u64::MAX),
        Some((first, last)) => {
            let (first, last) = (positive(first)?, positive(last)?);
            (first <= last).then_some(first..=last)
        }
    }
}

/// The words of a rule, taken one by one from the front, options by their names.
struct Words<'a> {
    rule: &'a str,
    rest: Vec<&'a str>,
}

impl<'a> Words<'a> {
    fn new(rule: &'a str) -> Self {
        let mut rest: Vec<&str> = rule.split(':').collect();
        rest.reverse();
        Words { rule, rest }
    }

    fn next(&mut self) -> Option<&'a str> {
        self.rest.pop()
    }

    /// Takes the option `name=VALUE`, wherever it stands.
    fn option<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
        what: &str,
    ) -> Result<Option<T>, SpecError> {
        let value = |word: &str| word.split_once('=').is_some_and(|(key, _)| key == name);
        let Some(at) = self.rest.iter().position(|word| value(word)) else {
            return Ok(None);
        };
        let word = self.rest.remove(at);
        self.parse(name, &word[name.len() + 1..], parse, what).map(Some)
    }

    /// Takes the word `name`, wherever it stands.
    fn flag(&mut self, name: &str) -> bool {
        let at = self.rest.iter().position(|word| *word == name);
        at.is_some_and(|at| self.rest.remove(at) == name)
    }

    fn parse<T>(
        &self,
        name: &str,
        value: &str,
        parse: impl Fn(&str) -> Option<T>,
        what: &str,
    ) -> Result<T, SpecError> {
        parse(value).ok_or_else(|| self.error(format!("'{name}={value}' is not {what}")))
    }

    fn time(&self, name: &str, value: &str) -> Result<Duration, SpecError> {
        self.parse(name, value, units::time, units::TIME)
    }

    fn share(&self, name: &str, value: &str) -> Result<Share, SpecError> {
        self.parse(name, value, units::share, units::SHARE)
    }

    /// All words must have been taken; `allowed` says which there could have been.
    fn finish(&self, allowed: &str) -> Result<(), SpecError> {
        match self.rest.last() {
            None => Ok(()),
            Some(word) => {
                Err(self.error(format!("'{word}' does not belong here; allowed: {allowed}")))
            }
        }
    }

    fn error(&self, problem: impl Into<String>) -> SpecError {
        SpecError { rule: self.rule.to_owned(), problem: problem.into() }
    }
}

#[cfg(test)]
mod tests;
