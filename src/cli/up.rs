//! `glasstcp up`: what can be asked for, and whether it makes sense.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use glasstcp::device::impair::Spec;
use glasstcp::device::link::Cidr;
use glasstcp::device::{self, OpenConfig, netns};
use glasstcp::service::registry::{self, ServiceError};
use glasstcp::service::{Service, ServiceSpec};
use glasstcp::tcp::Ecn;
use glasstcp::tcp::congestion::Algorithm;

use super::log::Detail;

/// Smallest MTU that is taken: what every host of the Internet must accept (RFC 791 3.1), and TCP's
/// default segments of 536 bytes just fit (RFC 9293 3.7.1).
const MIN_MTU: u16 = 576;

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
    /// Name of the network device
    #[arg(long, value_name = "NAME", default_value = "glass0", value_parser = device_name)]
    dev: String,

    /// The kernel's address on the device, with the length of the network's prefix (1 to 30)
    #[arg(long, value_name = "ADDRESS/PREFIX", default_value = "10.9.0.1/24", value_parser = kernel_address)]
    addr: Cidr,

    /// The stack's own address, in the same network; can be given several times [default: the one
    /// after --addr]
    #[arg(long, value_name = "ADDRESS")]
    stack_addr: Vec<Ipv4Addr>,

    /// Largest IP packet on the device, in bytes, 576 to 65535
    #[arg(long, value_name = "BYTES", default_value_t = 1500, value_parser = mtu)]
    mtu: u16,

    /// Put the device into this network namespace, and make it first if there is none of that name
    #[arg(long, value_name = "NAME", value_parser = netns_name)]
    netns: Option<String>,

    /// The folder that the web server shows and stores uploads in
    #[arg(long, value_name = "DIR")]
    www: Option<PathBuf>,

    /// Run a service (echo, discard, daytime, chargen or http), on this port instead of its own, and
    /// with this congestion control instead of --cc; can be given several times
    #[arg(long, value_name = "NAME[:PORT][,cc=NAME]")]
    serve: Vec<ServiceSpec>,

    /// Run only what --serve asks for, not all services
    #[arg(long)]
    no_default_services: bool,

    /// The congestion control: what becomes of a window in which something was lost. tahoe begins anew
    /// with one segment, reno halves it for each loss, newreno once for all of them; cubic keeps seven tenths
    /// and comes back along a curve of time; bbr goes by how fast the path delivers and how short its round
    /// trip is
    #[arg(long, value_name = "NAME", default_value_t, ignore_case = true, value_parser = congestion_control())]
    cc: Algorithm,

    /// Explicit congestion notification, with which routers mark packets instead of dropping them: off never
    /// uses it, accept does when the peer asks, request asks too
    #[arg(long, value_name = "off|accept|request", default_value_t)]
    ecn: Ecn,

    /// Let the link be as bad as this, from the start: out: is what the stack sends; can be given several
    /// times, and changed with 'glasstcp impair'. docs/link.md has the language
    #[arg(long, value_name = "RULE")]
    impair: Vec<Spec>,

    /// From which all chance on the link comes
    #[arg(long, value_name = "N", default_value_t = 1)]
    impair_seed: u64,

    /// Where 'glasstcp impair' reaches it [default: one in /run/glasstcp, found by itself]
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,

    /// Show sequence numbers as they are on the wire, not counted from the start of the connection
    #[arg(long)]
    absolute: bool,

    /// Say more: -v every change of a connection's state, -vv every segment
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
}

/// What [`Args`] ask for, checked as far as that goes without touching the system.
#[derive(Debug, PartialEq)]
pub struct Plan {
    /// The device to make.
    pub device: OpenConfig,
    /// The stack's own addresses, at least one.
    pub addresses: Vec<Ipv4Addr>,
    /// The services to run, by port.
    pub services: Vec<ServiceSpec>,
    /// The folder of the web server.
    pub www: Option<PathBuf>,
    /// The congestion control of all connections, but for services that have one of their own.
    pub congestion: Algorithm,
    /// Explicit congestion notification of all connections.
    pub ecn: Ecn,
    /// What the link does to packets.
    pub impair: Spec,
    /// From which chance on the link comes.
    pub impair_seed: u64,
    /// The control socket, where it is not to be the usual one.
    pub control: Option<PathBuf>,
    /// How much to print.
    pub detail: Detail,
    /// Whether to print sequence numbers as they are on the wire.
    pub absolute: bool,
}

/// Why arguments do not fit together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The kernel could not reach it over the device.
    #[error("--stack-addr {0} is not in the network of --addr {1}: choose {2}")]
    Outside(Ipv4Addr, Cidr, String),
    /// It stands for the network or for all its hosts.
    #[error("--stack-addr {0} stands for all of the network of --addr {1}: choose {2}")]
    NotAHost(Ipv4Addr, Cidr, String),
    /// The kernel has it.
    #[error("--stack-addr {0} is the kernel's own address (--addr): choose {1}")]
    Kernels(Ipv4Addr, String),
    /// Given twice.
    #[error("--stack-addr {0} is given twice: leave one out")]
    Twice(Ipv4Addr),
    /// A folder to serve, and nothing that serves it.
    #[error("--www needs the service http: add --serve http, or leave --no-default-services out")]
    NoHttp,
    /// The services do not fit together.
    #[error(transparent)]
    Services(#[from] ServiceError),
}

impl Args {
    /// Checks how the arguments fit together.
    pub fn plan(self) -> Result<Plan, PlanError> {
        let addresses = stack_addresses(self.addr, self.stack_addr)?;
        let services = registry::plan(!self.no_default_services, &self.serve)?;
        let http = services.iter().any(|spec| spec.service == Service::Http);
        if self.www.is_some() && !http {
            return Err(PlanError::NoHttp);
        }
        Ok(Plan {
            device: OpenConfig {
                name: self.dev,
                address: self.addr,
                mtu: self.mtu,
                netns: self.netns,
            },
            addresses,
            services,
            www: self.www,
            congestion: self.cc,
            ecn: self.ecn,
            impair: Spec { rules: self.impair.into_iter().flat_map(|spec| spec.rules).collect() },
            impair_seed: self.impair_seed,
            control: self.control,
            detail: Detail::from_count(self.verbose),
            absolute: self.absolute,
        })
    }
}

impl Plan {
    /// The stack's addresses in the form the stack takes.
    pub fn ip_addresses(&self) -> Vec<IpAddr> {
        self.addresses.iter().map(|&address| address.into()).collect()
    }
}

/// The stack's addresses: those asked for, or the one beside the kernel's.
fn stack_addresses(kernel: Cidr, asked: Vec<Ipv4Addr>) -> Result<Vec<Ipv4Addr>, PlanError> {
    let (first, last) = hosts(kernel);
    if asked.is_empty() {
        let own = kernel.address.to_bits();
        let beside = if kernel.address == last { own - 1 } else { own + 1 };
        return Ok(vec![Ipv4Addr::from_bits(beside)]);
    }
    for (index, &address) in asked.iter().enumerate() {
        if !kernel.contains(address) {
            return Err(PlanError::Outside(address, kernel, choice(kernel)));
        }
        if address < first || address > last {
            return Err(PlanError::NotAHost(address, kernel, choice(kernel)));
        }
        if address == kernel.address {
            return Err(PlanError::Kernels(address, choice(kernel)));
        }
        if asked[..index].contains(&address) {
            return Err(PlanError::Twice(address));
        }
    }
    Ok(asked)
}

/// The first and the last address of a host in the network.
fn hosts(network: Cidr) -> (Ipv4Addr, Ipv4Addr) {
    let first = network.network().to_bits() + 1;
    let last = network.broadcast().to_bits() - 1;
    (Ipv4Addr::from_bits(first), Ipv4Addr::from_bits(last))
}

/// What the stack can have, as the end of a sentence.
fn choice(kernel: Cidr) -> String {
    let own = kernel.address;
    let (first, last) = hosts(kernel);
    let after = |address: Ipv4Addr| Ipv4Addr::from_bits(address.to_bits() + 1);
    let before = |address: Ipv4Addr| Ipv4Addr::from_bits(address.to_bits() - 1);
    let (low, high) = match own {
        own if own == first => (after(first), last),
        own if own == last => (first, before(last)),
        own => return format!("one from {first} to {last}, not {own}"),
    };
    if low == high { low.to_string() } else { format!("one from {low} to {high}") }
}

fn device_name(text: &str) -> Result<String, device::OpenError> {
    device::check_name(text).map(|()| text.to_owned())
}

fn netns_name(text: &str) -> Result<String, netns::NetnsError> {
    netns::check_name(text).map(|()| text.to_owned())
}

/// The address of a host with a network that has room for two hosts.
pub fn kernel_address(text: &str) -> Result<Cidr, String> {
    let wanted = "write it as 10.9.0.1/24";
    let (address, prefix_len) = text
        .split_once('/')
        .ok_or_else(|| format!("the length of the prefix is missing: {wanted}"))?;
    let address: Ipv4Addr =
        address.parse().map_err(|_| format!("'{address}' is not an IPv4 address: {wanted}"))?;
    let prefix_len = match prefix_len.parse() {
        Ok(len @ 1..=30) => len,
        _ => {
            let why = "from 1 to 30, so that there is room for the kernel and the stack";
            return Err(format!("the length of the prefix must be a number {why}"));
        }
    };
    let cidr = Cidr { address, prefix_len };
    let is_host =
        !(address.octets()[0] == 0 || address.is_loopback() || address.octets()[0] >= 224);
    if !is_host {
        return Err(format!(
            "{address} is not an address that a host can have: take a private one, as 10.9.0.1/24"
        ));
    }
    if address == cidr.network() || address == cidr.broadcast() {
        return Err(format!(
            "{address} stands for all of its network: take another one in it, as {}/{prefix_len}",
            Ipv4Addr::from_bits(cidr.network().to_bits() + 1)
        ));
    }
    Ok(cidr)
}

/// The list is there for the help and for the shells, which complete from it.
fn congestion_control() -> impl TypedValueParser<Value = Algorithm> {
    PossibleValuesParser::new(Algorithm::ALL.map(Algorithm::name))
        .try_map(|name| name.parse::<Algorithm>())
}

/// The MTU of a device.
pub fn mtu(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(mtu @ MIN_MTU..) => Ok(mtu),
        _ => Err(format!(
            "the MTU must be a number from {MIN_MTU}, which every host must accept, to 65535, the longest IP packet"
        )),
    }
}

#[cfg(test)]
mod tests;
