//! A question, and whether a message is the answer to it.

use std::io;

use hickory_proto::op::{
    Header, HeaderCounts, Message, MessageType, Metadata, OpCode, Query, ResponseCode,
};
use hickory_proto::rr::{DNSClass, Name, Record, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};

use super::{Kind, LookupError};

/// Longest answer that may come in a datagram, in bytes: our stack does not put together what the network has cut (RFC
/// 9715 3.2).
const DATAGRAM_MAX: u16 = 1232;

/// What is asked.
pub(super) struct Question {
    /// A number that nobody can guess (RFC 5452 4.3).
    id: u16,
    /// For which name, with the dot at its end.
    pub name: Name,
    /// For which of its records.
    pub kind: RecordType,
    /// Of which class.
    class: DNSClass,
    /// Whether the answer is wanted as it came, for somebody else.
    is_relayed: bool,
    /// The message that asks.
    pub bytes: Vec<u8>,
}

/// What a message is to a question.
pub(super) enum Reading {
    /// No answer to it.
    Foreign,
    /// One that is too long for a datagram.
    Truncated,
    /// One that has a code other than 0, with the records that lead to the name that it is about.
    Code(ResponseCode, Vec<Record>),
    /// One with these records, of any name and kind.
    Records(Vec<Record>),
    /// One for somebody else, as it came.
    Whole(Vec<u8>),
}

impl Question {
    pub fn new(name: &str, kind: Kind) -> Result<Question, LookupError> {
        let bad = |why: String| LookupError::Name(name.escape_default().to_string(), why);
        let mut asked = Name::from_str_relaxed(name).map_err(|error| bad(error.to_string()))?;
        if asked.num_labels() == 0 {
            return Err(bad("it is empty".to_owned()));
        }
        asked.set_fqdn(true);
        Question::of(asked, kind)
    }

    /// A question for a name with the dot at its end.
    pub fn of(asked: Name, kind: Kind) -> Result<Question, LookupError> {
        let bad = |why: String| LookupError::Name(asked.to_ascii(), why);
        let id = random().map_err(|error| bad(error.to_string()))?;
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(asked.clone(), record_type(kind)));
        let bytes = message.to_vec().map_err(|error| bad(error.to_string()))?;
        Ok(Question {
            id,
            name: asked,
            kind: record_type(kind),
            class: DNSClass::IN,
            is_relayed: false,
            bytes,
        })
    }

    /// What somebody else asks, with a number of our own; and no answer may come in a longer datagram than
    /// [`DATAGRAM_MAX`].
    pub fn relayed(message: &[u8]) -> Result<Question, LookupError> {
        let bad = |why: String| LookupError::Question(why.escape_debug().to_string());
        let mut message = Message::from_vec(message).map_err(|error| bad(error.to_string()))?;
        let [query] = &message.queries[..] else {
            return Err(bad("it has not one question".to_owned()));
        };
        let (name, kind, class) = (query.name().clone(), query.query_type(), query.query_class());
        let id = random().map_err(|error| bad(error.to_string()))?;
        message.metadata.id = id;
        if let Some(edns) = &mut message.edns {
            edns.set_max_payload(edns.max_payload().min(DATAGRAM_MAX));
        }
        let bytes = message.to_vec().map_err(|error| bad(error.to_string()))?;
        Ok(Question { id, name, kind, class, is_relayed: true, bytes })
    }

    /// Whether the network may speak of it, which has quoted this much: often nothing.
    pub fn may_be_quoted_as(&self, text: &[u8]) -> bool {
        text.iter().zip(&self.bytes).all(|(quoted, sent)| quoted == sent)
    }

    /// Whether it does: what is quoted has the number that nobody can guess.
    pub fn is_quoted_as(&self, text: &[u8]) -> bool {
        text.len() >= size_of_val(&self.id) && self.may_be_quoted_as(text)
    }

    /// Whether a message with this beginning answers it (RFC 5452 9.1).
    fn is_answered_by(&self, metadata: &Metadata, counts: &HeaderCounts) -> bool {
        metadata.id == self.id
            && metadata.message_type == MessageType::Response
            && metadata.op_code == OpCode::Query
            && counts.queries == 1
    }

    fn is(&self, query: &Query) -> bool {
        query.name() == &self.name
            && query.query_type() == self.kind
            && query.query_class() == self.class
    }
}

/// A number that nobody can guess.
pub(super) fn random() -> io::Result<u16> {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(u16::from_ne_bytes(bytes))
}

/// The type of the records.
pub(super) fn record_type(kind: Kind) -> RecordType {
    match kind {
        Kind::A => RecordType::A,
        Kind::Aaaa => RecordType::AAAA,
        Kind::Cname => RecordType::CNAME,
    }
}

/// Reads a message of at most 64 KiB, in which at most as many records fit as 11 bytes do. What stands after the
/// answers is not looked at.
///
/// # Errors
/// What is wrong with one that does answer the question.
pub(super) fn read(question: &Question, bytes: &[u8]) -> Result<Reading, String> {
    let mut decoder = BinDecoder::new(bytes);
    let Ok(Header { metadata, counts }) = Header::read(&mut decoder) else {
        return Ok(Reading::Foreign);
    };
    if !question.is_answered_by(&metadata, &counts) {
        return Ok(Reading::Foreign);
    }
    match Query::read(&mut decoder) {
        Ok(query) if question.is(&query) => {}
        _ => return Ok(Reading::Foreign),
    }
    if metadata.truncation {
        return Ok(Reading::Truncated);
    }
    if question.is_relayed {
        return Ok(Reading::Whole(bytes.to_vec()));
    }
    let answers = usize::from(counts.answers);
    let read = Message::read_records(&mut decoder, answers, false, metadata.op_code);
    if metadata.response_code != ResponseCode::NoError {
        let records = read.map_or_else(|_| Vec::new(), |(records, ..)| records);
        return Ok(Reading::Code(metadata.response_code, records));
    }
    // It may name what came, which no terminal should obey.
    let (records, ..) = read.map_err(|error| error.to_string().escape_debug().to_string())?;
    Ok(Reading::Records(records))
}
