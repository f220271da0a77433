//! What people see of the stack: its events as lines of a log, its counters as a table, its packets
//! as a file for Wireshark.

pub mod counters;
pub mod pcapng;
pub mod text;
