//! Runs the built-in services on a stack.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context;
use glasstcp::net::{Net, TcpListener, TcpStream, UdpSocket};
use glasstcp::service::{
    Accept, Datagrams, InfoSource, ServiceContext, serve_listener, serve_socket,
};
use tokio::task::JoinSet;

/// Binds every service of `context` on all addresses of the stack and starts it as a task. When the
/// set of tasks is dropped, they end.
pub async fn start(net: &Net, context: ServiceContext) -> anyhow::Result<JoinSet<()>> {
    let mut tasks = JoinSet::new();
    let context = Arc::new(context);
    for spec in &context.services {
        let any = (Ipv4Addr::UNSPECIFIED, spec.port);
        let sentence = || format!("cannot serve {} on port {}", spec.service, spec.port);
        let listener = TcpListener::bind(net, any).await.with_context(sentence)?;
        let listener = Listener(listener);
        tasks.spawn(serve_listener(listener, spec.service, Arc::clone(&context)));
        if spec.service.has_udp() {
            let socket = UdpSocket::bind(net, any).await.with_context(sentence)?;
            tasks.spawn(serve_socket(Socket(socket), spec.service));
        }
    }
    Ok(tasks)
}

/// A listener of the stack, as the services want it.
struct Listener(TcpListener);

impl Accept for Listener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> Option<io::Result<(TcpStream, SocketAddr)>> {
        match self.0.accept().await {
            Ok((stream, peer)) => {
                // A reply ends with a small segment that nothing follows: it must not wait.
                Some(stream.set_nodelay(true).map(|()| (stream, peer)))
            }
            // The stack was shut down.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => None,
            Err(error) => Some(Err(error)),
        }
    }

    fn info(stream: &TcpStream) -> InfoSource {
        let handle = stream.info_handle();
        Arc::new(move || handle.info())
    }
}

/// A UDP socket of the stack, as the services want it.
struct Socket(UdpSocket);

impl Datagrams for Socket {
    async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.recv_from(buffer).await
    }

    async fn send(&self, datagram: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.0.send_to(datagram, to).await
    }
}
