//! What a simulation writes while it runs: lines on the screen, events and packets as files.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use glasstcp::device::impair::{Decision, Direction};
use glasstcp::event::Event;
use glasstcp::observe::json;
use glasstcp::observe::pcapng::{self, Interface};
use glasstcp::observe::text::{self, Verbosity};
use glasstcp::sim::{Vantage, Watch};
use glasstcp::time::Instant;

/// Where everything goes. Where something cannot be written nothing is written any more.
pub struct Files {
    events: Option<(PathBuf, BufWriter<File>)>,
    packets: Option<Packets>,
    screen: Option<Verbosity>,
    /// How many packets waited for the link when; only kept with a folder.
    queue: Vec<(Instant, usize)>,
    error: Option<anyhow::Error>,
}

struct Packets {
    path: PathBuf,
    file: pcapng::Writer<BufWriter<File>>,
    /// The hosts in the order in which they were first seen.
    hosts: Vec<(String, Interface)>,
    link: Interface,
}

impl Files {
    /// Makes `NAME.events.jsonl` and `NAME.pcapng` in `folder`, if there is one; prints as much as
    /// `verbose` asks for.
    ///
    /// # Errors
    /// When a file cannot be made.
    pub fn create(folder: Option<&Path>, name: &str, verbose: u8) -> anyhow::Result<Files> {
        let mut files = Files {
            events: None,
            packets: None,
            screen: match verbose {
                0 => None,
                1 => Some(Verbosity::States),
                _ => Some(Verbosity::Segments),
            },
            queue: Vec::new(),
            error: None,
        };
        if let Some(folder) = folder {
            let path = folder.join(format!("{name}.events.jsonl"));
            files.events = Some((path.clone(), make(&path)?));
            let path = folder.join(format!("{name}.pcapng"));
            let cannot = || cannot_write(&path);
            let mut file =
                pcapng::Writer::new(make(&path)?, Duration::ZERO).with_context(cannot)?;
            let link = file.interface("link").with_context(cannot)?;
            files.packets = Some(Packets { path, file, hosts: Vec::new(), link });
        }
        Ok(files)
    }

    /// Writes what still waits in memory, and gives how many packets waited for the link when.
    ///
    /// # Errors
    /// The first there was since it was made.
    pub fn finish(&mut self) -> anyhow::Result<Vec<(Instant, usize)>> {
        if let Some((path, mut file)) = self.events.take() {
            file.flush().with_context(|| cannot_write(&path))?;
        }
        if let Some(Packets { path, file, .. }) = self.packets.take() {
            file.into_inner().flush().with_context(|| cannot_write(&path))?;
        }
        self.error.take().map_or(Ok(()), Err)?;
        Ok(std::mem::take(&mut self.queue))
    }

    /// Keeps the first error there is.
    fn keep(&mut self, error: anyhow::Error) {
        self.error.get_or_insert(error);
    }

    /// Prints a line. Who stops reading, as `head` does, has read enough.
    fn print(&mut self, line: &str) {
        match writeln!(io::stdout(), "{line}") {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.screen = None,
            Err(error) => {
                self.screen = None;
                self.keep(anyhow::Error::new(error).context("cannot write to standard output"));
            }
        }
    }

    fn write_packet(
        &mut self,
        at: Instant,
        host: Option<&str>,
        packet: (pcapng::Direction, &[u8], Option<&str>),
    ) {
        if let Some(packets) = &mut self.packets
            && let Err(error) = packets.write(at, host, packet)
        {
            let error = anyhow::Error::new(error).context(cannot_write(&packets.path));
            self.packets = None;
            self.keep(error);
        }
    }
}

impl Packets {
    fn write(
        &mut self,
        at: Instant,
        host: Option<&str>,
        (direction, bytes, comment): (pcapng::Direction, &[u8], Option<&str>),
    ) -> io::Result<()> {
        let interface = match host {
            None => self.link,
            Some(host) => self.interface(host)?,
        };
        self.file.packet(&pcapng::Packet { interface, at, direction, bytes, comment })
    }

    fn interface(&mut self, host: &str) -> io::Result<Interface> {
        if let Some((_, interface)) = self.hosts.iter().find(|(name, _)| name == host) {
            return Ok(*interface);
        }
        let interface = self.file.interface(host)?;
        self.hosts.push((host.to_owned(), interface));
        Ok(interface)
    }
}

impl Watch for Files {
    fn event(&mut self, now: Instant, host: &str, event: &Event) {
        if let Some((path, file)) = &mut self.events
            && let Err(error) = json::write(file, now, Some(host), event)
        {
            let error = anyhow::Error::new(error).context(cannot_write(path));
            self.events = None;
            self.keep(error);
        }
        if let Some(wanted) = self.screen
            && let Some((level, line)) = text::format(event, false)
            && level <= wanted
        {
            self.print(&format!("{now} {host} {line}"));
        }
    }

    fn packet(&mut self, now: Instant, at: Vantage, host: &str, packet: &[u8]) {
        let direction = match at {
            Vantage::Leaves(_) => pcapng::Direction::Outbound,
            Vantage::Arrives(_) => pcapng::Direction::Inbound,
        };
        self.write_packet(now, Some(host), (direction, packet, None));
    }

    fn decision(&mut self, direction: Direction, decision: &Decision) {
        let effect = decision.effect.name().replace('_', " ");
        if self.screen == Some(Verbosity::Segments) {
            let len = decision.packet.len();
            self.print(&format!("{} link ({direction}): {len} bytes, {effect}", decision.at));
        }
        let direction = match direction {
            Direction::Out => pcapng::Direction::Outbound,
            Direction::In => pcapng::Direction::Inbound,
        };
        self.write_packet(decision.at, None, (direction, &decision.packet, Some(&effect)));
    }

    fn backlog(&mut self, now: Instant, packets: usize, _: u64) {
        if self.packets.is_some() && self.queue.last().is_none_or(|(_, last)| *last != packets) {
            self.queue.push((now, packets));
        }
    }
}

fn make(path: &Path) -> anyhow::Result<BufWriter<File>> {
    Ok(BufWriter::new(File::create(path).with_context(|| cannot_write(path))?))
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}
