//! Runs the built-in services on a stack.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use glasstcp::client::Sockets;
use glasstcp::client::dns::{Kind, LookupError, Resolver};
use glasstcp::net::{Net, TcpListener, UdpSocket};
use glasstcp::service::dns::{self, Forward};
use glasstcp::service::{Resolve, ServiceContext, ServiceSpec, serve_listener, serve_socket};
use tokio::task::JoinSet;

/// How long a service waits for the address of a name.
const PATIENCE: Duration = Duration::from_secs(5);

/// Listens for every service of `context` on all addresses of the stack, and serves it by a task. When the set of tasks is
/// dropped, they end.
pub async fn start(net: &Net, context: &Arc<ServiceContext>) -> anyhow::Result<JoinSet<()>> {
    let mut tasks = JoinSet::new();
    for spec in &context.services {
        let any = (Ipv4Addr::UNSPECIFIED, spec.port);
        let listener = TcpListener::bind(net, any).await.with_context(|| sentence(spec))?;
        if let Some(algorithm) = spec.congestion {
            listener.set_congestion_control(algorithm).with_context(|| sentence(spec))?;
        }
        tasks.spawn(serve_listener(listener, spec.service, Arc::clone(context)));
    }
    Ok(tasks)
}

/// The same for those that are asked by UDP as well.
pub async fn start_udp(net: &Net, context: &Arc<ServiceContext>) -> anyhow::Result<JoinSet<()>> {
    let mut tasks = JoinSet::new();
    for spec in context.services.iter().filter(|spec| spec.service.has_udp()) {
        // A socket for each address, so that an answer comes from the one that was asked.
        for address in &context.addresses {
            let at = (*address, spec.port);
            let socket = UdpSocket::bind(net, at).await.with_context(|| sentence(spec))?;
            tasks.spawn(serve_socket(socket, spec.service, Arc::clone(context)));
        }
    }
    Ok(tasks)
}

fn sentence(spec: &ServiceSpec) -> String {
    format!("cannot serve {} on port {}", spec.service, spec.port)
}

/// Finds names for the services, by asking a DNS server.
pub fn resolver(sockets: Sockets, server: SocketAddr) -> Resolve {
    Resolve::new(move |name| {
        let resolver = Resolver { sockets: sockets.clone(), server, timeout: PATIENCE };
        Box::pin(async move {
            let answers =
                resolver.lookup(&name, Kind::A).await.map_err(|error| error.to_string())?;
            let found: Vec<_> = answers.addresses().collect();
            match found.is_empty() {
                true => Err(LookupError::NoRecord(name, Kind::A, server).to_string()),
                false => Ok(found),
            }
        })
    })
}

/// Hands the questions of others on to a DNS server.
pub fn forward(sockets: Sockets, server: SocketAddr) -> Forward {
    Forward::new(move |question| {
        let resolver = Resolver { sockets: sockets.clone(), server, timeout: dns::PATIENCE };
        Box::pin(async move { resolver.relay(&question).await.map_err(|error| error.to_string()) })
    })
}
