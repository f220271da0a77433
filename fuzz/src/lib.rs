//! What the fuzz targets do with their input, as plain functions.
//!
//! `fuzz_targets` hands them to libFuzzer; `tests/fuzz.rs` of glasstcp includes this file and runs them on
//! every input that was kept. A body panics when something does not hold, and returns otherwise.
//!
//! | target | input | what must hold |
//! |---|---|---|
//! | [`parse`] | a packet | no panic; what is built from what was read reads the same |
//! | [`differential`] | a packet | smoltcp and etherparse read the same, or differ for a named reason |
//! | [`packets`] | packets, as they are or mended | invariants, memory, good packets out, an end |
//! | [`honest`](peers::honest) | calls, misfortune on the link, time | the above, and that all arrives as it was sent |
//! | [`forged`](peers::forged) | the same, and segments near the edges | the above, but for what the forger may do |
//! | [`http`] | requests in pieces | no panic, no way out of the folder, no flood of reply |
//! | [`tasks`] | requests of tasks, or answers, in pieces | the same, and a file is what has come |
//! | [`rudp`] | datagrams to a receiver or to a sender | pieces in order and once, no flood, an end |
//! | [`handles`] | calls on handles | a model of them, and that nobody sleeps who could go on |

pub mod craft;
pub mod differential;
pub mod handles;
pub mod http;
pub mod memory;
pub mod packets;
pub mod parse;
pub mod peers;
pub mod rudp;
pub mod site;
pub mod tasks;
pub mod watch;
pub mod world;

/// A fuzz target: its name and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("parse", parse::run),
    ("differential", differential::run),
    ("packets", packets::run),
    ("honest", peers::honest),
    ("forged", peers::forged),
    ("handles", handles::run),
    ("http", http::run),
    ("tasks", tasks::run),
    ("rudp", rudp::run),
];
