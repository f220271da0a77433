use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::wire::tcp_options::{Options, Timestamps};
use crate::wire::{Checksum, SeqNum, tcp::Segment};

const SRC: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 9, 0, 2));
const DST: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 9, 0, 1));

fn ip_header(protocol: u8, identification: u16, payload_len: usize) -> HeaderBuf {
    let mut header = HeaderBuf::new();
    let repr = ip::Repr {
        src: SRC,
        dst: DST,
        protocol,
        ttl: 64,
        dscp: 0,
        ecn: 0,
        identification,
        dont_fragment: true,
    };
    ip::emit(&repr, payload_len, &mut header);
    header
}

fn burst(header: HeaderBuf, protocol: u8, chunks: Vec<Vec<u8>>, segment_size: u16) -> Burst {
    let payload: SmallVec<[Bytes; 2]> = chunks.into_iter().map(Bytes::from).collect();
    Burst {
        header,
        ip_header_len: 20,
        protocol,
        payload_len: payload.iter().map(|chunk| chunk.len() as u32).sum(),
        payload,
        segment_size,
    }
}

fn tcp_burst(seq: u32, flags: Flags, chunks: Vec<Vec<u8>>, segment_size: u16) -> Burst {
    let len: usize = chunks.iter().map(Vec::len).sum();
    let segment = Segment {
        src_port: 80,
        dst_port: 40_000,
        seq: SeqNum::new(seq),
        ack: SeqNum::new(77),
        flags,
        window: 512,
        urgent: 0,
        options: Options {
            timestamps: Some(Timestamps { tsval: 1, tsecr: 2 }),
            ..Options::default()
        },
        ecn: 0,
        payload: Bytes::new(),
    };
    let mut header = ip_header(ip::TCP, 0xfffe, 32 + len);
    tcp::emit(&segment, &mut header);
    burst(header, ip::TCP, chunks, segment_size)
}

/// All packets of a burst, taken by a device that is full at every `refuse_every`th offer.
fn packets(mut burst: Burst, refuse_every: usize) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    let mut offers = 0;
    loop {
        let result = cut(&mut burst, |parts| {
            offers += 1;
            if refuse_every > 0 && offers % refuse_every == 0 {
                return Err(());
            }
            assert!(parts.len() <= MAX_PARTS);
            packets.push(parts.iter().flat_map(|part| part.to_vec()).collect());
            Ok(())
        });
        if result.is_ok() {
            return packets;
        }
    }
}

fn datagram(packet: &[u8]) -> (ip::Datagram, Bytes) {
    let datagram = ip::parse(packet).expect("a valid IP header");
    assert_eq!(datagram.payload.end, packet.len());
    let transport = Bytes::copy_from_slice(&packet[datagram.payload.clone()]);
    (datagram, transport)
}

fn segment(packet: &[u8]) -> (ip::Datagram, Segment) {
    let (datagram, transport) = datagram(packet);
    let segment = tcp::parse(transport, SRC, DST, Checksum::Unverified).expect("a valid segment");
    (datagram, segment)
}

fn chunks() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..12)
}

proptest! {
    #[test]
    fn a_tcp_burst_becomes_valid_segments_in_order(
        chunks in chunks(),
        seq in prop_oneof![any::<u32>(), Just(u32::MAX - 700)],
        size in prop_oneof![Just(0u16), 1u16..1500, Just(536), Just(1460)],
        refuse_every in prop_oneof![Just(0usize), 2usize..7],
    ) {
        let whole = chunks.concat();
        let flags = Flags::ACK | Flags::PSH | Flags::FIN | Flags::CWR;
        let packets = packets(tcp_burst(seq, flags, chunks, size), refuse_every);
        let step = if size == 0 { whole.len() } else { usize::from(size) };
        prop_assert_eq!(packets.len(), whole.len().div_ceil(step.max(1)).max(1));
        let mut text = Vec::new();
        for (index, packet) in packets.iter().enumerate() {
            let (datagram, segment) = segment(packet);
            let last = index + 1 == packets.len();
            prop_assert_eq!(datagram.identification, 0xfffeu16.wrapping_add(index as u16));
            prop_assert_eq!(segment.seq, SeqNum::new(seq) + text.len() as u32);
            prop_assert_eq!(segment.fin(), last);
            prop_assert_eq!(segment.flags.contains(Flags::PSH), last);
            prop_assert_eq!(segment.flags.contains(Flags::CWR), index == 0);
            prop_assert!(segment.flags.contains(Flags::ACK));
            prop_assert_eq!(segment.options.timestamps, Some(Timestamps { tsval: 1, tsecr: 2 }));
            prop_assert!(last || segment.payload.len() == step);
            text.extend_from_slice(&segment.payload);
        }
        prop_assert_eq!(text, whole);
    }

    #[test]
    fn udp_and_icmp_carry_a_valid_checksum(chunks in chunks()) {
        let whole = chunks.concat();
        let mut header = ip_header(ip::UDP, 1, 8 + whole.len());
        udp::emit(53, 5353, whole.len(), &mut header);
        let all = packets(burst(header, ip::UDP, chunks.clone(), 0), 0);
        prop_assert_eq!(all.len(), 1);
        let (_, transport) = datagram(&all[0]);
        prop_assert_ne!(&transport[6..8], &[0, 0]);
        let parsed = udp::parse(&transport, SRC, DST, Checksum::Unverified).unwrap();
        prop_assert_eq!(&transport[parsed.payload], &whole[..]);

        let mut header = ip_header(ip::ICMP, 1, 8 + whole.len());
        icmp::emit(icmp::ECHO_REPLY, 0, [1, 2, 3, 4], &mut header);
        let all = packets(burst(header, ip::ICMP, chunks, 0), 0);
        let (_, transport) = datagram(&all[0]);
        let parsed = icmp::parse(&transport).unwrap();
        prop_assert_eq!(&transport[parsed.payload], &whole[..]);
    }
}

#[test]
fn more_chunks_than_slices_are_copied_together() {
    let chunks: Vec<_> = (0..200u8).map(|n| vec![n; 3]).collect();
    let whole = chunks.concat();
    let all = packets(tcp_burst(1, Flags::ACK, chunks, 500), 0);
    let lens: Vec<_> = all.iter().map(|p| segment(p).1.payload.len()).collect();
    assert_eq!(lens, [500, 100]);
    let text: Vec<u8> = all.iter().flat_map(|p| segment(p).1.payload).collect();
    assert_eq!(text, whole);
}

#[test]
fn exactly_as_many_chunks_as_slices_are_not_copied() {
    let chunks = vec![vec![5; 10]; MAX_PARTS - 1];
    let mut burst = tcp_burst(1, Flags::ACK, chunks, 0);
    let first = burst.payload[0].as_ptr();
    cut(&mut burst, |parts| {
        assert_eq!(parts.len(), MAX_PARTS);
        assert_eq!(parts[1].as_ptr(), first);
        Ok::<_, ()>(())
    })
    .unwrap();
}

#[test]
fn udp_checksum_zero_is_written_as_all_ones() {
    // Payload chosen so that the sum without it is completed to 0xffff.
    let mut header = ip_header(ip::UDP, 1, 10);
    udp::emit(53, 5353, 2, &mut header);
    let sum = Sum::pseudo_header(SRC, DST, ip::UDP, 10).add_bytes(&header[20..]);
    let filler = sum.finish().to_be_bytes().to_vec();
    let all = packets(burst(header, ip::UDP, vec![filler], 0), 0);
    assert_eq!(all[0][26..28], [0xff, 0xff]);
    let (_, transport) = datagram(&all[0]);
    assert!(udp::parse(&transport, SRC, DST, Checksum::Unverified).is_ok());
}

#[test]
fn a_full_64_kib_burst_of_single_bytes_is_cut() {
    let all = packets(tcp_burst(9, Flags::ACK, vec![vec![1; 65_536]], 1), 0);
    assert_eq!(all.len(), 65_536);
}

#[test]
fn a_single_packet_that_was_refused_is_left_as_it_was() {
    let mut burst = tcp_burst(100, Flags::ACK, vec![vec![1; 10]], 0);
    let before = burst.header.clone();
    assert_eq!(cut(&mut burst, |_| Err("full")), Err("full"));
    assert_eq!((burst.header.clone(), burst.payload_len), (before, 10));
    let (_, segment) = segment(&packets(burst, 0)[0]);
    assert_eq!(segment.payload, [1; 10][..]);
}

#[test]
fn what_was_refused_stays_in_the_burst() {
    let mut burst = tcp_burst(100, Flags::ACK | Flags::FIN, vec![vec![1; 10], vec![2; 15]], 10);
    let mut room = 2;
    let result = cut(&mut burst, |_| {
        room -= 1;
        if room < 0 { Err("full") } else { Ok(()) }
    });
    assert_eq!(result, Err("full"));
    assert_eq!((burst.payload_len, burst.payload.len()), (5, 1));
    let rest = packets(burst, 0);
    let (datagram, segment) = segment(&rest[0]);
    assert_eq!((rest.len(), datagram.identification), (1, 0));
    assert_eq!(segment.seq, SeqNum::new(120));
    assert!(segment.fin());
}

/// A burst as one packet of a device that would cut it itself.
fn in_one_piece(burst: &mut Burst, checksums: Checksums) -> Vec<u8> {
    let mut packet = Vec::new();
    let sent = whole(burst, checksums, |header, payload| {
        packet.extend_from_slice(header);
        payload.iter().for_each(|part| packet.extend_from_slice(part));
        Ok::<(), ()>(())
    });
    assert_eq!(sent, Ok(()));
    packet
}

proptest! {
    /// What goes whole and is cut at the other end is what would have gone cut.
    #[test]
    fn a_whole_burst_is_split_as_it_would_have_been_cut(
        chunks in chunks(),
        size in prop_oneof![Just(0u16), 1u16..1500, Just(1460)],
        checksums in prop_oneof![Just(Checksums::Partial), Just(Checksums::Full)],
    ) {
        let flags = Flags::ACK | Flags::PSH | Flags::FIN | Flags::CWR;
        let burst = tcp_burst(7, flags, chunks, size);
        let expected = packets(burst.clone(), 0);
        let bytes = Bytes::from(in_one_piece(&mut burst.clone(), checksums));
        let (_, transport) = datagram(&bytes);
        if checksums == Checksums::Full {
            prop_assert!(tcp::parse(transport, SRC, DST, Checksum::Unverified).is_ok());
        }
        let mut parts = Vec::new();
        let received = Packet { bytes, checksum: Checksum::Verified, segment_size: size };
        split(received, |packet| parts.push(packet.to_vec()));
        prop_assert_eq!(parts, expected);
    }

    /// Whatever a device hands over, nothing is lost and nothing panics.
    #[test]
    fn what_cannot_be_cut_stays_as_it_is(
        mut bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            prop::collection::vec(any::<u8>(), 20..44),
        ],
        good in any::<bool>(),
        segment_size in 0u16..99,
    ) {
        if good && bytes.len() >= 20 {
            bytes[0] = 0x45;
            bytes[9] = [ip::TCP, ip::UDP, ip::ICMP][usize::from(bytes[9]) % 3];
            bytes[6..8].fill(0);
            let len = bytes.len() as u16;
            put(&mut bytes, ip::IPV4_TOTAL_LEN_AT, len);
            put(&mut bytes, ip::IPV4_CHECKSUM_AT, 0);
            let sum = Sum::new().add_bytes(&bytes[..20]).finish();
            put(&mut bytes, ip::IPV4_CHECKSUM_AT, sum);
        }
        let cut = as_burst(&bytes.clone().into(), segment_size).is_some();
        let packet = Packet { bytes: bytes.clone().into(), checksum: Checksum::Verified, segment_size };
        let mut parts = Vec::new();
        split(packet, |packet| parts.push(packet));
        prop_assert!(!parts.is_empty());
        if !cut {
            prop_assert_eq!(&parts[0], &bytes);
        }
        // A wrong checksum stays wrong.
        let mut same = None;
        split(Packet::new(bytes.clone().into()), |packet| same = Some(packet));
        prop_assert_eq!(same, Some(bytes.into()));
    }
}

#[test]
fn a_device_that_refuses_a_whole_burst_leaves_it_as_it_was() {
    for checksums in [Checksums::Partial, Checksums::Full] {
        let mut burst = tcp_burst(7, Flags::ACK, vec![vec![1; 4000]], 1000);
        let before = burst.header.clone();
        assert_eq!(whole(&mut burst, checksums, |_, _| Err(3)), Err(3));
        assert_eq!((burst.header, burst.payload_len), (before, 4000));
    }
}

#[test]
fn a_datagram_without_its_checksum_gets_it() {
    let mut header = ip_header(ip::UDP, 9, 8 + 5);
    append(&mut header, &[0, 53, 0, 99, 0, 13, 0, 0]);
    let burst = burst(header, ip::UDP, vec![b"hello".to_vec()], 0);
    let expected = packets(burst.clone(), 0);
    let bytes = Bytes::from(in_one_piece(&mut burst.clone(), Checksums::Partial));
    assert_ne!(bytes, expected[0]);
    let mut parts = Vec::new();
    let packet = Packet { bytes, checksum: Checksum::Verified, segment_size: 0 };
    split(packet, |packet| parts.push(packet.to_vec()));
    assert_eq!(parts, expected);
}
