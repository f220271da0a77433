//! Runs the built-in services on a stack.

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::Context;
use glasstcp::net::{Net, TcpListener, UdpSocket};
use glasstcp::service::{ServiceContext, serve_listener, serve_socket};
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
        if let Some(algorithm) = spec.congestion {
            listener.set_congestion_control(algorithm).with_context(sentence)?;
        }
        tasks.spawn(serve_listener(listener, spec.service, Arc::clone(&context)));
        if spec.service.has_udp() {
            let socket = UdpSocket::bind(net, any).await.with_context(sentence)?;
            tasks.spawn(serve_socket(socket, spec.service, Arc::clone(&context)));
        }
    }
    Ok(tasks)
}
