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

use crate::net::{DriverSide, Net};
use crate::stack::{Config, Stack};

use clock::Clock;
pub use clock::unix_time_of_origin;
pub use device::{AsyncDevice, FdDevice};
pub(crate) use driver::back_of_the_queue;
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
    let clock = Clock::new();
    let (net, stack) = Net::new(stack, move || clock.now());
    Ok((net, Seat { stack, clock }.drive(device, settings)?))
}

/// Several stacks that share their addresses, each with a queue of one device: a handle that stands for all of them, and
/// the seat of each. What `config` limits is divided among them ([`Config::divided`]).
///
/// Each is driven by a task of its own, best on a thread of its own with a runtime of one thread. What came through one
/// queue and belongs to another's connection is handed over, so it matters little how the device divides.
///
/// ```
/// # use glasstcp::{device::memory, net::{TcpListener, TcpStream}, runtime, stack::Config};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let (one, other) = (memory::pair(1500), memory::pair(1500)); // two queues of a device
/// let (net, seats) = runtime::share(Config::new([10, 9, 0, 2].into(), 24, [7; 32]), 2);
/// for (seat, device) in seats.into_iter().zip([one.0, other.0]) {
///     tokio::spawn(seat.drive(device, runtime::Settings::default())?);
/// }
/// let listener = TcpListener::bind(&net, ([10, 9, 0, 2], 80)).await?; // it listens on both
/// assert_eq!(net.tables().listeners, 2);
/// # Ok(())
/// # }
/// ```
pub fn share(config: Config, count: u16) -> (Net, Vec<Seat>) {
    let clock = Clock::new();
    let (net, stacks) = Net::share(config.divided(count).map(Stack::new), move || clock.now());
    (net, stacks.into_iter().map(|stack| Seat { stack, clock }).collect())
}

/// A stack that waits for its device. Dropping it ends the stack.
#[must_use = "a stack without a driver has ended"]
pub struct Seat {
    stack: DriverSide,
    clock: Clock,
}

impl Seat {
    /// The future that drives it over `device`.
    ///
    /// # Errors
    /// As [`start`].
    ///
    /// # Panics
    /// As [`start`].
    pub fn drive<D>(self, device: D, settings: Settings) -> io::Result<Driver>
    where
        D: AsyncDevice + Send + 'static,
    {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(io::Error::other(
                "a stack can only be started from within a tokio runtime: \
                 call `runtime::start` in a task or inside of `block_on`",
            ));
        }
        let timer = timer::Timer::new(self.clock)?;
        let run = Box::pin(driver::Loop::new(self.stack, device, timer, settings.spin).run());
        Ok(Driver { run })
    }
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seat").finish_non_exhaustive()
    }
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
