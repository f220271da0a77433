//! HTTP/1.1 as a client speaks it: one request and its reply over a connection of its own.
//!
//! ```text
//!   target -> get -> Dialer::connect -> hyper -> Reply -> piece ... piece
//!              '------- Location -----------------'
//! ```
//!
//! HTTP itself (RFC 9112) is `hyper`'s, which bounds heads and takes no body for whole that is not.

mod counted;
mod download;
mod part;
mod place;
mod upload;
mod writer;

use std::error::Error;
use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use url::Url;

use super::dial::{DialError, Dialer};
use counted::Counted;

pub use download::{Download, Output};
pub use upload::Upload;
pub use writer::Done;

#[cfg(test)]
mod tests;

/// Most redirections one after another.
const REDIRECTS_MAX: usize = 10;
/// Most bytes that hyper reads ahead, and the longest head that it takes.
const BUFFER_MAX: usize = 64 * 1024;
/// For how many times the longest silence a head may come in drops, or what is sent go in drops.
const DROPS_MAX: u32 = 10;
/// Fewest bytes that have to move in the time in which anything has to; what is less is a drop.
const LEAST: u64 = 1024;
/// Most bytes that are read before there is the head of a reply: one, and those of 100 and its like before it (RFC 9110 15.2).
const HEADS_MAX: u64 = 4 * BUFFER_MAX as u64;

/// Why nothing has come of it.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// It is no URL.
    #[error("'{0}' is no URL that can be used: {1}")]
    Url(String, String),
    /// Encryption is not there.
    #[error("{0} wants TLS, which glasstcp does not speak: give an http:// URL")]
    Https(String),
    /// There is no connection.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// Nothing has moved for too long.
    #[error("{0} has sent nothing for {1:?}: try again, or wait longer with --timeout")]
    Silent(String, Duration),
    /// Too little has moved for too long.
    #[error(
        "too little comes from {0}, or goes there: less than {LEAST} bytes in {1:?}: try again, or wait longer with --timeout"
    )]
    Slow(String, Duration),
    /// The head of a reply does not come to its end.
    #[error(
        "the head of what {0} answers does not come to its end: it comes in drops, for {1:?} by now"
    )]
    Drops(String, Duration),
    /// The connection has failed, or what came is not HTTP.
    #[error("the connection to {0} has failed: {1}")]
    Broken(String, String),
    /// The body has ended early.
    #[error("the body ends after {0} of {1} bytes: the server or the path to it has gone")]
    Short(u64, u64),
    /// A body without a length has not ended as it should.
    #[error("the body is cut off after {0} bytes: the server or the path to it has gone")]
    Cut(u64),
    /// The server refuses.
    #[error("the server answers {0} for {1}")]
    Status(StatusCode, String),
    /// From one place to the next without an end.
    #[error(
        "the server sends from one place to the next, more than {REDIRECTS_MAX} times: the last one was {0}"
    )]
    Redirects(String),
    /// A redirection that leads nowhere.
    #[error("the server answers {0} for {1} and does not say where else it is")]
    Nowhere(StatusCode, String),
    /// What is sent is not taken elsewhere.
    #[error("the server does not take it at {0} but at {1}: give that URL")]
    Elsewhere(String, String),
    /// A reply that was not asked for.
    #[error("the server sends another part than the one asked for: {0}")]
    Part(String),
    /// A reply before its time.
    #[error("the server answers {0} when it has {1} of {2} bytes: it cannot have stored them")]
    Early(StatusCode, u64, u64),
    /// A file of ours.
    #[error("cannot {0} {1}: {2}")]
    File(&'static str, String, io::Error),
    /// Another one writes it.
    #[error("another glasstcp is writing {0}: wait for it, or choose another name")]
    InUse(String),
    /// It is not what was wanted.
    #[error("the SHA-256 is {0}, not {1}: nothing of it is kept")]
    Sum(String, String),
}

/// What is on its way.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// The head of a reply.
    Head(&'a Response<()>),
    /// A body begins.
    Length {
        /// Bytes that are there already.
        had: u64,
        /// How many it will be, if that is known.
        whole: Option<u64>,
    },
    /// So many bytes are there, those from before among them.
    Moved(u64),
}

/// A reply whose body has not been read yet.
pub struct Reply {
    /// Its head.
    pub head: Response<()>,
    /// Where it came from in the end.
    pub url: Url,
    body: Incoming,
    timeout: Duration,
    /// What is left of it, and how many bytes have come of those that have to come in it.
    patience: (Duration, u64),
    /// Bytes of the body so far.
    taken: u64,
    /// The task that drives the connection, which ends with this.
    driver: JoinSet<()>,
}

/// Reads a URL; `http://` may be left out.
///
/// # Errors
/// What is not HTTP without encryption, and names of users, which are not sent.
pub fn target(text: &str) -> Result<Url, HttpError> {
    let shown = || text.escape_default().to_string();
    // What stands before it may be a path already (RFC 3986 3.1).
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    let is_scheme =
        |text: &str| text.bytes().all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c));
    let whole = match scheme.is_some_and(is_scheme) {
        true => text.to_owned(),
        false => format!("http://{text}"),
    };
    let url = Url::parse(&whole).map_err(|error| HttpError::Url(shown(), error.to_string()))?;
    match url.scheme() {
        "http" => {}
        "https" => return Err(HttpError::Https(shown())),
        _ => return Err(HttpError::Url(shown(), "it must begin with http://".to_owned())),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(HttpError::Url(shown(), "leave out the name of a user".to_owned()));
    }
    Ok(url)
}

/// Asks for what is at `url`, or wherever the server says it is. `seen` is shown every head.
///
/// # Errors
/// [`HttpError`]; a reply that refuses is none.
pub async fn get(
    dialer: &Dialer,
    mut url: Url,
    fields: &HeaderMap,
    seen: &mut impl FnMut(Seen<'_>),
) -> Result<Reply, HttpError> {
    for _ in 0..=REDIRECTS_MAX {
        let request = request(Method::GET, &url, fields, Empty::<Bytes>::new())?;
        let reply = send(dialer, url, request, |_| 0).await?;
        seen(Seen::Head(&reply.head));
        match reply.location()? {
            None => return Ok(reply),
            Some(next) => url = next,
        }
    }
    Err(HttpError::Redirects(url.into()))
}

/// A request for `url`, with these fields and those that every one has.
fn request<B>(
    method: Method,
    url: &Url,
    fields: &HeaderMap,
    body: B,
) -> Result<Request<B>, HttpError> {
    let host = match url.port() {
        Some(port) => format!("{}:{port}", host(url)),
        None => host(url).to_owned(),
    };
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, host)
        .header(header::USER_AGENT, concat!("glasstcp/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT, HeaderValue::from_static("*/*"))
        .header(header::CONNECTION, HeaderValue::from_static("close"))
        .body(body)
        .map_err(|error| HttpError::Url(url.to_string(), error.to_string()))?;
    for (name, value) in fields {
        request.headers_mut().insert(name, value.clone());
    }
    Ok(request)
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

/// Sends a request and waits for the head of the reply, as long as `moved`, told what TCP knows to have arrived, goes
/// on growing, or more of the head comes.
async fn send<B>(
    dialer: &Dialer,
    url: Url,
    request: Request<B>,
    moved: impl Fn(u64) -> u64,
) -> Result<Reply, HttpError>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let connection = dialer.connect(host(&url), url.port_or_known_default().unwrap_or(80)).await?;
    let acknowledged = connection.acknowledged.clone();
    let (connection, read) = Counted::new(connection, HEADS_MAX);
    let progress = || (moved(acknowledged()), read.count());
    let broken = |error: hyper::Error| HttpError::Broken(host(&url).to_owned(), in_words(&error));
    let (mut sender, driver) = http1::Builder::new()
        .max_buf_size(BUFFER_MAX)
        .handshake(TokioIo::new(connection))
        .await
        .map_err(broken)?;
    let mut tasks = JoinSet::new();
    // What it fails with is told to whoever waits for the reply or reads the body.
    tasks.spawn(async { drop(driver.await) });
    let replied = while_moving(dialer.timeout, progress, sender.send_request(request)).await;
    let stuck = |stuck| match (stuck, host(&url).to_owned()) {
        (Stuck::Silent, host) => HttpError::Silent(host, dialer.timeout),
        (Stuck::Slow, host) => HttpError::Slow(host, dialer.timeout),
        (Stuck::Drops(drops), host) => HttpError::Drops(host, dialer.timeout * drops),
    };
    let replied = replied.map_err(stuck)?.map_err(broken)?;
    read.free();
    let (head, body) = replied.into_parts();
    let head = Response::from_parts(head, ());
    let timeout = dialer.timeout;
    Ok(Reply { head, url, body, timeout, patience: (timeout, 0), taken: 0, driver: tasks })
}

/// Why nothing is waited for any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stuck {
    /// Nothing moves.
    Silent,
    /// What is sent goes in drops.
    Slow,
    /// What comes does, for so many times the longest silence.
    Drops(u32),
}

/// Does the work, as long as one of the two numbers grows within each `limit`: what has been sent, or what has been
/// read, of which neither may go in drops without an end.
async fn while_moving<T>(
    limit: Duration,
    moved: impl Fn() -> (u64, u64),
    work: impl Future<Output = T>,
) -> Result<T, Stuck> {
    let mut work = pin!(work);
    let mut drops = 0;
    loop {
        let before = moved();
        if let Ok(done) = timeout(limit, &mut work).await {
            return Ok(done);
        }
        let (sent, read) = moved();
        drops = match (sent - before.0, read > before.1) {
            (LEAST.., _) => 0,
            (1.., _) | (0, true) if drops < DROPS_MAX => drops + 1,
            (1.., _) => return Err(Stuck::Slow),
            (0, true) => return Err(Stuck::Drops(drops + 1)),
            (0, false) => return Err(Stuck::Silent),
        };
    }
}

/// What is wrong, without the words that only say that something is.
fn in_words(error: &hyper::Error) -> String {
    match error.source() {
        // The request was not sent, because of this.
        Some(source) if let Some(cause) = source.downcast_ref().filter(|_| error.is_canceled()) => {
            in_words(cause)
        }
        _ if error.is_incomplete_message() || error.is_canceled() || error.is_closed() => {
            "it has ended without an answer".to_owned()
        }
        Some(source) if source.is::<io::Error>() && source.to_string() == counted::TOO_MUCH => {
            format!("what comes is not HTTP/1.1 ({source})")
        }
        _ if error.is_parse() || !has_gone(error) => {
            format!("what comes is not HTTP/1.1 ({error})")
        }
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}

/// Whether it has ended early, and not said what is no HTTP: hyper tells of a bad chunk by an error of input.
fn has_gone(error: &hyper::Error) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    let bad = |kind| matches!(kind, io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData);
    let ended = error.is_incomplete_message() || error.is_canceled() || error.is_closed();
    ended || source.is_some_and(|error| !bad(error.kind()))
}

impl Reply {
    /// Ends the connection.
    fn close(&mut self) {
        self.driver.abort_all();
    }

    /// How long the body is, in bytes, if that is known.
    pub fn content_length(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// The next piece of the body; `None` when it is whole.
    ///
    /// # Errors
    /// It is cut off, or too little comes for too long.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, HttpError> {
        loop {
            let begun = Instant::now();
            let (patience, came) = self.patience;
            let frame = timeout(patience, self.body.frame()).await;
            let stuck = |_| match host(&self.url).to_owned() {
                host if came == 0 || patience > self.timeout / 2 => {
                    HttpError::Silent(host, self.timeout)
                }
                host => HttpError::Slow(host, self.timeout),
            };
            match frame.map_err(stuck)? {
                None => return Ok(None),
                Some(Err(error)) => return Err(self.cut(&error)),
                // Trailers are of no use here.
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data() {
                        self.taken += piece.len() as u64;
                        // Only what one waits here counts, and not what whoever writes it takes.
                        self.patience = match came + piece.len() as u64 {
                            LEAST.. => (self.timeout, 0),
                            came => (patience.saturating_sub(begun.elapsed()), came),
                        };
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }

    fn cut(&self, error: &hyper::Error) -> HttpError {
        let length = self.head.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        match (has_gone(error), length) {
            (true, Some(length)) => HttpError::Short(self.taken, length),
            (true, None) => HttpError::Cut(self.taken),
            (false, _) => HttpError::Broken(host(&self.url).to_owned(), in_words(error)),
        }
    }

    /// Where else it is, if the reply says that it is elsewhere (RFC 9110 15.4).
    fn location(&self) -> Result<Option<Url>, HttpError> {
        use StatusCode as Code;
        let status = self.head.status();
        match status {
            Code::MOVED_PERMANENTLY | Code::FOUND | Code::SEE_OTHER => {}
            Code::TEMPORARY_REDIRECT | Code::PERMANENT_REDIRECT => {}
            _ => return Ok(None),
        }
        let location = self.head.headers().get(header::LOCATION);
        let location = location.and_then(|location| location.to_str().ok());
        let Some(location) = location else {
            return Err(HttpError::Nowhere(status, self.url.to_string()));
        };
        let next = self.url.join(location);
        let next = next.map_err(|error| HttpError::Url(location.to_owned(), error.to_string()))?;
        target(next.as_str()).map(Some)
    }

    /// Fails unless the reply is what was asked for.
    fn success(&self) -> Result<(), HttpError> {
        match self.head.status() {
            status if status.is_success() => Ok(()),
            status => Err(HttpError::Status(status, self.url.to_string())),
        }
    }
}
