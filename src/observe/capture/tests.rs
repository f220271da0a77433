use bytes::Bytes;
use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{Block, PcapBlockOwned, PcapError, PcapNGReader};

use super::*;
use crate::event::Limit;
use crate::wire::{HeaderBuf, append};

const GLANCE: Glance = Glance {
    conn: ConnId(3),
    state: State::Established,
    cwnd: 14_480,
    ssthresh: None,
    srtt: Some(Duration::from_micros(20_100)),
    rto: Duration::from_micros(220_100),
    in_flight: 11_584,
    limit: Limit::CongestionWindow,
};

fn header(total: u16) -> Vec<u8> {
    let mut bytes = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, ip::TCP, 0, 0, 10, 9, 0, 2, 10, 9, 0, 1];
    bytes[2..4].copy_from_slice(&total.to_be_bytes());
    bytes.extend([0, 80, 0x0f, 0xa0, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
    bytes
}

fn burst(len: usize, segment_size: u16) -> Burst {
    let mut packet = HeaderBuf::new();
    append(&mut packet, &header(40 + len as u16));
    Burst {
        header: packet,
        ip_header_len: 20,
        protocol: ip::TCP,
        payload: SmallVec::from_iter([Bytes::from(vec![7; len])]),
        payload_len: len as u32,
        segment_size,
    }
}

fn captured(view: &PacketView<'_>) -> Captured {
    Captured { at: Instant::from_millis(1), kind: view.into() }
}

/// What a burst of two segments is called.
fn sent() -> Captured {
    let sent = Some((Some(ConnId(3)), State::Established, Why::Rto(2)));
    captured(&PacketView::Sent { burst: &burst(2000, 1448), glance: Some(&GLANCE), sent })
}

/// A packet that was refused.
fn refused() -> Captured {
    let packet = Packet::new(header(40).into());
    let (glance, refused) = (Some(&GLANCE), Some(Refusal::SequenceOld));
    captured(&PacketView::Received { packet: &packet, conn: None, glance, refused })
}

/// One that was lost on its way out.
fn lost() -> Captured {
    let packet = &Bytes::from([header(1040), vec![0; 1000]].concat());
    captured(&PacketView::Impaired { outbound: true, packet, effect: "queue_full" })
}

#[test]
fn comments_say_what_the_stack_thought() {
    let thought =
        "ESTABLISHED conn=#3 cwnd=14480 ssthresh=inf srtt=20.1ms rto=220.1ms inflight=11584";
    assert_eq!(sent().comment(), format!("{thought} why=rto count=2 packets=2 limited-by=cwnd"));
    assert_eq!(refused().comment(), format!("{thought} refused=sequence-old"));
    assert_eq!(lost().comment(), "impaired=queue-full");
    let half_open = (Some(ConnId(4)), State::SynReceived, Why::HandshakeRetransmission(1));
    let view = PacketView::Sent { burst: &burst(0, 0), glance: None, sent: Some(half_open) };
    let comment = "SYN_RCVD conn=#4 why=handshake-retransmission count=1";
    assert_eq!(captured(&view).comment(), comment);
    let packet = Packet::new(header(40).into());
    let conn = Some((ConnId(4), State::TimeWait));
    let late = PacketView::Received { packet: &packet, conn, glance: None, refused: None };
    assert_eq!(captured(&late).comment(), "TIME_WAIT conn=#4");
    let reset = PacketView::Sent {
        burst: &burst(0, 0),
        glance: None,
        sent: Some((None, State::Closed, Why::Reset)),
    };
    assert_eq!(captured(&reset).comment(), "why=reset");
    let ping = PacketView::Sent { burst: &burst(0, 0), glance: None, sent: None };
    assert_eq!(captured(&ping).comment(), "");
}

/// The interface of a packet, its length on the wire, and what there is of it.
type Read = (u32, usize, Vec<u8>);

/// The packets of a file, and how many it says are missing.
fn read(file: &[u8]) -> (Vec<Read>, Option<u64>) {
    let mut reader = PcapNGReader::new(1 << 20, file).unwrap();
    let (mut packets, mut dropped) = (Vec::new(), None);
    loop {
        match reader.next() {
            Ok((offset, block)) => {
                match block {
                    PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                        let bytes = packet.data[..packet.caplen as usize].to_vec();
                        packets.push((packet.if_id, packet.origlen as usize, bytes));
                    }
                    PcapBlockOwned::NG(Block::InterfaceStatistics(statistics)) => {
                        let option = statistics.options.iter().find(|option| option.code.0 == 5);
                        let value = option.unwrap().value();
                        dropped = Some(u64::from_le_bytes(value[..8].try_into().unwrap()));
                    }
                    _ => {}
                }
                reader.consume(offset);
            }
            Err(PcapError::Eof) => return (packets, dropped),
            Err(PcapError::Incomplete(_)) => reader.refill().unwrap(),
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[test]
fn a_burst_is_one_packet_with_its_checksums_and_what_was_sent_is_not_shown_again() {
    let mut recorder = Recorder::new(Duration::ZERO).unwrap();
    for one in [sent(), refused(), lost()] {
        recorder.write(&Item::One(one), 1000).unwrap();
    }
    recorder.write(&Item::Lost(5), 1000).unwrap();
    recorder.write(&Item::Lost(2), 1000).unwrap();
    let (packets, dropped) = read(&recorder.take());
    let lens: Vec<_> = packets.iter().map(|(on, len, bytes)| (*on, *len, bytes.len())).collect();
    assert_eq!(lens, [(0, 2040, 1000), (0, 40, 40), (1, 1040, 20)]);
    assert_eq!(dropped, Some(7), "all that are missing so far");
    assert!(recorder.take().is_empty());

    let mut recorder = Recorder::new(Duration::ZERO).unwrap();
    recorder.write(&Item::One(sent()), usize::MAX).unwrap();
    let whole = &read(&recorder.take()).0[0].2;
    let parsed = ip::parse(&Bytes::from(whole.clone())).unwrap();
    let transport = Bytes::from(whole[20..].to_vec());
    let unverified = crate::wire::Checksum::Unverified;
    let segment = crate::wire::tcp::parse(transport, parsed.src, parsed.dst, unverified).unwrap();
    assert_eq!(segment.payload.len(), 2000);
}

#[test]
fn a_tap_keeps_what_its_filter_lets_through() {
    let queue = Arc::<Queue<Captured>>::default();
    let mut tap = Tap { queue: Arc::clone(&queue), filter: "port 80".parse().unwrap() };
    let packet = Packet::new(header(40).into());
    tap.packet(
        Instant::ZERO,
        &PacketView::Received { packet: &packet, conn: None, glance: None, refused: None },
    );
    tap.filter = "port 81".parse().unwrap();
    tap.packet(
        Instant::ZERO,
        &PacketView::Received { packet: &packet, conn: None, glance: None, refused: None },
    );
    queue.close();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    assert_eq!(runtime.block_on(queue.next()).len(), 1);
}
