//! What runs over the stacks of a world: a transfer from one host to another, checked byte by byte.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;

use super::Clock;
use crate::net::{Net, TcpListener, TcpStream};
use crate::time::{Duration, Instant};

/// The text of every transfer: byte `n` is byte `n % PERIOD` of it. The period is prime, so that no
/// segment that is out of place looks right.
const PERIOD: usize = 65_521;

/// How the application at one end goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Bytes at a time, at least 1.
    pub size: u64,
    /// And then so long a pause.
    pub every: Duration,
}

/// How often it is noted how far a transfer is.
const TICK: Duration = Duration::from_millis(100);

/// What became of a transfer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// When the connection was open for the sender.
    pub connected: Option<Instant>,
    /// Bytes that the receiving application has read.
    pub received: u64,
    /// When it had read all of them and the end of the stream.
    pub completed: Option<Instant>,
    /// Why it could not go on, in the words of whichever end found out first.
    pub failed: Option<String>,
    /// What it had read before each tick of the clock.
    history: Vec<u64>,
}

impl Progress {
    /// Bytes that the receiving application had read by then, to the tenth of a second.
    pub fn received_by(&self, at: Duration) -> u64 {
        let tick = (at.as_nanos() / TICK.as_nanos()) as usize;
        self.history.get(tick).copied().unwrap_or(self.received)
    }

    /// Something is about to be read.
    fn note(&mut self, now: Instant) {
        let ticks = (now.as_nanos() / TICK.as_nanos() as u64) as usize + 1;
        let received = self.received;
        self.history.resize(ticks.max(self.history.len()), received);
    }
}

/// A transfer to be made, and how far it is.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// Bytes to be sent.
    pub bytes: u64,
    /// How the sender writes; `None`: as fast as it can.
    pub write: Option<Pace>,
    /// How the receiver reads; `None`: as fast as it can.
    pub read: Option<Pace>,
    /// How far it is.
    pub progress: Rc<RefCell<Progress>>,
}

impl Transfer {
    /// The end that sends.
    pub async fn send(self, net: Net, clock: Clock, to: SocketAddr) {
        if let Err(error) = self.try_send(&net, &clock, to).await {
            self.fail("sender", &error);
        }
    }

    async fn try_send(&self, net: &Net, clock: &Clock, to: SocketAddr) -> io::Result<()> {
        let text = pattern();
        let mut stream = TcpStream::connect(net, to).await?;
        self.progress.borrow_mut().connected = Some(clock.now());
        let size = self.write.map_or(u64::MAX, |pace| pace.size);
        let mut sent = 0;
        while sent < self.bytes {
            let begin = (sent % PERIOD as u64) as usize;
            let len = (PERIOD - begin).min(limit(size.min(self.bytes - sent)));
            stream.write_chunk(text.slice(begin..begin + len)).await?;
            sent += len as u64;
            if let Some(pace) = self.write {
                clock.sleep(pace.every).await;
            }
        }
        tokio::io::AsyncWriteExt::shutdown(&mut stream).await?;
        // The receiver closes when it has everything.
        while stream.read_chunk(1).await?.is_some() {}
        Ok(())
    }

    /// The end that receives.
    pub async fn receive(self, net: Net, clock: Clock, port: u16) {
        if let Err(error) = self.try_receive(&net, &clock, port).await {
            self.fail("receiver", &error);
        }
    }

    async fn try_receive(&self, net: &Net, clock: &Clock, port: u16) -> io::Result<()> {
        let text = pattern();
        let listener = TcpListener::bind(net, ([0, 0, 0, 0], port)).await?;
        let (mut stream, _) = listener.accept().await?;
        let size = limit(self.read.map_or(64 << 10, |pace| pace.size));
        while let Some(chunk) = stream.read_chunk(size).await? {
            self.progress.borrow_mut().note(clock.now());
            self.check(&text, &chunk);
            if let Some(pace) = self.read {
                clock.sleep(pace.every).await;
            }
        }
        let mut progress = self.progress.borrow_mut();
        assert_eq!(progress.received, self.bytes, "the stream has another length");
        progress.completed = Some(clock.now());
        Ok(())
    }

    /// What is delivered is what was sent, in order: anything else is a bug of the stack's.
    fn check(&self, text: &[u8], chunk: &[u8]) {
        let mut progress = self.progress.borrow_mut();
        let mut rest = chunk;
        while !rest.is_empty() {
            let begin = (progress.received % PERIOD as u64) as usize;
            let len = rest.len().min(PERIOD - begin);
            let (now, later) = rest.split_at(len);
            assert!(
                now == &text[begin..begin + len],
                "wrong text after byte {}",
                progress.received
            );
            progress.received += len as u64;
            rest = later;
        }
    }

    fn fail(&self, who: &str, error: &io::Error) {
        let mut progress = self.progress.borrow_mut();
        progress.failed.get_or_insert_with(|| format!("{who}: {error}"));
    }
}

/// At most so many, as a length in memory.
fn limit(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX).max(1)
}

fn pattern() -> Bytes {
    (0..PERIOD as u64).map(byte).collect()
}

/// Multiplied by an odd constant and cut down to its upper bits, the number of a byte looks random.
pub(super) fn byte(n: u64) -> u8 {
    (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}
