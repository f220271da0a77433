//! A program that runs beside the test.

use std::io::{BufReader, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{PATIENCE, until};

/// A program, which is ended when this goes, or after [`PATIENCE`].
pub struct Running {
    child: Child,
    /// Its standard input, if it was made a pipe; it ends when this is taken.
    pub stdin: Option<ChildStdin>,
    /// What it prints.
    pub stdout: BufReader<ChildStdout>,
    /// What it says.
    pub stderr: BufReader<ChildStderr>,
    /// Keeps it from being ended; goes when it has ended.
    alive: Option<Sender<()>>,
}

impl Running {
    /// Starts it.
    #[track_caller]
    pub fn start(command: &mut Command) -> Running {
        let spawned = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("it was asked for"));
        let stderr = BufReader::new(child.stderr.take().expect("it was asked for"));
        let (alive, gone) = channel::<()>();
        let id = Pid::from_raw(child.id().cast_signed());
        thread::spawn(move || {
            if gone.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                // Whoever waits for it sees that it has ended.
                let _ = kill(id, Signal::SIGKILL);
            }
        });
        Running { child, stdin, stdout, stderr, alive: Some(alive) }
    }

    /// Starts it and waits until it has printed how it can be ended; gives what it has printed by then.
    #[track_caller]
    pub fn ready(command: &mut Command) -> (Running, String) {
        let mut running = Running::start(command);
        let printed = until(&mut running.stdout, &["Ctrl-C"]);
        (running, printed)
    }

    /// Sends it a signal.
    pub fn tell(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).expect("our own child");
    }

    /// Writes to its standard input.
    #[track_caller]
    pub fn write(&mut self, text: &[u8]) {
        self.stdin.as_mut().expect("it is open").write_all(text).expect("it reads");
    }

    /// The next bytes that it prints.
    #[track_caller]
    pub fn read(&mut self, len: usize) -> Vec<u8> {
        let mut text = vec![0; len];
        self.stdout.read_exact(&mut text).expect("text");
        text
    }

    /// Fails when it has ended.
    #[track_caller]
    pub fn assert_runs(&mut self) {
        let ended = self.child.try_wait().expect("our own child");
        assert!(ended.is_none(), "it has ended: {ended:?}");
    }

    /// What it has counted, as a table that ends with its connections.
    #[track_caller]
    pub fn counts(&mut self) -> String {
        self.tell(Signal::SIGUSR1);
        until(&mut self.stderr, &[" connections\n"])
    }

    /// Waits for its end; gives its exit code, if no signal has ended it.
    pub fn wait(&mut self) -> Option<i32> {
        let status = self.child.wait().expect("our own child");
        self.alive = None;
        status.code()
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.child.kill().expect("our own child");
        self.wait();
    }

    /// Ends its input, and waits for its end; gives what it has written and nobody has read.
    #[track_caller]
    pub fn finish(mut self) -> Output {
        drop(self.stdin.take());
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        // Both at once: it may fill either pipe.
        thread::scope(|scope| {
            scope.spawn(|| self.stderr.read_to_end(&mut stderr).expect("bytes"));
            self.stdout.read_to_end(&mut stdout).expect("bytes");
        });
        let status = self.child.wait().expect("our own child");
        self.alive = None;
        Output { status, stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let mut said = Vec::new();
            let _ = self.stderr.read_to_end(&mut said);
            eprint!("{}", String::from_utf8_lossy(&said));
        }
    }
}
