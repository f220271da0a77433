//! Sending: replies without a connection first, then the connections that are ready, in turn.

use std::collections::VecDeque;
use std::net::IpAddr;

use bytes::Bytes;

use crate::event::{ConnId, Event, State, Why};
use crate::flight::Kept;
use crate::stack::connection::Connection;
use crate::stack::sniff::Shown;
use crate::stack::{ConnKey, Stack};
use crate::tcp::output::Outgoing;
use crate::tcp::{Endpoints, IpSettings, Numbering};
use crate::time::Instant;
use crate::wire::ip::Repr;
use crate::wire::tcp::Segment;
use crate::wire::{Burst, HeaderBuf, TxBatch, ip, tcp};

/// Bursts of one connection in one go, so that no flow keeps the others waiting.
const BURSTS_A_FLOW: usize = 16;
/// Bursts in one batch.
const BURSTS_A_BATCH: usize = 64;
/// Replies that wait at most: more in one batch of packets is a flood.
const MAX_REPLIES: usize = 4096;

/// What waits to be sent.
#[derive(Debug)]
pub(super) struct Queues {
    /// Each with what is shown of it to who wants packets.
    replies: VecDeque<(Burst, Option<Box<Shown>>)>,
    ready: VecDeque<ConnKey>,
    identification: u16,
}

impl Queues {
    pub(super) fn new(identification: u16) -> Self {
        Queues { replies: VecDeque::new(), ready: VecDeque::new(), identification }
    }

    fn is_empty(&self) -> bool {
        self.replies.is_empty() && self.ready.is_empty()
    }

    /// Lets a connection have its turn at sending.
    pub(super) fn mark_ready(&mut self, key: ConnKey, connection: &mut Connection) {
        if !std::mem::replace(&mut connection.queued, true) {
            self.ready.push_back(key);
        }
    }

    /// The next IP identification; `count` packets use it and those after it (RFC 6864 4.1).
    fn identify(&mut self, count: u16) -> u16 {
        let first = self.identification;
        self.identification = first.wrapping_add(count);
        first
    }
}

impl Stack {
    /// Second half of a turn: appends what can be sent to `tx`, at most a batch. True when more is
    /// waiting to be sent right away.
    pub fn transmit(&mut self, now: Instant, tx: &mut TxBatch) -> bool {
        self.env.now = self.env.now.max(now);
        let limit = tx.len() + BURSTS_A_BATCH;
        while tx.len() < limit {
            if let Some((reply, shown)) = self.queues.replies.pop_front() {
                self.count_sent(&reply);
                self.env.show_sent(&reply, shown.as_deref());
                tx.push_back(reply);
            } else if let Some(key) = self.queues.ready.pop_front() {
                self.transmit_connection(key, tx);
            } else {
                return false;
            }
        }
        !self.queues.is_empty()
    }

    /// Whether a turn has something to do although nothing arrived and no time has passed: output,
    /// or tasks to wake.
    pub fn has_output(&self) -> bool {
        !self.queues.is_empty() || !self.wakes.is_empty()
    }

    fn count_sent(&mut self, burst: &Burst) {
        self.env.counters.bursts_sent += 1;
        self.env.counters.bytes_sent += burst.header.len() as u64 + u64::from(burst.payload_len);
    }

    /// [`Queues::mark_ready`] for whoever has only the key.
    pub(super) fn mark_ready(&mut self, key: ConnKey) {
        if let Some(connection) = self.connections.get_mut(key) {
            self.queues.mark_ready(key, connection);
        }
    }

    fn transmit_connection(&mut self, key: ConnKey, tx: &mut TxBatch) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        connection.queued = false;
        let ends = connection.tcb.whole().endpoints();
        for _ in 0..BURSTS_A_FLOW {
            let Some(connection) = self.connections.get_mut(key) else {
                return;
            };
            let tcb = connection.tcb.whole();
            let before = tcb.retransmissions();
            let ip = tcb.config().ip;
            let Some(outgoing) = tcb.poll_output(&mut self.env.context()) else {
                return self.settle_connection(key);
            };
            let again = tcb.retransmissions().saturating_sub(before);
            let counters = &mut self.env.counters;
            counters.tcp_segments_sent += 1;
            counters.tcp_retransmissions += again;
            counters.tcp_resets_sent += u64::from(outgoing.header.rst());
            let shown = self.env.shows_packets.then(|| Shown::of(tcb, outgoing.why));
            let burst = self.burst(ends, ip, outgoing);
            self.count_sent(&burst);
            self.env.show_sent(&burst, shown.as_ref());
            tx.push_back(burst);
        }
        if let Some(connection) = self.connections.get_mut(key) {
            connection.settle(&mut self.env);
            self.queues.mark_ready(key, connection);
        }
    }

    /// Queues the acknowledgment that has to go before another segment for the connection is looked at, if one is owed.
    pub(super) fn acknowledge_apart(&mut self, key: ConnKey) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let tcb = connection.tcb.whole();
        if let Some(outgoing) = tcb.acknowledge_apart(&mut self.env.context()) {
            let (ends, ip) = (tcb.endpoints(), tcb.config().ip);
            let shown = self.env.shows_packets.then(|| Shown::of(tcb, outgoing.why));
            self.env.counters.tcp_segments_sent += 1;
            let burst = self.burst(ends, ip, outgoing);
            self.queue_reply(burst, shown);
        }
    }

    /// Puts the IP header before a segment.
    fn burst(&mut self, ends: Endpoints, ip: IpSettings, outgoing: Outgoing) -> Burst {
        let Outgoing { header, payload, payload_len, segment_size, dont_fragment, why: _ } =
            outgoing;
        let packets = payload_len.checked_div(segment_size.into()).map_or(1, |n| n + 1);
        let mut bytes = HeaderBuf::new();
        let repr = Repr {
            identification: self.queues.identify(packets as u16),
            ttl: ip.ttl.max(1),
            dscp: ip.dscp,
            ecn: header.ecn,
            ..self.repr_without_id(ends.local.ip(), ends.remote.ip(), ip::TCP, dont_fragment)
        };
        let tcp_len = tcp::HEADER_LEN + header.options.len() + payload_len as usize;
        ip::emit(&repr, tcp_len, &mut bytes);
        let ip_header_len = bytes.len() as u8;
        tcp::emit(&header, &mut bytes);
        Burst {
            header: bytes,
            ip_header_len,
            protocol: ip::TCP,
            payload,
            payload_len,
            segment_size,
        }
    }

    fn repr_without_id(&self, src: IpAddr, dst: IpAddr, protocol: u8, dont_fragment: bool) -> Repr {
        let (ttl, dscp, ecn, identification) = (ip::TTL, 0, 0, 0);
        Repr { src, dst, protocol, ttl, dscp, ecn, identification, dont_fragment }
    }

    /// The IP header of one packet.
    pub(super) fn repr(&mut self, src: IpAddr, dst: IpAddr, protocol: u8, df: bool) -> Repr {
        let identification = self.queues.identify(1);
        Repr { identification, ..self.repr_without_id(src, dst, protocol, df) }
    }

    /// Queues one packet whose IP header is the first part of `header`.
    pub(super) fn reply(&mut self, header: HeaderBuf, protocol: u8, payload: Bytes) {
        self.reply_for(header, protocol, payload, None);
    }

    fn reply_for(
        &mut self,
        header: HeaderBuf,
        protocol: u8,
        payload: Bytes,
        sent: Option<(Option<ConnId>, State, Why)>,
    ) {
        let shown = self.env.shows_packets.then_some(Shown { glance: None, sent });
        let payload_len = payload.len() as u32;
        let payload = Some(payload).filter(|bytes| !bytes.is_empty()).into_iter().collect();
        let burst = Burst {
            header,
            ip_header_len: ip::IPV4_HEADER_LEN as u8,
            protocol,
            payload,
            payload_len,
            segment_size: 0,
        };
        self.queue_reply(burst, shown);
    }

    fn queue_reply(&mut self, reply: Burst, shown: Option<Shown>) {
        if self.queues.replies.len() >= MAX_REPLIES {
            self.env.counters.replies_dropped += 1;
            return;
        }
        self.queues.replies.push_back((reply, shown.map(Box::new)));
    }

    /// Queues a segment that no control block sends: a reset, a SYN-ACK, an acknowledgment from
    /// TIME-WAIT.
    pub(super) fn reply_segment(
        &mut self,
        segment: &Segment,
        ends: Endpoints,
        ip: IpSettings,
        sender: (Option<ConnId>, State, Why),
        numbering: Numbering,
    ) {
        let mut header = HeaderBuf::new();
        let IpSettings { ttl, dscp } = ip;
        let repr = self.repr(ends.local.ip(), ends.remote.ip(), ip::TCP, true);
        let repr = Repr { ttl: ttl.max(1), dscp, ..repr };
        ip::emit(&repr, tcp::HEADER_LEN + segment.options.len(), &mut header);
        tcp::emit(segment, &mut header);
        self.env.counters.tcp_segments_sent += 1;
        self.env.counters.tcp_resets_sent += u64::from(segment.rst());
        self.reply_for(header, ip::TCP, Bytes::new(), Some(sender));
        let (conn, state, why) = sender;
        let window = numbering.scale.expand(segment.window);
        let kept = || Some(Kept::sent((conn?, state, why), segment, (0, window), 1));
        let view = || ends.view(segment, numbering);
        let event = || Event::Sent { conn, state, why, segment: view(), packets: 1 };
        self.env.context().emit_kept(kept, event);
    }
}
