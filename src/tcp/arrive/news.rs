//! What an acknowledgment tells of what was sent: gathered from its number and its SACK blocks before
//! anything is done about it.

use crate::context::Context;
use crate::event::Refusal;
use crate::tcp::scoreboard::Delivery;
use crate::tcp::tcb::Tcb;
use crate::time::{Duration, Instant};
use crate::wire::SeqNum;
use crate::wire::tcp::Segment;
use crate::wire::tcp_options::SackBlock;

/// It.
#[derive(Clone, Debug, Default)]
pub(in crate::tcp) struct News {
    /// What has arrived.
    pub(super) delivery: Delivery,
    /// Bytes in flight before it.
    pub(super) prior_in_flight: u32,
    /// Bytes outstanding before it, arrived out of order or not (FlightSize, RFC 5681 2).
    pub(super) flight_size: u32,
    /// Bytes of text newly acknowledged in order.
    pub(super) acked: u32,
    /// SND.UNA has advanced.
    pub(super) advanced: bool,
    /// The round trip of what was sent last of what has arrived, if that was sent only once.
    pub(super) rtt: Option<Duration>,
    /// Places that the peer has got twice (RFC 2883).
    pub(super) dsack: Option<(u64, u64)>,
    /// It echoes a mark of congestion (RFC 3168 6.1.3).
    pub(super) ece: bool,
}

impl Tcb {
    /// Before it is looked at.
    pub(super) fn news(&self, now: Instant, segment: &Segment) -> News {
        News {
            ece: !segment.syn() && self.ecn.is_echo(segment.flags),
            delivery: self.scoreboard.delivery(now - self.rtt.min()),
            prior_in_flight: self.in_flight(),
            flight_size: self.snd.outstanding(),
            ..News::default()
        }
    }

    /// Enters SACK blocks on the scoreboard (RFC 2018 5).
    pub(super) fn take_sack(
        &mut self,
        cx: &mut Context<'_>,
        segment: &Segment,
        ack: SeqNum,
        news: &mut News,
    ) {
        let blocks = &segment.options.sack;
        let (una, nxt) = (self.snd.una, self.snd.nxt);
        let mut blocks = blocks.iter().copied();
        if let Some(first) = segment.options.sack.first().filter(|first| {
            let second = segment.options.sack.get(1);
            self.is_dsack(first, second, ack)
        }) {
            news.dsack = Some((self.snd.place_of(first.left), self.snd.place_of(first.right)));
            self.totals.dsacks = self.totals.dsacks.saturating_add(1);
            blocks.next();
        }
        let new = |block: &SackBlock| {
            block.left.before(block.right)
                && block.left.at_or_after(una)
                && block.right.at_or_before(nxt)
        };
        for block in blocks.filter(new) {
            let (start, end) = (self.snd.place_of(block.left), self.snd.place_of(block.right));
            if !self.scoreboard.sack(start, end, &mut news.delivery) {
                cx.refuse(Some(self.conn), Refusal::SackTooFine, None);
            }
        }
    }

    /// RFC 2883 4: what it reports to have arrived twice lies below the acknowledgment number, or in the
    /// second block. What cannot have been in flight is made up.
    fn is_dsack(&self, first: &SackBlock, second: Option<&SackBlock>, ack: SeqNum) -> bool {
        let within = second.is_some_and(|second| {
            second.left.at_or_after(self.snd.una)
                && second.left.at_or_before(first.left)
                && first.right.at_or_before(second.right)
                && second.right.at_or_before(self.snd.nxt)
        });
        first.left.before(first.right)
            && (first.right.at_or_before(ack) || within)
            && first.right - first.left <= self.snd.max_wnd
    }
}
