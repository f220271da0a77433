//! Sockets as they are told over the control socket: what `glasstcp ss` shows.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout};

use super::{PATIENCE, Reply, Takeover, carry, tell};
use crate::event::State;
use crate::net::Net;
use crate::runtime::back_of_the_queue;
use crate::stack::Entry;
use crate::tcp::{Endpoints, Info};
use crate::time::Duration;

/// Which sockets are asked for; what is left out excludes none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SocketFilter {
    /// TCP alone, or UDP alone.
    pub protocol: Option<Protocol>,
    /// In one of these states, by the name that `ss` gives them, in any case; none: in any.
    pub states: Vec<String>,
    /// With this port at either end.
    pub port: Option<u16>,
    /// With this address at either end.
    pub address: Option<IpAddr>,
    /// What there is between these ends, the stack's first: it is found at once, however much there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub between: Option<(SocketAddr, SocketAddr)>,
}

/// What a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// How a socket is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SocketStatus {
    /// What it speaks.
    pub protocol: Protocol,
    /// Its state, with the name that `ss` gives it.
    pub state: String,
    /// The stack's end.
    pub local: SocketAddr,
    /// The other one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<SocketAddr>,
    /// Bytes to be read; of a listener, connections to be accepted.
    pub receive_queue: u64,
    /// Bytes not acknowledged; of a listener, how many connections may wait.
    pub send_queue: u64,
    /// Its number in events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conn: Option<u32>,
    /// Whether an application has it.
    pub owned: bool,
    /// What goes off next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timer: Option<TimerStatus>,
    /// The control block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<Box<TcpStatus>>,
}

/// A timer that runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimerStatus {
    /// Its name, as in events.
    pub name: String,
    /// How long until it goes off, in microseconds.
    pub left_us: u64,
    /// Time-outs, or probes, in a row.
    pub tries: u8,
}

/// What is known of a connection, in the terms of `ss -ti`; times are in microseconds, rates in bytes a second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TcpStatus {
    /// The congestion control.
    pub congestion: String,
    /// Why nothing more was sent when it last stopped: app (there is nothing more), cwnd, rwnd (the peer's window), nagle,
    /// cork, silly-window, pacing or state.
    #[serde(default)]
    pub limited_by: String,
    /// What is being done about losses: open, disorder, reducing, recovery or loss.
    pub recovery: String,
    /// Timestamps were agreed on.
    pub timestamps: bool,
    /// Selective acknowledgments were.
    pub sack: bool,
    /// Explicit congestion notification was.
    pub ecn: bool,
    /// The shifts of the windows that the peer offers, and that we offer.
    pub window_scales: (u8, u8),
    /// Retransmission time-out.
    pub rto_us: u64,
    /// Smoothed round-trip time; `None` before the first sample.
    pub srtt_us: Option<u64>,
    /// Its variation.
    pub rttvar_us: u64,
    /// The shortest one.
    pub min_rtt_us: Option<u64>,
    /// How long an acknowledgment waits for company.
    pub ato_us: u64,
    /// Most text in a segment, in bytes.
    pub mss: u16,
    /// Largest packet on the path.
    pub path_mtu: u16,
    /// What the peer seems to send at most.
    pub rcv_mss: u32,
    /// What we have announced.
    pub advertised_mss: u16,
    /// Congestion window, in bytes.
    pub cwnd: u32,
    /// Slow-start threshold; `None` while it is infinite.
    pub ssthresh: Option<u32>,
    /// The peer's window, in bytes.
    pub snd_wnd: u32,
    /// Ours.
    pub rcv_wnd: u32,
    /// Bytes that are in flight: sent, not acknowledged and not lost.
    pub in_flight: u32,
    /// Bytes written and never sent.
    pub unsent: u32,
    /// Bytes of text sent for the first time.
    pub bytes_sent: u64,
    /// Of these, those that the peer has acknowledged.
    pub bytes_acked: u64,
    /// Bytes of text sent again.
    pub bytes_retransmitted: u64,
    /// Bytes of text received in order.
    pub bytes_received: u64,
    /// Segments sent, received, and of both those with text.
    pub segments_out: u32,
    /// See there.
    pub segments_in: u32,
    /// See there.
    pub text_segments_out: u32,
    /// See there.
    pub text_segments_in: u32,
    /// Segments sent again, in all.
    pub retransmissions: u64,
    /// Segments that are sent and not acknowledged.
    pub segments_outstanding: u32,
    /// Of these, those that were sent again and are on their way.
    pub segments_again: u32,
    /// Segments that are believed lost.
    pub segments_lost: u32,
    /// Segments that the peer has although something before them is missing.
    pub segments_sacked: u32,
    /// Duplicates that the peer has reported.
    pub dsacks: u32,
    /// How far the path reorders, in segments.
    pub reordering: u16,
    /// How fast is sent; `None`: as fast as the window allows.
    pub pacing_rate: Option<u64>,
    /// How fast the path has delivered lately.
    pub delivery_rate: Option<u64>,
    /// The application was the limit of that.
    pub app_limited: bool,
    /// How long there was something to send or to be acknowledged.
    pub busy_us: u64,
    /// How long of that the peer's window kept it.
    pub rwnd_limited_us: u64,
    /// How long of that a full send buffer did.
    pub sndbuf_limited_us: u64,
    /// How long ago something was last sent, text received, and anything heard.
    pub since_sent_us: u64,
    /// See there.
    pub since_text_us: u64,
    /// See there.
    pub since_heard_us: u64,
    /// What the network has reported since something was acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft_error: Option<String>,
}

/// So many bytes are written together.
const AT_ONCE: usize = 16 << 10;
/// When nothing was found for so long there is an empty line.
const SIGN_OF_LIFE: std::time::Duration = std::time::Duration::from_secs(1);

/// Tells of all sockets of a stack that are asked for, a few at a time, so that nobody waits for it: who does not read
/// keeps nothing but its own list.
pub fn list(net: Net, filter: SocketFilter) -> Takeover {
    Box::new(move |mut unix| {
        Box::pin(async move {
            let (mut count, mut text, mut told) = (0, Vec::new(), Instant::now());
            let mut only = filter.between.map(|(local, remote)| Endpoints { local, remote });
            let mut listing = only.is_none().then(|| net.list());
            while let Some(entries) = match &mut listing {
                Some(listing) => listing.next_batch(),
                None => only.take().map(|ends| net.between(ends).into_iter().collect()),
            } {
                let sockets = entries.into_iter().map(SocketStatus::from);
                for socket in sockets.filter(|socket| filter.includes(socket)) {
                    serde_json::to_writer(&mut text, &Reply::Socket(Box::new(socket)))?;
                    text.push(b'\n');
                    count += 1;
                }
                if text.len() >= AT_ONCE || told.elapsed() >= SIGN_OF_LIFE {
                    text.push(b'\n');
                    timeout(PATIENCE, unix.write_all(&text)).await??;
                    text.clear();
                    told = Instant::now();
                }
                tokio::select! {
                    biased;
                    () = carry::gone(&unix) => return Ok(()),
                    // The driver has its turn, and all others.
                    () = back_of_the_queue() => {}
                }
            }
            timeout(PATIENCE, unix.write_all(&text)).await??;
            tell(&mut unix, &Reply::Done { count }).await
        })
    })
}

/// The name that ss(8) gives a state.
pub const fn state_name(state: State) -> &'static str {
    match state {
        State::Closed => "UNCONN",
        State::Listen => "LISTEN",
        State::SynSent => "SYN-SENT",
        State::SynReceived => "SYN-RECV",
        State::Established => "ESTAB",
        State::FinWait1 => "FIN-WAIT-1",
        State::FinWait2 => "FIN-WAIT-2",
        State::CloseWait => "CLOSE-WAIT",
        State::Closing => "CLOSING",
        State::LastAck => "LAST-ACK",
        State::TimeWait => "TIME-WAIT",
    }
}

fn micros(time: Duration) -> u64 {
    time.as_micros() as u64
}

impl SocketFilter {
    /// The first of its states that there is not.
    pub fn unknown_state(&self) -> Option<&str> {
        let is_one =
            |name: &str| State::ALL.iter().any(|one| state_name(*one).eq_ignore_ascii_case(name));
        self.states.iter().map(String::as_str).find(|name| !is_one(name))
    }

    /// Whether it is asked for.
    pub fn includes(&self, socket: &SocketStatus) -> bool {
        let SocketFilter { protocol, states, port, address, between } = self;
        let ends = || std::iter::once(socket.local).chain(socket.remote);
        between.is_none_or(|(local, remote)| ends().eq([local, remote]))
            && protocol.is_none_or(|protocol| protocol == socket.protocol)
            && (states.is_empty()
                || states.iter().any(|one| one.eq_ignore_ascii_case(&socket.state)))
            && port.is_none_or(|port| ends().any(|end| end.port() == port))
            && address.is_none_or(|address| ends().any(|end| end.ip() == address))
    }
}

impl From<Entry> for SocketStatus {
    fn from(entry: Entry) -> SocketStatus {
        let tcp = |state, local, remote| SocketStatus {
            protocol: Protocol::Tcp,
            state: state_name(state).to_owned(),
            local,
            remote,
            receive_queue: 0,
            send_queue: 0,
            conn: None,
            owned: false,
            timer: None,
            tcp: None,
        };
        let timer = |name: &str, left: Duration, tries| {
            Some(TimerStatus { name: name.to_owned(), left_us: micros(left), tries })
        };
        match entry {
            Entry::Connection { info, timer: next, tries, owned } => SocketStatus {
                receive_queue: info.receive_queue.into(),
                send_queue: info.send_queue.into(),
                conn: Some(info.conn.0),
                owned,
                timer: next.and_then(|(kind, left)| timer(kind.name(), left, tries)),
                tcp: Some(Box::new(TcpStatus::from(&*info))),
                ..tcp(info.state, info.local, Some(info.remote))
            },
            Entry::HalfOpen { conn, ends } => SocketStatus {
                conn: Some(conn.0),
                ..tcp(State::SynReceived, ends.local, Some(ends.remote))
            },
            Entry::TimeWait { conn, ends, left } => SocketStatus {
                conn: Some(conn.0),
                timer: timer("time_wait", left, 0),
                ..tcp(State::TimeWait, ends.local, Some(ends.remote))
            },
            Entry::Listener { local, waiting, backlog } => SocketStatus {
                receive_queue: waiting as u64,
                send_queue: backlog as u64,
                owned: true,
                ..tcp(State::Listen, local, None)
            },
            Entry::Udp { local, peer, queued } => SocketStatus {
                protocol: Protocol::Udp,
                receive_queue: queued as u64,
                owned: true,
                ..tcp(if peer.is_some() { State::Established } else { State::Closed }, local, peer)
            },
        }
    }
}

impl From<&Info> for TcpStatus {
    fn from(info: &Info) -> TcpStatus {
        let details = &info.details;
        TcpStatus {
            congestion: info.congestion.name().to_owned(),
            limited_by: details.limit.short().to_owned(),
            recovery: details.recovery.name().to_owned(),
            timestamps: details.timestamps,
            sack: details.sack,
            ecn: info.ecn,
            window_scales: details.window_scales,
            rto_us: micros(info.rto),
            srtt_us: info.srtt.map(micros),
            rttvar_us: micros(info.rttvar),
            min_rtt_us: details.min_rtt.map(micros),
            ato_us: micros(info.ato),
            mss: info.mss,
            path_mtu: details.path_mtu,
            rcv_mss: info.rcv_mss,
            advertised_mss: details.advertised_mss,
            cwnd: info.cwnd,
            ssthresh: info.ssthresh,
            snd_wnd: info.snd_wnd,
            rcv_wnd: info.rcv_wnd,
            in_flight: info.in_flight,
            unsent: details.unsent,
            bytes_sent: info.bytes_sent,
            bytes_acked: info.bytes_acked,
            bytes_retransmitted: details.bytes_retransmitted,
            bytes_received: info.bytes_received,
            segments_out: details.segments_out,
            segments_in: details.segments_in,
            text_segments_out: details.text_segments_out,
            text_segments_in: details.text_segments_in,
            retransmissions: info.retransmissions,
            segments_outstanding: details.segments_outstanding,
            segments_again: details.segments_again,
            segments_lost: details.segments_lost,
            segments_sacked: details.segments_sacked,
            dsacks: details.dsacks,
            reordering: details.reordering,
            pacing_rate: details.pacing_rate,
            delivery_rate: details.delivery_rate,
            app_limited: details.delivery_rate_app_limited,
            busy_us: micros(details.busy),
            rwnd_limited_us: micros(details.peer_window_limited),
            sndbuf_limited_us: micros(details.send_buffer_limited),
            since_sent_us: micros(details.since_sent),
            since_text_us: micros(details.since_text_received),
            since_heard_us: micros(details.since_heard),
            soft_error: info.soft_error.map(|notice| notice.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
