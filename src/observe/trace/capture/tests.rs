use super::*;

/// A TCP segment with `text` bytes from 10.0.0.1:1000 to 10.0.0.2:80, from its IP header on.
pub fn tcp(flags: Flags, seq: u32, ack: u32, text: usize) -> Vec<u8> {
    let total = (40 + text) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(total.to_be_bytes());
    packet.extend([0, 7, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    packet.extend(header(flags, seq, ack));
    packet.resize(usize::from(total), b'x');
    packet
}

fn header(flags: Flags, seq: u32, ack: u32) -> Vec<u8> {
    let mut header = [1000_u16.to_be_bytes(), 80_u16.to_be_bytes()].concat();
    header.extend(seq.to_be_bytes());
    header.extend(ack.to_be_bytes());
    header.extend([0x50, flags.bits(), 1, 0, 0, 0, 0, 0]);
    header
}

/// A pcap file, little-endian with microseconds.
pub fn pcap(link: u32, packets: &[(u64, &[u8], usize)]) -> Vec<u8> {
    let mut file = 0xA1B2_C3D4_u32.to_le_bytes().to_vec();
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend(65535_u32.to_le_bytes());
    file.extend(link.to_le_bytes());
    for (us, bytes, length) in packets {
        for number in [us / 1_000_000, us % 1_000_000, bytes.len() as u64, *length as u64] {
            file.extend((number as u32).to_le_bytes());
        }
        file.extend(*bytes);
    }
    file
}

/// The segments of a file: who sent it, how much text, when.
fn segments(file: &[u8]) -> (Vec<(String, u32, u64)>, Contents) {
    let mut found = Vec::new();
    let contents = read(file, |packet| {
        found.push((packet.from.to_string(), packet.len, packet.time_ns));
    });
    (found, contents.expect("a capture"))
}

#[test]
fn every_link_type_is_read() {
    let ip = tcp(Flags::ACK, 1, 1, 5);
    let with = |front: &[u8]| [front, &ip].concat();
    let mut ethernet = vec![0; 12];
    ethernet.extend([0x08, 0x00]);
    let mut vlan = vec![0; 12];
    vlan.extend([0x81, 0x00, 0, 5, 0x08, 0x00]);
    let mut sll = vec![0; 14];
    sll.extend([0x08, 0x00]);
    let mut sll2 = vec![0x08, 0x00, 0, 0, 0, 0, 0, 3];
    sll2.extend([0; 12]);
    for (link, packet) in [
        (1, with(&ethernet)),
        (1, with(&vlan)),
        (113, with(&sll)),
        (276, with(&sll2)),
        (101, ip.clone()),
        (228, ip.clone()),
        (0, with(&[2, 0, 0, 0])),
        (108, with(&[0, 0, 0, 2])),
    ] {
        let (found, contents) = segments(&pcap(link, &[(3_000_001, &packet, packet.len())]));
        assert_eq!(found, [("10.0.0.1:1000".to_owned(), 5, 3_000_001_000)], "{link}");
        assert!(contents.notes.is_empty());
    }
    let (found, contents) = segments(&pcap(147, &[(1, &ip, ip.len())]));
    assert!(found.is_empty());
    assert_eq!(contents.notes, ["packets of link type 147 cannot be read and were skipped"]);
}

#[test]
fn what_was_not_captured_is_counted_all_the_same() {
    let mut ip = tcp(Flags::ACK, 1, 1, 1000);
    let whole = ip.len();
    ip.truncate(60);
    assert_eq!(segments(&pcap(101, &[(1, &ip, whole)])).0[0].1, 1000);
    // A burst of more than 64 KiB has no length.
    ip[2..4].fill(0);
    assert_eq!(segments(&pcap(101, &[(1, &ip, 70_040)])).0[0].1, 70_000);
    let (found, _) = segments(&pcap(101, &[(1, &ip[..30], whole)]));
    assert!(found.is_empty(), "its header was cut");
}

#[test]
fn ipv6_is_read() {
    let mut packet = vec![0x60, 0, 0, 0, 0, 25, 6, 64];
    packet.extend([[0; 15].as_slice(), &[1], &[0; 15], &[2]].concat());
    packet.extend(header(Flags::ACK, 1, 1));
    packet.extend(*b"hello");
    let (found, _) = segments(&pcap(229, &[(1, &packet, packet.len())]));
    assert_eq!(found, [("[::1]:1000".to_owned(), 5, 1000)]);
}

#[test]
fn fragments_and_others_are_no_segments() {
    let mut fragment = tcp(Flags::ACK, 1, 1, 8);
    fragment[6] = 0x20;
    let mut udp = tcp(Flags::ACK, 1, 1, 8);
    udp[9] = 17;
    let (found, contents) =
        segments(&pcap(101, &[(1, &fragment, 48), (2, &udp, 48), (3, b"x", 1)]));
    assert!(found.is_empty());
    assert_eq!((contents.packets, contents.segments), (3, 0));
    assert_eq!(contents.notes, ["1 fragments were skipped"]);
}

#[test]
fn a_file_that_ends_early_is_used_up_to_there() {
    let ip = tcp(Flags::ACK, 1, 1, 5);
    let file = pcap(101, &[(1, &ip, ip.len()), (2, &ip, ip.len())]);
    for cut in 1..ip.len() + 16 {
        let (found, contents) = segments(&file[..file.len() - cut]);
        assert_eq!(found.len(), 1, "{cut}");
        assert!(contents.notes[0].contains("ends in the middle"), "{cut}: {:?}", contents.notes);
    }
    assert!(read(&file[..20], |_| {}).is_err());
    assert!(read(&b"nothing like it"[..], |_| {}).is_err());
}

#[test]
fn a_block_that_is_too_long_is_damage() {
    let ip = tcp(Flags::ACK, 1, 1, 5);
    let mut file = pcap(101, &[(1, &ip, ip.len())]);
    let mut endless = file.clone();
    file.extend([0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F, 0, 0, 0, 0]);
    let (found, contents) = segments(&file);
    assert_eq!((found.len(), contents.notes.len()), (1, 1));
    // A large packet is none.
    let large = vec![0; 1 << 20];
    endless.extend(pcap(101, &[(9, &large, large.len()), (10, &ip, ip.len())])[24..].to_vec());
    assert_eq!(segments(&endless).0.len(), 2);
}
