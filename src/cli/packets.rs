//! Packets as a pcapng file, for the commands that write one.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use glasstcp::observe::pcapng::{self, Interface};
use glasstcp::time::Instant;

pub use glasstcp::observe::pcapng::Direction;

/// A file, with an interface for each name that it meets, in the order in which they are met.
pub struct PacketFile {
    path: PathBuf,
    file: pcapng::Writer<BufWriter<File>>,
    interfaces: Vec<(String, Interface)>,
}

impl PacketFile {
    /// Begins to write into `file`, which is at `path`, with a first interface. `origin` is the time from
    /// 1970 on to [`Instant::ZERO`].
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(
        file: File,
        path: PathBuf,
        origin: Duration,
        first: &str,
    ) -> anyhow::Result<PacketFile> {
        let file = pcapng::Writer::new(BufWriter::new(file), origin);
        let mut file = file.with_context(|| cannot_write(&path))?;
        let interface = file.interface(first).with_context(|| cannot_write(&path))?;
        Ok(PacketFile { path, file, interfaces: vec![(first.to_owned(), interface)] })
    }

    /// Writes a packet that was seen at an interface.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(
        &mut self,
        at: Instant,
        interface: &str,
        (direction, bytes, comment): (Direction, &[u8], Option<&str>),
    ) -> anyhow::Result<()> {
        let known = self.interfaces.iter().find(|(name, _)| name == interface);
        let interface = match known {
            Some((_, interface)) => *interface,
            None => {
                let made = self.file.interface(interface);
                let made = made.with_context(|| cannot_write(&self.path))?;
                self.interfaces.push((interface.to_owned(), made));
                made
            }
        };
        let len = bytes.len();
        let packet = pcapng::Packet { interface, at, direction, bytes, len, comment };
        self.file.packet(&packet).with_context(|| cannot_write(&self.path))
    }

    /// Writes what still waits in memory.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        self.file.get_mut().flush().with_context(|| cannot_write(&self.path))
    }
}

/// A new file to write into.
///
/// # Errors
/// When it cannot be made.
pub fn make(path: &Path) -> anyhow::Result<File> {
    File::create(path).with_context(|| cannot_write(path))
}

/// The beginning of a sentence.
pub fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}
