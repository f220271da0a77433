//! The socket between a running glasstcp and its command line: lines of JSON on a unix socket that only its
//! user can open.
//!
//! ```text
//!   glasstcp impair --- {"command":"impair","spec":"out:loss=1%"} --> glasstcp up, glasstcp link
//!                   <-- {"link":{"out":{...},"in":{...}}} -----------
//! ```
//!
//! A request is a [`Request`], a reply a [`Reply`], each on a line of its own; a client may send several,
//! and they are answered in their order. A request may say of which [`VERSION`] of all this it is
//! (`"version":1`); one of another is told so, in a sentence that names both. After [`Request::Connect`] and its like the socket carries no more
//! requests but what is sent and received over the stack ([`carry`]), until either side closes it. Such sockets have
//! places of their own, so that however many there are, there is room for requests. [`Request::Sockets`] and [`Request::Events`]
//! take it over as well, to tell of much; they stay in the place of a request.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, UnixAddr};
use nix::sys::stat::{Mode, fchmod};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::observe::stream::Style;
use crowd::Crowd;

mod capture;
pub mod carry;
mod crowd;
mod events;
mod metrics;
mod recorded;
mod report;
mod sockets;
mod version;

pub use capture::capture;
pub use events::events;
pub use metrics::{metrics, tell_metrics};
pub use recorded::recorded;
pub use report::{Amount, LaneStatus, LinkStatus, impair};
pub use sockets::{Protocol, SocketFilter, SocketStatus, TcpStatus, TimerStatus, list, state_name};
pub use version::VERSION;

/// The longest request or reply, in bytes.
const MAX_LINE: u64 = 1 << 20;
/// Clients with requests at the same time; more wait.
const MAX_CLIENTS: usize = 256;
/// How long they wait, and with them everybody who comes after them.
const ROOM: Duration = Duration::from_secs(2);
/// Sockets that carry something at the same time. Each may have some 200 KiB in the kernel each way.
const MAX_CARRIED: usize = 2048;
/// A client that takes longer for its next request, or to take a reply, has gone.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long until another client is let in after that has failed.
const RETRY: Duration = Duration::from_millis(100);
/// How long a client waits for a reply.
const ANSWER: Duration = Duration::from_secs(10);
/// How long until it tries again where too many wait to be let in; and how long one that is let in waits for a place at
/// least.
const AGAIN: Duration = Duration::from_millis(10);
/// What is said where all places are taken.
const FULL: &str =
    "too many connections are carried for other programs already: close some, or try again later";
/// What the name of a socket ends with.
const ENDING: &str = "sock";

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Changes the link, and tells how it is then.
    Impair {
        /// What is to change; nothing: the link is only to be told of.
        #[serde(default)]
        spec: Option<String>,
    },
    /// Opens a connection from the stack, whose bytes the socket carries after the reply.
    Connect {
        /// To where.
        to: SocketAddr,
        /// How long opening it may take, in milliseconds; as long as the stack tries when it is left out. With it the
        /// connection is one of requests and answers, which do not wait for company.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        within_ms: Option<u64>,
    },
    /// Listens on a port of the stack, and after the reply waits for one connection, of which it tells by a
    /// second reply.
    Listen {
        /// The port; 0 is any that is free.
        port: u16,
    },
    /// Tells of the sockets of the stack, a reply for each, and at the end that this was all.
    Sockets {
        /// Of which.
        #[serde(default)]
        filter: SocketFilter,
    },
    /// Tells what the stack has counted.
    Stats {},
    /// Tells the same, and how many sockets are in which state, as text for Prometheus.
    Metrics {},
    /// Tells of events from now on, as lines that are no replies, after a reply that says so.
    Events {
        /// Of one connection, by its number.
        #[serde(default)]
        conn: Option<u32>,
        /// How.
        #[serde(default)]
        style: Style,
    },
    /// Tells of what the flight recorder has kept, as lines that are no replies, after a reply that says so.
    Recorded {
        /// Of one connection, by its number.
        #[serde(default)]
        conn: Option<u32>,
        /// How.
        #[serde(default)]
        style: Style,
    },
    /// Shows packets from now on as blocks of pcapng, after a reply that says how many of them a file begins with.
    Capture {
        /// Which.
        #[serde(default)]
        filter: String,
        /// How much of each, in bytes.
        snaplen: u32,
    },
    /// Ends a connection of the stack, with a reset.
    Kill {
        /// The stack's end.
        local: SocketAddr,
        /// The other one.
        remote: SocketAddr,
    },
    /// Opens a UDP socket of the stack, whose datagrams the socket carries after the reply.
    Datagrams {
        /// The port; 0 is any that is free.
        port: u16,
    },
}

/// What it is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// How the link is.
    Link(LinkStatus),
    /// What was asked for is open.
    Open {
        /// The stack's end.
        local: SocketAddr,
        /// The other one, of a connection.
        peer: Option<SocketAddr>,
    },
    /// What was asked for cannot be opened.
    Failed(carry::Failure),
    /// How a socket is.
    Socket(Box<SocketStatus>),
    /// Counters that are not zero, and how many entries tables have, by name.
    Stats(Vec<(String, u64)>),
    /// The same as text for Prometheus.
    Metrics(String),
    /// It is done, or that was all.
    Done {
        /// For how many.
        count: u64,
    },
    /// Why the request was not carried out, in one sentence.
    Error(String),
}

/// What comes of a request.
pub enum Answer {
    /// This reply.
    Reply(Box<Reply>),
    /// The socket is for this from now on, and carries something.
    Take(Takeover),
    /// The same for what tells of much, in one of the places for requests.
    Tell(Takeover),
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Answer {
        Answer::Reply(Box::new(reply))
    }
}

/// What takes a socket over.
pub type Takeover = Box<dyn FnOnce(UnixStream) -> Taken + Send>;

/// What goes on on a socket that was taken over, to its end.
pub type Taken = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// A socket that requests come to. It is removed when this is dropped.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    place: Place,
    /// How many sockets may carry something at the same time.
    most: usize,
}

/// Where the socket is, and which file that was: somebody may have put another there since.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    inode: u64,
}

impl Listener {
    /// Makes a socket at `path` that only this user can open, and its folder if that is missing. A socket
    /// that nobody listens on any more is replaced. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// `AddrInUse` when somebody listens there, `AlreadyExists` when something else is there, and what
    /// the system says of the folder.
    pub fn bind(path: &Path) -> io::Result<Listener> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
        }
        let socket = match listen(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                make_way(path)?;
                listen(path)?
            }
            socket => socket?,
        };
        socket.set_nonblocking(true)?;
        let inode = fs::symlink_metadata(path)?.ino();
        let place = Place { path: path.to_owned(), inode };
        Ok(Listener { socket: UnixListener::from_std(socket)?, place, most: MAX_CARRIED })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.place.path
    }

    /// Answers requests with `handle` for as long as it is polled. What tells of much does so on `viewers`, where its work
    /// holds up nobody else, and may go on there until that ends.
    pub async fn serve(
        self,
        viewers: Handle,
        handle: impl Fn(Request) -> Answer + Send + Sync + 'static,
    ) {
        let handle = Arc::new(handle);
        let places = Arc::new(Semaphore::new(MAX_CLIENTS));
        let (carried, crowd) = (Arc::new(Semaphore::new(self.most)), Arc::<Crowd>::default());
        let mut clients = JoinSet::new();
        // Until when one waits for a place, while there is none.
        let mut patience = None;
        loop {
            while clients.try_join_next().is_some() {}
            let Ok((stream, _)) = self.socket.accept().await else {
                // There are too many files open, as a rule.
                sleep(RETRY).await;
                continue;
            };
            let now = Instant::now();
            let until = (now + AGAIN).max(*patience.get_or_insert(now + ROOM));
            let Ok(Ok(place)) = timeout_at(until, crowd.place(&places)).await else {
                refuse(&stream);
                continue;
            };
            patience = None;
            let (carried, viewers) = (Arc::clone(&carried), viewers.clone());
            let client = Client { place, carried, viewers, crowd: Arc::clone(&crowd) };
            let handle = Arc::clone(&handle);
            // A client that goes wrong harms only itself.
            clients.spawn(async move { client.answer(stream, &*handle).await });
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A socket at `path` with mode 0600 from its first moment: a new one takes its mode from the descriptor.
fn listen(path: &Path) -> io::Result<StdListener> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket: OwnedFd = socket::socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    fchmod(socket.as_fd(), Mode::S_IRUSR | Mode::S_IWUSR)?;
    socket::bind(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    // As many may wait to be let in as the system allows.
    socket::listen(&socket, Backlog::MAXALLOWABLE)?;
    Ok(socket.into())
}

/// Removes a socket that nobody listens on.
fn make_way(path: &Path) -> io::Result<()> {
    match connect(path) {
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            let is_socket = std::os::unix::fs::FileTypeExt::is_socket;
            if !is_socket(&fs::symlink_metadata(path)?.file_type()) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::remove_file(path)
        }
        Err(error) => Err(error),
    }
}

/// Tells a client that there is no place for it, without waiting for that.
fn refuse(stream: &UnixStream) {
    let sentence = format!(
        "too many programs ({MAX_CLIENTS}) are asking this glasstcp something: try again later"
    );
    let text = serde_json::to_vec(&Reply::Error(sentence)).unwrap_or_default();
    // It is new, and there is nothing in its way.
    let _ = stream.try_write(&[&text[..], b"\n"].concat());
}

/// A client that was let in.
struct Client {
    place: OwnedSemaphorePermit,
    /// The places of those that carry something.
    carried: Arc<Semaphore>,
    /// Where what tells of much runs.
    viewers: Handle,
    crowd: Arc<Crowd>,
}

impl Client {
    /// Answers one to its end.
    async fn answer(
        self,
        stream: UnixStream,
        handle: &(dyn Fn(Request) -> Answer + Sync),
    ) -> io::Result<()> {
        let mut requests = tokio::io::BufReader::new(stream);
        loop {
            let mut line = Vec::new();
            let mut limited = (&mut requests).take(MAX_LINE);
            let len = tokio::select! {
                biased;
                read = timeout(PATIENCE, limited.read_until(b'\n', &mut line)) => read??,
                () = self.crowd.needs_places() => {
                    refuse(requests.get_ref());
                    return Ok(());
                }
            };
            if len == 0 {
                return Ok(());
            }
            let whole = line.ends_with(b"\n") || (len as u64) < MAX_LINE;
            let reply = match version::decode(&line) {
                _ if !whole => Reply::Error(format!("a request has at most {MAX_LINE} bytes")),
                Ok(request) => match handle(request) {
                    Answer::Reply(reply) => *reply,
                    // Whoever opens something waits for the reply before it sends.
                    Answer::Take(_) | Answer::Tell(_) if !requests.buffer().is_empty() => {
                        Reply::Error("nothing may follow this request before its reply".to_owned())
                    }
                    Answer::Tell(tell) => {
                        let socket = requests.into_inner().into_std()?;
                        let place = self.place;
                        self.viewers.spawn(async move {
                            let _place = place;
                            tell(UnixStream::from_std(socket)?).await
                        });
                        return Ok(());
                    }
                    Answer::Take(take) => match Arc::clone(&self.carried).try_acquire_owned() {
                        Ok(_carried) => {
                            drop(self.place);
                            return take(requests.into_inner()).await;
                        }
                        Err(_) => Reply::Error(FULL.to_owned()),
                    },
                },
                Err(sentence) => Reply::Error(sentence),
            };
            tell(requests.get_mut(), &reply).await?;
            if !whole {
                return Ok(());
            }
        }
    }
}

/// Sends a reply.
async fn tell(stream: &mut UnixStream, reply: &Reply) -> io::Result<()> {
    let mut text = serde_json::to_vec(reply)?;
    text.push(b'\n');
    timeout(PATIENCE, stream.write_all(&text)).await?
}

/// A connection to the socket at `path`, without waiting until somebody takes it.
fn connect(path: &Path) -> io::Result<StdStream> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket::socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    socket::connect(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    let stream = StdStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// The same as soon as not too many others wait for theirs, but not later than in ten seconds.
fn connect_in_turn(path: &Path) -> io::Result<StdStream> {
    for _ in 0..ANSWER.as_millis() / AGAIN.as_millis() {
        match connect(path) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(AGAIN),
            connected => return connected,
        }
    }
    connect(path)
}

/// Asks the glasstcp that listens at `path`, and waits for its reply.
///
/// # Errors
/// When nobody listens there, when this user may not ask, and `WouldBlock` when no reply comes within ten
/// seconds, or too many others wait for theirs all the time.
pub fn ask(path: &Path, request: &Request) -> io::Result<Reply> {
    let reply = receive(&mut BufReader::new(send(path, request)?))?;
    reply.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// Asks for something of which many replies tell, and gives each to `each`, but the last.
///
/// # Errors
/// Those of [`ask`] and of `each`.
pub fn ask_for_all(
    path: &Path,
    request: &Request,
    mut each: impl FnMut(Reply) -> io::Result<()>,
) -> io::Result<Reply> {
    let mut replies = BufReader::new(send(path, request)?);
    loop {
        match receive(&mut replies)? {
            Some(reply @ Reply::Socket(_)) => each(reply)?,
            Some(last) => return Ok(last),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// Asks for what follows the reply, if that is [`Reply::Done`], and is read for as long as it comes.
///
/// # Errors
/// Those of [`ask`].
pub fn ask_for_lines(path: &Path, request: &Request) -> io::Result<(Reply, BufReader<StdStream>)> {
    let stream = send(path, request)?;
    let mut lines = BufReader::new(stream);
    let reply = receive(&mut lines)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    lines.get_ref().set_read_timeout(None)?;
    Ok((reply, lines))
}

/// The next reply; `None` at the end.
fn receive(replies: &mut impl BufRead) -> io::Result<Option<Reply>> {
    loop {
        let mut line = Vec::new();
        (&mut *replies).take(MAX_LINE).read_until(b'\n', &mut line)?;
        match &line[..] {
            [] => return Ok(None),
            // Nothing was found for a while.
            b"\n" => {}
            line => return Ok(Some(serde_json::from_slice(line)?)),
        }
    }
}

/// Sends a request.
fn send(path: &Path, request: &Request) -> io::Result<StdStream> {
    let mut stream = connect_in_turn(path)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    let text = version::encode(request)?;
    // One that has no place for another may have said so without listening: then that is read.
    match stream.write_all(&text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(stream),
    }
}

/// Where the sockets of root are.
const ROOTS: &str = "/run/glasstcp";

/// Where sockets are found by name: `/run/glasstcp` for root, for others a folder of their own if they
/// have one.
pub fn folder() -> Option<PathBuf> {
    if nix::unistd::geteuid().is_root() {
        return Some(PathBuf::from(ROOTS));
    }
    let own = std::env::var_os("XDG_RUNTIME_DIR").filter(|own| !own.is_empty())?;
    Some(Path::new(&own).join("glasstcp"))
}

/// Where the socket of that name is found.
pub fn named(name: &str) -> Option<PathBuf> {
    Some(folder()?.join(format!("{name}.{ENDING}")))
}

/// All sockets that are found by name and somebody listens on, in the order of their names.
pub fn running() -> Vec<PathBuf> {
    folder().map(|folder| running_in(&folder)).unwrap_or_default()
}

/// The same of those that root has started, whoever asks.
pub fn running_as_root() -> Vec<PathBuf> {
    running_in(Path::new(ROOTS))
}

fn running_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).ok();
    let paths = entries.into_iter().flatten().flatten().map(|entry| entry.path());
    let is_socket = |path: &PathBuf| path.extension().is_some_and(|ending| ending == ENDING);
    let answers = |path: &PathBuf| {
        // Whether or not this user may ask it.
        let refused = io::ErrorKind::ConnectionRefused;
        connect(path).map_or_else(|error| error.kind() != refused, |_| true)
    };
    let mut paths: Vec<_> = paths.filter(is_socket).filter(answers).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests;
