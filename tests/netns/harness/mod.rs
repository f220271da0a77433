//! A laboratory for one test: a namespace, a daemon in it, and tools that run beside it.

mod account;
mod cable;
mod capture;
mod daemon;
mod files;
mod inject;
pub mod packet;
mod tool;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use tempfile::TempDir;

pub use cable::{Cable, RIGHT};
pub use capture::Capture;
pub use daemon::Daemon;
pub use files::{bulk_mib, first_word, sha256, write_pattern};
pub use inject::Injector;
pub use tool::{Finished, Running, Tool};

/// The stack's address when nothing else is asked for.
pub const STACK: &str = "10.9.0.2";
/// The kernel's address on the device when nothing else is asked for.
pub const KERNEL: &str = "10.9.0.1";
/// The device when nothing else is asked for.
pub const DEVICE: &str = "glass0";

/// Which packets a path loses, in each direction.
#[derive(Clone, Copy)]
pub enum Loss {
    /// So many of a hundred, by chance.
    Percent(u32),
    /// Exactly every third: a lot, and no long streak of bad luck.
    EveryThird,
}

/// A namespace of its own for one test, with a folder for its files.
pub struct Lab {
    /// The name of the namespace; nobody else on this machine uses it.
    pub netns: String,
    /// Its files; they go with it.
    pub folder: TempDir,
}

impl Lab {
    /// A laboratory whose namespace does not exist yet.
    pub fn new() -> Lab {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        assert!(nix::unistd::geteuid().is_root(), "this test needs root: run scripts/test");
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Lab {
            netns: format!("gt-test-{}-{number}", std::process::id()),
            folder: TempDir::new().expect("a folder for temporary files"),
        }
    }

    /// A laboratory whose namespace was made by somebody else than the daemon.
    pub fn with_netns() -> Lab {
        let lab = Lab::new();
        let made = ip(&["netns", "add", &lab.netns]);
        assert!(made, "ip netns add {} failed", lab.netns);
        lab
    }

    /// A laboratory with a daemon that answers, started as `glasstcp up --netns ... ARGUMENTS`.
    pub fn up(arguments: &[&str]) -> (Lab, Daemon) {
        let lab = Lab::new();
        let daemon = lab.daemon(arguments);
        lab.wait_until_up(&daemon, STACK);
        (lab, daemon)
    }

    /// The same with a web server that shows what `fill` writes into its folder.
    pub fn up_with_www(fill: impl FnOnce(&Path)) -> (Lab, Daemon) {
        Lab::up_with_www_and(&[], fill)
    }

    /// Both.
    pub fn up_with_www_and(arguments: &[&str], fill: impl FnOnce(&Path)) -> (Lab, Daemon) {
        let lab = Lab::new();
        fs::create_dir(lab.www()).expect("the folder is writable");
        fill(&lab.www());
        let www = lab.www();
        let www = ["--www", www.to_str().expect("a plain path")];
        let daemon = lab.daemon(&[&www, arguments].concat());
        lab.wait_until_up(&daemon, STACK);
        (lab, daemon)
    }

    /// The folder of the web server.
    pub fn www(&self) -> PathBuf {
        self.folder.path().join("www")
    }

    /// Starts a daemon with `--netns`, and does not wait.
    pub fn daemon(&self, arguments: &[&str]) -> Daemon {
        let mut command = Command::new(Daemon::PROGRAM);
        command.args(["up", "--netns", &self.netns]).args(arguments);
        Daemon::spawn(command, self.folder.path())
    }

    /// Waits until the stack at `address` answers a ping.
    pub fn wait_until_up(&self, daemon: &Daemon, address: &str) {
        wait_for("the daemon to answer", Duration::from_secs(20), || {
            daemon.assert_running();
            self.netns_exists()
                && self.tool("ping").args(["-n", "-c", "1", "-W", "1", address]).finish().success()
        });
    }

    /// A program that will run inside of the namespace.
    pub fn tool(&self, program: &str) -> Tool {
        Tool::new("ip").args(["netns", "exec", &self.netns, program])
    }

    /// A pipeline of the shell that will run inside of the namespace; any failing part fails it.
    pub fn shell(&self, script: &str) -> Tool {
        self.tool("bash").args(["-o", "pipefail", "-c", script])
    }

    /// A script of this folder that will run inside of the namespace, by the Python of the system,
    /// which is the one that knows scapy.
    pub fn script(&self, name: &str) -> Tool {
        let path = format!("{}/tests/netns/{name}", env!("CARGO_MANIFEST_DIR"));
        self.tool("/usr/bin/python3").args([path])
    }

    /// Runs `work` on a thread inside of the namespace.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let netns = File::open(self.netns_path()).expect("the namespace exists");
        thread::scope(|scope| {
            let inside = scope.spawn(move || {
                setns(netns, CloneFlags::CLONE_NEWNET).expect("root may enter a namespace");
                work()
            });
            inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Fails unless every service that matters still works, and every packet that the kernel has
    /// handed to the daemon was taken or refused for a reason that was counted.
    #[track_caller]
    pub fn assert_alive(&self, daemon: &Daemon) {
        daemon.assert_running();
        self.tool("ping").args(["-n", "-c", "3", "-i", "0.01", STACK]).finish().assert_success();
        self.tool("curl").args(["-sS", "-f", "http://10.9.0.2/"]).finish().assert_success();
        let echo = self.tool("nc").args(["-N", STACK, "7"]).input("alive").finish();
        assert_eq!(echo.text(), "alive");
        let path = format!("/sys/class/net/{DEVICE}/statistics/tx_packets");
        wait_for("all packets to be received", Duration::from_secs(20), || {
            let handed = self.tool("cat").args([&path]).finish().text();
            let counted = daemon.counters();
            counted.assert_accounted();
            handed.trim() == counted.of("packets_received").to_string()
        });
    }

    /// A connection of the kernel to `port` of the stack; a read waits for at most 20 s.
    #[track_caller]
    pub fn connect(&self, port: u16) -> TcpStream {
        let stream = self.inside(|| TcpStream::connect((STACK, port)));
        let stream = stream.expect("the port is open");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        stream
    }

    /// Loses packets in each direction from now on.
    pub fn lose(&self, loss: Loss) {
        let rule = match loss {
            Loss::Percent(percent) => {
                format!("random --probability {}", f64::from(percent) / 100.0)
            }
            Loss::EveryThird => "nth --every 3 --packet 0".to_owned(),
        };
        for way in [format!("INPUT -i {DEVICE}"), format!("OUTPUT -o {DEVICE}")] {
            let iptables = format!("iptables -w -A {way} -m statistic --mode {rule} -j DROP");
            self.shell(&iptables).finish().assert_success();
        }
        // The kernel, not the stack, gives up a handshake after 6 tries by default.
        self.sysctl("tcp_syn_retries", "15");
    }

    /// Sets `net.ipv4.NAME` in the namespace.
    pub fn sysctl(&self, name: &str, value: &str) {
        self.shell(&format!("echo {value} > /proc/sys/net/ipv4/{name}")).finish().assert_success();
    }

    /// Whether the namespace exists.
    pub fn netns_exists(&self) -> bool {
        fs::exists(self.netns_path()).expect("/run/netns can be looked at")
    }

    /// Whether the device exists in the namespace.
    pub fn device_exists(&self) -> bool {
        self.netns_exists()
            && self.tool("ip").args(["link", "show", "dev", DEVICE]).finish().success()
    }

    fn netns_path(&self) -> String {
        format!("/run/netns/{}", self.netns)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.netns_exists() {
            ip(&["netns", "del", &self.netns]);
        }
    }
}

/// Fails unless `text` comes back.
#[track_caller]
pub fn assert_echo(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).expect("it can be sent");
    let mut echo = vec![0; text.len()];
    stream.read_exact(&mut echo).expect("it comes back");
    assert_eq!(echo, text.as_bytes());
}

/// Runs `ip` on this machine and says whether it succeeded.
fn ip(arguments: &[&str]) -> bool {
    Command::new("ip")
        .args(arguments)
        .stdin(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Waits until `done`, looking every 20 ms; fails after `limit`.
#[track_caller]
pub fn wait_for(what: &str, limit: Duration, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + limit;
    while !done() {
        assert!(Instant::now() < end, "waited {limit:?} in vain for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Random-looking numbers, the same in each run (xorshift64).
pub struct Dice(u64);

impl Dice {
    /// The sequence number `seed`.
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// The next number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.roll() % limit as u64) as usize
    }

    /// `len` random-looking bytes.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            bytes.extend(self.roll().to_le_bytes());
        }
        bytes.truncate(len);
        bytes
    }
}
