//! The life of the daemon: open the device, run the stack and its services, end on a signal.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use glasstcp::device::{self, Guard};
use glasstcp::net::Net;
use glasstcp::observe::counters;
use glasstcp::runtime::{self, Driver, FdDevice, Impaired, LinkHandle, memory};
use glasstcp::service::{Service, ServiceContext, ServiceSpec, Www};
use glasstcp::stack::{Address, Config, Stack};
use glasstcp::tcp;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, sleep, timeout};

use super::log::{self, Detail, Printer};
use super::signals::{Signals, Told};
use super::up::Plan;
use super::{control, link, services};

/// How long connections may take to close before they are reset.
const GRACE: Duration = Duration::from_secs(2);
/// How often to look whether they have.
const LOOK: Duration = Duration::from_millis(10);
/// How often to look whether a crowd of connections has gone, so that its memory can.
const TIDY: Duration = Duration::from_secs(1);
/// How long the driver may take to send the last resets.
const LAST_PACKETS: Duration = Duration::from_secs(1);

/// Runs the daemon to its end.
pub fn run(plan: Plan) -> anyhow::Result<()> {
    let printer = log::init(plan.detail);
    super::raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(live(&plan, &printer));
    // A thread that waits for a slow disk must not hold up the end.
    runtime.shutdown_background();
    printer.finish();
    result
}

async fn live(plan: &Plan, printer: &Printer) -> anyhow::Result<()> {
    // Before anything is made that a signal would leave behind.
    let mut signals = Signals::new().context("cannot handle signals")?;
    let www = plan.www.as_deref().map(Www::open).transpose()?;
    let stack = Stack::new(stack_config(plan)?);
    let (tun, guard) = device::open(&plan.device, &plan.addresses)?;
    let dropped = tun.dropped();
    let link = LinkHandle::new(plan.impair_seed);
    link.apply(&plan.impair).context("--impair")?;
    if plan.detail == Detail::Segments {
        link.set_watch(Some(Box::new(link::Lines)));
    }
    let device = FdDevice::new(tun).and_then(|device| Impaired::new(device, link.clone()));
    let device = device.context("cannot wait for the network device")?;
    let (net, driver) = runtime::start(stack, device)?;
    if let Some(observer) = log::observer(plan.detail, plan.absolute) {
        net.set_observer(Some(Box::new(observer)));
    }
    let mut daemon = Daemon { net, driver: tokio::spawn(driver), dropped, printer, guard };
    let context = ServiceContext {
        www,
        addresses: plan.ip_addresses(),
        services: plan.services.clone(),
        netns: plan.device.netns.clone(),
        ..ServiceContext::default()
    };
    let mut services = services::start(&daemon.net, context).await?;
    let name = control::socket_name(&plan.device.name, plan.device.netns.as_deref());
    let place = control::place(plan.control.as_deref(), &name)?;
    if let Some(listener) = place {
        services.spawn(listener.serve(control::handler(link)));
    }
    say(&welcome(plan, daemon.guard.owns_netns()));
    let result = daemon.until_told(&mut signals).await;
    if result.is_ok() {
        daemon.close(&mut signals).await;
    }
    services.shutdown().await;
    daemon.end().await;
    result
}

/// What the stack is made of.
fn stack_config(plan: &Plan) -> anyhow::Result<Config> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).context("the system gives no random numbers")?;
    let prefix_len = plan.device.address.prefix_len;
    let addresses: Vec<_> =
        plan.ip_addresses().into_iter().map(|ip| Address { ip, prefix_len }).collect();
    Ok(Config {
        addresses,
        mtu: plan.device.mtu,
        tcp: tcp::Config { congestion: plan.congestion, ecn: plan.ecn, ..tcp::Config::default() },
        ..Config::new(plan.addresses[0].into(), prefix_len, seed)
    })
}

/// A running stack and what goes with it.
struct Daemon<'a> {
    net: Net,
    driver: JoinHandle<<Driver as Future>::Output>,
    dropped: Arc<AtomicU64>,
    printer: &'a Printer,
    guard: Guard,
}

impl Daemon<'_> {
    /// Waits for the signal that ends it; fails when the stack ends by itself.
    async fn until_told(&mut self, signals: &mut Signals) -> anyhow::Result<()> {
        let mut crowd = Crowd::default();
        let mut tidy = interval(TIDY);
        loop {
            tokio::select! {
                ended = &mut self.driver => match ended {
                    Ok(Ok(())) => bail!("the network stack has ended by itself"),
                    Ok(Err(error)) => return Err(error.into()),
                    Err(_) => bail!("the network stack has failed, which is a bug: please report the message above"),
                },
                told = signals.next() => match told {
                    Told::End => return Ok(()),
                    Told::Counters => self.print_counters(),
                },
                _ = tidy.tick() => if crowd.has_gone(self.net.connection_count()) {
                    memory::give_back();
                },
            }
        }
    }

    /// Closes all connections: with a FIN, and after the grace time with a reset. Another signal to
    /// end cuts it short.
    async fn close(&mut self, signals: &mut Signals) {
        self.net.shutdown();
        let deadline = Instant::now() + GRACE;
        while self.net.connection_count() > 0 && Instant::now() < deadline {
            tokio::select! {
                _ = &mut self.driver => return,
                () = sleep(LOOK) => {}
                told = signals.next() => match told {
                    Told::End => return,
                    Told::Counters => self.print_counters(),
                },
            }
        }
        self.net.abort_all();
        self.net.stop();
        let last = timeout(LAST_PACKETS, &mut self.driver);
        tokio::select! {
            _ = last => {}
            () = signals.until_end() => {}
        }
    }

    /// Lets go of the device first, then of everything around it.
    async fn end(mut self) {
        self.net.set_observer(None);
        if !self.driver.is_finished() {
            self.driver.abort();
            let _ = (&mut self.driver).await;
        }
        drop(self.net);
        drop(self.guard);
    }

    fn print_counters(&self) {
        let rows = [
            ("connections", self.net.connection_count() as u64),
            ("device_dropped", self.dropped.load(Ordering::Relaxed)),
        ];
        self.printer.print(counters::format(&self.net.counters(), &rows).as_bytes());
    }
}

/// Tells when many connections have gone whose memory is worth giving back.
#[derive(Default)]
struct Crowd {
    /// Most connections there were since it was last given back.
    most: usize,
}

impl Crowd {
    /// Fewer are no crowd: each has a few MiB at most.
    const LEAST: usize = 16;

    /// Whether at least half of those there were are gone, now that there are `count`.
    fn has_gone(&mut self, count: usize) -> bool {
        self.most = self.most.max(count);
        let gone = self.most >= Self::LEAST && count <= self.most / 2;
        if gone {
            self.most = count;
        }
        gone
    }
}

/// What there is now, and what to try.
fn welcome(plan: &Plan, owns_netns: bool) -> String {
    let device = &plan.device;
    let place = match &device.netns {
        Some(name) if owns_netns => format!(" in the network namespace {name}, made for it"),
        Some(name) => format!(" in the network namespace {name}"),
        None => String::new(),
    };
    let own: Vec<_> = plan.addresses.iter().map(ToString::to_string).collect();
    let service = |spec: &ServiceSpec| match spec.congestion {
        Some(algorithm) => format!("{} {} ({algorithm})", spec.service, spec.port),
        None => format!("{} {}", spec.service, spec.port),
    };
    let services: Vec<_> = plan.services.iter().map(service).collect();
    let services = match services.is_empty() {
        true => "none".to_owned(),
        false => services.join(", "),
    };
    format!(
        "glasstcp is up: {} on {} (kernel {}, MTU {}){place}\nservices: {services}\ntry: {}\nCtrl-C ends it\n",
        own.join(", "),
        device.name,
        device.address,
        device.mtu,
        hints(plan).join("\n     "),
    )
}

/// Commands that show something, for what runs.
fn hints(plan: &Plan) -> Vec<String> {
    let prefix = match &plan.device.netns {
        Some(name) => format!("sudo ip netns exec {name} "),
        None => String::new(),
    };
    let address = plan.addresses[0];
    let port_of = |service| {
        let found = plan.services.iter().find(|spec| spec.service == service);
        found.map(|spec| spec.port)
    };
    let mut hints = vec![format!("{prefix}ping {address}")];
    match port_of(Service::Http) {
        Some(80) => hints.push(format!("{prefix}curl http://{address}/")),
        Some(port) => hints.push(format!("{prefix}curl http://{address}:{port}/")),
        None => {}
    }
    if let Some(port) = port_of(Service::Echo) {
        hints.push(format!("{prefix}telnet {address} {port}"));
    }
    hints
}

/// Prints to standard output, if there is one.
fn say(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests;
