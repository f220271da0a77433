//! DNS for clients that cannot reach the server themselves: questions are handed on, and its answers back (RFC 5625).
//!
//! ```text
//!   dig -- UDP, TCP --> Request::read --> Forward (client::dns) --> the server of --dns
//!       <-- whole, or TC and no records -- the answer as it came <--'
//!       <-- FORMERR, NOTIMP, SERVFAIL
//! ```
//!
//! Nothing is kept. Each question has a number and a port of its own towards the server, and the client's number is put
//! back before the answer.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hickory_proto::op::{Header, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::RecordType;
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::accept::{PAUSE_MIN, wait};
use super::{Datagrams, ServiceContext, Stream, discard};

#[cfg(test)]
mod tests;

/// Longest question, in bytes: one with a signature has less than a quarter of it.
pub const QUESTION_MAX: usize = 4096;
/// Longest datagram of an answer, in bytes, whatever a client says it can take: on most paths it stays in one piece (RFC
/// 9715 3.1).
pub const DATAGRAM_MAX: usize = 1232;
/// The same for a client that does not say what it can take (RFC 1035 4.2.1).
const DATAGRAM_PLAIN: usize = 512;
/// Most questions on the way at a time that have come over UDP to one address, and as many over TCP.
pub const WAITING_MAX: usize = 256;
/// How long the server has for an answer: clients ask again after five seconds as a rule.
pub const PATIENCE: Duration = Duration::from_secs(4);
/// How long a client may be silent on a connection, or take nothing (RFC 7766 6.2.3).
const IDLE: Duration = Duration::from_secs(10);

/// Length of a header (RFC 1035 4.1.1).
const HEADER: usize = 12;
/// The flags of a header: the upper byte, which begins with QR, and the lower one, which begins with RA.
mod flag {
    pub const RESPONSE: u8 = 0x80;
    pub const OPCODE: u8 = 0x78;
    pub const TRUNCATED: u8 = 0x02;
    pub const RECURSION_DESIRED: u8 = 0x01;
    pub const RECURSION_AVAILABLE: u8 = 0x80;
    pub const CHECKING_DISABLED: u8 = 0x10;
}

/// Hands a question on. The answer has the number of the question; an error is for the log.
#[derive(Clone)]
pub struct Forward {
    ask: Arc<dyn Fn(Vec<u8>) -> Answer + Send + Sync>,
    /// For the connections of all listeners; those of a socket are counted where it is read.
    places: Arc<Semaphore>,
}

/// The answer to a question, later.
pub type Answer = BoxFuture<'static, Result<Vec<u8>, String>>;

impl Forward {
    /// Has questions answered by `ask`.
    pub fn new(ask: impl Fn(Vec<u8>) -> Answer + Send + Sync + 'static) -> Forward {
        Forward { ask: Arc::new(ask), places: Arc::new(Semaphore::new(WAITING_MAX)) }
    }
}

impl fmt::Debug for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Forward")
    }
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Request {
    /// The whole message.
    bytes: Vec<u8>,
    /// Where its question ends; without one it is the end of the header.
    end: usize,
    /// What the client has said of itself, and whether it wants DNSSEC (RFC 6891 6.1.3).
    edns: Option<Edns>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Edns {
    datagram: usize,
    dnssec: bool,
}

/// What is to be done about a message.
#[derive(Debug, PartialEq, Eq)]
enum Todo {
    /// Nothing: it is an answer, too short to be answered, or longer than any question. So two servers cannot keep each
    /// other busy.
    Nothing,
    /// It is answered with this.
    Say(Vec<u8>),
    /// It is for the server.
    Ask(Request),
}

impl Request {
    /// Looks what a message is: one question of any name, type and class is for the server.
    fn read(bytes: &[u8]) -> Todo {
        let mut decoder = BinDecoder::new(bytes);
        let Ok(Header { metadata, counts }) = Header::read(&mut decoder) else {
            return Todo::Nothing;
        };
        if metadata.message_type != MessageType::Query || bytes.len() > QUESTION_MAX {
            return Todo::Nothing;
        }
        let mut request = Request { bytes: bytes.to_vec(), end: HEADER, edns: None };
        if metadata.op_code != OpCode::Query {
            return Todo::Say(request.refuse(ResponseCode::NotImp));
        }
        let query = Query::read(&mut decoder);
        let (Ok(query), 1) = (query, counts.queries) else {
            return Todo::Say(request.refuse(ResponseCode::FormErr));
        };
        request.end = decoder.index();
        let Ok(message) = Message::from_vec(bytes) else {
            return Todo::Say(request.refuse(ResponseCode::FormErr));
        };
        request.edns = message.edns.map(|edns| Edns {
            datagram: edns.max_payload().into(),
            dnssec: edns.flags().dnssec_ok,
        });
        match query.query_type() {
            // A zone comes in many messages (RFC 5936 2.2).
            RecordType::AXFR | RecordType::IXFR => Todo::Say(request.refuse(ResponseCode::Refused)),
            _ => Todo::Ask(request),
        }
    }

    /// The number, these flags, the question, and no record but ours (RFC 6891 7).
    fn bare(&self, flags: [u8; 2]) -> Vec<u8> {
        let mut reply = self.bytes[..self.end].to_vec();
        reply[2..4].copy_from_slice(&flags);
        let questions = u8::from(self.end > HEADER);
        let own = u8::from(self.edns.is_some());
        reply[4..HEADER].copy_from_slice(&[0, questions, 0, 0, 0, 0, 0, own]);
        if let Some(edns) = self.edns {
            let [high, low] = (DATAGRAM_MAX as u16).to_be_bytes();
            let flags = u8::from(edns.dnssec) << 7;
            // The name of the root, the type, and then the fields that have another meaning here (RFC 6891 6.1.2).
            reply.extend([0, 0, 41, high, low, 0, 0, flags, 0, 0, 0]);
        }
        reply
    }

    /// An answer that says only why there is none.
    fn refuse(&self, code: ResponseCode) -> Vec<u8> {
        let [upper, lower] = [self.bytes[2], self.bytes[3]];
        self.bare([
            flag::RESPONSE | upper & (flag::OPCODE | flag::RECURSION_DESIRED),
            flag::RECURSION_AVAILABLE | lower & flag::CHECKING_DISABLED | code.low(),
        ])
    }

    /// An answer without its records, for which a client comes again over TCP (RFC 2181 9).
    fn cut(&self, answer: &[u8]) -> Vec<u8> {
        self.bare([answer[2] | flag::TRUNCATED, answer[3]])
    }

    /// The longest datagram that the client takes, in bytes.
    fn datagram(&self) -> usize {
        let told = self.edns.map_or(DATAGRAM_PLAIN, |edns| edns.datagram);
        told.clamp(DATAGRAM_PLAIN, DATAGRAM_MAX)
    }

    /// An answer as a datagram that the client takes.
    fn fitted(&self, answer: Vec<u8>) -> Vec<u8> {
        match answer.len() <= self.datagram() {
            true => answer,
            false => self.cut(&answer),
        }
    }

    /// What the server says, or that it says nothing.
    async fn answer(&self, context: &ServiceContext) -> Vec<u8> {
        let failed = |why: &str| {
            log::debug!("dns: a question is not answered: {why}");
            self.refuse(ResponseCode::ServFail)
        };
        let Some(forward) = &context.forward else {
            return failed("there is no server to ask");
        };
        match timeout(PATIENCE, (forward.ask)(self.bytes.clone())).await {
            Ok(Ok(answer)) if answer.len() >= HEADER => answer,
            Ok(Ok(_)) => failed("what has come is no answer"),
            Ok(Err(why)) => failed(&why),
            Err(_) => failed(&format!("the server has been silent for {PATIENCE:?}")),
        }
    }
}

/// Answers the questions of a connection one after the other, each with its length before it (RFC 1035 4.2.2), until the
/// client closes, is too slow, or sends what is no question.
///
/// # Errors
/// What reading and writing the stream gave.
pub async fn serve<S: Stream>(mut stream: S, context: Arc<ServiceContext>) -> io::Result<()> {
    let (mut reader, mut writer) = stream.halves();
    for _ in 0..context.limits.requests {
        let Ok(message) = timeout(IDLE, read_message(&mut reader)).await else { break };
        let Some(message) = message? else { break };
        // Held until the client has the answer, which may be long.
        let _place = match &context.forward {
            Some(forward) => forward.places.acquire().await.ok(),
            None => None,
        };
        let answer = match Request::read(&message) {
            Todo::Nothing => break,
            Todo::Say(answer) => answer,
            Todo::Ask(request) => request.answer(&context).await,
        };
        let Ok(len) = u16::try_from(answer.len()) else { break };
        let framed = [&len.to_be_bytes(), &answer[..]].concat();
        match timeout(IDLE, writer.write_all(&framed)).await {
            Ok(written) => written?,
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        }
    }
    discard::close_gently(&mut reader, &mut writer).await
}

/// The next message; `None` at the end, and when it is longer than any question.
async fn read_message<R: AsyncRead + Unpin>(reader: &mut R) -> io::Result<Option<Vec<u8>>> {
    let len = match reader.read_u16().await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        len => usize::from(len?),
    };
    if len > QUESTION_MAX {
        return Ok(None);
    }
    let mut message = vec![0; len];
    reader.read_exact(&mut message).await?;
    Ok(Some(message))
}

/// Answers every question that reaches `socket`, until it is gone; what comes while [`WAITING_MAX`] of them wait for
/// the server fails at once. A failed call is logged at debug.
pub(super) async fn serve_socket<D: Datagrams>(socket: D, context: Arc<ServiceContext>) {
    let mut buffer = vec![0; usize::from(u16::MAX)];
    let mut pause = PAUSE_MIN;
    let mut asked = JoinSet::new();
    loop {
        tokio::select! {
            Some(done) = asked.join_next() => if let Ok((request, answer, to)) = done {
                send(&socket, &request, answer, to).await;
            },
            received = socket.receive(&mut buffer) => match received {
                None => return,
                Some(Ok((len, from))) => {
                    pause = PAUSE_MIN;
                    match Request::read(&buffer[..len]) {
                        Todo::Nothing => {}
                        Todo::Say(answer) => drop(socket.send(&answer, from).await),
                        Todo::Ask(request) if asked.len() < WAITING_MAX => {
                            asked.spawn(asking(request, from, Arc::clone(&context)));
                        }
                        Todo::Ask(request) => {
                            drop(socket.send(&request.refuse(ResponseCode::ServFail), from).await);
                        }
                    }
                }
                Some(Err(error)) => {
                    log::debug!("dns: cannot receive over UDP: {error}");
                    pause = wait(pause).await;
                }
            },
        }
    }
}

/// Asks the server, for whoever is there.
async fn asking(
    request: Request,
    from: SocketAddr,
    context: Arc<ServiceContext>,
) -> (Request, Vec<u8>, SocketAddr) {
    let answer = request.answer(&context).await;
    let answer = request.fitted(answer);
    (request, answer, from)
}

/// Sends an answer; one that is too long for the way is cut.
async fn send<D: Datagrams>(socket: &D, request: &Request, answer: Vec<u8>, to: SocketAddr) {
    let Err(error) = socket.send(&answer, to).await else { return };
    log::debug!("dns: cannot answer {to} over UDP: {error}");
    if answer.len() > DATAGRAM_PLAIN {
        drop(socket.send(&request.cut(&answer), to).await);
    }
}
