//! Events as they happen, for whoever watches over the control socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncWriteExt;

use super::{Reply, Takeover, carry, tell};
use crate::event::ConnId;
use crate::net::Watchers;
use crate::observe::stream::{Queue, Style, Tap, Timed};

/// Viewers at a time, each of which may keep a queue full.
const MAX_VIEWERS: usize = 16;

/// Those there are.
static VIEWERS: AtomicUsize = AtomicUsize::new(0);

/// The place of one of them.
pub(super) struct Place;

impl Place {
    pub(super) fn take() -> Option<Place> {
        let taken = VIEWERS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
            (count < MAX_VIEWERS).then_some(count + 1)
        });
        taken.is_ok().then(|| Place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        VIEWERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is answered where there is no place.
pub(super) fn too_many() -> Reply {
    Reply::Error(format!("too many ({MAX_VIEWERS}) watch already: end one of them first"))
}

/// Tells of every event, or of those of one connection, from now on until the viewer goes. The first reply says that it has
/// begun; what follows are no replies but lines in this style.
pub fn events(watchers: Watchers, conn: Option<u32>, style: Style) -> Takeover {
    Box::new(move |mut unix| {
        Box::pin(async move {
            let Some(_place) = Place::take() else {
                return tell(&mut unix, &too_many()).await;
            };
            let queue = Arc::<Queue<Timed>>::default();
            let tap = Tap { queue: Arc::clone(&queue), conn: conn.map(ConnId) };
            let _watching = watchers.add(Box::new(tap));
            tell(&mut unix, &Reply::Done { count: 0 }).await?;
            loop {
                let items = tokio::select! {
                    items = queue.next() => items,
                    () = carry::gone(&unix) => return Ok(()),
                };
                let mut out = Vec::new();
                items.iter().try_for_each(|item| style.write(&mut out, item))?;
                unix.write_all(&out).await?;
            }
        })
    })
}

#[cfg(test)]
mod tests;
