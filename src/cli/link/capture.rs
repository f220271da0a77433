//! Everything that passes a link, as a file for Wireshark.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use glasstcp::device::impair::{Decision, Direction};
use glasstcp::runtime::{LinkWatch, Passage, unix_time_of_origin};
use glasstcp::time::Instant;

use super::Lines;
use crate::cli::packets::{self, PacketFile};

/// The interfaces of the file: where packets were seen.
const LEFT: &str = "left";
const RIGHT: &str = "right";
const LINK: &str = "link";

/// A file that packets are written into. Cloning gives another handle to it.
#[derive(Clone)]
pub struct Capture(Arc<Mutex<State>>);

/// The file, or why there is none any more.
enum State {
    Open(PacketFile),
    Failed(anyhow::Error),
    Done,
}

impl Capture {
    /// Makes the file.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(path: PathBuf) -> anyhow::Result<Capture> {
        let file = PacketFile::create(path, unix_time_of_origin(), LEFT)?;
        Ok(Capture(Arc::new(Mutex::new(State::Open(file)))))
    }

    /// Writes what still waits in memory.
    ///
    /// # Errors
    /// The first there was since it was made.
    pub fn finish(&self) -> anyhow::Result<()> {
        match std::mem::replace(&mut *self.state(), State::Done) {
            State::Open(file) => file.finish(),
            State::Failed(error) => Err(error),
            State::Done => Ok(()),
        }
    }

    fn write(
        &self,
        at: Instant,
        interface: &str,
        packet: (packets::Direction, &[u8], Option<&str>),
    ) {
        let mut state = self.state();
        if let State::Open(file) = &mut *state
            && let Err(error) = file.write(at, interface, packet)
        {
            // The link goes on; what was wrong is said at the end too.
            log::warn!("{error:#}: from here on nothing is written");
            *state = State::Failed(error);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn packet(&mut self, now: Instant, passage: Passage, packet: &[u8]) {
        let Some(capture) = &self.capture else {
            return;
        };
        let (interface, direction) = match passage {
            Passage::Enters(Direction::Out) => (LEFT, packets::Direction::Inbound),
            Passage::Leaves(Direction::Out) => (RIGHT, packets::Direction::Outbound),
            Passage::Enters(Direction::In) => (RIGHT, packets::Direction::Inbound),
            Passage::Leaves(Direction::In) => (LEFT, packets::Direction::Outbound),
        };
        capture.write(now, interface, (direction, packet, None));
    }

    fn decision(&mut self, direction: Direction, decision: &Decision) {
        if let Some(lines) = &mut self.lines {
            lines.decision(direction, decision);
        }
        if let Some(capture) = &self.capture {
            let effect = decision.effect.words();
            let direction = match direction {
                Direction::Out => packets::Direction::Outbound,
                Direction::In => packets::Direction::Inbound,
            };
            capture.write(decision.at, LINK, (direction, &decision.packet, Some(&effect)));
        }
    }
}
