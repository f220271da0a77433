//! UDP sockets.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::task::{self, Poll, ready};

use bytes::Bytes;

use super::Net;
use crate::stack::{SocketError, UdpError, UdpKey};

/// A socket for datagrams, as [`tokio::net::UdpSocket`]. Dropping it closes it, with what nobody
/// received.
pub struct UdpSocket {
    pub(super) net: Net,
    key: UdpKey,
    local: SocketAddr,
    /// Where `send` sends to, and the only one `recv` listens to.
    peer: Mutex<Option<SocketAddr>>,
    /// The stack remembers one task that waits; with several, each waits for its turn here.
    receiving: tokio::sync::Mutex<()>,
}

impl UdpSocket {
    /// A socket on `addr`; the address `0.0.0.0` means all addresses of the stack, port 0 one that
    /// is free.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable` if the address is not one of the stack's, and
    /// `ConnectionAborted` when the stack has ended.
    pub async fn bind(net: &Net, addr: impl Into<SocketAddr>) -> io::Result<UdpSocket> {
        let (net, addr) = (net.home(), addr.into());
        let (key, local) = net.try_call(|stack| {
            let key = stack.udp_bind(addr)?;
            let local = stack.udp_addr(key).ok_or(SocketError::NotConnected)?;
            Ok((key, local))
        })?;
        Ok(UdpSocket {
            net,
            key,
            local,
            peer: Mutex::new(None),
            receiving: tokio::sync::Mutex::new(()),
        })
    }

    /// Sends to `peer` with [`UdpSocket::send`] from now on and receives from nobody else: datagrams
    /// of others are thrown away when their turn to be received comes. When the network reports an error
    /// about what was sent to `peer`, the next call that sends or receives fails with it, once.
    ///
    /// # Errors
    /// `ConnectionAborted` when the stack has ended.
    pub async fn connect(&self, peer: impl Into<SocketAddr>) -> io::Result<()> {
        let peer = peer.into();
        self.net.try_call(|stack| stack.udp_connect(self.key, peer))?;
        *self.peer.lock().unwrap_or_else(PoisonError::into_inner) = Some(peer);
        Ok(())
    }

    /// Our address, with the port that was chosen for port 0.
    ///
    /// # Errors
    /// None at present; the type is that of tokio.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    /// The address given to [`UdpSocket::connect`].
    ///
    /// # Errors
    /// `NotConnected` without one.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.peer().ok_or_else(|| SocketError::NotConnected.into())
    }

    /// The most text that a datagram may have, in bytes: what fits into one packet.
    ///
    /// # Errors
    /// `ConnectionAborted` when the stack has ended.
    pub fn max_len(&self) -> io::Result<usize> {
        self.net.call(|stack| stack.udp_max_len())
    }

    /// Sends one datagram and says how long it was.
    ///
    /// # Errors
    /// `InvalidInput` when it is too long for one packet, `HostUnreachable` when there is no route,
    /// `ResourceBusy` when too much waits to be sent, `ConnectionAborted` when the stack has ended; and
    /// what was reported, on a connected socket: `ConnectionRefused`, `HostUnreachable` and the like.
    pub async fn send_to(&self, data: &[u8], to: impl Into<SocketAddr>) -> io::Result<usize> {
        self.send_chunk_to(Bytes::copy_from_slice(data), to).await
    }

    /// [`UdpSocket::send_to`] without a copy.
    ///
    /// # Errors
    /// Those of `send_to`.
    pub async fn send_chunk_to(&self, data: Bytes, to: impl Into<SocketAddr>) -> io::Result<usize> {
        let to = to.into();
        let len = data.len();
        poll_fn(|cx| {
            let data = data.clone();
            self.net.poll(cx, |stack, _| Poll::Ready(stack.udp_send(self.key, data, to)))
        })
        .await?;
        Ok(len)
    }

    /// Sends one datagram to the address given to [`UdpSocket::connect`].
    ///
    /// # Errors
    /// `NotConnected` without one, otherwise those of [`UdpSocket::send_to`].
    pub async fn send(&self, data: &[u8]) -> io::Result<usize> {
        self.send_to(data, self.peer_addr()?).await
    }

    /// Receives one datagram: its length and its sender. What does not fit in `buf` is lost. Several
    /// tasks may receive from one socket. Cancel safe.
    ///
    /// # Errors
    /// `ConnectionAborted` when the stack is shut down or has ended; and what was reported, on a connected
    /// socket: `ConnectionRefused`, `HostUnreachable` and the like.
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (data, from) = self.recv_chunk_from().await?;
        let len = data.len().min(buf.len());
        buf[..len].copy_from_slice(&data[..len]);
        Ok((len, from))
    }

    /// [`UdpSocket::recv_from`] without the sender.
    ///
    /// # Errors
    /// Those of `recv_from`.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(self.recv_from(buf).await?.0)
    }

    /// What the network reports about a datagram that was sent, on a socket that is not connected (as
    /// `IP_RECVERR` does on Linux). The first 16 that nobody has asked for are kept. For one task at a time.
    /// Cancel safe.
    ///
    /// # Errors
    /// `ConnectionAborted` when the stack is shut down or has ended.
    pub async fn recv_error(&self) -> io::Result<UdpError> {
        poll_fn(|cx| self.net.poll(cx, |stack, cx| stack.poll_udp_error(self.key, cx))).await
    }

    /// Receives one datagram, whole and without a copy, with its sender. Cancel safe.
    ///
    /// # Errors
    /// Those of [`UdpSocket::recv_from`].
    pub async fn recv_chunk_from(&self) -> io::Result<(Bytes, SocketAddr)> {
        let _turn = self.receiving.lock().await;
        poll_fn(|cx| self.poll_recv_chunk_from(cx)).await
    }

    /// [`UdpSocket::recv_chunk_from`] for those who write their own futures. Only the task that
    /// called last is woken, so do not mix the two on one socket.
    pub fn poll_recv_chunk_from(
        &self,
        cx: &mut task::Context<'_>,
    ) -> Poll<io::Result<(Bytes, SocketAddr)>> {
        let peer = self.peer();
        loop {
            let (data, from) =
                ready!(self.net.poll(cx, |stack, cx| stack.poll_udp_receive(self.key, cx)))?;
            if peer.is_none_or(|peer| peer == from) {
                return Poll::Ready(Ok((data, from)));
            }
        }
    }

    /// Looks at the next datagram and leaves it where it is. What others than the peer have sent is
    /// thrown away, as it is by receiving.
    pub(super) fn poll_peek_chunk_from(
        &self,
        cx: &mut task::Context<'_>,
    ) -> Poll<io::Result<(Bytes, SocketAddr)>> {
        let peer = self.peer();
        self.net.poll(cx, |stack, cx| {
            loop {
                match ready!(stack.poll_udp_peek(self.key, cx)) {
                    Ok((_, from)) if peer.is_some_and(|peer| peer != from) => {
                        ready!(stack.poll_udp_receive(self.key, cx))?;
                    }
                    seen => return Poll::Ready(seen),
                }
            }
        })
    }

    fn peer(&self) -> Option<SocketAddr> {
        *self.peer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        // After the end of the stack there is nothing left to close.
        let _ = self.net.call(|stack| stack.udp_close(self.key));
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpSocket")
            .field("local", &self.local)
            .field("peer", &self.peer())
            .finish_non_exhaustive()
    }
}
