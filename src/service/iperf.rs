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

pub mod protocol;

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncBufRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::{InfoSource, ServiceContext, Stream, WriteChunk, discard};
use protocol::{Cookie, OMIT_MAX, PARALLEL_MAX, Params, Results, State, StreamResult, TIME_MAX};

#[cfg(test)]
mod tests;

/// Tests at a time; who comes then is told to come later.
const TESTS_MAX: usize = 64;
/// How long a client may take for each of its steps, and how much longer than it wanted for the test.
const PATIENCE: Duration = Duration::from_secs(30);
/// What iperf3 calls an option that a server cannot do (its error 13, IEUNIMP), as it is told: that number, and one of
/// the system's.
const NOT_IMPLEMENTED: [u8; 8] = [0, 0, 0, 13, 0, 0, 0, 0];

/// What is sent: no pattern that anything on the way could make shorter.
static TEXT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut state = 1u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..64 << 10).map(next).collect()
});

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
}

/// What lanes have to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    Running,
    Over,
}

/// A connection that is measured.
struct Lane {
    /// We send over it.
    sends: bool,
    /// Bytes of one write.
    piece: usize,
    moved: AtomicU64,
    info: InfoSource,
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").field("sends", &self.sends).field("moved", &self.moved).finish()
    }
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
        let piece = (self.params.len as usize).clamp(1, TEXT.len());
        let lane = Arc::new(Lane { sends, piece, moved: AtomicU64::new(0), info });
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
        Role::Lane(test, lane) => lane.run(&test, &mut reader, &mut writer).await?,
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
        let (mut before, mut begun) = (vec![0; received + sent], Instant::now());
        let ended = {
            let mut ended = pin!(within(limit, protocol::hear(reader)));
            tokio::select! {
                ended = &mut ended => ended,
                () = sleep(omit), if !omit.is_zero() => {
                    (before, begun) = (self.moved(), Instant::now());
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

    /// What was moved over each connection so far.
    fn moved(&self) -> Vec<u64> {
        self.test.lanes().here.iter().map(|lane| lane.moved.load(Ordering::Relaxed)).collect()
    }

    fn results(&self, before: &[u64], took: Duration, usage: &Usage) -> Results {
        let lanes = self.test.lanes();
        let streams: Vec<_> = lanes
            .here
            .iter()
            .zip(before)
            .enumerate()
            .map(|(nth, (lane, before))| {
                let info = (lane.info)().filter(|_| lane.sends);
                StreamResult {
                    id: protocol::stream_id(nth),
                    bytes: lane.moved.load(Ordering::Relaxed) - before,
                    retransmits: info.map_or(-1, |info| info.retransmissions as i64),
                    end_time: took.as_secs_f64(),
                    ..StreamResult::default()
                }
            })
            .collect();
        let knows = streams.iter().any(|stream| stream.retransmits >= 0);
        let info = lanes.here.first().and_then(|lane| (lane.info)());
        let [user, system] = usage.shares(took);
        Results {
            cpu_util_total: user + system,
            cpu_util_user: user,
            cpu_util_system: system,
            sender_has_retransmits: if knows { 1 } else { -1 },
            congestion_used: info.map(|info| info.congestion.to_string()),
            streams,
        }
    }
}

impl Lane {
    /// Moves what it can for as long as the test goes on.
    async fn run<R, W>(&self, test: &Test, reader: &mut R, writer: &mut W) -> io::Result<()>
    where
        R: AsyncBufRead + Unpin,
        W: WriteChunk + Unpin,
    {
        let mut phase = test.phase.subscribe();
        // Who is gone ends it as well.
        if phase.wait_for(|phase| *phase != Phase::Waiting).await.is_err() {
            return Ok(());
        }
        let work =
            async { if self.sends { self.send(writer).await } else { self.receive(reader).await } };
        tokio::select! {
            ended = work => ended,
            _ = phase.wait_for(|phase| *phase == Phase::Over) => Ok(()),
        }
    }

    async fn send<W: WriteChunk + Unpin>(&self, writer: &mut W) -> io::Result<()> {
        loop {
            let mut text = Bytes::from_static(&TEXT[..self.piece]);
            while !text.is_empty() {
                tokio::task::coop::consume_budget().await;
                let len = poll_fn(|cx| Pin::new(&mut *writer).poll_write_chunk(cx, &mut text));
                self.moved.fetch_add(len.await? as u64, Ordering::Relaxed);
            }
        }
    }

    async fn receive<R: AsyncBufRead + Unpin>(&self, reader: &mut R) -> io::Result<()> {
        let count = |len| {
            self.moved.fetch_add(len as u64, Ordering::Relaxed);
        };
        discard::drain_with(reader, count).await
    }
}

/// The CPU time that this process has taken.
struct Usage([Duration; 2]);

impl Usage {
    fn begin() -> Usage {
        Usage(Usage::now())
    }

    fn now() -> [Duration; 2] {
        use nix::sys::resource::{UsageWho, getrusage};
        let time = |value: nix::sys::time::TimeVal| {
            let micros = value.tv_sec() as u64 * 1_000_000 + value.tv_usec() as u64;
            Duration::from_micros(micros)
        };
        let usage = getrusage(UsageWho::RUSAGE_SELF);
        usage.map_or([Duration::ZERO; 2], |usage| {
            [time(usage.user_time()), time(usage.system_time())]
        })
    }

    /// In the program and in the kernel, in hundredths of `took`.
    fn shares(&self, took: Duration) -> [f64; 2] {
        let now = Usage::now();
        let took = took.as_secs_f64().max(1e-6);
        std::array::from_fn(|at| 100.0 * now[at].saturating_sub(self.0[at]).as_secs_f64() / took)
    }
}
