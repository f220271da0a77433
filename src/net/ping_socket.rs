//! Ping sockets.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::task::Poll;

use bytes::Bytes;

use super::Net;
use crate::stack::{PingAnswer, PingKey, SocketError};

/// A socket for ICMP echo requests (RFC 792), as Linux has them. Dropping it closes it, with what nobody
/// received.
pub struct PingSocket {
    net: Net,
    key: PingKey,
    identifier: u16,
    /// The stack remembers one task that waits; with several, each waits for its turn here.
    receiving: tokio::sync::Mutex<()>,
}

impl PingSocket {
    /// A socket whose requests carry `identifier`, by which their replies find it; 0 means one that is
    /// free.
    ///
    /// # Errors
    /// `AddrInUse` when another socket has the identifier, `ResourceBusy` when all are taken, and
    /// `ConnectionAborted` when the stack has ended.
    pub async fn bind(net: &Net, identifier: u16) -> io::Result<PingSocket> {
        let net = net.home();
        let (key, identifier) = net.try_call(|stack| {
            let key = stack.ping_bind(identifier)?;
            let identifier = stack.ping_identifier(key).ok_or(SocketError::NotConnected)?;
            Ok((key, identifier))
        })?;
        let receiving = tokio::sync::Mutex::new(());
        Ok(PingSocket { net, key, identifier, receiving })
    }

    /// What its requests carry.
    pub fn identifier(&self) -> u16 {
        self.identifier
    }

    /// Sets how many routers a request may pass; 64 at first, at least 1.
    ///
    /// # Errors
    /// `ConnectionAborted` when the stack has ended.
    pub fn set_ttl(&self, ttl: u8) -> io::Result<()> {
        self.net.try_call(|stack| stack.set_ping_ttl(self.key, ttl))
    }

    /// Sends the echo request number `seq`.
    ///
    /// # Errors
    /// `InvalidInput` when it is too long for one packet, `HostUnreachable` when there is no route,
    /// `ConnectionAborted` when the stack has ended.
    pub async fn send_to(&self, to: IpAddr, seq: u16, payload: Bytes) -> io::Result<()> {
        poll_fn(|cx| {
            let payload = payload.clone();
            self.net.poll(cx, |stack, _| Poll::Ready(stack.ping_send(self.key, to, seq, payload)))
        })
        .await
    }

    /// What came of a request: a reply, or an error that the network reports. Several tasks may receive
    /// from one socket. Cancel safe.
    ///
    /// # Errors
    /// `ConnectionAborted` when the stack is shut down or has ended.
    pub async fn recv(&self) -> io::Result<PingAnswer> {
        let _turn = self.receiving.lock().await;
        poll_fn(|cx| self.net.poll(cx, |stack, cx| stack.poll_ping_receive(self.key, cx))).await
    }
}

impl Drop for PingSocket {
    fn drop(&mut self) {
        // After the end of the stack there is nothing left to close.
        let _ = self.net.call(|stack| stack.ping_close(self.key));
    }
}

impl fmt::Debug for PingSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PingSocket").field("identifier", &self.identifier).finish_non_exhaustive()
    }
}
