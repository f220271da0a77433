//! `glasstcp up`: what can be asked for, and whether it makes sense.

use std::net::SocketAddr;
use std::path::PathBuf;

use glasstcp::device::Offload;
use glasstcp::device::impair::Share;
use glasstcp::device::impair::units::parse_share;
use glasstcp::flight::Flight;
use glasstcp::service::registry::{self, ServiceError};
use glasstcp::service::{Service, ServiceSpec};
use glasstcp::stack::MAX_SHARDS;

use super::client;
use super::host::{self, Link, Role};
use super::{record, web};

/// Start the stack on a TUN device and serve until Ctrl-C
///
/// Makes a TUN device, gives the kernel one address on it and the stack another, and answers what the
/// kernel sends there: ping, TCP and UDP. Some services run on the stack to try it with. At the end
/// (Ctrl-C or SIGTERM) open connections are closed, and the device goes, with the network namespace
/// if it was made for it.
///
/// It takes the right to make network devices (CAP_NET_ADMIN): run it with sudo.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo glasstcp up                                   on the host; then: ping 10.9.0.2
  sudo glasstcp up --netns glass                     in a network namespace of its own:
                                                     sudo ip netns exec glass ping 10.9.0.2
  sudo glasstcp up --netns glass -vv                 with every segment on the screen
  sudo glasstcp up --www ~/site --serve http:8080    a folder over HTTP, on port 8080
  sudo glasstcp up --addr 192.168.77.1/24            another network, the stack at 192.168.77.2
  sudo glasstcp up --netns glass --web 127.0.0.1:8080
                                                     then open http://127.0.0.1:8080/ and watch what it does
  sudo glasstcp up --serve ping --ping-loss 20%      something for 'glasstcp ping' that loses one in five
  sudo glasstcp up --serve dns --dns 10.9.0.1        dig @10.9.0.2 example.org asks the server at 10.9.0.1
  sudo glasstcp up --cc tahoe -vv                    what cwnd did before there was fast recovery
  sudo glasstcp up --serve http --serve http:81,cc=reno
                                                     the same pages with two congestion controls
  sudo glasstcp up --impair 'delay=20ms out:loss=1%' a long link that loses; later: sudo glasstcp impair clear
  sudo kill -USR1 $(pidof glasstcp)                  print the counters

A connection to a service that is silent for five minutes is probed every 30 seconds, and given up
after five probes without an answer.

Signals: SIGINT (Ctrl-C), SIGTERM and SIGHUP close all connections and end it; a second one ends it
at once. SIGUSR1 prints the counters to standard error.

Exit codes: 0 ended by a signal, 1 it cannot be done (one sentence says why), 2 the command line
cannot be read.")]
pub struct Args {
    #[command(flatten)]
    host: host::Args,

    /// How many queues the device has, 1 to 64, each with a thread and a stack of its own: worth it with as many
    /// processors to spare. What is limited is divided among them. It takes offload, and a link that is not made bad
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_SHARDS)))]
    queues: u16,

    /// The folder that the web server shows and stores uploads in, and whose files tasks ask for
    #[arg(long, value_name = "DIR")]
    www: Option<PathBuf>,

    /// Run a service (echo, discard, daytime, chargen or http, which run anyway, or dns, iperf3, hello, ping or tasks), on
    /// this port instead of its own, and with this congestion control instead of --cc; can be given several times
    #[arg(long, value_name = "NAME[:PORT][,cc=NAME]")]
    serve: Vec<ServiceSpec>,

    /// Let the service ping leave this share of requests unanswered, such as 20%; --impair-seed decides which
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    ping_loss: Option<Share>,

    /// The DNS server that the service tasks asks for names, and that the service dns hands questions on to; port 53
    /// unless another is given
    #[arg(long, value_name = "SERVER[:PORT]", value_parser = client::dns_server)]
    dns: Option<SocketAddr>,

    /// Run only what --serve asks for
    #[arg(long)]
    no_default_services: bool,

    #[command(flatten)]
    web: web::Args,

    #[command(flatten)]
    record: record::Args,

    /// Where 'glasstcp ss', 'glasstcp impair' and their like reach it [default: one in /run/glasstcp, found by itself]
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,

    /// End as by Ctrl-C when standard input ends: with whoever has started it, however that ends
    #[arg(long, hide = true)]
    end_with_stdin: bool,
}

/// What [`Args`] ask for, checked as far as that goes without touching the system.
#[derive(Debug, PartialEq)]
pub struct Plan {
    /// The stack itself.
    pub host: host::Plan,
    /// The services to run, by port.
    pub services: Vec<ServiceSpec>,
    /// The folder of the web server.
    pub www: Option<PathBuf>,
    /// What ping does not answer.
    pub ping_loss: Share,
    /// Whom the services tasks and dns ask.
    pub dns: Option<SocketAddr>,
    /// The page that shows it.
    pub web: web::Plan,
    /// The files that are written.
    pub record: record::Plan,
    /// The control socket, where it is not to be the usual one.
    pub control: Option<PathBuf>,
    /// Whether it ends when its standard input does.
    pub ends_with_stdin: bool,
}

/// Why arguments do not fit together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Those of the stack.
    #[error(transparent)]
    Host(#[from] host::PlanError),
    /// Several queues of what has none.
    #[error("--queues is for a device: leave it out, or --link")]
    QueuesOfLink,
    /// Several queues of a device that cannot have them.
    #[error("--queues takes offload: leave it out, or --offload off")]
    QueuesPlain,
    /// One link before several queues.
    #[error(
        "--impair and --drop make one link bad, and there is one for each of --queues: leave it out, or them"
    )]
    QueuesBad,
    /// A folder to serve, and nothing that serves it.
    #[error(
        "--www needs the service http or tasks: add --serve http, or leave --no-default-services out"
    )]
    NoHttp,
    /// Text for a page that nobody serves.
    #[error("--payload is for the page at /glass/: add --serve http or --web, or leave it out")]
    NoPage,
    /// A loss for a service that does not run.
    #[error("--ping-loss is for the service ping: add --serve ping, or leave it out")]
    NoPing,
    /// A DNS server for a service that does not run.
    #[error(
        "--dns is for the services tasks and dns: add --serve tasks or --serve dns, or leave it out"
    )]
    NoAsker,
    /// A service that asks a DNS server, and no server.
    #[error("the service dns hands questions on to a DNS server: say to which with --dns SERVER")]
    NoServer,
    /// Too little for anything to be kept.
    #[error("--flight-memory has room for nothing: give {0}k at least, or 0 to go without")]
    FlightMemory(usize),
    /// The files do not fit together.
    #[error("{0}")]
    Record(&'static str),
    /// The services do not fit together.
    #[error(transparent)]
    Services(#[from] ServiceError),
}

impl Args {
    /// Checks how the arguments fit together.
    pub fn plan(self) -> Result<Plan, PlanError> {
        let host = with_queues(self.host.plan(Role::Server)?, self.queues)?;
        let record = self.record.plan().map_err(PlanError::Record)?;
        let least = Flight::LEAST * usize::from(host.queues);
        if (1..least).contains(&record.flight_memory) {
            return Err(PlanError::FlightMemory(least.div_ceil(1 << 10)));
        }
        let host = host::Plan { flight_memory: record.flight_memory, ..host };
        let services = registry::plan(!self.no_default_services, &self.serve)?;
        let serves = |spec: &ServiceSpec| matches!(spec.service, Service::Http | Service::Tasks);
        if self.www.is_some() && !services.iter().any(serves) {
            return Err(PlanError::NoHttp);
        }
        let ping = services.iter().any(|spec| spec.service == Service::Ping);
        if self.ping_loss.is_some() && !ping {
            return Err(PlanError::NoPing);
        }
        let ping_loss = self.ping_loss.unwrap_or_default();
        let asks = |spec: &ServiceSpec| matches!(spec.service, Service::Tasks | Service::Dns);
        if self.dns.is_some() && !services.iter().any(asks) {
            return Err(PlanError::NoAsker);
        }
        if self.dns.is_none() && services.iter().any(|spec| spec.service == Service::Dns) {
            return Err(PlanError::NoServer);
        }
        let (www, dns, control, web) = (self.www, self.dns, self.control, self.web.plan());
        if web.payload && web.at.is_none() && !services.iter().any(is_http) {
            return Err(PlanError::NoPage);
        }
        let ends_with_stdin = self.end_with_stdin;
        Ok(Plan { host, services, www, ping_loss, dns, web, record, control, ends_with_stdin })
    }
}

/// Whether it serves the page.
fn is_http(spec: &ServiceSpec) -> bool {
    spec.service == Service::Http
}

/// The same host with so many queues.
fn with_queues(host: host::Plan, queues: u16) -> Result<host::Plan, PlanError> {
    match &host.link {
        _ if queues == 1 => {}
        Link::Udp(_) => return Err(PlanError::QueuesOfLink),
        Link::Tun(device) if device.offload == Offload::Off => return Err(PlanError::QueuesPlain),
        Link::Tun(_) if !host.impair.rules.is_empty() => return Err(PlanError::QueuesBad),
        Link::Tun(_) => {}
    }
    Ok(host::Plan { queues, ..host })
}

#[cfg(test)]
mod tests;
