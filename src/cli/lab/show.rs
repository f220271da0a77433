//! The page with what a lab has recorded, until somebody has seen enough.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use glasstcp::lab::Done;
use glasstcp::service::{Service, ServiceContext, serve_listener};
use glasstcp::web::Exhibit;
use tokio::net::TcpListener;

use crate::cli::serve::{bind_error, reachable};
use crate::cli::signals::{Signals, Told};

/// Serves it there until a signal ends it.
pub fn run(at: SocketAddr, done: &Done) -> anyhow::Result<()> {
    let recordings = done.runs.iter().map(|run| {
        let name = format!("{}.events.jsonl", run.name);
        (name, run.events.clone().into())
    });
    let site = Some(Exhibit::new(recordings.collect()).site());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let shown = runtime.block_on(async {
        let mut signals = Signals::new().context("cannot handle signals")?;
        let listener = TcpListener::bind(at).await;
        let listener = listener.map_err(|error| anyhow!(bind_error(at, &error)))?;
        let place = listener.local_addr().context("cannot tell the address of the socket")?;
        let place = SocketAddr::new(reachable(place.ip()), place.port());
        crate::cli::say(&format!("\nwatch it: http://{place}/glass/  (Ctrl-C ends it)\n"))?;
        let context = Arc::new(ServiceContext { site, ..ServiceContext::default() });
        let serving = tokio::spawn(serve_listener(listener, Service::Http, context));
        while let Told::Counters = signals.next().await {}
        serving.abort();
        Ok(())
    });
    runtime.shutdown_background();
    shown
}
