//! The two sides over a socket.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant as Clock, sleep, timeout};

use super::codec::{MAX_DATA, MAX_PACKET};
use super::receiver::{self, Gone, Receiver};
use super::sender::{self, Ended, Sender};
use super::store::{Storing, Target};
use crate::client::DatagramSocket;
use crate::service::text::hex;
use crate::time::{Duration, Instant};
use crate::wire::icmp::Notice;

/// Time-outs after which a hard report of the network is the end of it, if nobody has ever answered.
const REFUSALS: u64 = 3;

/// How long a packet may take to be taken that nothing else waits for.
const TAKEN: Duration = Duration::from_secs(1);

/// A file that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// What was counted.
    pub counts: sender::Counts,
    /// The SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// How long it took.
    pub took: Duration,
}

/// Why a file was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The file.
    #[error("cannot read the file: {0}")]
    Read(io::Error),
    /// The first packet could not even be sent.
    #[error("cannot send to {to}: {error}{}", hint(.error))]
    Send {
        /// The receiver.
        to: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The socket.
    #[error("cannot receive: {0}")]
    Receive(io::Error),
    /// It is not known that all has arrived.
    #[error("{}", unfinished(.to, .ended, .counts, .notice.as_ref()))]
    Unfinished {
        /// The receiver.
        to: SocketAddr,
        /// How it ended.
        ended: Ended,
        /// What was counted.
        counts: sender::Counts,
        /// What the network has reported since the last answer.
        notice: Option<Notice>,
    },
}

fn unfinished(
    to: &SocketAddr,
    ended: &Ended,
    counts: &sender::Counts,
    notice: Option<&Notice>,
) -> String {
    let sender::Counts { packets, bytes, .. } = counts;
    let tried = format!("{packets} packets sent");
    let (useless, reported) = (useless(counts), notice.map(|notice| format!(": {notice}")));
    let reported = reported.unwrap_or_default();
    match ended {
        Ended::Stuck { at_end: true } => format!(
            "{to} has acknowledged all but the last packet ({tried}{useless}): it may have the whole file, and has ended{reported}"
        ),
        Ended::Stuck { at_end: false } => format!(
            "{to} has stopped acknowledging after {bytes} bytes ({tried}{useless}){reported}: look whether it still runs, or be more patient with --timeout"
        ),
        Ended::Silent if counts.corrupt > 0 => {
            format!("{to} has acknowledged nothing ({tried}{useless}){reported}")
        }
        Ended::Silent | Ended::Whole => format!(
            "{to} has never answered ({tried}){reported}: look whether 'glasstcp rudp recv' runs there, and on that port"
        ),
    }
}

/// Answers that were of no use, and why.
fn useless(counts: &sender::Counts) -> String {
    let sender::Counts { corrupt, unsound, impossible, .. } = *counts;
    let why = [
        (
            unsound,
            "had a wrong checksum, which is CRC-32 of everything up to and with the last '|'",
        ),
        (
            impossible,
            "acknowledged what was never sent: ack|N says that N is the packet expected next",
        ),
        (corrupt - unsound - impossible, "were neither ack|N nor sack|N;N,N with a checksum"),
    ];
    let why = why.iter().filter(|(count, _)| *count > 0);
    let why: Vec<String> = why.map(|(count, what)| format!("{count} {what}")).collect();
    match corrupt {
        0 => String::new(),
        _ => format!("; of {corrupt} answers that were of no use {}", why.join(", and ")),
    }
}

/// Sends `file` to `to`, and tells `progress` what was counted after each answer. Pieces have `piece` bytes, at
/// most [`MAX_DATA`]. When the network says that nobody can be reached there, and there was never an answer, it is
/// given up after three time-outs: the receiver may be late.
///
/// # Errors
/// Why it was not sent, or may not have arrived.
pub async fn send(
    socket: &DatagramSocket,
    to: SocketAddr,
    file: impl AsyncRead + Unpin,
    (config, piece): (sender::Config, usize),
    mut progress: impl FnMut(&sender::Counts),
) -> Result<Sent, SendError> {
    let begun = Clock::now();
    let now = || Instant::ZERO + begun.elapsed();
    let mut pieces = Pieces::new(file, piece.clamp(1, MAX_DATA));
    let mut sender = Sender::new(config);
    let mut buffer = vec![0; MAX_PACKET + 1];
    let mut notice = None;
    loop {
        while let Some(packet) = sender.transmit(now()) {
            // A glasstcp in between may take none, but the time goes on.
            let limit = sender.deadline().map_or(TAKEN, |deadline| deadline.since(now()));
            match timeout(limit, socket.send_to(&packet, to)).await {
                Ok(Err(error)) if sender.counts().packets == 1 => {
                    return Err(SendError::Send { to, error });
                }
                // It is as lost as on the way.
                _ => {}
            }
        }
        if let Some(ended) = sender.ended() {
            let (counts, took) = (*sender.counts(), begun.elapsed());
            return match ended {
                Ended::Whole => Ok(Sent { counts, sha256: hex(&pieces.hash.finalize()), took }),
                ended => Err(SendError::Unfinished { to, ended, counts, notice }),
            };
        }
        let pause = sender.deadline().map_or(Duration::MAX, |deadline| deadline.since(now()));
        tokio::select! {
            // A pipe may have nothing for long, while answers and the timer go on.
            piece = pieces.next(), if sender.has_room() => {
                let (data, last) = piece.map_err(SendError::Read)?;
                sender.push(&data, last);
            }
            received = socket.recv_from(&mut buffer) => match received {
                Ok((len, from)) if from == to => {
                    sender.receive(now(), &Bytes::copy_from_slice(&buffer[..len]));
                    progress(sender.counts());
                    notice = None;
                }
                Ok(_) => {}
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(SendError::Receive(error)),
            },
            error = socket.recv_error() => {
                let error = error.map_err(SendError::Receive)?;
                let believed = error.to == to && sender.has_sent(&error.text);
                let hard = believed && error.notice.report.is_hard() && !sender.heard();
                if believed {
                    notice = Some(error.notice);
                }
                if hard && sender.counts().timeouts >= REFUSALS {
                    let (ended, counts) = (Ended::Silent, *sender.counts());
                    return Err(SendError::Unfinished { to, ended, counts, notice });
                }
            }
            () = sleep(pause) => sender.expire(now()),
        }
    }
}

/// What to do about a packet that cannot be sent, if that is known.
fn hint(error: &io::Error) -> &'static str {
    let too_long = error.kind() == io::ErrorKind::InvalidInput
        || error.raw_os_error() == Some(nix::errno::Errno::EMSGSIZE as i32);
    if too_long { ": shorten the packets with --packet" } else { "" }
}

/// Whether a socket tells of what an earlier packet met, and works on.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable};
    matches!(
        error.kind(),
        ConnectionRefused | ConnectionReset | HostUnreachable | NetworkUnreachable
    )
}

/// A file in pieces, one ahead, because the last one is another packet.
struct Pieces<R> {
    file: R,
    piece: usize,
    /// The next one, once it is there.
    ahead: Option<Vec<u8>>,
    /// What there is of the one after it.
    after: Vec<u8>,
    hash: Sha256,
}

impl<R: AsyncRead + Unpin> Pieces<R> {
    fn new(file: R, piece: usize) -> Pieces<R> {
        Pieces { file, piece, ahead: None, after: Vec::new(), hash: Sha256::new() }
    }

    /// The next one, and whether it is the last. Nothing is lost when it is dropped before it is done.
    async fn next(&mut self) -> io::Result<(Vec<u8>, bool)> {
        loop {
            while self.after.len() < self.piece {
                let room = (self.piece - self.after.len()) as u64;
                if (&mut self.file).take(room).read_buf(&mut self.after).await? == 0 {
                    break;
                }
            }
            let after = std::mem::take(&mut self.after);
            let last = after.is_empty();
            if let Some(data) = self.ahead.replace(after) {
                self.hash.update(&data);
                return Ok((data, last));
            }
        }
    }
}

/// What happens while one receives.
#[derive(Debug)]
pub enum Arrival {
    /// A file begins to arrive.
    Begun(SocketAddr),
    /// So many bytes of it are there.
    Progress(u64),
    /// It is whole and has its name.
    Whole {
        /// Who sent it.
        from: SocketAddr,
        /// Where it is.
        path: PathBuf,
        /// Its SHA-256 in hexadecimal digits.
        sha256: String,
        /// How long it is.
        bytes: u64,
        /// From its first packet to its last.
        took: Duration,
    },
    /// It cannot be written; nothing is left of it.
    Unwritten(SocketAddr, io::Error),
    /// Nobody listens to the sender any more, whether its file is whole or not.
    Gone {
        /// What was counted.
        gone: Gone,
        /// Whether something of a file that is not whole has gone where it cannot be taken back, as into a pipe.
        spoilt: bool,
        /// Packets of any sender that could not be read, so far.
        corrupt: u64,
        /// Packets of others that could not begin, so far.
        strangers: u64,
    },
}

/// Receives files until `told`, which hears of everything that happens, says that it is enough; it then hears of
/// those that are still listened to.
///
/// # Errors
/// Those of the socket.
pub async fn receive(
    socket: &DatagramSocket,
    target: &Target,
    config: receiver::Config,
    mut told: impl FnMut(Arrival) -> bool,
) -> io::Result<()> {
    let begun = Clock::now();
    let now = || Instant::ZERO + begun.elapsed();
    let mut receiver = Receiver::new(config);
    let mut files = Files { target, open: BTreeMap::new() };
    let mut buffer = vec![0; MAX_PACKET + 1];
    let mut enough = false;
    while !enough {
        let pause = receiver.deadline().map_or(Duration::MAX, |deadline| deadline.since(now()));
        let received = tokio::select! {
            biased;
            // With or without a packet: whose time is over has to go.
            () = sleep(pause) => None,
            received = socket.recv_from(&mut buffer) => match received {
                Err(error) if is_passing(&error) => None,
                received => Some(received?),
            },
        };
        while !enough && let Some(gone) = receiver.expire(now()) {
            enough = files.end(gone, &receiver, &mut told);
        }
        let Some((len, from)) = received.filter(|_| !enough) else {
            continue;
        };
        let datagram = Bytes::copy_from_slice(&buffer[..len]);
        let mut reaction = receiver.receive(now(), from, &datagram);
        if let Some(gone) = reaction.gone.take() {
            enough = files.end(gone, &receiver, &mut told);
            if enough {
                break;
            }
        }
        let (answer, bytes) = (reaction.answer.clone(), receiver.counts(from).bytes);
        match files.take((now(), from), reaction, bytes).await {
            Ok(arrivals) => {
                let progress = std::iter::once(Arrival::Progress(bytes));
                enough = arrivals.into_iter().chain(progress).any(&mut told);
                if let Some(answer) = answer.filter(|_| !enough) {
                    // Lost here or on the way is the same: the sender asks again.
                    let _ = timeout(TAKEN, socket.send_to(&answer, from)).await;
                }
            }
            Err(error) => {
                receiver.refuse(from);
                files.open.remove(&from);
                enough = told(Arrival::Unwritten(from, error));
            }
        }
    }
    while let Some(gone) = receiver.dismiss() {
        files.end(gone, &receiver, &mut told);
    }
    Ok(())
}

/// The files that arrive, with the time when they began.
struct Files<'a> {
    target: &'a Target,
    open: BTreeMap<SocketAddr, (Instant, Storing)>,
}

impl Files<'_> {
    /// Writes what a packet brings, and tells what there is to tell of it.
    async fn take(
        &mut self,
        (now, from): (Instant, SocketAddr),
        reaction: receiver::Reaction,
        bytes: u64,
    ) -> io::Result<Vec<Arrival>> {
        let mut arrivals = Vec::new();
        if reaction.begun {
            self.open.insert(from, (now, Storing::begin(self.target, from).await?));
            arrivals.push(Arrival::Begun(from));
        }
        if let Some((_, storing)) = self.open.get_mut(&from) {
            for piece in &reaction.pieces {
                storing.write(piece).await?;
            }
        }
        if reaction.whole
            && let Some((begun, storing)) = self.open.remove(&from)
        {
            let (path, sha256) = storing.finish().await?;
            arrivals.push(Arrival::Whole { from, path, sha256, bytes, took: now - begun });
        }
        Ok(arrivals)
    }

    /// Drops what there is of a file, and tells of it; whether that was enough.
    fn end(
        &mut self,
        gone: Gone,
        receiver: &Receiver,
        told: &mut impl FnMut(Arrival) -> bool,
    ) -> bool {
        let spoilt = self.open.remove(&gone.from).is_some_and(|(_, storing)| storing.is_spoilt());
        let (corrupt, strangers) = (receiver.corrupt(), receiver.strangers());
        told(Arrival::Gone { gone, spoilt, corrupt, strangers })
    }
}

#[cfg(test)]
mod tests;
