//! What a stack counts.

use crate::event::Refusals;

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Counters of a stack since it was made.
        #[derive(Clone, Debug, Default)]
        pub struct Counters {
            $($(#[doc = $doc])+ pub $name: u64,)+
            /// What was refused, by reason.
            pub refusals: Refusals,
        }

        impl Counters {
            /// Every counter that is not zero, with its name, in a fixed order.
            pub fn rows(&self) -> Vec<(&'static str, u64)> {
                let own = [$((stringify!($name), self.$name),)+];
                let refused = self.refusals.nonzero().map(|(reason, n)| (reason.name(), n));
                own.into_iter().filter(|&(_, n)| n > 0).chain(refused).collect()
            }

            /// Every counter but the refusals: its name, what it counts, and how often.
            pub fn all(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
                [$((stringify!($name), concat!($($doc),+), self.$name),)+].into_iter()
            }

            /// Packets that were taken, refused for a named reason or passed on: all that were received or taken over.
            pub fn packets_accounted(&self) -> u64 {
                let echo = self.icmp_echo_replies + self.icmp_echo_answers;
                let icmp = echo + self.icmp_errors_received;
                let taken = icmp + self.udp_received + self.tcp_segments_accepted;
                taken + self.refusals.whole() + self.packets_passed_on
            }

            /// Adds what another stack has counted.
            pub fn add(&mut self, other: &Counters) {
                $(self.$name += other.$name;)+
                self.refusals.add(&other.refusals);
            }
        }
    };
}

counters! {
    /// IP packets received.
    packets_received,
    /// Bytes of the IP packets received.
    bytes_received,
    /// Packets that this stack had nobody for, passed on to the next of those that share its addresses.
    packets_passed_on,
    /// Packets that another of those stacks has passed on to this.
    packets_taken_over,
    /// Bursts handed to the device; one may be cut into many packets.
    bursts_sent,
    /// Bytes of these bursts, headers counted once a burst.
    bytes_sent,
    /// Packets that were to be sent without a connection and found the queue full.
    replies_dropped,
    /// ICMP echo requests answered.
    icmp_echo_replies,
    /// ICMP echo requests sent.
    icmp_echo_requests,
    /// ICMP echo replies to our requests, delivered to a socket.
    icmp_echo_answers,
    /// ICMP errors sent.
    icmp_errors_sent,
    /// ICMP errors that a connection believed, or that were delivered to a socket.
    icmp_errors_received,
    /// UDP datagrams delivered to a socket.
    udp_received,
    /// UDP datagrams sent.
    udp_sent,
    /// Connections opened by us.
    tcp_active_opens,
    /// Connections opened by a peer and completed.
    tcp_passive_opens,
    /// Connections opened by us whose SYN had text that the peer has accepted (RFC 7413).
    tcp_fast_active_opens,
    /// Connections opened by a peer, at once for its cookie (RFC 7413).
    tcp_fast_passive_opens,
    /// Cookies given to peers, with which they can open connections at once (RFC 7413).
    tcp_cookies_sent,
    /// SYN-ACKs sent in place of a half-open connection, for which there was no room (RFC 4987 3.6).
    tcp_syn_cookies_sent,
    /// Connections opened by what a SYN-ACK in place of a half-open connection has brought back.
    tcp_syn_cookies_received,
    /// Acknowledgments that came while SYN-ACKs in place of half-open connections were out, and answered none.
    tcp_syn_cookies_failed,
    /// Segments received with a valid checksum.
    tcp_segments_received,
    /// Segments received that a connection or a listener took, at least in part.
    tcp_segments_accepted,
    /// Segments and bursts sent.
    tcp_segments_sent,
    /// Segments sent again, SYNs included.
    tcp_retransmissions,
    /// Resets sent.
    tcp_resets_sent,
    /// How often the memory for the buffers of all connections became scarce, above two thirds of its limit.
    tcp_memory_pressures,
    /// How often a connection was made to forget what had arrived out of order, because memory was scarce.
    tcp_out_of_order_reclaimed,
}
