//! `AsyncRead` and `AsyncWrite` for every handle that has a `Conn` in its field `conn`.

/// Reading is the connection's [`poll_read`](super::tcp_stream::Conn::poll_read).
macro_rules! delegate_async_read {
    ($handle:ty) => {
        impl tokio::io::AsyncRead for $handle {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut task::Context<'_>,
                buf: &mut tokio::io::ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                self.conn.poll_read(cx, buf)
            }
        }
    };
}

/// Writing is the connection's [`poll_write`](super::tcp_stream::Conn::poll_write). There is nothing
/// to flush: what was written is sent by itself. Shutting down has a FIN follow it.
macro_rules! delegate_async_write {
    ($handle:ty) => {
        impl tokio::io::AsyncWrite for $handle {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut task::Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.conn.poll_write(cx, &[IoSlice::new(buf)])
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut task::Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.conn.poll_write(cx, bufs)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(
                self: Pin<&mut Self>,
                _: &mut task::Context<'_>,
            ) -> Poll<io::Result<()>> {
                Poll::Ready(self.conn.shutdown_write())
            }
        }
    };
}

pub(super) use {delegate_async_read, delegate_async_write};
