//! The body of a request, read piece by piece by a server with little time.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderMap};

use super::reply::Refused;

/// How long the rest of a refused body is read and thrown away. Closing with it unread would reset
/// the connection (RFC 2525 2.17) and might cost the client the sentence that says why.
const DRAIN: Duration = Duration::from_secs(2);

/// A body that arrives.
pub(super) struct Uploaded {
    body: Incoming,
    patience: Duration,
    /// The client sends nothing before it hears 100, which hyper says when the body is first read.
    held: bool,
}

impl Uploaded {
    pub fn new(body: Incoming, headers: &HeaderMap, patience: Duration) -> Self {
        Uploaded { body, patience, held: headers.contains_key(header::EXPECT) }
    }

    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Refused> {
        self.held = false;
        loop {
            let frame = tokio::time::timeout(self.patience, self.body.frame())
                .await
                .map_err(|_elapsed| Refused::TooSlow)?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(Refused::Broken(error)),
                Some(Ok(frame)) => {
                    // What is not data is trailers, which mean nothing here.
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// Throws away what is left of it, for a short while.
    pub async fn drain(mut self) {
        if self.held || self.body.is_end_stream() {
            return;
        }
        let all = async { while let Ok(Some(_)) = self.next().await {} };
        // Whether it ended or took too long: enough was done.
        let _ = tokio::time::timeout(DRAIN, all).await;
    }
}
