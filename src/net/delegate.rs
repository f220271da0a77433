//! `AsyncRead`, `AsyncBufRead` and `AsyncWrite` for every handle that has a `Conn` in its field `conn`,
//! and, if it reads, what it holds in `held`.

/// Reading is the connection's [`poll_read`](super::tcp_stream::Conn::poll_read), and without a copy its
/// [`poll_fill`](super::tcp_stream::Conn::poll_fill).
macro_rules! delegate_async_read {
    ($handle:ty) => {
        impl tokio::io::AsyncRead for $handle {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut task::Context<'_>,
                buf: &mut tokio::io::ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                let this = self.get_mut();
                this.conn.poll_read(&mut this.held, cx, buf)
            }
        }

        impl tokio::io::AsyncBufRead for $handle {
            fn poll_fill_buf(
                self: Pin<&mut Self>,
                cx: &mut task::Context<'_>,
            ) -> Poll<io::Result<&[u8]>> {
                let this = self.get_mut();
                this.conn.poll_fill(&mut this.held, cx).map_ok(|()| this.held.text())
            }

            fn consume(self: Pin<&mut Self>, len: usize) {
                let this = self.get_mut();
                this.conn.consume(&mut this.held, len);
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
