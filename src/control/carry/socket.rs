//! The client's end of carried datagrams.
//!
//! ```text
//!   send_to -> writer -- datagram --> glasstcp
//!           <-(waits)-- reader <- sent
//!   recv, recv_error <- reader <- datagram, report
//! ```
//!
//! The socket belongs to two tasks, so that who gives up waiting leaves no half of a frame.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::net::UnixStream;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinSet;

use super::{ControlError, Failure, Frame, Inbox, Outbox, Way};
use crate::stack::UdpError;

/// Datagrams that may wait to be received; more are lost, as on a network.
const WAITING: usize = 1024;
/// Datagrams that may wait to be sent, of which one does not know yet whether they were.
const SENDING: usize = 16;
/// Errors that wait for who asks for them, as many as a socket of the stack keeps.
const ERRORS: usize = 16;

/// A UDP socket of a running glasstcp's stack. Must be made within a tokio runtime.
#[derive(Debug)]
pub struct CarriedDatagrams {
    local: SocketAddr,
    sends: mpsc::Sender<(Frame, Told)>,
    arrived: Mutex<mpsc::Receiver<(SocketAddr, Bytes)>>,
    errors: Mutex<mpsc::Receiver<UdpError>>,
    failure: Arc<OnceLock<Failure>>,
    /// The two, which end with this.
    _tasks: JoinSet<()>,
}

/// Hears whether a datagram was sent.
type Told = oneshot::Sender<io::Result<()>>;

/// Where the reader puts what it reads.
struct Reader {
    answers: mpsc::Receiver<Told>,
    arrives: mpsc::Sender<(SocketAddr, Bytes)>,
    reports: mpsc::Sender<UdpError>,
    failure: Arc<OnceLock<Failure>>,
}

impl CarriedDatagrams {
    /// One whose datagrams are carried this way.
    pub fn new(way: Way, local: SocketAddr) -> CarriedDatagrams {
        let Way { unix, inbox } = way;
        let unix = Arc::new(unix);
        let (sends, sending) = mpsc::channel(SENDING);
        let (asks, answers) = mpsc::channel(SENDING);
        let (arrives, arrived) = mpsc::channel(WAITING);
        let (reports, errors) = mpsc::channel(ERRORS);
        let failure = Arc::new(OnceLock::new());
        let reader = Reader { answers, arrives, reports, failure: Arc::clone(&failure) };
        let mut tasks = JoinSet::new();
        tasks.spawn(write(Arc::clone(&unix), sending, asks));
        tasks.spawn(reader.run(unix, inbox));
        let (arrived, errors) = (Mutex::new(arrived), Mutex::new(errors));
        CarriedDatagrams { local, sends, arrived, errors, failure, _tasks: tasks }
    }

    /// The stack's address.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Sends one datagram, and says how long it was.
    ///
    /// # Errors
    /// Those of the stack's [`UdpSocket::send_to`](crate::net::UdpSocket::send_to), and [`ControlError`].
    pub async fn send_to(&self, text: &[u8], to: SocketAddr) -> io::Result<usize> {
        let (tells, told) = oneshot::channel();
        let frame = Frame::Datagram(to, Bytes::copy_from_slice(text));
        self.sends.send((frame, tells)).await.map_err(|_| self.over())?;
        told.await.map_err(|_| self.over())??;
        Ok(text.len())
    }

    /// Receives one datagram, with its sender. Cancel safe.
    ///
    /// # Errors
    /// Those of the stack's, and [`ControlError`].
    pub async fn recv(&self) -> io::Result<(SocketAddr, Bytes)> {
        self.arrived.lock().await.recv().await.ok_or_else(|| self.over())
    }

    /// What the network reports about a datagram that was sent. Cancel safe.
    ///
    /// # Errors
    /// Those of the stack's, and [`ControlError`].
    pub async fn recv_error(&self) -> io::Result<UdpError> {
        self.errors.lock().await.recv().await.ok_or_else(|| self.over())
    }

    /// Why nothing comes any more.
    fn over(&self) -> io::Error {
        let failure = self.failure.get().cloned();
        failure.map_or_else(|| ControlError::Gone.into(), io::Error::from)
    }
}

/// Sends datagrams, and has the reader tell what came of them.
async fn write(
    unix: Arc<UnixStream>,
    mut sending: mpsc::Receiver<(Frame, Told)>,
    asks: mpsc::Sender<Told>,
) {
    let mut outbox = Outbox::new(&unix);
    while let Some((frame, told)) = sending.recv().await {
        if let Err(error) = frame.encode() {
            // Nobody has to be asked; who does not listen does not want to know.
            let _ = told.send(Err(error));
            continue;
        }
        if asks.send(told).await.is_err() || outbox.send(&frame).await.is_err() {
            return;
        }
    }
}

impl Reader {
    /// Reads to the end. What nobody takes is lost: what carries it must not be held up.
    async fn run(mut self, unix: Arc<UnixStream>, mut inbox: Inbox) {
        while let Ok(Some(frame)) = inbox.next(&unix).await {
            match frame {
                Frame::Datagram(from, text) => {
                    let _ = self.arrives.try_send((from, text));
                }
                Frame::Report(error) => {
                    let _ = self.reports.try_send(error);
                }
                Frame::Sent(failure) => {
                    let Ok(told) = self.answers.try_recv() else {
                        return;
                    };
                    let _ = told.send(failure.map_or(Ok(()), |failure| Err(failure.into())));
                }
                Frame::Failed(failure) => {
                    let _ = self.failure.set(failure);
                    return;
                }
                Frame::Data(_) | Frame::End | Frame::Acknowledged(_) => return,
            }
        }
    }
}
