//! From a listener to its connections, and from a UDP socket to its datagrams.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use tokio::sync::Notify;

use super::{Service, ServiceContext, Stream, answer_udp, dns, hello, serve_tcp};
use crate::tcp::Keepalive;

#[cfg(test)]
mod tests;

/// Most connections that one listener serves at a time; more wait in its accept queue.
pub const CONNECTIONS_MAX: usize = 65_536;
/// When an accepted connection is probed (RFC 9293 3.8.4): a client that has vanished keeps its place
/// for seven and a half minutes and not for ever. One that is only silent answers, and stays.
pub const KEEPALIVE: Keepalive =
    Keepalive { idle: Duration::from_secs(300), interval: Duration::from_secs(30), count: 5 };
/// Pause after a failed call; it doubles with each further failure in a row.
pub(super) const PAUSE_MIN: Duration = Duration::from_millis(1);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// What accepts connections: a listener of this stack or one of the kernel's.
pub trait Accept: Send {
    /// A connection.
    type Stream: Stream;

    /// Sets what connections inherit from the listener; called once, before the first is accepted. A
    /// reply ends with a small segment that nothing follows, which must not wait, and a peer that has
    /// vanished must be found ([`KEEPALIVE`]).
    ///
    /// # Errors
    /// Those of the listener; it can accept all the same.
    fn prepare(&self) -> io::Result<()>;

    /// The next connection, with the peer's address. An error concerns that one connection, or
    /// passes; `None` means that the listener is gone for good.
    fn accept(
        &mut self,
    ) -> impl Future<Output = Option<io::Result<(Self::Stream, SocketAddr)>>> + Send;
}

impl Accept for tokio::net::TcpListener {
    type Stream = tokio::net::TcpStream;

    fn prepare(&self) -> io::Result<()> {
        let Keepalive { idle, interval, count } = KEEPALIVE;
        setsockopt(self, sockopt::TcpNoDelay, &true)?;
        setsockopt(self, sockopt::KeepAlive, &true)?;
        setsockopt(self, sockopt::TcpKeepIdle, &(idle.as_secs() as u32))?;
        setsockopt(self, sockopt::TcpKeepInterval, &(interval.as_secs() as u32))?;
        Ok(setsockopt(self, sockopt::TcpKeepCount, &count.into())?)
    }

    async fn accept(&mut self) -> Option<io::Result<(Self::Stream, SocketAddr)>> {
        Some(tokio::net::TcpListener::accept(self).await)
    }
}

/// How many connections were served: a count, shared by all listeners of one context.
#[derive(Debug, Default)]
pub struct Tally {
    accepted: AtomicU64,
    ended: AtomicU64,
}

impl Tally {
    /// Connections accepted so far.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Those of them that are not over.
    pub fn open(&self) -> usize {
        // In this order, so that whatever is seen to have ended is seen to have been accepted.
        let ended = self.ended.load(Ordering::Acquire);
        (self.accepted() - ended) as usize
    }
}

/// Where the connections of one listener are served, up to so many at a time.
struct Places {
    context: Arc<ServiceContext>,
    max: usize,
    taken: AtomicUsize,
    /// Told when all places are taken and one is given back.
    freed: Notify,
}

impl Places {
    fn new(context: Arc<ServiceContext>, max: usize) -> Arc<Places> {
        Arc::new(Places { context, max, taken: AtomicUsize::new(0), freed: Notify::new() })
    }

    /// Waits until a place is free; it stays free, for nobody but the one who waits takes any.
    async fn wait(&self) {
        while self.taken.load(Ordering::Relaxed) >= self.max {
            self.freed.notified().await;
        }
    }

    /// A place for a connection that was accepted.
    fn take(self: &Arc<Places>) -> Place {
        self.taken.fetch_add(1, Ordering::Relaxed);
        self.context.tally.accepted.fetch_add(1, Ordering::Relaxed);
        Place(Arc::clone(self))
    }
}

/// The place of a connection, which is over when this is dropped.
struct Place(Arc<Places>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.context.tally.ended.fetch_add(1, Ordering::Release);
        if self.0.taken.fetch_sub(1, Ordering::Relaxed) == self.0.max {
            self.0.freed.notify_one();
        }
    }
}

/// Serves every connection of `listener`, each in a task of its own on the current runtime, until
/// the listener is gone. A connection that fails is logged at debug; nothing it does ends the loop.
pub async fn serve_listener<L: Accept>(
    mut listener: L,
    service: Service,
    context: Arc<ServiceContext>,
) {
    if let Err(error) = listener.prepare() {
        log::warn!("{service}: cannot set up the listener: {error}");
    }
    let places = Places::new(context, CONNECTIONS_MAX);
    let mut pause = PAUSE_MIN;
    loop {
        places.wait().await;
        match listener.accept().await {
            None => return,
            Some(Ok((stream, peer))) => {
                pause = PAUSE_MIN;
                let place = places.take();
                if service == Service::Hello {
                    log::info!(target: hello::CALLERS, "hello from {peer}");
                }
                // On the heap, because tokio moves a task several times before and after it runs.
                tokio::spawn(Box::pin(async move {
                    if let Err(error) = serve_tcp(service, stream, &place.0.context).await {
                        log::debug!("{service}: connection from {peer}: {error}");
                    }
                }));
            }
            Some(Err(error)) => {
                log::debug!("{service}: cannot accept a connection: {error}");
                pause = wait(pause).await;
            }
        }
    }
}

/// A socket that receives and sends datagrams.
pub trait Datagrams: Send + Sync {
    /// The next datagram, cut to `buffer`: its length and who sent it. An error passes; `None`
    /// means that the socket is gone for good.
    fn receive(
        &self,
        buffer: &mut [u8],
    ) -> impl Future<Output = Option<io::Result<(usize, SocketAddr)>>> + Send;

    /// Sends one datagram.
    fn send(
        &self,
        datagram: &[u8],
        to: SocketAddr,
    ) -> impl Future<Output = io::Result<usize>> + Send;
}

impl Datagrams for tokio::net::UdpSocket {
    async fn receive(&self, buffer: &mut [u8]) -> Option<io::Result<(usize, SocketAddr)>> {
        Some(self.recv_from(buffer).await)
    }

    async fn send(&self, datagram: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.send_to(datagram, to).await
    }
}

/// Answers every datagram that reaches `socket`, until it is gone. A failed call is logged at debug.
pub async fn serve_socket<D: Datagrams>(socket: D, service: Service, context: Arc<ServiceContext>) {
    if service == Service::Dns {
        return dns::serve_socket(socket, context).await;
    }
    let mut buffer = vec![0; usize::from(u16::MAX)];
    let mut pause = PAUSE_MIN;
    while let Some(received) = socket.receive(&mut buffer).await {
        match received {
            Ok((len, from)) => {
                pause = PAUSE_MIN;
                let Some(reply) = answer_udp(service, from, &buffer[..len], &context) else {
                    continue;
                };
                if let Err(error) = socket.send(&reply, from).await {
                    log::debug!("{service}: cannot answer {from} over UDP: {error}");
                }
            }
            Err(error) => {
                log::debug!("{service}: cannot receive over UDP: {error}");
                pause = wait(pause).await;
            }
        }
    }
}

/// Waits, and says how long to wait the next time.
pub(super) async fn wait(pause: Duration) -> Duration {
    tokio::time::sleep(pause).await;
    (2 * pause).min(PAUSE_MAX)
}
