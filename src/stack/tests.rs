//! Two stacks in virtual time: the clock jumps from event to event, the checkers run after each.

mod bind;
mod calls;
mod close;
mod congestion;
mod ecn;
mod fast_open;
mod hostile;
mod icmp;
mod limits;
mod list;
mod loss;
mod matrix;
mod memory;
mod open;
mod peek;
mod ping;
mod readiness;
mod repair;
mod shards;
mod socket;
mod syn_cookies;
mod transfer;
mod udp_errors;
mod window;
mod world;
