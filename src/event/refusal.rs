//! Why a packet, a segment or a part of one was not accepted; each reason is a counter.

use crate::wire::Malformed;

/// An enum of which each variant is a counter with a name.
macro_rules! counted {
    ($(#[$meta:meta])* $kind:ident: $($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $kind {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl $kind {
            /// All there are.
            pub const ALL: &'static [$kind] = &[$($kind::$variant,)+];

            /// The name of its counter.
            pub const fn name(self) -> &'static str {
                match self { $($kind::$variant => $name,)+ }
            }
        }
    };
}
pub(crate) use counted;

counted! {
    /// Why a packet, a segment or a part of one was not accepted. Each is a counter.
    #[non_exhaustive]
    Refusal:
    /// Shorter than an IP header.
    IpTruncated = "ip_truncated",
    /// Not a version of IP that is enabled.
    IpVersion = "ip_version",
    /// Bad IP header length.
    IpHeaderLength = "ip_header_length",
    /// Bad IP total length.
    IpTotalLength = "ip_total_length",
    /// Bad IP header checksum.
    IpChecksum = "ip_checksum",
    /// A fragment: reassembly is not offered.
    IpFragment = "ip_fragment",
    /// Addressed to somebody else.
    IpNotForUs = "ip_not_for_us",
    /// Addressed to a broadcast or multicast address.
    IpBroadcast = "ip_broadcast",
    /// A source address that no host may use (RFC 1122 3.2.1.3).
    IpMartianSource = "ip_martian_source",
    /// Source and destination are both ours (the LAND attack).
    IpLand = "ip_land",
    /// Passed on by another stack that shares the addresses, faster than this one could look at it.
    ShardQueueFull = "shard_queue_full",
    /// A protocol nobody here speaks; answered with protocol unreachable.
    IpProtocol = "ip_protocol",
    /// Shorter than an ICMP header.
    IcmpTruncated = "icmp_truncated",
    /// Bad ICMP checksum.
    IcmpChecksum = "icmp_checksum",
    /// An ICMP message that this stack does not act on.
    IcmpIgnored = "icmp_ignored",
    /// An ICMP echo reply to no socket's request.
    IcmpEchoStray = "icmp_echo_stray",
    /// An ICMP echo reply, or an ICMP error, for which the socket's queue has no room.
    IcmpQueueFull = "icmp_queue_full",
    /// A source quench (RFC 9293 3.9.2.2 [MUST-55], RFC 6633).
    IcmpSourceQuench = "icmp_source_quench",
    /// An ICMP error that quotes no readable IP header.
    IcmpQuoteHeader = "icmp_quote_header",
    /// An ICMP error that quotes less than eight octets after the IP header.
    IcmpQuoteTruncated = "icmp_quote_truncated",
    /// An ICMP error that quotes a later fragment.
    IcmpQuoteFragment = "icmp_quote_fragment",
    /// An ICMP error that quotes a packet from somebody else.
    IcmpQuoteForeign = "icmp_quote_foreign",
    /// An ICMP error that quotes what no connection and no socket has sent.
    IcmpQuoteStray = "icmp_quote_stray",
    /// An ICMP error that quotes a segment which is not in flight (RFC 5927 4.1).
    IcmpQuoteSequence = "icmp_quote_sequence",
    /// Fragmentation needed for a size that the connection does not exceed (RFC 5927 7).
    IcmpMtuNotSmaller = "icmp_mtu_not_smaller",
    /// An ICMP error that would have been sent but for the rate limit.
    IcmpRateLimited = "icmp_rate_limited",
    /// Shorter than a UDP header.
    UdpTruncated = "udp_truncated",
    /// Bad UDP length.
    UdpLength = "udp_length",
    /// Bad UDP checksum.
    UdpChecksum = "udp_checksum",
    /// Nobody on that UDP port; answered with port unreachable.
    UdpPortClosed = "udp_port_closed",
    /// The socket's receive queue is full.
    UdpQueueFull = "udp_queue_full",
    /// Shorter than a TCP header.
    TcpTruncated = "tcp_truncated",
    /// Bad TCP data offset.
    TcpDataOffset = "tcp_data_offset",
    /// Bad TCP checksum.
    TcpChecksum = "tcp_checksum",
    /// TCP port zero.
    TcpPortZero = "tcp_port_zero",
    /// No connection and nobody listening; answered with a reset (RFC 9293 3.10.7.1).
    TcpPortClosed = "tcp_port_closed",
    /// A reset for no connection (RFC 9293 3.10.7.1).
    TcpStrayReset = "tcp_stray_reset",
    /// A listener got a segment that is neither a SYN, an ACK nor a reset (RFC 9293 3.10.7.2).
    ListenNoSyn = "listen_no_syn",
    /// A listener got a SYN with flags that no SYN carries.
    ListenBadFlags = "listen_bad_flags",
    /// Text on a SYN for a listener: it is not kept, the peer sends it again (RFC 9293 3.10.7.2).
    ListenText = "listen_text",
    /// A cookie of fast open that is not ours: the connection is opened as usual (RFC 7413 4.1.2).
    FastOpenCookie = "fast_open_cookie",
    /// A SYN of fast open beyond the limit of those that are not confirmed: it is opened as usual (RFC 7413 5.1).
    FastOpenQueueFull = "fast_open_queue_full",
    /// The queue of half-open connections is full.
    SynQueueFull = "syn_queue_full",
    /// The queue of connections to accept is full.
    AcceptQueueFull = "accept_queue_full",
    /// The table of connections is full.
    ConnectionLimit = "connection_limit",
    /// A segment for a half-open connection that neither opens nor closes it.
    SynReceivedUnacceptable = "syn_received_unacceptable",
    /// An old segment for a connection in TIME-WAIT.
    TimeWaitSegment = "time_wait_segment",
    /// A reset for a connection in TIME-WAIT is ignored (RFC 1337).
    TimeWaitReset = "time_wait_reset",
    /// An acknowledgment in SYN-SENT for something we never sent.
    SynSentBadAck = "syn_sent_bad_ack",
    /// A SYN with ACK in SYN-SENT that echoes a time at which our SYN was not sent (RFC 7323 4).
    SynSentBadEcho = "syn_sent_bad_echo",
    /// A reset in SYN-SENT that does not acknowledge our SYN.
    SynSentBadReset = "syn_sent_bad_reset",
    /// A segment in SYN-SENT without SYN.
    SynSentNoSyn = "syn_sent_no_syn",
    /// All of it was received before (RFC 9293 3.10.7.4).
    SequenceOld = "sequence_old",
    /// It lies beyond the window (RFC 9293 3.10.7.4).
    SequenceBeyondWindow = "sequence_beyond_window",
    /// Its timestamp is older than the last one (RFC 7323 5.3).
    Paws = "paws",
    /// Timestamps were agreed on and it carries none (RFC 7323 3.2).
    TimestampMissing = "timestamp_missing",
    /// A reset outside the window (RFC 5961 3.2).
    ResetOutsideWindow = "reset_outside_window",
    /// A reset inside the window but not at its edge: challenged (RFC 5961 3.2).
    ResetChallenged = "reset_challenged",
    /// A SYN on an open connection: challenged (RFC 5961 4.2).
    SynChallenged = "syn_challenged",
    /// No ACK bit on a connection (RFC 9293 3.10.7.4).
    AckMissing = "ack_missing",
    /// It acknowledges something we have not sent (RFC 5961 5.2).
    AckBeyondSent = "ack_beyond_sent",
    /// It acknowledges far less than a window ago (RFC 5961 5.2).
    AckTooOld = "ack_too_old",
    /// Text after the peer's own FIN.
    TextAfterFin = "text_after_fin",
    /// Text for which nobody is left to read; answered with a reset.
    TextAfterClose = "text_after_close",
    /// A part of the text lies beyond the window.
    TextBeyondWindow = "text_beyond_window",
    /// Out-of-order text for which the reassembly queue has no room.
    ReassemblyFull = "reassembly_full",
    /// A SACK block that would cut what was sent into more pieces than are kept apart.
    SackTooFine = "sack_too_fine",
    /// Out-of-order text while all connections together hold more than they may; what had arrived out of
    /// order before it is dropped with it (RFC 2018 8).
    TcpMemory = "tcp_memory",
    /// A challenge acknowledgment that the limit of the connection held back.
    ChallengeLimited = "challenge_limited",
}

impl Refusal {
    /// Whether it stands for a whole packet: each one received is either taken or counted under
    /// exactly one of these. The others tell of a part of a segment that was taken otherwise, or of
    /// an answer that was held back.
    pub const fn is_whole(self) -> bool {
        !matches!(
            self,
            Refusal::ListenText
                | Refusal::FastOpenCookie
                | Refusal::FastOpenQueueFull
                | Refusal::TextBeyondWindow
                | Refusal::ReassemblyFull
                | Refusal::SackTooFine
                | Refusal::TcpMemory
                | Refusal::ChallengeLimited
                | Refusal::IcmpRateLimited
        )
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Refusal {
        match malformed {
            Malformed::IpTruncated => Refusal::IpTruncated,
            Malformed::IpVersion => Refusal::IpVersion,
            Malformed::IpHeaderLength => Refusal::IpHeaderLength,
            Malformed::IpTotalLength => Refusal::IpTotalLength,
            Malformed::IpChecksum => Refusal::IpChecksum,
            Malformed::TcpTruncated => Refusal::TcpTruncated,
            Malformed::TcpDataOffset => Refusal::TcpDataOffset,
            Malformed::TcpChecksum => Refusal::TcpChecksum,
            Malformed::TcpPortZero => Refusal::TcpPortZero,
            Malformed::UdpTruncated => Refusal::UdpTruncated,
            Malformed::UdpLength => Refusal::UdpLength,
            Malformed::UdpChecksum => Refusal::UdpChecksum,
            Malformed::IcmpTruncated => Refusal::IcmpTruncated,
            Malformed::IcmpChecksum => Refusal::IcmpChecksum,
            Malformed::IcmpQuoteHeader => Refusal::IcmpQuoteHeader,
            Malformed::IcmpQuoteTruncated => Refusal::IcmpQuoteTruncated,
            Malformed::IcmpQuoteFragment => Refusal::IcmpQuoteFragment,
        }
    }
}

/// How often each refusal happened.
#[derive(Clone, Debug)]
pub struct Refusals([u64; Refusal::ALL.len()]);

impl Default for Refusals {
    fn default() -> Self {
        Refusals([0; Refusal::ALL.len()])
    }
}

impl Refusals {
    /// Counts one more.
    pub fn count(&mut self, reason: Refusal) {
        self.0[reason as usize] += 1;
    }

    /// How many packets were refused as a whole (see [`Refusal::is_whole`]).
    pub fn whole(&self) -> u64 {
        self.nonzero().filter(|(reason, _)| reason.is_whole()).map(|(_, n)| n).sum()
    }

    /// Adds what somebody else has counted.
    pub fn add(&mut self, other: &Refusals) {
        self.0.iter_mut().zip(other.0).for_each(|(count, more)| *count += more);
    }

    /// How often `reason` happened.
    pub fn of(&self, reason: Refusal) -> u64 {
        self.0[reason as usize]
    }

    /// The reasons that happened, with how often.
    pub fn nonzero(&self) -> impl Iterator<Item = (Refusal, u64)> + '_ {
        Refusal::ALL.iter().map(|&reason| (reason, self.of(reason))).filter(|&(_, n)| n > 0)
    }
}
