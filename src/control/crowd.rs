//! Who makes way where more clients come than there are places.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{AcquireError, Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, sleep_until};

/// How long a client has for its next request while others wait for a place.
pub(super) const HURRY: Duration = Duration::from_millis(200);
/// How often another is asked to make way.
const TURN: Duration = Duration::from_millis(1);

/// Whether somebody waits for a place, and who makes way: whoever has had no request for longest.
#[derive(Default)]
pub(super) struct Crowd {
    waits: AtomicBool,
    turn: Notify,
}

impl Crowd {
    /// A place, for which others are asked to make way one after the other while there is none.
    pub(super) async fn place(
        &self,
        places: &Arc<Semaphore>,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        let place = Arc::clone(places).acquire_owned();
        if places.available_permits() > 0 {
            return place.await;
        }
        let _waits = Waits::begin(&self.waits);
        let ask = async {
            loop {
                self.turn.notify_one();
                sleep(TURN).await;
            }
        };
        tokio::select! {
            place = place => place,
            never = ask => never,
        }
    }

    /// Ready when whoever has no request from now on has to make way.
    pub(super) async fn needs_places(&self) {
        let since = Instant::now();
        loop {
            self.turn.notified().await;
            sleep_until(since + HURRY).await;
            if self.waits.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

/// Somebody waits, until this is dropped.
struct Waits<'a>(&'a AtomicBool);

impl Waits<'_> {
    fn begin(waits: &AtomicBool) -> Waits<'_> {
        waits.store(true, Ordering::Relaxed);
        Waits(waits)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
