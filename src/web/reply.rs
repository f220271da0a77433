//! What goes back to the browser.

use std::io;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::service::SiteBody;

/// A reply.
pub(super) type Reply = Response<SiteBody>;
/// What a stream is fed through.
pub(super) type Sender = mpsc::Sender<Bytes>;

/// Messages that may wait for a browser: the next is made when the last but one has gone.
const WAITING: usize = 2;
/// The page may use what comes from here and nothing else, and nobody else may show it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Why a request is not answered as was hoped: a sentence for whoever has asked.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("There is nothing here.")]
    NotFound,
    #[error("This takes only {0}.")]
    Method(&'static str),
    #[error(
        "This page is only for those who ask for it by an address, such as http://10.9.0.2/glass/, or as localhost."
    )]
    Host,
    #[error("This was asked by a page from elsewhere, which may not.")]
    Origin,
    #[error("This takes a token: open the page with the address that glasstcp has printed.")]
    NoToken,
    #[error("This is not the token that glasstcp has printed when it was started.")]
    WrongToken,
    #[error("A change is asked for as application/json, with the field X-Glass: 1.")]
    NoJson,
    #[error("This is not understood: {0}.")]
    Body(String),
    #[error("This is too long, or has not come whole in time.")]
    Broken,
    #[error("A connection is asked for by its number, as conn=7.")]
    Conn,
    #[error("{0}")]
    Change(String),
    #[error("There is no connection between these ends any more.")]
    Gone,
    #[error("What connections carry is not shown: start glasstcp with --payload.")]
    NoPayload,
    #[error("{0} pages are told of this already: close one of them first.")]
    TooMany(usize),
}

impl Refused {
    fn status(&self) -> StatusCode {
        match self {
            Refused::NotFound | Refused::Gone => StatusCode::NOT_FOUND,
            Refused::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Refused::Host => StatusCode::MISDIRECTED_REQUEST,
            Refused::Origin | Refused::WrongToken | Refused::NoPayload => StatusCode::FORBIDDEN,
            Refused::NoToken => StatusCode::UNAUTHORIZED,
            Refused::NoJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refused::Body(_) | Refused::Broken | Refused::Conn | Refused::Change(_) => {
                StatusCode::BAD_REQUEST
            }
            Refused::TooMany(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The reply that says so.
    pub fn into_reply(self) -> Reply {
        #[derive(Serialize)]
        struct Sentence {
            error: String,
        }
        let mut reply = json(self.status(), &Sentence { error: self.to_string() });
        let headers = reply.headers_mut();
        match self {
            Refused::Method(allowed) => {
                headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
            }
            Refused::NoToken => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        reply
    }
}

/// A reply with a body.
pub(super) fn whole(status: StatusCode, kind: HeaderValue, body: Bytes) -> Reply {
    let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    reply
}

/// A value as JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Reply {
    // Nothing that is told has a map with keys that are no text, which alone could fail.
    let text = serde_json::to_vec(value).unwrap_or_default();
    whole(status, HeaderValue::from_static("application/json"), text.into())
}

/// That it is elsewhere.
pub(super) fn moved(place: &'static str) -> Reply {
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    let mut reply = whole(StatusCode::FOUND, plain, Bytes::from_static(b"It is at /glass/.\n"));
    reply.headers_mut().insert(header::LOCATION, HeaderValue::from_static(place));
    reply
}

/// A stream of server-sent events, and what it is fed through; it ends when that is dropped, and is told to go on while
/// somebody reads.
pub(super) fn stream() -> (Sender, Reply) {
    let (out, mut come) = mpsc::channel::<Bytes>(WAITING);
    let frames = stream::poll_fn(move |cx| {
        come.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok::<_, io::Error>(Frame::data(bytes))))
    });
    let mut reply = whole(
        StatusCode::OK,
        HeaderValue::from_static("text/event-stream; charset=utf-8"),
        Bytes::new(),
    );
    *reply.body_mut() = StreamBody::new(frames).boxed_unsync();
    (out, reply)
}
