//! What we read in a packet against what smoltcp and etherparse read in it.
//!
//! Where one of them refuses what we accept, or the other way round, the difference must be one of
//! [`Difference`]; where both accept, every field must be the same. smoltcp judges checksums by its
//! own arithmetic; etherparse, whose sums we use, judges only the shape.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use etherparse::{Icmpv4Slice, IpNumber, Ipv4Slice, TcpSlice, UdpSlice};
use glasstcp::wire::ip::Fragment;
use glasstcp::wire::tcp::Flags;
use glasstcp::wire::tcp_options::{Options, SackBlock, Timestamps};
use glasstcp::wire::{Checksum, Malformed, SeqNum, icmp, ip, tcp, tcp_options, udp};
use smoltcp::wire::{Icmpv4Packet, IpAddress, Ipv4Packet, TcpOption, TcpPacket, UdpPacket};

use super::craft;

/// Where we differ, and why that is right. Whatever is not here is a fault of somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Difference {
    /// etherparse reads the authentication header (RFC 4302) as a part of IP and refuses a bad one;
    /// for us it is a protocol that nobody speaks.
    AuthenticationHeader,
    /// etherparse takes a UDP length of zero for a jumbogram (RFC 2675), which IPv4 does not have.
    UdpLengthZero,
    /// etherparse refuses ICMP timestamps of an odd size; we do not act on any.
    IcmpTimestamp,
    /// We refuse TCP port zero with the header, smoltcp's packet view leaves it to its caller.
    TcpPortZero,
    /// smoltcp stops at an option that is known but of the wrong length, and refuses the segment;
    /// RFC 9293 3.1 [MUST-7] lets us skip it.
    OptionOfWrongLength,
    /// smoltcp keeps three SACK blocks of four.
    FourthSackBlock,
}

/// Compares what is read in `data`, as it is and with its checksums mended.
pub fn run(data: &[u8]) {
    compare_options(&data[..data.len().min(40)], &tcp_options::parse(&data[..data.len().min(40)]));
    compare(&Bytes::copy_from_slice(data));
    let mut mended = data.to_vec();
    craft::fix_checksums(&mut mended);
    compare(&mended.into());
}

/// Both accept or both refuse, unless the difference has a name.
fn agree<T>(ours: bool, theirs: &Option<T>, accepted: Option<Difference>, of: &str) {
    let same = ours == theirs.is_some();
    assert!(
        same || accepted.is_some(),
        "{of}: we {} it",
        if ours { "alone accept" } else { "alone refuse" }
    );
}

fn compare(packet: &Bytes) {
    let ours = ip::parse(packet);
    let smol = Ipv4Packet::new_checked(&packet[..]).ok();
    let smol = smol.filter(|ip| ip.version() == 4 && ip.verify_checksum());
    agree(ours.is_ok(), &smol, None, "smoltcp, IPv4");

    let ether = Ipv4Slice::from_slice(packet).ok();
    let well_formed = matches!(ours, Ok(_) | Err(Malformed::IpChecksum));
    let authenticated = well_formed && packet[9] == IpNumber::AUTHENTICATION_HEADER.0;
    let known = authenticated.then_some(Difference::AuthenticationHeader);
    agree(well_formed, &ether, known, "etherparse, IPv4");

    let Ok(ours) = ours else { return };
    if let Some(smol) = &smol {
        compare_ip_fields(&ours, smol);
    }
    if let Some(ether) = ether.filter(|_| !authenticated) {
        assert_eq!(ether.header().source_addr(), ours.src);
        assert_eq!(ether.header().destination_addr(), ours.dst);
        assert_eq!(ether.is_payload_fragmented(), ours.fragment.is_some());
        assert_eq!(ether.payload().payload, &packet[ours.payload.clone()]);
    }
    let transport = packet.slice(ours.payload.clone());
    match (ours.protocol, ours.src, ours.dst) {
        (ip::TCP, IpAddr::V4(src), IpAddr::V4(dst)) => compare_tcp(&transport, src, dst),
        (ip::UDP, IpAddr::V4(src), IpAddr::V4(dst)) => compare_udp(&transport, src, dst),
        (ip::ICMP, ..) => compare_icmp(&transport),
        _ => {}
    }
}

fn compare_ip_fields(ours: &ip::Datagram, smol: &Ipv4Packet<&[u8]>) {
    assert_eq!(IpAddr::V4(smol.src_addr()), ours.src);
    assert_eq!(IpAddr::V4(smol.dst_addr()), ours.dst);
    assert_eq!(u8::from(smol.next_header()), ours.protocol);
    assert_eq!((smol.hop_limit(), smol.ecn()), (ours.ttl, ours.ecn));
    assert_eq!(smol.ident(), ours.identification);
    assert_eq!(usize::from(smol.header_len()), ours.header_len);
    assert_eq!(usize::from(smol.total_len()), ours.payload.end);
    let fragment = Fragment { offset: smol.frag_offset(), more: smol.more_frags() };
    let whole = fragment.offset == 0 && !fragment.more;
    assert_eq!((!whole).then_some(fragment), ours.fragment);
}

fn compare_tcp(transport: &Bytes, src: Ipv4Addr, dst: Ipv4Addr) {
    let read = |checksum| tcp::parse(transport.clone(), src.into(), dst.into(), checksum);
    let ours = read(Checksum::Unverified);
    let smol = TcpPacket::new_checked(&transport[..]).ok();
    let ends = (IpAddress::Ipv4(src), IpAddress::Ipv4(dst));
    let smol = smol.filter(|tcp| tcp.verify_checksum(&ends.0, &ends.1));
    let known = matches!(ours, Err(Malformed::TcpPortZero)).then_some(Difference::TcpPortZero);
    agree(ours.is_ok(), &smol, known, "smoltcp, TCP");

    let ours = read(Checksum::Verified);
    let ether = TcpSlice::from_slice(transport).ok();
    let known = matches!(ours, Err(Malformed::TcpPortZero)).then_some(Difference::TcpPortZero);
    agree(ours.is_ok(), &ether, known, "etherparse, TCP");
    let (Ok(ours), Some(ether)) = (ours, ether) else { return };
    assert_eq!((ether.source_port(), ether.destination_port()), (ours.src_port, ours.dst_port));
    assert_eq!(SeqNum::new(ether.sequence_number()), ours.seq);
    assert_eq!(SeqNum::new(ether.acknowledgment_number()), ours.ack);
    assert_eq!((ether.window_size(), ether.urgent_pointer()), (ours.window, ours.urgent));
    let flags = [
        (ether.fin(), Flags::FIN),
        (ether.syn(), Flags::SYN),
        (ether.rst(), Flags::RST),
        (ether.psh(), Flags::PSH),
        (ether.ack(), Flags::ACK),
        (ether.urg(), Flags::URG),
        (ether.ece(), Flags::ECE),
        (ether.cwr(), Flags::CWR),
    ];
    assert!(flags.iter().all(|&(set, flag)| set == ours.flags.contains(flag)), "{:?}", ours.flags);
    assert_eq!(ether.payload(), &ours.payload[..]);

    let Some(smol) = smol else { return };
    assert_eq!(SeqNum::new(smol.seq_number().0 as u32), ours.seq);
    assert_eq!(SeqNum::new(smol.ack_number().0 as u32), ours.ack);
    assert_eq!(smol.window_len(), ours.window);
    assert_eq!(smol.segment_len(), ours.seq_len() as usize);
    assert_eq!(smol.payload(), &ours.payload[..]);
    compare_options(smol.options(), &ours.options);
}

fn compare_options(area: &[u8], ours: &Options) {
    let Some(theirs) = their_options(area) else {
        return assert!(has_bad_option(area), "{:?}", Difference::OptionOfWrongLength);
    };
    let sack = if ours.sack.len() == 4 {
        assert_eq!(theirs.sack[..], ours.sack[..3], "{:?}", Difference::FourthSackBlock);
        ours.sack.clone()
    } else {
        theirs.sack.clone()
    };
    // smoltcp knows nothing of fast open.
    let fast_open = ours.fast_open.clone();
    assert_eq!(Options { sack, fast_open, ..theirs }, *ours);
}

/// The options as smoltcp reads them; `None` when it refuses one.
fn their_options(mut area: &[u8]) -> Option<Options> {
    let mut options = Options::default();
    while !area.is_empty() {
        let (rest, option) = TcpOption::parse(area).ok()?;
        match option {
            TcpOption::EndOfList => break,
            TcpOption::MaxSegmentSize(mss) => options.mss = Some(mss),
            TcpOption::WindowScale(shift) => options.window_scale = Some(shift),
            TcpOption::SackPermitted => options.sack_permitted = true,
            TcpOption::SackRange(blocks) => {
                let number = |value: u32| SeqNum::new(value);
                let blocks = blocks.into_iter().flatten();
                options.sack = blocks
                    .map(|(left, right)| SackBlock { left: number(left), right: number(right) })
                    .collect();
            }
            TcpOption::TimeStamp { tsval, tsecr } => {
                options.timestamps = Some(Timestamps { tsval, tsecr });
            }
            TcpOption::NoOperation | TcpOption::Unknown { .. } => {}
        }
        area = rest;
    }
    Some(options)
}

/// Whether an option that is not the last of the list has a length that its kind does not have, or
/// one that makes no sense at all.
fn has_bad_option(mut area: &[u8]) -> bool {
    loop {
        let len = match *area {
            [] | [0, ..] => return false,
            [1, ..] => 1,
            [_] => return true,
            [kind, len, ..] => {
                let fits = len >= 2 && usize::from(len) <= area.len();
                let right = match kind {
                    2 => len == 4,
                    3 => len == 3,
                    4 => len == 2,
                    5 => len >= 10 && (len - 2).is_multiple_of(8),
                    8 => len == 10,
                    _ => true,
                };
                // smoltcp takes a timestamp of another length for an unknown option.
                if !fits || !(right || kind == 8) {
                    return true;
                }
                usize::from(len)
            }
        };
        area = &area[len..];
    }
}

fn compare_udp(transport: &Bytes, src: Ipv4Addr, dst: Ipv4Addr) {
    let read = |checksum| udp::parse(transport, src.into(), dst.into(), checksum);
    let ours = read(Checksum::Unverified);
    let smol = UdpPacket::new_checked(&transport[..]).ok();
    let ends = (IpAddress::Ipv4(src), IpAddress::Ipv4(dst));
    let smol = smol.filter(|udp| udp.verify_checksum(&ends.0, &ends.1));
    agree(ours.is_ok(), &smol, None, "smoltcp, UDP");
    if let (Ok(ours), Some(smol)) = (&ours, &smol) {
        assert_eq!((smol.src_port(), smol.dst_port()), (ours.src_port, ours.dst_port));
        assert_eq!(smol.payload(), &transport[ours.payload.clone()]);
    }

    let ours = read(Checksum::Verified);
    let ether = UdpSlice::from_slice(transport).ok();
    let jumbo = ether.as_ref().is_some_and(|udp| udp.length() == 0);
    agree(ours.is_ok(), &ether, jumbo.then_some(Difference::UdpLengthZero), "etherparse, UDP");
    if let (Ok(ours), Some(ether)) = (ours, ether) {
        assert_eq!((ether.source_port(), ether.destination_port()), (ours.src_port, ours.dst_port));
        assert_eq!(ether.payload(), &transport[ours.payload.clone()]);
    }
}

fn compare_icmp(transport: &Bytes) {
    let ours = icmp::parse(transport);
    let smol = Icmpv4Packet::new_checked(&transport[..]).ok();
    let smol = smol.filter(|icmp| icmp.verify_checksum());
    agree(ours.is_ok(), &smol, None, "smoltcp, ICMP");
    let well_formed = matches!(ours, Ok(_) | Err(Malformed::IcmpChecksum));
    let ether = Icmpv4Slice::from_slice(transport).ok();
    let timestamp = well_formed && matches!(transport[..2], [13 | 14, 0]);
    let known = timestamp.then_some(Difference::IcmpTimestamp);
    agree(well_formed, &ether, known, "etherparse, ICMP");
    let (Ok(ours), Some(smol)) = (ours, smol) else { return };
    assert_eq!((u8::from(smol.msg_type()), smol.msg_code()), (ours.kind, ours.code));
    assert_eq!(&transport[ours.payload], &transport[icmp::HEADER_LEN..]);
    if let Some(ether) = ether {
        assert_eq!((ether.type_u8(), ether.code_u8()), (ours.kind, ours.code));
        assert_eq!(ether.bytes5to8(), ours.rest);
    }
}
