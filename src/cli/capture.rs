//! `glasstcp capture`: packets of a running glasstcp as a file for Wireshark.

use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use glasstcp::control::{Reply, Request};
use glasstcp::observe::capture::Filter;

use super::control::{SOMETHING_ELSE, Whom, say_ended};
use super::record::ring::Ring;
use super::record::{WHOLE, file_size};

/// Write packets of a running glasstcp to a file for Wireshark
///
/// Each with what the stack thought of it as its comment: its state, the congestion window, why it was sent, why it was
/// refused. From now on until Ctrl-C. Packets that a bad link has lost are there too, on an interface of their own. What
/// comes faster than it can be written is left out and counted; the stack waits for nobody.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo glasstcp capture -w all.pcapng
  sudo glasstcp capture -w - 'tcp port 80' | wireshark -k -i -
  sudo glasstcp capture -w lost.pcapng 'why rack or why rto or impaired'
  tshark -r all.pcapng -Y 'frame.comment contains \"why=rack\"'

A filter has the words tcp, udp, icmp, in, out, host ADDRESS, port NUMBER, conn NUMBER, refused, impaired, why NAME, and
'and', 'or', 'not' and parentheses. docs/wireshark.md says what the comments say.

Exit codes: 0 the glasstcp has ended, or --count packets have come, or nobody reads them, 1 it cannot be done (one sentence
says why), 2 the command line cannot be read.")]
pub struct Args {
    #[command(flatten)]
    whom: Whom,

    /// The file; - is standard output
    #[arg(short, long, value_name = "FILE")]
    write: PathBuf,

    /// End after so many packets
    #[arg(short, long, value_name = "N")]
    count: Option<u64>,

    /// How much of each packet is kept, in bytes
    #[arg(short, long, value_name = "BYTES", default_value_t = WHOLE, value_parser = clap::value_parser!(u32).range(20..=WHOLE.into()))]
    snaplen: u32,

    /// How long the file may become, as 512k or 1g, from 64k, before it becomes FILE.1 and a new one begins
    #[arg(short = 'C', long, value_name = "SIZE", value_parser = file_size)]
    size: Option<u64>,

    /// How many files there are at most, 2 to 1000: FILE, FILE.1 and so on
    #[arg(short = 'W', long, value_name = "N", default_value_t = 2, requires = "size", value_parser = clap::value_parser!(u32).range(2..=1000))]
    files: u32,

    /// Which packets; all unless it is given
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
}

/// Type of an Enhanced Packet Block of pcapng.
const PACKET: u32 = 6;
/// A block is no longer: a packet, its comment, and what is around them.
const LONGEST: usize = 1 << 20;

impl Args {
    /// Asks, and writes what comes as it comes.
    pub fn run(self) -> anyhow::Result<()> {
        let filter = self.filter.join(" ");
        filter.parse::<Filter>()?;
        let request = Request::Capture { filter, snaplen: self.snaplen };
        let (reply, mut blocks) = self.whom.ask_for_lines(&request)?;
        let Reply::Done { count } = reply else {
            return Err(anyhow!(SOMETHING_ELSE));
        };
        let mut head = Vec::new();
        for _ in 0..count {
            head.extend(block(&mut blocks)?.map(|(_, bytes)| bytes).unwrap_or_default());
        }
        let mut out = Out::open(&self.write, self.size, self.files, head)?;
        let mut left = self.count.unwrap_or(u64::MAX);
        while left > 0 {
            let Some((kind, bytes)) = block(&mut blocks)? else {
                say_ended();
                break;
            };
            left -= u64::from(kind == PACKET);
            if !out.write(&bytes)? {
                break;
            }
        }
        Ok(())
    }
}

/// The type and the bytes of the next block; `None` at the end.
fn block(blocks: &mut impl Read) -> anyhow::Result<Option<(u32, Vec<u8>)>> {
    let broken = || "the connection to the running glasstcp is broken";
    let mut begin = [0; 8];
    match blocks.read_exact(&mut begin) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        read => read.with_context(broken)?,
    }
    let number =
        |at: usize| u32::from_le_bytes([begin[at], begin[at + 1], begin[at + 2], begin[at + 3]]);
    let (kind, len) = (number(0), number(4) as usize);
    if !(begin.len()..=LONGEST).contains(&len) {
        return Err(anyhow!(SOMETHING_ELSE));
    }
    let mut bytes = begin.to_vec();
    bytes.resize(len, 0);
    match blocks.read_exact(&mut bytes[begin.len()..]) {
        // It has ended within one, which is of no use.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        read => read.map(|()| Some((kind, bytes))).with_context(broken),
    }
}

/// Where packets go.
enum Out {
    Standard,
    File(Box<Ring>, PathBuf),
}

impl Out {
    fn open(path: &Path, size: Option<u64>, files: u32, head: Vec<u8>) -> anyhow::Result<Out> {
        if path == Path::new("-") {
            let mut out = Out::Standard;
            out.write(&head)?;
            return Ok(out);
        }
        let ring = Ring::open(path, size.unwrap_or(u64::MAX), files - 1, head);
        let mut ring = ring.with_context(|| cannot_write(path))?;
        ring.flush().with_context(|| cannot_write(path))?;
        Ok(Out::File(Box::new(ring), path.to_owned()))
    }

    /// Writes a block, so that it is there at once; false when nobody reads it any more.
    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<bool> {
        match self {
            Out::Standard => {
                let mut out = io::stdout().lock();
                match out.write_all(bytes).and_then(|()| out.flush()) {
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
                    written => written.map(|()| true).context("cannot write to standard output"),
                }
            }
            Out::File(ring, path) => {
                let written = ring.push(bytes).and_then(|()| ring.flush());
                written.map(|()| true).with_context(|| cannot_write(path))
            }
        }
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write packets to {}", path.display())
}
