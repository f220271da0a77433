//! What people and programs see of the stack: its events as lines of a log, of a transcript or of JSON, its counters as
//! a table and as text for Prometheus, its packets as a file for Wireshark, curves as pictures; and what such files, or
//! captures of anybody, tell of a connection.

pub mod capture;
pub mod classic;
pub mod counters;
pub mod flight;
pub mod grade;
pub mod json;
pub mod pcapng;
pub mod plot;
pub mod prometheus;
pub mod stream;
pub mod text;
pub mod trace;
pub mod transcript;
