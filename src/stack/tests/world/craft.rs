//! Packets that no stack made.

use std::net::SocketAddr;

use bytes::Bytes;
use smallvec::SmallVec;

use super::cut;
use crate::wire::ip::{self, Repr};
use crate::wire::tcp::{self, Flags, Segment};
use crate::wire::tcp_options::Options;
use crate::wire::{Burst, HeaderBuf, SeqNum};

fn packet(repr: Repr, transport: &[u8], payload: Bytes) -> Bytes {
    let mut header = HeaderBuf::new();
    ip::emit(&repr, transport.len() + payload.len(), &mut header);
    header.extend(transport.iter().copied());
    let burst = Burst {
        header,
        ip_header_len: ip::IPV4_HEADER_LEN as u8,
        protocol: repr.protocol,
        payload_len: payload.len() as u32,
        payload: SmallVec::from_iter([payload]),
        segment_size: 0,
    };
    cut(burst).remove(0)
}

fn repr(from: SocketAddr, to: SocketAddr, protocol: u8) -> Repr {
    Repr {
        src: from.ip(),
        dst: to.ip(),
        protocol,
        ttl: 64,
        ecn: 0,
        identification: 1,
        dont_fragment: true,
    }
}

/// A segment without options.
pub(in crate::stack::tests) fn segment(
    from: SocketAddr,
    to: SocketAddr,
    seq: SeqNum,
    ack: SeqNum,
    flags: Flags,
) -> Segment {
    Segment {
        src_port: from.port(),
        dst_port: to.port(),
        seq,
        ack,
        flags,
        window: 1000,
        urgent: 0,
        options: Options::default(),
        payload: Bytes::new(),
    }
}

/// The packet of a segment, with good checksums.
pub(in crate::stack::tests) fn tcp(from: SocketAddr, to: SocketAddr, segment: &Segment) -> Bytes {
    let mut transport = HeaderBuf::new();
    tcp::emit(segment, &mut transport);
    packet(repr(from, to, ip::TCP), &transport, segment.payload.clone())
}
