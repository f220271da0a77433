//! Two kernels with an emulated link between them.

use std::process::Command;

use super::{Daemon, Lab, Tool};

/// The kernel's address at the left end.
const LEFT: &str = "10.8.0.1";
/// The kernel's address at the right end.
pub const RIGHT: &str = "10.8.0.2";

/// Two kernels with a link between them.
pub struct Cable {
    // Dropped in this order: the emulator before the folder with its log.
    /// What carries the packets.
    pub emulator: Daemon,
    /// One end.
    pub left: Lab,
    /// The other.
    pub right: Lab,
}

impl Cable {
    /// A link with these rules that carries packets.
    pub fn up(rules: &str) -> Cable {
        let (left, right) = (Lab::new(), Lab::new());
        let mut command = Command::new(Daemon::PROGRAM);
        command.args(["link", "--impair", rules]);
        command.args(["--left", &format!("{}:link0,{LEFT}/24", left.netns)]);
        command.args(["--right", &format!("{}:link1,{RIGHT}/24", right.netns)]);
        command.arg("--control").arg(left.folder.path().join("control"));
        command.arg("--pcap").arg(left.folder.path().join("all.pcapng"));
        let emulator = Daemon::spawn(command, left.folder.path());
        emulator.wait_for_log("Ctrl-C");
        Cable { emulator, left, right }
    }

    /// Changes the link.
    #[track_caller]
    pub fn impair(&self, rules: &str) -> String {
        let control = self.left.folder.path().join("control");
        let told = Tool::new(Daemon::PROGRAM)
            .args(["impair", "--control"])
            .args([&control])
            .args(rules.split_whitespace())
            .finish();
        told.assert_success().text()
    }
}
