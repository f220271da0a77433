//! The counters of a stack as a table.

use crate::stack::Counters;

/// One line for each counter that is not zero, then for each of `more` that the stack does not
/// count: the value, flush right, and the name.
pub fn format(counters: &Counters, more: &[(&str, u64)]) -> String {
    let mut rows: Vec<(&str, u64)> = counters.rows();
    rows.extend_from_slice(more);
    table(&rows)
}

/// One line for each of these: the value, flush right, and the name.
pub fn table(rows: &[(&str, u64)]) -> String {
    let digits = |value: u64| value.checked_ilog10().unwrap_or(0) as usize + 1;
    let width = rows.iter().map(|&(_, value)| digits(value)).max();
    let width = width.unwrap_or(0);
    rows.iter().map(|(name, value)| format!("{value:>width$} {name}\n")).collect()
}

#[cfg(test)]
mod tests;
