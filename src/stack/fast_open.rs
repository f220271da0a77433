//! TCP Fast Open (RFC 7413) on both sides: which SYN of a peer opens a connection at once, and what ours
//! have.
//!
//! ```text
//!   SYN --> cookie good, room in the queue? --yes--> control block in the accept queue, pending
//!               | no                                     | ACK: confirmed       | reset: remembered for a
//!               v                                        v                      v minute
//!           half-open record, perhaps with a cookie     (no limit any more)    (still takes a place)
//! ```

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;

use crate::event::{Event, Refusal};
use crate::stack::{ConnKey, ListenerKey, SocketError, Stack};
use crate::tcp::{self, CookieCheck, CookieKeys, Endpoints, HalfOpen, Mss};
use crate::time::{Duration, Instant};
use crate::wire::tcp::Segment;
use crate::wire::tcp_options::FastOpen;

/// How long a connection takes a place in the queue that was reset before it was confirmed: who sends SYNs
/// from addresses of others has those send resets (RFC 7413 5.1, as Linux).
const REMEMBERED: Duration = Duration::from_secs(60);

/// How a listener lets peers open fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FastAccept {
    /// Most connections that were opened fast and are not confirmed by an acknowledgment (RFC 7413 5.1). Beyond it
    /// they are opened as usual. At least 1.
    pub max_pending: usize,
    /// Whether a cookie must show that the peer gets what is sent to its address. Without that, whoever can forge
    /// addresses makes the application do the work of requests, so it is for networks without strangers.
    pub needs_cookie: bool,
}

impl FastAccept {
    /// With cookies, for at most `max_pending` connections that are not confirmed.
    pub const fn new(max_pending: usize) -> Self {
        FastAccept { max_pending, needs_cookie: true }
    }
}

/// The connections of a listener that were opened fast and are not confirmed.
#[derive(Debug)]
pub(super) struct FastQueue {
    accept: FastAccept,
    pending: BTreeSet<ConnKey>,
    /// Until when those count that were reset.
    reset: VecDeque<Instant>,
}

impl FastQueue {
    pub(super) fn new(accept: FastAccept) -> Self {
        FastQueue { accept, pending: BTreeSet::new(), reset: VecDeque::new() }
    }

    fn has_room(&mut self, now: Instant) -> bool {
        while self.reset.front().is_some_and(|until| *until <= now) {
            self.reset.pop_front();
        }
        self.pending.len() + self.reset.len() < self.accept.max_pending.max(1)
    }
}

/// What becomes of a SYN.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// It opens a connection at once.
    pub(super) fast: bool,
    /// What the answer says: a cookie, where one was asked for or is to be replaced.
    pub(super) option: Option<Box<FastOpen>>,
}

impl Stack {
    /// Makes cookies with other keys from now on, for all listeners that have none of their own. Those given out
    /// before are good only as far as `keys` has the one they were made with.
    pub fn set_cookie_keys(&mut self, keys: CookieKeys) {
        self.cookie_keys = keys;
    }

    /// The keys in use.
    pub fn cookie_keys(&self) -> &CookieKeys {
        &self.cookie_keys
    }

    /// Forgets what is known of servers that open fast: cookies, sizes, and losses.
    pub fn forget_cookies(&mut self) {
        self.cookies.clear();
    }

    /// Lets peers open connections of this listener fast from now on, or not.
    pub fn set_fast_accept(
        &mut self,
        key: ListenerKey,
        accept: Option<FastAccept>,
    ) -> Result<(), SocketError> {
        let listener = self.listeners.get_mut(key).ok_or(SocketError::StackGone)?;
        match (&mut listener.fast, accept) {
            (Some(queue), Some(accept)) => queue.accept = accept,
            (queue, accept) => *queue = accept.map(|accept| Box::new(FastQueue::new(accept))),
        }
        Ok(())
    }

    /// How peers may open connections of this listener fast, if they may.
    pub fn fast_accept(&self, key: ListenerKey) -> Option<FastAccept> {
        self.listeners.get(key)?.fast.as_ref().map(|queue| queue.accept)
    }

    /// Gives a listener keys of its own for cookies, or the stack's (TCP_FASTOPEN_KEY).
    pub fn set_listener_cookie_keys(
        &mut self,
        key: ListenerKey,
        keys: Option<CookieKeys>,
    ) -> Result<(), SocketError> {
        let listener = self.listeners.get_mut(key).ok_or(SocketError::StackGone)?;
        listener.cookie_keys = keys.map(Box::new);
        Ok(())
    }

    /// What becomes of a SYN for a listener (RFC 7413 4.2.1).
    pub(super) fn judge_fast_open(
        &mut self,
        key: ListenerKey,
        ends: Endpoints,
        syn: &Segment,
    ) -> Verdict {
        let now = self.env.now;
        let asked = syn.options.fast_open.as_deref();
        let full = self.connections.len() >= self.config.limits.connections;
        let listener = self.listeners.get_mut(key).filter(|_| {
            // Whoever neither has text nor speaks of cookies opens as usual.
            asked.is_some() || !syn.payload.is_empty()
        });
        let Some((listener, queue)) = listener.and_then(|listener| {
            let queue = listener.fast.as_mut()?;
            Some((listener.cookie_keys.as_deref(), queue))
        }) else {
            return Verdict::default();
        };
        if !queue.has_room(now) {
            self.refuse_segment(Refusal::FastOpenQueueFull, ends);
            return Verdict::default();
        }
        if !queue.accept.needs_cookie {
            return Verdict { fast: !full, option: None };
        }
        let Some(asked) = asked else {
            return Verdict::default();
        };
        let keys = listener.unwrap_or(&self.cookie_keys);
        let (client, server) = (ends.remote.ip(), ends.local.ip());
        let check = keys.check(&asked.cookie, client, server);
        let option = FastOpen { cookie: keys.cookie(client, server), form: asked.form };
        if check == CookieCheck::Foreign && !asked.cookie.is_request() {
            self.refuse_segment(Refusal::FastOpenCookie, ends);
        }
        let fast = check != CookieCheck::Foreign && !full;
        let known = fast && check == CookieCheck::Current;
        self.env.counters.tcp_cookies_sent += u64::from(!known);
        Verdict { fast, option: (!known).then(|| Box::new(option)) }
    }

    /// Opens a connection at once: it can be accepted, and read, before the peer has confirmed that it is there
    /// (RFC 7413 4.2.2).
    pub(super) fn open_fast(
        &mut self,
        key: ListenerKey,
        record: HalfOpen,
        syn: &Segment,
        option: Option<Box<FastOpen>>,
    ) {
        let Some(listener) = self.listeners.get(key) else {
            return;
        };
        let (config, ends) = (listener.config.clone(), record.ends());
        let own_mss = Mss::of_mtu(self.config.mtu, ends.local.ip());
        let tcb = record.into_fast_tcb(self.env.now, config, own_mss, syn, option);
        let conn = self.insert_connection(tcb, None);
        self.note_opening(conn);
        self.env.counters.tcp_passive_opens += 1;
        self.env.counters.tcp_fast_passive_opens += 1;
        if let Some(listener) = self.listeners.get_mut(key) {
            listener.connection_arrived(conn, ends.remote, &mut self.wakes);
            if let Some(queue) = &mut listener.fast {
                queue.pending.insert(conn);
            }
        }
        self.update_connection(conn, |_, _| ());
    }

    /// Something happens to the connection when it is open, or will never be.
    fn note_opening(&mut self, key: ConnKey) {
        if let Some(connection) = self.connections.get_mut(key) {
            connection.opens_fast = true;
        }
    }

    /// Something has happened to a connection that opens fast: is it open, or gone?
    pub(super) fn after_opening(&mut self, key: ConnKey) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let tcb = connection.tcb.whole();
        if tcb.is_opening_fast() {
            return;
        }
        connection.opens_fast = false;
        let Endpoints { local, remote } = tcb.endpoints();
        let was_reset = tcb.error() == Some(tcp::Error::Reset);
        if let Some(learned) = tcb.end_opening() {
            self.env.counters.tcp_fast_active_opens += u64::from(tcb.info().syn_text);
            self.cookies.learn(self.env.now, (local.ip(), remote.ip()), learned);
        }
        let listener = self.demux.find_listener(local).and_then(|key| self.listeners.get_mut(key));
        if let Some(queue) = listener.and_then(|listener| listener.fast.as_mut())
            && queue.pending.remove(&key)
            && was_reset
        {
            queue.reset.push_back(self.env.now + REMEMBERED);
        }
    }

    /// [`Stack::connect`] with the beginning of `data` in the SYN, as sendto with MSG_FASTOPEN does it. Says how much
    /// of it was taken; it is nothing where no cookie of the server is known, for then the SYN asks for one,
    /// or where [`tcp::Config::fast_connect`] forbids it, or where SYNs with text have been lost. What was taken
    /// reaches the peer in any case, if anything does: what goes with the SYN and is not accepted goes again.
    ///
    /// A peer may get a SYN twice, and with it the text: what it asks for must do no harm then (RFC 7413 6.3.1).
    pub fn connect_fast(
        &mut self,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        config: Option<tcp::Config>,
        data: &[u8],
    ) -> Result<(ConnKey, usize), SocketError> {
        let (key, room) = self.begin_fast(local, remote, config, false)?;
        let data = &data[..data.len().min(room as usize)];
        let taken = self.update_connection(key, |tcb, cx| {
            let (taken, conn) = (tcb.send(data).unwrap_or(0), tcb.conn());
            if taken > 0 {
                cx.emit(|| Event::AppWrote { conn, len: taken as u32 });
            }
            taken
        });
        Ok((key, taken.unwrap_or(0)))
    }

    /// [`Stack::connect`] whose SYN waits for the first write and takes the beginning of that with it, as
    /// TCP_FASTOPEN_CONNECT does it; a write of nothing sends it without text. Whether it waits: where it could
    /// have no text, it does not.
    pub fn connect_by_write(
        &mut self,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        config: Option<tcp::Config>,
    ) -> Result<(ConnKey, bool), SocketError> {
        let (key, room) = self.begin_fast(local, remote, config, true)?;
        Ok((key, room > 0))
    }

    /// A connection whose SYN has what is known of the server, and how much text it may have.
    fn begin_fast(
        &mut self,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        config: Option<tcp::Config>,
        by_write: bool,
    ) -> Result<(ConnKey, u32), SocketError> {
        let key = self.connect(local, remote, config)?;
        let Some(connection) = self.connections.get_mut(key) else {
            return Err(SocketError::NotConnected);
        };
        let tcb = connection.tcb.whole();
        let (pair, how) = (tcb.endpoints(), tcb.config().fast_connect);
        let pair = (pair.local.ip(), pair.remote.ip());
        let first = self.cookies.first_syn(self.env.now, pair, tcb.own_mss(), how);
        let room = first.room;
        if first != tcp::FirstSyn::default() {
            tcb.open_fast(first, by_write && room > 0);
            self.note_opening(key);
        }
        Ok((key, room))
    }
}
