//! A small web server: a folder, uploads, a sink, and a page about the connection that carries it.
//!
//! | request | answer |
//! |---|---|
//! | `GET`, `HEAD` a path | with a folder, its file, its `index.html` or its listing |
//! | `GET`, `HEAD /welcome` | the welcome page; also `/` when there is no folder |
//! | `GET`, `HEAD /metrics` | what the stack has counted, for Prometheus, unless the folder has something of that name |
//! | any below `/glass/` | what the [`Site`] answers, if there is one |
//! | `PUT /upload/NAME` | stores the body in the folder, whole or not at all |
//! | `POST`, `PUT /sink` | counts the body |
//!
//! Files come with an entity tag and a date, are sent in parts to who asks for ranges, and not at all
//! to who has them (RFC 9110 13 and 14). HTTP itself (RFC 9112) is `hyper`'s. Bodies pass in pieces both ways, so that memory does not
//! depend on their size, and those of files have a limit together ([`Room`]), however many clients do not read; files are read and written
//! on tokio's blocking threads.

use std::convert::Infallible;
use std::future::{Future, Ready, poll_fn, ready};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Version};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWrite;

use super::room::Room;
use super::{Drain, InfoSource, Metrics, ServiceContext};

mod alarm;
mod body;
mod conditions;
mod file;
mod listing;
mod path;
mod patient;
mod range;
mod reply;
mod sink;
mod site;
mod upload;
mod uploaded;
mod welcome;
mod www;
pub use site::{Answered, Site, SiteBody};
pub use welcome::Pages;
pub use www::{Www, WwwError};

use path::Path;
use patient::{Dry, Patient};
use reply::{Refused, Reply};
use uploaded::Uploaded;

#[cfg(test)]
mod tests;

/// Longest request head, in bytes; a longer one gets 431.
const HEAD_MAX: usize = 32 * 1024;
/// Most bytes that hyper reads ahead or keeps to be written, for one connection: one burst.
const BUFFER_MAX: usize = 64 * 1024;

/// How much a client may ask of one connection. By default the times for bodies and replies let
/// seven retransmissions in a row fail that are 120 s apart, the longest retransmission time-out of
/// the kernel and of this stack (a third lost in each direction fails every second try), so that a
/// bad path is not taken for a slow client; that for the head, which also closes idle connections,
/// lets two fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time for the whole head of a request, counted from the end of the request before, so that it
    /// bounds an idle connection too; then the connection is closed.
    pub head: Duration,
    /// Time for the next kilobyte of a body; then the request gets 408.
    pub body: Duration,
    /// Time in which at least a kilobyte of the reply must be read; then the connection is dropped.
    pub stall: Duration,
    /// Requests on one connection, at least 1; the reply to the last one announces the end.
    pub requests: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            head: Duration::from_secs(300),
            body: Duration::from_secs(900),
            stall: Duration::from_secs(900),
            requests: 10_000,
        }
    }
}

/// Answers requests until either side closes the connection.
///
/// # Errors
/// The connection broke, or the peer does not speak HTTP or is too slow.
pub async fn serve<S>(stream: S, context: Arc<ServiceContext>, info: InfoSource) -> io::Result<()>
where
    S: Drain + AsyncWrite + Unpin + Send + 'static,
{
    let limits = context.limits;
    let answered = AtomicU32::new(0);
    let service = service_fn(move |request| {
        let is_last = answered.fetch_add(1, Ordering::Relaxed) + 1 >= limits.requests;
        answer(request, &context, &info).map(move |mut reply| {
            if is_last {
                reply.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(reply)
        })
    });
    let dry = Dry::default();
    let stream = Patient::new(stream, limits.stall, dry.clone());
    // At most 100 header fields, which is hyper's own limit: one that is set, though it be the same,
    // costs work for each field that there might be.
    let connection = http1::Builder::new()
        .timer(alarm::Timer::default())
        .header_read_timeout(limits.head)
        .max_header_size(HEAD_MAX)
        .max_buf_size(BUFFER_MAX)
        // `nc -N` closes its half right after the request, and wants the answer all the same.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    poll_fn(|cx| {
        dry.forget();
        connection.as_mut().poll(cx)
    })
    .await
    .map_err(io::Error::other)
}

/// A reply, at once or after some work. That is boxed, lest each connection keep room for it.
type Answer = Either<Ready<Reply>, BoxFuture<'static, Reply>>;

fn answer(request: Request<Incoming>, context: &Arc<ServiceContext>, info: &InfoSource) -> Answer {
    if let Some(site) = &context.site
        && site.has(request.uri().path())
    {
        return site.answer(request, Arc::clone(info)).map(reply::of_site).boxed().right_future();
    }
    let (head, body) = request.into_parts();
    let work = match route(&head, context) {
        Ok(Target::Welcome) => {
            let reply = welcome::reply(&head.headers, context, info().as_ref());
            log(&head, &reply);
            return ready(reply).left_future();
        }
        Ok(Target::Work(work)) => Ok(work),
        Err(refused) => Err(refused),
    };
    carry_out(work, head, body, (context.limits, context.room.clone())).boxed().right_future()
}

/// What a request aims at.
enum Target {
    /// A page that is in memory.
    Welcome,
    /// Anything else.
    Work(Work),
}

/// What waits for the body, or for the disk.
enum Work {
    Sink,
    Upload(Www, Path),
    File(Www, Path),
    /// What the folder has of that name, or else what was counted.
    Metrics(Metrics, Option<Www>, Path),
}

fn route(head: &Parts, context: &ServiceContext) -> Result<Target, Refused> {
    match expectation(head) {
        Some(other) if !other.as_bytes().eq_ignore_ascii_case(b"100-continue") => {
            return Err(Refused::Expectation);
        }
        _ if !host_is_good(head.version, &head.headers) => return Err(Refused::Host),
        _ => {}
    }
    let wanted = Path::parse(head.uri.path())?;
    let method = &head.method;
    let reads = method == Method::GET || method == Method::HEAD;
    let www = context.www.as_ref();
    match (wanted.first(), www) {
        (Some("sink"), _) if wanted.len() == 1 => {
            if method == Method::POST || method == Method::PUT {
                return Ok(Target::Work(Work::Sink));
            }
            Err(Refused::Method("POST, PUT"))
        }
        (Some("upload"), www) if method == Method::PUT => {
            let www = www.ok_or(Refused::NoFolder)?.clone();
            Ok(Target::Work(Work::Upload(www, wanted)))
        }
        (Some("welcome"), _) if wanted.len() == 1 && reads => Ok(Target::Welcome),
        (Some("metrics"), www)
            if wanted.len() == 1
                && reads
                && let Some(metrics) = &context.metrics =>
        {
            Ok(Target::Work(Work::Metrics(metrics.clone(), www.cloned(), wanted)))
        }
        (None, None) if reads => Ok(Target::Welcome),
        (Some("upload"), Some(_)) if !reads && wanted.len() == 2 => {
            Err(Refused::Method("GET, HEAD, PUT"))
        }
        (Some("upload"), None) if !reads => Err(Refused::NoFolder),
        (_, Some(www)) if reads => Ok(Target::Work(Work::File(www.clone(), wanted))),
        (_, None) if reads => Err(Refused::NotFound),
        _ => Err(Refused::Method("GET, HEAD")),
    }
}

/// What the client expects; in HTTP/1.0 there are no expectations (RFC 9110 10.1.1).
fn expectation(head: &Parts) -> Option<&HeaderValue> {
    head.headers.get(header::EXPECT).filter(|_| head.version > Version::HTTP_10)
}

/// Does the work, or refuses it once the body has been read.
async fn carry_out(
    work: Result<Work, Refused>,
    head: Parts,
    body: Incoming,
    (limits, room): (Limits, Room),
) -> Reply {
    let mut body = Uploaded::new(body, expectation(&head).is_some(), limits.body);
    let headers = &head.headers;
    let done = match work {
        Ok(Work::Sink) => sink::count(&mut body, headers).await,
        Ok(Work::Upload(www, path)) => upload::store(www, path, headers, &mut body).await,
        Ok(Work::File(www, path)) => {
            file::reply((www, room), path, head.method == Method::HEAD, headers).await
        }
        Ok(Work::Metrics(metrics, www, path)) => {
            let found = match www {
                Some(www) => {
                    file::reply((www, room), path, head.method == Method::HEAD, headers).await
                }
                None => Err(Refused::NotFound),
            };
            match found {
                Err(Refused::NotFound) => Ok(reply::metrics(metrics.text().await)),
                found => found,
            }
        }
        Err(refused) => Err(refused),
    };
    let reply = match done {
        Ok(reply) => reply,
        Err(refused) => {
            body.drain().await;
            refused.into_reply(head.uri.path())
        }
    };
    log(&head, &reply);
    reply
}

fn log(head: &Parts, reply: &Reply) {
    log::debug!("http: {} {}: {}", head.method, head.uri.path(), reply.status());
}

/// Whether there is one well-formed `Host`, or in HTTP/1.0 perhaps none (RFC 9112 3.2). It may be
/// empty, for a target that has no name (RFC 9110 7.2).
fn host_is_good(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return version < Version::HTTP_11 && !headers.contains_key(header::HOST);
    };
    let host = host.as_bytes();
    host.is_empty() || is_plain_host(host) || is_host(host)
}

/// Whether it is a name or an IPv4 address with perhaps a port, as it nearly always is: then
/// [`is_host`] says the same, at a higher price.
fn is_plain_host(host: &[u8]) -> bool {
    let colon = host.iter().position(|&byte| byte == b':');
    let (name, port) = host.split_at(colon.unwrap_or(host.len()));
    !name.is_empty()
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
        && port.iter().skip(1).all(u8::is_ascii_digit)
}

/// Whether it is a host with perhaps a port (RFC 3986 3.2.2 and 3.2.3).
fn is_host(host: &[u8]) -> bool {
    Authority::try_from(host).is_ok_and(|authority| {
        // Nothing before the host, as a user's name, and only a port after it.
        let rest = authority.as_str().strip_prefix(authority.host());
        let port = rest.and_then(|rest| rest.strip_prefix(':').or(Some(rest)));
        port.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// Whether the client wrote `kind` among what it accepts, as a browser does with `text/html` and
/// curl does not.
fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.to_ascii_lowercase().contains(kind))
}
