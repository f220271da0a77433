//! What tcpdump and tshark see on the device.

use std::path::PathBuf;
use std::sync::OnceLock;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{DEVICE, Lab, Running, Tool};

/// A capture by tcpdump, read by tshark.
pub struct Capture {
    file: PathBuf,
    tcpdump: Option<Running>,
}

impl Capture {
    /// Starts to capture everything on the device of `lab`; of bursts only the front.
    pub fn start(lab: &Lab) -> Capture {
        Capture::start_with(lab, "2048")
    }

    /// The same with so many bytes of each packet.
    pub fn start_with(lab: &Lab, len: &str) -> Capture {
        let file = lab.folder.path().join("capture.pcap");
        let tcpdump = lab
            .tool("tcpdump")
            .args(["-i", DEVICE, "-n", "-s", len, "-B", "65536"])
            .args(["--immediate-mode", "-U", "-Z", "root", "-w"])
            .args([&file])
            .start();
        tcpdump.wait_for_error("listening on");
        Capture { file, tcpdump: Some(tcpdump) }
    }

    /// A file that somebody else has written.
    pub fn of(file: PathBuf) -> Capture {
        Capture { file, tcpdump: None }
    }

    /// Ends the capture; fails when tcpdump missed a packet.
    #[track_caller]
    pub fn stop(&mut self) {
        let tcpdump = self.tcpdump.take().expect("it is stopped once");
        // The last packets are still on their way to tcpdump.
        std::thread::sleep(std::time::Duration::from_millis(500));
        kill(Pid::from_raw(tcpdump.id()), Signal::SIGINT).expect("it is our own child");
        let end = tcpdump.finish();
        assert!(end.stderr.contains("\n0 packets dropped by kernel"), "{end}");
    }

    /// One line for each packet that `filter` selects, with `fields` in columns; checksums are
    /// verified.
    #[track_caller]
    pub fn select(&self, filter: &str, fields: &[&str]) -> Vec<String> {
        let verify = ["ip", "tcp", "udp"].map(|name| format!("{name}.check_checksum:TRUE"));
        let mut tshark = Tool::new("tshark")
            .limit_s(300)
            .args(["-n", "-r"])
            .args([&self.file])
            // What stands in segments is for others to judge; and after a retransmission tshark takes the
            // text of a reply for headers.
            .args(["--disable-protocol", "http"])
            .args(guesses().iter().flat_map(|name| ["--disable-protocol", name]))
            .args(verify.iter().flat_map(|preference| ["-o", preference.as_str()]))
            .args(["-Y", filter, "-T", "fields"]);
        for field in fields {
            tshark = tshark.args(["-e", field]);
        }
        let read = tshark.finish();
        read.assert_success();
        read.text().lines().map(str::to_owned).collect()
    }
}

/// What tshark takes the text of segments and datagrams for where it only guesses, as random text makes it.
fn guesses() -> &'static [String] {
    static GUESSES: OnceLock<Vec<String>> = OnceLock::new();
    GUESSES.get_or_init(|| {
        let list = Tool::new("tshark").args(["-G", "heuristic-decodes"]).finish();
        list.assert_success();
        let name = |line: &str| match line.split('\t').collect::<Vec<_>>()[..] {
            ["tcp" | "udp", protocol, _] => Some(protocol.to_owned()),
            _ => None,
        };
        list.text().lines().filter_map(name).collect()
    })
}
