//! A connection on which nothing happens, in few bytes.
//!
//! ```text
//!   Tcb, 1.4 KiB --- of: everything acknowledged, read and sent ---> Parked, some 300 bytes
//!                <-- tcb: a segment, a call, a timer ---------------
//! ```
//!
//! Most of a control block is for what is under way: buffers, the scoreboard, recovery, timers. While nothing
//! is, the rest is small numbers. They are written one after the other without gaps, small ones in fewer
//! bytes, and read back as they were: nothing is forgotten or rounded.

use std::sync::Arc;

use crate::event::{State, TimerKind};
use crate::tcp::tcb::Attachment;
use crate::tcp::{Config, Tcb};
use crate::time::{Duration, Instant};

/// How long nothing has to happen before it is worth the work: a microsecond, nearly, to and fro.
const REST: Duration = Duration::from_secs(1);

/// A control block at rest.
#[derive(Debug)]
pub struct Parked {
    config: Arc<Config>,
    bytes: Box<[u8]>,
}

impl Parked {
    /// A control block that rests ([`Tcb::rests`]) in few bytes.
    pub fn of(tcb: &Tcb) -> Parked {
        let bytes = postcard::to_allocvec(tcb).expect("there is nothing that cannot be written");
        Parked { config: tcb.config.clone(), bytes: bytes.into() }
    }

    /// The control block that it was.
    pub fn tcb(&self) -> Box<Tcb> {
        let tcb: Tcb = postcard::from_bytes(&self.bytes).expect("only `of` makes them");
        Box::new(Tcb { config: self.config.clone(), ..tcb })
    }

    /// The settings.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }
}

impl Tcb {
    /// Whether nothing is under way: all is acknowledged, read and sent, and no timer runs but that for keepalive.
    pub fn rests(&self) -> bool {
        let (snd, rcv) = (&self.snd, &self.rcv);
        let sent = snd.outstanding() == 0 && snd.buffer.len() == 0 && !snd.closed;
        let read = rcv.buffer.is_empty() && !rcv.has_sack_blocks() && !rcv.finished;
        let open = self.state == State::Established && self.attachment == Attachment::Attached;
        let quiet = self.ack.is_quiet()
            && self.timers.only(TimerKind::Keepalive)
            && self.scoreboard.is_empty()
            && !self.selective.probe_due;
        let nothing_special = self.opening.is_none()
            && self.urgent.is_none()
            && self.error.is_none()
            && self.soft_error.is_none()
            && self.probe_pending.is_none();
        open && sent && read && quiet && nothing_special
    }

    /// When nothing will have come or gone for that time, if that remains so.
    pub fn quiet_from(&self) -> Instant {
        self.last_heard.max(self.last_sent) + REST
    }
}

#[cfg(test)]
pub(super) mod tests;
