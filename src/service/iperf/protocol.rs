//! What iperf3 (3.x) says over its control connection: states of one byte, and JSON with its length before it.

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Length of what names a test, which each of its connections begins with: 36 characters and a zero.
pub const COOKIE_LEN: usize = 37;
/// What names a test.
pub type Cookie = [u8; COOKIE_LEN];
/// The port of an iperf3 server.
pub const PORT: u16 = 5201;
/// Connections of one test and direction, at most (as iperf3).
pub const PARALLEL_MAX: u32 = 128;
/// How long a test lasts at most, in seconds (as iperf3).
pub const TIME_MAX: u32 = 86_400;
/// Seconds at the beginning that do not count, at most (as iperf3).
pub const OMIT_MAX: u32 = 600;
/// The longest JSON that is read, in bytes.
const JSON_MAX: u32 = 1 << 20;

/// Where a test stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The server begins to measure.
    TestStart,
    /// Both move what they can.
    TestRunning,
    /// The client has what it wanted.
    TestEnd,
    /// The client says how it shall be.
    ParamExchange,
    /// The client opens the connections that are measured.
    CreateStreams,
    /// The server ends it.
    ServerTerminate,
    /// The client ends it.
    ClientTerminate,
    /// Both say what they have counted.
    ExchangeResults,
    /// The client has it all.
    DisplayResults,
    /// It is over.
    Done,
    /// The server has no room for another test.
    AccessDenied,
    /// The server has failed.
    ServerError,
}

/// All of them, with their numbers.
const STATES: [(State, i8); 12] = [
    (State::TestStart, 1),
    (State::TestRunning, 2),
    (State::TestEnd, 4),
    (State::ParamExchange, 9),
    (State::CreateStreams, 10),
    (State::ServerTerminate, 11),
    (State::ClientTerminate, 12),
    (State::ExchangeResults, 13),
    (State::DisplayResults, 14),
    (State::Done, 16),
    (State::AccessDenied, -1),
    (State::ServerError, -2),
];

/// What a client asks for; what is not named here does not matter to TCP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Params {
    /// Over TCP.
    pub tcp: bool,
    /// Over UDP.
    #[serde(skip_serializing_if = "is_default")]
    pub udp: bool,
    /// Seconds at the beginning that do not count.
    pub omit: u32,
    /// Seconds that do; 0 when something else ends the test.
    pub time: u32,
    /// Bytes after which it ends.
    pub num: u64,
    /// Connections in each direction.
    pub parallel: u32,
    /// The server sends.
    #[serde(skip_serializing_if = "is_default")]
    pub reverse: bool,
    /// Both send, over connections of their own.
    #[serde(skip_serializing_if = "is_default")]
    pub bidirectional: bool,
    /// Bytes of one write.
    pub len: u32,
    /// The client's version.
    pub client_version: String,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Params {
    /// Connections that the client sends on, and those that the server does.
    pub fn streams(&self) -> (usize, usize) {
        let count = self.parallel.max(1) as usize;
        match (self.bidirectional, self.reverse) {
            (true, _) => (count, count),
            (false, false) => (count, 0),
            (false, true) => (0, count),
        }
    }
}

/// What one side has counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// CPU time of the program in hundredths of the time of the test.
    pub cpu_util_total: f64,
    /// That spent in the program.
    pub cpu_util_user: f64,
    /// That spent in the kernel.
    pub cpu_util_system: f64,
    /// Whether the sender knows how much it has sent again; -1 for who has not sent.
    #[serde(deserialize_with = "wrapped")]
    pub sender_has_retransmits: i64,
    /// The congestion control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub congestion_used: Option<String>,
    /// Each connection.
    pub streams: Vec<StreamResult>,
}

/// What was counted on one connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StreamResult {
    /// Its number: 1, 3, 4, 5 and so on, as iperf3 counts.
    pub id: u32,
    /// Bytes sent or received.
    pub bytes: u64,
    /// Segments sent again; -1 where nobody knows.
    #[serde(deserialize_with = "wrapped")]
    pub retransmits: i64,
    /// Of UDP.
    #[serde(default)]
    pub jitter: f64,
    /// Of UDP.
    #[serde(default)]
    pub errors: u64,
    /// Of UDP.
    #[serde(default)]
    pub packets: u64,
    /// When it began, in seconds.
    #[serde(default)]
    pub start_time: f64,
    /// When it ended.
    #[serde(default)]
    pub end_time: f64,
}

/// -1, as it is sent by those for whom numbers have no sign.
fn wrapped<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    i128::deserialize(from).map(|number| number as i64)
}

/// The number of the nth connection of a test, from 0 on.
pub fn stream_id(nth: usize) -> u32 {
    if nth == 0 { 1 } else { nth as u32 + 2 }
}

/// Says where the test stands.
///
/// # Errors
/// Those of the stream.
pub async fn say<W: AsyncWrite + Unpin>(writer: &mut W, state: State) -> io::Result<()> {
    let number = STATES.iter().find(|(one, _)| *one == state).map_or(0, |(_, number)| *number);
    writer.write_all(&number.to_be_bytes()).await
}

/// Hears where the test stands.
///
/// # Errors
/// Those of the stream, and `InvalidData` for what is no state.
pub async fn hear<R: AsyncRead + Unpin>(reader: &mut R) -> io::Result<State> {
    let number = reader.read_i8().await?;
    let state = STATES.iter().find(|(_, one)| *one == number).map(|(state, _)| *state);
    state.ok_or_else(|| invalid(format!("iperf3 has no state {number}")))
}

/// Sends a value.
///
/// # Errors
/// Those of the stream.
pub async fn send<W: AsyncWrite + Unpin>(writer: &mut W, value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_vec(value)?;
    // In one piece: iperf3 does not wait for the text when it has the length.
    let whole = [&(text.len() as u32).to_be_bytes()[..], &text].concat();
    writer.write_all(&whole).await
}

/// Receives a value.
///
/// # Errors
/// Those of the stream, and `InvalidData` for what cannot be read, or is too long.
pub async fn receive<T: DeserializeOwned>(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<T> {
    let len = reader.read_u32().await?;
    if len > JSON_MAX {
        return Err(invalid(format!("JSON of {len} bytes is longer than {JSON_MAX}")));
    }
    let mut text = Vec::new();
    reader.take(len.into()).read_to_end(&mut text).await?;
    serde_json::from_slice(&text).map_err(|error| invalid(error.to_string()))
}

fn invalid(sentence: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, sentence)
}

#[cfg(test)]
mod tests;
