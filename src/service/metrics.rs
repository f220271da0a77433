//! What a stack has counted, as text for Prometheus, for whoever asks for it however often.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::Mutex;
use tokio::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// A text is given again to those who ask so soon after it: with many connections it takes some work.
const FRESH: Duration = Duration::from_secs(1);

/// Collects such a text. Cloning gives another handle to the same.
#[derive(Clone)]
pub struct Metrics {
    collect: Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>,
    /// The last one, and when it was whole. Who collects holds it, and others wait for what comes of that.
    last: Arc<Mutex<Option<(Instant, Bytes)>>>,
}

impl Metrics {
    /// Has them collected by `collect`.
    pub fn new(
        collect: impl Fn() -> BoxFuture<'static, String> + Send + Sync + 'static,
    ) -> Metrics {
        Metrics { collect: Arc::new(collect), last: Arc::default() }
    }

    /// The text, at most a second old.
    pub async fn text(&self) -> Bytes {
        let mut last = self.last.lock().await;
        if let Some((at, text)) = &*last
            && at.elapsed() < FRESH
        {
            return text.clone();
        }
        let text = Bytes::from((self.collect)().await);
        *last = Some((Instant::now(), text.clone()));
        text
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}
