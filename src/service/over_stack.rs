//! The sockets of this stack as the services take them; the only file here that knows them.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::ReadBuf;

use super::accept::KEEPALIVE;
use super::{Accept, Datagrams, Drain, DrainBuf, InfoSource, Stream, WriteChunk};
use crate::net::{ReadHalf, TcpListener, TcpStream, UdpSocket, WriteHalf};

#[cfg(test)]
mod tests;

impl Accept for TcpListener {
    type Stream = TcpStream;

    fn prepare(&self) -> io::Result<()> {
        self.set_nodelay(true)?;
        self.set_keepalive(Some(KEEPALIVE))
    }

    async fn accept(&mut self) -> Option<io::Result<(TcpStream, SocketAddr)>> {
        // There is no other task that accepts, whose turn it might be.
        unless_gone(poll_fn(|cx| self.poll_accept(cx)).await)
    }
}

impl Drain for TcpStream {
    fn poll_drain(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        self.get_mut().poll_read_dry(cx, buffer)
    }
}

impl DrainBuf for ReadHalf<'_> {
    fn poll_drain_buf(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(&[u8], bool)>> {
        self.get_mut().poll_fill_dry(cx)
    }
}

impl WriteChunk for WriteHalf<'_> {
    fn poll_write_chunk(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        chunk: &mut Bytes,
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_write_chunk(cx, chunk)
    }
}

impl WriteChunk for TcpStream {
    fn poll_write_chunk(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        chunk: &mut Bytes,
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_write_chunk(cx, chunk)
    }
}

impl Stream for TcpStream {
    fn halves(&mut self) -> (impl DrainBuf + Unpin + Send, impl WriteChunk + Unpin + Send) {
        self.split()
    }

    fn info(&self) -> InfoSource {
        let handle = self.info_handle();
        Arc::new(move || handle.info())
    }
}

impl Datagrams for UdpSocket {
    async fn receive(&self, buffer: &mut [u8]) -> Option<io::Result<(usize, SocketAddr)>> {
        unless_gone(self.recv_from(buffer).await)
    }

    async fn send(&self, datagram: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.send_to(datagram, to).await
    }
}

/// The handles of a stack that has ended give `ConnectionAborted`, and nothing else ever again.
fn unless_gone<T>(result: io::Result<T>) -> Option<io::Result<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => None,
        result => Some(result),
    }
}
