//! Small packets, many of them written with one system call (io_uring).
//!
//! ```text
//!   packets   | SYN-ACK | data | ACK | FIN |   put together, one behind the other
//!   ring        write     write  write write   --- one call --->   a result for each, in order
//! ```
//!
//! A call costs more than all that is done here for a small packet, and where there are many connections
//! each turn has small packets for many of them. Long packets gain nothing by it.

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use io_uring::{IoUring, Probe, opcode, types};
use rustix::io::Errno;

use crate::wire::{Burst, TxBatch};

/// Fewer packets than this are left to be written one by one.
const FEWEST: usize = 4;
/// Most packets in one call.
const MOST: usize = 64;
/// The longest packet that is small, in bytes.
const SMALL: usize = 256;
/// Room for one, and for what may have to stand before it.
const ROOM: usize = SMALL + 16;

/// A ring of requests to the kernel.
pub(super) struct Ring {
    ring: IoUring,
    packets: Box<[u8; MOST * ROOM]>,
    /// The kernel has refused a call: nobody knows what it still holds.
    failed: bool,
}

impl Ring {
    /// A ring, which serves any descriptor. (It does not keep one: the kernel takes rings apart when
    /// they are long closed, and as long a network interface would live on.)
    ///
    /// # Errors
    /// When the kernel has none (before Linux 5.6, as needed here), or this process may not use them, as
    /// in many containers.
    pub(super) fn new() -> io::Result<Ring> {
        let ring = IoUring::new(MOST as u32)?;
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe)?;
        if !probe.is_supported(opcode::Write::CODE) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(Ring { ring, packets: Box::new([0; MOST * ROOM]), failed: false })
    }

    /// Writes the small packets at the front of `tx` to `file`, and removes them; nothing when they are
    /// few. `put` puts one together in the bytes given, and says how many it has taken of them. It does not wait: one
    /// that the kernel did not take goes to `refused`, with the reason; those after it may have been sent by then.
    ///
    /// # Errors
    /// What `refused` says.
    pub(super) fn send(
        &mut self,
        tx: &mut TxBatch,
        file: BorrowedFd<'_>,
        mut put: impl FnMut(&mut Burst, &mut [u8]) -> usize,
        mut refused: impl FnMut(&[u8], Errno) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let count = tx.iter().take(MOST).take_while(|burst| is_small(burst)).count();
        if count < FEWEST || self.failed {
            return Ok(());
        }
        let mut ends = [0; MOST];
        let mut end = 0;
        for (mut burst, its_end) in tx.drain(..count).zip(&mut ends) {
            end += put(&mut burst, &mut self.packets[end..]);
            *its_end = end;
        }
        let results = self.write(file, &ends[..count]);
        let mut begin = 0;
        for (end, result) in ends.into_iter().zip(results).take(count) {
            if result < 0 {
                refused(&self.packets[begin..end], Errno::from_raw_os_error(-result))?;
            }
            begin = end;
        }
        Ok(())
    }

    /// Whether it is good for nothing any more.
    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Writes the packets that end there, in order: what came of each, as a system call gives it.
    #[allow(unsafe_code, reason = "requests name memory that the kernel reads later")]
    fn write(&mut self, file: BorrowedFd<'_>, ends: &[usize]) -> [i32; MOST] {
        let mut requests = self.ring.submission();
        let mut begin = 0;
        for (index, &end) in ends.iter().enumerate() {
            let packet = &self.packets[begin..end];
            let file = types::Fd(file.as_raw_fd());
            let request = opcode::Write::new(file, packet.as_ptr(), packet.len() as u32);
            // Or the kernel would wait until there is room, whatever mode the file is in.
            let request = request.rw_flags(libc::RWF_NOWAIT).build().user_data(index as u64);
            // SAFETY: the packet stays as it is, and the file open, until the loop below has seen the
            // result of every request. When a call fails, it has handed nothing to the kernel, and
            // what earlier calls did is done (no request waits, by NOWAIT); the ring is never used again.
            let pushed = unsafe { requests.push(&request) };
            assert!(pushed.is_ok(), "the ring has room for a batch, and was empty");
            begin = end;
        }
        drop(requests);
        // What there is no result of when the ring fails goes out once more.
        let mut results = [-libc::EAGAIN; MOST];
        let mut waiting = ends.len();
        while waiting > 0 {
            let called = self.ring.submit_and_wait(waiting);
            for result in self.ring.completion() {
                waiting -= 1;
                results[result.user_data() as usize] = result.result();
            }
            self.failed = called.is_err_and(|error| error.kind() != io::ErrorKind::Interrupted);
            if self.failed {
                break;
            }
        }
        results
    }
}

/// Whether a burst is one small packet.
fn is_small(burst: &Burst) -> bool {
    burst.segment_size == 0 && burst.header.len() + burst.payload_len as usize <= SMALL
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
