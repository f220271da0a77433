//! What people see of the stack: its events as lines of a log, its counters as a table.

pub mod counters;
pub mod text;
