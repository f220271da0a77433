use std::io::ErrorKind;

use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{Block, Linktype, OptionCode, PcapBlockOwned, PcapNGSlice};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Direction, Packet, Writer};
use crate::time::{Duration, Instant};

/// A file of two interfaces and two packets, field by field as the draft has it.
const GOLDEN: &[&[u8]] = &[
    // Section Header Block [4.1]: type, total length
    &[0x0A, 0x0D, 0x0D, 0x0A],
    &[28, 0, 0, 0],
    // byte-order magic, version 1.0, section length -1: not known
    &[0x4D, 0x3C, 0x2B, 0x1A],
    &[1, 0, 0, 0],
    &[0xFF; 8],
    // total length
    &[28, 0, 0, 0],
    // Interface Description Block [4.2]: type, total length
    &[1, 0, 0, 0],
    &[40, 0, 0, 0],
    // link type 228 and reserved, SnapLen 0: no limit
    &[228, 0, 0, 0],
    &[0; 4],
    // if_name, 1 byte, padded
    &[2, 0, 1, 0, b'a', 0, 0, 0],
    // if_tsresol, 1 byte: ten to the -9, padded
    &[9, 0, 1, 0, 9, 0, 0, 0],
    // opt_endofopt, total length
    &[0; 4],
    &[40, 0, 0, 0],
    // a second one, with a name that needs no padding
    &[1, 0, 0, 0],
    &[40, 0, 0, 0],
    &[228, 0, 0, 0],
    &[0; 4],
    &[2, 0, 4, 0, b'l', b'i', b'n', b'k'],
    &[9, 0, 1, 0, 9, 0, 0, 0],
    &[0; 4],
    &[40, 0, 0, 0],
    // Enhanced Packet Block [4.3]: type, total length
    &[6, 0, 0, 0],
    &[48, 0, 0, 0],
    // interface 0; 0x1_0000_0002 ns, upper half first
    &[0; 4],
    &[1, 0, 0, 0],
    &[2, 0, 0, 0],
    // captured and original length, the packet, padded
    &[3, 0, 0, 0],
    &[3, 0, 0, 0],
    &[0x45, 7, 8, 0],
    // epb_flags, 4 bytes: inbound [4.3.1]
    &[2, 0, 4, 0, 0b01, 0, 0, 0],
    // opt_endofopt, total length
    &[0; 4],
    &[48, 0, 0, 0],
    // one on interface 1, outbound, with a comment
    &[6, 0, 0, 0],
    &[56, 0, 0, 0],
    &[1, 0, 0, 0],
    &[1, 0, 0, 0],
    &[3, 0, 0, 0],
    &[4, 0, 0, 0],
    &[4, 0, 0, 0],
    &[0x45, 7, 8, 9],
    &[2, 0, 4, 0, 0b10, 0, 0, 0],
    // opt_comment, 2 bytes of UTF-8, padded
    &[1, 0, 2, 0, 0xC3, 0xA9, 0, 0],
    &[0; 4],
    &[56, 0, 0, 0],
];

#[test]
fn a_file_byte_by_byte() {
    let mut file = Writer::new(Vec::new(), Duration::from_nanos(1 << 32)).unwrap();
    let (a, link) = (file.interface("a").unwrap(), file.interface("link").unwrap());
    let mut packet = Packet {
        interface: a,
        at: Instant::from_nanos(2),
        direction: Direction::Inbound,
        bytes: &[0x45, 7, 8],
        len: 3,
        comment: None,
    };
    file.packet(&packet).unwrap();
    packet.interface = link;
    packet.at = Instant::from_nanos(3);
    packet.direction = Direction::Outbound;
    packet.bytes = &[0x45, 7, 8, 9];
    packet.len = 4;
    packet.comment = Some("é");
    file.packet(&packet).unwrap();
    assert_eq!(file.into_inner(), GOLDEN.concat());
}

/// What one packet is given and what must come back.
#[derive(Debug)]
struct Given {
    interface: usize,
    nanos: u64,
    outbound: bool,
    bytes: Vec<u8>,
    comment: Option<String>,
}

fn given() -> impl Strategy<Value = Given> {
    let comment = proptest::option::of(".{0,9}");
    (0..3usize, 0..u64::MAX / 2, any::<bool>(), vec(any::<u8>(), 0..70), comment).prop_map(
        |(interface, nanos, outbound, bytes, comment)| Given {
            interface,
            nanos,
            outbound,
            bytes,
            comment,
        },
    )
}

fn write(origin: Duration, packets: &[Given]) -> Vec<u8> {
    let mut file = Writer::new(Vec::new(), origin).unwrap();
    let interfaces = ["zero", "one", "two"].map(|name| file.interface(name).unwrap());
    for given in packets {
        let direction = if given.outbound { Direction::Outbound } else { Direction::Inbound };
        file.packet(&Packet {
            interface: interfaces[given.interface],
            at: Instant::from_nanos(given.nanos),
            direction,
            bytes: &given.bytes,
            len: given.bytes.len(),
            comment: given.comment.as_deref(),
        })
        .unwrap();
    }
    file.into_inner()
}

proptest! {
    #[test]
    fn another_reader_reads_what_was_written(
        origin in 0..u64::MAX / 2,
        packets in vec(given(), 0..8),
    ) {
        let bytes = write(Duration::from_nanos(origin), &packets);
        let blocks: Vec<_> = PcapNGSlice::from_slice(&bytes)
            .unwrap()
            .map(|block| match block.unwrap() {
                PcapBlockOwned::NG(block) => block,
                _ => panic!("a block of another format"),
            })
            .collect();
        let [Block::SectionHeader(header), zero, one, two, read @ ..] = blocks.as_slice() else {
            panic!("{blocks:?}");
        };
        prop_assert!(!header.big_endian());
        prop_assert_eq!((header.major_version, header.minor_version), (1, 0));
        for (block, name) in [(zero, "zero"), (one, "one"), (two, "two")] {
            let Block::InterfaceDescription(interface) = block else { panic!("{block:?}") };
            prop_assert_eq!(interface.if_name(), Some(Ok(name)));
            prop_assert_eq!(interface.linktype, Linktype::IPV4);
            prop_assert_eq!(interface.ts_resolution(), Some(1_000_000_000));
        }
        prop_assert_eq!(read.len(), packets.len());
        for (block, given) in read.iter().zip(&packets) {
            let Block::EnhancedPacket(packet) = block else { panic!("{block:?}") };
            let nanos = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
            let option = |code| packet.options.iter().find(|option| option.code == code);
            let comment = option(OptionCode::Comment).map(|option| option.as_str().unwrap());
            let flags = option(OptionCode(2)).map(|option| option.as_u32_le().unwrap());
            prop_assert_eq!(packet.if_id as usize, given.interface);
            prop_assert_eq!(nanos, origin + given.nanos);
            prop_assert_eq!(packet.orig_len() as usize, given.bytes.len());
            prop_assert_eq!(packet.packet_data(), &given.bytes);
            prop_assert_eq!(comment, given.comment.as_deref());
            prop_assert_eq!(flags, Some(if given.outbound { 2 } else { 1 }));
        }
    }
}

#[test]
fn what_the_format_cannot_say_is_refused_and_not_written() {
    let mut out = Vec::new();
    let mut file = Writer::new(&mut out, Duration::ZERO).unwrap();
    let interface = file.interface(&"n".repeat(65_535)).unwrap();
    let long = "n".repeat(65_536);
    assert_eq!(file.interface(&long).unwrap_err().kind(), ErrorKind::InvalidInput);
    let packet = Packet {
        interface,
        at: Instant::ZERO,
        direction: Direction::Inbound,
        bytes: &[],
        len: 0,
        comment: Some(&long),
    };
    assert_eq!(file.packet(&packet).unwrap_err().kind(), ErrorKind::InvalidInput);
    // The interface that was refused has taken no number.
    assert_eq!(file.interface("next").unwrap(), super::Interface(1));
    assert_eq!(out.len(), 28 + (36 + 65_536) + 40);
}

#[test]
fn an_error_of_the_file_comes_back() {
    let mut room = [0; 60];
    let mut file = Writer::new(&mut room[..], Duration::ZERO).unwrap();
    assert_eq!(file.interface("too much").unwrap_err().kind(), ErrorKind::WriteZero);
}
