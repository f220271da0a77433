//! Everything that passes a link, as a file for Wireshark.
//!
//! The link must not wait for a slow disk, nor for whoever reads a pipe: a thread writes, and what it cannot
//! keep up with is left out, and counted.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};
use bytes::Bytes;
use glasstcp::device::impair::{Decision, Direction};
use glasstcp::runtime::{LinkWatch, Passage, unix_time_of_origin};
use glasstcp::time::Instant;

use super::Lines;
use crate::cli::packets::{self, PacketFile};

/// The interfaces of the file: where packets were seen.
const LEFT: &str = "left";
const RIGHT: &str = "right";
const LINK: &str = "link";
/// Packets that may wait to be written.
const WAITING: usize = 65_536;
/// Longest to wait at the end for them.
const PATIENCE: Duration = Duration::from_secs(5);

/// A packet to be written.
struct Record {
    at: Instant,
    interface: &'static str,
    direction: packets::Direction,
    bytes: Bytes,
    comment: Option<String>,
}

/// A file that packets are written into.
pub struct Capture {
    writer: SyncSender<Record>,
    lost: Arc<AtomicU64>,
}

/// The end of a capture.
pub struct Ending {
    path: PathBuf,
    lost: Arc<AtomicU64>,
    done: Receiver<anyhow::Result<()>>,
}

impl Capture {
    /// Begins to write into `file`, which is at `path`.
    ///
    /// # Errors
    /// When it cannot be written, or there can be no thread.
    pub fn begin(file: File, path: PathBuf) -> anyhow::Result<(Capture, Ending)> {
        let file = PacketFile::new(file, path.clone(), unix_time_of_origin(), LEFT)?;
        let (writer, records) = sync_channel(WAITING);
        let (tell, done) = sync_channel(1);
        let write = move || {
            // Nobody listens any more when it has taken too long.
            let _ = tell.send(write(file, &records));
        };
        let thread = thread::Builder::new().name("capture".to_owned()).spawn(write);
        thread.context("cannot start a thread to write packets")?;
        let lost = Arc::<AtomicU64>::default();
        Ok((Capture { writer, lost: Arc::clone(&lost) }, Ending { path, lost, done }))
    }

    fn write(&self, record: Record) {
        if self.writer.try_send(record).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Ending {
    /// Waits until everything is written, but not for ever; the [`Capture`] must have been dropped.
    ///
    /// # Errors
    /// The first there was since it began, or that packets are missing.
    pub fn wait(self) -> anyhow::Result<()> {
        let path = self.path.display();
        let written = self.done.recv_timeout(PATIENCE);
        written.map_err(|_| anyhow!("not all could be written to {path}: nobody takes it"))??;
        match self.lost.load(Ordering::Relaxed) {
            0 => Ok(()),
            lost => Err(anyhow!("{lost} packets are missing in {path}: writing was too slow")),
        }
    }
}

/// Writes what comes, and lets it be seen whenever nothing comes.
fn write(mut file: PacketFile, records: &Receiver<Record>) -> anyhow::Result<()> {
    loop {
        let record = match records.try_recv() {
            Err(TryRecvError::Empty) => {
                file.flush()?;
                records.recv().ok()
            }
            received => received.ok(),
        };
        let Some(Record { at, interface, direction, bytes, comment }) = record else {
            return file.flush();
        };
        if let Err(error) = file.write(at, interface, (direction, &bytes, comment.as_deref())) {
            // The link goes on; it is said at the end too.
            log::warn!("{error:#}: from here on nothing is written");
            return Err(error);
        }
    }
}

/// Writes what it sees, and logs what is done to packets.
pub struct Watch {
    /// Only if it is to be logged.
    pub lines: Option<Lines>,
    /// Only if it is to be written.
    pub capture: Option<Capture>,
}

impl LinkWatch for Watch {
    fn packet(&mut self, now: Instant, passage: Passage, packet: &Bytes) {
        let Some(capture) = &self.capture else {
            return;
        };
        let (interface, direction) = match passage {
            Passage::Enters(Direction::Out) => (LEFT, packets::Direction::Inbound),
            Passage::Leaves(Direction::Out) => (RIGHT, packets::Direction::Outbound),
            Passage::Enters(Direction::In) => (RIGHT, packets::Direction::Inbound),
            Passage::Leaves(Direction::In) => (LEFT, packets::Direction::Outbound),
        };
        let bytes = packet.clone();
        capture.write(Record { at: now, interface, direction, bytes, comment: None });
    }

    fn decision(&mut self, direction: Direction, decision: &Decision) {
        if let Some(lines) = &mut self.lines {
            lines.decision(direction, decision);
        }
        if let Some(capture) = &self.capture {
            let direction = match direction {
                Direction::Out => packets::Direction::Outbound,
                Direction::In => packets::Direction::Inbound,
            };
            capture.write(Record {
                at: decision.at,
                interface: LINK,
                direction,
                bytes: decision.packet.clone(),
                comment: Some(decision.effect.words()),
            });
        }
    }
}
