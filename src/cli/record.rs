//! What a running stack writes to files as it goes: events, packets, and recordings of connections that went wrong.

mod flights;
pub mod ring;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use glasstcp::device::impair::units::parse_size;
use glasstcp::observe::capture::{self, Captured, Filter};
use glasstcp::observe::stream::{Queue, Style, Tap, Timed};
use glasstcp::runtime::unix_time_of_origin;

use super::host::Counts;
use flights::Flights;
use ring::{Ring, Source, Writing};

/// Which files are written.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Write every event to this file, as lines of JSON (docs/events.md); for its size see --events-size
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,

    /// How long that file may become, as 512k or 1g, from 64k; before it grows beyond that it becomes FILE.1, and a new one
    /// begins. Only for a file: not for a pipe or a device
    #[arg(long, value_name = "SIZE", default_value = "256m", value_parser = file_size)]
    events_size: u64,

    /// Write every packet to this file for Wireshark (pcapng), with what the stack thought of it as its comment
    /// (docs/wireshark.md); see --pcap-size
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,

    /// How long that file may become, as 512k or 1g, from 64k, before it makes way as that of --events-size does
    #[arg(long, value_name = "SIZE", default_value = "1g", value_parser = file_size)]
    pcap_size: u64,

    /// How many files of packets there are at most, 2 to 1000: FILE, FILE.1 and so on
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(2..=1000))]
    pcap_files: u32,

    /// How much of each packet is kept, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = WHOLE, value_parser = clap::value_parser!(u32).range(20..=WHOLE.into()))]
    pcap_snaplen: u32,

    /// What the flight recorder may take, which keeps the last 256 events of each connection that there is room for (some
    /// 8 KiB each), as 4m; 0 turns it off. 'glasstcp events' shows them
    #[arg(long, value_name = "SIZE", default_value = "4m", value_parser = flight_memory)]
    flight_memory: usize,

    /// Write a recording to this folder when something goes wrong with a connection: time-outs, a reset, refused segments,
    /// a stall. The last 100 are kept
    #[arg(long, value_name = "DIR")]
    flight_dir: Option<PathBuf>,
}

/// No packet is longer.
pub const WHOLE: u32 = 65_535;

/// The same, checked as far as that goes without touching the system.
#[derive(Debug, PartialEq)]
pub struct Plan {
    /// The file of events, and how long it may become, in bytes.
    pub events: Option<(PathBuf, u64)>,
    /// The file of packets.
    pub packets: Option<Packets>,
    /// What the flight recorder may take, in bytes.
    pub flight_memory: usize,
    /// The folder of its recordings.
    pub flight_dir: Option<PathBuf>,
}

/// How packets are written.
#[derive(Debug, PartialEq)]
pub struct Packets {
    /// Where.
    pub path: PathBuf,
    /// How long a file may become, in bytes.
    pub size: u64,
    /// How many files there are at most.
    pub files: u32,
    /// How much of a packet is kept, in bytes.
    pub snaplen: u32,
}

impl Args {
    /// Checks how the arguments fit together.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub fn plan(self) -> Result<Plan, &'static str> {
        if self.flight_dir.is_some() && self.flight_memory == 0 {
            return Err(
                "--flight-dir is for what the flight recorder keeps: leave it out, or --flight-memory 0",
            );
        }
        if self.events.is_some() && self.events == self.pcap {
            return Err(
                "--events and --pcap cannot go to the same file: give them different names",
            );
        }
        let (size, files, snaplen) = (self.pcap_size, self.pcap_files, self.pcap_snaplen);
        Ok(Plan {
            events: self.events.map(|path| (path, self.events_size)),
            packets: self.pcap.map(|path| Packets { path, size, files, snaplen }),
            flight_memory: self.flight_memory,
            flight_dir: self.flight_dir,
        })
    }
}

/// The size of a file.
pub fn file_size(text: &str) -> Result<u64, String> {
    let bytes = parse_size(text).map_err(|error| error.to_string())?;
    (bytes >= 64 << 10).then_some(bytes).ok_or_else(|| "give 64k at least".to_owned())
}

/// What the flight recorder takes.
fn flight_memory(text: &str) -> Result<usize, String> {
    let bytes = parse_size(text).map_err(|error| error.to_string())?;
    usize::try_from(bytes).map_err(|_| "that is more than this machine can address".to_owned())
}

/// Files that are being written. End them with [`Files::end`].
#[derive(Default)]
pub struct Files {
    events: Option<Writing<Timed>>,
    packets: Option<Writing<Captured>>,
    flights: Option<Flights>,
}

impl Files {
    /// Makes them, and has them written from now on.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn start(plan: &Plan, counts: &Counts) -> anyhow::Result<Files> {
        let mut files = Files::default();
        if let Some((path, most)) = &plan.events {
            let ring = Ring::open(path, *most, 1, Vec::new())
                .with_context(|| format!("cannot write events to {}", path.display()))?;
            let queue = Arc::<Queue<Timed>>::default();
            let tap = Box::new(Tap { queue: Arc::clone(&queue), conn: None });
            let source = Source { what: "events", tap, queue };
            let encode = |item: &_| {
                let mut line = Vec::new();
                Style::Json.write(&mut line, item).map(|()| line)
            };
            files.events = Some(Writing::start(ring, source, counts.watchers(), encode)?);
        }
        if let Some(packets) = &plan.packets {
            files.packets = Some(write_packets(packets, counts)?);
        }
        if let Some(folder) = &plan.flight_dir {
            files.flights = Some(Flights::start(folder, counts.net())?);
        }
        Ok(files)
    }

    /// Has what is left written, but waits no longer for it than a few seconds each.
    pub fn end(self) {
        self.events.into_iter().for_each(Writing::end);
        self.packets.into_iter().for_each(Writing::end);
        self.flights.into_iter().for_each(Flights::end);
    }
}

fn write_packets(plan: &Packets, counts: &Counts) -> anyhow::Result<Writing<Captured>> {
    let mut recorder = capture::Recorder::new(unix_time_of_origin())?;
    let ring = Ring::open(&plan.path, plan.size, plan.files - 1, recorder.take())
        .with_context(|| format!("cannot write packets to {}", plan.path.display()))?;
    let queue = Arc::<Queue<Captured>>::default();
    let tap = Box::new(capture::Tap { queue: Arc::clone(&queue), filter: Filter::default() });
    let source = Source { what: "packets", tap, queue };
    let snaplen = plan.snaplen as usize;
    Writing::start(ring, source, counts.watchers(), move |item| {
        recorder.write(item, snaplen).map(|()| recorder.take())
    })
}
