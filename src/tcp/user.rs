//! The user calls (RFC 9293 3.10.1-3.10.6), without a table and without blocking.

use std::sync::Arc;

use bytes::Bytes;

use crate::context::{Context, Memory};
use crate::event::{Cause, ConnId, State, TimerKind, Why};
use crate::tcp::ack_policy::Due;
use crate::tcp::congestion::{Algorithm, Controller};
use crate::tcp::isn::Secrets;
use crate::tcp::mss::Mss;
use crate::tcp::rcv::ReceiveSpace;
use crate::tcp::snd::{Hold, MAX_BURST};
use crate::tcp::tcb::{Attachment, Endpoints, Tcb, TimestampState};
use crate::tcp::window_scale::WindowScale;
use crate::tcp::{Config, Error};
use crate::time::{Duration, Instant};
use crate::wire::SeqNum;
use crate::wire::tcp_options::Options;

/// The send buffer when there is hardly any memory left, in bytes: a page, as in Linux. It is not nothing,
/// because whoever waits for room is woken by an acknowledgment.
const LEAST_SEND_BUFFER: u32 = 4096;

/// How something is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendFlags {
    /// More is to come, so what does not fill a segment waits (MSG_MORE).
    pub more: bool,
    /// The last octet is urgent (MSG_OOB, RFC 9293 3.8.5). New applications should not use it (RFC 6093 5).
    pub urgent: bool,
}

/// What became of a read or a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Not now; the caller will be told.
    WouldBlock,
    /// The sending half is closed.
    Closed,
    /// There is no urgent data that could be read by itself.
    NotUrgent,
    /// The connection ended with this.
    Failed(Error),
}

impl Tcb {
    /// OPEN, active (RFC 9293 3.10.1): the SYN goes out with the next transmission.
    pub fn connect(
        cx: &mut Context<'_>,
        conn: ConnId,
        ends: Endpoints,
        config: Arc<Config>,
        secrets: &Secrets,
        own_mss: Mss,
    ) -> Box<Self> {
        let (iss, timestamp_offset) = secrets.initial_numbers(cx.now, ends.local, ends.remote);
        let mut tcb = Tcb::new(conn, ends, config, iss, own_mss, cx.now);
        tcb.timestamp_offset = timestamp_offset;
        tcb.timestamps =
            tcb.config.timestamps.then_some(TimestampState { recent: 0, renewed: cx.now });
        tcb.enter(cx, State::SynSent, Cause::Connect);
        tcb
    }

    /// Whether the application may still write.
    pub fn can_send(&self) -> bool {
        !self.snd.closed
            && matches!(
                self.state,
                State::SynSent | State::SynReceived | State::Established | State::CloseWait
            )
    }

    fn check_send(&self) -> Result<(), Refused> {
        match self.error {
            Some(error) => Err(Refused::Failed(error)),
            None if self.can_send() => Ok(()),
            None => Err(Refused::Closed),
        }
    }

    /// How many bytes can be written now.
    pub fn send_room(&self) -> usize {
        self.snd.buffer.room(self.send_limit())
    }

    /// Most bytes kept that were written and not yet acknowledged, as it is tuned now.
    pub fn send_limit(&self) -> u32 {
        self.send_limit.min(self.config.send_buffer)
    }

    /// The limit for a write. The first one decides what goes with a SYN that has waited for it, and takes no more.
    fn write_limit(&mut self) -> u32 {
        match self.opening.as_mut().filter(|opening| opening.deferred) {
            Some(opening) => {
                opening.deferred = false;
                self.snd.syn_pending = true;
                self.send_limit().min(self.opening_room())
            }
            None => self.send_limit(),
        }
    }

    /// The send buffer follows the congestion window (as Linux's tcp_sndbuf_expand): what is in flight
    /// stays until it is acknowledged, and while a loss is repaired as much again should be able to go.
    pub fn tune_send_buffer(&mut self, memory: Memory) {
        let (initial, max) = (self.config.first_send_buffer(), self.config.send_buffer);
        let cwnd = self.congestion.window();
        self.send_limit = match memory {
            Memory::Plenty => self.send_limit.max(initial).max(cwnd.saturating_mul(2)).min(max),
            Memory::Scarce => initial,
            Memory::Exhausted => initial.min(LEAST_SEND_BUFFER),
        };
        if memory != Memory::Plenty {
            self.snd.buffer.drop_spare();
        }
    }

    /// SEND: copies from `data` what there is room for.
    pub fn send(&mut self, data: &[u8]) -> Result<usize, Refused> {
        self.send_with(data, SendFlags::default())
    }

    /// The same in another way.
    pub fn send_with(&mut self, data: &[u8], flags: SendFlags) -> Result<usize, Refused> {
        self.check_send()?;
        let most = self.send_capacity();
        let taken = self.snd.buffer.push(data, most);
        self.written(taken, data.len() - taken, flags)
    }

    /// SEND without a copy: splits off the front of `data` what there is room for.
    pub fn send_bytes(&mut self, data: &mut Bytes) -> Result<usize, Refused> {
        self.check_send()?;
        let most = self.send_capacity();
        let taken = self.snd.buffer.push_bytes(data, most);
        self.written(taken, data.len(), SendFlags::default())
    }

    /// `taken` bytes were taken from a write and `left` not.
    fn written(&mut self, taken: usize, left: usize, flags: SendFlags) -> Result<usize, Refused> {
        if taken > 0 {
            self.snd.written(flags.more && left == 0);
            if flags.urgent && left == 0 {
                self.urge();
            }
        }
        match taken {
            0 if left > 0 => Err(Refused::WouldBlock),
            _ => Ok(taken),
        }
    }

    /// The most that may be held now of what is written.
    fn send_capacity(&mut self) -> u32 {
        let limit = self.write_limit();
        match self.config.notsent_low {
            Some(low) => limit.min(self.snd.buffer.charge().saturating_add(self.unsent_room(low))),
            None => limit,
        }
    }

    /// How many bytes may be written until `low` wait to be sent beside those that go at once. It is rounded up
    /// to whole bursts, as Linux looks only when it begins one.
    fn unsent_room(&self, low: u32) -> u32 {
        let size = self.segment_size();
        let burst = (self.snd.max_wnd / 2).min(MAX_BURST).max(size) / size * size;
        let going = self.snd.window_left().min(self.congestion_room()) / size * size;
        let most = low.div_ceil(burst).saturating_mul(burst).saturating_add(going);
        most.saturating_sub(self.snd.unsent())
    }

    /// Whether a writer that waits should look again: there is a fair amount of room, and not too much waits to
    /// be sent for the first time; or there will never be any.
    pub fn is_writable(&self) -> bool {
        if !self.can_send() {
            return true;
        }
        let low = self.config.notsent_low.unwrap_or(u32::MAX);
        let waiting = if low == u32::MAX { 0 } else { self.snd.unsent() };
        self.send_room() >= self.send_limit() as usize / 3 && waiting.saturating_mul(2) < low
    }

    /// What is held back for company goes now (as Linux, when Nagle's algorithm is turned off).
    pub fn push(&mut self) {
        self.snd.hold = Hold::Push;
    }

    /// Whether a read would give something: data, the end of the stream, or an error.
    pub fn can_receive(&self) -> bool {
        self.has_text() || self.at_end()
    }

    /// Whether text waits to be read.
    pub fn has_text(&self) -> bool {
        match self.urgent {
            None => !self.rcv.buffer.is_empty(),
            Some(_) => self.readable().1 > 0,
        }
    }

    /// Bytes of text that are kept to be read, urgent ones that a read passes over included.
    pub fn held(&self) -> u32 {
        self.rcv.buffer.len() as u32
    }

    /// Bytes of text that wait to be read in one piece.
    pub fn next_chunk_len(&self) -> usize {
        if self.has_text() { self.rcv.buffer.front_len() } else { 0 }
    }

    /// Whether no more data will ever arrive, or nobody is to wait for it.
    fn at_end(&self) -> bool {
        self.rcv.finished
            || self.is_read_shut()
            || matches!(self.state, State::Closed | State::TimeWait)
    }

    /// Whether the application has shut down its reading half.
    pub fn is_read_shut(&self) -> bool {
        self.attachment != Attachment::Attached
    }

    /// The application does not want to wait for text any more: a read gives what has arrived, then the end. The
    /// peer is not told, and what it sends is acknowledged, as in Linux; only when nothing more is to be sent
    /// either, text is answered with a reset (RFC 1122 4.2.2.13).
    pub fn shutdown_read(&mut self) {
        if self.attachment == Attachment::Attached {
            self.attachment = Attachment::ReadShut;
        }
    }

    /// RECEIVE: the next bytes, at most `max`; empty at the end of the stream. It stops before urgent data.
    pub fn receive(&mut self, max: usize) -> Result<Bytes, Refused> {
        let max = if self.urgent.is_some() {
            self.skip_urgent();
            max.min(self.readable().1)
        } else {
            max
        };
        if let Some(chunk) = if max > 0 { self.rcv.buffer.pop(max) } else { None } {
            if self.urgent.is_some() {
                self.pass_mark();
            }
            let (capacity, mss) = (self.receive_tuning.capacity(), self.own_mss.bytes());
            if self.can_take_text() && self.rcv.should_update(capacity, mss.into()) {
                self.ack.now(Why::WindowUpdate);
            }
            if self.rcv.buffer.is_empty() {
                self.ack.drained(&self.config);
            }
            return Ok(chunk);
        }
        self.check_end().map(|()| Bytes::new())
    }

    /// [`Tcb::receive`] that leaves the bytes where they are: copies as many to `buf` as there are
    /// and fit. `Ok(0)` is the end of the stream, unless `buf` is empty.
    pub fn peek(&self, buf: &mut [u8]) -> Result<usize, Refused> {
        if !self.has_text() {
            return self.check_end().map(|()| 0);
        }
        let (skipped, len) = self.readable();
        let len = len.min(buf.len());
        Ok(self.rcv.buffer.peek(skipped, &mut buf[..len]))
    }

    /// What a read gives when no bytes wait: the end of the stream, or why it is not that.
    pub(super) fn check_end(&self) -> Result<(), Refused> {
        match self.error {
            _ if !self.at_end() => Err(Refused::WouldBlock),
            Some(error) if !self.rcv.finished => Err(Refused::Failed(error)),
            _ => Ok(()),
        }
    }

    /// Why the connection ended, when it did not end well and this was not asked before (SO_ERROR).
    pub fn take_error(&mut self) -> Option<Error> {
        let error = self.pending_error();
        self.error_taken |= error.is_some();
        error
    }

    /// The same without taking it.
    pub fn pending_error(&self) -> Option<Error> {
        self.error.filter(|_| !self.error_taken)
    }

    /// Whether all that was written, and the end of it, was acknowledged, or never will be.
    pub fn is_finished(&self) -> bool {
        self.snd.fin_acked() || matches!(self.state, State::Closed | State::TimeWait)
    }

    /// Whether the peer has ended its half, and all before that has arrived.
    pub fn is_peer_finished(&self) -> bool {
        self.rcv.finished
    }

    /// Bytes of text that have arrived in order.
    pub fn bytes_arrived(&self) -> u64 {
        self.rcv.offset
    }

    /// Bytes that were written and are not acknowledged, the end of the stream counted as one.
    pub fn unacknowledged(&self) -> u32 {
        let fin = self.snd.closed && !self.snd.fin_acked() && self.state != State::Closed;
        self.snd.buffer.len() as u32 + u32::from(fin)
    }

    /// Bytes that were written and never sent, the end of the stream counted as one.
    pub fn unsent(&self) -> u32 {
        match self.state {
            State::Closed => 0,
            _ => self.snd.unsent() + u32::from(self.snd.fin_unsent()),
        }
    }

    /// Whether acknowledgments go at once as long as that helps the peer, not with answers (TCP_QUICKACK).
    pub fn quick_ack(&self) -> bool {
        !self.ack.is_interactive()
    }

    /// Has them go at once, what is owed now first, or with answers; what the application does may change that
    /// again soon, as in Linux.
    pub fn set_quick_ack(&mut self, quick: bool) {
        self.ack.set_interactive(!quick);
    }

    /// Whether an acknowledgment is due now.
    pub fn owes_acknowledgment(&self) -> bool {
        matches!(self.ack.due(), Due::Now(_))
    }

    /// Whether the peer may still send text.
    pub(crate) fn can_take_text(&self) -> bool {
        matches!(self.state, State::Established | State::FinWait1 | State::FinWait2)
    }

    /// CLOSE of the sending half (RFC 9293 3.10.4): a FIN follows what was written.
    pub fn shutdown_write(&mut self, cx: &mut Context<'_>) {
        let next = match self.state {
            State::Established | State::SynReceived => State::FinWait1,
            State::CloseWait => State::LastAck,
            State::SynSent => return self.finish(cx, Cause::UserClose, Some(Error::Aborted)),
            _ => return,
        };
        self.snd.closed = true;
        self.enter(cx, next, Cause::UserClose);
    }

    /// The application lets go of both halves: CLOSE, or ABORT when data is unread
    /// (RFC 2525 2.17, RFC 9293 3.6.1 [MAY-1]) or linger is zero.
    pub fn close(&mut self, cx: &mut Context<'_>) {
        self.attachment = Attachment::Detached;
        if self.state == State::Closed {
            return;
        }
        let unread = !self.rcv.buffer.is_empty() || self.rcv.has_gap();
        if unread || self.config.linger == Some(Duration::ZERO) {
            return self.abort(cx, Cause::UserAbort);
        }
        if !self.snd.closed {
            self.shutdown_write(cx);
        }
        if self.state == State::FinWait2 {
            self.arm_fin_wait_2(cx.now);
        } else if let Some(linger) = self.config.linger
            && !matches!(self.state, State::Closed | State::TimeWait)
        {
            self.timers.arm(TimerKind::Close, cx.now + linger);
        }
    }

    /// Nobody will read what may still come: do not wait for the peer's FIN for ever.
    pub(crate) fn arm_fin_wait_2(&mut self, now: Instant) {
        self.timers.arm(TimerKind::Close, now + self.config.fin_wait_2_timeout);
    }

    /// ABORT (RFC 9293 3.10.5). In TIME-WAIT there is nothing left to abort: a record of the stack
    /// waits there, for the sake of later connections (RFC 1337).
    pub fn abort(&mut self, cx: &mut Context<'_>, cause: Cause) {
        if !matches!(self.state, State::Closed | State::TimeWait) {
            self.reset(cx, cause, Some(Error::Aborted));
        }
    }

    /// Changes settings, and does what follows from that.
    pub fn configure(&mut self, cx: &mut Context<'_>, change: impl FnOnce(&mut Config)) {
        let Config { keepalive, cork, .. } = *self.config;
        change(Arc::make_mut(&mut self.config));
        self.tune_send_buffer(Memory::Plenty);
        if cork && !self.config.cork {
            self.snd.hold = Hold::Usual;
        }
        if keepalive != self.config.keepalive {
            self.restart_keepalive(cx.now);
        }
        self.use_congestion_control(cx, self.config.congestion);
    }

    /// An idle connection is probed at other times from now on, or not any more.
    fn restart_keepalive(&mut self, now: Instant) {
        self.keepalives = 0;
        match self.config.keepalive {
            // A connection that is not open yet begins to wait when it is.
            Some(keepalive)
                if !matches!(self.state, State::SynSent | State::SynReceived | State::Closed) =>
            {
                let at = (self.last_heard + keepalive.idle).max(now);
                self.timers.arm(TimerKind::Keepalive, at);
            }
            _ => self.timers.cancel(TimerKind::Keepalive),
        }
    }

    /// Changes what moves the congestion window, as TCP_CONGESTION does: from the beginning, or in the
    /// middle with the window and the threshold that there are. A recovery that is going on is finished.
    fn use_congestion_control(&mut self, cx: &mut Context<'_>, algorithm: Algorithm) {
        if self.congestion.algorithm() == algorithm || self.state == State::Closed {
            return;
        }
        let mut successor = Controller::new(algorithm, self.full_segment(), self.config.profile);
        if self.state != State::SynSent {
            successor.adopt(self.congestion.window(), self.congestion.ssthresh());
        }
        self.congestion = successor;
        // Whatever is being repaired goes on under the new window.
        self.selective.prr = None;
        self.emit_window(cx);
    }

    /// Takes over what the two SYNs agreed on; called once, when the peer's SYN is known. Ours was sent again
    /// `syns_again` times.
    pub(crate) fn negotiate(&mut self, peer: &Options, now: Instant, syns_again: u8) {
        self.mss = Mss::negotiated(peer.mss, self.own_mss);
        self.sack = self.sack && peer.sack_permitted;
        self.timestamps = peer
            .timestamps
            .filter(|_| self.config.timestamps)
            .map(|ts| TimestampState { recent: ts.tsval, renewed: now });
        match peer.window_scale.filter(|_| self.config.window_scaling) {
            Some(shift) => self.snd.scale = WindowScale::announced(shift),
            None => {
                self.snd.scale = WindowScale::NONE;
                self.rcv.scale = WindowScale::NONE;
            }
        }
        let mss = self.full_segment();
        self.congestion.on_handshake(mss);
        if syns_again > 1 {
            // RFC 5681 3.1: a segment, though not for the first, which may only have been late (RFC 6928 2).
            self.congestion.adopt(mss, None);
        }
    }

    /// The peer's SYN with sequence number `irs` was accepted.
    pub(crate) fn synchronize(&mut self, irs: SeqNum) {
        self.rcv = ReceiveSpace::new(irs, self.rcv.scale);
    }
}

#[cfg(test)]
mod tests;
