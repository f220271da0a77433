//! Packets as a pcapng file, for Wireshark, tshark and tcpdump. The sections in brackets are those of
//! draft-ietf-opsawg-pcapng.
//!
//! ```text
//! Section Header | Interface Description, one or more | Enhanced Packet | Enhanced Packet | ...
//! ```
//!
//! The file is little-endian wherever it is written and says nothing about the machine, so the same
//! packets at the same times are the same bytes. Each block is one write.
//!
//! ```
//! use glasstcp::observe::pcapng::{Direction, Packet, Writer};
//! use glasstcp::time::{Duration, Instant};
//!
//! # fn main() -> std::io::Result<()> {
//! let mut file = Writer::new(Vec::new(), Duration::ZERO)?;
//! let interface = file.interface("client")?;
//! file.packet(&Packet {
//!     interface,
//!     at: Instant::from_millis(20),
//!     direction: Direction::Outbound,
//!     bytes: &[0x45, 0, 0, 20, 0, 0, 0, 0, 64, 253, 0, 0, 10, 9, 0, 1, 10, 9, 0, 2],
//!     len: 20,
//!     comment: Some("lost: the queue of the link is full"),
//! })?;
//! assert!(file.into_inner().starts_with(&[0x0A, 0x0D, 0x0D, 0x0A]));
//! # Ok(())
//! # }
//! ```

use std::io::{self, Write};

use crate::time::{Duration, Instant};

/// Type of a Section Header Block [4.1].
const SECTION_HEADER: u32 = 0x0A0D_0D0A;
/// Type of an Interface Description Block [4.2].
const INTERFACE_DESCRIPTION: u32 = 1;
/// Type of an Enhanced Packet Block [4.3].
const ENHANCED_PACKET: u32 = 6;
/// Type of an Interface Statistics Block [4.6].
const INTERFACE_STATISTICS: u32 = 5;

/// Tells a reader the order of the bytes [4.1].
const BYTE_ORDER_MAGIC: u32 = 0x1A2B_3C4D;
/// The version of the format, 1.0 [4.1].
const VERSION: (u16, u16) = (1, 0);
/// The length of the section when it is not known beforehand [4.1].
const UNKNOWN_LENGTH: u64 = u64::MAX;
/// Packets begin with their IPv4 header (LINKTYPE_IPV4 of tcpdump.org). Not LINKTYPE_RAW, which is for
/// either version: libpcap refuses a file in which two interfaces have that.
const LINKTYPE_IPV4: u16 = 228;
/// SnapLen: packets may have any length [4.2].
const NO_LIMIT: u32 = 0;

/// opt_endofopt [3.5].
const END_OF_OPTIONS: u16 = 0;
/// opt_comment [3.5].
const COMMENT: u16 = 1;
/// if_name [4.2].
const INTERFACE_NAME: u16 = 2;
/// if_tsresol [4.2].
const TIME_RESOLUTION: u16 = 9;
/// isb_ifdrop [4.6].
const DROPPED: u16 = 5;
/// epb_flags [4.3].
const PACKET_FLAGS: u16 = 2;

/// Nanoseconds, as a negative power of ten [4.2].
const NANOSECONDS: u8 = 9;

/// Writes a file of one section.
///
/// After an error the file may end within a block; nothing more should be written to it.
pub struct Writer<W> {
    out: W,
    origin: Duration,
    interfaces: u32,
}

/// An interface of the file whose writer has named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface(u32);

/// Which way a packet passed its interface [4.3.1].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It was received.
    Inbound,
    /// It was sent.
    Outbound,
}

/// A packet and what is known about it.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Where it was seen.
    pub interface: Interface,
    /// When.
    pub at: Instant,
    /// Which way it went.
    pub direction: Direction,
    /// The packet from the IPv4 header on, or its beginning.
    pub bytes: &'a [u8],
    /// How long it is, in bytes.
    pub len: usize,
    /// Something about it for people to read, of at most 65,535 bytes.
    pub comment: Option<&'a str>,
}

impl<W: Write> Writer<W> {
    /// Begins a file. `origin` is the time from 1970-01-01 00:00 UTC to [`Instant::ZERO`]: zero to
    /// have times count from the origin of whatever clock drives the stack.
    pub fn new(out: W, origin: Duration) -> io::Result<Self> {
        let mut writer = Writer { out, origin, interfaces: 0 };
        let (major, minor) = VERSION;
        let block = Block::new(SECTION_HEADER)
            .put(&BYTE_ORDER_MAGIC.to_le_bytes())
            .put(&major.to_le_bytes())
            .put(&minor.to_le_bytes())
            .put(&UNKNOWN_LENGTH.to_le_bytes());
        writer.write(block)?;
        Ok(writer)
    }

    /// Adds an interface, of at most 65,535 bytes of name; this may be done at any time.
    pub fn interface(&mut self, name: &str) -> io::Result<Interface> {
        let block = Block::new(INTERFACE_DESCRIPTION)
            .put(&LINKTYPE_IPV4.to_le_bytes())
            .put(&[0; 2]) // reserved
            .put(&NO_LIMIT.to_le_bytes())
            .option(INTERFACE_NAME, name.as_bytes())?
            .option(TIME_RESOLUTION, &[NANOSECONDS])?
            .option(END_OF_OPTIONS, &[])?;
        self.write(block)?;
        let interface = Interface(self.interfaces);
        self.interfaces += 1;
        Ok(interface)
    }

    /// Adds a packet.
    pub fn packet(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        let time = (packet.at + self.origin).as_nanos();
        let length = |bytes: usize| u32::try_from(bytes).map_err(too_long).map(u32::to_le_bytes);
        let flags: u32 = match packet.direction {
            Direction::Inbound => 0b01,
            Direction::Outbound => 0b10,
        };
        let mut block = Block::new(ENHANCED_PACKET)
            .put(&packet.interface.0.to_le_bytes())
            .put(&((time >> 32) as u32).to_le_bytes())
            .put(&(time as u32).to_le_bytes())
            .put(&length(packet.bytes.len())?) // captured
            .put(&length(packet.len)?) // original
            .put_padded(packet.bytes)
            .option(PACKET_FLAGS, &flags.to_le_bytes())?;
        if let Some(comment) = packet.comment {
            block = block.option(COMMENT, comment.as_bytes())?;
        }
        self.write(block.option(END_OF_OPTIONS, &[])?)
    }

    /// Says that `count` packets, all in all up to now, are missing here.
    pub fn dropped(&mut self, interface: Interface, at: Instant, count: u64) -> io::Result<()> {
        let time = (at + self.origin).as_nanos();
        let block = Block::new(INTERFACE_STATISTICS)
            .put(&interface.0.to_le_bytes())
            .put(&((time >> 32) as u32).to_le_bytes())
            .put(&(time as u32).to_le_bytes())
            .option(DROPPED, &count.to_le_bytes())?
            .option(END_OF_OPTIONS, &[])?;
        self.write(block)
    }

    /// What is written to, to flush it.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// What was written to; whoever buffers must flush it to learn whether all went well.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn write(&mut self, block: Block) -> io::Result<()> {
        self.out.write_all(&block.finish()?)
    }
}

/// A block in the making: its type, its total length, its body, and the total length again [3.1].
struct Block(Vec<u8>);

impl Block {
    fn new(kind: u32) -> Block {
        // The length is filled in at the end.
        Block(Vec::new()).put(&kind.to_le_bytes()).put(&[0; 4])
    }

    fn put(mut self, bytes: &[u8]) -> Block {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Appends `bytes` and zeros up to a multiple of four [3.6.2].
    fn put_padded(self, bytes: &[u8]) -> Block {
        let mut block = self.put(bytes);
        block.0.resize(block.0.len().next_multiple_of(4), 0);
        block
    }

    /// Appends an option: its code, its length and its value [3.5].
    fn option(self, code: u16, value: &[u8]) -> io::Result<Block> {
        let length = u16::try_from(value.len()).map_err(too_long)?;
        Ok(self.put(&code.to_le_bytes()).put(&length.to_le_bytes()).put_padded(value))
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        let length = u32::try_from(self.0.len() + 4).map_err(too_long)?.to_le_bytes();
        let mut bytes = self.put(&length).0;
        bytes[4..8].copy_from_slice(&length);
        Ok(bytes)
    }
}

fn too_long(_: std::num::TryFromIntError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "longer than a pcapng file can say")
}

#[cfg(test)]
mod tests;
