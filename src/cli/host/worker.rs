//! A thread beside that of the command: of each shard but the first, and of those who watch.

use std::io;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A thread with a runtime of its own, which goes on until this is dropped.
pub struct Worker {
    runtime: Handle,
    until: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// The thread of this name.
    ///
    /// # Errors
    /// When there can be no more threads or files.
    pub fn start(name: String) -> io::Result<Worker> {
        let (until, over) = oneshot::channel::<()>();
        let (tell, told) = mpsc::channel();
        let live = move || {
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                // It is listened to, and so it is below.
                Err(error) => return drop(tell.send(Err(error))),
            };
            drop(tell.send(Ok(runtime.handle().clone())));
            // It is dropped, never sent.
            let _ = runtime.block_on(over);
            // A thread that waits for a slow disk must not hold up the end.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name(name).spawn(live)?;
        let runtime = told.recv().map_err(io::Error::other)??;
        Ok(Worker { runtime, until: Some(until), thread: Some(thread) })
    }

    /// Where tasks run on it.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.until = None;
        if let Some(thread) = self.thread.take() {
            // A task that panics does not end it.
            let _ = thread.join();
        }
    }
}
