//! iperf3 from its client's side: how much goes to a server, comes from there, or both ways at once.
//!
//! ```text
//!   Iperf::run -> Control    cookie, parameters, states, results: service::iperf::protocol
//!              -> Lanes      the connections that are measured, a task each: service::iperf::lane
//!              -> Measuring  when it begins to count, when an interval ends, when all is over
//!       Seen <-----'
//! ```

mod lanes;
mod measure;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::dial::DialError;
use super::{Connection, Sockets};
use crate::service::iperf::lane::Phase;
use crate::service::iperf::protocol::{self, Cookie};
use crate::service::text::harmless_line;
use lanes::Lanes;
use measure::{Ended, Measuring};

pub use crate::service::iperf::protocol::{
    OMIT_MAX, PARALLEL_MAX, PORT, Params, Results, State, StreamResult, TIME_MAX, stream_id,
};
pub use measure::{Interval, Moved};

#[cfg(test)]
mod tests;

/// What cookies are made of, as those of iperf3.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A test as it shall be.
#[derive(Clone, Debug)]
pub struct Iperf {
    /// What makes its connections.
    pub sockets: Sockets,
    /// The server.
    pub to: SocketAddr,
    /// How long the server may take for each step, and nothing may move.
    pub patience: Duration,
    /// What the server is asked for.
    pub params: Params,
    /// How long an interval is, if there shall be any.
    pub interval: Option<Duration>,
}

/// What there is to see of a test while it runs.
#[derive(Debug)]
pub enum Seen<'a> {
    /// Its connections are open.
    Begun(&'a Begun),
    /// An interval is over.
    Interval(&'a Interval),
}

/// A test that begins.
#[derive(Clone, Debug)]
pub struct Begun {
    /// What the test is named by.
    pub cookie: String,
    /// Its connections, those on which we send first.
    pub lanes: Vec<Ends>,
}

/// A connection that is measured.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// Its number, as iperf3 counts.
    pub id: u32,
    /// We send over it.
    pub sends: bool,
    /// Our end.
    pub local: SocketAddr,
    /// The server's.
    pub peer: SocketAddr,
}

/// What came of a test.
#[derive(Clone, Debug)]
pub struct Report {
    /// What we have counted.
    pub ours: Results,
    /// What the server has counted on the same connections, in the same order; `None` when we have ended the test before
    /// it was over.
    pub theirs: Option<Results>,
}

/// Why nothing has come of it.
#[derive(Debug, thiserror::Error)]
pub enum IperfError {
    /// There is no connection.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// It does one test at a time.
    #[error("the server is busy with another test: try again later")]
    Busy,
    /// It says so, with iperf3's number and one of its system.
    #[error("the server has failed: error {0} of iperf3, errno {1}")]
    Failed(i32, i32),
    /// It was told to end.
    #[error("the server has ended the test")]
    Terminated,
    /// It has closed a connection.
    #[error("the server has closed the connection before the test was over")]
    Gone,
    /// It says nothing, or nothing moves.
    #[error("nothing has come from the server, or gone there, for {0:?}")]
    Silent(Duration),
    /// What it says makes no sense.
    #[error("the server does not speak the protocol of iperf3: {0}")]
    Protocol(String),
    /// A connection broke.
    #[error("the connection to the server has failed: {0}")]
    Connection(io::Error),
    /// No cookie can be made.
    #[error("the system gives no random numbers: {0}")]
    NoChance(io::Error),
}

impl From<io::Error> for IperfError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => IperfError::Gone,
            io::ErrorKind::InvalidData => {
                // It may quote the server.
                IperfError::Protocol(harmless_line(&error.to_string()).chars().take(200).collect())
            }
            _ => IperfError::Connection(error),
        }
    }
}

impl Iperf {
    /// Has the test done, and tells `see` of it. When `stop` is ready while something is measured, it is over at once.
    ///
    /// # Errors
    /// Why it could not be done to its end.
    pub async fn run(
        &self,
        stop: impl Future<Output = ()>,
        mut see: impl FnMut(Seen<'_>),
    ) -> Result<Report, IperfError> {
        let cookie = cookie()?;
        let opened = self.sockets.connect_within(self.to, self.patience).await;
        let stream = opened.map_err(|error| DialError::Connect(self.to, error))?;
        let mut control = Control { stream, patience: self.patience };
        control.write(&cookie).await?;
        control.expect(State::ParamExchange).await?;
        control.send(&self.params).await?;
        control.expect(State::CreateStreams).await?;
        let mut lanes = self.open(&cookie).await?;
        control.expect(State::TestStart).await?;
        control.expect(State::TestRunning).await?;
        let cookie = String::from_utf8_lossy(&cookie[..cookie.len() - 1]).into_owned();
        see(Seen::Begun(&Begun { cookie, lanes: lanes.ends.clone() }));
        let mut measuring = Measuring::begin(self, &mut lanes);
        let ended = measuring.run(&mut control, pin!(stop), &mut see).await?;
        let ours = measuring.results();
        lanes.phase.send_replace(Phase::Over);
        if ended == Ended::Stopped {
            // It ends all the same when nobody hears it.
            let _ = control.say(State::ClientTerminate).await;
            return Ok(Report { ours, theirs: None });
        }
        control.say(State::TestEnd).await?;
        control.expect(State::ExchangeResults).await?;
        control.send(&ours).await?;
        let theirs = in_order(&ours, control.receive().await?)?;
        control.expect(State::DisplayResults).await?;
        control.say(State::Done).await?;
        Ok(Report { ours, theirs: Some(theirs) })
    }

    /// Opens all connections that are measured.
    async fn open(&self, cookie: &Cookie) -> Result<Lanes, IperfError> {
        let (sending, receiving) = self.params.streams();
        let mut lanes = Lanes::new();
        for nth in 0..sending + receiving {
            // Not for requests and answers, so it opens as a connection usually does.
            let opened = timeout(self.patience, self.sockets.connect(self.to)).await;
            let opened = opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            let mut stream = opened.map_err(|error| DialError::Connect(self.to, error))?;
            within(self.patience, stream.write_all(cookie)).await?;
            lanes.add(stream, nth < sending, self.params.len);
        }
        Ok(lanes)
    }
}

/// The connection that the test is talked over.
struct Control {
    stream: Connection,
    patience: Duration,
}

impl Control {
    async fn write(&mut self, text: &[u8]) -> Result<(), IperfError> {
        within(self.patience, self.stream.write_all(text)).await
    }

    async fn say(&mut self, state: State) -> Result<(), IperfError> {
        within(self.patience, protocol::say(&mut self.stream, state)).await
    }

    async fn send(&mut self, value: &impl Serialize) -> Result<(), IperfError> {
        within(self.patience, protocol::send(&mut self.stream, value)).await
    }

    async fn receive<T: DeserializeOwned>(&mut self) -> Result<T, IperfError> {
        within(self.patience, protocol::receive(&mut self.stream)).await
    }

    /// Waits for as long as it takes; cancel safe.
    async fn hear(&mut self) -> io::Result<State> {
        protocol::hear(&mut self.stream).await
    }

    /// Hears that the test stands where it should.
    async fn expect(&mut self, expected: State) -> Result<(), IperfError> {
        let state = within(self.patience, protocol::hear(&mut self.stream)).await?;
        if state == expected { Ok(()) } else { Err(self.refused(state).await) }
    }

    /// Why the server says this where it was not expected.
    async fn refused(&mut self, state: State) -> IperfError {
        match state {
            State::AccessDenied => IperfError::Busy,
            State::ServerTerminate => IperfError::Terminated,
            State::ServerError => {
                let numbers =
                    async { Ok((self.stream.read_i32().await?, self.stream.read_i32().await?)) };
                let numbers = within(self.patience, numbers).await;
                // That it has failed is known without them.
                let (error, errno) = numbers.unwrap_or_default();
                IperfError::Failed(error, errno)
            }
            other => IperfError::Protocol(format!("it says {other:?} where that makes no sense")),
        }
    }
}

/// What comes of it in this time.
async fn within<T>(
    patience: Duration,
    work: impl Future<Output = io::Result<T>>,
) -> Result<T, IperfError> {
    let done = timeout(patience, work).await;
    Ok(done.map_err(|_| IperfError::Silent(patience))??)
}

/// A name for a test that nobody else has.
fn cookie() -> Result<Cookie, IperfError> {
    let mut cookie = [0; protocol::COOKIE_LEN];
    let letters = cookie.len() - 1;
    let filled = getrandom::fill(&mut cookie[..letters]);
    filled.map_err(|error| IperfError::NoChance(io::Error::other(error)))?;
    for byte in &mut cookie[..letters] {
        *byte = LETTERS[usize::from(*byte) % LETTERS.len()];
    }
    Ok(cookie)
}

/// What the server has counted on our connections, in our order.
fn in_order(ours: &Results, theirs: Results) -> Result<Results, IperfError> {
    let find = |id| {
        let found = theirs.streams.iter().find(|stream| stream.id == id).cloned();
        found.ok_or_else(|| IperfError::Protocol(format!("its results lack stream {id}")))
    };
    let streams = ours.streams.iter().map(|stream| find(stream.id)).collect::<Result<_, _>>()?;
    Ok(Results { streams, ..theirs })
}
