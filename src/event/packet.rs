//! A packet as an observer sees it that wants packets too.

use bytes::Bytes;

use super::{ConnId, Limit, Refusal, State, Why};
use crate::time::Duration;
use crate::wire::{Burst, Packet};

/// A packet between the stack and its device, or on the link before it, and what is known about it.
#[derive(Clone, Copy, Debug)]
pub enum PacketView<'a> {
    /// It has arrived, and was processed.
    Received {
        /// The packet.
        packet: &'a Packet,
        /// The connection it was for, if it was for one, and its state after it.
        conn: Option<(ConnId, State)>,
        /// What that thinks, if it is more than a record of one.
        glance: Option<&'a Glance>,
        /// Why it was refused, all of it or a part.
        refused: Option<Refusal>,
    },
    /// It goes to the device, perhaps to be cut into several.
    Sent {
        /// The packet, or the burst.
        burst: &'a Burst,
        /// The connection that sends it, after it.
        glance: Option<&'a Glance>,
        /// Whose it is, the state after it and why it is sent, if it is a segment.
        sent: Option<(Option<ConnId>, State, Why)>,
    },
    /// A link that is not perfect has done something to it.
    Impaired {
        /// Whether the stack has sent it.
        outbound: bool,
        /// The packet as it was before.
        packet: &'a Bytes,
        /// What was done: the name of an effect of `device::impair`.
        effect: &'static str,
    },
}

/// What a connection thinks at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Its number.
    pub conn: ConnId,
    /// Its state.
    pub state: State,
    /// The congestion window, in bytes.
    pub cwnd: u32,
    /// The slow-start threshold, in bytes; `None` while it is infinite.
    pub ssthresh: Option<u32>,
    /// The smoothed round-trip time; `None` before the first sample.
    pub srtt: Option<Duration>,
    /// The retransmission time-out, with backoff.
    pub rto: Duration,
    /// Bytes sent, neither acknowledged nor reported nor believed lost.
    pub in_flight: u32,
    /// Why nothing more was sent when it last stopped.
    pub limit: Limit,
}
