//! From the name that was asked for, over its aliases, to the records.

use std::net::SocketAddr;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{self, DNSClass, Name, RData};

use super::message::{Question, Reading, record_type};
use super::{Data, Kind, LookupError, Record};

/// Most aliases one after another.
const ALIASES_MAX: usize = 16;

/// The aliases of the question's name and the records at their end (RFC 1034 3.6.2).
pub(super) fn follow(
    question: &Question,
    reading: Reading,
    server: SocketAddr,
) -> Result<Vec<Record>, LookupError> {
    let asked = || question.name.to_ascii();
    let records = match reading {
        Reading::Records(records) => records,
        Reading::Code(code) => return Err(refused(code, asked(), server)),
        Reading::Foreign | Reading::Truncated => Vec::new(),
    };
    let mut passed: Vec<&Name> = vec![&question.name];
    let mut found = Vec::new();
    loop {
        let here = passed[passed.len() - 1];
        let of_it = || {
            records.iter().filter(|record| record.dns_class == DNSClass::IN && &record.name == here)
        };
        let wanted = of_it().filter(|record| record.record_type() == record_type(question.kind));
        let before = found.len();
        found.extend(wanted.filter_map(kept));
        if found.len() > before {
            return Ok(found);
        }
        let alias = of_it().find_map(|record| match &record.data {
            RData::CNAME(other) if question.kind != Kind::Cname => Some((record, &other.0)),
            _ => None,
        });
        let Some((record, next)) = alias else {
            return Err(LookupError::NoRecord(here.to_ascii(), question.kind, server));
        };
        if passed.contains(&next) {
            return Err(LookupError::Circle(asked(), next.to_ascii(), server));
        }
        if passed.len() > ALIASES_MAX {
            return Err(LookupError::TooLong(asked(), ALIASES_MAX, server));
        }
        found.extend(kept(record));
        passed.push(next);
    }
}

/// What there is instead of an answer.
fn refused(code: ResponseCode, name: String, server: SocketAddr) -> LookupError {
    match code {
        ResponseCode::NXDomain => LookupError::NoSuchName(name, server),
        ResponseCode::ServFail => LookupError::Failed(name, server),
        ResponseCode::Refused => LookupError::Refused(server),
        other => LookupError::Other(server, other.to_string()),
    }
}

/// The record in a form that outlives the message; `None` for kinds that are never asked for.
fn kept(record: &rr::Record) -> Option<Record> {
    let data = match &record.data {
        RData::A(address) => Data::A(address.0),
        RData::AAAA(address) => Data::Aaaa(address.0),
        RData::CNAME(other) => Data::Cname(other.0.to_ascii()),
        _ => return None,
    };
    Some(Record { name: record.name.to_ascii(), ttl: record.ttl, data })
}
