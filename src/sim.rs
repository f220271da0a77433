//! The stack in virtual time: hosts, links between them, and a clock that jumps.
//!
//! ```text
//!   tasks (sockets of net, Clock::sleep)          World::run: the next thing in time
//!      |                                           |  a link hands over a packet
//!   host: Stack --egress--> link --> router --> link --> host
//!                        (Impairment)        (Impairment)
//! ```
//!
//! It is a second driver of the same stack and the same sockets as [`crate::runtime`]. A run is a
//! function of what is in the [`World`] and of its seed: the same once more gives the same packets at
//! the same times, byte for byte, on any machine.

mod clock;
mod cross;
mod dialogue;
mod flow;
mod record;
mod run;
mod scenario;
pub mod script;
mod world;

pub use clock::{Clock, Sleep};
pub use cross::{Cross, CrossTally};
pub use dialogue::{Act, Dialogue, Flood};
pub use flow::{Pace, Progress, Transfer};
pub use record::{Record, Recorder, Series, is_retransmission};
pub use run::{FlowOutcome, Outcome, SharedWatch, Watch, run};
pub use scenario::{Scenario, ScenarioError};
pub use world::{Ended, HostId, LinkId, Middlebox, Node, RouterId, Tap, Vantage, World};
