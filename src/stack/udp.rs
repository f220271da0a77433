//! UDP sockets (RFC 768, RFC 1122 4.1).
//!
//! What the network reports about their datagrams reaches them (RFC 1122 4.1.3.3): the next call on a socket
//! with a peer fails with it, once; the others keep a few such errors for who asks for them.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::task::{self, Poll, Waker};

use bytes::Bytes;
use slotmap::SlotMap;

use crate::event::Refusal;
use crate::stack::demux::{KeyedHash, unspecified};
use crate::stack::receive::part;
use crate::stack::{SocketError, Stack, UdpKey, Wakes};
use crate::wire::icmp::{self, Notice, Quote};
use crate::wire::ip::Datagram;
use crate::wire::{HeaderBuf, Packet, ip, udp};

/// What a queued datagram counts for beside its bytes.
const OVERHEAD: usize = 128;
/// Errors that a socket keeps.
const MAX_ERRORS: usize = 16;
/// Most bytes of a datagram that are kept with an error: what a router quotes at most (RFC 1812 4.3.2.3).
const MAX_QUOTED: usize = 576;

/// What the network reports about a datagram that a socket has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpError {
    /// To whom the datagram went.
    pub to: SocketAddr,
    /// What was reported, and by whom.
    pub notice: Notice,
    /// The beginning of its text, as far as it was quoted, at most 576 bytes; often nothing.
    pub text: Bytes,
}

#[derive(Debug)]
struct Socket {
    local: SocketAddr,
    queue: VecDeque<(Bytes, SocketAddr)>,
    charged: usize,
    waker: Option<Waker>,
    /// The only one whose errors the next call fails with.
    peer: Option<SocketAddr>,
    /// What the next call fails with.
    failure: Option<Notice>,
    errors: VecDeque<UdpError>,
    error_waker: Option<Waker>,
    /// Whether it has sent anything that an error could be about.
    sent: bool,
}

impl Socket {
    fn new(local: SocketAddr) -> Self {
        Socket {
            local,
            queue: VecDeque::new(),
            charged: 0,
            waker: None,
            peer: None,
            failure: None,
            errors: VecDeque::new(),
            error_waker: None,
            sent: false,
        }
    }
}

/// All UDP sockets of a stack.
#[derive(Debug)]
pub(super) struct Udp {
    sockets: SlotMap<UdpKey, Socket>,
    bound: HashMap<SocketAddr, UdpKey, KeyedHash>,
}

impl Udp {
    pub(super) fn new(hash: KeyedHash) -> Self {
        Udp { sockets: SlotMap::with_key(), bound: HashMap::with_hasher(hash) }
    }

    /// The socket that datagrams to `local` are for.
    pub(super) fn find(&self, local: SocketAddr) -> Option<UdpKey> {
        let any = SocketAddr::new(unspecified(local.ip()), local.port());
        self.bound.get(&local).or_else(|| self.bound.get(&any)).copied()
    }

    /// All sockets.
    pub(super) fn keys(&self) -> impl Iterator<Item = UdpKey> + '_ {
        self.sockets.keys()
    }

    /// Where a socket is bound, whom it is connected to, and what waits in it, in bytes.
    pub(super) fn look(&self, key: UdpKey) -> Option<(SocketAddr, Option<SocketAddr>, usize)> {
        self.sockets.get(key).map(|socket| (socket.local, socket.peer, socket.charged))
    }

    /// How many sockets there are.
    pub(super) fn len(&self) -> usize {
        self.sockets.len()
    }

    /// How many addresses they have.
    pub(super) fn bound_len(&self) -> usize {
        self.bound.len()
    }

    /// How many tasks wait for a datagram, or for an error.
    pub(super) fn waiting(&self) -> usize {
        let wakers = |socket: &Socket| [&socket.waker, &socket.error_waker].map(Option::is_some);
        self.sockets.values().flat_map(wakers).filter(|&waits| waits).count()
    }

    /// Wakes whoever waits for a datagram, or for an error.
    pub(super) fn wake_all(&mut self, wakes: &mut Wakes) {
        for socket in self.sockets.values_mut() {
            wakes.add(&mut socket.waker);
            wakes.add(&mut socket.error_waker);
        }
    }

    fn is_taken(&self, local: SocketAddr, mut own: impl Iterator<Item = IpAddr>) -> bool {
        let on_one = |ip| self.bound.contains_key(&SocketAddr::new(ip, local.port()));
        self.find(local).is_some() || (local.ip().is_unspecified() && own.any(on_one))
    }
}

impl Stack {
    /// Binds a socket to `local`: one of our addresses, or the unspecified one for all; port 0
    /// chooses an ephemeral port.
    pub fn udp_bind(&mut self, mut local: SocketAddr) -> Result<UdpKey, SocketError> {
        if self.closing {
            return Err(SocketError::StackGone);
        }
        if !local.ip().is_unspecified() && !self.routes.is_own(local.ip()) {
            return Err(SocketError::AddrNotAvailable);
        }
        if local.port() == 0 {
            let (udp, routes) = (&self.udp, &self.routes);
            let is_free = |port| !udp.is_taken(SocketAddr::new(local.ip(), port), routes.own());
            let port = self.ports.choose(&self.secrets, local, local, is_free);
            local.set_port(port.ok_or(SocketError::Exhausted)?);
        } else if self.udp.is_taken(local, self.routes.own()) {
            return Err(SocketError::AddrInUse);
        }
        let key = self.udp.sockets.insert(Socket::new(local));
        self.udp.bound.insert(local, key);
        Ok(key)
    }

    /// Where the socket is bound.
    pub fn udp_addr(&self, key: UdpKey) -> Option<SocketAddr> {
        self.udp.sockets.get(key).map(|socket| socket.local)
    }

    /// Has the next call fail with what is reported about datagrams to `peer` from now on, and ignores
    /// what is reported about others.
    pub fn udp_connect(&mut self, key: UdpKey, peer: SocketAddr) -> Result<(), SocketError> {
        let socket = self.udp.sockets.get_mut(key).ok_or(SocketError::NotConnected)?;
        (socket.peer, socket.failure) = (Some(peer), None);
        socket.errors.clear();
        Ok(())
    }

    /// The most text that a datagram may have, in bytes: what fits into one packet.
    pub fn udp_max_len(&self) -> usize {
        usize::from(self.config.mtu).saturating_sub(ip::IPV4_HEADER_LEN + udp::HEADER_LEN)
    }

    /// Queues a datagram to `to`.
    pub fn udp_send(
        &mut self,
        key: UdpKey,
        payload: Bytes,
        to: SocketAddr,
    ) -> Result<(), SocketError> {
        let socket = self.udp.sockets.get_mut(key).ok_or(SocketError::NotConnected)?;
        if let Some(notice) = socket.failure.take() {
            return Err(SocketError::Reported(notice));
        }
        let local = socket.local;
        let source = self.routes.source_for(to.ip()).ok_or(SocketError::NoRoute)?;
        let source = if local.ip().is_unspecified() { source } else { local.ip() };
        if to.port() == 0 {
            return Err(SocketError::NoRoute);
        }
        if payload.len() > self.udp_max_len() {
            return Err(SocketError::MessageTooLong);
        }
        let mut header = HeaderBuf::new();
        let repr = self.repr(source, to.ip(), ip::UDP, false);
        ip::emit(&repr, udp::HEADER_LEN + payload.len(), &mut header);
        udp::emit(local.port(), to.port(), payload.len(), &mut header);
        self.env.counters.udp_sent += 1;
        if let Some(socket) = self.udp.sockets.get_mut(key) {
            socket.sent = true;
        }
        self.reply(header, ip::UDP, payload);
        Ok(())
    }

    /// The next datagram and who sent it.
    pub fn poll_udp_receive(
        &mut self,
        key: UdpKey,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<(Bytes, SocketAddr), SocketError>> {
        let Some(socket) = self.udp.sockets.get_mut(key) else {
            return Poll::Ready(Err(SocketError::NotConnected));
        };
        if let Some(notice) = socket.failure.take() {
            return Poll::Ready(Err(SocketError::Reported(notice)));
        }
        match socket.queue.pop_front() {
            Some((payload, from)) => {
                socket.charged -= payload.len() + OVERHEAD;
                Poll::Ready(Ok((payload, from)))
            }
            None if self.closing => Poll::Ready(Err(SocketError::StackGone)),
            None => {
                self.wakes.register(&mut socket.waker, cx);
                Poll::Pending
            }
        }
    }

    /// The same without taking it.
    pub fn poll_udp_peek(
        &mut self,
        key: UdpKey,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<(Bytes, SocketAddr), SocketError>> {
        let socket = self.udp.sockets.get(key).filter(|socket| socket.failure.is_none());
        match socket.and_then(|socket| socket.queue.front()) {
            Some((payload, from)) => Poll::Ready(Ok((payload.clone(), *from))),
            // Without a datagram the two do the same.
            None => self.poll_udp_receive(key, cx),
        }
    }

    /// The next error about a datagram of a socket without a peer.
    pub fn poll_udp_error(
        &mut self,
        key: UdpKey,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<UdpError, SocketError>> {
        let Some(socket) = self.udp.sockets.get_mut(key) else {
            return Poll::Ready(Err(SocketError::NotConnected));
        };
        match socket.errors.pop_front() {
            Some(error) => Poll::Ready(Ok(error)),
            None if self.closing => Poll::Ready(Err(SocketError::StackGone)),
            None => {
                self.wakes.register(&mut socket.error_waker, cx);
                Poll::Pending
            }
        }
    }

    /// Tells the socket that has sent the datagram that `quote` is of, which begins with `datagram`. Nothing in
    /// it is secret but the port (RFC 6056), so it must be open, have sent something, and to that peer if it has one.
    pub(super) fn udp_error_arrives(
        &mut self,
        notice: Notice,
        quote: &Quote,
        datagram: &[u8],
    ) -> Result<(), Refusal> {
        let local = SocketAddr::new(quote.src, quote.src_port);
        let to = SocketAddr::new(quote.dst, quote.dst_port);
        let socket = self.udp.find(local).and_then(|key| self.udp.sockets.get_mut(key));
        let could_be =
            |socket: &&mut Socket| socket.sent && socket.peer.is_none_or(|peer| peer == to);
        let socket = socket.filter(could_be).ok_or(Refusal::IcmpQuoteStray)?;
        if socket.peer.is_some() {
            socket.failure = Some(notice);
            self.wakes.add(&mut socket.waker);
            return Ok(());
        }
        if socket.errors.len() >= MAX_ERRORS {
            return Err(Refusal::IcmpQueueFull);
        }
        let text = datagram.get(udp::HEADER_LEN..).unwrap_or_default();
        let text = Bytes::copy_from_slice(&text[..text.len().min(MAX_QUOTED)]);
        socket.errors.push_back(UdpError { to, notice, text });
        self.wakes.add(&mut socket.error_waker);
        Ok(())
    }

    /// Closes a socket; what is queued on it is dropped.
    pub fn udp_close(&mut self, key: UdpKey) {
        if let Some(mut socket) = self.udp.sockets.remove(key) {
            self.wakes.discard(&mut socket.waker);
            self.wakes.discard(&mut socket.error_waker);
            self.udp.bound.remove(&socket.local);
        }
    }

    pub(super) fn receive_udp(&mut self, datagram: &Datagram, packet: Packet) {
        let transport = &packet.bytes[datagram.payload.clone()];
        let parsed = match udp::parse(transport, datagram.src, datagram.dst, packet.checksum) {
            Ok(parsed) => parsed,
            Err(malformed) => return self.refuse(malformed.into(), datagram.src, datagram.dst),
        };
        let local = SocketAddr::new(datagram.dst, parsed.dst_port);
        let socket = self.udp.find(local).and_then(|key| self.udp.sockets.get_mut(key));
        let Some(socket) = socket else {
            self.refuse(Refusal::UdpPortClosed, datagram.src, datagram.dst);
            return self.unreachable(datagram, &packet.bytes, icmp::PORT_UNREACHABLE);
        };
        let transport = part(packet.bytes, datagram.payload.clone());
        let payload = part(transport, parsed.payload);
        if socket.charged + payload.len() + OVERHEAD > self.config.limits.udp_queue {
            return self.refuse(Refusal::UdpQueueFull, datagram.src, datagram.dst);
        }
        socket.charged += payload.len() + OVERHEAD;
        socket.queue.push_back((payload, SocketAddr::new(datagram.src, parsed.src_port)));
        self.wakes.add(&mut socket.waker);
        self.env.counters.udp_received += 1;
    }
}
