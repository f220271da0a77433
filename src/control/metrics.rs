//! What a stack has counted and holds, as text for Prometheus.

use tokio::time::{Duration, timeout};

use super::{Reply, Takeover, carry, tell};
use crate::event::State;
use crate::net::Net;
use crate::observe::prometheus::{self, Gauges};
use crate::runtime::back_of_the_queue;
use crate::service::Metrics;
use crate::stack::Entry;
use tokio::io::AsyncWriteExt;

/// When nothing was told for so long there is an empty line.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// Collects the text, of a stack whose device has by then refused so many packets. All connections are looked at, a few at
/// a time, so that nobody waits for it.
pub async fn metrics(net: Net, device_dropped: impl Fn() -> u64) -> String {
    let mut gauges = Gauges::default();
    let mut listing = net.list();
    while let Some(entries) = listing.next_batch() {
        for entry in entries {
            match state(&entry) {
                Some(state) => gauges.sockets[state as usize] += 1,
                None => gauges.udp_sockets += 1,
            }
        }
        back_of_the_queue().await;
    }
    gauges.timers = net.tables().timers as u64;
    gauges.tcp_memory = net.tcp_memory() as u64;
    prometheus::format(&net.counters(), device_dropped(), &gauges)
}

/// The state of what speaks TCP.
fn state(entry: &Entry) -> Option<State> {
    match entry {
        Entry::Connection { info, .. } => Some(info.state),
        Entry::HalfOpen { .. } => Some(State::SynReceived),
        Entry::TimeWait { .. } => Some(State::TimeWait),
        Entry::Listener { .. } => Some(State::Listen),
        Entry::Udp { .. } => None,
    }
}

/// Tells of it, and until then that it is alive.
pub fn tell_metrics(metrics: Metrics) -> Takeover {
    Box::new(move |mut unix| {
        Box::pin(async move {
            let mut text = std::pin::pin!(metrics.text());
            loop {
                tokio::select! {
                    text = timeout(SIGN_OF_LIFE, &mut text) => match text {
                        Ok(text) => {
                            let text = String::from_utf8_lossy(&text).into_owned();
                            return tell(&mut unix, &Reply::Metrics(text)).await;
                        }
                        Err(_) => unix.write_all(b"\n").await?,
                    },
                    () = carry::gone(&unix) => return Ok(()),
                }
            }
        })
    })
}
