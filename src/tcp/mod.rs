//! One connection (RFC 9293): no table, no device, no clock, no lock.
//!
//! A segment goes in through [`Tcb::segment_arrives`], time through [`Tcb::expire`], the
//! application through the user calls; what is to be sent comes out of [`Tcb::poll_output`].

mod ack_policy;
pub mod arrive;
mod black_hole;
mod busy;
mod challenge;
mod config;
pub mod congestion;
mod discard;
pub mod ecn;
mod ends;
mod error;
mod fast_open;
mod fault;
mod info;
mod isn;
mod loss;
mod mss;
mod network;
pub mod output;
mod pacing;
mod parked;
mod profile;
mod queue;
mod rate;
mod rcv;
mod reassembly;
mod receive_tuning;
mod recv_buffer;
mod rtt;
mod scoreboard;
mod send_buffer;
mod snd;
mod syn_cookie;
mod syn_options;
mod tcb;
mod tell;
#[cfg(test)]
mod testing;
mod timers;
mod urgent;
mod usage;
mod user;
mod window_scale;

pub use arrive::closed::reset_for;
pub use arrive::follow::Follower;
pub use arrive::listen::{HalfOpen, Step, check_listen};
pub use config::{Config, IpSettings, Keepalive};
pub use discard::{Discard, Reply};
pub use ecn::Ecn;
pub use ends::PackedEnds;
pub use error::Error;
pub use fast_open::{CookieCheck, CookieKeys, FastConnect, FirstSyn, Learned};
pub use info::{Details, Info, Recovery};
pub use isn::Secrets;
pub use mss::Mss;
pub use parked::Parked;
pub use profile::{Profile, UnknownProfile};
pub use rtt::{Rto, RttEstimator};
pub use syn_cookie::LIFETIME as SYN_COOKIE_LIFETIME;
pub use tcb::{Endpoints, Tcb};
pub(crate) use tell::Numbering;
pub use user::{Refused, SendFlags};
pub use window_scale::WindowScale;

#[cfg(test)]
mod tests;
