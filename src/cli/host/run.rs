//! A stack that runs: from the link to the end of the last connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow};
use futures_util::future::select_all;
use glasstcp::control;
use glasstcp::device::tun_offload::TunOffload;
use glasstcp::device::udp_link::UdpLink;
use glasstcp::device::{self, Device, Guard, Offload, OpenConfig, Opened};
use glasstcp::net::{Net, Watchers, Watching};
use glasstcp::runtime::{self, Driver, FdDevice, Impaired, LinkHandle, LinkWatch, Settings};
use glasstcp::service::Metrics;
use glasstcp::stack::{Address, Config, Limits, Stack};
use glasstcp::tcp;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::decisions::Decisions;
use super::worker::Worker;
use super::{Link, Plan, UdpEnds};
use crate::cli::log::{self, Detail};
use crate::cli::serve;

/// How long connections may take to close before they are reset.
const GRACE: Duration = Duration::from_secs(2);
/// How often to look whether they have.
const LOOK: Duration = Duration::from_millis(10);
/// How long the last packets may be on the link, and how long the driver may take to send the last resets.
const LAST_PACKETS: Duration = Duration::from_secs(1);

/// A running stack and what goes with it. End it with [`Host::end`], so that what was made for it goes.
pub struct Host {
    counts: Counts,
    /// With one queue.
    link: Option<LinkHandle>,
    drivers: Vec<Driving>,
    /// The threads of all shards but the first.
    workers: Vec<Worker>,
    guard: Option<Guard>,
    place: Option<SocketAddr>,
    /// Who prints what it does.
    watching: Vec<Watching>,
}

/// A task that drives a stack.
type Driving = JoinHandle<<Driver as Future>::Output>;

/// What a stack and its link have counted.
#[derive(Clone)]
pub struct Counts {
    net: Net,
    watchers: Watchers,
    /// Of each queue.
    dropped: Vec<Arc<AtomicU64>>,
    metrics: Metrics,
}

impl Counts {
    fn new(net: Net, dropped: Vec<Arc<AtomicU64>>) -> Counts {
        let (stack, device) = (net.clone(), dropped.clone());
        let metrics = Metrics::new(move || {
            let device = device.clone();
            Box::pin(control::metrics(stack.clone(), move || sum(&device)))
        });
        Counts { watchers: Watchers::new(&net), net, dropped, metrics }
    }

    /// All of it as text for Prometheus.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The stack.
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// Who observes it.
    pub fn watchers(&self) -> &Watchers {
        &self.watchers
    }

    /// Its connections now.
    pub fn connections(&self) -> u64 {
        self.net.connection_count() as u64
    }

    /// Every counter that is not zero, and how much there is of what a stack keeps tables of, by name.
    pub fn rows(&self) -> Vec<(String, u64)> {
        let tables = self.net.tables();
        let kept = [
            ("connections", tables.connections),
            ("half_open", tables.half_open),
            ("time_wait", tables.time_wait),
            ("listeners", tables.listeners),
            ("udp_sockets", tables.udp_sockets),
            ("timers", tables.timers),
            ("tcp_memory_bytes", self.net.tcp_memory()),
        ];
        let kept = kept.map(|(name, count)| (name, count as u64));
        let counted = self.net.counters().rows();
        let rows = counted.into_iter().chain(kept).chain([("device_dropped", self.dropped())]);
        rows.map(|(name, count)| (name.to_owned(), count)).collect()
    }

    /// Packets that the device has refused.
    pub fn dropped(&self) -> u64 {
        sum(&self.dropped)
    }
}

fn sum(dropped: &[Arc<AtomicU64>]) -> u64 {
    dropped.iter().map(|dropped| dropped.load(Ordering::Relaxed)).sum()
}

impl Host {
    /// Opens the link and has a task drive the stack, or one on a thread of its own for each of its shards. Must be
    /// called within a tokio runtime.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub fn start(plan: &Plan) -> anyhow::Result<Host> {
        let course = log::Course::new(full_sized(plan.mtu));
        let mut host = match &plan.link {
            Link::Tun(config) if plan.queues > 1 => Host::start_shards(plan, config)?,
            _ => Host::start_alone(plan, &course)?,
        };
        if let Some(observer) = log::observer(plan.detail, plan.absolute) {
            host.watching.push(host.counts.watchers.add(Box::new(observer)));
        }
        if plan.detail == Detail::Transcript {
            host.watching.push(host.counts.watchers.add(Box::new(course)));
        }
        Ok(host)
    }

    fn start_alone(plan: &Plan, course: &log::Course) -> anyhow::Result<Host> {
        let stack = Stack::new(stack_config(plan)?);
        let link = LinkHandle::new(plan.impair_seed);
        link.apply(&plan.impair).context("--impair")?;
        let mut place = None;
        let ((net, driver), dropped, guard) = match &plan.link {
            Link::Tun(config) => {
                let (tun, guard) = device::open(config, &plan.addresses)?;
                if config.offload != Offload::Off && matches!(tun, Opened::Plain(_)) {
                    ::log::warn!(
                        "the kernel cannot cut packets for {}: each goes by itself, which is slower",
                        tun.name()
                    );
                }
                let dropped = tun.dropped();
                (start(stack, tun, &link, plan.spin)?, dropped, Some(guard))
            }
            Link::Udp(ends) => {
                let (udp, local) = open_udp(*ends, plan)
                    .map_err(|error| anyhow!(serve::bind_error(ends.local, &error)))?;
                place = Some(local);
                let dropped = udp.dropped();
                (start(stack, udp, &link, plan.spin)?, dropped, None)
            }
        };
        if let (Some(place), [own, ..]) = (place, &plan.addresses[..]) {
            ::log::info!("the stack is {own}, and packets for it arrive at {place}");
        }
        let counts = Counts::new(net, vec![dropped]);
        let log: Option<Box<dyn LinkWatch + Send>> = match plan.detail {
            Detail::Transcript => Some(Box::new(course.clone())),
            // Those who print events print what the link does, too.
            Detail::Warnings | Detail::States | Detail::Segments => None,
        };
        link.set_watch(Some(Box::new(Decisions { watchers: counts.watchers.clone(), log })));
        let (link, drivers, workers) = (Some(link), vec![tokio::spawn(driver)], Vec::new());
        Ok(Host { counts, link, drivers, workers, guard, place, watching: Vec::new() })
    }

    /// A shard for each queue, the first of them on this thread.
    fn start_shards(plan: &Plan, config: &OpenConfig) -> anyhow::Result<Host> {
        let (queues, guard) = device::open_queues(config, &plan.addresses, plan.queues)?;
        let dropped = queues.iter().map(TunOffload::dropped).collect();
        let (net, seats) = runtime::share(stack_config(plan)?, plan.queues);
        let (mut drivers, mut workers) = (Vec::new(), Vec::new());
        for (index, (seat, queue)) in seats.into_iter().zip(queues).enumerate() {
            let runtime = match index {
                0 => Handle::current(),
                _ => {
                    let worker = Worker::start(format!("glasstcp-{index}"))
                        .context("cannot start a thread")?;
                    let runtime = worker.runtime().clone();
                    workers.push(worker);
                    runtime
                }
            };
            let _within = runtime.enter();
            let device = FdDevice::new(queue).context(UNWATCHED)?;
            drivers.push(tokio::spawn(seat.drive(device, Settings { spin: plan.spin })?));
        }
        let counts = Counts::new(net, dropped);
        let (link, guard, place, watching) = (None, Some(guard), None, Vec::new());
        Ok(Host { counts, link, drivers, workers, guard, place, watching })
    }

    /// What sockets are made on.
    pub fn net(&self) -> &Net {
        &self.counts.net
    }

    /// The link before it, which can be made bad; none before several queues.
    pub fn link(&self) -> Option<&LinkHandle> {
        self.link.as_ref()
    }

    /// Runs a future for each shard on its thread, one after the other.
    ///
    /// # Errors
    /// The first that one of them gives.
    pub async fn on_each_shard<F, T>(&self, run: impl Fn(Net) -> F) -> anyhow::Result<Vec<T>>
    where
        F: Future<Output = anyhow::Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        let here = Handle::current();
        let runtimes = std::iter::once(&here).chain(self.workers.iter().map(Worker::runtime));
        let mut done = Vec::new();
        for (net, runtime) in self.net().shards().zip(runtimes) {
            done.push(runtime.spawn(run(net)).await??);
        }
        Ok(done)
    }

    /// How to see what it counts, while it is borrowed.
    pub fn counts(&self) -> Counts {
        self.counts.clone()
    }

    /// Where packets arrive over UDP, with the port that was chosen for port 0.
    pub fn place(&self) -> Option<SocketAddr> {
        self.place
    }

    /// Whether its device is in a network namespace that was made for it.
    pub fn owns_netns(&self) -> bool {
        self.guard.as_ref().is_some_and(Guard::owns_netns)
    }

    /// Waits until the stack ends by itself, and says why it has.
    pub async fn ended(&mut self) -> anyhow::Error {
        match select_all(&mut self.drivers).await.0 {
            Ok(Ok(())) => anyhow!("the network stack has ended by itself"),
            Ok(Err(error)) => error.into(),
            Err(_) => anyhow!(
                "the network stack has failed, which is a bug: please report the message above"
            ),
        }
    }

    /// Whether a part of it has ended, by itself or because it was told.
    fn is_over(&self) -> bool {
        self.drivers.iter().any(JoinHandle::is_finished)
    }

    /// Closes all connections: with a FIN, and after the grace time with a reset. It is cut short when
    /// `told` is ready.
    pub async fn close(&mut self, told: impl Future<Output = ()>) {
        tokio::select! {
            () = told => {}
            () = self.close_all() => {}
        }
    }

    async fn close_all(&mut self) {
        let net = self.net();
        net.shutdown();
        let deadline = Instant::now() + GRACE;
        while net.connection_count() > 0 && Instant::now() < deadline {
            sleep(LOOK).await;
            if self.is_over() {
                break;
            }
        }
        net.abort_all();
        // The last packets have to arrive, lest the other side waits for them.
        if let Some(link) = self.link.as_ref().filter(|link| link.is_active()) {
            let _ = timeout(LAST_PACKETS, self.has_left(link)).await;
        }
        net.stop();
        for driver in self.drivers.iter_mut().filter(|driver| !driver.is_finished()) {
            let _ = timeout(LAST_PACKETS, driver).await;
        }
    }

    /// Ready when nothing is on the link any more.
    async fn has_left(&self, link: &LinkHandle) {
        loop {
            // The driver comes first, which sends what there is.
            sleep(LOOK).await;
            if link.outgoing() == 0 || self.is_over() {
                return;
            }
        }
    }

    /// Lets go of the device first, then of everything around it.
    pub async fn end(mut self) {
        self.watching.clear();
        let net = self.net();
        // A part of it may have failed, and what is left ends well.
        net.stop();
        for driver in self.drivers.iter_mut().filter(|driver| !driver.is_finished()) {
            if timeout(LAST_PACKETS, &mut *driver).await.is_err() {
                driver.abort();
                let _ = driver.await;
            }
        }
        drop(self.counts);
        drop(self.workers);
        drop(self.guard);
    }
}

/// What it means when a device cannot be waited for.
const UNWATCHED: &str = "cannot wait for the network device";

/// The text of a segment that fills a packet of `mtu` bytes, in bytes: less the headers of IP and TCP, and
/// timestamps, which nearly every peer takes (RFC 7323 appendix A).
fn full_sized(mtu: u16) -> u32 {
    u32::from(mtu) - 20 - 20 - 12
}

/// Joins the stack and its device, with the link between.
fn start<D>(
    stack: Stack,
    device: D,
    link: &LinkHandle,
    spin: Duration,
) -> anyhow::Result<(Net, Driver)>
where
    D: Device + std::os::fd::AsFd + Send + 'static,
{
    let device = FdDevice::new(device).and_then(|device| Impaired::new(device, link.clone()));
    let device = device.context(UNWATCHED)?;
    Ok(runtime::start_with(stack, device, Settings { spin })?)
}

/// A link over UDP, and where it is.
fn open_udp(ends: UdpEnds, plan: &Plan) -> io::Result<(UdpLink, SocketAddr)> {
    let link = match ends.remote {
        Some(remote) => UdpLink::open(ends.local, remote, plan.mtu)?,
        None => {
            let begun = std::time::Instant::now();
            let clock = move || glasstcp::time::Instant::ZERO + begun.elapsed();
            UdpLink::open_for_all(ends.local, &addresses(plan), plan.mtu, clock)?
        }
    };
    let local = link.local_addr()?;
    Ok((link, local))
}

/// The stack's addresses in the form the stack takes.
fn addresses(plan: &Plan) -> Vec<Address> {
    let prefix_len = plan.prefix_len;
    plan.ip_addresses().into_iter().map(|ip| Address { ip, prefix_len }).collect()
}

/// What the stack is made of.
fn stack_config(plan: &Plan) -> anyhow::Result<Config> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).context("the system gives no random numbers")?;
    let mut tcp = tcp::Config {
        congestion: plan.congestion,
        ecn: plan.ecn,
        fast_connect: plan.fast_open.connect(),
        ..tcp::Config::of(plan.profile)
    };
    tcp.limit_rto(plan.rto_max);
    Ok(Config {
        addresses: addresses(plan),
        mtu: plan.mtu,
        tcp,
        fast_accept: plan.fast_open.accept(),
        syn_cookies: plan.syn_cookies,
        limits: Limits {
            connections: plan.max_connections,
            tcp_memory: plan.memory,
            flight_memory: plan.flight_memory,
            ..Limits::default()
        },
        ..Config::new(plan.addresses[0].into(), plan.prefix_len, seed)
    })
}

#[cfg(test)]
mod tests;
