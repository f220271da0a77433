//! What goes back to the client, and the reasons to refuse.

use std::io;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use super::SiteBody;
use super::body::FileBody;
use crate::observe::prometheus;

/// The name of the server in every reply.
const SERVER: HeaderValue =
    HeaderValue::from_static(concat!("glasstcp/", env!("CARGO_PKG_VERSION")));
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
/// May use what it holds itself and nothing else.
const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; img-src data:");
/// In no cache.
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
/// The type of JSON.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The type of what Prometheus reads.
const METRICS: HeaderValue = HeaderValue::from_static(prometheus::CONTENT_TYPE);

/// A short text held in memory, a file in pieces, or what a site makes.
pub(super) type Body = Either<Full<Bytes>, Either<FileBody, SiteBody>>;
/// A reply.
pub(super) type Reply = Response<Body>;

/// Plain text.
pub(super) fn text(status: StatusCode, text: impl Into<Bytes>) -> Reply {
    with_body(status, PLAIN, text.into())
}

/// A page of HTML that may use what it holds itself and nothing else.
pub(super) fn html(page: impl Into<Bytes>) -> Reply {
    let mut reply = with_body(StatusCode::OK, HTML, page.into());
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    reply
}

/// What Prometheus reads.
pub(super) fn metrics(text: Bytes) -> Reply {
    let mut reply = with_body(StatusCode::OK, METRICS, text);
    reply.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    reply
}

/// A reply of a given type.
pub(super) fn with_body(status: StatusCode, kind: HeaderValue, body: Bytes) -> Reply {
    let mut reply = bare(status, Either::Left(Full::new(body)));
    reply.headers_mut().insert(header::CONTENT_TYPE, kind);
    reply
}

/// A reply without anything but the name of the server.
pub(super) fn bare(status: StatusCode, body: Body) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(header::SERVER, SERVER);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    reply
}

/// What a site answers, with the name of the server.
pub(super) fn of_site(reply: Response<SiteBody>) -> Reply {
    let mut reply = reply.map(|body| Either::Right(Either::Right(body)));
    let headers = reply.headers_mut();
    headers.insert(header::SERVER, SERVER);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    reply
}

/// Sets a field whose value is made of visible characters.
pub(super) fn set(reply: &mut Reply, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
}

/// Why a request is not answered as its client hoped. The text goes to the client.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// Not a path at all, or one with a slash or a control character inside a name.
    #[error("This is not a path that this server understands.")]
    BadPath,
    /// Not there, or hidden.
    #[error("There is nothing here.")]
    NotFound,
    /// It leads out of the folder.
    #[error("This leads out of the folder that is served, or over an absolute link: not followed.")]
    Outside,
    /// The operating system does not let us.
    #[error("The server may not do this: permission denied.")]
    Forbidden,
    /// There is no folder to store in.
    #[error("Uploads are stored only when glasstcp is started with --www DIR. Try POST /sink.")]
    NoFolder,
    /// The method does not fit the path; with those that do.
    #[error("This path takes only {0}.")]
    Method(&'static str),
    /// An upload must have exactly one name.
    #[error("Upload to /upload/NAME: one name, of at most 240 bytes, not beginning with a dot.")]
    UploadName,
    /// None of the ranges asked for is there; with the length of the file, in bytes.
    #[error("This file has {0} bytes, and none of those that you ask for.")]
    Range(u64),
    /// A condition such as `If-Match` does not hold.
    #[error("A condition of this request does not hold: the file is not the one you mean.")]
    Condition,
    /// No `Host`, several, or one that is none.
    #[error("A request takes one Host field, with the name or the address of the server.")]
    Host,
    /// An `Expect` field that is not understood.
    #[error("This server meets no other expectation than 100-continue.")]
    Expectation,
    /// A part of a file cannot be stored.
    #[error("A part of a file cannot be stored here: send the whole file.")]
    Partial,
    /// Something else than a file is in the way.
    #[error("A folder of this name is in the way.")]
    InTheWay,
    /// What should be the folder for uploads is something else.
    #[error("The server cannot store uploads: 'upload' in its folder is not a folder.")]
    NoUploadFolder,
    /// The disk is full.
    #[error("The disk is full: nothing was stored. Make room on the server and send it again.")]
    Full,
    /// The body stopped coming.
    #[error("The body stopped coming: the server has waited long enough.")]
    TooSlow,
    /// The body ended too early or was not well-formed.
    #[error("The body did not arrive whole: {0}.")]
    Broken(hyper::Error),
    /// Anything else.
    #[error("The server could not do this: {0}.")]
    Io(io::Error),
}

impl Refused {
    fn status(&self) -> StatusCode {
        match self {
            Refused::BadPath
            | Refused::Host
            | Refused::UploadName
            | Refused::Partial
            | Refused::Broken(_) => StatusCode::BAD_REQUEST,
            Refused::NotFound => StatusCode::NOT_FOUND,
            Refused::Outside | Refused::Forbidden | Refused::NoFolder => StatusCode::FORBIDDEN,
            Refused::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Refused::Range(_) => StatusCode::RANGE_NOT_SATISFIABLE,
            Refused::Condition => StatusCode::PRECONDITION_FAILED,
            Refused::Expectation => StatusCode::EXPECTATION_FAILED,
            Refused::InTheWay => StatusCode::CONFLICT,
            Refused::Full => StatusCode::INSUFFICIENT_STORAGE,
            Refused::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Refused::NoUploadFolder | Refused::Io(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The reply that says so; `path` is for the log.
    pub fn into_reply(self, path: &str) -> Reply {
        if let Refused::NoUploadFolder | Refused::Full | Refused::Io(_) = self {
            log::warn!("http: {path:?}: {self}");
        }
        let mut reply = text(self.status(), format!("{self}\n"));
        match self {
            Refused::Method(allowed) => set(&mut reply, header::ALLOW, allowed),
            Refused::TooSlow => set(&mut reply, header::CONNECTION, "close"),
            Refused::Range(len) => {
                set(&mut reply, header::CONTENT_RANGE, &format!("bytes */{len}"))
            }
            _ => {}
        }
        reply
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::NotFound | Kind::NotADirectory | Kind::InvalidFilename => Refused::NotFound,
            Kind::PermissionDenied | Kind::ReadOnlyFilesystem => Refused::Forbidden,
            Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => Refused::Full,
            Kind::IsADirectory | Kind::DirectoryNotEmpty => Refused::InTheWay,
            // ELOOP, whose kind has no stable name: a link that leads to itself.
            _ if error.raw_os_error() == Some(nix::errno::Errno::ELOOP as i32) => Refused::NotFound,
            _ => Refused::Io(error),
        }
    }
}
