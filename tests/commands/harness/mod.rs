//! What the tests share: commands that run to their end, programs that run beside the test, and stacks to talk to.
//!
//! ```text
//!   run(glasstcp(..)) ─> Output           Running ── lines, signals ─> Output
//!
//!   Up:    glasstcp up       <── UDP ──   up.client(..)    <── control socket ──   up.via(..)
//!   Inner: a stack in here   <── UDP ──   glasstcp(..) with --link
//! ```

mod inner;
mod running;
mod up;

use std::fs;
use std::io::BufRead;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use inner::Inner;
pub use running::Running;
pub use up::{Up, waiting};

/// Longest that anything here may take, on a machine that has much else to do.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// A glasstcp with these arguments, and nothing to read.
pub fn glasstcp(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glasstcp"));
    command.args(line.split_whitespace()).stdin(Stdio::null());
    command
}

/// Runs it to its end.
#[track_caller]
pub fn run(command: &mut Command) -> Output {
    Running::start(command).finish()
}

/// The exit code of a command, and what it has printed and said.
#[track_caller]
pub fn ended(command: &mut Command) -> (Option<i32>, String) {
    let output = run(command);
    (output.status.code(), printed(&output) + &said(&output))
}

/// What it has written to standard output.
pub fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What it has written to standard error.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Reads lines until all of these texts have come; gives everything that has.
#[track_caller]
pub fn until(stream: &mut impl BufRead, texts: &[&str]) -> String {
    let mut all = String::new();
    while !texts.iter().all(|text| all.contains(text)) {
        assert!(stream.read_line(&mut all).expect("text") > 0, "ended before {texts:?}: {all}");
    }
    all
}

/// The address that stands behind these words.
#[track_caller]
pub fn address_after(text: &str, words: &str) -> SocketAddr {
    let rest = text.split_once(words).map(|(_, rest)| rest);
    let word = rest.and_then(|rest| rest.split([' ', ',', '\n']).next());
    let address = word.and_then(|word| word.parse().ok());
    address.unwrap_or_else(|| panic!("no address behind {words:?} in {text:?}"))
}

/// Looks again and again until it is so.
#[track_caller]
pub fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Held by a test that keeps the machine busy for seconds: of those one runs at a time, so that none waits for
/// others longer than its peers have patience.
pub fn busy() -> MutexGuard<'static, ()> {
    static BUSY: Mutex<()> = Mutex::new(());
    BUSY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Checks all these at the same time, each on a thread of its own: they mostly wait.
pub fn side_by_side<T: Send>(cases: impl IntoIterator<Item = T>, check: impl Fn(T) + Sync) {
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| check(case));
        }
    });
}

/// A proxy for UDP before `server`, with its control socket, `control`, in `folder`; and where it is.
pub fn proxy(server: SocketAddr, folder: &Path, options: &[&str]) -> (Running, SocketAddr) {
    let line = format!("link --udp 127.0.0.1:0 --to {server} --control control");
    let (running, printed) = Running::ready(glasstcp(&line).args(options).current_dir(folder));
    (running, address_after(&printed, "datagrams to "))
}

/// A socket of the kernel's at a port that was free, and where it is.
pub fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let address = socket.local_addr().expect("it is bound");
    (socket, address)
}

/// An empty folder, which goes with the test.
pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// What is in a folder, in the order of the alphabet.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable"));
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().into_string().expect("plain")).collect();
    names.sort();
    names
}

/// So many bytes that look random, the same each time (xorshift64).
pub fn bytes(len: usize) -> Vec<u8> {
    let mut number = 0x9E37_79B9_7F4A_7C15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
