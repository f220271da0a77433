//! Numbers as a narrow column has them.

/// Three digits and what they are multiplied with, as 12.3M: at most five characters below 10^18.
pub fn short(value: f64) -> String {
    const SIGNS: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];
    let mut value = value;
    let mut sign = 0;
    // What would be rounded to four digits is of the next sign.
    while value >= 999.5 && sign + 1 < SIGNS.len() {
        value /= 1000.0;
        sign += 1;
    }
    let digits = match value {
        _ if sign == 0 => 0,
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$}{}", SIGNS[sign])
}

/// A time in microseconds, with its unit.
pub fn time(us: u64) -> String {
    let us = us as f64;
    match us {
        ..999.5 => format!("{us:.0}us"),
        ..9_995.0 => format!("{:.2}ms", us / 1e3),
        ..99_950.0 => format!("{:.1}ms", us / 1e3),
        ..999_500.0 => format!("{:.0}ms", us / 1e3),
        ..9_995_000.0 => format!("{:.2}s", us / 1e6),
        ..99_950_000.0 => format!("{:.1}s", us / 1e6),
        _ => format!("{:.0}s", us / 1e6),
    }
}

/// Bars of one line, the last of them for the last value; the highest stands for the largest of them, and does not touch
/// the line above.
pub fn sparkline(values: &[u64], width: usize) -> String {
    const BARS: [char; 7] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇'];
    let values = &values[values.len().saturating_sub(width)..];
    let most = values.iter().copied().max().unwrap_or(0);
    let bar = |&value: &u64| match value {
        0 => ' ',
        value => BARS[(value as f64 / most as f64 * 6.0).round() as usize],
    };
    let bars: String = values.iter().map(bar).collect();
    format!("{bars:>width$}")
}

#[cfg(test)]
mod tests;
