//! Why something is sent, or decided.

use serde::{Deserialize, Serialize};

/// Why a segment was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "why", content = "count", rename_all = "snake_case")]
pub enum Why {
    /// To open: SYN, or SYN with ACK.
    Handshake,
    /// To open, again: the nth retransmission.
    HandshakeRetransmission(u8),
    /// To open, again: the peer's SYN came again.
    HandshakeAnswer,
    /// To open, without keeping anything of it: the SYN queue is full (RFC 4987 3.6).
    SynCookie,
    /// Data never sent before.
    NewData,
    /// The end of our data.
    Fin,
    /// Three duplicate acknowledgments (RFC 5681 3.2).
    FastRetransmit,
    /// Something sent later has arrived, and long enough ago (RACK, RFC 8985 6).
    Rack,
    /// Nothing was answered for two round trips: is the tail lost? Its last segment again (TLP, RFC 8985 7).
    TailLossProbe,
    /// The same with data never sent before.
    TailLossProbeNew,
    /// A partial acknowledgment during fast recovery (RFC 6582 3.2).
    PartialAck,
    /// It was sent after what a fast retransmission has repaired (Tahoe has no fast recovery).
    GoBackN,
    /// The retransmission timer, for the nth time in a row.
    Rto(u8),
    /// Still repairing what the last retransmission time-out declared lost.
    RtoRecovery,
    /// It was larger than the path takes (RFC 1191 6.4).
    PathMtu,
    /// It went with the SYN, and the peer has not taken it (RFC 7413 4.1.3).
    SynText,
    /// New data in a larger segment: does the path take those after all? (RFC 4821 7)
    PathMtuProbe,
    /// The window is closed; is it still? (RFC 9293 3.8.6.1)
    ZeroWindowProbe,
    /// Is anybody still there? (RFC 9293 3.8.4)
    Keepalive,
    /// An acknowledgment that could not wait.
    AckNow,
    /// An acknowledgment that could have waited, sent at once all the same: the peer has just begun, or
    /// begun again, or the application has read a small segment that it will hardly answer.
    AckQuick,
    /// An acknowledgment whose delay is over.
    AckDelayed,
    /// The receive window has opened.
    WindowUpdate,
    /// A challenge acknowledgment (RFC 5961).
    Challenge,
    /// A reset.
    Reset,
}

impl Why {
    /// All there are, those that are counted for the first time.
    pub const ALL: [Why; 25] = [
        Why::Handshake,
        Why::HandshakeRetransmission(1),
        Why::HandshakeAnswer,
        Why::SynCookie,
        Why::NewData,
        Why::Fin,
        Why::FastRetransmit,
        Why::Rack,
        Why::TailLossProbe,
        Why::TailLossProbeNew,
        Why::PartialAck,
        Why::GoBackN,
        Why::Rto(1),
        Why::RtoRecovery,
        Why::PathMtu,
        Why::SynText,
        Why::PathMtuProbe,
        Why::ZeroWindowProbe,
        Why::Keepalive,
        Why::AckNow,
        Why::AckQuick,
        Why::AckDelayed,
        Why::WindowUpdate,
        Why::Challenge,
        Why::Reset,
    ];

    /// The name that it has in events.
    pub const fn name(self) -> &'static str {
        match self {
            Why::Handshake => "handshake",
            Why::HandshakeRetransmission(_) => "handshake_retransmission",
            Why::HandshakeAnswer => "handshake_answer",
            Why::SynCookie => "syn_cookie",
            Why::NewData => "new_data",
            Why::Fin => "fin",
            Why::FastRetransmit => "fast_retransmit",
            Why::Rack => "rack",
            Why::TailLossProbe => "tail_loss_probe",
            Why::TailLossProbeNew => "tail_loss_probe_new",
            Why::PartialAck => "partial_ack",
            Why::GoBackN => "go_back_n",
            Why::Rto(_) => "rto",
            Why::RtoRecovery => "rto_recovery",
            Why::PathMtu => "path_mtu",
            Why::SynText => "syn_text",
            Why::PathMtuProbe => "path_mtu_probe",
            Why::ZeroWindowProbe => "zero_window_probe",
            Why::Keepalive => "keepalive",
            Why::AckNow => "ack_now",
            Why::AckQuick => "ack_quick",
            Why::AckDelayed => "ack_delayed",
            Why::WindowUpdate => "window_update",
            Why::Challenge => "challenge",
            Why::Reset => "reset",
        }
    }
}

/// Why nothing, or nothing more, may be sent now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// There is nothing to send.
    #[default]
    Nothing,
    /// The state does not allow it.
    State,
    /// The congestion window is full.
    CongestionWindow,
    /// The peer's window is full.
    PeerWindow,
    /// Nagle's algorithm waits for an acknowledgment (RFC 9293 3.7.4).
    Nagle,
    /// What does not fill a segment waits for more, as the application has asked for (TCP_CORK, MSG_MORE).
    Cork,
    /// Sender's silly-window avoidance waits for more window (RFC 9293 3.8.6.2.1).
    SillyWindow,
    /// It is not yet time for the next burst.
    Pacing,
}

impl Limit {
    /// A short name for people, as in comments of captures and in `glasstcp ss`.
    pub const fn short(self) -> &'static str {
        match self {
            Limit::Nothing => "app",
            Limit::State => "state",
            Limit::CongestionWindow => "cwnd",
            Limit::PeerWindow => "rwnd",
            Limit::Nagle => "nagle",
            Limit::Cork => "cork",
            Limit::SillyWindow => "silly-window",
            Limit::Pacing => "pacing",
        }
    }
}

/// How something was found lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LostBy {
    /// Three duplicate acknowledgments, or a partial one (RFC 5681 3.2, RFC 6582 3.2).
    Duplicates,
    /// Something sent later has arrived, and long enough ago (RFC 8985 6).
    Rack,
    /// The retransmission timer (RFC 6298).
    Timeout,
    /// It was larger than the path takes (RFC 1191 6.4).
    PathMtu,
    /// It went with the SYN, whose answer does not acknowledge it (RFC 7413 4.1.3).
    SynText,
    /// The peer had reported it by SACK, and has thrown it away (RFC 2018 8).
    Reneged,
}

/// What shows how large packets may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MtuBy {
    /// A router says so (RFC 1191).
    Router,
    /// Time-outs in a row: it swallows large ones and says nothing (RFC 4821 7.7).
    BlackHole,
    /// A larger one has arrived (RFC 4821 7.6).
    Probe,
}

/// Why the congestion window is lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// Something was found lost.
    Loss,
    /// A tail-loss probe has repaired a loss (RFC 8985 7.4.2).
    TailLoss,
    /// The retransmission timer went off.
    Timeout,
    /// The peer reports a mark of congestion (RFC 3168 6.1.2).
    Ecn,
    /// Nothing was sent for longer than a time-out (RFC 5681 4.1, RFC 2861).
    Idle,
    /// The application has not needed it for a time-out (RFC 2861 3.2, RFC 7661).
    Unused,
}

/// What shows that a reduction was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoneBy {
    /// An echoed timestamp is that of the original (RFC 3522).
    Eifel,
    /// Everything that was sent again has arrived twice (RFC 3708).
    Dsack,
    /// After a time-out something has arrived that was sent only before it (RFC 5682).
    Frto,
    /// Everything has arrived before anything was sent again.
    NothingMissing,
}
