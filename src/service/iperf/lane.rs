//! A connection of a test: what both ends of it do, and what they count.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncBufRead;
use tokio::sync::{Notify, watch};

use super::protocol::{self, Results, StreamResult};
use crate::service::{InfoSource, WriteChunk, discard};
use crate::tcp;

/// What is sent: no pattern that anything on the way could make shorter.
pub(super) static TEXT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut state = 1u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..64 << 10).map(next).collect()
});

/// What lanes have to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Waiting,
    Running,
    Over,
}

/// A connection that is measured.
pub(crate) struct Lane {
    /// We send over it.
    pub sends: bool,
    /// Bytes of one write.
    piece: usize,
    moved: AtomicU64,
    info: InfoSource,
    quota: Arc<Quota>,
}

/// What was counted on a lane.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    /// Bytes sent or received.
    pub bytes: u64,
    /// Segments sent again, where we send and that is known.
    pub retransmits: Option<u64>,
}

/// How much may be moved over several lanes together; without end at first.
#[derive(Debug)]
pub(crate) struct Quota {
    limit: AtomicU64,
    taken: AtomicU64,
    moved: AtomicU64,
    met: Notify,
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("sends", &self.sends).field("moved", &self.moved).finish()
    }
}

impl Lane {
    /// One on which nothing was moved, with writes of `len` bytes, if that is not too many.
    pub fn new(sends: bool, len: u32, info: InfoSource, quota: Arc<Quota>) -> Lane {
        let piece = (len as usize).clamp(1, TEXT.len());
        Lane { sends, piece, moved: AtomicU64::new(0), info, quota }
    }

    /// What its connection looks like, where there is something to see.
    pub fn info(&self) -> Option<tcp::Info> {
        (self.info)()
    }

    pub fn count(&self) -> Count {
        let info = self.info().filter(|_| self.sends);
        let bytes = self.moved.load(Ordering::Relaxed);
        Count { bytes, retransmits: info.map(|info| info.retransmissions) }
    }

    /// Does `work` for as long as the test goes on.
    pub async fn run(
        &self,
        mut phase: watch::Receiver<Phase>,
        work: impl Future<Output = io::Result<()>>,
    ) -> io::Result<()> {
        // Who is gone ends it as well.
        if phase.wait_for(|phase| *phase != Phase::Waiting).await.is_err() {
            return Ok(());
        }
        tokio::select! {
            ended = work => ended,
            _ = phase.wait_for(|phase| *phase == Phase::Over) => Ok(()),
        }
    }

    /// Sends what it can, until the quota is used up.
    pub async fn send<W: WriteChunk + Unpin>(&self, writer: &mut W) -> io::Result<()> {
        loop {
            let mut text = Bytes::from_static(&TEXT[..self.quota.take(self.piece)]);
            if text.is_empty() {
                return Ok(());
            }
            while !text.is_empty() {
                tokio::task::coop::consume_budget().await;
                let len = poll_fn(|cx| Pin::new(&mut *writer).poll_write_chunk(cx, &mut text));
                self.moved(len.await?);
            }
        }
    }

    /// Receives what comes, to its end.
    pub async fn receive<R: AsyncBufRead + Unpin>(&self, reader: &mut R) -> io::Result<()> {
        discard::drain_with(reader, |len| self.moved(len)).await
    }

    fn moved(&self, len: usize) {
        self.moved.fetch_add(len as u64, Ordering::Relaxed);
        self.quota.moved(len);
    }
}

impl Default for Quota {
    fn default() -> Self {
        let (taken, moved, met) = (AtomicU64::new(0), AtomicU64::new(0), Notify::new());
        Quota { limit: AtomicU64::new(u64::MAX), taken, moved, met }
    }
}

impl Quota {
    /// From now on there are `limit` bytes.
    pub fn begin(&self, limit: u64) {
        self.taken.store(0, Ordering::Relaxed);
        self.moved.store(0, Ordering::Relaxed);
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Ready when all was moved.
    pub async fn met(&self) {
        self.met.notified().await;
    }

    /// Takes as much of it as is `wanted`, or as is left.
    fn take(&self, wanted: usize) -> usize {
        let taken = self.taken.fetch_add(wanted as u64, Ordering::Relaxed);
        let left = self.limit.load(Ordering::Relaxed).saturating_sub(taken);
        wanted.min(usize::try_from(left).unwrap_or(wanted))
    }

    fn moved(&self, len: usize) {
        let moved = self.moved.fetch_add(len as u64, Ordering::Relaxed) + len as u64;
        if moved >= self.limit.load(Ordering::Relaxed) {
            self.met.notify_one();
        }
    }
}

/// What one side says of its lanes: what was counted on each, and how long it took.
pub(crate) fn results(
    lanes: &[Arc<Lane>],
    counts: &[Count],
    took: Duration,
    usage: &Usage,
) -> Results {
    let streams: Vec<_> = counts
        .iter()
        .enumerate()
        .map(|(nth, count)| StreamResult {
            id: protocol::stream_id(nth),
            bytes: count.bytes,
            retransmits: count.retransmits.map_or(-1, |retransmits| retransmits as i64),
            end_time: took.as_secs_f64(),
            ..StreamResult::default()
        })
        .collect();
    let knows = streams.iter().any(|stream| stream.retransmits >= 0);
    let info = lanes.first().and_then(|lane| lane.info());
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

impl std::ops::Sub for Count {
    type Output = Count;

    fn sub(self, before: Count) -> Count {
        let bytes = self.bytes - before.bytes;
        let retransmits =
            self.retransmits.map(|now| now.saturating_sub(before.retransmits.unwrap_or(0)));
        Count { bytes, retransmits }
    }
}

/// The CPU time that this process has taken.
pub(crate) struct Usage([Duration; 2]);

impl Usage {
    pub fn begin() -> Usage {
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
