//! Rules in the words of their language: what is in force can be shown, and given back.

use std::fmt::{self, Display, Formatter};

use super::spec::{
    Action, CLASSES, Change, Codel, Exact, Jitter, Loss, Queue, Reorder, Rule, Setting, Size, Spec,
    Which,
};
use crate::time::Duration;

impl Display for Spec {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, rule) in self.rules.iter().enumerate() {
            write!(f, "{}{rule}", if index > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(direction) = self.direction {
            write!(f, "{direction}:")?;
        }
        if !self.at.is_zero() {
            write!(f, "at={}:", Time(self.at))?;
        }
        self.change.fmt(f)
    }
}

impl Display for Change {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Change::Clear => f.write_str("clear"),
            Change::Set(setting) => setting.fmt(f),
            Change::Exact(exact) => exact.fmt(f),
        }
    }
}

impl Display for Setting {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Setting::Rate(None) => f.write_str("rate=unlimited"),
            Setting::Rate(Some(rate)) => write!(f, "rate={}", in_units(*rate, RATES)),
            Setting::Delay(delay) => write!(f, "delay={}", Time(*delay)),
            Setting::Jitter(Jitter { by, ordered }) => {
                write!(f, "jitter={}{}", Time(*by), if *ordered { ":ordered" } else { "" })
            }
            Setting::Queue(queue) => queue.fmt(f),
            Setting::Loss(loss) => loss.fmt(f),
            Setting::Reorder(Reorder { share, by }) => {
                write!(f, "reorder={share}:by={}", Time(*by))
            }
            Setting::Duplicate(share) => write!(f, "duplicate={share}"),
            Setting::Corrupt(share) => write!(f, "corrupt={share}"),
        }
    }
}

impl Display for Queue {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "queue={}", self.limit)?;
        if let Some(mark) = self.mark {
            write!(f, ":mark={mark}")?;
        }
        if let Some(Codel { target, interval, ecn }) = self.codel {
            write!(f, ":codel:target={}:interval={}", Time(target), Time(interval))?;
            f.write_str(if ecn { ":ecn" } else { "" })?;
        }
        Ok(())
    }
}

impl Display for Size {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Size::Packets(packets) => write!(f, "{packets}p"),
            Size::Bytes(bytes) => f.write_str(&in_units(*bytes, SIZES)),
            Size::BandwidthDelay(times) => write!(f, "{times}bdp"),
        }
    }
}

impl Display for Loss {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Loss { good, bad, p, r } = self;
        if *self == Loss::independent(*good) {
            return write!(f, "loss={good}");
        }
        write!(f, "loss=gemodel:p={p}:r={r}:good={good}:bad={bad}")
    }
}

impl Display for Exact {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let verb = match self.action {
            Action::Drop => "drop",
            Action::Delay(_) => "delay",
            Action::Duplicate => "duplicate",
            Action::Corrupt => "corrupt",
            Action::Mark => "mark",
        };
        let kind = CLASSES.iter().find(|(_, class)| *class == self.class);
        write!(f, "{verb}:{}", kind.map_or("", |(name, _)| name))?;
        if let Action::Delay(by) = self.action {
            write!(f, ":by={}", Time(by))?;
        }
        if let Some(byte) = self.byte {
            write!(f, ":byte={byte}")?;
        }
        if let Some(port) = self.port {
            write!(f, ":port={port}")?;
        }
        match &self.which {
            // Without a number, a byte means the first time.
            Which::All if self.byte.is_some() => f.write_str(":nth=1.."),
            Which::All => Ok(()),
            Which::Nth(range) if range.start() == range.end() => {
                write!(f, ":nth={}", range.start())
            }
            Which::Nth(range) if *range.end() == u64::MAX => write!(f, ":nth={}..", range.start()),
            Which::Nth(range) => write!(f, ":nth={}..{}", range.start(), range.end()),
            Which::Every(number) => write!(f, ":every={number}"),
        }
    }
}

/// A time in the largest unit in which it is a whole number.
struct Time(Duration);

impl Display for Time {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let nanos = u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX);
        f.write_str(&in_units(nanos, TIMES))
    }
}

const RATES: &[(&str, u64)] =
    &[("gbit", 1_000_000_000), ("mbit", 1_000_000), ("kbit", 1000), ("bit", 1)];
const TIMES: &[(&str, u64)] = &[("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1000), ("ns", 1)];
const SIZES: &[(&str, u64)] = &[("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10), ("b", 1)];

/// `value` in the first of `units`, the largest first, in which it is a whole number.
fn in_units(value: u64, units: &[(&str, u64)]) -> String {
    let fits = |(_, factor): &&(&str, u64)| value > 0 && value.is_multiple_of(*factor);
    let &(unit, factor) = units.iter().find(fits).unwrap_or(&("", 1));
    format!("{}{unit}", value / factor)
}

#[cfg(test)]
mod tests;
