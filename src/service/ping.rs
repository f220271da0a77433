//! Ping: each line comes back in upper case, but for those that are lost on purpose.

use std::fmt;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::Stream;
use crate::device::impair::Share;

#[cfg(test)]
mod tests;

/// The longest line, in bytes, with its end.
pub const LINE_MAX: usize = 64 << 10;

/// Which requests are not answered. The same seed loses the same ones, in the order in which they arrive.
pub struct Loss {
    share: Share,
    dice: Mutex<ChaCha12Rng>,
}

impl Loss {
    /// Loses that share of all requests, by chance.
    pub fn new(share: Share, seed: u64) -> Loss {
        Loss { share, dice: Mutex::new(ChaCha12Rng::seed_from_u64(seed)) }
    }

    fn is_lost(&self) -> bool {
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        // 53 bits are what an f64 holds: from 0 to just below 1.
        let rolled = (dice.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        rolled < self.share.value()
    }
}

impl Default for Loss {
    fn default() -> Self {
        Loss::new(Share::NONE, 0)
    }
}

impl fmt::Debug for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loss").field("share", &self.share).finish_non_exhaustive()
    }
}

/// Answers each line with the same in upper case (ASCII letters; other bytes stay as they are). What the peer
/// has sent before it closed its half counts as a line.
///
/// # Errors
/// `InvalidData` for a line longer than [`LINE_MAX`], `TimedOut` when an answer is not read within `stall`, and what
/// reading and writing the stream gave.
pub async fn serve<S: Stream>(mut stream: S, loss: &Loss, stall: Duration) -> io::Result<()> {
    let (mut reader, mut writer) = stream.halves();
    let mut line = Vec::new();
    loop {
        line.clear();
        // One byte more tells a line that is too long from one that just fits.
        let mut bounded = (&mut reader).take(LINE_MAX as u64 + 1);
        if bounded.read_until(b'\n', &mut line).await? == 0 {
            return writer.shutdown().await;
        }
        if line.len() > LINE_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a line longer than 64 KiB"));
        }
        if !loss.is_lost() {
            line.make_ascii_uppercase();
            timeout(stall, writer.write_all(&line)).await??;
        }
    }
}

/// The same for one datagram.
pub fn answer(request: &[u8], loss: &Loss) -> Option<Bytes> {
    (!loss.is_lost()).then(|| request.to_ascii_uppercase().into())
}
