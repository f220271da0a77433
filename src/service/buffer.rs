//! A read buffer that is small for a quiet connection and large for a busy one.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Where it begins, in bytes: an idle connection costs no more.
const SMALL: usize = 2 * 1024;
/// Where it stops growing, in bytes: one burst of the stack.
const LARGE: usize = 64 * 1024;

/// Holds what was read last.
pub(super) struct ReadBuffer(Vec<u8>);

impl ReadBuffer {
    pub(super) fn new() -> Self {
        ReadBuffer(vec![0; SMALL])
    }

    /// Reads once; empty at the end of the stream. Each read that fills the buffer doubles it.
    pub(super) async fn read<S>(&mut self, stream: &mut S) -> io::Result<&[u8]>
    where
        S: AsyncRead + Unpin,
    {
        // A stream that is always ready must not keep other tasks from running.
        tokio::task::coop::consume_budget().await;
        let filled = stream.read(&mut self.0).await?;
        if filled == self.0.len() && filled < LARGE {
            self.0.resize(2 * filled, 0);
        }
        Ok(&self.0[..filled])
    }
}
