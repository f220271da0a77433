//! The labs, in the order in which somebody new to TCP would do them.

mod control;
mod opening;
mod recovery;
mod sharing;
mod timing;

use super::Lab;

/// All there are.
pub const LABS: &[&Lab] = &[
    &opening::HANDSHAKE,
    &opening::CLOSE,
    &timing::RTT,
    &timing::NAGLE,
    &timing::WINDOW,
    &control::SLOW_START,
    &control::CONGESTION_AVOIDANCE,
    &recovery::FAST_RETRANSMIT,
    &recovery::FAST_RECOVERY,
    &recovery::SACK,
    &recovery::RACK,
    &sharing::BUFFERBLOAT,
    &sharing::CUBIC_BBR,
    &opening::SYN_FLOOD,
];
