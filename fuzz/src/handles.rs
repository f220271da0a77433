//! Random calls on handles, against a simple model: two stacks behind handles, a perfect link, and a
//! driver for each that sleeps whenever it may.
//!
//! Beside what is read, written and refused the model knows who must be woken: what was not ready
//! must not be ready later without a call of its waker, neither for a task nor for a driver.

use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use glasstcp::net::{DriverSide, Net, OwnedReadHalf, OwnedWriteHalf, TcpListener, TcpStream};
use glasstcp::stack::Stack;
use glasstcp::time::{Duration, Instant};
use glasstcp::wire::{Packet, RxBatch, TxBatch};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::craft;
use super::watch::{self, FlowId};
use super::world::{Client, MAX_CONNECTIONS, Pick, Server, Side, now};

const PORT: u16 = 80;
/// Steps in one run.
const MAX_STEPS: usize = 256;
const SEND_BUFFER: u32 = 3000;
const RECEIVE_BUFFER: u32 = 2000;

/// Who was woken.
#[derive(Debug, Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Flag {
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// One stack with its driver.
struct Host {
    net: Net,
    /// Nothing after the end.
    driver: Option<DriverSide>,
    arrived: RxBatch,
    /// Set when the driver is to be woken.
    woken: Arc<Flag>,
}

impl Host {
    /// A turn of the driver: its output. When the stack is stopped, it is its last one.
    fn turn(&mut self, now: Instant) -> TxBatch {
        let mut tx = TxBatch::new();
        let Some(driver) = &self.driver else { return tx };
        let received = driver.receive(now, &mut self.arrived).expect("it has not ended");
        received.wakes.notify();
        if received.stopping {
            self.net.abort_all();
        }
        while driver.transmit(now, &mut tx).expect("it has not ended") {}
        if received.stopping {
            self.driver = None;
        }
        tx
    }

    /// The driver has nothing to do; it says until when.
    fn sleep(&mut self) -> Option<Instant> {
        self.woken = Arc::default();
        let waker = Waker::from(self.woken.clone());
        let until = self.driver.as_ref()?.fall_asleep(&waker, false);
        Some(until.expect("a driver has nothing to do after its turn"))
    }
}

type Opening = Pin<Box<dyn Future<Output = io::Result<TcpStream>>>>;

/// What the application holds of a connection.
#[derive(Default)]
enum Holds {
    #[default]
    Nothing,
    Opening(Opening),
    Whole(TcpStream),
    Halves(Option<OwnedReadHalf>, Option<OwnedWriteHalf>),
}

/// One end of a connection.
#[derive(Default)]
struct End {
    holds: Holds,
    /// The port of the client, which tells connections apart.
    port: u16,
    written: u64,
    read: u64,
    /// A FIN was asked for.
    shut: bool,
    /// Reads have come to the end, or failed.
    over: bool,
    /// The waker of what was not ready.
    reading: Option<Arc<Flag>>,
    writing: Option<Arc<Flag>>,
    opening: Option<Arc<Flag>>,
}

#[derive(Debug, Arbitrary)]
enum Step {
    Connect(Pick),
    Accept,
    Read(Pick, u16),
    ReadChunk(Pick, u16),
    Write(Pick, u16),
    WriteChunk(Pick, u16),
    Shutdown(Pick),
    Split(Pick),
    Reunite(Pick),
    DropRead(Pick),
    DropWrite(Pick),
    Forget(Pick),
    Drop(Pick),
    Nodelay(Pick, bool),
    Linger(Pick, Option<u8>),
    Turn,
    Pass(u16),
    Listen,
    Unlisten,
    AbortAll(bool),
    ShutdownAll(bool),
    Stop(bool),
}

struct Run {
    hosts: [Host; 2],
    clock: Arc<AtomicU64>,
    listener: Option<TcpListener>,
    ends: [[End; MAX_CONNECTIONS]; 2],
    next_port: u16,
    /// Something was done that breaks connections, ...
    rough: bool,
    /// ... or these.
    broken: BTreeSet<u16>,
    /// A stack has ended, or goes to.
    ending: bool,
}

pub fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let mut run = Run::new();
    let trace = std::env::var_os("FUZZ_TRACE").is_some();
    for _ in 0..MAX_STEPS {
        if input.is_empty() {
            break;
        }
        let Ok(step) = Step::arbitrary(&mut input) else { break };
        if trace {
            eprintln!("{step:?}");
        }
        run.step(step);
        run.check_wakes();
    }
    run.finish();
}

impl Holds {
    fn is_open(&self) -> bool {
        matches!(self, Holds::Whole(_) | Holds::Halves(..))
    }

    fn reader(&mut self) -> Option<Pin<&mut (dyn AsyncRead + Unpin)>> {
        match self {
            Holds::Whole(stream) => Some(Pin::new(stream)),
            Holds::Halves(Some(half), _) => Some(Pin::new(half)),
            _ => None,
        }
    }

    fn writer(&mut self) -> Option<Pin<&mut (dyn AsyncWrite + Unpin)>> {
        match self {
            Holds::Whole(stream) => Some(Pin::new(stream)),
            Holds::Halves(_, Some(half)) => Some(Pin::new(half)),
            _ => None,
        }
    }
}

/// Polls with a waker of its own, which is returned when it has to wait.
fn poll<T>(call: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Result<T, Arc<Flag>> {
    let flag = Arc::new(Flag::default());
    match call(&mut Context::from_waker(&Waker::from(flag.clone()))) {
        Poll::Ready(value) => Ok(value),
        Poll::Pending => Err(flag),
    }
}

impl Run {
    fn new() -> Run {
        let clock = Arc::new(AtomicU64::new(Instant::from_millis(1000).as_nanos()));
        let hosts = Side::BOTH.map(|side| {
            let mut config = side.config();
            config.tcp.send_buffer = SEND_BUFFER;
            config.tcp.receive_buffer = RECEIVE_BUFFER;
            let clock = clock.clone();
            let time = move || Instant::from_nanos(clock.load(Ordering::Relaxed));
            let (net, driver) = Net::new(Stack::new(config), time);
            Host { net, driver: Some(driver), arrived: RxBatch::new(), woken: Arc::default() }
        });
        let mut run = Run {
            hosts,
            clock,
            listener: None,
            ends: Default::default(),
            next_port: 4000,
            rough: false,
            broken: BTreeSet::new(),
            ending: false,
        };
        run.listen();
        run.turn();
        run
    }

    fn listen(&mut self) {
        if self.listener.is_none() {
            let net = &self.hosts[1].net;
            let bound =
                now(|cx| Box::pin(TcpListener::bind(net, Server.addr(PORT))).as_mut().poll(cx));
            let bound = bound.expect("it does not wait");
            assert!(bound.is_ok() || self.ending, "{bound:?}");
            self.listener = bound.ok();
        }
    }

    /// Both drivers do what they have to do, and fall asleep.
    fn turn(&mut self) {
        for _ in 0..1000 {
            let time = Instant::from_nanos(self.clock.load(Ordering::Relaxed));
            let mut quiet = true;
            for side in Side::BOTH {
                let tx = self.hosts[side as usize].turn(time);
                quiet &= tx.is_empty();
                let packets = tx.into_iter().flat_map(craft::cut).map(Packet::new);
                self.hosts[side.other() as usize].arrived.extend(packets);
            }
            if quiet {
                break;
            }
        }
        for host in &mut self.hosts {
            host.sleep();
        }
    }

    /// Time passes; the drivers wake up when they said they would.
    fn pass(&mut self, millis: u16) {
        let end = self.clock.load(Ordering::Relaxed) + u64::from(millis) * 1_000_000;
        self.turn();
        loop {
            let next = self.hosts.iter_mut().filter_map(Host::sleep).min();
            let Some(next) = next.filter(|next| next.as_nanos() <= end) else { break };
            let time = self.clock.load(Ordering::Relaxed).max(next.as_nanos());
            self.clock.store(time, Ordering::Relaxed);
            self.turn();
        }
        self.clock.store(end, Ordering::Relaxed);
        self.turn();
    }

    fn flow(&self, from: Side, port: u16) -> FlowId {
        match from {
            Client => (Client, port, PORT),
            Server => (Server, PORT, port),
        }
    }

    fn is_rough(&self, port: u16) -> bool {
        self.rough || self.broken.contains(&port)
    }

    fn end(&mut self, pick: Pick) -> &mut End {
        &mut self.ends[pick.side() as usize][pick.nth()]
    }

    /// The other end of the connection, while it is held.
    fn peer(&self, pick: Pick) -> Option<&End> {
        let port = self.ends[pick.side() as usize][pick.nth()].port;
        self.ends[pick.side().other() as usize].iter().find(|end| end.port == port)
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Connect(pick) => self.connect(pick.nth()),
            Step::Accept => self.accept(),
            Step::Read(pick, max) => self.read(pick, max.into(), false),
            Step::ReadChunk(pick, max) => self.read(pick, max.into(), true),
            Step::Write(pick, len) => self.write(pick, len.into(), false),
            Step::WriteChunk(pick, len) => self.write(pick, len.into(), true),
            Step::Shutdown(pick) => {
                let end = self.end(pick);
                if let Some(writer) = end.holds.writer() {
                    // It fails when the connection has failed.
                    let _ = poll(|cx| writer.poll_shutdown(cx)).expect("a shutdown never waits");
                    end.shut = true;
                }
            }
            Step::Split(pick) => {
                let end = self.end(pick);
                end.holds = match std::mem::take(&mut end.holds) {
                    Holds::Whole(stream) => {
                        let (read, write) = stream.into_split();
                        Holds::Halves(Some(read), Some(write))
                    }
                    other => other,
                };
            }
            Step::Reunite(pick) => {
                let end = self.end(pick);
                end.holds = match std::mem::take(&mut end.holds) {
                    Holds::Halves(Some(read), Some(write)) => {
                        Holds::Whole(read.reunite(write).expect("of one connection"))
                    }
                    other => other,
                };
            }
            Step::DropRead(pick) => self.drop_half(pick, true, false),
            Step::DropWrite(pick) => self.drop_half(pick, false, false),
            Step::Forget(pick) => self.drop_half(pick, false, true),
            Step::Drop(pick) => self.let_go(pick),
            Step::Nodelay(pick, nodelay) => {
                if let Holds::Whole(stream) = &self.end(pick).holds
                    && stream.set_nodelay(nodelay).is_ok()
                {
                    assert_eq!(stream.nodelay().ok(), Some(nodelay));
                }
            }
            Step::Linger(pick, seconds) => {
                let linger = seconds.map(|seconds| Duration::from_secs(seconds.into()));
                let port = self.end(pick).port;
                self.broken.insert(port);
                if let Holds::Whole(stream) = &self.end(pick).holds
                    && stream.set_linger(linger).is_ok()
                {
                    assert_eq!(stream.linger().ok(), Some(linger));
                }
            }
            Step::Turn => self.turn(),
            Step::Pass(millis) => self.pass(millis),
            Step::Listen => self.listen(),
            Step::Unlisten => {
                self.rough = true;
                self.listener = None;
            }
            Step::AbortAll(side) => {
                self.rough = true;
                self.hosts[usize::from(side)].net.abort_all();
            }
            Step::ShutdownAll(side) => {
                (self.rough, self.ending) = (true, true);
                self.hosts[usize::from(side)].net.shutdown();
            }
            Step::Stop(side) => {
                (self.rough, self.ending) = (true, true);
                self.hosts[usize::from(side)].net.stop();
            }
        }
    }

    fn connect(&mut self, nth: usize) {
        if !matches!(self.ends[0][nth].holds, Holds::Nothing) {
            return;
        }
        let (net, port) = (self.hosts[0].net.clone(), self.next_port);
        self.next_port += 1;
        let opening: Opening = Box::pin(async move {
            let local = Some(Client.addr(port));
            TcpStream::connect_with(&net, Server.addr(PORT), local, None).await
        });
        self.ends[0][nth] = End { holds: Holds::Opening(opening), port, ..End::default() };
        self.open(nth);
    }

    /// Looks whether a connection is open.
    fn open(&mut self, nth: usize) {
        let refused = self.listener.is_none() || self.rough;
        let end = &mut self.ends[0][nth];
        let Holds::Opening(opening) = &mut end.holds else { return };
        match poll(|cx| opening.as_mut().poll(cx)) {
            Err(flag) => end.opening = Some(flag),
            Ok(Ok(stream)) => {
                end.opening = None;
                assert_eq!(stream.local_addr().ok(), Some(Client.addr(end.port)));
                end.holds = Holds::Whole(stream);
            }
            Ok(Err(error)) => {
                assert!(refused, "it could have been opened: {error}");
                *end = End::default();
            }
        }
    }

    fn accept(&mut self) {
        let Some(nth) = self.ends[1].iter().position(|end| matches!(end.holds, Holds::Nothing))
        else {
            return;
        };
        let Some(listener) = &self.listener else { return };
        match poll(|cx| listener.poll_accept(cx)) {
            Ok(Ok((stream, peer))) => {
                assert_eq!(stream.peer_addr().ok(), Some(peer));
                let holds = Holds::Whole(stream);
                self.ends[1][nth] = End { holds, port: peer.port(), ..End::default() };
            }
            Ok(Err(error)) => assert!(self.ending, "it listens: {error}"),
            Err(_) => {}
        }
    }

    fn read(&mut self, pick: Pick, max: usize, chunk: bool) {
        let port = self.end(pick).port;
        let flow = self.flow(pick.side().other(), port);
        // What the peer has written, and whether that is all; nothing when it is no longer held.
        let peer = self.peer(pick).filter(|peer| peer.holds.is_open());
        let complete = peer.map(|peer| peer.written);
        let shut = peer.is_none_or(|peer| peer.shut);
        let (rough, ending) = (self.is_rough(port), self.ending);
        let end = self.end(pick);
        let mut buf = vec![0; max.min(5000)];
        let got = match &mut end.holds {
            Holds::Whole(stream) if chunk => poll(|cx| stream.poll_read_chunk(cx, max)),
            Holds::Halves(Some(half), _) if chunk => poll(|cx| half.poll_read_chunk(cx, max)),
            holds => {
                let Some(reader) = holds.reader() else { return };
                let mut buf = ReadBuf::new(&mut buf);
                let got = poll(|cx| reader.poll_read(cx, &mut buf));
                if max == 0 {
                    return;
                }
                got.map(|got| got.map(|()| Some(Bytes::copy_from_slice(buf.filled()))))
            }
        };
        end.reading = None;
        match got {
            Err(flag) => {
                assert!(!end.over || ending, "there is nothing to wait for");
                end.reading = Some(flag);
            }
            Ok(Ok(Some(bytes))) if !bytes.is_empty() => {
                // A stack that is to end says so at once, and still hands over what arrives.
                assert!(!end.over || ending, "data after the end");
                assert!(bytes.len() <= max.max(1));
                assert_eq!(bytes, watch::text(flow, end.read, bytes.len()));
                end.read += bytes.len() as u64;
                assert!(complete.is_none_or(|written| end.read <= written), "not yet written");
            }
            Ok(Ok(_)) => {
                end.over = true;
                let all = complete.is_none_or(|written| written == end.read);
                assert!(rough || (all && shut), "the end after {} of {complete:?}", end.read);
            }
            Ok(Err(error)) => {
                end.over = true;
                assert!(rough, "{error}");
            }
        }
    }

    fn write(&mut self, pick: Pick, len: usize, chunk: bool) {
        let port = self.end(pick).port;
        let flow = self.flow(pick.side(), port);
        let rough = self.is_rough(port);
        let end = self.end(pick);
        let text = watch::text(flow, end.written, len.min(5000));
        let written = match &mut end.holds {
            Holds::Whole(stream) if chunk => {
                poll(|cx| stream.poll_write_chunk(cx, &mut Bytes::from(text.clone())))
            }
            Holds::Halves(_, Some(half)) if chunk => {
                poll(|cx| half.poll_write_chunk(cx, &mut Bytes::from(text.clone())))
            }
            holds => {
                let Some(writer) = holds.writer() else { return };
                poll(|cx| writer.poll_write(cx, &text))
            }
        };
        end.writing = None;
        match written {
            Err(flag) => {
                assert!(!end.shut, "there is nothing to wait for");
                end.writing = Some(flag);
            }
            Ok(Ok(written)) => {
                assert!(written <= text.len() && (written > 0 || text.is_empty()));
                assert!(!end.shut || text.is_empty(), "written after the end");
                end.written += written as u64;
            }
            Ok(Err(error)) => {
                let broken = end.shut && error.kind() == io::ErrorKind::BrokenPipe;
                assert!(broken || rough, "{error}");
            }
        }
    }

    fn drop_half(&mut self, pick: Pick, read: bool, forget: bool) {
        let end = self.end(pick);
        let Holds::Halves(reader, writer) = &mut end.holds else { return };
        if read {
            *reader = None;
        } else if let Some(writer) = writer.take() {
            if forget {
                writer.forget();
            } else {
                end.shut = true;
            }
        }
        if matches!(end.holds, Holds::Halves(None, None)) {
            self.let_go(pick);
        }
    }

    /// Closes: what is unread makes it a reset, which the other end may feel.
    fn let_go(&mut self, pick: Pick) {
        let port = self.end(pick).port;
        self.broken.insert(port);
        *self.end(pick) = End::default();
    }

    /// Who is ready has been woken.
    fn check_wakes(&mut self) {
        for nth in 0..MAX_CONNECTIONS {
            if self.ends[0][nth].opening.as_ref().is_some_and(|flag| flag.is_set()) {
                self.open(nth);
            }
        }
        for end in self.ends.iter_mut().flatten() {
            if let Some(flag) = end.reading.as_ref().filter(|flag| !flag.is_set()).cloned() {
                let waker = Waker::from(flag);
                let mut buf = [0; 1];
                let ready = end.holds.reader().is_some_and(|reader| {
                    let cx = &mut Context::from_waker(&waker);
                    // It would take a byte; but then the run ends here.
                    reader.poll_read(cx, &mut ReadBuf::new(&mut buf)).is_ready()
                });
                assert!(!ready, "who waits to read was not woken");
            }
        }
        // A driver that sleeps has nothing to do.
        let time = Instant::from_nanos(self.clock.load(Ordering::Relaxed));
        for host in &mut self.hosts {
            if let Some(driver) = host.driver.as_ref().filter(|_| !host.woken.is_set()) {
                let mut tx = TxBatch::new();
                let more = driver.transmit(time, &mut tx).expect("it has not ended");
                assert!(!more && tx.is_empty(), "a driver that has output was not woken");
            }
        }
    }

    /// Everything is dropped, and nothing is left but TIME-WAIT.
    fn finish(mut self) {
        self.listener = None;
        self.ends = Default::default();
        self.turn();
        for _ in 0..200 {
            self.pass(60_000);
        }
        for host in &self.hosts {
            assert_eq!(host.net.connection_count(), 0);
        }
    }
}
