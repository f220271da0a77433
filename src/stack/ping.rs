//! Ping sockets: echo requests that the stack itself sends, and what comes back (RFC 792).
//!
//! ```text
//!   ping_send -> echo request, identifier of the socket -> device
//!   device -> echo reply ------------------> the socket with its identifier -> poll_ping_receive
//!          -> error that quotes a request -/
//! ```

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::task::{self, Poll, Waker};

use bytes::Bytes;
use rand_core::Rng;
use slotmap::SlotMap;

use crate::event::Refusal;
use crate::stack::demux::KeyedHash;
use crate::stack::receive::part;
use crate::stack::{PingKey, SocketError, Stack, Wakes};
use crate::wire::HeaderBuf;
use crate::wire::icmp::{self, Message, Notice, Quote};
use crate::wire::ip::{self, Datagram, Repr};

/// What a queued answer counts for beside its bytes.
const OVERHEAD: usize = 128;

/// What came of an echo request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PingAnswer {
    /// It was answered.
    Reply {
        /// By whom.
        from: IpAddr,
        /// The number of the request.
        seq: u16,
        /// What is left of the reply's time to live.
        ttl: u8,
        /// The text that the reply carries.
        payload: Bytes,
    },
    /// The network has reported an error about it.
    Error {
        /// To whom the request went.
        to: IpAddr,
        /// The number of the request.
        seq: u16,
        /// What was reported, and by whom.
        notice: Notice,
    },
}

impl PingAnswer {
    fn charge(&self) -> usize {
        match self {
            PingAnswer::Reply { payload, .. } => payload.len() + OVERHEAD,
            PingAnswer::Error { .. } => OVERHEAD,
        }
    }
}

#[derive(Debug)]
struct Socket {
    identifier: u16,
    ttl: u8,
    queue: VecDeque<PingAnswer>,
    charged: usize,
    waker: Option<Waker>,
}

/// All ping sockets of a stack.
#[derive(Debug)]
pub(super) struct Ping {
    sockets: SlotMap<PingKey, Socket>,
    bound: HashMap<u16, PingKey, KeyedHash>,
}

impl Ping {
    pub(super) fn new(hash: KeyedHash) -> Self {
        Ping { sockets: SlotMap::with_key(), bound: HashMap::with_hasher(hash) }
    }

    /// How many sockets there are.
    pub(super) fn len(&self) -> usize {
        self.sockets.len()
    }

    /// How many tasks wait for an answer.
    pub(super) fn waiting(&self) -> usize {
        self.sockets.values().filter(|socket| socket.waker.is_some()).count()
    }

    /// Wakes whoever waits for an answer.
    pub(super) fn wake_all(&mut self, wakes: &mut Wakes) {
        self.sockets.values_mut().for_each(|socket| wakes.add(&mut socket.waker));
    }

    /// Whether there is one with this identifier.
    pub(super) fn has(&self, identifier: u16) -> bool {
        self.bound.contains_key(&identifier)
    }

    fn find(&mut self, identifier: u16) -> Option<&mut Socket> {
        self.sockets.get_mut(*self.bound.get(&identifier)?)
    }
}

impl Stack {
    /// A socket whose requests carry `identifier`; 0 chooses one that is free.
    pub fn ping_bind(&mut self, identifier: u16) -> Result<PingKey, SocketError> {
        if self.closing {
            return Err(SocketError::StackGone);
        }
        let is_free = |identifier: &u16| !self.ping.has(*identifier);
        let identifier = match identifier {
            0 => {
                let first = self.env.rng.next_u32() as u16;
                let others = (0..=u16::MAX).map(|n| first.wrapping_add(n));
                others.filter(|&n| n != 0).find(is_free).ok_or(SocketError::Exhausted)?
            }
            asked if is_free(&asked) => asked,
            _ => return Err(SocketError::AddrInUse),
        };
        let socket =
            Socket { identifier, ttl: ip::TTL, queue: VecDeque::new(), charged: 0, waker: None };
        let key = self.ping.sockets.insert(socket);
        self.ping.bound.insert(identifier, key);
        Ok(key)
    }

    /// The identifier of the socket.
    pub fn ping_identifier(&self, key: PingKey) -> Option<u16> {
        self.ping.sockets.get(key).map(|socket| socket.identifier)
    }

    /// Sets how many routers a request may pass; at least 1.
    pub fn set_ping_ttl(&mut self, key: PingKey, ttl: u8) -> Result<(), SocketError> {
        let socket = self.ping.sockets.get_mut(key).ok_or(SocketError::NotConnected)?;
        socket.ttl = ttl.max(1);
        Ok(())
    }

    /// Queues an echo request to `to`.
    pub fn ping_send(
        &mut self,
        key: PingKey,
        to: IpAddr,
        seq: u16,
        payload: Bytes,
    ) -> Result<(), SocketError> {
        let socket = self.ping.sockets.get(key).ok_or(SocketError::NotConnected)?;
        let (identifier, ttl) = (socket.identifier, socket.ttl);
        let source = self.routes.source_for(to).ok_or(SocketError::NoRoute)?;
        let headers = ip::IPV4_HEADER_LEN + icmp::HEADER_LEN;
        if payload.len() + headers > usize::from(self.config.mtu) {
            return Err(SocketError::MessageTooLong);
        }
        let mut header = HeaderBuf::new();
        let repr = Repr { ttl, ..self.repr(source, to, ip::ICMP, false) };
        ip::emit(&repr, icmp::HEADER_LEN + payload.len(), &mut header);
        let ([i0, i1], [s0, s1]) = (identifier.to_be_bytes(), seq.to_be_bytes());
        icmp::emit(icmp::ECHO_REQUEST, 0, [i0, i1, s0, s1], &mut header);
        self.env.counters.icmp_echo_requests += 1;
        self.reply(header, ip::ICMP, payload);
        Ok(())
    }

    /// What came of the requests, one after the other.
    pub fn poll_ping_receive(
        &mut self,
        key: PingKey,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<PingAnswer, SocketError>> {
        let Some(socket) = self.ping.sockets.get_mut(key) else {
            return Poll::Ready(Err(SocketError::NotConnected));
        };
        match socket.queue.pop_front() {
            Some(answer) => {
                socket.charged -= answer.charge();
                Poll::Ready(Ok(answer))
            }
            None if self.closing => Poll::Ready(Err(SocketError::StackGone)),
            None => {
                self.wakes.register(&mut socket.waker, cx);
                Poll::Pending
            }
        }
    }

    /// Closes a socket; what is queued on it is dropped.
    pub fn ping_close(&mut self, key: PingKey) {
        if let Some(mut socket) = self.ping.sockets.remove(key) {
            self.wakes.discard(&mut socket.waker);
            self.ping.bound.remove(&socket.identifier);
        }
    }

    /// A reply to an echo request, for whoever has sent that.
    pub(super) fn receive_echo_reply(
        &mut self,
        datagram: &Datagram,
        message: Message,
        transport: Bytes,
    ) {
        let [i0, i1, s0, s1] = message.rest;
        let answer = PingAnswer::Reply {
            from: datagram.src,
            seq: u16::from_be_bytes([s0, s1]),
            ttl: datagram.ttl,
            payload: part(transport, message.payload),
        };
        let identifier = u16::from_be_bytes([i0, i1]);
        match self.queue_ping_answer(identifier, answer, Refusal::IcmpEchoStray) {
            Ok(()) => self.env.counters.icmp_echo_answers += 1,
            Err(reason) => self.refuse(reason, datagram.src, datagram.dst),
        }
    }

    /// An error that quotes an echo request of ours.
    pub(super) fn ping_error_arrives(
        &mut self,
        notice: Notice,
        quote: &Quote,
    ) -> Result<(), Refusal> {
        // Where others have ports, there are type, code and checksum.
        if quote.src_port.to_be_bytes() != [icmp::ECHO_REQUEST, 0] {
            return Err(Refusal::IcmpIgnored);
        }
        let rest = quote.seq.value();
        let answer = PingAnswer::Error { to: quote.dst, seq: rest as u16, notice };
        self.queue_ping_answer((rest >> 16) as u16, answer, Refusal::IcmpQuoteStray)
    }

    /// Queues it on the socket with that identifier; `stray` is what it is if there is none.
    fn queue_ping_answer(
        &mut self,
        identifier: u16,
        answer: PingAnswer,
        stray: Refusal,
    ) -> Result<(), Refusal> {
        let socket = self.ping.find(identifier).ok_or(stray)?;
        if socket.charged + answer.charge() > self.config.limits.udp_queue {
            return Err(Refusal::IcmpQueueFull);
        }
        socket.charged += answer.charge();
        socket.queue.push_back(answer);
        self.wakes.add(&mut socket.waker);
        Ok(())
    }
}
