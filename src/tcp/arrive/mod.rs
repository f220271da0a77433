//! SEGMENT ARRIVES (RFC 9293 3.10.7): one screen, in the RFC's order.
//!
//! Each step either passes the segment on or gives an `Err(Discard)`, which the stack handles at one
//! place. An acknowledgment that is owed is only noted; it is built after the whole batch, or before the
//! next segment ([`Tcb::acknowledge_apart`]).

mod ack;
pub mod closed;
mod duplicates;
mod ecn_echo;
mod fast_open;
mod fin;
pub mod follow;
pub mod listen;
pub(in crate::tcp) mod news;
mod recover;
mod reset;
mod sequence;
mod syn_sent;
mod text;

use crate::context::Context;
use crate::event::{Refusal, State, Why};
use crate::tcp::discard::{Discard, Reply};
use crate::tcp::tcb::Tcb;
use crate::wire::tcp::{Flags, Segment};

pub(crate) use sequence::InWindow;

impl Tcb {
    /// Processes a segment addressed to this connection (RFC 9293 3.10.7.3 and 3.10.7.4). The third
    /// step, security and compartment, is obsolete.
    pub fn segment_arrives(
        &mut self,
        cx: &mut Context<'_>,
        segment: &mut Segment,
    ) -> Result<(), Discard> {
        self.totals.segments_in = self.totals.segments_in.wrapping_add(1);
        if self.state == State::SynSent {
            return self.segment_arrives_in_syn_sent(cx, segment);
        }
        if self.opening.is_some() && self.take_syn_again(cx, segment) {
            return Ok(());
        }
        let mut segment = self.check_sequence(cx, segment)?; // first
        self.last_heard = cx.now;
        self.keepalives = 0;
        if self.check_reset(cx, &segment)? {
            return Ok(()); // second
        }
        self.check_syn(&segment)?; // fourth
        self.process_ack(cx, &segment)?; // fifth
        if self.state == State::Closed {
            return Ok(()); // our last FIN was acknowledged
        }
        if segment.flags.contains(Flags::URG) {
            self.process_urgent(&segment); // sixth
        }
        self.process_text(cx, &mut segment)?; // seventh
        self.process_fin(cx, &segment); // eighth
        Ok(())
    }

    /// Owes the peer the acknowledgment that a refusal asks for; a reset is the caller's to send.
    pub fn answer(&mut self, cx: &mut Context<'_>, reply: Reply) {
        match reply {
            Reply::Ack => {
                // It has lost our acknowledgments, or text that it will now send again.
                self.ack.enter_quick(&self.config, self.rcv.window());
                self.ack.now(Why::AckNow);
            }
            Reply::Challenge if self.challenge.allow(cx.now) => self.ack.now(Why::Challenge),
            Reply::Challenge => cx.refuse(Some(self.conn), Refusal::ChallengeLimited, None),
            Reply::Nothing | Reply::Reset(_) => {}
        }
    }
}
