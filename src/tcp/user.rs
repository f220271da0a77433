//! The user calls (RFC 9293 3.10.1-3.10.6), without a table and without blocking.

use std::sync::Arc;

use bytes::Bytes;

use crate::context::{Context, Memory};
use crate::event::{Cause, ConnId, State, TimerKind, Why};
use crate::tcp::ack_policy::Due;
use crate::tcp::congestion::{self, Algorithm};
use crate::tcp::isn::Secrets;
use crate::tcp::mss::Mss;
use crate::tcp::rcv::ReceiveSpace;
use crate::tcp::tcb::{Attachment, Endpoints, Tcb, TimestampState};
use crate::tcp::window_scale::WindowScale;
use crate::tcp::{Config, Error};
use crate::time::{Duration, Instant};
use crate::wire::SeqNum;
use crate::wire::tcp_options::Options;

/// The send buffer when there is hardly any memory left, in bytes: a page, as in Linux. It is not nothing,
/// because whoever waits for room is woken by an acknowledgment.
const LEAST_SEND_BUFFER: u32 = 4096;

/// What became of a read or a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Not now; the caller will be told.
    WouldBlock,
    /// The sending half is closed.
    Closed,
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
        tcb.timestamps = Some(TimestampState { recent: 0, renewed: cx.now });
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
        self.check_send()?;
        let limit = self.write_limit();
        match self.snd.buffer.push(data, limit) {
            0 if !data.is_empty() => Err(Refused::WouldBlock),
            taken => Ok(taken),
        }
    }

    /// SEND without a copy: splits off the front of `data` what there is room for.
    pub fn send_bytes(&mut self, data: &mut Bytes) -> Result<usize, Refused> {
        self.check_send()?;
        let limit = self.write_limit();
        match self.snd.buffer.push_bytes(data, limit) {
            0 if !data.is_empty() => Err(Refused::WouldBlock),
            taken => Ok(taken),
        }
    }

    /// Whether a read would give something: data, the end of the stream, or an error.
    pub fn can_receive(&self) -> bool {
        self.has_text() || self.at_end()
    }

    /// Whether text waits to be read.
    pub fn has_text(&self) -> bool {
        !self.rcv.buffer.is_empty()
    }

    /// Whether no more data will ever arrive.
    fn at_end(&self) -> bool {
        self.rcv.finished || matches!(self.state, State::Closed | State::TimeWait)
    }

    /// RECEIVE: the next bytes, at most `max`; empty at the end of the stream.
    pub fn receive(&mut self, max: usize) -> Result<Bytes, Refused> {
        if let Some(chunk) = self.rcv.buffer.pop(max) {
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
        if self.rcv.buffer.is_empty() {
            return self.check_end().map(|()| 0);
        }
        Ok(self.rcv.buffer.peek(buf))
    }

    /// What a read gives when no bytes wait: the end of the stream, or why it is not that.
    fn check_end(&self) -> Result<(), Refused> {
        match self.error {
            _ if !self.at_end() => Err(Refused::WouldBlock),
            Some(error) if !self.rcv.finished => Err(Refused::Failed(error)),
            _ => Ok(()),
        }
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

    /// Changes settings; keepalive starts anew.
    pub fn configure(&mut self, now: Instant, change: impl FnOnce(&mut Config)) {
        change(Arc::make_mut(&mut self.config));
        self.tune_send_buffer(Memory::Plenty);
        self.keepalives = 0;
        match self.config.keepalive {
            // A connection that is not open yet begins to wait when it is.
            Some(keepalive)
                if !matches!(self.state, State::SynSent | State::SynReceived | State::Closed) =>
            {
                self.timers.arm(TimerKind::Keepalive, now + keepalive.idle);
            }
            _ => self.timers.cancel(TimerKind::Keepalive),
        }
    }

    /// Changes what moves the congestion window, as TCP_CONGESTION does: from the beginning, or in the
    /// middle with the window and the threshold that there are. A recovery that is going on is finished.
    pub fn set_congestion_control(&mut self, cx: &mut Context<'_>, algorithm: Algorithm) {
        if self.config.congestion != algorithm {
            Arc::make_mut(&mut self.config).congestion = algorithm;
        }
        if self.congestion.algorithm() == algorithm || self.state == State::Closed {
            return;
        }
        let mut successor = congestion::new_controller(algorithm, self.full_segment());
        if self.state != State::SynSent {
            successor.adopt(self.congestion.window(), self.congestion.ssthresh());
        }
        self.congestion = successor;
        // Whatever is being repaired goes on under the new window.
        self.selective.prr = None;
        self.emit_window(cx);
    }

    /// Takes over what the two SYNs agreed on; called once, when the peer's SYN is known.
    pub(crate) fn negotiate(&mut self, peer: &Options, now: Instant) {
        self.mss = Mss::negotiated(peer.mss, self.own_mss);
        self.sack = self.sack && peer.sack_permitted;
        self.timestamps =
            peer.timestamps.map(|ts| TimestampState { recent: ts.tsval, renewed: now });
        match peer.window_scale {
            Some(shift) => self.snd.scale = WindowScale::announced(shift),
            None => {
                self.snd.scale = WindowScale::NONE;
                self.rcv.scale = WindowScale::NONE;
            }
        }
        let mss = self.full_segment();
        self.congestion.on_handshake(mss);
    }

    /// The peer's SYN with sequence number `irs` was accepted.
    pub(crate) fn synchronize(&mut self, irs: SeqNum) {
        self.rcv = ReceiveSpace::new(irs, self.rcv.scale);
    }
}

#[cfg(test)]
mod tests;
