//! What a segment says of explicit congestion notification (RFC 3168 6.1), in its own header and in that of
//! IP.

use crate::event::State;
use crate::tcp::Ecn;
use crate::tcp::output::Transmission;
use crate::tcp::tcb::Tcb;
use crate::wire::ip;
use crate::wire::tcp::{Flags, Segment};

impl Tcb {
    /// Adds it to the header of what is being sent. Only new data may be marked by routers: not SYNs and
    /// pure acknowledgments, which nobody would answer for, and not what was or will be sent more than
    /// once (RFC 3168 6.1.1, 6.1.4, 6.1.5, 6.1.6).
    pub(super) fn add_ecn(&mut self, plan: &Transmission, header: &mut Segment) {
        if header.rst() {
            return;
        }
        if header.syn() {
            header.flags |= self.syn_ecn();
            return self.ecn.negotiation.sent(header.flags);
        }
        if self.ecn.owes_ece() {
            header.flags |= Flags::ECE;
        }
        if plan.len > 0 && !plan.again && self.ecn.negotiation.may_be_marked() {
            header.ecn = ip::ECT_0;
            if self.ecn.take_cwr() {
                header.flags |= Flags::CWR;
            }
        }
    }

    /// The flags on our SYN. One that was not answered goes again without, for a path may drop it because
    /// of them (RFC 3168 6.1.1.1).
    fn syn_ecn(&self) -> Flags {
        if self.state != State::SynSent {
            self.ecn.negotiation.answer()
        } else if self.config.ecn == Ecn::Request && self.timeouts == 0 {
            Flags::ECE | Flags::CWR
        } else {
            Flags::default()
        }
    }
}

#[cfg(test)]
mod tests;
