//! What the flight recorder of a stack has kept (see [`crate::flight`]).

use super::Net;
use crate::event::ConnId;
use crate::flight::{Recorded, Recording, Sink};

impl Net {
    /// The connections of which there are recordings, in the order of their numbers; none where none are made
    /// (`Limits::flight_memory`).
    pub fn recorded(&self) -> Vec<Recorded> {
        let mut all = Vec::new();
        for part in self.parts() {
            all.extend(part.lock().stack.flight().into_iter().flat_map(|flight| flight.recorded()));
        }
        all.sort_by_key(|one| one.conn);
        all
    }

    /// Whether recordings are made at all.
    pub fn records(&self) -> bool {
        self.parts().any(|part| part.lock().stack.flight().is_some())
    }

    /// What happened last on a connection, if it was recorded and is not forgotten, but for its first `since` entries
    /// ([`Recording::entries`]).
    pub fn recording(&self, conn: ConnId, since: u64) -> Option<Recording> {
        self.parts().find_map(|part| part.lock().stack.recording(conn, since))
    }

    /// Has recordings go to what `sink` makes for each shard when something goes wrong with a connection; it is called
    /// under the lock of the stack, so it must be quick.
    pub fn set_flight_sink(&self, sink: impl Fn() -> Option<Sink>) {
        // When the stack has ended, too: what waits for recordings waits for the sinks to go.
        self.parts().for_each(|part| part.lock().stack.set_flight_sink(sink()));
    }
}
