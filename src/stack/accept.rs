//! Listeners, half-open connections and the queue of those to accept.
//!
//! ```text
//!   SYN --> half-open record (SYN queue) --ACK--> control block in the accept queue --> accept()
//! ```
//!
//! Both queues are bounded by the backlog. A SYN that finds no room in the first is answered with a cookie ([`syn_cookies`](super::syn_cookies)); one
//! that finds none in the second is dropped, and so is an ACK
//! that would complete a handshake: the peer will send again (as Linux does it).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{self, Poll, Waker};

use crate::event::{Cause, Event, Refusal, State, Why};
use crate::flight::Kept;
use crate::stack::fast_open::FastQueue;
use crate::stack::offered::{OfferedKey, Released};
use crate::stack::readiness::Watch;
use crate::stack::time_wait::TimeWait;
use crate::stack::wakes::Wakes;
use crate::stack::wheel::TimerId;
use crate::stack::{BoundKey, ConnKey, HalfOpenKey, ListenerKey, Owner, SocketError, Stack, Token};
use crate::tcp::{self, CookieKeys, Endpoints, HalfOpen, Mss, Reply, Step};
use crate::time::Instant;
use crate::wire::tcp::Segment;
use crate::wire::tcp_options::FastOpen;

/// How often a SYN-ACK is sent again while the SYN queue is more than half full: under a flood the
/// queue is empty again after seconds, not minutes (as Linux does it).
const CROWDED_RETRANSMISSIONS: u8 = 1;
/// So few half-open connections are no flood, however small the queue is (as Linux).
const NO_CROWD: usize = 4;

/// A socket that listens.
#[derive(Debug)]
pub(super) struct Listener {
    local: SocketAddr,
    pub(super) backlog: usize,
    half_open: usize,
    /// Until when a SYN cookie may come back.
    pub(super) cookies_until: Option<Instant>,
    /// What its connections begin with; they share it until one is given settings of its own.
    pub(super) config: Arc<tcp::Config>,
    /// What the latest of its half-open connections holds, as long as one does.
    offered: Option<OfferedKey>,
    pub(super) queue: VecDeque<(ConnKey, SocketAddr)>,
    /// Those of them that were opened fast; `None`: none may be.
    pub(super) fast: Option<Box<FastQueue>>,
    /// Its own keys for cookies; otherwise they are the stack's.
    pub(super) cookie_keys: Option<Box<CookieKeys>>,
    pub(super) waker: Option<Waker>,
    pub(super) watch: Option<Box<Watch>>,
}

impl Listener {
    /// Whether there is a connection to accept.
    pub(super) fn has_connection(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The waker of whoever watches it.
    pub(super) fn watcher(&self) -> Option<&Option<Waker>> {
        self.watch.as_ref().map(|watch| &watch.waker)
    }

    /// There is one more to accept.
    pub(super) fn connection_arrived(
        &mut self,
        conn: ConnKey,
        remote: SocketAddr,
        wakes: &mut Wakes,
    ) {
        self.queue.push_back((conn, remote));
        wakes.add_for_connection(&mut self.waker);
        if let Some(watch) = &mut self.watch {
            watch.connection_arrived(wakes);
        }
    }

    fn wake_all(&mut self, wakes: &mut Wakes) {
        wakes.add(&mut self.waker);
        if let Some(watch) = &mut self.watch {
            wakes.add(&mut watch.waker);
        }
    }
}

/// A half-open connection with its timer: in the table 64 bytes, for a flood makes many of them.
#[derive(Debug)]
pub(super) struct HalfOpenEntry {
    pub(super) record: HalfOpen,
    /// Its listener, and what the SYN-ACK is made from.
    offered: OfferedKey,
    timer: TimerId,
}

impl Stack {
    /// Listens on `local`: one of our addresses, or the unspecified one for all; port 0 chooses an
    /// ephemeral port. At most `backlog` connections (at least one) wait to be accepted.
    pub fn listen(
        &mut self,
        local: SocketAddr,
        backlog: usize,
    ) -> Result<ListenerKey, SocketError> {
        self.listen_with(local, backlog, None)
    }

    /// The same with other settings than the stack's if given.
    pub fn listen_with(
        &mut self,
        local: SocketAddr,
        backlog: usize,
        config: Option<tcp::Config>,
    ) -> Result<ListenerKey, SocketError> {
        self.begin_to_listen(local, backlog, config, None)
    }

    /// The same for who has taken the address as `own`.
    pub(super) fn begin_to_listen(
        &mut self,
        mut local: SocketAddr,
        backlog: usize,
        config: Option<tcp::Config>,
        own: Option<BoundKey>,
    ) -> Result<ListenerKey, SocketError> {
        if self.closing {
            return Err(SocketError::StackGone);
        }
        if !local.ip().is_unspecified() && !self.routes.is_own(local.ip()) {
            return Err(SocketError::AddrNotAvailable);
        }
        if local.port() == 0 {
            let (demux, routes, bindings) = (&self.demux, &self.routes, &self.bindings);
            let is_free = |port| {
                let local = SocketAddr::new(local.ip(), port);
                demux.can_listen(local, routes.own()) && bindings.is_free(local, own)
            };
            let port = self.ports.choose(&self.secrets, local, local, is_free);
            local.set_port(port.ok_or(SocketError::Exhausted)?);
        } else if !self.demux.can_listen(local, self.routes.own())
            || !self.bindings.is_free(local, own)
        {
            return Err(SocketError::AddrInUse);
        }
        let key = self.listeners.insert(Listener {
            local,
            backlog: backlog.max(1),
            half_open: 0,
            cookies_until: None,
            config: config.map_or_else(|| self.tcp_config.clone(), Arc::new),
            offered: None,
            queue: VecDeque::new(),
            fast: self.config.fast_accept.map(|accept| Box::new(FastQueue::new(accept))),
            cookie_keys: None,
            waker: None,
            watch: None,
        });
        self.demux.insert_listener(local, key);
        Ok(key)
    }

    /// Where the listener listens.
    pub fn listener_addr(&self, key: ListenerKey) -> Option<SocketAddr> {
        self.listeners.get(key).map(|listener| listener.local)
    }

    /// The settings that its connections inherit.
    pub fn listener_config(&self, key: ListenerKey) -> Option<&tcp::Config> {
        self.listeners.get(key).map(|listener| &*listener.config)
    }

    /// Changes settings for connections whose handshake ends from now on; what a SYN says (buffers, segment
    /// size) holds for those whose SYN arrives from now on.
    pub fn configure_listener(
        &mut self,
        key: ListenerKey,
        change: impl FnOnce(&mut tcp::Config),
    ) -> Result<(), SocketError> {
        let listener = self.listeners.get_mut(key).ok_or(SocketError::StackGone)?;
        let said = |config: &tcp::Config| {
            (config.most_received(), config.window_scaling, config.timestamps, config.sack)
        };
        let before = said(&listener.config);
        change(Arc::make_mut(&mut listener.config));
        if said(&listener.config) != before {
            // What the cookies that are out have said holds no more.
            listener.cookies_until = None;
        }
        Ok(())
    }

    /// The next connection and who opened it.
    pub fn poll_accept(
        &mut self,
        key: ListenerKey,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<(ConnKey, SocketAddr), SocketError>> {
        let Some(listener) = self.listeners.get_mut(key) else {
            return Poll::Ready(Err(SocketError::StackGone));
        };
        if let Some(accepted) = listener.queue.pop_front() {
            return Poll::Ready(Ok(accepted));
        }
        self.wakes.register(&mut listener.waker, cx);
        Poll::Pending
    }

    /// Wakes whoever waits for a connection.
    pub(super) fn wake_listeners(&mut self) {
        for listener in self.listeners.values_mut() {
            listener.wake_all(&mut self.wakes);
        }
    }

    /// Stops listening. Connections not yet accepted are reset, half-open ones forgotten.
    pub fn close_listener(&mut self, key: ListenerKey) {
        let Some(mut listener) = self.listeners.remove(key) else {
            return;
        };
        self.demux.remove_listener(listener.local);
        listener.wake_all(&mut self.wakes);
        for (conn, _) in listener.queue {
            self.update_connection(conn, |tcb, cx| {
                tcb.abort(cx, Cause::UserAbort);
                tcb.close(cx);
            });
        }
        let of_listener = |(half, entry): (HalfOpenKey, &HalfOpenEntry)| {
            (self.offered.get(entry.offered).listener == key).then_some(half)
        };
        for half in self.half_open.iter().filter_map(of_listener).collect::<Vec<_>>() {
            self.forget_half_open(half, Cause::UserClose);
        }
    }

    /// A SYN for a listener. `replaces` is the record in TIME-WAIT whose place it takes.
    pub(super) fn receive_syn(
        &mut self,
        key: ListenerKey,
        ends: Endpoints,
        syn: &Segment,
        replaces: Option<TimeWait>,
    ) {
        let full = self.half_open.len() >= self.config.limits.syn_queue;
        let Some(listener) = self.listeners.get(key) else {
            return;
        };
        if listener.queue.len() >= listener.backlog {
            return self.refuse_segment(Refusal::AcceptQueueFull, ends);
        }
        if full || listener.half_open >= listener.backlog {
            return match replaces {
                // Its number would have to be beyond those of the connection before.
                None if self.config.syn_cookies => self.send_syn_cookie(key, ends, syn),
                _ => self.refuse_segment(Refusal::SynQueueFull, ends),
            };
        }
        let config = listener.config.clone();
        let verdict = self.judge_fast_open(key, ends, syn);
        self.env.counters.tcp_segments_accepted += 1;
        if !verdict.fast && !syn.payload.is_empty() {
            self.refuse_segment(Refusal::ListenText, ends);
        }
        let mut record = self.half_open_record(ends, syn, replaces);
        record.limit(&config);
        if verdict.fast {
            return self.open_fast(key, record, syn, verdict.option);
        }
        let half = self.insert_half_open(key, record, config);
        self.send_syn_ack(half, Why::Handshake, verdict.option);
    }

    /// Puts a record into the SYN queue of a listener.
    pub(super) fn insert_half_open(
        &mut self,
        listener: ListenerKey,
        record: HalfOpen,
        config: Arc<tcp::Config>,
    ) -> HalfOpenKey {
        let latest = self.listeners.get(listener).and_then(|listener| listener.offered);
        let offered = self.offered.hold(listener, config, latest);
        if let Some(listener) = self.listeners.get_mut(listener) {
            listener.half_open += 1;
            listener.offered = Some(offered);
        }
        let (wheel, ends) = (&mut self.wheel, record.ends());
        let half = self.half_open.insert_with_key(|half| HalfOpenEntry {
            record,
            offered,
            timer: wheel.insert(Token::HalfOpen(half)),
        });
        self.demux.insert(ends, Owner::HalfOpen(half));
        half
    }

    /// What a SYN makes, which observers are told of.
    fn half_open_record(
        &mut self,
        ends: Endpoints,
        syn: &Segment,
        replaces: Option<TimeWait>,
    ) -> HalfOpen {
        let conn = self.new_conn_id();
        let cx = self.env.context();
        let mut record = HalfOpen::new(&cx, conn, ends, syn, &self.secrets);
        if let Some(old) = replaces {
            record.start_after(old.snd_nxt);
        }
        let (local, remote) = (ends.local, ends.remote);
        self.env.context().emit(|| Event::StateChanged {
            conn,
            local,
            remote,
            from: State::Listen,
            to: State::SynReceived,
            cause: Cause::SynArrived,
        });
        let (state, size) = (State::SynReceived, (syn.payload.len() as u32, syn.window.into()));
        let kept = || Some(Kept::received((conn, state), syn, size));
        let event = || Event::Received { conn, state, segment: record.view_received(syn) };
        self.env.context().emit_kept(kept, event);
        self.env.touch(conn, state);
        record
    }

    /// Sends the SYN-ACK, perhaps with a cookie, and arms the timer that will send it again (without one, for a
    /// path may drop it because of that).
    fn send_syn_ack(&mut self, key: HalfOpenKey, why: Why, option: Option<Box<FastOpen>>) {
        let Some(entry) = self.half_open.get(key) else {
            return;
        };
        let (now, config) = (self.env.now, &self.offered.get(entry.offered).config);
        let own_mss = Mss::of_mtu(self.config.mtu, entry.record.ends().local.ip());
        let mut segment = entry.record.syn_ack(now, config, own_mss);
        segment.options.fast_open = option;
        let numbering = entry.record.numbering(&segment, config);
        let (ends, sender) =
            (entry.record.ends(), (Some(entry.record.conn), State::SynReceived, why));
        let ip = config.ip;
        self.wheel.arm(entry.timer, entry.record.next_deadline(now, config));
        self.reply_segment(&segment, ends, ip, sender, numbering);
    }

    pub(super) fn expire_half_open(&mut self, key: HalfOpenKey) {
        let Some(entry) = self.half_open.get_mut(key) else {
            return;
        };
        let (now, offered) = (self.env.now, self.offered.get(entry.offered));
        let deadline = entry.record.next_deadline(now, &offered.config);
        if deadline > now {
            return self.wheel.arm(entry.timer, deadline);
        }
        let listener = self.listeners.get(offered.listener);
        let crowd = |listener: &Listener| (listener.backlog / 2).max(NO_CROWD);
        let crowded = listener.is_some_and(|listener| listener.half_open > crowd(listener));
        let config = listener.map_or(&offered.config, |listener| &listener.config);
        let limit = config.syn_retransmission_limit;
        let limit = if crowded { limit.min(CROWDED_RETRANSMISSIONS) } else { limit };
        if entry.record.retransmissions >= limit && !entry.record.is_deferred(config) {
            return self.forget_half_open(key, Cause::RetransmissionLimit);
        }
        let waits = entry.record.waits_for_text(config);
        entry.record.timed_out(now);
        let nth = entry.record.retransmissions;
        if waits {
            let deadline = entry.record.next_deadline(now, &offered.config);
            return self.wheel.arm(entry.timer, deadline);
        }
        self.env.counters.tcp_retransmissions += 1;
        self.send_syn_ack(key, Why::HandshakeRetransmission(nth), None);
    }

    /// Takes the record, and what it was offered; the number of half-open connections goes down. Its timer and its
    /// addresses are for the caller to give away.
    fn take_half_open(&mut self, key: HalfOpenKey) -> Option<(HalfOpenEntry, Released)> {
        let entry = self.half_open.remove(key)?;
        let released = self.offered.release(entry.offered);
        if let Some(listener) = self.listeners.get_mut(released.listener) {
            listener.half_open -= 1;
            listener.offered.take_if(|key| released.last && *key == entry.offered);
        }
        Some((entry, released))
    }

    pub(super) fn forget_half_open(&mut self, key: HalfOpenKey, cause: Cause) {
        let Some((entry, _)) = self.take_half_open(key) else {
            return;
        };
        let (conn, ends) = (entry.record.conn, entry.record.ends());
        self.wheel.remove(entry.timer);
        self.demux.remove(ends);
        self.env.context().emit(|| Event::StateChanged {
            conn,
            local: ends.local,
            remote: ends.remote,
            from: State::SynReceived,
            to: State::Closed,
            cause,
        });
    }

    /// A segment for a half-open connection.
    pub(super) fn receive_half_open(
        &mut self,
        key: HalfOpenKey,
        ends: Endpoints,
        segment: &mut Segment,
    ) {
        let Some(entry) = self.half_open.get_mut(key) else {
            return;
        };
        let config = &self.offered.get(entry.offered).config;
        self.env.touch(entry.record.conn, State::SynReceived);
        match entry.record.segment_arrives(segment, config.syn_window().into(), config.profile) {
            Ok(Step::AnswerAgain) => {
                self.env.counters.tcp_segments_accepted += 1;
                entry.record.syn_again(segment);
                if entry.record.may_answer(self.env.now) {
                    return self.send_syn_ack(key, Why::HandshakeAnswer, None);
                }
                self.refuse_segment(Refusal::ChallengeLimited, ends);
            }
            Ok(Step::Forget) => {
                self.env.counters.tcp_segments_accepted += 1;
                self.forget_half_open(key, Cause::ResetArrived);
            }
            Ok(Step::Complete) => self.complete_handshake(key, segment),
            Err(discard) => {
                self.refuse_segment(discard.reason, ends);
                match discard.reply {
                    Reply::Reset(seq) => self.reset(ends, seq),
                    Reply::Ack | Reply::Challenge => self.challenge_half_open(key, ends),
                    Reply::Nothing => {}
                }
            }
        }
    }

    /// An acknowledgment of what the half-open connection expects.
    fn challenge_half_open(&mut self, key: HalfOpenKey, ends: Endpoints) {
        let Some(entry) = self.half_open.get_mut(key) else {
            return;
        };
        if !entry.record.may_answer(self.env.now) {
            return self.refuse_segment(Refusal::ChallengeLimited, ends);
        }
        let (conn, config) = (entry.record.conn, &self.offered.get(entry.offered).config);
        let segment = entry.record.challenge_ack(self.env.now, config);
        let numbering = entry.record.numbering(&segment, config);
        let (sender, ip) = ((Some(conn), State::SynReceived, Why::Challenge), config.ip);
        self.reply_segment(&segment, ends, ip, sender, numbering);
    }

    /// The acknowledgment of our SYN: the record becomes a control block, which processes it.
    fn complete_handshake(&mut self, key: HalfOpenKey, segment: &mut Segment) {
        let Some(entry) = self.half_open.get_mut(key) else {
            return;
        };
        let ends = entry.record.ends();
        let Some(listener) = self.listeners.get(self.offered.get(entry.offered).listener) else {
            return;
        };
        if entry.record.defers(segment, &listener.config) {
            self.env.counters.tcp_segments_accepted += 1;
            return;
        }
        if listener.queue.len() >= listener.backlog {
            return self.refuse_segment(Refusal::AcceptQueueFull, ends);
        }
        if self.connections.len() >= self.config.limits.connections {
            return self.refuse_segment(Refusal::ConnectionLimit, ends);
        }
        let config = listener.config.clone();
        let Some((HalfOpenEntry { record, timer, .. }, offered)) = self.take_half_open(key) else {
            return;
        };
        let own_mss = Mss::of_mtu(self.config.mtu, ends.local.ip());
        let tcb = record.into_tcb(self.env.now, config, &offered.config, own_mss);
        let conn = self.insert_connection(tcb, Some(timer));
        self.env.counters.tcp_passive_opens += 1;
        if let Some(listener) = self.listeners.get_mut(offered.listener) {
            listener.connection_arrived(conn, ends.remote, &mut self.wakes);
        }
        self.receive_for_connection(conn, ends, segment);
    }
}

#[cfg(test)]
mod tests;
