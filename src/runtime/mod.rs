//! The driver: moves packets between a device and a stack, and lets time pass.
//!
//! ```text
//!        +--> device.receive      up to 64 packets
//!        |    now                 what time it is
//!        |    stack.receive       under the lock; then wake whom it names
//!        |    yield               so that tasks answer in the same turn
//!        |    stack.transmit      under the lock, unless there was nothing above
//!        +--- device.send
//!             sleep               until the device, a timer or a handle has something
//! ```
//!
//! This is the only module that reads the clock of the operating system.

mod clock;
mod device;
mod driver;
mod emulator;
mod impaired;
mod lanes;
pub mod memory;
mod spin;
mod thread;
mod timer;
pub mod udp_proxy;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::net::Net;
use crate::stack::Stack;

pub use clock::unix_time_of_origin;
pub use device::{AsyncDevice, FdDevice};
pub use emulator::Emulator;
pub use impaired::Impaired;
pub use lanes::{LaneReport, LinkHandle, LinkWatch, Passage};
pub use thread::{start_thread, start_thread_with};

/// The future that drives a stack: spawn it on a tokio runtime, best on one with a single thread
/// that also runs the tasks which use the stack's sockets, for then a request costs no thread
/// switch. (Spawn it rather than `block_on` it: there it is slower.)
///
/// It ends without an error after [`Net::stop`], and with one when the device fails. When it ends
/// or is dropped, every call on the handles fails.
#[must_use = "nothing moves unless the driver is spawned or awaited"]
pub struct Driver {
    run: Pin<Box<dyn Future<Output = io::Result<()>> + Send>>,
}

/// Joins `stack` and `device`: a handle for making sockets, and the future that drives them.
///
/// # Errors
/// When it is called outside of a tokio runtime, or when no timer can be made.
///
/// # Panics
/// When the I/O of the runtime is not enabled (`tokio::runtime::Builder::enable_io`).
pub fn start<D>(stack: Stack, device: D) -> io::Result<(Net, Driver)>
where
    D: AsyncDevice + Send + 'static,
{
    start_with(stack, device, Settings::default())
}

/// How a driver waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// For so long after it has had something to do it looks for more and does not sleep, unless that is seen to be of no
    /// use. It keeps its thread from other tasks meanwhile, and is worth some 50 us where the peer is on another processor
    /// of this machine. Not at all by default.
    pub spin: Duration,
}

/// The same with these settings.
///
/// # Errors
/// The same.
///
/// # Panics
/// The same.
pub fn start_with<D>(stack: Stack, device: D, settings: Settings) -> io::Result<(Net, Driver)>
where
    D: AsyncDevice + Send + 'static,
{
    if tokio::runtime::Handle::try_current().is_err() {
        return Err(io::Error::other(
            "a stack can only be started from within a tokio runtime: \
             call `runtime::start` in a task or inside of `block_on`",
        ));
    }
    let clock = clock::Clock::new();
    let timer = timer::Timer::new(clock)?;
    let (net, stack) = Net::new(stack, move || clock.now());
    let run = Box::pin(driver::Loop::new(stack, device, timer, settings.spin).run());
    Ok((net, Driver { run }))
}

impl Future for Driver {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.run.as_mut().poll(cx)
    }
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
