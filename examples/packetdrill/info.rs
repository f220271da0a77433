//! What the stack knows of a connection in the form of Linux's `struct tcp_info`, and its relatives.
#![allow(unsafe_code, reason = "a structure of C as bytes")]

use glasstcp::event::State;
use glasstcp::stack::{ConnKey, Stack};
use glasstcp::tcp::{Info, Recovery};
use glasstcp::time::Duration;

/// What Linux takes for a threshold that is not there yet.
const INFINITE: u32 = i32::MAX as u32;

/// Flags of `options`.
const TIMESTAMPS: u8 = 1;
const SACK: u8 = 2;
const SCALES: u8 = 4;
const ECN: u8 = 8;
const SYN_TEXT: u8 = 32;

/// Linux's `struct tcp_info` (include/uapi/linux/tcp.h of 6.18), with its names and its units: times in
/// microseconds, those of what was last sent and received in milliseconds, windows of congestion control in segments.
#[repr(C)]
#[derive(Default)]
pub struct TcpInfo {
    state: u8,
    ca_state: u8,
    retransmits: u8,
    probes: u8,
    backoff: u8,
    options: u8,
    wscales: u8,
    flags: u8,
    rto: u32,
    ato: u32,
    snd_mss: u32,
    rcv_mss: u32,
    unacked: u32,
    sacked: u32,
    lost: u32,
    retrans: u32,
    fackets: u32,
    last_data_sent: u32,
    last_ack_sent: u32,
    last_data_recv: u32,
    last_ack_recv: u32,
    pmtu: u32,
    rcv_ssthresh: u32,
    rtt: u32,
    rttvar: u32,
    snd_ssthresh: u32,
    snd_cwnd: u32,
    advmss: u32,
    reordering: u32,
    rcv_rtt: u32,
    rcv_space: u32,
    total_retrans: u32,
    pacing_rate: u64,
    max_pacing_rate: u64,
    bytes_acked: u64,
    bytes_received: u64,
    segs_out: u32,
    segs_in: u32,
    notsent_bytes: u32,
    min_rtt: u32,
    data_segs_in: u32,
    data_segs_out: u32,
    delivery_rate: u64,
    busy_time: u64,
    rwnd_limited: u64,
    sndbuf_limited: u64,
    delivered: u32,
    delivered_ce: u32,
    bytes_sent: u64,
    bytes_retrans: u64,
    dsack_dups: u32,
    reord_seen: u32,
    rcv_ooopack: u32,
    snd_wnd: u32,
    rcv_wnd: u32,
    rehash: u32,
    total_rto: u16,
    total_rto_recoveries: u16,
    total_rto_time: u32,
    /// Accurate ECN, of which there is nothing to tell.
    accurate_ecn: [u32; 8],
}

const _: () = assert!(size_of::<TcpInfo>() == 280);

fn micros(duration: Duration) -> u32 {
    duration.as_micros() as u32
}

/// Linux's number of a state.
fn number(state: State) -> u8 {
    match state {
        State::Established => 1,
        State::SynSent => 2,
        State::SynReceived => 3,
        State::FinWait1 => 4,
        State::FinWait2 => 5,
        State::TimeWait => 6,
        State::Closed => 7,
        State::CloseWait => 8,
        State::LastAck => 9,
        State::Listen => 10,
        State::Closing => 11,
    }
}

/// Linux's number of what is being done about losses.
fn recovery(recovery: Recovery) -> u8 {
    match recovery {
        Recovery::Open => 0,
        Recovery::Disorder => 1,
        Recovery::Reducing => 2,
        Recovery::Recovery => 3,
        Recovery::Loss => 4,
    }
}

fn options(info: &Info) -> u8 {
    let scaled = info.details.window_scales != (0, 0);
    [
        (info.details.timestamps, TIMESTAMPS),
        (info.details.sack, SACK),
        (scaled, SCALES),
        (info.ecn, ECN),
        (info.syn_text, SYN_TEXT),
    ]
    .into_iter()
    .filter_map(|(on, flag)| on.then_some(flag))
    .sum()
}

impl From<&Info> for TcpInfo {
    fn from(info: &Info) -> TcpInfo {
        let more = &info.details;
        let mss = u32::from(info.mss).max(1);
        let (peer_scale, own_scale) = more.window_scales;
        TcpInfo {
            state: number(info.state),
            ca_state: recovery(more.recovery),
            retransmits: more.timeouts,
            probes: more.probes,
            backoff: more.backoff,
            options: options(info),
            wscales: peer_scale | own_scale << 4,
            flags: more.delivery_rate_app_limited.into(),
            rto: micros(info.rto),
            ato: micros(info.ato),
            snd_mss: mss,
            rcv_mss: info.rcv_mss,
            unacked: more.segments_outstanding,
            sacked: more.segments_sacked,
            // What was sent again counts as lost until it is acknowledged.
            lost: more.segments_lost + more.segments_again,
            retrans: more.segments_again,
            last_data_sent: more.since_sent.as_millis() as u32,
            last_data_recv: more.since_text_received.as_millis() as u32,
            last_ack_recv: more.since_heard.as_millis() as u32,
            pmtu: more.path_mtu.into(),
            rcv_ssthresh: info.receive_limit,
            rtt: info.srtt.map_or(0, micros),
            rttvar: micros(info.rttvar),
            snd_ssthresh: info.ssthresh.map_or(INFINITE, |bytes| bytes / mss),
            snd_cwnd: info.cwnd / mss,
            advmss: more.advertised_mss.into(),
            reordering: more.reordering.into(),
            rcv_rtt: info.receive_rtt.map_or(0, micros),
            rcv_space: info.receive_space as u32,
            total_retrans: info.retransmissions as u32,
            pacing_rate: more.pacing_rate.unwrap_or(u64::MAX),
            max_pacing_rate: u64::MAX,
            bytes_acked: info.bytes_acked,
            bytes_received: info.bytes_received,
            segs_out: more.segments_out,
            segs_in: more.segments_in,
            notsent_bytes: more.unsent,
            min_rtt: more.min_rtt.map_or(u32::MAX, micros),
            data_segs_in: more.text_segments_in,
            data_segs_out: more.text_segments_out,
            delivery_rate: more.delivery_rate.unwrap_or(0),
            busy_time: more.busy.as_micros() as u64,
            rwnd_limited: more.peer_window_limited.as_micros() as u64,
            sndbuf_limited: more.send_buffer_limited.as_micros() as u64,
            delivered: more.segments_delivered,
            bytes_sent: info.bytes_sent + more.bytes_retransmitted,
            bytes_retrans: more.bytes_retransmitted,
            dsack_dups: more.dsacks,
            reord_seen: more.reorderings,
            snd_wnd: info.snd_wnd,
            rcv_wnd: info.rcv_wnd,
            ..TcpInfo::default()
        }
    }
}

impl TcpInfo {
    /// Of a socket without a connection.
    pub fn unconnected(listens: bool) -> TcpInfo {
        let state = number(if listens { State::Listen } else { State::Closed });
        TcpInfo {
            state,
            rto: 1_000_000,
            snd_ssthresh: INFINITE,
            snd_cwnd: 10,
            ..TcpInfo::default()
        }
    }

    /// Of a connection.
    pub fn of(stack: &Stack, key: ConnKey) -> Option<TcpInfo> {
        stack.info(key).map(|info| TcpInfo::from(&info))
    }

    /// As the C library gives it.
    pub fn to_bytes(&self) -> Vec<u8> {
        bytes_of(self)
    }
}

/// `struct tcp_info` as bytes.
fn bytes_of(info: &TcpInfo) -> Vec<u8> {
    let start = (&raw const *info).cast::<u8>();
    // SAFETY: the structure is made of numbers alone and has no padding, as the check of its size shows: the sum of
    // its fields is 280 bytes.
    unsafe { std::slice::from_raw_parts(start, size_of::<TcpInfo>()) }.to_vec()
}

/// SO_MEMINFO: nine numbers, of which these are known: what waits to be read, the receive buffer, what was written
/// and not acknowledged, the send buffer.
pub fn memory(stack: &Stack, key: ConnKey) -> Option<Vec<u8>> {
    let info = stack.info(key)?;
    let queued = info.send_queue;
    let numbers =
        [info.receive_queue, info.receive_limit, queued, info.send_limit, 0, queued, 0, 0, 0];
    Some(numbers.into_iter().flat_map(u32::to_ne_bytes).collect())
}
