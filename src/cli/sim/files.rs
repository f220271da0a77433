//! What a simulation writes while it runs: lines on the screen, events and packets as files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use glasstcp::device::impair::{Decision, Direction};
use glasstcp::event::Event;
use glasstcp::observe::classic::Client;
use glasstcp::observe::json;
use glasstcp::observe::text::{self, Verbosity};
use glasstcp::sim::{Vantage, Watch};
use glasstcp::time::Instant;

use crate::cli::packets::{self, PacketFile, cannot_write, make};

/// The interface with the packets to which the link has done something.
const LINK: &str = "link";

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// The events of all hosts.
    Events(Verbosity),
    /// What the sender of each client does.
    Classic,
}

/// Where everything goes. Where something cannot be written nothing is written any more.
pub struct Files {
    events: Option<(PathBuf, BufWriter<File>)>,
    packets: Option<PacketFile>,
    screen: Option<Log>,
    /// The clients of the classic log, by the names of their hosts.
    clients: BTreeMap<String, Client>,
    /// How many packets waited for the link when; only kept with a folder.
    queue: Vec<(Instant, usize)>,
    error: Option<anyhow::Error>,
}

impl Files {
    /// Makes `NAME.events.jsonl` and `NAME.pcapng` in `folder`, if there is one; prints what
    /// `screen` asks for.
    ///
    /// # Errors
    /// When a file cannot be made.
    pub fn create(folder: Option<&Path>, name: &str, screen: Option<Log>) -> anyhow::Result<Files> {
        let mut files = Files {
            events: None,
            packets: None,
            screen,
            clients: BTreeMap::new(),
            queue: Vec::new(),
            error: None,
        };
        if let Some(folder) = folder {
            let path = folder.join(format!("{name}.events.jsonl"));
            files.events = Some((path.clone(), BufWriter::new(make(&path)?)));
            let path = folder.join(format!("{name}.pcapng"));
            files.packets = Some(PacketFile::new(make(&path)?, path, Duration::ZERO, LINK)?);
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
        self.packets.take().map_or(Ok(()), |mut packets| packets.flush())?;
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
                self.keep(crate::cli::unprinted(error));
            }
        }
    }

    fn write_packet(
        &mut self,
        at: Instant,
        interface: &str,
        packet: (packets::Direction, &[u8], Option<&str>),
    ) {
        if let Some(packets) = &mut self.packets
            && let Err(error) = packets.write(at, interface, packet)
        {
            self.packets = None;
            self.keep(error);
        }
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
        if self.screen == Some(Log::Classic)
            && let Some(number) = number(host)
        {
            let client = self.clients.entry(host.to_owned()).or_default();
            for line in client.event(event) {
                self.print(&format!("{now} client {number}: {line}"));
            }
        }
        if let Some(Log::Events(wanted)) = self.screen
            && let Some((level, line)) = text::format(event, false)
            && level <= wanted
        {
            self.print(&format!("{now} {host} {line}"));
        }
    }

    fn packet(&mut self, now: Instant, at: Vantage, host: &str, packet: &[u8]) {
        let direction = match at {
            Vantage::Leaves(_) => packets::Direction::Outbound,
            Vantage::Arrives(_) => packets::Direction::Inbound,
        };
        if direction == packets::Direction::Outbound
            && let Some(client) = self.clients.get_mut(host)
            && let Some(line) = client.packet(packet)
        {
            self.print(&format!("{now} client {}: {line}", number(host).unwrap_or_default()));
        }
        self.write_packet(now, host, (direction, packet, None));
    }

    fn decision(&mut self, direction: Direction, decision: &Decision) {
        if self.screen == Some(Log::Events(Verbosity::Segments)) {
            self.print(&format!("{} {}", decision.at, text::decision(direction, decision)));
        }
        let Decision { at, effect, packet } = decision;
        let known = self.clients.iter().find_map(|(host, client)| {
            Some((number(host)?, client.link(direction, *effect, packet)?))
        });
        if let Some((number, line)) = known {
            self.print(&format!("{at} client {number}: {line}"));
        }
        let effect = effect.words();
        let direction = match direction {
            Direction::Out => packets::Direction::Outbound,
            Direction::In => packets::Direction::Inbound,
        };
        self.write_packet(decision.at, LINK, (direction, &decision.packet, Some(&effect)));
    }

    fn backlog(&mut self, now: Instant, packets: usize, _: u64) {
        if self.packets.is_some() && self.queue.last().is_none_or(|(_, last)| *last != packets) {
            self.queue.push((now, packets));
        }
    }
}

/// The number of the client whose sender a host is.
fn number(host: &str) -> Option<u32> {
    match host.strip_prefix("sender")? {
        "" => Some(1),
        number => number.trim_start().parse().ok(),
    }
}
