//! A running `glasstcp up`, and clients of it.

use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{Running, address_after, folder, glasstcp, until};

/// A stack with a link over UDP.
pub struct Up {
    /// The program.
    pub running: Running,
    /// Where its link ends.
    pub place: SocketAddr,
    command: Command,
    /// Where its control socket is.
    folder: TempDir,
}

impl Up {
    /// One at 10.9.0.2, to which others come.
    pub fn start(options: &str) -> Up {
        Up::of(glasstcp(&format!("up --link udp:127.0.0.1:0 {options}")))
    }

    /// The same with a folder to serve.
    pub fn serving(www: &Path, options: &str) -> Up {
        let mut command = glasstcp(&format!("up --link udp:127.0.0.1:0 {options} --www"));
        command.arg(www);
        Up::of(command)
    }

    /// One without services at 10.9.0.3, whose link leads to the one that is there.
    pub fn beside(other: SocketAddr, options: &str) -> Up {
        let line = "up --stack-addr 10.9.0.3 --no-default-services";
        Up::of(glasstcp(&format!("{line} --link udp:127.0.0.1:0,{other} {options}")))
    }

    fn of(mut command: Command) -> Up {
        let folder = folder();
        command.arg("--control").arg(folder.path().join("socket"));
        let (running, place) = Up::launch(&mut command);
        Up { running, place, command, folder }
    }

    fn launch(command: &mut Command) -> (Running, SocketAddr) {
        let (running, printed) = Running::ready(command);
        (running, address_after(&printed, "over UDP from "))
    }

    /// Ends it at once. Nobody else gets its port, and with it what is still sent there, while the socket lives.
    #[must_use]
    pub fn kill(&mut self) -> UdpSocket {
        self.running.kill();
        UdpSocket::bind(self.place).expect("it is free")
    }

    /// Starts another one with the same options, when it was killed; it finds what that one has left.
    pub fn come_back(&mut self) {
        (self.running, self.place) = Up::launch(&mut self.command);
    }

    /// What a client is told to reach it.
    pub fn link(&self) -> String {
        format!("udp:127.0.0.1:0,{}", self.place)
    }

    /// A client with a stack of its own.
    pub fn client(&self, line: &str) -> Command {
        let mut command = glasstcp(line);
        command.arg("--link").arg(self.link());
        command
    }

    /// A client that uses this stack.
    pub fn via(&self, line: &str) -> Command {
        let mut command = glasstcp(line);
        command.arg("--via").arg(self.socket());
        command
    }

    /// Its control socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }
}

/// Starts a command that waits at 10.9.0.1 for others, and says so in these words; where its link ends.
#[track_caller]
pub fn waiting(command: &mut Command, words: &str) -> (Running, SocketAddr) {
    let mut running = Running::start(command.args(["-v", "--link", "udp:127.0.0.1:0"]));
    let said = until(&mut running.stderr, &["arrive at ", words]);
    (running, address_after(&said, "arrive at "))
}
