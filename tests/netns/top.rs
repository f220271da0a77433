//! `glasstcp top` as somebody sees it who sits before it: in a terminal of tmux.

use std::process::Command;
use std::time::Duration;

use crate::harness::{DEVICE, Daemon, Lab, Tool, wait_for};

/// A terminal in which something runs, until this is dropped.
struct Terminal(String);

impl Terminal {
    /// One of that size, in which a shell runs `command` and then waits.
    fn start(lab: &Lab, size: (u16, u16), command: &str) -> Terminal {
        let terminal = Terminal(format!("{}-{}x{}", lab.netns, size.0, size.1));
        let (width, height) = (size.0.to_string(), size.1.to_string());
        let line = format!("{command}; echo \"it ended with $?\"; sleep 100");
        let new = ["-f", "/dev/null", "new-session", "-d", "-x", &width, "-y", &height, &line];
        terminal.tmux(&new);
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let tool = Tool::new("tmux").args(["-L", &self.0]).args(arguments);
        tool.finish().assert_success().text()
    }

    /// Types keys, by the names that tmux gives them.
    fn press(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"][..], keys].concat());
    }

    /// What stands on it now.
    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Waits until all of these stand on it.
    fn wait_for(&self, parts: &[&str]) {
        wait_for(&format!("{parts:?} on the screen"), Duration::from_secs(20), || {
            let screen = self.screen();
            let all = parts.iter().all(|part| screen.contains(part));
            if !all {
                eprintln!("{screen}");
            }
            all
        });
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = Command::new("tmux").args(["-L", &self.0, "kill-server"]).status();
    }
}

fn control(lab: &Lab) -> String {
    format!("/run/glasstcp/{DEVICE}@{}.sock", lab.netns)
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn top_shows_a_connection_all_of_it_and_kills_it() {
    let (lab, daemon) = Lab::up_with_www_and(&["--impair", "delay=5ms out:loss=1%"], |www| {
        crate::harness::write_pattern(&www.join("big"), 64 << 10);
    });
    let curl = lab.shell("exec curl -sS --limit-rate 300k -o /dev/null http://10.9.0.2/big");
    let curl = curl.limit_s(100).start();
    let top = format!("{} top --interval 0.2 --control {}", Daemon::PROGRAM, control(&lab));
    let terminal = Terminal::start(&lab, (80, 24), &top);
    terminal.wait_for(&[
        "glasstcp top",
        "connections 1: ESTAB 1",
        " 10.9.0.1:",
        "link out: delay=5ms loss=1%",
    ]);
    terminal.press(&["Enter"]);
    terminal.wait_for(&["10.9.0.2:80 <-> 10.9.0.1:", "in flight", "cubic", "-> ", "ssthresh"]);
    terminal.tmux(&["resize-window", "-x", "40", "-y", "10"]);
    terminal.wait_for(&["10.9.0.2:80 <-> 10.9.0.1:"]);
    terminal.tmux(&["resize-window", "-x", "150", "-y", "40"]);
    terminal.press(&["i", "out:loss=2%", "Enter"]);
    terminal.wait_for(&["link out: delay=5ms loss=2%", "events"]);
    terminal.press(&["K"]);
    terminal.wait_for(&["kill 10.9.0.2:80 10.9.0.1:", "y or n"]);
    terminal.press(&["y"]);
    terminal.wait_for(&["killed: the peer was sent a reset", "gone: this is how it was last"]);
    assert!(!curl.finish().success(), "its connection was killed");
    terminal.press(&["Escape"]);
    terminal.wait_for(&["no connections"]);
    terminal.press(&["q"]);
    terminal.wait_for(&["it ended with 0"]);
    assert!(!terminal.screen().contains("glasstcp top"), "the screen is that of before");
    lab.assert_alive(&daemon);
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn top_gives_the_terminal_back_however_it_ends() {
    let (lab, daemon) = Lab::up(&[]);
    let control = control(&lab);
    let top = format!("{} top --interval 0.2 --control {control}", Daemon::PROGRAM);
    let line = format!("sh -c 'echo $$ > {}/top; exec {top}'", lab.folder.path().display());
    let told = Terminal::start(&lab, (80, 24), &line);
    told.wait_for(&["no connections"]);
    let pid = std::fs::read_to_string(lab.folder.path().join("top")).expect("a number");
    Tool::new("kill").args([pid.trim()]).finish().assert_success();
    told.wait_for(&["it ended with 0"]);
    // One whose terminal goes ends too.
    let line = format!("sh -c 'echo $$ > {}/gone; exec {top}'", lab.folder.path().display());
    let gone = Terminal::start(&lab, (100, 30), &line);
    gone.wait_for(&["no connections"]);
    let pid = std::fs::read_to_string(lab.folder.path().join("gone")).expect("a number");
    drop(gone);
    let process = std::path::PathBuf::from(format!("/proc/{}", pid.trim()));
    wait_for("its end", Duration::from_secs(10), || !process.exists());
    let last = Terminal::start(&lab, (90, 24), &top);
    last.wait_for(&["no connections"]);
    let once = Tool::new(Daemon::PROGRAM).args([
        "top",
        "--once",
        "--interval",
        "0.1",
        "--control",
        &control,
    ]);
    let text = once.finish().assert_success().text();
    assert!(text.starts_with("glasstcp top ") && text.contains("no connections"), "{text}");
    let piped = Tool::new(Daemon::PROGRAM).args(["top", "--control", &control]).finish();
    assert!(!piped.success() && piped.to_string().contains("needs a terminal"), "{piped}");
    daemon.stop();
    last.wait_for(&["it ended with 1"]);
    let screen = last.screen();
    let says = ["no glasstcp listens on", "has ended before it"].map(|part| screen.contains(part));
    assert!(says.contains(&true), "{screen}");
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn prometheus_finds_what_stats_tells() {
    let (lab, daemon) = Lab::up(&[]);
    let _open = lab.connect(7);
    let got = lab.tool("curl").args(["-sS", "-f", "-D", "-", "http://10.9.0.2/metrics"]).finish();
    let got = got.assert_success().text();
    for part in [
        "content-type: text/plain; version=0.0.4",
        "\n# TYPE glasstcp_tcp_segments_sent_total counter\n",
        "\nglasstcp_sockets{state=\"established\"} 2\n",
        "\nglasstcp_refused_total{reason=\"tcp_checksum\"} 0\n",
    ] {
        assert!(got.contains(part), "{part}: {got}");
    }
    let told = Tool::new(Daemon::PROGRAM).args(["stats", "--prometheus", "--control"]);
    let told = told.args([control(&lab)]).finish().assert_success().text();
    let names = |text: &str| -> Vec<String> {
        let samples = text.lines().filter(|line| line.starts_with("glasstcp_"));
        samples.filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned())).collect()
    };
    assert_eq!(names(&got), names(&told));
    assert!(names(&told).len() > 80, "{told}");
    daemon.stop();
}
