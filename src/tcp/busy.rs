//! For how long there was something to send, and what kept it: the figures of TCP_INFO that tell who is to blame
//! for a slow transfer (as Linux counts them).

use serde::{Deserialize, Serialize};

use crate::time::{Duration, Instant};

/// A tick is 2^16 ns, so that the figures fit 32 bits for three days; then they stay.
const TICK_SHIFT: u32 = 16;

/// What the sender is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Doing {
    /// There is nothing to send, and nothing to wait for.
    #[default]
    Nothing,
    /// It sends, or waits for acknowledgments.
    Sending,
    /// It waits for the peer's window.
    PeerWindow,
    /// It waits for the application, which waits for room in a send buffer that is too small.
    SendBuffer,
}

/// Times, as far as they are over.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Busy {
    doing: Doing,
    since: Instant,
    /// Ticks of each but `Nothing`.
    ticks: [u32; 3],
}

/// How long each has lasted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// There was something to send or to wait for, whatever kept it.
    pub busy: Duration,
    /// Of that, the peer's window did.
    pub peer_window: Duration,
    /// Of that, the send buffer did.
    pub send_buffer: Duration,
}

impl Busy {
    /// It does something else from now on, or the same.
    pub fn note(&mut self, now: Instant, doing: Doing) {
        if doing == self.doing {
            return;
        }
        let over = now.since(self.since).as_nanos() as u64;
        let left = match self.doing {
            Doing::Nothing => 0,
            doing => {
                let ticks = &mut self.ticks[doing as usize - 1];
                let passed = u32::try_from(over >> TICK_SHIFT).unwrap_or(u32::MAX);
                *ticks = ticks.saturating_add(passed);
                over & ((1 << TICK_SHIFT) - 1)
            }
        };
        // What is less than a tick counts for what follows, lest short times vanish.
        (self.doing, self.since) = (doing, now - Duration::from_nanos(left));
    }

    /// How long each has lasted up to now.
    pub fn times(&self, now: Instant) -> Times {
        let mut at_present = self.clone();
        at_present.note(now, Doing::Nothing);
        let [sending, peer_window, send_buffer] =
            at_present.ticks.map(|ticks| Duration::from_nanos(u64::from(ticks) << TICK_SHIFT));
        Times { busy: sending + peer_window + send_buffer, peer_window, send_buffer }
    }
}

#[cfg(test)]
mod tests;
