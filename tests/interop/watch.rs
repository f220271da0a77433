//! Reads every packet on the link with smoltcp's parser and checks what only a third party can see.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{Icmpv4Packet, IpProtocol, Ipv4Packet, TcpPacket, TcpRepr, UdpPacket};

use super::link::{Ours, Segment, Side, Theirs};

/// What one side has told of its window.
#[derive(Clone, Copy, Debug, Default)]
struct Offer {
    /// The window scale option of its SYN.
    scale: Option<u8>,
    /// The right edge of the largest window offered.
    edge: Option<u32>,
}

/// Follows one connection at a time; a new SYN starts a new one.
#[derive(Debug, Default)]
pub struct Watch {
    offers: [Offer; 2],
}

impl Watch {
    /// Ours must be impeccable; what is TCP is returned.
    pub fn check(&mut self, from: Side, packet: &[u8]) -> Option<Segment> {
        let ip = Ipv4Packet::new_checked(packet).expect("an IPv4 packet");
        assert!(ip.verify_checksum());
        assert_eq!(usize::from(ip.total_len()), packet.len());
        let (src, dst) = (ip.src_addr().into(), ip.dst_addr().into());
        match ip.next_header() {
            IpProtocol::Tcp => {
                let tcp = TcpPacket::new_checked(ip.payload()).expect("a TCP segment");
                assert!(tcp.verify_checksum(&src, &dst));
                let checks = ChecksumCapabilities::default();
                let repr = TcpRepr::parse(&tcp, &src, &dst, &checks).expect("a good segment");
                self.follow(from, &tcp, &repr);
                return Some(Segment {
                    syn: tcp.syn(),
                    fin: tcp.fin(),
                    rst: tcp.rst(),
                    window: tcp.window_len(),
                });
            }
            IpProtocol::Udp => {
                let udp = UdpPacket::new_checked(ip.payload()).expect("a UDP datagram");
                assert!(udp.verify_checksum(&src, &dst));
            }
            IpProtocol::Icmp => {
                let icmp = Icmpv4Packet::new_checked(ip.payload()).expect("an ICMP message");
                assert!(icmp.verify_checksum());
            }
            other => panic!("{from:?} sent {other}"),
        }
        None
    }

    fn follow(&mut self, from: Side, tcp: &TcpPacket<&[u8]>, repr: &TcpRepr) {
        if tcp.rst() {
            return;
        }
        if tcp.syn() {
            self.offers[from as usize] = Offer { scale: repr.window_scale, edge: None };
        }
        let both = self.offers.iter().all(|offer| offer.scale.is_some());
        let shift = match self.offers[from as usize].scale {
            Some(shift) if both && !tcp.syn() => shift,
            _ => 0,
        };
        if from == Ours {
            self.check_text(tcp);
        }
        let Some(ack) = repr.ack_number else { return };
        let edge = (ack.0 as u32).wrapping_add(u32::from(tcp.window_len()) << shift);
        let known = &mut self.offers[from as usize].edge;
        let step = known.map_or(0, |known| edge.wrapping_sub(known) as i32);
        // RFC 9293 3.8.6 [SHLD-14]; what scaling rounds away is no shrinking (RFC 7323 2.4).
        assert!(from == Theirs || step > -(1 << shift), "our window shrank by {}", -step);
        if step > 0 || known.is_none() {
            *known = Some(edge);
        }
    }

    /// We send nothing beyond the window that was offered to us.
    fn check_text(&self, tcp: &TcpPacket<&[u8]>) {
        let Some(edge) = self.offers[Theirs as usize].edge else { return };
        let end = (tcp.seq_number() + tcp.segment_len()).0 as u32;
        let beyond = end.wrapping_sub(edge) as i32;
        assert!(tcp.syn() || tcp.segment_len() == 0 || beyond <= 0, "{beyond} beyond the window");
    }
}
