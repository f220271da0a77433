//! A UDP socket, whosever it is.

use std::io;
use std::net::SocketAddr;

use tokio::io::{BufReader, WriteHalf};
use tokio::net::UnixStream;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::control::carry;
use crate::net;
use crate::service::Datagrams;
use crate::stack::UdpError;

/// Datagrams that may wait to be received; more are lost, as on a network.
const WAITING: usize = 1024;

/// The text that fits into a packet of 1,500 bytes, and the most that the kernel takes, which cuts it up.
const USUAL_MAX: usize = 1472;
const KERNEL_MAX: usize = 65_507;

/// A socket for datagrams.
#[derive(Debug)]
pub enum DatagramSocket {
    /// Of a stack of this program.
    Stack(net::UdpSocket),
    /// Of a running glasstcp's stack.
    Daemon(Box<Carried>),
    /// Of the kernel.
    Kernel(tokio::net::UdpSocket),
}

/// What carries the datagrams of a running glasstcp's socket.
#[derive(Debug)]
pub struct Carried {
    arrived: Mutex<mpsc::Receiver<(Vec<u8>, SocketAddr)>>,
    writing: Mutex<WriteHalf<BufReader<UnixStream>>>,
    local: SocketAddr,
    /// The task that reads, which ends with this.
    _reader: JoinSet<()>,
}

impl DatagramSocket {
    pub(super) fn carried(stream: BufReader<UnixStream>, local: SocketAddr) -> DatagramSocket {
        let (mut reading, writing) = tokio::io::split(stream);
        let (arrives, arrived) = mpsc::channel(WAITING);
        // A task of its own, so that who gives up waiting leaves no half of a frame.
        let mut reader = JoinSet::new();
        reader.spawn(async move {
            while let Ok(Some(datagram)) = carry::read_frame(&mut reading).await {
                if let Err(mpsc::error::TrySendError::Closed(_)) = arrives.try_send(datagram) {
                    return;
                }
            }
        });
        let (arrived, writing) = (Mutex::new(arrived), Mutex::new(writing));
        DatagramSocket::Daemon(Box::new(Carried { arrived, writing, local, _reader: reader }))
    }

    /// Our address.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            DatagramSocket::Stack(socket) => socket.local_addr(),
            DatagramSocket::Daemon(carried) => Ok(carried.local),
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
            DatagramSocket::Daemon(carried) => {
                let mut writing = carried.writing.lock().await;
                carry::write_frame(&mut *writing, text, to).await?;
                Ok(text.len())
            }
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
                let datagram = carried.arrived.lock().await.recv().await;
                let (text, from) = datagram.ok_or(io::ErrorKind::ConnectionAborted)?;
                let len = text.len().min(buffer.len());
                buffer[..len].copy_from_slice(&text[..len]);
                Ok((len, from))
            }
            DatagramSocket::Kernel(socket) => socket.recv_from(buffer).await,
        }
    }
}

impl DatagramSocket {
    /// What the network reports about a datagram that was sent. Nobody is told of it but who has the stack.
    /// Cancel safe.
    ///
    /// # Errors
    /// Those of receiving.
    pub async fn recv_error(&self) -> io::Result<UdpError> {
        match self {
            DatagramSocket::Stack(socket) => socket.recv_error().await,
            DatagramSocket::Daemon(_) | DatagramSocket::Kernel(_) => std::future::pending().await,
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
