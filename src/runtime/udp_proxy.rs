//! UDP through an emulated link, without root: clients send their datagrams to the proxy, which hands them on
//! to a server, from a port of its own for each client.
//!
//! ```text
//!   client 1 --.                                                .-- port 1 --.
//!   client 2 --- Clients (one port) === Emulator === Upstream ---- port 2 ---- server
//! ```
//!
//! Inside, a datagram is an IPv4 packet from its client to the server, or back: so the link sees lengths,
//! ports and protocol as it does elsewhere, and so does whoever records it. A corrupted datagram arrives with
//! the bit turned over in its text, as if its checksum had not noticed.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::iter;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use etherparse::{Ipv4HeaderSlice, PacketBuilder, UdpHeaderSlice};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::AsyncDevice;
use crate::device::Device;
use crate::wire::{Packet, RxBatch, ip, udp};

/// The headers that a datagram has inside, in bytes: what a link must spare when it turns over a bit.
pub const HEADER_LEN: usize = ip::IPV4_HEADER_LEN + udp::HEADER_LEN;

/// Clients at the same time; datagrams of more are dropped.
const MAX_CLIENTS: usize = 1024;
/// A client that neither sends nor is sent anything for so long is forgotten.
const IDLE: Duration = Duration::from_secs(300);
/// Datagrams of the server that may wait to go into the link.
const WAITING: usize = 4096;
/// The longest text of a datagram over IPv4.
const MAX_TEXT: usize = u16::MAX as usize - HEADER_LEN;
/// Hops that a packet may make; nobody counts them here.
const TTL: u8 = 64;

/// The side of the clients.
#[derive(Debug)]
pub struct Clients {
    /// For sending, past tokio, which would first have to learn that a new socket is writable.
    socket: std::net::UdpSocket,
    /// The same socket, for receiving.
    listens: UdpSocket,
    server: SocketAddrV4,
    buffer: Box<[u8]>,
    dropped: Arc<AtomicU64>,
}

/// The side of the server.
#[derive(Debug)]
pub struct Upstream {
    server: SocketAddrV4,
    flows: HashMap<SocketAddrV4, Flow>,
    max_flows: usize,
    /// What was already taken out of `arrived`.
    first: Option<Bytes>,
    arrived: mpsc::Receiver<Bytes>,
    arrives: mpsc::Sender<Bytes>,
    dropped: Arc<AtomicU64>,
}

/// The socket that stands for a client.
#[derive(Debug)]
struct Flow {
    /// For sending.
    socket: std::net::UdpSocket,
    /// Datagrams sent through it.
    sent: Arc<AtomicU64>,
    listens: JoinHandle<()>,
}

/// Both sides of a proxy that listens on `listen` for datagrams to `server`, and the number of datagrams
/// that could not be handed on: the system refused them, or there were too many clients.
///
/// # Errors
/// When there can be no socket on `listen`, or outside of a tokio runtime.
pub fn open(
    listen: SocketAddrV4,
    server: SocketAddrV4,
) -> io::Result<(Clients, Upstream, Arc<AtomicU64>)> {
    let (socket, listens) = split(std::net::UdpSocket::bind(listen)?)?;
    let dropped = Arc::<AtomicU64>::default();
    let (arrives, arrived) = mpsc::channel(WAITING);
    let buffer = vec![0; MAX_TEXT].into();
    let clients = Clients { socket, listens, server, buffer, dropped: Arc::clone(&dropped) };
    let upstream = Upstream {
        server,
        flows: HashMap::new(),
        max_flows: MAX_CLIENTS,
        first: None,
        arrived,
        arrives,
        dropped: Arc::clone(&dropped),
    };
    Ok((clients, upstream, dropped))
}

impl Clients {
    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddrV4> {
        match self.socket.local_addr()? {
            SocketAddr::V4(address) => Ok(address),
            SocketAddr::V6(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl Device for Clients {
    fn mtu(&self) -> u16 {
        u16::MAX
    }

    fn receive(&mut self, rx: &mut RxBatch, max: usize) -> io::Result<usize> {
        for count in 0..max {
            match self.listens.try_recv_from(&mut self.buffer) {
                Ok((len, SocketAddr::V4(client))) => {
                    rx.push_back(Packet::new(wrap(client, self.server, &self.buffer[..len])?));
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(count),
                Err(error) => return Err(error),
            }
        }
        Ok(max)
    }

    fn send_packets(&mut self, packets: &mut VecDeque<Bytes>) -> io::Result<()> {
        send_each(packets, &self.dropped, |_, client, text| self.socket.send_to(text, client));
        Ok(())
    }
}

impl AsyncDevice for Clients {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.listens.poll_recv_ready(cx)
    }

    /// It takes, or drops, everything.
    fn poll_writable(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Upstream {
    /// The socket that stands for `client`, made if there is none. `None`: there can be none now.
    fn flow(&mut self, client: SocketAddrV4) -> Option<&Flow> {
        if self.flows.get(&client).is_none_or(|flow| flow.listens.is_finished()) {
            self.flows.retain(|_, flow| !flow.listens.is_finished());
            if self.flows.len() >= self.max_flows {
                return None;
            }
            let flow = Flow::open(client, self.server, self.arrives.clone()).ok()?;
            self.flows.insert(client, flow);
        }
        self.flows.get(&client)
    }
}

impl Device for Upstream {
    fn mtu(&self) -> u16 {
        u16::MAX
    }

    fn receive(&mut self, rx: &mut RxBatch, max: usize) -> io::Result<usize> {
        let before = rx.len();
        let waiting = iter::from_fn(|| self.arrived.try_recv().ok());
        rx.extend(self.first.take().into_iter().chain(waiting).take(max).map(Packet::new));
        Ok(rx.len() - before)
    }

    fn send_packets(&mut self, packets: &mut VecDeque<Bytes>) -> io::Result<()> {
        let dropped = Arc::clone(&self.dropped);
        send_each(packets, &dropped, |client, _, text| {
            let flow = self.flow(client).ok_or(io::ErrorKind::QuotaExceeded)?;
            flow.sent.fetch_add(1, Ordering::Relaxed);
            match flow.socket.send(text) {
                // That was said of one before: its port was closed. This one has not been sent.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    flow.socket.send(text)
                }
                sent => sent,
            }
        });
        Ok(())
    }
}

impl AsyncDevice for Upstream {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.first.is_none() {
            // The channel does not end: `arrives` is kept.
            self.first = ready!(self.arrived.poll_recv(cx));
        }
        Poll::Ready(Ok(()))
    }

    /// It takes, or drops, everything.
    fn poll_writable(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Flow {
    /// A socket for `client`, and a task that hands on what the server answers there.
    fn open(
        client: SocketAddrV4,
        server: SocketAddrV4,
        arrives: mpsc::Sender<Bytes>,
    ) -> io::Result<Flow> {
        let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect(server)?;
        let (socket, listens) = split(socket)?;
        let sent = Arc::<AtomicU64>::default();
        let listens = listen(listens, (server, client), Arc::clone(&sent), arrives);
        Ok(Flow { socket, sent, listens: tokio::spawn(listens) })
    }
}

/// Hands on what comes from the server for a client, until neither has sent anything for long.
async fn listen(
    socket: UdpSocket,
    (server, client): (SocketAddrV4, SocketAddrV4),
    sent: Arc<AtomicU64>,
    arrives: mpsc::Sender<Bytes>,
) {
    let mut buffer = vec![0; MAX_TEXT];
    let mut sent_before = 0;
    loop {
        match timeout(IDLE, socket.recv(&mut buffer)).await {
            Ok(Ok(len)) => {
                let Ok(packet) = wrap(server, client, &buffer[..len]) else { continue };
                if arrives.send(packet).await.is_err() {
                    return;
                }
            }
            // Its port was closed; it may be open the next time.
            Ok(Err(_)) => {}
            Err(_) if sent.load(Ordering::Relaxed) == sent_before => return,
            Err(_) => sent_before = sent.load(Ordering::Relaxed),
        }
    }
}

/// The same socket twice: for sending without waiting, and for tokio to receive from.
fn split(socket: std::net::UdpSocket) -> io::Result<(std::net::UdpSocket, UdpSocket)> {
    socket.set_nonblocking(true)?;
    let receiving = UdpSocket::from_std(socket.try_clone()?)?;
    Ok((socket, receiving))
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.listens.abort();
    }
}

/// Has `send` send each datagram, told from where and to where it goes; counts those it cannot send.
fn send_each(
    packets: &mut VecDeque<Bytes>,
    dropped: &AtomicU64,
    mut send: impl FnMut(SocketAddrV4, SocketAddrV4, &[u8]) -> io::Result<usize>,
) {
    for packet in packets.drain(..) {
        let sent = unwrap(&packet).map(|(from, to, text)| send(from, to, text));
        if !matches!(sent, Some(Ok(_))) {
            dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A datagram as an IPv4 packet.
fn wrap(from: SocketAddrV4, to: SocketAddrV4, text: &[u8]) -> io::Result<Bytes> {
    let headers = PacketBuilder::ipv4(from.ip().octets(), to.ip().octets(), TTL);
    let mut packet = Vec::with_capacity(HEADER_LEN + text.len());
    let written = headers.udp(from.port(), to.port()).write(&mut packet, text);
    written.map_err(io::Error::other)?;
    Ok(packet.into())
}

/// What [`wrap`] was given.
fn unwrap(packet: &[u8]) -> Option<(SocketAddrV4, SocketAddrV4, &[u8])> {
    let ip = Ipv4HeaderSlice::from_slice(packet).ok()?;
    let udp = UdpHeaderSlice::from_slice(&packet[ip.slice().len()..]).ok()?;
    let from = SocketAddrV4::new(ip.source_addr(), udp.source_port());
    let to = SocketAddrV4::new(ip.destination_addr(), udp.destination_port());
    Some((from, to, &packet[HEADER_LEN..]))
}

#[cfg(test)]
mod tests;
