//! A lab over a real device: `glasstcp up` in a network namespace of its own, and the kernel's sockets at the other end.

mod client;
mod daemon;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, process, thread};

use anyhow::Context;
use glasstcp::device::netns::Namespace;
use glasstcp::lab::{Lab, LiveClient, LiveRun, Recorded};

use crate::cli::signals::Signals;
use daemon::Daemon;

/// The file that is got.
const TEXT: &str = "text";

/// Runs all of it; what watches over it may do so while what was recorded is written.
///
/// # Errors
/// When a step fails, in one sentence.
pub fn run(lab: &Lab, live: &LiveRun) -> anyhow::Result<(Vec<Recorded>, Watch)> {
    let folder = tempfile::tempdir().context("cannot make a folder for what is recorded")?;
    let watch = Watch::begin(folder.path().to_owned())?;
    let www = folder.path().join("www");
    fs::create_dir(&www).context("cannot make a folder for what is recorded")?;
    if let LiveClient::Get { bytes, .. } = live.client {
        fs::write(www.join(TEXT), vec![b'x'; bytes]).context("cannot write the text to get")?;
    }
    let netns = format!("glasstcp-lab-{}", std::process::id());
    let mut recorded = Vec::new();
    for (name, options) in live.runs {
        let events = folder.path().join(format!("{name}.events.jsonl"));
        let packets = folder.path().join(format!("{name}.pcapng"));
        let daemon = Daemon::start(&netns, folder.path(), (&events, &packets), options)?;
        let inside = Namespace::use_or_make(&netns)?;
        let talked = inside.run(|| client::talk(live.client));
        drop(inside);
        daemon.end()?;
        talked?.with_context(|| format!("the run {name} of {}", lab.name))?;
        let read = |path| fs::read(path).context("cannot read what was recorded");
        recorded.push(Recorded::new(name, "", read(&events)?, read(&packets)?)?);
    }
    Ok((recorded, watch))
}

/// While it lives, a signal that ends this process takes the folder along. What runs in it sees that its standard input ends, and
/// goes with its namespace.
pub struct Watch {
    is_over: Arc<AtomicBool>,
}

impl Watch {
    fn begin(folder: PathBuf) -> anyhow::Result<Watch> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        let runtime = runtime.context("cannot handle signals")?;
        let mut signals = {
            let _inside = runtime.enter();
            Signals::new().context("cannot handle signals")?
        };
        let is_over = Arc::new(AtomicBool::new(false));
        let watched = Arc::clone(&is_over);
        thread::spawn(move || {
            runtime.block_on(signals.until_end());
            if !watched.load(Ordering::Relaxed) {
                eprintln!("glasstcp: the lab was ended by a signal, not all of it is written");
                // What cannot be removed is left.
                let _ = fs::remove_dir_all(folder);
                process::exit(1);
            }
        });
        Ok(Watch { is_over })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}
