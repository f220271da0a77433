//! The connections that are measured.

use std::future::pending;
use std::io;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::Ends;
use crate::client::Connection;
use crate::service::discard;
use crate::service::iperf::lane::{Count, Lane, Phase, Quota};
use crate::service::iperf::protocol;

/// All of them; when this goes they are closed.
pub(super) struct Lanes {
    pub ends: Vec<Ends>,
    pub lanes: Vec<Arc<Lane>>,
    pub phase: watch::Sender<Phase>,
    /// What may be sent, and what may be received.
    pub sent: Arc<Quota>,
    pub received: Arc<Quota>,
    tell: mpsc::UnboundedSender<Over>,
    over: mpsc::UnboundedReceiver<Over>,
    tasks: JoinSet<()>,
}

/// A connection over which nothing is moved any more.
pub(super) struct Over {
    pub sends: bool,
    pub how: io::Result<()>,
}

impl Lanes {
    pub fn new() -> Lanes {
        let (tell, over) = mpsc::unbounded_channel();
        Lanes {
            ends: Vec::new(),
            lanes: Vec::new(),
            phase: watch::Sender::new(Phase::Waiting),
            sent: Arc::default(),
            received: Arc::default(),
            tell,
            over,
            tasks: JoinSet::new(),
        }
    }

    /// One more, which waits until the test runs.
    pub fn add(&mut self, stream: Connection, sends: bool, len: u32) {
        let id = protocol::stream_id(self.ends.len());
        self.ends.push(Ends { id, sends, local: stream.local, peer: stream.peer });
        let quota = if sends { &self.sent } else { &self.received };
        let lane = Arc::new(Lane::new(sends, len, stream.info.clone(), Arc::clone(quota)));
        self.lanes.push(Arc::clone(&lane));
        self.tasks.spawn(carry(lane, stream, self.phase.subscribe(), self.tell.clone()));
    }

    /// What was counted so far.
    pub fn counts(&self) -> Vec<Count> {
        self.lanes.iter().map(|lane| lane.count()).collect()
    }

    /// Waits for the next one over which nothing is moved any more; cancel safe.
    pub async fn over(&mut self) -> Over {
        match self.over.recv().await {
            Some(over) => over,
            // We could tell ourselves.
            None => pending().await,
        }
    }

    /// How much others have acknowledged, where that is known.
    pub fn acknowledged(&self) -> u64 {
        let infos = self.lanes.iter().filter_map(|lane| lane.info());
        infos.map(|info| info.bytes_acked).sum()
    }

    /// Whether something that was sent has not arrived, as far as that is known.
    pub fn waits(&self) -> bool {
        let mut infos = self.lanes.iter().filter(|lane| lane.sends).filter_map(|lane| lane.info());
        infos.any(|info| info.send_queue > 0)
    }
}

/// Moves what it can over one of them, tells when that is over, and holds it until all is.
async fn carry(
    lane: Arc<Lane>,
    mut stream: Connection,
    phase: watch::Receiver<Phase>,
    tell: mpsc::UnboundedSender<Over>,
) {
    // It fails when nobody wants to know any more.
    let tell = |sends, how| drop(tell.send(Over { sends, how }));
    if lane.sends {
        tell(true, lane.run(phase, lane.send(&mut stream)).await);
    } else {
        let mut reader = stream.buffered();
        tell(false, lane.run(phase, lane.receive(&mut reader)).await);
        // A server that waits until it can send hears nothing. How it ends does not matter any more.
        let _ = discard::drain(&mut reader).await;
    }
    pending().await
}
