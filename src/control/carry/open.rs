//! How a client has something opened, and why it may not come to that.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

use super::Inbox;
use crate::control::{AGAIN, ANSWER, MAX_LINE, Reply, Request, version};
use crate::service::text::harmless_line;

/// Why a running glasstcp cannot be used. It has nothing to do with whom one wants to reach over it, and is to be told
/// apart from what that one, or the network, says.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// There is no socket, or one that was left over.
    #[error(
        "no glasstcp listens at {0}: look with 'ls /run/glasstcp' what runs, or leave --via out"
    )]
    Nobody(PathBuf),
    /// It belongs to somebody else.
    #[error("this user may not use the control socket {0}: run it with sudo")]
    Forbidden(PathBuf),
    /// No reply comes.
    #[error("the glasstcp at {0} does not answer: it is stopped, or others keep it busy")]
    Silent(PathBuf),
    /// It was there.
    #[error("the glasstcp that carries it has gone")]
    Gone,
    /// It does not do it, and says why.
    #[error("{0}")]
    Refused(String),
    /// It says what it should not.
    #[error("what comes from the control socket is not the protocol of this glasstcp: {0}")]
    Protocol(String),
    /// The system says something else.
    #[error("cannot use the control socket {0}: {1}")]
    Socket(PathBuf, io::Error),
}

impl From<ControlError> for io::Error {
    fn from(error: ControlError) -> io::Error {
        let kind = match error {
            ControlError::Gone => io::ErrorKind::ConnectionAborted,
            // None that could be taken for what the other side says.
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

impl ControlError {
    /// The glasstcp in between, if that is why `error` happened.
    pub fn of(error: &io::Error) -> Option<&ControlError> {
        error.get_ref()?.downcast_ref()
    }

    fn new(path: &Path, error: io::Error) -> ControlError {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ControlError::Nobody(path)
            }
            io::ErrorKind::PermissionDenied => ControlError::Forbidden(path),
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => ControlError::Gone,
            _ => ControlError::Socket(path, error),
        }
    }
}

/// What carries something that is open.
#[derive(Debug)]
pub struct Way {
    pub(super) unix: UnixStream,
    pub(super) inbox: Inbox,
}

#[cfg(test)]
impl Way {
    /// Sends a frame, which need not be a right one.
    pub(crate) async fn send(&self, frame: &super::Frame) -> io::Result<()> {
        super::Outbox::new(&self.unix).send(frame).await
    }

    /// Sends so much text of a connection, if there is room for it.
    pub(crate) fn try_send(&self, text: &[u8]) -> bool {
        let head = super::frame::data_header(text.len() as u16);
        let sent = self.unix.try_write(&[&head[..], text].concat());
        assert!(sent.as_ref().map_or(true, |sent| *sent == head.len() + text.len()));
        sent.is_ok()
    }
}

/// Asks the glasstcp that listens at `path` to open something; the stack's end and the other one of it, and what
/// carries it. The reply may take as long as `limit`, or if there is none as long as it likes.
///
/// # Errors
/// What the stack fails with, and [`ControlError`].
pub async fn open(
    path: &Path,
    request: &Request,
    limit: Option<Duration>,
) -> io::Result<(Way, SocketAddr, Option<SocketAddr>)> {
    let asked = async {
        let unix = timeout(ANSWER, connect(path)).await;
        let unix = unix.map_err(|_| ControlError::Silent(path.to_owned()))?;
        let mut unix = unix.map_err(|error| ControlError::new(path, error))?;
        let text = version::encode(request)?;
        let sent = unix.write_all(&text).await;
        let mut way = Way { unix, inbox: Inbox::default() };
        // One that has no place for another may have said so without listening; one that has gone says nothing.
        let (local, peer) = opened(&mut way).await?;
        sent.map_err(|error| ControlError::new(path, error))?;
        Ok((way, local, peer))
    };
    match limit {
        Some(limit) => {
            let asked = timeout(limit, asked).await;
            asked.unwrap_or_else(|_| Err(ControlError::Silent(path.to_owned()).into()))
        }
        None => asked.await,
    }
}

/// A connection to the socket, as soon as not too many others wait for theirs.
async fn connect(path: &Path) -> io::Result<UnixStream> {
    loop {
        match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(AGAIN).await,
            connected => return connected,
        }
    }
}

/// Waits for the reply that something is open. Cancel safe.
///
/// # Errors
/// What the stack fails with, and [`ControlError`].
pub async fn opened(way: &mut Way) -> io::Result<(SocketAddr, Option<SocketAddr>)> {
    let line = way.inbox.line(&way.unix, MAX_LINE as usize).await;
    let line = line.map_err(|error| ControlError::Protocol(error.to_string()))?;
    if line.is_empty() {
        return Err(ControlError::Gone.into());
    }
    match serde_json::from_slice(&line) {
        Ok(Reply::Open { local, peer }) => Ok((local, peer)),
        Ok(Reply::Failed(failure)) => Err(failure.into()),
        Ok(Reply::Error(sentence)) => Err(ControlError::Refused(harmless_line(&sentence)).into()),
        Ok(_) => Err(ControlError::Protocol("it tells of something else".to_owned()).into()),
        // It may name what came.
        Err(error) => Err(ControlError::Protocol(harmless_line(&error.to_string())).into()),
    }
}
