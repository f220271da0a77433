//! A TCP segment arrives: find whom it is for (RFC 9293 3.10.7).

use std::net::SocketAddr;

use bytes::Bytes;

use crate::event::{Cause, Event, Refusal, SegmentView, State, Why};
use crate::stack::sniff::Touched;
use crate::stack::time_wait::Action;
use crate::stack::{ConnKey, ListenerKey, Owner, Stack, TimeWaitKey};
use crate::tcp::{
    Endpoints, IpSettings, Numbering, Reply, Tcb, WindowScale, check_listen, reset_for,
};
use crate::wire::ip::Datagram;
use crate::wire::tcp::{self, Flags, Segment};
use crate::wire::tcp_options::Options;
use crate::wire::{Checksum, SeqNum};

impl Stack {
    pub(super) fn receive_tcp(
        &mut self,
        datagram: &Datagram,
        transport: Bytes,
        checksum: Checksum,
    ) {
        let mut segment = match tcp::parse(transport, datagram.src, datagram.dst, checksum) {
            Ok(segment) => segment,
            Err(malformed) => return self.refuse(malformed.into(), datagram.src, datagram.dst),
        };
        segment.ecn = datagram.ecn;
        self.env.counters.tcp_segments_received += 1;
        let ends = Endpoints {
            local: SocketAddr::new(datagram.dst, segment.dst_port),
            remote: SocketAddr::new(datagram.src, segment.src_port),
        };
        match self.demux.find_for_segment(ends) {
            Some(Owner::Connection(key)) => self.receive_for_connection(key, ends, &mut segment),
            Some(Owner::HalfOpen(key)) => self.receive_half_open(key, ends, &mut segment),
            Some(Owner::TimeWait(key)) => self.receive_in_time_wait(key, ends, &segment),
            None => match self.demux.find_listener(ends.local) {
                Some(key) => self.receive_in_listen(key, ends, &mut segment),
                None => self.receive_closed(ends, &segment),
            },
        }
    }

    /// The one place where a refused segment is handled: counted, told, answered.
    pub(super) fn receive_for_connection(
        &mut self,
        key: ConnKey,
        ends: Endpoints,
        segment: &mut Segment,
    ) {
        self.acknowledge_apart(key);
        let shows = self.env.shows_packets;
        let mut touched = None;
        let outcome = self.update_connection(key, |tcb, cx| {
            let (conn, len) = (tcb.conn(), segment.payload.len() as u32);
            let outcome = match tcb.segment_arrives(cx, segment) {
                Ok(()) => {
                    let (state, tcb, segment) = (tcb.state(), &*tcb, &*segment);
                    let kept = move || tcb.kept_received(segment, len);
                    cx.emit_kept(kept, move || Event::Received {
                        conn,
                        state,
                        segment: view(tcb, segment, len),
                    });
                    Ok(())
                }
                Err(discard) => {
                    let view = cx.wants_events().then(|| view(tcb, segment, len));
                    cx.refuse(Some(conn), discard.reason, view);
                    tcb.answer(cx, discard.reply);
                    Err(discard.reply)
                }
            };
            touched =
                shows.then(|| Touched { conn, state: tcb.state(), glance: Some(tcb.glance()) });
            outcome
        });
        self.env.touched = touched;
        match outcome {
            Some(Ok(())) => self.env.counters.tcp_segments_accepted += 1,
            Some(Err(Reply::Reset(seq))) => self.reset(ends, seq),
            Some(Err(_)) | None => {}
        }
    }

    fn receive_in_listen(&mut self, key: ListenerKey, ends: Endpoints, segment: &mut Segment) {
        match check_listen(segment) {
            Ok(()) => self.receive_syn(key, ends, segment, None),
            Err(_) if self.receive_syn_cookie(key, ends, segment) => {}
            Err(discard) => {
                self.refuse_segment(discard.reason, ends);
                if let Reply::Reset(seq) = discard.reply {
                    self.reset(ends, seq);
                }
            }
        }
    }

    fn receive_in_time_wait(&mut self, key: TimeWaitKey, ends: Endpoints, segment: &Segment) {
        let Some(entry) = self.time_wait.get_mut(key) else {
            return;
        };
        self.env.touch(entry.record.conn, State::TimeWait);
        match entry.record.segment_arrives(segment) {
            Action::Ignore(reason) => self.refuse_segment(reason, ends),
            Action::Acknowledge { restart } => {
                if restart {
                    entry.until = self.env.now + self.config.time_wait;
                }
                let record = entry.record.clone();
                self.refuse_segment(Refusal::TimeWaitSegment, ends);
                self.acknowledge_from(&record);
            }
            Action::Reuse => {
                let record = entry.record.clone();
                self.remove_time_wait(key, Cause::TimeWaitReused);
                match self.demux.find_listener(ends.local) {
                    Some(listener) => self.receive_syn(listener, ends, segment, Some(record)),
                    None => self.receive_closed(ends, segment),
                }
            }
        }
    }

    /// RFC 9293 3.10.7.1.
    fn receive_closed(&mut self, ends: Endpoints, segment: &Segment) {
        match reset_for(segment) {
            None => self.refuse_segment(Refusal::TcpStrayReset, ends),
            Some((seq, ack, flags)) => {
                self.refuse_segment(Refusal::TcpPortClosed, ends);
                self.send_reset(ends, seq, ack, flags);
            }
        }
    }

    /// A reset that answers an unacceptable acknowledgment (RFC 9293 3.5.2 group 2).
    pub(super) fn reset(&mut self, ends: Endpoints, seq: SeqNum) {
        self.send_reset(ends, seq, SeqNum::default(), Flags::RST);
    }

    fn send_reset(&mut self, ends: Endpoints, seq: SeqNum, ack: SeqNum, flags: Flags) {
        let segment = Segment {
            src_port: ends.local.port(),
            dst_port: ends.remote.port(),
            seq,
            ack,
            flags,
            window: 0,
            urgent: 0,
            options: Options::default(),
            ecn: 0,
            payload: Bytes::new(),
        };
        // Without a connection there are no initial sequence numbers to count from.
        let numbering = Numbering { scale: WindowScale::NONE, seq_base: seq, ack_base: ack };
        let sender = (None, State::Closed, Why::Reset);
        self.reply_segment(&segment, ends, IpSettings::default(), sender, numbering);
    }
}

/// How events show a segment that was processed, which had so much text.
fn view(tcb: &Tcb, segment: &Segment, len: u32) -> SegmentView {
    SegmentView { len, ..tcb.view_received(segment) }
}
