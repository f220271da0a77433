//! Faults that can be built in, to see whether tests and packetdrill's scripts find them: `scripts/negative-control`
//! sets `glasstcp_fault`, and nobody else does. In every other build all of these are false, and cost nothing.

/// What has arrived out of order is not reported (RFC 2018, RFC 2883).
pub(crate) const NO_SACK: bool = cfg!(glasstcp_fault = "sack");

/// A reset anywhere in the window ends a connection (against RFC 5961 3.2).
pub(crate) const LOOSE_RESETS: bool = cfg!(glasstcp_fault = "reset");

/// The retransmission time-out is twice what it should be (against RFC 6298 2).
pub(crate) const SLOW_RTO: bool = cfg!(glasstcp_fault = "rto");

/// A loss brings the window down at once, not in proportion to what arrives (against RFC 6937).
pub(crate) const NO_PRR: bool = cfg!(glasstcp_fault = "prr");
