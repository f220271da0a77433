//! Values, and states, as people read them.

use super::measure::Unit;
use crate::observe::text::grouped;

/// States that are shown.
const MOST_STATES: usize = 24;

/// States one after the other; of many the first.
pub fn states(states: &[String]) -> String {
    let shown = states.iter().take(MOST_STATES).map(String::as_str);
    let more = (states.len() > MOST_STATES).then_some("...");
    shown.chain(more).collect::<Vec<_>>().join(" > ")
}

/// A value with its unit.
pub fn value(value: f64, unit: Unit) -> String {
    // There is no less than nothing.
    let value = value.max(0.0) + 0.0;
    match unit {
        Unit::Times if value.fract() == 0.0 => grouped(value as u64),
        Unit::Times => format!("{value:.2}"),
        Unit::Bytes => format!("{} bytes", grouped(value.round() as u64)),
        Unit::Time if value >= 1e9 => format!("{:.3} s", value / 1e9),
        Unit::Time => format!("{:.3} ms", value / 1e6),
        Unit::Rate if value >= 1e6 => format!("{:.3} Mbit/s", value / 1e6),
        Unit::Rate => format!("{:.3} kbit/s", value / 1e3),
    }
}
