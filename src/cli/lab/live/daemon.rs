//! `glasstcp up` as a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use anyhow::{Context, bail};
use glasstcp::service::text::harmless_line;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long it may take to end.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(20);
/// Bytes of what it says that are read.
const MOST_WORDS: u64 = 64 << 10;

/// It ends when this is dropped.
pub struct Daemon {
    child: Child,
}

impl Daemon {
    /// Starts it, and waits until it is up.
    ///
    /// # Errors
    /// What it says when it does not come up.
    pub fn start(
        netns: &str,
        folder: &Path,
        (events, packets): (&Path, &Path),
        options: &[&str],
    ) -> anyhow::Result<Daemon> {
        let program = env::current_exe().context("cannot find the program itself")?;
        let mut command = Command::new(program);
        command.args(["up", "--netns", netns, "--www"]).arg(folder.join("www"));
        command.arg("--control").arg(folder.join("control"));
        command.arg("--events").arg(events).arg("--pcap").arg(packets);
        command.args(options);
        // That ends when this process does, whatever ends it; and not by a signal to both, for the namespace is its own to remove.
        command
            .process_group(0)
            .arg("--end-with-stdin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.spawn().context("cannot start glasstcp up")?;
        let mut daemon = Daemon { child };
        let mut first = String::new();
        if let Some(stdout) = daemon.child.stdout.take() {
            let mut stdout = BufReader::new(stdout);
            stdout
                .by_ref()
                .take(MOST_WORDS)
                .read_line(&mut first)
                .context("cannot read from it")?;
            // What it prints later must not hold it up.
            thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        }
        if first.is_empty() {
            bail!("{}", daemon.last_words());
        }
        if let Some(mut stderr) = daemon.child.stderr.take() {
            thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        }
        Ok(daemon)
    }

    /// Why it has not come up.
    fn last_words(&mut self) -> String {
        let mut said = String::new();
        if let Some(stderr) = self.child.stderr.take() {
            // Without words it is what follows.
            let _ = stderr.take(MOST_WORDS).read_to_string(&mut said);
        }
        let last = said.lines().rev().find_map(|line| line.strip_prefix("glasstcp: "));
        last.map_or_else(|| "glasstcp up does not come up".to_owned(), harmless_line)
    }

    /// Has it end as Ctrl-C does, with everything written.
    ///
    /// # Errors
    /// When it does not end, or not well.
    pub fn end(mut self) -> anyhow::Result<()> {
        self.interrupt();
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().context("cannot wait for glasstcp up")? {
                return match status.success() {
                    true => Ok(()),
                    false => bail!("glasstcp up has ended with {status}"),
                };
            }
            thread::sleep(PAUSE);
        }
        bail!("glasstcp up does not end")
    }

    fn interrupt(&self) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            // If it has ended already, that is as well.
            let _ = kill(Pid::from_raw(pid), Signal::SIGINT);
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.interrupt();
            thread::sleep(PAUSE * 10);
            // A second time ends it at once, and the namespace goes with it.
            self.interrupt();
            let _ = self.child.wait();
        }
    }
}
