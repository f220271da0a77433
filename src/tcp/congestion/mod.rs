//! Congestion control: how much may be in flight. Which bytes are sent is not decided here.
//!
//! ```text
//!   CongestionControl <- Classic { Window, response } <- Tahoe | Reno | NewReno
//!                     <- Cubic { Window, HyStart }
//!                     <- Bbr { Model, ... }
//! ```

mod algorithm;
mod bbr;
mod classic;
mod cubic;
mod hystart;
mod new_reno;
mod prr;
mod reno;
mod tahoe;
mod window;

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};

use crate::tcp::Profile;
use crate::time::{Duration, Instant};

pub use algorithm::{Algorithm, UnknownAlgorithm};

pub(in crate::tcp) use prr::Prr;

use bbr::Bbr;
use classic::Classic;
use cubic::Cubic;
use new_reno::NewReno;
use reno::Reno;
use tahoe::Tahoe;

/// What an acknowledgment tells that says of something for the first time that it has arrived.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ack {
    /// When it arrived.
    pub now: Instant,
    /// Bytes of text newly acknowledged in order.
    pub acked: u32,
    /// Bytes newly known to have arrived, in order or not.
    pub delivered: u32,
    /// Bytes that it lets appear lost.
    pub lost: u32,
    /// Bytes in flight before it, and after it.
    pub prior_in_flight: u32,
    /// See `prior_in_flight`.
    pub in_flight: u32,
    /// The round trip of what was sent last of what is newly known to have arrived, if that was sent
    /// only once.
    pub rtt: Option<Duration>,
    /// The smoothed round-trip time, once there was a sample.
    pub srtt: Option<Duration>,
    /// Whether the window was what held sending back; without that it says nothing about the path.
    pub window_limited: bool,
    /// Places in the sequence space, counted from the beginning of the connection so that they never
    /// wrap: SND.UNA after it, and SND.NXT.
    pub una: u64,
    /// See `una`.
    pub nxt: u64,
    /// A loss or a mark is being answered (fast recovery), and goes on being after it: the window is not
    /// to grow.
    pub recovering: bool,
    /// It carries ECN-Echo (RFC 3168 6.1.2).
    pub ece: bool,
    /// How fast the path delivers.
    pub rate: Option<RateSample>,
}

/// How fast the path has delivered, seen from one acknowledgment (draft-ietf-ccwg-bbr, "Delivery Rate
/// Samples").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateSample {
    /// Bytes delivered in `interval`.
    pub delivered: u64,
    /// The longer one of the time in which they were sent and that in which they were acknowledged.
    pub interval: Duration,
    /// All bytes delivered on the connection before the newest segment of the sample was sent.
    pub prior_delivered: u64,
    /// All bytes delivered on the connection up to now.
    pub total_delivered: u64,
    /// Bytes declared lost since that segment was sent.
    pub lost: u64,
    /// Bytes in flight just after that segment was sent.
    pub tx_in_flight: u32,
    /// The application, and not the window, limited sending then.
    pub app_limited: bool,
}

impl RateSample {
    /// Bytes a second; 0 when no time has passed.
    pub fn rate(&self) -> u64 {
        let nanos = self.interval.as_nanos();
        if nanos == 0 {
            return 0;
        }
        (u128::from(self.delivered) * 1_000_000_000 / nanos).try_into().unwrap_or(u64::MAX)
    }
}

/// Something that is found lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostSegment {
    /// When it is found.
    pub now: Instant,
    /// How long it is, in bytes.
    pub bytes: u32,
    /// Bytes in flight just after it was sent.
    pub tx_in_flight: u32,
    /// Bytes declared lost since it was sent, this segment included.
    pub lost: u64,
    /// All bytes delivered before it was sent.
    pub prior_delivered: u64,
    /// The application, and not the window, limited sending when it was sent.
    pub app_limited: bool,
}

/// What a time-out is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// A loss of which nothing was known.
    First,
    /// One in a window that has become smaller for something else: a mark, or a tail that a probe has repaired.
    /// Should the time-out turn out wrong, that stays.
    Answered,
    /// One that was answered before, or of the same data.
    Again,
}

/// Why the window has to become smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Something was lost.
    Loss,
    /// A router has marked a packet instead of dropping it (RFC 3168).
    Ecn,
}

/// How losses are found and repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// By duplicate acknowledgments; there is no fast recovery: slow start begins again at the loss.
    None,
    /// By duplicate acknowledgments, to the first acknowledgment of new data (RFC 5681 3.2 step 6).
    FirstAck,
    /// By duplicate acknowledgments, to the acknowledgment of all that was outstanding (RFC 6582 3.2
    /// step 3).
    Full,
    /// By SACK, RACK and TLP (RFC 8985), in proportion to what is delivered (RFC 6937): the window is
    /// brought to ssthresh.
    Proportional,
    /// By SACK, RACK and TLP; the algorithm's own window holds at any time.
    Own,
}

impl Recovery {
    /// Whether losses are found by SACK and RACK where the peer offers SACK; the others are as their
    /// papers had them.
    pub fn is_selective(self) -> bool {
        matches!(self, Recovery::Proportional | Recovery::Own)
    }
}

/// An algorithm. It returns numbers, all in bytes; it never touches the control block.
pub trait CongestionControl: fmt::Debug + Send {
    /// Which one it is.
    fn algorithm(&self) -> Algorithm;
    /// How losses are found and repaired; the same at any time.
    fn recovery(&self) -> Recovery;
    /// The handshake is over and says that a full-sized segment has `mss` bytes of text: begins anew
    /// with that.
    fn on_handshake(&mut self, mss: u32);
    /// Takes over from another algorithm in the middle of a connection, with its window and threshold.
    fn adopt(&mut self, window: u32, ssthresh: Option<u32>);
    /// Something is being sent: `in_flight` bytes were out before it; `idle` when nothing was and the
    /// application had nothing to send for a while.
    fn on_sent(&mut self, _now: Instant, _in_flight: u32, _idle: bool) {}
    /// Something is newly known to have arrived.
    fn on_ack(&mut self, ack: &Ack);
    /// A segment is found lost; called for each, before [`CongestionControl::on_congestion`] and
    /// [`CongestionControl::on_ack`] are for what has shown it.
    fn on_segment_lost(&mut self, _lost: &LostSegment) {}
    /// The window has to become smaller, once a window of data; `in_flight` bytes were out.
    fn on_congestion(&mut self, now: Instant, in_flight: u32, signal: Signal);
    /// The retransmission timer went off; `in_flight` bytes were out.
    fn on_rto(&mut self, now: Instant, in_flight: u32, loss: Timeout);
    /// Fast recovery, or the repair after a time-out, is over; `in_flight` bytes are out.
    fn on_recovered(&mut self, now: Instant, in_flight: u32);
    /// The last reduction was wrong, for nothing was lost: back to what was before it (RFC 4015 3.2).
    fn on_undo(&mut self, _now: Instant) {}
    /// Nothing was sent for `idle`, which is longer than the retransmission time-out `rto` (RFC 5681
    /// 4.1, RFC 2861 3.1).
    fn on_idle_restart(&mut self, idle: Duration, rto: Duration);
    /// For a whole time-out the application used no more than `used` bytes of the window (RFC 2861 3.2,
    /// RFC 7661).
    fn on_underused(&mut self, _used: u32) {}
    /// A full-sized segment has `mss` bytes of text from now on: fewer than before, or as many as it once had. The window
    /// must not become larger for it (RFC 4821 7.3).
    fn on_mss(&mut self, mss: u32);
    /// The congestion window.
    fn window(&self) -> u32;
    /// The slow-start threshold; `None` while it is infinite.
    fn ssthresh(&self) -> Option<u32>;
    /// How fast to send, in bytes a second; `None` leaves it to what follows from window and round trip.
    fn pacing_rate(&self) -> Option<u64> {
        None
    }
    /// Whether the window is below the threshold.
    fn in_slow_start(&self) -> bool {
        self.ssthresh().is_none_or(|ssthresh| self.window() < ssthresh)
    }
}

/// One of the algorithms with all it knows.
#[derive(Debug, Serialize, Deserialize)]
pub struct Controller(Each);

#[derive(Debug, Serialize, Deserialize)]
enum Each {
    Tahoe(Box<Classic<Tahoe>>),
    Reno(Box<Classic<Reno>>),
    NewReno(Box<Classic<NewReno>>),
    Cubic(Box<Cubic>),
    Bbr(Box<Bbr>),
}

impl Controller {
    /// The algorithm of that name on a fresh path; `mss` is the text of a full-sized segment, in bytes.
    pub fn new(algorithm: Algorithm, mss: u32, profile: Profile) -> Controller {
        Controller(match algorithm {
            Algorithm::Tahoe => Each::Tahoe(Box::new(Classic::new(Tahoe, mss, profile))),
            Algorithm::Reno => Each::Reno(Box::new(Classic::new(Reno, mss, profile))),
            Algorithm::NewReno => Each::NewReno(Box::new(Classic::new(NewReno, mss, profile))),
            Algorithm::Cubic => Each::Cubic(Box::new(Cubic::new(mss, profile))),
            Algorithm::Bbr => Each::Bbr(Box::new(Bbr::new(mss, profile))),
        })
    }
}

impl Deref for Controller {
    type Target = dyn CongestionControl;

    fn deref(&self) -> &Self::Target {
        match &self.0 {
            Each::Tahoe(tahoe) => &**tahoe,
            Each::Reno(reno) => &**reno,
            Each::NewReno(new_reno) => &**new_reno,
            Each::Cubic(cubic) => &**cubic,
            Each::Bbr(bbr) => &**bbr,
        }
    }
}

impl DerefMut for Controller {
    fn deref_mut(&mut self) -> &mut Self::Target {
        match &mut self.0 {
            Each::Tahoe(tahoe) => &mut **tahoe,
            Each::Reno(reno) => &mut **reno,
            Each::NewReno(new_reno) => &mut **new_reno,
            Each::Cubic(cubic) => &mut **cubic,
            Each::Bbr(bbr) => &mut **bbr,
        }
    }
}

#[cfg(test)]
mod tests;
