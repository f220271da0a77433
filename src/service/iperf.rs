//! iperf3: a stock client measures how much goes in, out, or both ways at once.
//!
//! ```text
//!   control   cookie ->   <- ParamExchange  params ->   <- CreateStreams
//!   lanes     cookie -> (as many as were asked for)
//!   control   <- TestStart, TestRunning    ... both move what they can ...    TestEnd ->
//!             <- ExchangeResults  results ->   <- results, DisplayResults   Done ->
//! ```
//!
//! All connections of a test begin with the same cookie; the first is the one that is talked over. Of a test in both
//! directions the client sends over the first half of the others.

pub(crate) mod lane;
pub mod protocol;

use std::collections::HashMap;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::{InfoSource, ServiceContext, Stream, discard};
use lane::{Count, Lane, Phase, Quota, Usage};
use protocol::{Cookie, OMIT_MAX, PARALLEL_MAX, Params, Results, State, TIME_MAX};

#[cfg(test)]
mod tests;

/// Tests at a time; who comes then is told to come later.
const TESTS_MAX: usize = 64;
/// How long a client may take for each of its steps, and how much longer than it wanted for the test.
const PATIENCE: Duration = Duration::from_secs(30);
/// What iperf3 calls an option that a server cannot do (its error 13, IEUNIMP), as it is told: that number, and one of
/// the system's.
const NOT_IMPLEMENTED: [u8; 8] = [0, 0, 0, 13, 0, 0, 0, 0];

/// The tests that are going on.
#[derive(Clone, Debug, Default)]
pub struct Tests(Arc<Mutex<HashMap<Cookie, Arc<Test>>>>);

/// One of them.
#[derive(Debug)]
struct Test {
    lanes: Mutex<Lanes>,
    joined: Notify,
    phase: watch::Sender<Phase>,
}

/// The connections that are measured.
#[derive(Debug, Default)]
struct Lanes {
    params: Params,
    /// How many there will be.
    expected: usize,
    here: Vec<Arc<Lane>>,
    quota: Arc<Quota>,
}

/// What a connection is that has told its cookie.
enum Role {
    /// The first of its test.
    Control(Going),
    /// One that is measured.
    Lane(Arc<Test>, Arc<Lane>),
    /// One for which there is no room.
    Denied,
}

/// A test for as long as it is talked over.
struct Going {
    tests: Tests,
    cookie: Cookie,
    test: Arc<Test>,
}

impl Drop for Going {
    fn drop(&mut self) {
        self.tests.lock().remove(&self.cookie);
        self.test.phase.send_replace(Phase::Over);
    }
}

impl Tests {
    fn lock(&self) -> MutexGuard<'_, HashMap<Cookie, Arc<Test>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, cookie: Cookie, info: InfoSource) -> Role {
        let mut tests = self.lock();
        if let Some(test) = tests.get(&cookie) {
            let lane = test.lanes().add(info);
            return lane.map_or(Role::Denied, |lane| {
                test.joined.notify_one();
                Role::Lane(Arc::clone(test), lane)
            });
        }
        if tests.len() >= TESTS_MAX {
            return Role::Denied;
        }
        let (lanes, joined) = (Mutex::default(), Notify::new());
        let test = Arc::new(Test { lanes, joined, phase: watch::Sender::new(Phase::Waiting) });
        tests.insert(cookie, Arc::clone(&test));
        Role::Control(Going { tests: self.clone(), cookie, test })
    }
}

impl Test {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ready when all connections are there.
    async fn all_here(&self) {
        while !self.lanes().are_all_here() {
            self.joined.notified().await;
        }
    }
}

impl Lanes {
    fn are_all_here(&self) -> bool {
        self.here.len() == self.expected
    }

    /// One more, unless that would be one too many.
    fn add(&mut self, info: InfoSource) -> Option<Arc<Lane>> {
        if self.here.len() >= self.expected {
            return None;
        }
        let sends = self.here.len() >= self.params.streams().0;
        let lane = Arc::new(Lane::new(sends, self.params.len, info, Arc::clone(&self.quota)));
        self.here.push(Arc::clone(&lane));
        Some(lane)
    }
}

/// Serves one connection of a test, whichever it is.
///
/// # Errors
/// What reading and writing the stream gave.
pub async fn serve<S: Stream>(mut stream: S, context: Arc<ServiceContext>) -> io::Result<()> {
    let info = stream.info();
    let (mut reader, mut writer) = stream.halves();
    let mut cookie = [0; protocol::COOKIE_LEN];
    within(PATIENCE, reader.read_exact(&mut cookie)).await?;
    match context.iperf.join(cookie, info) {
        Role::Control(going) => going.talk(&mut reader, &mut writer).await?,
        Role::Lane(test, lane) => {
            let work = async {
                if lane.sends {
                    lane.send(&mut writer).await
                } else {
                    lane.receive(&mut reader).await
                }
            };
            lane.run(test.phase.subscribe(), work).await?;
        }
        Role::Denied => protocol::say(&mut writer, State::AccessDenied).await?,
    }
    discard::close_gently(&mut reader, &mut writer).await
}

/// What comes of it in this time.
async fn within<T>(time: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(time, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

impl Going {
    /// Talks the test over, from its beginning to its end. Whatever the client does, each step has its time.
    async fn talk<R, W>(&self, reader: &mut R, writer: &mut W) -> io::Result<()>
    where
        R: AsyncBufRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        within(PATIENCE, protocol::say(writer, State::ParamExchange)).await?;
        let params: Params = within(PATIENCE, protocol::receive(reader)).await?;
        if params.udp || params.parallel > PARALLEL_MAX || params.omit > OMIT_MAX {
            within(PATIENCE, protocol::say(writer, State::ServerError)).await?;
            return within(PATIENCE, writer.write_all(&NOT_IMPLEMENTED)).await;
        }
        let (received, sent) = params.streams();
        let seconds = if params.time == 0 { TIME_MAX } else { params.time.min(TIME_MAX) };
        let omit = Duration::from_secs(params.omit.into());
        let limit = omit + Duration::from_secs(seconds.into()) + PATIENCE;
        {
            let mut lanes = self.test.lanes();
            (lanes.expected, lanes.params) = (received + sent, params);
        }
        within(PATIENCE, protocol::say(writer, State::CreateStreams)).await?;
        let all = async {
            self.test.all_here().await;
            Ok(())
        };
        within(PATIENCE, all).await?;
        within(PATIENCE, protocol::say(writer, State::TestStart)).await?;
        within(PATIENCE, protocol::say(writer, State::TestRunning)).await?;
        let usage = Usage::begin();
        self.test.phase.send_replace(Phase::Running);
        let (mut before, mut begun) = (vec![Count::default(); received + sent], Instant::now());
        let ended = {
            let mut ended = pin!(within(limit, protocol::hear(reader)));
            tokio::select! {
                ended = &mut ended => ended,
                () = sleep(omit), if !omit.is_zero() => {
                    (before, begun) = (self.counts(), Instant::now());
                    ended.await
                }
            }
        };
        let took = begun.elapsed();
        if ended? != State::TestEnd {
            return Ok(());
        }
        let results = self.results(&before, took, &usage);
        self.test.phase.send_replace(Phase::Over);
        within(PATIENCE, protocol::say(writer, State::ExchangeResults)).await?;
        within(PATIENCE, protocol::receive::<Results>(reader)).await?;
        within(PATIENCE, protocol::send(writer, &results)).await?;
        within(PATIENCE, protocol::say(writer, State::DisplayResults)).await?;
        within(PATIENCE, protocol::hear(reader)).await.map(drop)
    }

    /// What was counted on each connection so far.
    fn counts(&self) -> Vec<Count> {
        self.test.lanes().here.iter().map(|lane| lane.count()).collect()
    }

    fn results(&self, before: &[Count], took: Duration, usage: &Usage) -> Results {
        let counts: Vec<_> =
            self.counts().into_iter().zip(before).map(|(now, before)| now - *before).collect();
        lane::results(&self.test.lanes().here, &counts, took, usage)
    }
}
