//! The daemon under test.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;
use std::{fs, thread};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::account::{Counted, LAST_ROW, Usage};
use super::wait_for;

/// A daemon that was started; it is ended when this goes.
pub struct Daemon {
    child: Mutex<Child>,
    log: PathBuf,
}

impl Daemon {
    /// The binary under test.
    pub const PROGRAM: &str = env!("CARGO_BIN_EXE_glasstcp");

    /// Starts `command`; what it writes goes to a file in `folder`.
    pub fn spawn(mut command: Command, folder: &Path) -> Daemon {
        let log = (0..)
            .map(|number| folder.join(format!("daemon-{number}.log")))
            .find(|path| !path.exists())
            .expect("there is always another number");
        let out = File::create(&log).expect("the folder is writable");
        let both = out.try_clone().expect("a descriptor can be doubled");
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(both)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        Daemon { child: Mutex::new(child), log }
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Fails with its log when it has ended.
    #[track_caller]
    pub fn assert_running(&self) {
        if let Some(status) = self.status() {
            panic!("the daemon ended with {status}");
        }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.lock().expect("no panic inside").id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.id().cast_signed()), signal).expect("it is our own child");
    }

    /// Waits until its log contains `text`.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str) {
        wait_for(&format!("{text:?} in the log"), Duration::from_secs(10), || {
            self.log().contains(text)
        });
    }

    /// Everything it has counted so far.
    #[track_caller]
    pub fn counters(&self) -> Counted {
        let tables = || self.log().matches(LAST_ROW).count();
        let before = tables();
        self.signal(Signal::SIGUSR1);
        wait_for("the counters", Duration::from_secs(20), || tables() > before);
        Counted::read(&self.log())
    }

    /// What it has used so far.
    pub fn usage(&self) -> Usage {
        Usage::of(self.id())
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(&self) -> ExitStatus {
        wait_for("the daemon to end", Duration::from_secs(30), || self.status().is_some());
        self.status().expect("it has ended")
    }

    /// Asks it to end with SIGINT and fails unless it does so with exit code 0.
    #[track_caller]
    pub fn stop(&self) {
        self.signal(Signal::SIGINT);
        let status = self.wait();
        assert!(status.success(), "the daemon ended with {status}");
    }

    fn status(&self) -> Option<ExitStatus> {
        let mut child = self.child.lock().expect("no panic inside");
        child.try_wait().expect("it is our own child")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = self.log();
            let skip = log.lines().count().saturating_sub(40);
            let tail: Vec<&str> = log.lines().skip(skip).collect();
            eprintln!("the end of the daemon's log:\n{}", tail.join("\n"));
        }
        let child = self.child.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner());
        let _ = child.kill();
        let _ = child.wait();
    }
}
