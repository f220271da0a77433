//! Losses found by duplicate acknowledgments, and the end of recoveries (RFC 5681 3.2, RFC 6582).
//!
//! ```text
//!   Open --3 duplicates--> FastRecovery --ack > recover--> Open
//!    | | \-3 duplicates--> GoBackN      --ack > recover--> Open
//!    |  \--- time-out ---> RtoRecovery  --ack > recover--> Open
//!    |\---- too large ---> PathMtu      --ack > recover--> Open
//!    |\---- not taken ---> SynText      --ack > recover--> Open
//!     \---- a mark -------> Reducing     --ack > recover--> Open
//! ```
//!
//! Which of the first two it is, and for FastRecovery what `recover` is, follows from how far the
//! congestion control goes ([`Recovery`]).
//!
//! RFC 5681 inflates cwnd by one segment for each duplicate. Here that allowance is kept apart, so
//! that the congestion window itself is what everybody expects to see.

use serde::{Deserialize, Serialize};

use crate::tcp::congestion::Recovery;
use crate::wire::SeqNum;

/// Duplicates that mean a loss (RFC 5681 3.2).
pub(in crate::tcp) const THRESHOLD: u32 = 3;

/// Where the sender stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// No loss being repaired.
    #[default]
    Open,
    /// Repairing what duplicate acknowledgments showed.
    FastRecovery,
    /// Sending again everything from what duplicate acknowledgments showed on.
    GoBackN,
    /// Repairing what a time-out declared lost.
    RtoRecovery,
    /// Sending in smaller segments what was larger than the path takes; no sign of congestion.
    PathMtu,
    /// Sending again what went with the SYN and was not taken (RFC 7413); no sign of congestion either.
    SynText,
    /// Nothing is missing, but the window becomes smaller: routers have marked something (RFC 3168), or a
    /// tail-loss probe has repaired what was lost (RFC 8985 7.4.2).
    Reducing,
}

impl Mode {
    /// Whether the window is being brought down, or held there, by what is delivered.
    pub fn is_reduction(self) -> bool {
        matches!(self, Mode::FastRecovery | Mode::Reducing)
    }
}

/// What an acknowledgment asks the caller to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing in particular.
    Nothing,
    /// The segment at snd.una is lost: it is for [`DupAck::enter`] to begin the repair.
    Enter,
    /// A partial acknowledgment: the segment now at snd.una is lost too; `first` of this recovery.
    Partial {
        /// The first one restarts the retransmission timer (RFC 6582 4, "Impatient").
        first: bool,
    },
    /// Everything outstanding at the loss was acknowledged.
    Recovered,
}

/// The state of the repair.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DupAck {
    mode: Mode,
    duplicates: u32,
    recover: SeqNum,
    allowance: u32,
    limited: u32,
    partial_seen: bool,
}

impl DupAck {
    /// For a connection whose first sequence number is `iss`.
    pub fn new(iss: SeqNum) -> Self {
        // The very first segment may be found lost, so nothing is covered yet.
        DupAck { recover: iss - 1, ..DupAck::default() }
    }

    /// Where the sender stands.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether an acknowledgment of only a part was seen in this recovery.
    pub fn partial_seen(&self) -> bool {
        self.partial_seen
    }

    /// Bytes that may be in flight beyond the congestion window, because as many have left.
    pub fn allowance(&self) -> u32 {
        self.allowance
    }

    /// Notes that new data of `len` bytes was sent: after a duplicate it was limited transmit.
    pub fn on_new_data(&mut self, len: u32) {
        if self.mode == Mode::Open && self.duplicates > 0 {
            self.limited += len;
        }
    }

    /// Bytes sent by limited transmit before this recovery; they must not count in ssthresh
    /// (RFC 5681 3.2 step 2).
    pub fn limited(&self) -> u32 {
        self.limited
    }

    /// A duplicate acknowledgment for `una` arrived.
    pub fn on_duplicate(&mut self, una: SeqNum, mss: u32) -> Verdict {
        match self.mode {
            Mode::GoBackN | Mode::RtoRecovery | Mode::PathMtu | Mode::SynText => {
                return Verdict::Nothing;
            }
            Mode::FastRecovery => {
                self.allowance = self.allowance.saturating_add(mss);
                return Verdict::Nothing;
            }
            Mode::Open | Mode::Reducing => {}
        }
        self.duplicates += 1;
        // Limited transmit for the first two (RFC 3042), what has left the path for the third.
        self.allowance = self.duplicates.min(THRESHOLD) * mss;
        // RFC 6582 3.2 step 2: duplicates of an old recovery start no new one.
        // A mark has repaired nothing.
        let covers_more = self.mode == Mode::Reducing || (una - 1).after(self.recover);
        if self.duplicates >= THRESHOLD && covers_more { Verdict::Enter } else { Verdict::Nothing }
    }

    /// Begins to repair the loss at `una`, as far as `recovery` goes, while everything up to `nxt` was
    /// sent.
    pub fn enter(&mut self, recovery: Recovery, una: SeqNum, nxt: SeqNum) {
        match recovery {
            Recovery::None => return self.repair(Mode::GoBackN, nxt),
            // Whatever is acknowledged next lies beyond.
            Recovery::FirstAck => self.recover = una - 1,
            Recovery::Full | Recovery::Proportional | Recovery::Own => self.recover = nxt - 1,
        }
        self.mode = Mode::FastRecovery;
    }

    /// `acked` new bytes up to `una` were acknowledged.
    pub fn on_new_ack(&mut self, una: SeqNum, acked: u32, mss: u32) -> Verdict {
        let done = una.after(self.recover);
        match self.mode {
            Mode::Open => {
                // `recover` follows, so that it never falls half the sequence space behind.
                let recover = self.recover.max(una - 2);
                *self = DupAck { recover, ..DupAck::default() };
                Verdict::Nothing
            }
            Mode::FastRecovery if !done => {
                // RFC 6582 3.2 step 3, partial acknowledgment.
                let back = if acked >= mss { mss } else { 0 };
                self.allowance = self.allowance.saturating_sub(acked) + back;
                let first = !std::mem::replace(&mut self.partial_seen, true);
                Verdict::Partial { first }
            }
            Mode::GoBackN | Mode::RtoRecovery | Mode::PathMtu | Mode::SynText if !done => {
                (self.partial_seen, self.allowance) = (true, 0);
                Verdict::Nothing
            }
            Mode::Reducing if !done => {
                (self.duplicates, self.allowance) = (0, 0);
                Verdict::Nothing
            }
            mode => {
                *self = DupAck { recover: self.recover, ..DupAck::default() };
                if mode.is_reduction() { Verdict::Recovered } else { Verdict::Nothing }
            }
        }
    }

    /// The retransmission timer went off while everything up to `nxt` was sent.
    pub fn on_rto(&mut self, nxt: SeqNum) {
        self.repair(Mode::RtoRecovery, nxt);
    }

    /// Everything up to `nxt` was sent in segments that are too large for the path.
    pub fn on_smaller_path(&mut self, nxt: SeqNum) {
        self.repair(Mode::PathMtu, nxt);
    }

    /// What went with the SYN, up to `nxt`, was not taken.
    pub fn on_text_not_taken(&mut self, nxt: SeqNum) {
        self.repair(Mode::SynText, nxt);
    }

    /// The window becomes smaller until everything up to `nxt` is acknowledged.
    pub fn on_reduction(&mut self, nxt: SeqNum) {
        self.repair(Mode::Reducing, nxt);
    }

    /// Nothing was lost: the repair is over.
    pub fn on_undo(&mut self) {
        *self = DupAck { recover: self.recover, ..DupAck::default() };
    }

    /// A duplicate says that new data which was sent during the repair has left the path.
    pub fn on_new_data_arrived(&mut self, mss: u32) {
        if self.mode == Mode::RtoRecovery {
            self.allowance = self.allowance.saturating_add(mss);
        }
    }

    /// The last sequence number that was sent when the repair began.
    pub fn recover(&self) -> SeqNum {
        self.recover
    }

    /// Whether something was sent since the repair began.
    pub fn sent_since(&self, nxt: SeqNum) -> bool {
        (nxt - 1).after(self.recover)
    }

    fn repair(&mut self, mode: Mode, nxt: SeqNum) {
        *self = DupAck { mode, recover: nxt - 1, ..DupAck::default() };
    }
}

#[cfg(test)]
mod tests;
