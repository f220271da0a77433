//! An ICMP error arrives: find whose segment it quotes (RFC 9293 3.9.2.2, RFC 5927).

use std::net::{IpAddr, SocketAddr};

use crate::event::{Cause, Refusal};
use crate::stack::{ConnKey, HalfOpenKey, Owner, Stack};
use crate::tcp::Endpoints;
use crate::wire::icmp::{self, Quote, Report};
use crate::wire::ip::{self, Datagram};

impl Stack {
    pub(super) fn receive_icmp_error(
        &mut self,
        datagram: &Datagram,
        report: Report,
        quoted: &[u8],
    ) {
        if let Err(reason) = self.deliver_icmp_error(datagram.dst, report, quoted) {
            self.refuse(reason, datagram.src, datagram.dst);
        }
    }

    /// Gives the error that was sent to `own` to the connection that it is about.
    fn deliver_icmp_error(
        &mut self,
        own: IpAddr,
        report: Report,
        quoted: &[u8],
    ) -> Result<(), Refusal> {
        let quote = icmp::parse_quote(quoted)?;
        if quote.src != own {
            return Err(Refusal::IcmpQuoteForeign);
        }
        if quote.protocol != ip::TCP {
            return Err(Refusal::IcmpIgnored);
        }
        let ends = Endpoints {
            local: SocketAddr::new(quote.src, quote.src_port),
            remote: SocketAddr::new(quote.dst, quote.dst_port),
        };
        match self.demux.find(ends) {
            Some(Owner::Connection(key)) => self.icmp_error_for_connection(key, report, &quote),
            Some(Owner::HalfOpen(key)) => return self.icmp_error_half_open(key, report, &quote),
            Some(Owner::TimeWait(_)) | None => return Err(Refusal::IcmpQuoteStray),
        }
        Ok(())
    }

    fn icmp_error_for_connection(&mut self, key: ConnKey, report: Report, quote: &Quote) {
        let believed = self.update_connection(key, |tcb, cx| {
            let conn = tcb.conn();
            tcb.icmp_error_arrives(cx, report, quote)
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
        report: Report,
        quote: &Quote,
    ) -> Result<(), Refusal> {
        let iss = self.half_open.get(key).map(|entry| entry.record.iss);
        if iss != Some(quote.seq) {
            return Err(Refusal::IcmpQuoteSequence);
        }
        if !report.is_hard() {
            return Err(Refusal::IcmpIgnored);
        }
        self.env.counters.icmp_errors_received += 1;
        self.forget_half_open(key, Cause::IcmpError);
        Ok(())
    }
}
