//! The sockets of this stack as the services take them; the only file here that knows them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::{Accept, Datagrams, InfoSource};
use crate::net::{TcpListener, TcpStream, UdpSocket};
use crate::time::Duration;

/// How long a closed connection may take to bring its last words across; then it is reset. A client
/// that never reads would otherwise keep it, and what it has buffered, for ever. The kernel bounds its
/// own by itself (`tcp_orphan_retries`).
const LAST_WORDS: Duration = Duration::from_secs(300);

impl Accept for TcpListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> Option<io::Result<(TcpStream, SocketAddr)>> {
        let accepted = unless_gone(TcpListener::accept(self).await)?;
        Some(accepted.and_then(|(stream, peer)| {
            // A reply ends with a small segment that nothing follows: it must not wait.
            stream.set_nodelay(true)?;
            stream.set_linger(Some(LAST_WORDS))?;
            Ok((stream, peer))
        }))
    }

    fn info(stream: &TcpStream) -> InfoSource {
        let handle = stream.info_handle();
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
