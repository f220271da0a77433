//! Pages that come from elsewhere in the program: what is below `/glass/`.

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::{Request, Response};

use crate::service::InfoSource;

/// The folder of a site.
const FOLDER: &str = "/glass";

/// What comes as it is made.
pub type SiteBody = UnsyncBoxBody<Bytes, io::Error>;

/// A reply, later.
pub type Answered = BoxFuture<'static, Response<SiteBody>>;

/// Answers what is asked of its folder, each request on a connection that can be looked at. Cloning gives another handle to
/// the same.
#[derive(Clone)]
pub struct Site {
    answer: Arc<dyn Fn(Request<Incoming>, InfoSource) -> Answered + Send + Sync>,
    is_home: bool,
}

impl Site {
    /// One of which `answer` makes the replies. With `is_home` who asks for the root is sent there.
    pub fn new(
        is_home: bool,
        answer: impl Fn(Request<Incoming>, InfoSource) -> Answered + Send + Sync + 'static,
    ) -> Site {
        Site { answer: Arc::new(answer), is_home }
    }

    /// Whether a path is one of its own.
    pub(super) fn has(&self, path: &str) -> bool {
        let rest = path.strip_prefix(FOLDER);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            || self.is_home && path == "/"
    }

    /// The reply to a request for such a path.
    pub(super) fn answer(&self, request: Request<Incoming>, info: InfoSource) -> Answered {
        (self.answer)(request, info)
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Site")
    }
}
