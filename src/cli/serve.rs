//! `glasstcp serve`: a service over a socket of the kernel, to compare the stack with.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use glasstcp::client::Sockets;
use glasstcp::device::impair::Share;
use glasstcp::device::impair::units::parse_share;
use glasstcp::runtime::memory;
use glasstcp::service::{
    Service, ServiceContext, ServiceSpec, Tally, Www, ping, serve_listener, serve_socket,
};
use tokio::net::{TcpListener, UdpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::interval;

use super::daemon::{Crowd, TIDY};
use super::log::{self, Detail, Printer};
use super::{client, services};

/// Run one service over a socket of the kernel instead of the stack
///
/// The services of `glasstcp up` are the same code here, over the kernel's TCP: so you can tell what
/// the stack does from what the service does, and measure one against the other. It makes no device and
/// takes no rights, but for a port under 1024.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  glasstcp serve --kernel 127.0.0.1:8080 http --www ~/site    then: curl http://127.0.0.1:8080/
  glasstcp serve --kernel 127.0.0.1:7007 echo                 then: nc 127.0.0.1 7007
  glasstcp serve --kernel [::]:8080 http                      on all addresses of this machine
  glasstcp serve --kernel 127.0.0.1:0 chargen                 on any free port, which it prints
  glasstcp serve --kernel 127.0.0.1:5353 dns --dns 192.0.2.1  then: dig -p 5353 @127.0.0.1 example.org

Echo, discard, daytime, dns and ping answer over UDP on the same port too. Ctrl-C (SIGINT), SIGTERM and SIGHUP
end it; SIGUSR1 prints how many connections it has accepted and how many are open.

A connection that is silent for five minutes is probed every 30 seconds, and given up after five
probes without an answer.

Exit codes: 0 ended by a signal, 1 it cannot be done (one sentence says why), 2 the command line
cannot be read.")]
pub struct Args {
    /// Where to listen: an address of this machine and a port; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS:PORT", required = true, value_parser = address)]
    kernel: SocketAddr,

    /// The service: echo, discard, daytime, chargen, dns, http, iperf3, hello, ping or tasks
    #[arg(value_name = "NAME")]
    service: Service,

    /// The folder that the web server shows and stores uploads in, or whose files tasks ask for
    #[arg(long, value_name = "DIR")]
    www: Option<PathBuf>,

    /// Let ping leave this share of requests unanswered, such as 20%
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    ping_loss: Option<Share>,

    /// From which it comes by chance which these are
    #[arg(long, value_name = "N", default_value_t = 1)]
    impair_seed: u64,

    /// The DNS server that tasks asks for names, and that dns hands questions on to; port 53 unless another is given
    #[arg(long, value_name = "SERVER[:PORT]", value_parser = client::dns_server)]
    dns: Option<SocketAddr>,

    /// Say more: -v what is unusual, -vv every request
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
}

impl Args {
    /// Checks how the arguments fit together.
    ///
    /// # Errors
    /// A sentence that says what to do.
    fn check(&self) -> anyhow::Result<()> {
        match self.service {
            other if self.www.is_some() && !matches!(other, Service::Http | Service::Tasks) => {
                bail!("--www is for http and tasks, not for {other}: leave it out, or serve http")
            }
            other if self.dns.is_some() && !matches!(other, Service::Tasks | Service::Dns) => {
                bail!("--dns is for tasks and dns, not for {other}: leave it out, or serve tasks")
            }
            Service::Dns if self.dns.is_none() => {
                bail!("dns hands questions on to a DNS server: say to which with --dns SERVER")
            }
            other if self.ping_loss.is_some() && other != Service::Ping => {
                bail!("--ping-loss is for ping, not for {other}: leave it out, or serve ping")
            }
            _ => Ok(()),
        }
    }

    /// Serves until a signal ends it.
    pub fn run(self) -> anyhow::Result<()> {
        self.check()?;
        let printer = log::init(Detail::from_count(self.verbose));
        super::raise_file_limit();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        let result = runtime.block_on(self.live(&printer));
        // A thread that waits for a slow disk must not hold up the end.
        runtime.shutdown_background();
        printer.finish();
        result
    }

    async fn live(self, printer: &Printer) -> anyhow::Result<()> {
        // Before anything is there that somebody could want to end.
        let told = signals().context("cannot handle signals")?;
        let mut counters = signal(SignalKind::user_defined1()).context("cannot handle signals")?;
        let www = self.www.as_deref().map(Www::open).transpose()?;
        let sentence = |error: io::Error| anyhow!(bind_error(self.kernel, &error));
        let listener = TcpListener::bind(self.kernel).await.map_err(sentence)?;
        let place = listener.local_addr().context("cannot tell the address of the socket")?;
        let mut tasks = JoinSet::new();
        let context = Arc::new(ServiceContext {
            www,
            addresses: vec![reachable(place.ip())],
            services: vec![ServiceSpec { port: place.port(), ..self.service.into() }],
            ping_loss: Arc::new(ping::Loss::new(
                self.ping_loss.unwrap_or_default(),
                self.impair_seed,
            )),
            resolve: self.dns.map(|server| services::resolver(Sockets::Kernel, server)),
            forward: self.dns.map(|server| services::forward(Sockets::Kernel, server)),
            ..ServiceContext::default()
        });
        if self.service.has_udp() {
            let socket = UdpSocket::bind(place).await.map_err(sentence)?;
            tasks.spawn(serve_socket(socket, self.service, Arc::clone(&context)));
        }
        let tally = Arc::clone(&context.tally);
        tasks.spawn(serve_listener(listener, self.service, context));
        // Without standard output there is nobody to tell.
        let _ = io::stdout().write_all(welcome(self.service, place).as_bytes());
        let mut told = pin!(told);
        let (mut crowd, mut tidy) = (Crowd::default(), interval(TIDY));
        loop {
            tokio::select! {
                () = &mut told => return Ok(()),
                _ = counters.recv() => print_counters(&tally, printer),
                _ = tidy.tick() => {
                    if crowd.has_gone(tally.open()) {
                        memory::give_back();
                    }
                }
            }
        }
    }
}

/// Says how many connections there were, as `glasstcp up` says what its stack counts.
fn print_counters(tally: &Tally, printer: &Printer) {
    let (accepted, open) = (tally.accepted(), tally.open());
    let text = format!("{accepted} connections_accepted\n{open} connections\n");
    printer.print(text.as_bytes());
}

/// Ends with the first signal that says so. The handlers are there when it returns.
fn signals() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

/// What there is now, and what to try.
fn welcome(service: Service, place: SocketAddr) -> String {
    let at = SocketAddr::new(reachable(place.ip()), place.port());
    let (ip, port) = (at.ip(), at.port());
    let hint = match service {
        Service::Http => format!("curl http://{at}/"),
        Service::Echo => format!("telnet {ip} {port}"),
        Service::Discard => format!("nc -N {ip} {port} < FILE"),
        Service::Daytime => format!("nc {ip} {port}"),
        Service::Chargen => format!("nc {ip} {port} | head"),
        Service::Dns => format!("dig -p {port} @{ip} example.org"),
        Service::Iperf3 => format!("iperf3 -c {ip} -p {port}"),
        Service::Hello => format!("echo Hello in Python | nc {ip} {port}"),
        Service::Tasks => format!("echo 'CALC 2+3*4' | nc -N {ip} {port}"),
        Service::Ping => format!("nc {ip} {port}"),
    };
    format!(
        "glasstcp serves {service} on {place}, over the kernel's TCP\ntry: {hint}\nCtrl-C ends it\n"
    )
}

/// An address that leads to a socket bound to `ip`: one on this machine if that is all of them.
pub fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// Why there can be no socket at `place`, and what to do.
pub fn bind_error(place: SocketAddr, error: &io::Error) -> String {
    let (ip, port) = (place.ip(), place.port());
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "port {port} of {ip} is in use: end what has it (ss -ltnup shows it), or choose another port"
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!("{ip} is not an address of this machine: choose one that `ip address` lists")
        }
        io::ErrorKind::PermissionDenied => format!(
            "not permitted to listen on port {port} of {ip}: use sudo, or a port from 1024 on"
        ),
        _ => format!("cannot listen on port {port} of {ip}: {error}"),
    }
}

/// `127.0.0.1:8080` or `[::1]:8080`.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let sentence = "write an address and a port, as 127.0.0.1:8080 or [::1]:8080";
    text.parse().map_err(|_| match text.parse::<IpAddr>() {
        Ok(_) => format!("the port is missing: {sentence}"),
        Err(_) => format!("this is not an address with a port: {sentence}"),
    })
}

#[cfg(test)]
mod tests;
