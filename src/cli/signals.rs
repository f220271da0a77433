//! Signals to what runs until it is told to end.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal says.
pub enum Told {
    /// To end.
    End,
    /// To print the counters.
    Counters,
}

/// The signals that a running glasstcp listens to, from the moment this is made.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    user: Signal,
    /// A file that would be larger than it may (`ulimit -f`): nobody waits for it, but while it is listened to, writing
    /// fails with an error, and nothing is killed in its middle.
    _file_size: Signal,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn new() -> io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            user: signal(SignalKind::user_defined1())?,
            _file_size: signal(SignalKind::from_raw(libc::SIGXFSZ))?,
        })
    }

    /// Waits for the next signal.
    pub async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.interrupt.recv() => Told::End,
            _ = self.terminate.recv() => Told::End,
            _ = self.hangup.recv() => Told::End,
            _ = self.user.recv() => Told::Counters,
        }
    }

    /// Waits for one that says to end.
    pub async fn until_end(&mut self) {
        while !matches!(self.next().await, Told::End) {}
    }
}
