//! A stack on a thread of its own, for those who have no runtime.

use std::io;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use super::AsyncDevice;
use crate::net::Net;
use crate::stack::Stack;

/// Joins `stack` and `device` and drives them on a new thread: a handle for making sockets, and that
/// of the thread.
///
/// The thread ends after [`Net::stop`], and with an error when the device fails; who wants to know
/// which, or to wait until the last packets are out, joins it. Dropping the handle is fine.
///
/// # Errors
/// When there can be no more threads, files or timers.
///
/// ```
/// use glasstcp::{blocking, device::memory, stack::{Config, Stack}};
///
/// let (device, _other_end) = memory::pair(1500);
/// let config = Config::new([10, 9, 0, 2].into(), 24, [7; 32]);
/// let (net, thread) = blocking::start(Stack::new(config), device)?;
/// // Use `net`. At the end:
/// net.stop();
/// thread.join().expect("no panic")?;
/// # std::io::Result::Ok(())
/// ```
pub fn start_thread<D>(stack: Stack, device: D) -> io::Result<(Net, JoinHandle<io::Result<()>>)>
where
    D: AsyncDevice + Send + 'static,
{
    start_thread_with(stack, || Ok(device))
}

/// [`start_thread`] for a device that can only be made within a runtime, such as
/// [`FdDevice`](super::FdDevice): `device` is called on the new thread.
///
/// # Errors
/// Those of `start_thread` and of `device`.
///
/// ```no_run
/// use glasstcp::blocking;
/// use glasstcp::device::{self, OpenConfig, link::Cidr};
/// use glasstcp::runtime::FdDevice;
/// use glasstcp::stack::{Config, Stack};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let address = Cidr { address: [10, 9, 0, 1].into(), prefix_len: 24 }; // the kernel's side
/// let ours = [10, 9, 0, 2].into();
/// let config = OpenConfig::new("glass0", address);
/// let (tun, _taken_back_when_dropped) = device::open(&config, &[ours])?;
///
/// let mut seed = [0; 32];
/// getrandom::fill(&mut seed)?; // sequence numbers and ports nobody can guess
/// let stack = Stack::new(Config::new(ours.into(), 24, seed));
/// let (net, _thread) = blocking::start_with(stack, || FdDevice::new(tun))?;
/// let listener = blocking::TcpListener::bind(&net, "10.9.0.2:80")?;
/// # Ok(())
/// # }
/// ```
pub fn start_thread_with<D>(
    stack: Stack,
    device: impl FnOnce() -> io::Result<D> + Send + 'static,
) -> io::Result<(Net, JoinHandle<io::Result<()>>)>
where
    D: AsyncDevice + Send + 'static,
{
    let (tell, told) = mpsc::channel();
    let drive = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let (net, driver) = super::start(stack, device()?)?;
            // It is listened to until the thread ends.
            let _ = tell.send(net);
            tokio::spawn(driver).await?
        })
    };
    let thread = thread::Builder::new().name("glasstcp".into()).spawn(drive)?;
    match told.recv() {
        Ok(net) => Ok((net, thread)),
        Err(_it_ended) => Err(match thread.join() {
            Ok(Err(error)) => error,
            _ => io::Error::other("the thread of the stack panicked while the device was made"),
        }),
    }
}

#[cfg(test)]
mod tests;
