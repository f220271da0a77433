//! What a socket carries that was taken over: a connection, or datagrams, of the stack behind it.
//!
//! ```text
//!   program -- unix socket -- glasstcp up -- its stack -- peer
//! ```
//!
//! The end of what one side of a connection has to send passes through; so does its failure, as an end. A
//! datagram is its length and its address (or the one that it is for) before its text: two bytes, most
//! significant first, then the four of an IPv4 address and the two of the port.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::{MAX_LINE, Reply, Request, Taken, tell};
use crate::net::{Net, TcpListener, TcpStream, UdpSocket};
use crate::stack::SocketError;
use crate::wire::icmp::Notice;

/// Bytes before the text of a datagram.
const FRAME_HEADER: usize = 8;

/// Why something cannot be opened: an [`io::Error`] on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which of [`KINDS`]; others are lost.
    kind: String,
    /// In words.
    reason: String,
    /// What the network has reported, where that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    notice: Option<Notice>,
}

/// What a stack's sockets fail with, by name.
const KINDS: [(io::ErrorKind, &str); 10] = [
    (io::ErrorKind::ConnectionRefused, "connection-refused"),
    (io::ErrorKind::ConnectionReset, "connection-reset"),
    (io::ErrorKind::ConnectionAborted, "connection-aborted"),
    (io::ErrorKind::TimedOut, "timed-out"),
    (io::ErrorKind::HostUnreachable, "host-unreachable"),
    (io::ErrorKind::NetworkUnreachable, "network-unreachable"),
    (io::ErrorKind::AddrInUse, "address-in-use"),
    (io::ErrorKind::AddrNotAvailable, "address-not-available"),
    (io::ErrorKind::ResourceBusy, "resource-busy"),
    (io::ErrorKind::InvalidInput, "invalid-input"),
];

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        let known = KINDS.iter().find(|(kind, _)| *kind == error.kind());
        let kind = known.map_or("other", |(_, name)| name).to_owned();
        Failure { kind, reason: error.to_string(), notice: SocketError::notice_of(&error) }
    }
}

impl From<Failure> for io::Error {
    fn from(Failure { kind, reason, notice }: Failure) -> io::Error {
        if let Some(notice) = notice {
            return SocketError::Reported(notice).into();
        }
        let known = KINDS.iter().find(|(_, name)| *name == kind);
        io::Error::new(known.map_or(io::ErrorKind::Other, |(kind, _)| *kind), reason)
    }
}

/// Carries a connection to `to`. With `within_ms` opening it may take as long as that, and it does without
/// Nagle's algorithm.
pub fn connect(
    net: Net,
    to: SocketAddr,
    within_ms: Option<u64>,
) -> Box<dyn FnOnce(UnixStream) -> Taken + Send> {
    let limit = within_ms.map(Duration::from_millis);
    Box::new(move |mut unix| {
        Box::pin(async move {
            let opened = tokio::select! {
                opened = TcpStream::connect_within(&net, to, limit) => opened,
                // The client has given up.
                _ = gone(&unix) => return Ok(()),
            };
            match opened {
                Ok(stream) => {
                    if limit.is_some() {
                        stream.set_nodelay(true)?;
                    }
                    carry(unix, stream).await
                }
                Err(error) => tell(&mut unix, &Reply::Failed(error.into())).await,
            }
        })
    })
}

/// Carries the first connection that comes to a port.
pub fn listen(net: Net, port: u16) -> Box<dyn FnOnce(UnixStream) -> Taken + Send> {
    Box::new(move |mut unix| {
        Box::pin(async move {
            let listener = match TcpListener::bind(&net, (Ipv4Addr::UNSPECIFIED, port)).await {
                Ok(listener) => listener,
                Err(error) => return tell(&mut unix, &Reply::Failed(error.into())).await,
            };
            let local = listener.local_addr()?;
            tell(&mut unix, &Reply::Open { local, peer: None }).await?;
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = gone(&unix) => return Ok(()),
            };
            drop(listener);
            match accepted {
                Ok((stream, _)) => carry(unix, stream).await,
                Err(error) => tell(&mut unix, &Reply::Failed(error.into())).await,
            }
        })
    })
}

/// Carries the datagrams of a port.
pub fn datagrams(net: Net, port: u16) -> Box<dyn FnOnce(UnixStream) -> Taken + Send> {
    Box::new(move |mut unix| {
        Box::pin(async move {
            let socket = match UdpSocket::bind(&net, (Ipv4Addr::UNSPECIFIED, port)).await {
                Ok(socket) => socket,
                Err(error) => return tell(&mut unix, &Reply::Failed(error.into())).await,
            };
            let local = socket.local_addr()?;
            tell(&mut unix, &Reply::Open { local, peer: None }).await?;
            let (mut reading, mut writing) = unix.into_split();
            let out = async {
                while let Some((text, to)) = read_frame(&mut reading).await? {
                    // As on a network, what cannot be sent is lost.
                    let _ = socket.send_to(&text, to).await;
                }
                Ok(())
            };
            let back = async {
                loop {
                    let (text, from) = socket.recv_chunk_from().await?;
                    write_frame(&mut writing, &text, from).await?;
                }
            };
            tokio::select! {
                ended = out => ended,
                failed = back => failed,
            }
        })
    })
}

/// Ready when the client has closed its socket.
async fn gone(unix: &UnixStream) {
    // It must not send before the reply: whatever is there to be read is the end, or as good as that.
    let _ = unix.readable().await;
}

async fn carry(mut unix: UnixStream, mut stream: TcpStream) -> io::Result<()> {
    let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
    tell(&mut unix, &Reply::Open { local, peer: Some(peer) }).await?;
    tokio::io::copy_bidirectional(&mut unix, &mut stream).await.map(drop)
}

/// The next datagram and its address; `None` at the end.
///
/// # Errors
/// `InvalidData` for what is no frame, and those of reading.
pub async fn read_frame(
    reading: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<(Vec<u8>, SocketAddr)>> {
    let mut header = [0; FRAME_HEADER];
    match reading.read_exact(&mut header).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    };
    let [l0, l1, a, b, c, d, p0, p1] = header;
    let mut text = vec![0; u16::from_be_bytes([l0, l1]).into()];
    reading.read_exact(&mut text).await?;
    let place = SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([p0, p1]));
    Ok(Some((text, place.into())))
}

/// Sends a datagram with its address.
///
/// # Errors
/// `InvalidInput` for what is too long or not of IPv4, and those of writing.
pub async fn write_frame(
    writing: &mut (impl AsyncWrite + Unpin),
    text: &[u8],
    place: SocketAddr,
) -> io::Result<()> {
    let (Ok(len), SocketAddr::V4(place)) = (u16::try_from(text.len()), place) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let mut frame = Vec::with_capacity(FRAME_HEADER + text.len());
    frame.extend(len.to_be_bytes());
    frame.extend(place.ip().octets());
    frame.extend(place.port().to_be_bytes());
    frame.extend(text);
    writing.write_all(&frame).await
}

/// Asks the glasstcp that listens at `path` to open something; the stack's end and the other one of it, and what
/// carries it.
///
/// # Errors
/// What the stack fails with, and when nobody listens there, or this user may not ask.
pub async fn open(
    path: &Path,
    request: &Request,
) -> io::Result<(BufReader<UnixStream>, SocketAddr, Option<SocketAddr>)> {
    let mut stream = UnixStream::connect(path).await?;
    let mut text = serde_json::to_vec(request)?;
    text.push(b'\n');
    stream.write_all(&text).await?;
    let mut stream = BufReader::new(stream);
    let (local, peer) = opened(&mut stream).await?;
    Ok((stream, local, peer))
}

/// Waits for the reply that something is open.
///
/// # Errors
/// What the stack fails with, and `UnexpectedEof` when it ends.
pub async fn opened(
    stream: &mut BufReader<UnixStream>,
) -> io::Result<(SocketAddr, Option<SocketAddr>)> {
    let mut line = Vec::new();
    stream.take(MAX_LINE).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    match serde_json::from_slice(&line)? {
        Reply::Open { local, peer } => Ok((local, peer)),
        Reply::Failed(failure) => Err(failure.into()),
        Reply::Error(sentence) => Err(io::Error::other(sentence)),
        Reply::Link(_) => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests;
