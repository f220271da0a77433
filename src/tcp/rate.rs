//! How fast the path delivers (draft-ietf-ccwg-bbr, "Delivery Rate Samples").
//!
//! Each transmission remembers what was delivered when it was sent. When it has arrived, what was
//! delivered since then took the longer one of two times: that in which it was sent, and that in which it
//! was acknowledged.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::tcp::congestion::{LostSegment, RateSample};
use crate::tcp::scoreboard::{Delivery, Found};
use crate::time::Instant;

/// The bit for it in [`DeliveryRate::latest`].
const APP_LIMITED: u32 = 1 << 31;

/// What the connection had come to when something was sent (draft-ietf-ccwg-bbr, "Delivery Rate
/// Samples").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Bytes delivered up to then.
    pub delivered: u64,
    /// When the last of them was.
    pub delivered_at: Instant,
    /// When what began that stretch of sending was sent.
    pub first_sent_at: Instant,
    /// Bytes declared lost up to then.
    pub lost: u64,
    /// Bytes in flight, this transmission included.
    pub in_flight: u32,
    /// The application, not the window, limited sending.
    pub app_limited: bool,
    /// Octets of the segments into which it is cut; 0: not known.
    pub segment_size: u32,
    /// A write ends with it, so that it had PSH.
    pub pushed: bool,
}

/// What is counted for samples.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DeliveryRate {
    delivered: u64,
    delivered_at: Instant,
    first_sent_at: Instant,
    lost: u64,
    /// The last sample that says something of the path, and not of the application: bytes delivered and in how many
    /// microseconds, of which the highest bit says that the application was the limit after all.
    latest: (u32, u32),
    /// While no more than this is delivered, what was sent was less than the window allowed; 0: it was not.
    app_limited_until: u64,
}

impl DeliveryRate {
    /// Whether the application limits sending at present.
    pub fn is_app_limited(&self) -> bool {
        self.app_limited_until > 0
    }

    /// How fast the path has delivered lately, in bytes a second, and whether the application was the limit.
    pub fn latest(&self) -> Option<(u64, bool)> {
        let (delivered, micros) = self.latest;
        let rate =
            (u64::from(delivered) * 1_000_000).checked_div((micros & !APP_LIMITED).into())?;
        Some((rate, micros & APP_LIMITED != 0))
    }

    /// A sample of which the application was the limit counts only if it is no slower.
    fn keep(&mut self, sample: &RateSample) {
        let delivered = u32::try_from(sample.delivered).unwrap_or(u32::MAX);
        let micros = sample.interval.as_micros().clamp(1, (!APP_LIMITED).into()) as u32;
        let (before, time) = (self.latest.0, self.latest.1 & !APP_LIMITED);
        let faster =
            u64::from(delivered) * u64::from(time) >= u64::from(before) * u64::from(micros);
        if !sample.app_limited || faster {
            let limit = if sample.app_limited { APP_LIMITED } else { 0 };
            self.latest = (delivered, micros | limit);
        }
    }

    /// `len` bytes are being sent while `in_flight` are out.
    pub fn on_sent(&mut self, now: Instant, in_flight: u32, len: u32) -> Snapshot {
        if in_flight == 0 {
            self.first_sent_at = now;
            self.delivered_at = now;
        }
        Snapshot {
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent_at: self.first_sent_at,
            lost: self.lost,
            in_flight: in_flight.saturating_add(len),
            app_limited: self.is_app_limited(),
            segment_size: 0,
            pushed: false,
        }
    }

    /// The application has nothing more to send although `in_flight` bytes do not fill the window.
    pub fn on_app_limited(&mut self, in_flight: u32) {
        self.app_limited_until = (self.delivered + u64::from(in_flight)).max(1);
    }

    /// Something is found lost.
    pub fn on_lost(&mut self, now: Instant, found: &Found) -> LostSegment {
        self.lost += u64::from(found.len);
        LostSegment {
            now,
            bytes: found.len,
            tx_in_flight: found.snapshot.in_flight,
            lost: self.lost - found.snapshot.lost,
            prior_delivered: found.snapshot.delivered,
            app_limited: found.snapshot.app_limited,
        }
    }

    /// Something has arrived. A sample over less time than the path takes, `min_rtt`, says nothing.
    pub fn on_delivery(
        &mut self,
        now: Instant,
        delivery: &Delivery,
        min_rtt: Duration,
    ) -> Option<RateSample> {
        if delivery.bytes == 0 {
            return None;
        }
        self.delivered += u64::from(delivery.bytes);
        self.delivered_at = now;
        if self.delivered > self.app_limited_until {
            self.app_limited_until = 0;
        }
        let newest = delivery.newest?;
        let snapshot = newest.snapshot;
        self.first_sent_at = newest.at;
        let sending = newest.at.since(snapshot.first_sent_at);
        let interval = sending.max(now.since(snapshot.delivered_at));
        if interval < min_rtt || interval.is_zero() {
            return None;
        }
        let sample = RateSample {
            delivered: self.delivered - snapshot.delivered,
            interval,
            prior_delivered: snapshot.delivered,
            total_delivered: self.delivered,
            lost: self.lost - snapshot.lost,
            tx_in_flight: snapshot.in_flight,
            app_limited: snapshot.app_limited,
        };
        self.keep(&sample);
        Some(sample)
    }
}

#[cfg(test)]
mod tests;
