//! Listeners whose SYN queue is full go on with cookies (RFC 4987 3.6): nothing is kept of a SYN, so that a flood of
//! them costs no memory and keeps nobody out.

use crate::event::{Cause, ConnId, Event, Refusal, State, Why};
use crate::stack::{ListenerKey, Stack};
use crate::tcp::{Endpoints, HalfOpen, Mss, Numbering, SYN_COOKIE_LIFETIME, WindowScale};
use crate::wire::tcp::Segment;

impl Stack {
    /// Answers a SYN and forgets it.
    pub(super) fn send_syn_cookie(&mut self, key: ListenerKey, ends: Endpoints, syn: &Segment) {
        let now = self.env.now;
        let Some(listener) = self.listeners.get_mut(key) else {
            return;
        };
        listener.cookies_until = Some(now + SYN_COOKIE_LIFETIME);
        let config = listener.config.clone();
        let conn = self.new_conn_id();
        let mut record = HalfOpen::new(&self.env.context(), conn, ends, syn, &self.secrets);
        record.limit(&config);
        let own_mss = Mss::of_mtu(self.config.mtu, ends.local.ip());
        let segment = record.cookie(now, &config, own_mss, &self.secrets);
        self.env.counters.tcp_segments_accepted += 1;
        self.env.counters.tcp_syn_cookies_sent += 1;
        let sender = (None, State::Listen, Why::SynCookie);
        let (scale, seq_base, ack_base) = (WindowScale::NONE, segment.seq, syn.seq);
        let numbering = Numbering { scale, seq_base, ack_base };
        self.reply_segment(&segment, ends, config.ip, sender, numbering);
    }

    /// Whether cookies of the listener are out, and this may be what one of them comes back with.
    fn may_bring_cookie(&self, key: ListenerKey, segment: &Segment) -> bool {
        let until = self.listeners.get(key).and_then(|listener| listener.cookies_until);
        let expected = until.is_some_and(|until| self.env.now < until);
        expected && !segment.syn() && !segment.rst() && segment.ack().is_some()
    }

    /// Whether [`Stack::receive_syn_cookie`] would find one.
    pub(super) fn brings_cookie(
        &mut self,
        key: ListenerKey,
        ends: Endpoints,
        segment: &Segment,
    ) -> bool {
        let nobody = ConnId(0);
        self.may_bring_cookie(key, segment)
            && HalfOpen::from_cookie(&self.env.context(), nobody, ends, segment, &self.secrets)
                .is_some()
    }

    /// Makes a connection of what a cookie has kept that comes back with `segment`; false if there is none.
    pub(super) fn receive_syn_cookie(
        &mut self,
        key: ListenerKey,
        ends: Endpoints,
        segment: &mut Segment,
    ) -> bool {
        if !self.may_bring_cookie(key, segment) {
            return false;
        }
        let Some(listener) = self.listeners.get(key) else {
            return false;
        };
        let (config, full) = (listener.config.clone(), listener.queue.len() >= listener.backlog);
        let conn = self.new_conn_id();
        let cx = self.env.context();
        let Some(mut record) = HalfOpen::from_cookie(&cx, conn, ends, segment, &self.secrets)
        else {
            self.env.counters.tcp_syn_cookies_failed += 1;
            return false;
        };
        if full {
            // The peer, which takes the connection for open, will send its first text again, and the cookie with it.
            self.refuse_segment(Refusal::AcceptQueueFull, ends);
            return true;
        }
        record.limit(&config);
        self.env.counters.tcp_syn_cookies_received += 1;
        self.env.context().emit(|| Event::StateChanged {
            conn,
            local: ends.local,
            remote: ends.remote,
            from: State::Listen,
            to: State::SynReceived,
            cause: Cause::SynCookie,
        });
        let half = self.insert_half_open(key, record, config);
        self.receive_half_open(half, ends, segment);
        // What has not become a connection now keeps no room: the cookie will come again.
        self.forget_half_open(half, Cause::NoRoom);
        true
    }
}
