//! An ICMP error arrives: find whose packet it quotes (RFC 9293 3.9.2.2, RFC 1122 4.1.3.3, RFC 5927).
//!
//! ```text
//!   error -> quote -> TCP  -> Demux -> connection: is what it quotes in flight?
//!                                      half-open: is it our SYN-ACK?
//!                  -> UDP  -> the socket on that port: has it sent anything, and to that peer?
//!                  -> ICMP -> the ping socket with that identifier
//! ```

use std::net::{IpAddr, SocketAddr};

use crate::event::{Cause, Refusal};
use crate::stack::{ConnKey, HalfOpenKey, Owner, Stack};
use crate::tcp::Endpoints;
use crate::wire::icmp::{self, Notice, Quote, Report};
use crate::wire::ip::{self, Datagram};

impl Stack {
    pub(super) fn receive_icmp_error(
        &mut self,
        datagram: &Datagram,
        report: Report,
        quoted: &[u8],
    ) {
        let notice = Notice { report, by: datagram.src };
        if let Err(reason) = self.deliver_icmp_error(datagram.dst, notice, quoted) {
            self.refuse(reason, datagram.src, datagram.dst);
        }
    }

    /// Gives the error that was sent to `own` to whom it is about.
    fn deliver_icmp_error(
        &mut self,
        own: IpAddr,
        notice: Notice,
        quoted: &[u8],
    ) -> Result<(), Refusal> {
        let quote = icmp::parse_quote(quoted)?;
        if quote.src != own {
            return Err(Refusal::IcmpQuoteForeign);
        }
        let text = &quoted[quote.header_len..];
        match quote.protocol {
            ip::TCP => self.icmp_error_for_tcp(notice, &quote),
            ip::UDP => {
                self.udp_error_arrives(notice, &quote, text)?;
                self.env.counters.icmp_errors_received += 1;
                Ok(())
            }
            ip::ICMP => {
                self.ping_error_arrives(notice, &quote)?;
                self.env.counters.icmp_errors_received += 1;
                Ok(())
            }
            _ => Err(Refusal::IcmpIgnored),
        }
    }

    fn icmp_error_for_tcp(&mut self, notice: Notice, quote: &Quote) -> Result<(), Refusal> {
        let ends = Endpoints {
            local: SocketAddr::new(quote.src, quote.src_port),
            remote: SocketAddr::new(quote.dst, quote.dst_port),
        };
        match self.demux.find(ends) {
            Some(Owner::Connection(key)) => self.icmp_error_for_connection(key, notice, quote),
            Some(Owner::HalfOpen(key)) => return self.icmp_error_half_open(key, notice, quote),
            Some(Owner::TimeWait(_)) | None => return Err(Refusal::IcmpQuoteStray),
        }
        Ok(())
    }

    fn icmp_error_for_connection(&mut self, key: ConnKey, notice: Notice, quote: &Quote) {
        let believed = self.update_connection(key, |tcb, cx| {
            let conn = tcb.conn();
            tcb.icmp_error_arrives(cx, notice, quote)
                .map_err(|reason| cx.refuse(Some(conn), reason, None))
        });
        if believed == Some(Ok(())) {
            self.env.counters.icmp_errors_received += 1;
        }
    }

    /// A half-open connection ends by a hard error; of a soft one nobody could be told.
    fn icmp_error_half_open(
        &mut self,
        key: HalfOpenKey,
        notice: Notice,
        quote: &Quote,
    ) -> Result<(), Refusal> {
        let iss = self.half_open.get(key).map(|entry| entry.record.iss);
        if iss != Some(quote.seq) {
            return Err(Refusal::IcmpQuoteSequence);
        }
        if !notice.report.is_hard() {
            return Err(Refusal::IcmpIgnored);
        }
        self.env.counters.icmp_errors_received += 1;
        self.forget_half_open(key, Cause::IcmpError);
        Ok(())
    }
}
