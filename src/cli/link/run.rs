//! The life of an emulated link: open both ends, move packets, end on a signal.

use std::fs::File;
use std::io::{self, Write};
use std::net::{SocketAddr, SocketAddrV4};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, anyhow, bail, ensure};
use futures_util::FutureExt;
use glasstcp::control::{LinkStatus, Listener};
use glasstcp::device::{self, Guard, Offload, OpenConfig, Opened};
use glasstcp::runtime::{AsyncDevice, Emulator, FdDevice, LinkHandle, udp_proxy};
use tokio::net::lookup_host;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::super::log::{self, Detail, Printer};
use super::super::signals::{Signals, Told};
use super::super::{control, impair, serve};
use super::capture::{Capture, Ending, Watch};
use super::{Args, End, Lines};
use crate::cli::packets::cannot_write;

/// Emulates the link until a signal ends it.
pub fn run(args: &Args) -> anyhow::Result<()> {
    // A pipe is open when somebody reads it. Nothing is made yet that a signal would leave behind, and
    // nothing that there was is lost yet.
    let pcap = args.pcap.as_deref().map(open_capture).transpose()?;
    let detail = if args.verbose { Detail::Segments } else { Detail::Warnings };
    let printer = log::init(detail);
    crate::cli::raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(live(args, pcap, &printer));
    runtime.shutdown_background();
    printer.finish();
    result
}

/// A file, or a pipe, that packets will be written into; what is in it is there as yet.
fn open_capture(path: &Path) -> anyhow::Result<File> {
    let opened = File::options().write(true).create(true).truncate(false).open(path);
    opened.with_context(|| cannot_write(path))
}

async fn live(args: &Args, pcap: Option<File>, printer: &Printer) -> anyhow::Result<()> {
    // Before anything is made that a signal would leave behind.
    let signals = Signals::new().context("cannot handle signals")?;
    let link = LinkHandle::new(args.seed);
    link.apply(&args.spec()).context("--impair")?;
    let life = Life { args, pcap, link, signals, printer };
    match (&args.left, &args.right, args.udp, &args.to) {
        (Some(left), Some(right), ..) => life.join(left, right).await,
        (.., Some(listen), Some(to)) => life.proxy(listen, to).await,
        _ => bail!("a link has two ends: --left and --right, or --udp and --to"),
    }
}

/// A link that lives.
struct Life<'a> {
    args: &'a Args,
    pcap: Option<File>,
    link: LinkHandle,
    signals: Signals,
    printer: &'a Printer,
}

impl Life<'_> {
    /// Two devices.
    async fn join(self, left: &End, right: &End) -> anyhow::Result<()> {
        let (near, dropped_near, _guard) = self.open(left, right)?;
        let (far, dropped_far, _other_guard) = self.open(right, left)?;
        let name = control::socket_name(&left.device, left.netns.as_deref());
        let listener = control::place(self.args.control.as_deref(), &name)?;
        let text = welcome(left, right, listener.as_ref());
        self.run((near, far), listener, [dropped_near, dropped_far], &text).await
    }

    /// The device at one end, for packets to the other.
    fn open(
        &self,
        end: &End,
        other: &End,
    ) -> anyhow::Result<(FdDevice<Opened>, Arc<AtomicU64>, Guard)> {
        // A wire carries packets, and loses single ones.
        let config = OpenConfig {
            mtu: self.args.mtu,
            netns: end.netns.clone(),
            offload: Offload::Off,
            ..OpenConfig::new(&end.device, end.address)
        };
        let (tun, guard) = device::open(&config, &[other.address.address])?;
        let dropped = tun.dropped();
        let device = FdDevice::new(tun).context("cannot wait for the network device")?;
        Ok((device, dropped, guard))
    }

    /// A proxy for UDP.
    async fn proxy(self, listen: SocketAddrV4, to: &str) -> anyhow::Result<()> {
        let server = resolve(to).await?;
        check_server(listen, server)?;
        let opened = udp_proxy::open(listen, server);
        let sentence = |error| anyhow!(serve::bind_error(listen.into(), &error));
        let (near, far, dropped) = opened.map_err(sentence)?;
        self.link.spare_header(udp_proxy::HEADER_LEN);
        let place = near.local_addr().context("cannot tell the address of the socket")?;
        let name = format!("udp-{place}");
        let listener = control::place(self.args.control.as_deref(), &name)?;
        let text = format!(
            "glasstcp link: datagrams to {place} go to {server}, and the answers back\n{}Ctrl-C ends it\n",
            reached(listener.as_ref())
        );
        self.run((near, far), listener, [dropped, Arc::default()], &text).await
    }

    /// Has everything that passes recorded, if that was asked for.
    fn watch(&mut self) -> anyhow::Result<Option<Ending>> {
        let (capture, ending) = match (self.pcap.take(), &self.args.pcap) {
            (Some(file), Some(path)) => {
                // A pipe has no length.
                let _ = file.set_len(0);
                let (capture, ending) = Capture::begin(file, path.clone())?;
                (Some(capture), Some(ending))
            }
            _ => (None, None),
        };
        let lines = self.args.verbose.then_some(Lines);
        if capture.is_some() || lines.is_some() {
            self.link.set_watch(Some(Box::new(Watch { lines, capture })));
        }
        Ok(ending)
    }

    /// Moves packets until a signal ends it, and says what was counted.
    async fn run(
        mut self,
        (near, far): (impl AsyncDevice + Send + 'static, impl AsyncDevice + Send + 'static),
        listener: Option<Listener>,
        dropped: [Arc<AtomicU64>; 2],
        welcome: &str,
    ) -> anyhow::Result<()> {
        let ending = self.watch()?;
        let emulator = Emulator::new(near, far, self.link.clone(), self.args.spin)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(emulator.run());
        if let Some(listener) = listener {
            let answering =
                listener.serve(Handle::current(), control::handler(Some(self.link.clone()), None));
            tasks.spawn(answering.map(Ok));
        }
        // Without standard output there is nobody to tell.
        let _ = io::stdout().write_all(welcome.as_bytes());
        let result = self.until_told(&mut tasks, &dropped).await;
        let _ = io::stdout().write_all(self.counters(&dropped).as_bytes());
        tasks.shutdown().await;
        self.link.set_watch(None);
        let written = ending.map_or(Ok(()), Ending::wait);
        result.and(written)
    }

    /// Waits for the signal that ends it; fails when a device does.
    async fn until_told(
        &mut self,
        tasks: &mut JoinSet<io::Result<()>>,
        dropped: &[Arc<AtomicU64>; 2],
    ) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                Some(ended) = tasks.join_next() => ended.context("the link has failed, which is a bug")??,
                told = self.signals.next() => match told {
                    Told::Counters => self.printer.print(self.counters(dropped).as_bytes()),
                    Told::End => return Ok(()),
                },
            }
        }
    }

    fn counters(&self, dropped: &[Arc<AtomicU64>; 2]) -> String {
        let mut text = impair::format(&LinkStatus::of(&self.link));
        let refused: u64 = dropped.iter().map(|dropped| dropped.load(Ordering::Relaxed)).sum();
        if refused > 0 {
            text += &format!("{refused} packets that had come through could not be handed on\n");
        }
        text
    }
}

/// An IPv4 address and port for `HOST:PORT`.
async fn resolve(to: &str) -> anyhow::Result<SocketAddrV4> {
    let found = lookup_host(to).await.with_context(|| format!("cannot find the server {to}"))?;
    let ipv4 = found.filter_map(|address| match address {
        SocketAddr::V4(address) => Some(address),
        SocketAddr::V6(_) => None,
    });
    let first = ipv4.into_iter().next();
    first.ok_or_else(|| {
        anyhow!("the server {to} has no IPv4 address, and the link carries only IPv4")
    })
}

/// Whether datagrams can be handed on to `server`.
fn check_server(listen: SocketAddrV4, server: SocketAddrV4) -> anyhow::Result<()> {
    let ip = server.ip();
    ensure!(
        server.port() != 0,
        "--to {server} has no port: write the one that the server listens on"
    );
    ensure!(
        !(ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast()),
        "--to {server} is not the address of one server"
    );
    ensure!(server != listen, "--to {server} is where the link itself listens (--udp)");
    Ok(())
}

/// How to change the link.
fn reached(listener: Option<&Listener>) -> String {
    listener.map_or_else(String::new, |listener| {
        format!("change it: glasstcp impair --control {} RULE...\n", listener.path().display())
    })
}

/// What there is now, and what to try.
fn welcome(left: &End, right: &End, listener: Option<&Listener>) -> String {
    let inside = |end: &End| match &end.netns {
        Some(netns) => format!("sudo ip netns exec {netns} "),
        None => String::new(),
    };
    let place = |end: &End| match &end.netns {
        Some(netns) => format!("{} on {} in {netns}", end.address.address, end.device),
        None => format!("{} on {}", end.address.address, end.device),
    };
    format!(
        "glasstcp link: {} <-> {}\ntry: {}ping {}\n{}Ctrl-C ends it\n",
        place(left),
        place(right),
        inside(left),
        right.address.address,
        reached(listener),
    )
}
