//! Packets as an observer sees them that wants them, each with what its connection thinks.

use crate::event::{ConnId, Glance, PacketView, Refusal, State, Why};
use crate::stack::{Environment, Stack};
use crate::tcp::Tcb;
use crate::wire::{Burst, Packet};

/// What is shown beside a packet that goes out.
#[derive(Debug)]
pub(super) struct Shown {
    /// The connection that sends it, if one does.
    pub(super) glance: Option<Glance>,
    /// Whose segment it is, the state after it, and why it is sent.
    pub(super) sent: Option<(Option<ConnId>, State, Why)>,
}

impl Shown {
    /// What a connection thinks that sends something for this reason.
    pub(super) fn of(tcb: &Tcb, why: Why) -> Shown {
        let glance = tcb.glance();
        Shown { sent: Some((Some(glance.conn), glance.state, why)), glance: Some(glance) }
    }
}

/// Whom a packet was for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Touched {
    /// Its number.
    pub(super) conn: ConnId,
    /// Its state after the packet.
    pub(super) state: State,
    /// What it thinks, if it is more than a record.
    pub(super) glance: Option<Glance>,
}

impl Environment {
    /// Shows a packet that goes out, to who wants packets.
    pub(super) fn show_sent(&mut self, burst: &Burst, shown: Option<&Shown>) {
        if let Some(shown) = shown
            && let Some(observer) = self.observer.as_mut().filter(|_| self.shows_packets)
        {
            let (glance, sent) = (shown.glance.as_ref(), shown.sent);
            observer.packet(self.now, &PacketView::Sent { burst, glance, sent });
        }
    }

    /// Notes whom the packet was for that is being processed: a record of a connection.
    pub(super) fn touch(&mut self, conn: ConnId, state: State) {
        if self.shows_packets {
            self.touched = Some(Touched { conn, state, glance: None });
        }
    }
}

impl Stack {
    /// Processes one packet as [`Stack::receive_packet`] does, and shows it if somebody wants to see it, unless it goes on
    /// to another stack.
    pub(super) fn receive_and_show(&mut self, packet: Packet, seen: u64) {
        if !self.env.shows_packets {
            return self.receive_packet(packet, seen);
        }
        let (copy, strays) = (packet.clone(), self.strays.len());
        let before = self.env.counters.refusals.clone();
        self.env.touched = None;
        self.receive_packet(packet, seen);
        if self.strays.len() > strays {
            return;
        }
        let env = &mut self.env;
        let after = &env.counters.refusals;
        let mut reasons = Refusal::ALL.iter().copied();
        let refused = reasons.find(|&reason| after.of(reason) > before.of(reason));
        let touched = env.touched.take();
        if let Some(observer) = &mut env.observer {
            let glance = touched.as_ref().and_then(|touched| touched.glance.as_ref());
            let conn = touched.map(|touched| (touched.conn, touched.state));
            observer
                .packet(env.now, &PacketView::Received { packet: &copy, conn, glance, refused });
        }
    }
}
