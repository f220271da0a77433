//! A UDP socket, whosever it is.

use std::io;
use std::net::SocketAddr;

use crate::control::carry::{self, CarriedDatagrams};
use crate::net;
use crate::service::Datagrams;
use crate::stack::UdpError;

/// The text that fits into a packet of 1,500 bytes, and the most that the kernel takes, which cuts it up.
const USUAL_MAX: usize = 1472;
const KERNEL_MAX: usize = 65_507;

/// A socket for datagrams.
#[derive(Debug)]
pub enum DatagramSocket {
    /// Of a stack of this program.
    Stack(net::UdpSocket),
    /// Of a running glasstcp's stack.
    Daemon(CarriedDatagrams),
    /// Of the kernel.
    Kernel(tokio::net::UdpSocket),
}

impl DatagramSocket {
    pub(super) fn carried(way: carry::Way, local: SocketAddr) -> DatagramSocket {
        DatagramSocket::Daemon(CarriedDatagrams::new(way, local))
    }

    /// Our address.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            DatagramSocket::Stack(socket) => socket.local_addr(),
            DatagramSocket::Daemon(carried) => Ok(carried.local_addr()),
            DatagramSocket::Kernel(socket) => socket.local_addr(),
        }
    }

    /// The most text that a datagram may have, in bytes. That of a running glasstcp's stack is not known: it is
    /// taken to have the usual MTU.
    pub fn max_len(&self) -> usize {
        match self {
            DatagramSocket::Stack(socket) => socket.max_len().unwrap_or(USUAL_MAX),
            DatagramSocket::Daemon(_) => USUAL_MAX,
            DatagramSocket::Kernel(_) => KERNEL_MAX,
        }
    }

    /// Sends one datagram, and says how long it was.
    ///
    /// # Errors
    /// Those of sending.
    pub async fn send_to(&self, text: &[u8], to: SocketAddr) -> io::Result<usize> {
        match self {
            DatagramSocket::Stack(socket) => socket.send_to(text, to).await,
            DatagramSocket::Daemon(carried) => carried.send_to(text, to).await,
            DatagramSocket::Kernel(socket) => socket.send_to(text, to).await,
        }
    }

    /// Receives one datagram: its length and its sender. What does not fit in `buffer` is lost. Cancel safe.
    ///
    /// # Errors
    /// Those of receiving.
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match self {
            DatagramSocket::Stack(socket) => socket.recv_from(buffer).await,
            DatagramSocket::Daemon(carried) => {
                let (from, text) = carried.recv().await?;
                let len = text.len().min(buffer.len());
                buffer[..len].copy_from_slice(&text[..len]);
                Ok((len, from))
            }
            DatagramSocket::Kernel(socket) => socket.recv_from(buffer).await,
        }
    }
}

impl DatagramSocket {
    /// What the network reports about a datagram that was sent. The kernel does not tell. Cancel safe.
    ///
    /// # Errors
    /// Those of receiving.
    pub async fn recv_error(&self) -> io::Result<UdpError> {
        match self {
            DatagramSocket::Stack(socket) => socket.recv_error().await,
            DatagramSocket::Daemon(carried) => carried.recv_error().await,
            DatagramSocket::Kernel(_) => std::future::pending().await,
        }
    }
}

impl Datagrams for DatagramSocket {
    async fn receive(&self, buffer: &mut [u8]) -> Option<io::Result<(usize, SocketAddr)>> {
        match self.recv_from(buffer).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => None,
            received => Some(received),
        }
    }

    async fn send(&self, datagram: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.send_to(datagram, to).await
    }
}
