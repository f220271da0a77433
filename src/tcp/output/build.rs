//! Makes the planned segment and records that it was sent.

use bytes::Bytes;
use smallvec::SmallVec;

use crate::context::Context;
use crate::event::{Event, State, TimerKind, Why};
use crate::tcp::fast_open::SynText;
use crate::tcp::fault;
use crate::tcp::loss::tlp::Probe;
use crate::tcp::output::{Outgoing, Transmission};
use crate::tcp::rate::Snapshot;
use crate::tcp::tcb::Tcb;
use crate::tcp::window_scale::WindowScale;
use crate::time::Instant;
use crate::wire::tcp::{Flags, Segment};
use crate::wire::tcp_options::{Options, SackBlocks};

impl Tcb {
    pub(super) fn build(&mut self, cx: &mut Context<'_>, plan: Transmission) -> Outgoing {
        let mut payload = SmallVec::new();
        let plan = self.gather(plan, &mut payload);
        let mut header = self.header(cx, &plan);
        self.add_ecn(&plan, &mut header);
        self.count_segments(&plan);
        self.record_acknowledgment(&header);
        if plan.again {
            self.record_retransmission(cx, &plan);
        } else {
            self.record_new(cx, &plan);
        }
        if plan.flags.contains(Flags::SYN) || plan.len > 0 || plan.flags.contains(Flags::FIN) {
            self.arm_retransmission(cx.now);
            self.last_sent = cx.now;
        }
        let (sender, segment, packets) = (&*self, &header, plan.segments() as u16);
        let kept = move || sender.kept_sent(segment, plan.len, plan.why, packets);
        cx.emit_kept(kept, move || Event::Sent {
            conn: Some(sender.conn),
            state: sender.state,
            segment: sender.view_sent(segment, plan.len),
            why: plan.why,
            packets,
        });
        Outgoing {
            header,
            payload,
            payload_len: plan.len,
            segment_size: if plan.len > u32::from(plan.segment_size) {
                plan.segment_size
            } else {
                0
            },
            dont_fragment: self.dont_fragment,
            why: plan.why,
        }
    }

    /// Collects the text. When it lies in too many slices for one burst, less is sent.
    fn gather(&mut self, plan: Transmission, out: &mut SmallVec<[Bytes; 2]>) -> Transmission {
        if plan.len == 0 {
            return plan;
        }
        let offset = self.snd.offset_of(plan.seq);
        let got = self.snd.buffer.gather(offset, plan.len, out);
        if got == plan.len {
            return plan;
        }
        let size = u32::from(plan.segment_size);
        let len = if got > size { got / size * size } else { got };
        let mut surplus = got - len;
        while surplus > 0 {
            let Some(last) = out.last_mut() else { break };
            let cut = surplus.min(last.len() as u32);
            last.truncate(last.len() - cut as usize);
            surplus -= cut;
            if last.is_empty() {
                out.pop();
            }
        }
        let push = len > size && self.config.profile.pushes_bursts();
        let push = if push { Flags::PSH } else { Flags::default() };
        Transmission { len, flags: plan.flags.without(Flags::FIN | Flags::PSH) | push, ..plan }
    }

    fn header(&mut self, cx: &Context<'_>, plan: &Transmission) -> Segment {
        let syn = plan.flags.contains(Flags::SYN);
        let mut flags = plan.flags;
        let mut ack = Default::default();
        if self.state != State::SynSent {
            flags |= Flags::ACK;
            ack = self.rcv.nxt;
        }
        let window = if syn {
            // With the text of the peer's SYN some of it may be taken.
            let waiting = self.rcv.buffer.len() as u16;
            let offered = self.config.syn_window().saturating_sub(waiting);
            self.rcv.adv = self.rcv.adv.max(self.rcv.nxt + u32::from(offered));
            offered
        } else if plan.flags.contains(Flags::RST) {
            0
        } else {
            self.open_window(cx);
            self.rcv.window_field()
        };
        let control = Flags::SYN | Flags::RST;
        let urgent = match self.urgent {
            Some(_) if flags == flags.without(control) => self.urgent_pointer(plan.seq),
            _ => None,
        };
        if urgent.is_some() {
            flags |= Flags::URG;
        }
        Segment {
            src_port: self.ends.local.port(),
            dst_port: self.ends.remote.port(),
            seq: plan.seq,
            ack,
            flags,
            window,
            urgent: urgent.unwrap_or(0),
            options: if syn { self.syn_options(cx) } else { self.options(cx, plan) },
            ecn: 0,
            payload: Bytes::new(),
        }
    }

    /// Offers as much as there is room for, after a look at how fast the application reads.
    fn open_window(&mut self, cx: &Context<'_>) {
        let bounds = self.receive_bounds();
        let read = self.rcv.offset - self.rcv.buffer.len() as u64;
        self.receive_tuning.adapt(cx.now, read, bounds, cx.memory);
        self.rcv.open_window(self.receive_tuning.capacity(), bounds.mss);
    }

    /// The options of a SYN; those of a SYN-ACK answer what the SYN offered (RFC 7323 2.2).
    fn syn_options(&self, cx: &Context<'_>) -> Options {
        // After a SYN that did not offer scaling both are none.
        let scaled = self.snd.scale.max(self.rcv.scale) > WindowScale::NONE;
        let offers = self.state == State::SynSent && self.config.window_scaling;
        let offered_scale = offers || scaled;
        Options {
            mss: Some(self.own_mss.bytes()),
            window_scale: offered_scale.then_some(self.rcv.scale.shift()),
            sack_permitted: self.sack,
            timestamps: self.timestamps_option(cx.now),
            sack: SackBlocks::new(),
            fast_open: self.syn_option(),
            order: self.config.profile.option_order(),
        }
    }

    fn options(&self, cx: &Context<'_>, plan: &Transmission) -> Options {
        let reset = plan.flags.contains(Flags::RST);
        Options {
            timestamps: self.timestamps_option(cx.now),
            sack: if self.sack && !reset && !fault::NO_SACK {
                self.rcv.sack_blocks(self.max_sack_blocks())
            } else {
                SackBlocks::new()
            },
            ..Options::default()
        }
    }

    /// Whatever is sent acknowledges everything received so far.
    fn record_acknowledgment(&mut self, header: &Segment) {
        if header.flags.contains(Flags::ACK) {
            self.ack.sent(&self.config);
            self.timers.cancel(TimerKind::DelayedAck);
            self.rcv.last_ack_sent = header.ack;
            self.rcv.duplicate = None;
        }
    }

    fn count_segments(&mut self, plan: &Transmission) {
        let segments = plan.segments();
        let totals = &mut self.totals;
        totals.segments_out = totals.segments_out.wrapping_add(segments);
        if plan.len > 0 {
            totals.texts_out = totals.texts_out.wrapping_add(segments);
        }
    }

    fn record_retransmission(&mut self, cx: &mut Context<'_>, plan: &Transmission) {
        let len = plan.len + u32::from(plan.flags.contains(Flags::FIN));
        self.totals.retransmissions = self.totals.retransmissions.wrapping_add(plan.segments());
        self.totals.bytes_again += u64::from(plan.len);
        self.retransmitted_at = cx.now;
        let place = self.snd.place_of(plan.seq);
        let tsval = self.tsval(cx.now);
        if plan.why == Why::TailLossProbe {
            self.record_probe(cx.now, Some(place));
        } else if let Some(undo) = &mut self.selective.undo {
            undo.on_retransmission(place, place + u64::from(len));
        }
        self.selective.again_since.get_or_insert(tsval);
        self.path_probe_again(place, len);
        if plan.seq == self.snd.una && self.is_selective() {
            // What is waited for now is the answer to this (as Linux).
            self.timers.cancel(TimerKind::Retransmission);
        }
        self.record_in_flight(cx.now, place, len, plan);
    }

    /// A tail-loss probe is being sent: the timer for the rest starts anew (RFC 8985 7.3).
    fn record_probe(&mut self, now: Instant, again: Option<u64>) {
        self.selective.probe_due = false;
        self.selective.probe = Some(Probe { end: self.snd.place_of(self.snd.nxt), again });
        self.timers.cancel(TimerKind::Retransmission);
        self.arm_retransmission(now);
    }

    /// `len` octets of sequence space at `place` are in the network from now on.
    fn record_in_flight(&mut self, now: Instant, place: u64, len: u32, plan: &Transmission) {
        let in_flight = self.in_flight();
        let sent = self.delivery_rate.on_sent(now, in_flight, len);
        let segment_size = u32::from(plan.segment_size);
        // A burst has PSH in any case.
        let pushed = plan.flags.contains(Flags::PSH) && plan.len <= segment_size
            || self.snd.ends_write(self.snd.offset_of(self.snd.seq_at(place + u64::from(len))));
        let snapshot = Snapshot { segment_size, pushed, ..sent };
        let idle = in_flight == 0 && snapshot.app_limited;
        self.congestion.on_sent(now, in_flight, idle);
        self.scoreboard.on_sent(place, len, now, snapshot);
        if let Some(prr) = &mut self.selective.prr {
            prr.on_sent(len);
        }
        if let Some(rate) = self.pacing_rate() {
            self.pacer.on_sent(now, len, rate);
        }
    }

    fn record_new(&mut self, cx: &mut Context<'_>, plan: &Transmission) {
        let control = plan.flags;
        if control.contains(Flags::RST) {
            self.reset_pending = false;
        } else if control.contains(Flags::SYN) {
            self.record_syn(cx.now, plan);
        } else if plan.len > 0 || control.contains(Flags::FIN) {
            self.record_new_text(cx, plan);
        }
        if self.probe_pending.is_some() && !control.contains(Flags::SYN) {
            self.probe_pending = None;
        }
    }

    fn record_syn(&mut self, now: Instant, plan: &Transmission) {
        let again = matches!(
            plan.why,
            Why::HandshakeRetransmission(_) | Why::PathMtu | Why::HandshakeAnswer
        );
        if plan.len > 0 {
            self.record_in_flight(now, 1, plan.len, plan);
            self.totals.bytes_sent += u64::from(plan.len);
            self.syn_text = SynText::Sent;
        }
        self.snd.syn_pending = false;
        self.snd.nxt = self.snd.nxt.max(self.snd.iss + 1 + plan.len);
        self.totals.retransmissions += u32::from(again && plan.why != Why::HandshakeAnswer);
        self.syn_sent = (!again).then_some(now);
        self.retransmitted_at = now;
        if let Some(opening) = &mut self.opening {
            opening.syn_sent();
        }
    }

    fn record_new_text(&mut self, cx: &mut Context<'_>, plan: &Transmission) {
        let end = plan.seq + plan.len;
        let fin = plan.flags.contains(Flags::FIN);
        let place = self.snd.place_of(plan.seq);
        let len = plan.len + u32::from(fin);
        self.record_in_flight(cx.now, place, len, plan);
        self.snd.nxt = end;
        self.totals.bytes_sent += u64::from(plan.len);
        if plan.len > 0 {
            self.ack.text_sent(cx.now);
        }
        self.loss.on_new_data(plan.len);
        if !plan.len.is_multiple_of(plan.segment_size.into()) {
            self.snd.small_end = end;
        }
        if fin {
            self.snd.fin = Some(end);
            self.snd.nxt = end + 1;
        }
        match plan.why {
            Why::TailLossProbeNew => self.record_probe(cx.now, None),
            Why::PathMtuProbe => self.path_probe_sent(place, plan.len),
            _ => {}
        }
        self.schedule_probe(cx.now);
    }
}
