//! The body of a request, read piece by piece by a server with little time.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::Instant;

use super::reply::Refused;

/// How long the rest of a refused body is read and thrown away. Closing with it unread would reset
/// the connection (RFC 2525 2.17) and might cost the client the sentence that says why.
const DRAIN: Duration = Duration::from_secs(2);

/// Fewest bytes that must arrive in the time that a client has for each piece.
const PIECE_MIN: usize = 1024;

/// A body that arrives.
pub(super) struct Uploaded {
    body: Incoming,
    patience: Duration,
    /// The client sends nothing before it hears 100, which hyper says when the body is first read.
    held: bool,
    /// When the next [`PIECE_MIN`] bytes must be there; set while they are waited for.
    deadline: Option<Instant>,
    /// How many of them are.
    taken: usize,
}

impl Uploaded {
    /// A body with `patience` for each [`PIECE_MIN`] bytes. `held` tells whether its client waits for
    /// the word 100.
    pub fn new(body: Incoming, held: bool, patience: Duration) -> Self {
        Uploaded { body, patience, held, deadline: None, taken: 0 }
    }

    /// The next piece; `None` at the end. What comes as a trickle counts as nothing: a client that
    /// sends less than [`PIECE_MIN`] bytes in the time it has is as good as silent.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Refused> {
        self.held = false;
        loop {
            let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + self.patience);
            let frame = tokio::time::timeout_at(deadline, self.body.frame())
                .await
                .map_err(|_elapsed| Refused::TooSlow)?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(Refused::Broken(error)),
                Some(Ok(frame)) => {
                    // What is not data is trailers, which mean nothing here.
                    if let Ok(data) = frame.into_data() {
                        self.taken += data.len();
                        if self.taken >= PIECE_MIN {
                            (self.deadline, self.taken) = (None, 0);
                        }
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
