//! Paths that swallow large packets and say nothing (RFC 2923 2.1): after some time-outs in a row segments become
//! smaller (RFC 4821 7.7); and once that has helped, probes of the old size show whether it was the size (RFC 8899
//! 5.3.3), for it may as well have been an outage.
//!
//! ```text
//!   full size --three time-outs--> MTU 1064 --two more--> MTU 552
//!       ^                              |                     |
//!       |                              '----------+----------'
//!       |                                         | all of that has arrived: a probe
//!       '------------- it arrives ----------------+ it is lost: again, three times at most
//! ```

use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::event::{Event, MtuBy, Why};
use crate::tcp::Mss;
use crate::tcp::loss::dupack::Mode;
use crate::tcp::output::{Plan, Transmission};
use crate::tcp::tcb::Tcb;
use crate::wire::tcp::Flags;

/// After so many time-outs in a row the size is suspected, and which MTU is tried then: 1,024 bytes of text (RFC
/// 4821 7.2), and what every path carries, nearly (RFC 1191 3; see [`super::network`]).
const STEPS: [(u8, u16); 2] = [(3, 1064), (5, 552)];
/// Probes that may be lost (RFC 8899 5.1.2, MAX_PROBES).
const MAX_PROBES: u8 = 3;
/// Full-sized segments that must follow a probe, so that its loss is found soon (RFC 4821 7.4).
const FOLLOWERS: u32 = 4;

/// What is known of a path that may be one.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct BlackHole {
    /// The size before it was suspected; `None`: it is not.
    before: Option<Mss>,
    /// Nothing is tried before everything up to this place has arrived.
    wait: u64,
    /// Where the probe is that is on its way.
    probe: Option<(u64, u64)>,
    /// Probes that were lost.
    lost: u8,
}

impl Tcb {
    /// The retransmission timer has gone off again.
    pub(in crate::tcp) fn suspect_size(&mut self, cx: &mut Context<'_>) {
        let remote = self.ends.remote.ip();
        let step = STEPS.into_iter().find(|(timeouts, _)| *timeouts == self.timeouts);
        let Some(mss) = step.map(|(_, mtu)| Mss::of_mtu(mtu, remote)).filter(|mss| *mss < self.mss)
        else {
            return;
        };
        // Segments that would fit anyway are not lost for their size.
        let smaller = self.full_segment() - u32::from(self.mss.bytes() - mss.bytes());
        if !self.config.black_hole_detection || self.snd.outstanding() <= smaller {
            return;
        }
        let wait = self.snd.place_of(self.snd.nxt);
        let BlackHole { before, lost, .. } = self.black_hole;
        let before = Some(before.unwrap_or(self.mss));
        self.black_hole = BlackHole { before, wait, probe: None, lost };
        self.change_mss(cx, mss, MtuBy::BlackHole);
    }

    /// Segments have another size from now on.
    pub(in crate::tcp) fn change_mss(&mut self, cx: &mut Context<'_>, mss: Mss, by: MtuBy) {
        self.mss = mss;
        let full = self.full_segment();
        self.congestion.on_mss(full);
        let (conn, mtu) = (self.conn, mss.mtu(self.ends.remote.ip()));
        cx.emit(|| Event::PathMtu { conn, mtu, mss: full, by });
    }

    /// A probe of the old size, if it is time for one, and there is enough to send and room for it.
    pub(in crate::tcp) fn plan_path_probe(&self, room: u32) -> Option<Plan> {
        let BlackHole { before, wait, probe, lost } = self.black_hole;
        let larger = u32::from(before?.bytes() - self.mss.bytes()) + self.segment_size();
        let fits = larger <= room && self.snd.unsent() >= larger + FOLLOWERS * self.segment_size();
        let time = probe.is_none()
            && lost < MAX_PROBES
            && self.snd.place_of(self.snd.una) >= wait
            && self.loss.mode() == Mode::Open;
        (fits && time).then(|| {
            Plan::Send(Transmission {
                seq: self.snd.nxt,
                len: larger,
                segment_size: larger as u16,
                flags: Flags::default(),
                again: false,
                why: Why::PathMtuProbe,
            })
        })
    }

    /// The probe has been sent, at this place.
    pub(in crate::tcp) fn path_probe_sent(&mut self, place: u64, len: u32) {
        self.black_hole.probe = Some((place, place + u64::from(len)));
    }

    /// `len` octets at this place go again: so the probe is lost, if it is among them.
    pub(in crate::tcp) fn path_probe_again(&mut self, place: u64, len: u32) {
        let again = place..place + u64::from(len);
        if self.black_hole.probe.is_some_and(|(start, end)| start < again.end && again.start < end)
        {
            self.black_hole.probe = None;
            self.black_hole.lost += 1;
            self.black_hole.wait = self.snd.place_of(self.snd.nxt);
        }
    }

    /// Whether the probe is all that was found lost: that says nothing of congestion (RFC 4821 7.5).
    pub(in crate::tcp) fn only_path_probe_lost(&self) -> bool {
        self.black_hole.probe.is_some_and(|(start, end)| {
            self.scoreboard.next_lost().is_some_and(|(lost, _)| lost == start)
                && u64::from(self.scoreboard.lost()) <= end - start
        })
    }

    /// More has arrived: the probe too, which shows that it was not the size?
    pub(in crate::tcp) fn path_probe_answered(&mut self, cx: &mut Context<'_>) {
        let BlackHole { before: Some(before), probe: Some((_, end)), .. } = self.black_hole else {
            return;
        };
        if self.snd.place_of(self.snd.una) >= end {
            self.black_hole = BlackHole::default();
            self.change_mss(cx, before, MtuBy::Probe);
        }
    }

    /// A router has said how large packets may be; there is nothing left to find out.
    pub(in crate::tcp) fn size_is_known(&mut self) {
        self.black_hole = BlackHole::default();
    }
}

#[cfg(test)]
mod tests;
