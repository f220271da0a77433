//! Packets as they pass, for whoever captures over the control socket.

use std::sync::Arc;

use tokio::io::AsyncWriteExt;

use super::events::{Place, too_many};
use super::{Reply, Takeover, carry, tell};
use crate::net::Watchers;
use crate::observe::capture::{Captured, Filter, HEAD_BLOCKS, Recorder, Tap};
use crate::observe::stream::Queue;
use crate::runtime::unix_time_of_origin;

/// Shows every packet that the filter lets through, `snaplen` bytes of each at most, from now on until the viewer goes.
pub fn capture(watchers: Watchers, filter: Filter, snaplen: u32) -> Takeover {
    Box::new(move |mut unix| {
        Box::pin(async move {
            let Some(_place) = Place::take() else {
                return tell(&mut unix, &too_many()).await;
            };
            let queue = Arc::<Queue<Captured>>::default();
            let _watching = watchers.add(Box::new(Tap { queue: Arc::clone(&queue), filter }));
            tell(&mut unix, &Reply::Done { count: HEAD_BLOCKS }).await?;
            let mut recorder = Recorder::new(unix_time_of_origin())?;
            unix.write_all(&recorder.take()).await?;
            loop {
                let items = tokio::select! {
                    items = queue.next() => items,
                    () = carry::gone(&unix) => return Ok(()),
                };
                // One by one, so that however long they are no more than one is in memory twice.
                for item in &items {
                    recorder.write(item, snaplen as usize)?;
                    unix.write_all(&recorder.take()).await?;
                }
            }
        })
    })
}
