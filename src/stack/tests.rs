//! Two stacks in virtual time: the clock jumps from event to event, the checkers run after each.

mod close;
mod loss;
mod open;
mod peek;
mod transfer;
mod world;
