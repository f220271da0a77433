//! ICMP: answering echo requests (RFC 1122 3.2.2.6), and the errors a host sends (RFC 1122 3.2.2, RFC 792).

use bytes::Bytes;

use crate::event::Refusal;
use crate::stack::Stack;
use crate::stack::receive::part;
use crate::time::{Duration, Instant};
use crate::wire::ip::Datagram;
use crate::wire::{HeaderBuf, icmp, ip};

/// Errors at once, as in Linux.
const BURST: u32 = 50;
/// Time for one more error: 1,000 a second, as in Linux.
const REFILL: Duration = Duration::from_millis(1);
/// Most bytes of an error (RFC 1812 4.3.2.3).
const MAX_ERROR: usize = 576;

/// A token bucket for ICMP errors (RFC 1812 4.3.2.8).
#[derive(Clone, Debug)]
pub(super) struct ErrorLimit {
    tokens: u32,
    counted: Instant,
}

impl Default for ErrorLimit {
    fn default() -> Self {
        ErrorLimit { tokens: BURST, counted: Instant::ZERO }
    }
}

impl ErrorLimit {
    fn allow(&mut self, now: Instant) -> bool {
        let fresh =
            (now.since(self.counted).as_nanos() / REFILL.as_nanos()).min(BURST.into()) as u32;
        if fresh > 0 {
            self.tokens = (self.tokens + fresh).min(BURST);
            self.counted = now;
        }
        let allowed = self.tokens > 0;
        self.tokens = self.tokens.saturating_sub(1);
        allowed
    }
}

impl Stack {
    pub(super) fn receive_icmp(&mut self, datagram: &Datagram, packet: Bytes) {
        let transport = part(packet, datagram.payload.clone());
        let message = match icmp::parse(&transport) {
            Ok(message) => message,
            Err(malformed) => return self.refuse(malformed.into(), datagram.src, datagram.dst),
        };
        if let Some(report) = message.report() {
            return self.receive_icmp_error(datagram, report, &transport[message.payload]);
        }
        if (message.kind, message.code) == (icmp::ECHO_REPLY, 0) {
            return self.receive_echo_reply(datagram, message, transport);
        }
        if message.kind != icmp::ECHO_REQUEST || message.code != 0 {
            // RFC 9293 3.9.2.2 [MUST-55]
            let quench = message.kind == icmp::SOURCE_QUENCH;
            let reason = if quench { Refusal::IcmpSourceQuench } else { Refusal::IcmpIgnored };
            return self.refuse(reason, datagram.src, datagram.dst);
        }
        let payload = part(transport, message.payload);
        let mut header = HeaderBuf::new();
        let repr = self.repr(datagram.dst, datagram.src, ip::ICMP, false);
        ip::emit(&repr, icmp::HEADER_LEN + payload.len(), &mut header);
        icmp::emit(icmp::ECHO_REPLY, 0, message.rest, &mut header);
        self.env.counters.icmp_echo_replies += 1;
        self.reply(header, ip::ICMP, payload);
    }

    /// Answers `packet` with destination unreachable, unless one must not (RFC 1122 3.2.2): the
    /// caller has already refused broadcasts, impossible sources and fragments, and only UDP and
    /// unknown protocols come here, never ICMP errors.
    pub(super) fn unreachable(&mut self, datagram: &Datagram, packet: &Bytes, code: u8) {
        if !self.icmp_errors.allow(self.env.now) {
            return self.refuse(Refusal::IcmpRateLimited, datagram.src, datagram.dst);
        }
        let room = MAX_ERROR.min(self.config.mtu.into());
        let room = room.saturating_sub(ip::IPV4_HEADER_LEN + icmp::HEADER_LEN);
        let quote = packet.slice(..datagram.payload.end.min(room));
        let mut header = HeaderBuf::new();
        let repr = self.repr(datagram.dst, datagram.src, ip::ICMP, false);
        ip::emit(&repr, icmp::HEADER_LEN + quote.len(), &mut header);
        icmp::emit(icmp::DESTINATION_UNREACHABLE, code, [0; 4], &mut header);
        self.env.counters.icmp_errors_sent += 1;
        self.reply(header, ip::ICMP, quote);
    }
}

#[cfg(test)]
mod tests;
