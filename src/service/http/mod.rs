//! A small web server: a folder, uploads, a sink, and a page about the connection that carries it.
//!
//! | request | answer |
//! |---|---|
//! | `GET`, `HEAD` a path | with a folder, its file, its `index.html` or its listing |
//! | `GET`, `HEAD /welcome` | the welcome page; also `/` when there is no folder |
//! | `PUT /upload/NAME` | stores the body in the folder, whole or not at all |
//! | `POST`, `PUT /sink` | counts the body |
//!
//! HTTP itself (RFC 9112) is `hyper`'s. Bodies pass in pieces both ways, so that memory does not
//! depend on their size; files are read and written on tokio's blocking threads.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{self, HeaderMap};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{InfoSource, ServiceContext};

mod file;
mod listing;
mod path;
mod reply;
mod sink;
mod upload;
mod uploaded;
mod welcome;
mod www;
pub use www::{Www, WwwError};

use path::Path;
use reply::{Refused, Reply};
use uploaded::Uploaded;

#[cfg(test)]
mod tests;

/// Longest request head, in bytes; a longer one gets 431.
const HEAD_MAX: usize = 32 * 1024;
/// Most header fields of a request; more get 431.
const FIELDS_MAX: usize = 100;
/// Most bytes that hyper reads ahead or keeps to be written, for one connection: one burst.
const BUFFER_MAX: usize = 64 * 1024;

/// How long a client may keep a connection waiting. The defaults are longer than the longest
/// retransmission time-out (120 s), so that a bad path is not taken for a slow client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the whole head of a request, counted from the end of the request before; then the
    /// connection is closed.
    pub head: Duration,
    /// For the next piece of a body; then the request gets 408.
    pub body: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts { head: Duration::from_secs(180), body: Duration::from_secs(300) }
    }
}

/// Answers requests until either side closes the connection.
///
/// # Errors
/// The connection broke, or the peer does not speak HTTP or is too slow.
pub async fn serve<S>(stream: S, context: Arc<ServiceContext>, info: InfoSource) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let timeouts = context.timeouts;
    let service = service_fn(move |request| {
        let context = Arc::clone(&context);
        let info = Arc::clone(&info);
        async move { Ok::<_, Infallible>(answer(request, context, info).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeouts.head)
        .max_headers(FIELDS_MAX)
        .max_header_size(HEAD_MAX)
        .max_buf_size(BUFFER_MAX)
        // `nc -N` closes its half right after the request, and wants the answer all the same.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service)
        .await
        .map_err(io::Error::other)
}

async fn answer(
    request: Request<Incoming>,
    context: Arc<ServiceContext>,
    info: InfoSource,
) -> Reply {
    let (head, body) = request.into_parts();
    let mut body = Uploaded::new(body, &head.headers, context.timeouts.body);
    let path = head.uri.path();
    let routed = route(&head.method, path, &head.headers, &mut body, &context, &info).await;
    let reply = match routed {
        Ok(reply) => reply,
        Err(refused) => {
            body.drain().await;
            refused.into_reply(path)
        }
    };
    log::debug!("http: {} {path}: {}", head.method, reply.status());
    reply
}

async fn route(
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    body: &mut Uploaded,
    context: &ServiceContext,
    info: &InfoSource,
) -> Result<Reply, Refused> {
    let wanted = Path::parse(path)?;
    let reads = method == Method::GET || method == Method::HEAD;
    match (wanted.first(), &context.www) {
        (Some("sink"), _) if wanted.len() == 1 => {
            if method == Method::POST || method == Method::PUT {
                return sink::count(body, headers).await;
            }
            Err(Refused::Method("POST, PUT"))
        }
        (Some("upload"), www) if method == Method::PUT => {
            let www = www.as_ref().ok_or(Refused::NoFolder)?;
            upload::store(www, wanted, headers, body).await
        }
        (Some("welcome"), _) if wanted.len() == 1 && reads => {
            Ok(welcome::reply(headers, context, info().as_ref()))
        }
        (None, None) if reads => Ok(welcome::reply(headers, context, info().as_ref())),
        (Some("upload"), Some(_)) if !reads && wanted.len() == 2 => {
            Err(Refused::Method("GET, HEAD, PUT"))
        }
        (Some("upload"), None) if !reads => Err(Refused::NoFolder),
        (_, Some(www)) if reads => {
            let since = headers.get(header::IF_MODIFIED_SINCE);
            let since =
                since.and_then(|value| httpdate::parse_http_date(value.to_str().ok()?).ok());
            file::reply(www, wanted, method == Method::HEAD, since).await
        }
        (_, None) if reads => Err(Refused::NotFound),
        _ => Err(Refused::Method("GET, HEAD")),
    }
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
