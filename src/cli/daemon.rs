//! The life of the daemon: open the device, run the stack and its services, end on a signal.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use std::{io, thread};

use anyhow::Context;
use glasstcp::client::Sockets;
use glasstcp::net::Net;
use glasstcp::observe::counters;
use glasstcp::observe::stream::GATHER;
use glasstcp::runtime::memory;
use glasstcp::service::{Service, ServiceContext, ServiceSpec, Www, ping};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::task::spawn_blocking;
use tokio::time::interval;

use super::host::{Counts, Host, Link, Worker};
use super::log::{self, Printer};
use super::record::Files;
use super::serve::reachable;
use super::signals::{Signals, Told};
use super::up::Plan;
use super::web::Page;
use super::{control, say, services};

/// How often to look whether a crowd of connections has gone, so that its memory can.
pub(super) const TIDY: Duration = Duration::from_secs(1);

/// Runs the daemon to its end.
pub fn run(plan: Plan) -> anyhow::Result<()> {
    let printer = log::init(plan.host.detail);
    super::raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(live(plan, &printer));
    // A thread that waits for a slow disk must not hold up the end.
    runtime.shutdown_background();
    printer.finish();
    result
}

async fn live(mut plan: Plan, printer: &Printer) -> anyhow::Result<()> {
    // Before anything is made that a signal would leave behind.
    let mut signals = Signals::new().context("cannot handle signals")?;
    if plan.ends_with_stdin {
        thread::spawn(end_with_stdin);
    }
    let www = plan.www.as_deref().map(Www::open).transpose()?;
    let host = Host::start(&plan.host)?;
    if let Some(place) = host.place() {
        plan.host.is_at(place);
    }
    let mut daemon = Daemon { host, printer };
    let files = Files::start(&plan.record, &daemon.host.counts())?;
    // What is told to who watches is made where it holds up nobody else.
    let viewers = Worker::start("viewers".to_owned()).context("cannot start a thread")?;
    let mut page = Page::new(plan.web, &daemon.host, &plan.host, viewers.runtime()).await?;
    let sockets = Sockets::Stack(daemon.host.net().clone());
    let context = Arc::new(ServiceContext {
        www,
        addresses: plan.host.ip_addresses(),
        services: plan.services.clone(),
        netns: plan.host.netns().map(str::to_owned),
        ping_loss: Arc::new(ping::Loss::new(plan.ping_loss, plan.host.impair_seed)),
        resolve: plan.dns.map(|server| services::resolver(sockets.clone(), server)),
        metrics: Some(daemon.host.counts().metrics().clone()),
        site: Some(page.site()),
        forward: plan.dns.map(|server| services::forward(sockets.clone(), server)),
        ..ServiceContext::default()
    });
    let mut services = services::start_udp(daemon.host.net(), &context).await?;
    let on_shards = daemon.host.on_each_shard(|net| {
        let context = Arc::clone(&context);
        async move {
            let mut services = services::start(&net, &context).await?;
            services.spawn(tidy(net));
            Ok(services)
        }
    });
    let on_shards = on_shards.await?;
    let place = control::place(plan.control.as_deref(), &plan.host.name())?;
    if let Some(listener) = place {
        let (link, counts) = (daemon.host.link().cloned(), daemon.host.counts());
        services
            .spawn(listener.serve(viewers.runtime().clone(), control::handler(link, Some(counts))));
    }
    // It serves whoever asks, whether or not somebody reads this.
    let pages = pages(&plan, &page.fragment(), page.serve(&mut services)?);
    let _ = say(&welcome(&plan, daemon.host.owns_netns(), &pages));
    let result = daemon.until_told(&mut signals).await;
    if result.is_ok() {
        daemon.close(&mut signals).await;
    }
    services.shutdown().await;
    for mut services in on_shards {
        services.shutdown().await;
    }
    daemon.host.end().await;
    // The last resets are among what is seen and written.
    tokio::time::sleep(2 * GATHER).await;
    write_to_the_end(files, &mut signals).await;
    result
}

/// Has what is left written to files; a second signal does not wait for it.
async fn write_to_the_end(files: Files, signals: &mut Signals) {
    tokio::select! {
        _ = spawn_blocking(move || files.end()) => {}
        () = signals.until_end() => {}
    }
}

/// Waits until standard input ends, and then says what Ctrl-C does.
fn end_with_stdin() {
    // Whether it ends well or not is the same.
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
    let _ = kill(Pid::this(), Signal::SIGINT);
}

/// A running stack and what goes with it.
struct Daemon<'a> {
    host: Host,
    printer: &'a Printer,
}

impl Daemon<'_> {
    /// Waits for the signal that ends it; fails when the stack ends by itself.
    async fn until_told(&mut self, signals: &mut Signals) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                error = self.host.ended() => return Err(error),
                told = signals.next() => match told {
                    Told::End => return Ok(()),
                    Told::Counters => print_counters(&self.host.counts(), self.printer),
                },
            }
        }
    }

    /// Closes all connections, gracefully unless another signal to end comes.
    async fn close(&mut self, signals: &mut Signals) {
        let (counts, printer) = (self.host.counts(), self.printer);
        let again = async {
            while let Told::Counters = signals.next().await {
                print_counters(&counts, printer);
            }
        };
        self.host.close(again).await;
    }
}

fn print_counters(counts: &Counts, printer: &Printer) {
    let rows = [("connections", counts.connections()), ("device_dropped", counts.dropped())];
    printer.print(counters::format(&counts.net().counters(), &rows).as_bytes());
}

/// Gives memory back that a thread holds, when a crowd of connections of its stack has gone.
pub(super) async fn tidy(net: Net) {
    let mut crowd = Crowd::default();
    let mut tidy = interval(TIDY);
    loop {
        tidy.tick().await;
        if crowd.has_gone(net.connection_count()) {
            memory::give_back();
        }
    }
}

/// Tells when many connections have gone whose memory is worth giving back.
#[derive(Default)]
pub(super) struct Crowd {
    /// Most connections there were since it was last given back.
    most: usize,
}

impl Crowd {
    /// Fewer are no crowd: each has a few MiB at most.
    const LEAST: usize = 16;

    /// Whether at least half of those there were are gone, now that there are `count`.
    pub(super) fn has_gone(&mut self, count: usize) -> bool {
        self.most = self.most.max(count);
        let gone = self.most >= Self::LEAST && count <= self.most / 2;
        if gone {
            self.most = count;
        }
        gone
    }
}

/// What there is now, and what to try.
fn welcome(plan: &Plan, owns_netns: bool, pages: &[String]) -> String {
    let place = match &plan.host.link {
        Link::Udp(ends) => {
            let remote = ends.remote.map_or_else(String::new, |remote| format!(" to {remote}"));
            format!("over UDP from {}{remote} (MTU {})", ends.local, plan.host.mtu)
        }
        Link::Tun(device) => {
            let netns = match &device.netns {
                Some(name) if owns_netns => {
                    format!(" in the network namespace {name}, made for it")
                }
                Some(name) => format!(" in the network namespace {name}"),
                None => String::new(),
            };
            format!("on {} (kernel {}, MTU {}){netns}", device.name, device.address, device.mtu)
        }
    };
    let own: Vec<_> = plan.host.addresses.iter().map(ToString::to_string).collect();
    let service = |spec: &ServiceSpec| match spec.congestion {
        Some(algorithm) => format!("{} {} ({algorithm})", spec.service, spec.port),
        None => format!("{} {}", spec.service, spec.port),
    };
    let services: Vec<_> = plan.services.iter().map(service).collect();
    let services = match services.is_empty() {
        true => "none".to_owned(),
        false => services.join(", "),
    };
    let hints = match &hints(plan)[..] {
        [] => String::new(),
        hints => format!("try: {}\n", hints.join("\n     ")),
    };
    let watch = match pages {
        [] => String::new(),
        pages => format!("watch: {}\n", pages.join("\n       ")),
    };
    let own = own.join(", ");
    format!("glasstcp is up: {own} {place}\nservices: {services}\n{hints}{watch}Ctrl-C ends it\n")
}

/// Where the page is that shows what it does: with the token where a change takes one.
fn pages(plan: &Plan, fragment: &str, here: Option<String>) -> Vec<String> {
    let http = plan.services.iter().find(|spec| spec.service == Service::Http);
    // The kernel cannot reach a stack over UDP.
    let http = http.filter(|_| matches!(plan.host.link, Link::Tun(_)));
    let address = plan.host.addresses[0];
    let own = http.map(|spec| match spec.port {
        80 => format!("http://{address}/glass/{fragment}"),
        port => format!("http://{address}:{port}/glass/{fragment}"),
    });
    here.into_iter().chain(own).collect()
}

/// Commands that show something, for what runs.
fn hints(plan: &Plan) -> Vec<String> {
    let address = plan.host.addresses[0];
    let port_of = |service| {
        let found = plan.services.iter().find(|spec| spec.service == service);
        found.map(|spec| spec.port)
    };
    let url = port_of(Service::Http).map(|port| match port {
        80 => format!("http://{address}/"),
        port => format!("http://{address}:{port}/"),
    });
    let prefix = match &plan.host.link {
        // The kernel cannot reach it.
        Link::Udp(ends) => {
            let here = SocketAddr::new(reachable(ends.local.ip()), ends.local.port());
            let there = match ends.remote {
                // Nobody else can be there.
                Some(remote) if is_taken(remote) => format!("--via udp-{remote}"),
                remote => {
                    let there = remote.unwrap_or(SocketAddr::new(here.ip(), 0));
                    format!("--link udp:{there},{here}")
                }
            };
            let way = match port_of(Service::Ping) {
                Some(port) => Some(format!("-p {port}")),
                // Over another's stack there is none.
                None if there.starts_with("--via") => None,
                None => Some("--icmp".to_owned()),
            };
            let ping = way.map(|way| format!("glasstcp ping {address} {way} {there}"));
            let get = url.map(|url| format!("glasstcp get {url} {there}"));
            return ping.into_iter().chain(get).collect();
        }
        Link::Tun(device) => match &device.netns {
            Some(name) => format!("sudo ip netns exec {name} "),
            None => String::new(),
        },
    };
    let mut hints = vec![format!("{prefix}ping {address}")];
    hints.extend(url.map(|url| format!("{prefix}curl {url}")));
    if let Some(port) = port_of(Service::Echo) {
        hints.push(format!("{prefix}telnet {address} {port}"));
    }
    hints
}

/// Whether somebody is at a place of this machine: over a link of ours, a glasstcp.
fn is_taken(place: SocketAddr) -> bool {
    UdpSocket::bind(place).is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

#[cfg(test)]
mod tests;
