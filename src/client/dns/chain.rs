//! From the name that was asked for, over its aliases, to the records.

use std::net::SocketAddr;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{self, DNSClass, Name, RData};

use super::message::{Question, Reading, record_type};
use super::{Data, Kind, LookupError, Record};

/// Most aliases one after another.
const ALIASES_MAX: usize = 16;

/// Longest time for which a record may be kept, in seconds (RFC 2181 8).
const TTL_MAX: u32 = i32::MAX as u32;

/// The way from a name to its records, over one answer or several.
pub(super) struct Chain {
    kind: Kind,
    server: SocketAddr,
    /// The name that was asked for first, and where its aliases have led from there.
    passed: Vec<Name>,
    /// The aliases, and at last the records that were asked for.
    pub found: Vec<Record>,
}

impl Chain {
    /// At its beginning.
    pub fn new(question: &Question, kind: Kind, server: SocketAddr) -> Chain {
        let passed = vec![question.name.clone()];
        Chain { kind, server, passed, found: Vec::new() }
    }

    /// Goes on with the answer to a question for the name where it is (RFC 1034 3.6.2). The name to ask for next,
    /// when it leads to one of which it does not tell (RFC 1034 5.3.3, 4c); `None` when all is found.
    pub fn follow(&mut self, reading: Reading) -> Result<Option<Name>, LookupError> {
        let records = match reading {
            Reading::Records(records) => records,
            Reading::Code(code, records) => {
                // It is about the name to which the aliases lead (RFC 6604 3).
                while let Some((record, next)) = self.alias(&records) {
                    self.step(record, next)?;
                }
                return Err(refused(code, self.here().to_ascii(), self.server));
            }
            Reading::Foreign | Reading::Truncated | Reading::Whole(_) => Vec::new(),
        };
        let begun = self.passed.len();
        while !self.take(&records) {
            match self.alias(&records) {
                Some((record, next)) => self.step(record, next)?,
                None if self.passed.len() > begun => return Ok(Some(self.here().clone())),
                None => {
                    let here = self.here().to_ascii();
                    return Err(LookupError::NoRecord(here, self.kind, self.server));
                }
            }
        }
        Ok(None)
    }

    /// Where the name where it is leads to, if that is an alias and not what is wanted.
    fn alias<'a>(&self, records: &'a [rr::Record]) -> Option<(&'a rr::Record, &'a Name)> {
        of(records, self.here()).find_map(|record| match &record.data {
            RData::CNAME(other) if self.kind != Kind::Cname => Some((record, &other.0)),
            _ => None,
        })
    }

    fn here(&self) -> &Name {
        &self.passed[self.passed.len() - 1]
    }

    /// Takes the records that are wanted, of the name where it is; whether there are any.
    fn take(&mut self, records: &[rr::Record]) -> bool {
        let before = self.found.len();
        let kind = record_type(self.kind);
        let wanted = of(records, self.here()).filter(|record| record.record_type() == kind);
        let wanted: Vec<Record> = wanted.filter_map(kept).collect();
        self.found.extend(wanted);
        self.found.len() > before
    }

    fn step(&mut self, record: &rr::Record, next: &Name) -> Result<(), LookupError> {
        let asked = || self.passed[0].to_ascii();
        if self.passed.contains(next) {
            return Err(LookupError::Circle(asked(), next.to_ascii(), self.server));
        }
        if self.passed.len() > ALIASES_MAX {
            return Err(LookupError::TooLong(asked(), ALIASES_MAX, self.server));
        }
        self.found.extend(kept(record));
        self.passed.push(next.clone());
        Ok(())
    }
}

/// The records of one name.
fn of<'a>(records: &'a [rr::Record], name: &Name) -> impl Iterator<Item = &'a rr::Record> {
    records.iter().filter(move |record| record.dns_class == DNSClass::IN && &record.name == name)
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
    // One with the highest bit is none (RFC 2181 8).
    let ttl = if record.ttl > TTL_MAX { 0 } else { record.ttl };
    Some(Record { name: record.name.to_ascii(), ttl, data })
}
