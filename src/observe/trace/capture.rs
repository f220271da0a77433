//! Packets from captures of anybody, pcap and pcapng, one at a time.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};

use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, TransportSlice};
use pcap_parser::pcapng::OptionCode;
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};

use crate::wire::tcp::Flags;
use crate::wire::tcp_options::{self, Options};

/// Bytes of a block that are read at once; a file whose blocks are longer is damaged.
const BUFFER: usize = 256 << 10;
const LONGEST_BLOCK: usize = 64 << 20;
/// Bytes of the headers of Linux cooked captures.
const SLL: usize = 16;
const SLL2: usize = 20;

/// The numbers of link types at tcpdump.org.
mod link {
    pub const NULL: i32 = 0;
    pub const ETHERNET: i32 = 1;
    pub const RAW: [i32; 4] = [12, 14, 101, 228];
    pub const IPV6: i32 = 229;
    pub const LOOP: i32 = 108;
    pub const SLL: i32 = 113;
    pub const SLL2: i32 = 276;
}

/// A TCP segment in a capture.
#[derive(Clone, Debug)]
pub struct Packet<'a> {
    /// When, in nanoseconds by the clock of the capture.
    pub time_ns: u64,
    /// Which interface of the file, and which one of the machine where a capture of all says so.
    pub interface: (u32, u32),
    /// Who sent it.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
    /// Identification of its IP header; 0 without one.
    pub id: u16,
    /// Control bits.
    pub flags: Flags,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// Window as it stands there.
    pub window: u16,
    /// Bytes of text, whether they were captured or not.
    pub len: u32,
    /// Options.
    pub options: Options,
    /// What the file says about it.
    pub comment: Option<&'a str>,
}

/// What was in a capture.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// Packets of any kind.
    pub packets: u64,
    /// Those of TCP that could be read.
    pub segments: u64,
    /// Names of the interfaces, where it has any.
    pub interfaces: Vec<Option<String>>,
    /// Sentences about what could not be read.
    pub notes: Vec<String>,
}

/// An interface of a pcapng file.
struct Interface {
    link: i32,
    /// Units of its clock in a second, and seconds to add.
    resolution: u128,
    offset: i64,
}

/// Reads a capture, and the interfaces that it has had so far.
#[derive(Default)]
struct State {
    contents: Contents,
    interfaces: Vec<Interface>,
    /// Interfaces of the sections before this one.
    before: u32,
    /// Units of a legacy file in nanoseconds, and its link type.
    legacy: (u64, i32),
    last_ns: u64,
    unknown_link: Option<i32>,
    fragments: u64,
}

/// Gives every TCP segment of a capture to `each`. A file that ends in the middle of a packet, or is damaged, is read up to there; a
/// note says so.
///
/// # Errors
/// When it cannot be read, or is no capture.
pub fn read<R: Read + Send>(input: R, mut each: impl FnMut(Packet<'_>)) -> io::Result<Contents> {
    let invalid = |words: &str| io::Error::new(io::ErrorKind::InvalidData, words);
    let mut reader = match create_reader(BUFFER, input) {
        Ok(reader) => reader,
        Err(PcapError::ReadError) => return Err(invalid("reading fails")),
        Err(_) => return Err(invalid("its beginning is no header of pcap or pcapng")),
    };
    let mut state = State::default();
    let mut room = BUFFER;
    let ending = loop {
        let waiting = reader.data().len();
        let grow = match reader.next() {
            Ok((used, block)) => {
                state.block(&block, &mut each);
                reader.consume(used);
                continue;
            }
            Err(PcapError::Eof) => break None,
            Err(PcapError::UnexpectedEof) => break Some("it ends in the middle of a packet"),
            Err(PcapError::Incomplete(_)) => false,
            Err(PcapError::BufferTooSmall) => true,
            Err(_) => break Some("it is damaged"),
        };
        if grow {
            room *= 2;
            if room > LONGEST_BLOCK || !reader.grow(room) {
                break Some("it is damaged");
            }
        }
        if let Err(error) = reader.refill() {
            return Err(match error {
                PcapError::ReadError => invalid("reading fails"),
                _ => invalid("its blocks cannot be read"),
            });
        }
        if !grow && reader.data().len() == waiting && reader.reader_exhausted() && waiting == 0 {
            break None;
        }
        if !grow && reader.data().len() == waiting && !reader.reader_exhausted() {
            // What is there fills the buffer, and is still no block.
            room *= 2;
            if room > LONGEST_BLOCK || !reader.grow(room) {
                break Some("it is damaged");
            }
        }
    };
    Ok(state.finish(ending))
}

impl State {
    fn finish(mut self, ending: Option<&str>) -> Contents {
        let notes = &mut self.contents.notes;
        if let Some(words) = ending {
            let packets = self.contents.packets;
            notes.push(format!("{words}, after {packets} packets; what is before that is used"));
        }
        if let Some(link) = self.unknown_link {
            notes.push(format!("packets of link type {link} cannot be read and were skipped"));
        }
        if self.fragments > 0 {
            notes.push(format!("{} fragments were skipped", self.fragments));
        }
        self.contents
    }

    fn block(&mut self, block: &PcapBlockOwned<'_>, each: &mut impl FnMut(Packet<'_>)) {
        match block {
            PcapBlockOwned::LegacyHeader(header) => {
                let unit = if header.is_nanosecond_precision() { 1 } else { 1000 };
                self.legacy = (unit, header.network.0);
            }
            PcapBlockOwned::Legacy(frame) => {
                let (unit, link) = self.legacy;
                let part = u64::from(frame.ts_usec).saturating_mul(unit);
                let time = u64::from(frame.ts_sec) * 1_000_000_000 + part;
                self.packet((link, 0), time, (frame.data, frame.origlen), None, each);
            }
            PcapBlockOwned::NG(Block::SectionHeader(_)) => {
                self.before += self.interfaces.len() as u32;
                self.interfaces.clear();
            }
            PcapBlockOwned::NG(Block::InterfaceDescription(block)) => {
                let name = block.if_name().and_then(Result::ok).map(str::to_owned);
                self.contents.interfaces.push(name);
                let resolution = match block.if_tsresol {
                    power @ 0..=18 => 10_u128.pow(power.into()),
                    power @ 0x80..=0xBF => 1 << (power & 0x7F),
                    _ => 1_000_000,
                };
                let (link, offset) = (block.linktype.0, block.if_tsoffset);
                self.interfaces.push(Interface { link, resolution, offset });
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(block)) => {
                let Some(interface) = self.interfaces.get(block.if_id as usize) else { return };
                let units = u128::from(block.ts_high) << 32 | u128::from(block.ts_low);
                let ns = (units * 1_000_000_000 / interface.resolution).try_into();
                let offset = interface.offset.saturating_mul(1_000_000_000);
                let time = ns.unwrap_or(u64::MAX).saturating_add_signed(offset);
                let comments = block.options.iter().filter(|o| o.code == OptionCode::Comment);
                let mut comments = comments.filter_map(|comment| comment.as_str().ok());
                let place = (interface.link, self.before + block.if_id);
                self.packet(
                    place,
                    time,
                    (captured(block.data, block.caplen), block.origlen),
                    comments.next(),
                    each,
                );
            }
            PcapBlockOwned::NG(Block::SimplePacket(block)) => {
                let Some(interface) = self.interfaces.first() else { return };
                let place = (interface.link, self.before);
                // It has no time; it is not before the one before it.
                let data = captured(block.data, block.origlen);
                self.packet(place, self.last_ns, (data, block.origlen), None, each);
            }
            PcapBlockOwned::NG(_) => {}
        }
    }

    fn packet(
        &mut self,
        (link, interface): (i32, u32),
        time_ns: u64,
        (bytes, length): (&[u8], u32),
        comment: Option<&str>,
        each: &mut impl FnMut(Packet<'_>),
    ) {
        self.contents.packets += 1;
        self.last_ns = time_ns;
        let Some((sliced, index)) = slice(link, bytes) else {
            if !is_known(link) {
                self.unknown_link = Some(link);
            }
            return;
        };
        let missing = (length as usize).saturating_sub(bytes.len());
        match segment(&sliced, missing) {
            Inside::Other => {}
            Inside::Fragment => self.fragments += 1,
            Inside::Segment(packet) => {
                self.contents.segments += 1;
                each(Packet { time_ns, interface: (interface, index), comment, ..packet });
            }
        }
    }
}

/// The bytes of a packet without what fills its block.
fn captured(data: &[u8], length: u32) -> &[u8] {
    data.get(..length as usize).unwrap_or(data)
}

fn is_known(kind: i32) -> bool {
    link::RAW.contains(&kind)
        || [link::NULL, link::ETHERNET, link::IPV6, link::LOOP, link::SLL, link::SLL2]
            .contains(&kind)
}

/// The headers of a packet, as far as they were captured, and the number of its interface where a capture of all
/// interfaces has it.
fn slice(kind: i32, bytes: &[u8]) -> Option<(LaxSlicedPacket<'_>, u32)> {
    let two = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let four = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let of_type =
        |kind, from| Some(LaxSlicedPacket::from_ether_type(EtherType(kind), bytes.get(from..)?));
    match kind {
        link::ETHERNET => Some((LaxSlicedPacket::from_ethernet(bytes).ok()?, 0)),
        link::SLL => Some((of_type(two(SLL - 2)?, SLL)?, 0)),
        link::SLL2 => Some((of_type(two(0)?, SLL2)?, four(4)?)),
        link::NULL | link::LOOP => Some((LaxSlicedPacket::from_ip(bytes.get(4..)?).ok()?, 0)),
        raw if raw == link::IPV6 || link::RAW.contains(&raw) => {
            Some((LaxSlicedPacket::from_ip(bytes).ok()?, 0))
        }
        _ => None,
    }
}

/// What there is in a packet.
enum Inside {
    Segment(Packet<'static>),
    Fragment,
    Other,
}

/// Its segment, of which `missing` bytes were not captured.
fn segment(sliced: &LaxSlicedPacket<'_>, missing: usize) -> Inside {
    // Lengths are those that the headers say: a capture may have cut the packet. One of more than 64 KiB says 0.
    let (from, to, id, after_headers, fragmented) = match &sliced.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            let header = ip.header();
            let length = usize::from(header.total_len());
            let rest = length.checked_sub(header.slice().len()).filter(|_| length > 0);
            let ends = (header.source_addr().into(), header.destination_addr().into());
            (ends.0, ends.1, header.identification(), rest, ip.is_payload_fragmented())
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            let header = ip.header();
            let length = usize::from(header.payload_length());
            let rest = length.checked_sub(ip.extensions().slice().len()).filter(|_| length > 0);
            let ends: (IpAddr, IpAddr) =
                (header.source_addr().into(), header.destination_addr().into());
            (ends.0, ends.1, 0, rest, ip.is_payload_fragmented())
        }
        _ => return Inside::Other,
    };
    if fragmented {
        return Inside::Fragment;
    }
    let Some(TransportSlice::Tcp(tcp)) = &sliced.transport else { return Inside::Other };
    let header = tcp.header_slice().len();
    let text = match after_headers {
        Some(length) => length.saturating_sub(header),
        None => tcp.payload().len() + missing,
    };
    Inside::Segment(Packet {
        time_ns: 0,
        interface: (0, 0),
        from: SocketAddr::new(from, tcp.source_port()),
        to: SocketAddr::new(to, tcp.destination_port()),
        id,
        flags: Flags::from_bits(tcp.slice().get(13).copied().unwrap_or_default()),
        seq: tcp.sequence_number(),
        ack: tcp.acknowledgment_number(),
        window: tcp.window_size(),
        len: u32::try_from(text).unwrap_or(u32::MAX),
        options: tcp_options::parse(tcp.options()),
        comment: None,
    })
}

#[cfg(test)]
pub(super) mod tests;
