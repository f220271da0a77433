//! Programs that run for a bounded time.

use std::ffi::OsStr;
use std::fmt;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::wait_for;

/// A program to run.
pub struct Tool {
    command: Command,
    input: Option<Vec<u8>>,
    limit: Duration,
}

/// A program that runs; it is killed when this goes.
pub struct Running {
    name: String,
    child: Child,
    limit: Duration,
    stdout: Collected,
    stderr: Collected,
    feeder: Option<JoinHandle<()>>,
}

/// A program that has ended.
pub struct Finished {
    name: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Tool {
    /// `program`, to run for at most a minute.
    pub fn new(program: &str) -> Tool {
        let mut command = Command::new(program);
        command.env("LC_ALL", "C");
        Tool { command, input: None, limit: Duration::from_secs(60) }
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Tool {
        self.command.args(arguments);
        self
    }

    /// What it reads from standard input, which ends after it.
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Tool {
        self.input = Some(input.into());
        self
    }

    /// How long it may run.
    pub fn limit_s(mut self, seconds: u64) -> Tool {
        self.limit = Duration::from_secs(seconds);
        self
    }

    /// Runs it to its end; fails when it takes longer than it may.
    #[track_caller]
    pub fn finish(self) -> Finished {
        self.start().finish()
    }

    /// Starts it. Without [`Tool::input`], standard input is open until [`Running::close_input`].
    pub fn start(mut self) -> Running {
        let name = format!("{:?}", self.command);
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        let feeder = self.input.map(|input| {
            let stdin = child.stdin.take();
            // It may end without having read everything.
            thread::spawn(move || drop(stdin.map(|mut stdin| stdin.write_all(&input))))
        });
        Running {
            stdout: Collected::from(child.stdout.take()),
            stderr: Collected::from(child.stderr.take()),
            name,
            child,
            limit: self.limit,
            feeder,
        }
    }
}

impl Running {
    /// Types `text` into it.
    #[track_caller]
    pub fn type_in(&mut self, text: &str) {
        let stdin: &mut ChildStdin = self.child.stdin.as_mut().expect("its input is open");
        stdin.write_all(text.as_bytes()).expect("it reads its input");
    }

    /// Ends its input.
    pub fn close_input(&mut self) {
        self.child.stdin = None;
    }

    /// What it has written to standard output so far.
    pub fn output(&self) -> String {
        self.stdout.text()
    }

    /// Waits until it has written `text` to standard output.
    #[track_caller]
    pub fn wait_for_output(&self, text: &str) {
        wait_for(&format!("{text:?} from {}", self.name), self.limit, || {
            self.output().contains(text)
        });
    }

    /// Waits until it has written `text` to standard error.
    #[track_caller]
    pub fn wait_for_error(&self, text: &str) {
        wait_for(&format!("{text:?} from {}", self.name), self.limit, || {
            self.stderr.text().contains(text)
        });
    }

    /// Waits until it has written at least `len` bytes to standard output.
    #[track_caller]
    pub fn wait_for_bytes(&self, len: usize) {
        wait_for(&format!("{len} bytes from {}", self.name), self.limit, || {
            self.stdout.len() >= len
        });
    }

    /// Its process.
    pub fn id(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Waits for its end; fails when it takes longer than it may.
    #[track_caller]
    pub fn finish(mut self) -> Finished {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                break status;
            }
            assert!(
                started.elapsed() < self.limit,
                "{} has not ended after {:?}\nstdout: {}\nstderr: {}",
                self.name,
                self.limit,
                shorten(&self.stdout.text()),
                shorten(&self.stderr.text()),
            );
            thread::sleep(Duration::from_millis(10));
        };
        Finished {
            name: std::mem::take(&mut self.name),
            status,
            stdout: self.stdout.join(),
            stderr: String::from_utf8_lossy(&self.stderr.join()).into_owned(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(feeder) = self.feeder.take() {
            let _ = feeder.join();
        }
    }
}

impl Finished {
    /// Whether it ended with exit code 0.
    pub fn success(&self) -> bool {
        self.status.success()
    }

    /// What it wrote to standard output, as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Fails with all it wrote unless its exit code is 0.
    #[track_caller]
    pub fn assert_success(&self) -> &Finished {
        assert!(self.success(), "{self}");
        self
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stdout, stderr) = (shorten(&self.text()), shorten(&self.stderr));
        write!(f, "{}: {}\nstdout: {stdout}\nstderr: {stderr}", self.name, self.status)
    }
}

/// What a pipe has delivered so far, gathered by a thread of its own.
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Collected {
    fn from(pipe: Option<impl Read + Send + 'static>) -> Collected {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&bytes);
        let reader = pipe.map(|mut pipe| {
            thread::spawn(move || {
                let mut buffer = vec![0; 1 << 16];
                while let Ok(len @ 1..) = pipe.read(&mut buffer) {
                    shared.lock().expect("no panic inside").extend(&buffer[..len]);
                }
            })
        });
        Collected { bytes, reader }
    }

    fn len(&self) -> usize {
        self.bytes.lock().expect("no panic inside").len()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().expect("no panic inside")).into_owned()
    }

    /// Everything, once the pipe has ended.
    fn join(&mut self) -> Vec<u8> {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("no panic inside");
        }
        std::mem::take(&mut self.bytes.lock().expect("no panic inside"))
    }
}

/// The beginning and the end of something long.
fn shorten(text: &str) -> String {
    const HALF: usize = 2000;
    let len = text.chars().count();
    if len <= 2 * HALF {
        return text.to_owned();
    }
    let head: String = text.chars().take(HALF).collect();
    let tail: String = text.chars().skip(len - HALF).collect();
    format!("{head}\n… {} characters left out …\n{tail}", len - 2 * HALF)
}
