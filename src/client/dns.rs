//! Names: questions to a DNS server (RFC 1035), over sockets of any kind.
//!
//! ```text
//!   lookup -> Question -> UDP, three tries ---------> read -> follow -> Answers
//!             |           '-- too long for it -> TCP -'      |
//!             '------ an alias that leads out of it ---------'
//! ```
//!
//! Nothing here is kept: who asks twice is answered twice.

mod chain;
mod message;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::{DatagramSocket, Sockets};
use crate::stack::{SocketError, UdpError};
use crate::wire::icmp::Notice;
use chain::Chain;
use message::{Question, Reading};

#[cfg(test)]
mod tests;

/// The port of DNS servers.
pub const PORT: u16 = 53;

/// When a try over UDP ends, as parts of the whole time: each lasts three times as long as the one before.
const TRIES: [u32; 3] = [1, 4, 13];

/// The lowest port to ask from: of all that are not the system's, so that there are as many as can be (RFC 6056 3.2,
/// RFC 5452 9.2).
const PORT_MIN: u16 = 1024;
/// How many of them are tried, as one may be in use.
const PORT_TRIES: usize = 16;

/// Longest message that is taken over UDP, in bytes: several times as long as one may be (RFC 1035 4.2.1).
const REPLY_MAX: usize = 4096;

/// Asks one server.
#[derive(Clone, Debug)]
pub struct Resolver {
    /// What it asks over.
    pub sockets: Sockets,
    /// Whom it asks.
    pub server: SocketAddr,
    /// How long it waits for the answer, all tries together.
    pub timeout: Duration,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An address of IPv4.
    A,
    /// An address of IPv6 (RFC 3596).
    Aaaa,
    /// Another name for it.
    Cname,
}

/// What the server has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// The aliases in the order in which one leads to the next, then the records that were asked for, of which
    /// there is at least one.
    pub records: Vec<Record>,
    /// Which way the answer came.
    pub way: Way,
}

/// One record of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose it is, with the dot at its end.
    pub name: String,
    /// For how long it may be kept, in seconds.
    pub ttl: u32,
    /// What it says.
    pub data: Data,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// An address of IPv4.
    A(Ipv4Addr),
    /// An address of IPv6.
    Aaaa(Ipv6Addr),
    /// The name is another one for this.
    Cname(String),
}

/// Which way an answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In a datagram.
    Udp,
    /// Over a connection, because it was too long for a datagram.
    Tcp,
}

/// Why there is no answer of use.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// It cannot be asked for.
    #[error("'{0}' is no name that DNS knows how to ask for: {1}")]
    Name(String, String),
    /// What is to be handed on is no question.
    #[error("this is no question for a DNS server: {0}")]
    Question(String),
    /// NXDOMAIN.
    #[error("there is no name {0}, says the DNS server {1}")]
    NoSuchName(String, SocketAddr),
    /// The name is there, and has other records or none.
    #[error("{0} has no {1} record, says the DNS server {2}")]
    NoRecord(String, Kind, SocketAddr),
    /// SERVFAIL.
    #[error(
        "the DNS server {1} could not find out about {0} (SERVFAIL): try again, or ask another one"
    )]
    Failed(String, SocketAddr),
    /// REFUSED.
    #[error(
        "the DNS server {0} does not answer questions of ours (REFUSED): ask another one with --dns"
    )]
    Refused(SocketAddr),
    /// Any other code of RFC 1035 4.1.1.
    #[error("the DNS server {0} does not answer: {1}")]
    Other(SocketAddr, String),
    /// Nothing came, or nothing that was an answer.
    #[error("the DNS server {0} has not answered within {1:?}: look whether --dns is right")]
    NoAnswer(SocketAddr, Duration),
    /// Nothing came, and the network has reported why that may be.
    #[error("the DNS server {0} has not answered within {1:?}: {2}")]
    Reported(SocketAddr, Duration, Notice),
    /// What came cannot be read.
    #[error("the DNS server {0} sends what cannot be read: {1}")]
    Unreadable(SocketAddr, String),
    /// An alias leads to where it came from.
    #[error(
        "the name {0} never ends: its aliases go round in a circle at {1}, says the DNS server {2}"
    )]
    Circle(String, String, SocketAddr),
    /// One alias leads to another without an end.
    #[error(
        "the name {0} leads to more than {1} others one after another, says the DNS server {2}"
    )]
    TooLong(String, usize, SocketAddr),
    /// The server cannot be reached.
    #[error("cannot ask the DNS server {0} over {1}: {2}")]
    Io(SocketAddr, Way, io::Error),
}

impl Resolver {
    /// Asks for the records of a name. Those that lead there from other names are among the answers.
    ///
    /// # Errors
    /// [`LookupError`] says which there are. What is no answer to the question is not one of them: it is passed
    /// over, and one waits on.
    pub async fn lookup(&self, name: &str, kind: Kind) -> Result<Answers, LookupError> {
        let mut question = Question::new(name, kind)?;
        let mut chain = Chain::new(&question, kind, self.server);
        let deadline = Instant::now() + self.timeout;
        loop {
            let (way, reading) = self.ask(&question, deadline).await?;
            match chain.follow(reading)? {
                Some(next) => question = Question::of(next, kind)?,
                None => return Ok(Answers { records: chain.found, way }),
            }
        }
    }

    /// Hands a question of somebody else on, with a number and a port of its own (RFC 5625 6.1). What the server answers
    /// is given as it came, whatever it says, but with the number of that question; it has at least a header.
    ///
    /// # Errors
    /// [`LookupError`] says which there are: the server does not answer, or `message` is not one question.
    pub async fn relay(&self, message: &[u8]) -> Result<Vec<u8>, LookupError> {
        let question = Question::relayed(message)?;
        let deadline = Instant::now() + self.timeout;
        match self.ask(&question, deadline).await? {
            (_, Reading::Whole(mut answer)) => {
                answer[..2].copy_from_slice(&message[..2]);
                Ok(answer)
            }
            _ => Err(LookupError::NoAnswer(self.server, self.timeout)),
        }
    }

    /// Asks over UDP, and over TCP what is too long for it.
    async fn ask(
        &self,
        question: &Question,
        deadline: Instant,
    ) -> Result<(Way, Reading), LookupError> {
        match self.over_udp(question, deadline).await? {
            Reading::Truncated => Ok((Way::Tcp, self.over_tcp(question, deadline).await?)),
            reading => Ok((Way::Udp, reading)),
        }
    }

    /// Sends the question until something comes that is an answer. All tries have one port and one number, so that
    /// a late answer to an early one counts.
    async fn over_udp(
        &self,
        question: &Question,
        deadline: Instant,
    ) -> Result<Reading, LookupError> {
        let failed = |error| LookupError::Io(self.server, Way::Udp, error);
        let nothing = || LookupError::NoAnswer(self.server, self.timeout);
        let begun = Instant::now();
        let whole = deadline.saturating_duration_since(begun);
        let socket = timeout_at(deadline, self.socket()).await;
        let socket = socket.map_err(|_| nothing())?.map_err(failed)?;
        let mut buffer = vec![0; REPLY_MAX];
        let (mut unreadable, mut notice) = (None, None);
        for part in TRIES {
            let until = begun + whole * part / TRIES[2];
            // A glasstcp in between may not even take it.
            let sent = timeout_at(until, socket.send_to(&question.bytes, self.server)).await;
            sent.unwrap_or(Ok(0)).map_err(failed)?;
            while let Ok(heard) =
                timeout_at(until, self.hear(&socket, question, &mut buffer, &mut notice)).await
            {
                let len = heard.map_err(failed)?;
                match message::read(question, &buffer[..len]) {
                    Ok(Reading::Foreign) => {}
                    Ok(reading) => return Ok(reading),
                    // Perhaps forged: the right one may follow.
                    Err(why) => unreadable = Some(why),
                }
            }
        }
        Err(match (unreadable, notice) {
            (Some(why), _) => LookupError::Unreadable(self.server, why),
            (None, Some(notice)) => LookupError::Reported(self.server, self.timeout, notice),
            (None, None) => nothing(),
        })
    }

    /// What the server sends; fails when the network says that the question cannot reach it. What else the network
    /// says about it, and what anybody could say who does not know the question, is kept in `said`.
    async fn hear(
        &self,
        socket: &DatagramSocket,
        question: &Question,
        buffer: &mut [u8],
        said: &mut Option<Notice>,
    ) -> io::Result<usize> {
        loop {
            tokio::select! {
                received = socket.recv_from(buffer) => match received? {
                    (len, from) if from == self.server => return Ok(len),
                    _ => {}
                },
                error = socket.recv_error() => {
                    let UdpError { to, notice, text } = error?;
                    if to == self.server && question.may_be_quoted_as(&text) {
                        *said = Some(notice);
                        if notice.report.is_hard() && question.is_quoted_as(&text) {
                            return Err(SocketError::Reported(notice).into());
                        }
                    }
                }
            }
        }
    }

    /// A socket on a port that nobody can guess (RFC 5452 4.5); one that the stack chooses is the one after the last.
    async fn socket(&self) -> io::Result<DatagramSocket> {
        for _ in 0..PORT_TRIES {
            let port = message::random()?;
            // Each is as likely as any other.
            if port < PORT_MIN {
                continue;
            }
            match self.sockets.datagrams(port).await {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                made => return made,
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    /// Asks over a connection, where a message has its length before it (RFC 1035 4.2.2).
    async fn over_tcp(
        &self,
        question: &Question,
        deadline: Instant,
    ) -> Result<Reading, LookupError> {
        let asked = async {
            let mut connection = self.sockets.connect(self.server).await?;
            let mut framed = (question.bytes.len() as u16).to_be_bytes().to_vec();
            framed.extend(&question.bytes);
            connection.write_all(&framed).await?;
            let len = connection.read_u16().await?;
            let mut answer = vec![0; len.into()];
            connection.read_exact(&mut answer).await?;
            Ok(answer)
        };
        let answer = timeout_at(deadline, asked).await;
        let answer = answer.map_err(|_| LookupError::NoAnswer(self.server, self.timeout))?;
        let answer = answer.map_err(|error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                LookupError::Unreadable(self.server, "the connection ends in its middle".to_owned())
            }
            _ => LookupError::Io(self.server, Way::Tcp, error),
        })?;
        let unreadable = |why: &str| LookupError::Unreadable(self.server, why.to_owned());
        match message::read(question, &answer).map_err(|why| unreadable(&why))? {
            Reading::Foreign => Err(unreadable("it answers another question")),
            Reading::Truncated => Err(unreadable("it is said to be too long, over TCP too")),
            reading => Ok(reading),
        }
    }
}

impl Answers {
    /// The addresses among the records, in the server's order.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.records.iter().filter_map(|record| match record.data {
            Data::A(address) => Some(address.into()),
            Data::Aaaa(address) => Some(address.into()),
            Data::Cname(_) => None,
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::A => "A",
            Kind::Aaaa => "AAAA",
            Kind::Cname => "CNAME",
        })
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Way::Udp => "UDP",
            Way::Tcp => "TCP",
        })
    }
}

/// As in a zone file (RFC 1035 5.1), without the class.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record { name, ttl, data } = self;
        match data {
            Data::A(address) => write!(f, "{name} {ttl} {} {address}", Kind::A),
            Data::Aaaa(address) => write!(f, "{name} {ttl} {} {address}", Kind::Aaaa),
            Data::Cname(other) => write!(f, "{name} {ttl} {} {other}", Kind::Cname),
        }
    }
}
