//! Losses found and repaired by duplicate acknowledgments alone, as Tahoe, Reno and NewReno do it (RFC
//! 5681 3.2, RFC 6582).

use crate::context::Context;
use crate::event::{Event, LostBy, Reduction};
use crate::tcp::arrive::news::News;
use crate::tcp::congestion::{Ack, Signal};
use crate::tcp::loss::dupack::{Mode, Verdict};
use crate::tcp::tcb::Tcb;

impl Tcb {
    /// Something new was acknowledged. Whether the retransmission timer starts anew.
    pub(super) fn repair_by_duplicates(&mut self, cx: &mut Context<'_>, news: News) -> bool {
        let mss = self.segment_size();
        let recovering = self.loss.mode() != Mode::Open;
        let verdict = self.loss.on_new_ack(self.snd.una, news.acked, mss);
        let window = (self.congestion.window(), self.congestion.ssthresh());
        let mut restart = true;
        match verdict {
            Verdict::Partial { first } => {
                self.mark_first_lost(cx);
                restart = first;
            }
            Verdict::Recovered => {
                let in_flight = self.in_flight();
                self.congestion.on_recovered(cx.now, in_flight);
            }
            Verdict::Nothing | Verdict::Enter => {
                let window_limited = self.was_window_limited();
                let (acked, now, ece) = (news.acked, cx.now, news.ece);
                let recovering = self.ecn.answers_mark();
                let ack = Ack { now, acked, window_limited, recovering, ece, ..Ack::default() };
                self.congestion.on_ack(&ack);
            }
        }
        let changed = window != (self.congestion.window(), self.congestion.ssthresh());
        if changed || recovering != (self.loss.mode() != Mode::Open) {
            self.emit_window(cx);
        }
        restart
    }

    /// A duplicate acknowledgment arrived.
    pub(super) fn duplicate_ack(&mut self, cx: &mut Context<'_>, mut news: News) {
        let mss = self.segment_size();
        let verdict = self.loss.on_duplicate(self.snd.una, mss);
        if self.is_selective() {
            // One segment has arrived, nobody says which (RFC 6937 3).
            news.delivery.bytes = mss.min(self.snd.outstanding());
            return self.repair_unsaid(cx, verdict, news);
        }
        if verdict != Verdict::Enter {
            return;
        }
        let in_flight = self.in_flight().saturating_sub(self.loss.limited());
        if !self.ecn.answers_mark() {
            self.congestion.on_congestion(cx.now, in_flight, Signal::Loss);
        }
        self.ecn.reduced(self.snd.nxt, false);
        let conn = self.conn;
        cx.emit(|| Event::Reduced { conn, why: Reduction::Loss });
        self.loss.enter(self.congestion.recovery(), self.snd.una, self.snd.nxt);
        if self.loss.mode() == Mode::GoBackN {
            self.mark_all_lost(cx, LostBy::Duplicates);
        } else {
            self.mark_first_lost(cx);
        }
        self.emit_window(cx);
    }
}
