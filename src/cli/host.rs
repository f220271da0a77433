//! The stack that a command brings up: over which link, with which addresses, and how its TCP shall be.
//!
//! ```text
//!   Args -> plan -> Plan -> Host::start ... Host::close, Host::end
//! ```

mod decisions;
mod offload;
mod run;
mod worker;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use glasstcp::device::impair::{Spec, units};
use glasstcp::device::link::Cidr;
use glasstcp::device::{self, OpenConfig, netns};
use glasstcp::stack::FastAccept;
use glasstcp::tcp::congestion::Algorithm;
use glasstcp::tcp::{Ecn, FastConnect, Profile};

use super::log::Detail;

use offload::{Checksum, Offload};
pub use run::{Counts, Host};
pub use worker::Worker;

/// Smallest MTU that is taken: what every host of the Internet must accept (RFC 791 3.1), and TCP's
/// default segments of 536 bytes just fit (RFC 9293 3.7.1).
const MIN_MTU: u16 = 576;

/// Connections of each service that clients have opened fast and not confirmed, at most.
const MAX_PENDING: usize = 256;
/// The kernel's address, unless another one is given.
const USUAL: Cidr = Cidr { address: Ipv4Addr::new(10, 9, 0, 1), prefix_len: 24 };
/// Where clients of a link choose a host, so many that two hardly ever choose the same one: an address that another
/// client has had a moment ago is not heard ([`HELD`](glasstcp::device::udp_link::HELD)).
const CLIENTS: Cidr = Cidr { address: Ipv4Addr::new(10, 128, 0, 0), prefix_len: 9 };

/// What can be asked for.
#[derive(Debug, clap::Args)]
#[group(id = "stack")]
pub struct Args {
    /// Name of the network device
    #[arg(long, value_name = "NAME", default_value = "glass0", value_parser = device_name)]
    dev: String,

    /// The kernel's address on the device, with the length of the network's prefix (1 to 30) [default:
    /// 10.9.0.1/24]
    #[arg(long, value_name = "ADDRESS/PREFIX", value_parser = kernel_address)]
    addr: Option<Cidr>,

    /// The stack's own address, in the same network; can be given several times [default: the one
    /// after --addr; of a client with --link it is that of --addr, or, if the link has a REMOTE end and --addr is not
    /// given, one of 10.128.0.0/9 by chance, so that others can go there too]
    #[arg(long, value_name = "ADDRESS")]
    stack_addr: Vec<Ipv4Addr>,

    /// After something was to be done, look for more for so many microseconds, up to 1000, before going to sleep, unless
    /// that is seen to be of no use: answers come sooner, and a processor is busy for as long
    #[arg(long, value_name = "US", default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=1000))]
    spin_us: u32,

    /// Largest IP packet on the device, in bytes, 576 to 65535
    #[arg(long, value_name = "BYTES", default_value_t = 1500, value_parser = mtu)]
    mtu: u16,

    /// Put the device into this network namespace, and make it first if there is none of that name
    #[arg(long, value_name = "NAME", value_parser = netns_name)]
    netns: Option<String>,

    /// Whether the kernel cuts up what the stack sends, and hands over uncut what its own TCP has: many times as fast.
    /// auto does it if the kernel can; with off each packet is one as on a wire
    #[arg(
        long,
        value_name = "auto|on|off",
        value_enum,
        default_value_t,
        hide_possible_values = true
    )]
    offload: Offload,

    /// With offload, the checksums of what the stack sends: partial leaves them to whoever sends a packet on, and a kernel
    /// that keeps it never takes them; full takes them here, for captures that look at them
    #[arg(
        long,
        value_name = "partial|full",
        value_enum,
        default_value_t,
        hide_possible_values = true
    )]
    checksum: Checksum,

    /// Instead of a device, which takes root, carry the IP packets over UDP between two glasstcp: from this
    /// address and port to that one; without the second, to wherever packets come from. Port 0 is any that is free
    #[arg(long, value_name = "udp:LOCAL[,REMOTE]", value_parser = udp_link, conflicts_with_all = ["dev", "netns", "offload", "checksum"])]
    link: Option<UdpEnds>,

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

    /// Whose habits connections have where the RFCs leave a choice: linux what Linux does, rfc what the RFCs say to the
    /// letter (a retransmission time-out of a second at least, a small initial window, late acknowledgments)
    #[arg(long, value_name = "linux|rfc", default_value_t)]
    profile: Profile,

    /// TCP Fast Open, data in the SYN: the stack uses it as a client where a program asks for it, its services
    /// accept it from clients that have a cookie, or both
    #[arg(
        long,
        value_name = "off|client|server|both",
        value_enum,
        default_value_t,
        hide_possible_values = true
    )]
    fast_open: FastOpen,

    /// Drop SYNs for which there is no room, as in a flood of them, and do not answer with cookies, from which a
    /// connection can be made when they come back
    #[arg(long)]
    no_syn_cookies: bool,

    /// At most so many connections, 1 to 16777216; a further one is refused, and counted
    #[arg(long, value_name = "N", default_value_t = 1 << 20, value_parser = clap::value_parser!(u32).range(1..=1 << 24))]
    max_connections: u32,

    /// What the buffers of all connections may hold together, as 512m or 4g, from 1m. Beyond two thirds of it no
    /// buffer grows, beyond all of it windows are small and what comes out of order has to come again
    #[arg(long, value_name = "SIZE", default_value = "1g", value_parser = memory)]
    memory: usize,

    /// The longest time until something lost goes again, however often it was lost, in seconds, 0.2 to 120. On a
    /// link that loses half, time-outs which double without end are what takes minutes
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = rto_max)]
    rto_max: Duration,

    /// Let the link be as bad as this, from the start: out: is what the stack sends; can be given several
    /// times, and changed with 'glasstcp impair'. docs/link.md has the language
    #[arg(long, value_name = "RULE")]
    impair: Vec<Spec>,

    /// Drop these packets on the link: short for --impair drop:RULE. data:nth=3 is the third one with data,
    /// out:syn:nth=1 the first SYN that the stack sends; can be given several times
    #[arg(long, value_name = "RULE", value_parser = drop_rule)]
    drop: Vec<Spec>,

    /// From which all chance on the link comes
    #[arg(long, value_name = "N", default_value_t = 1)]
    impair_seed: u64,

    /// Show sequence numbers as they are on the wire, not counted from the start of the connection
    #[arg(long)]
    absolute: bool,

    /// Print what TCP does in the manner of a course: states, segments, cwnd in segments, losses and what they
    /// lead to
    #[arg(long, conflicts_with = "verbose")]
    transcript: bool,

    /// Say more: -v every change of a connection's state, -vv every segment
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
}

/// The two ends of a link over UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpEnds {
    /// Where packets arrive.
    pub local: SocketAddr,
    /// Where they go to; `None`: to wherever others come from.
    pub remote: Option<SocketAddr>,
}

/// What the stack's packets go over.
#[derive(Clone, Debug, PartialEq)]
pub enum Link {
    /// A TUN device, on whose other side is the kernel.
    Tun(OpenConfig),
    /// UDP, on whose other side is another glasstcp.
    Udp(UdpEnds),
}

/// Who brings the stack up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It waits for others.
    Server,
    /// It goes to others.
    Client,
}

/// Who uses TCP Fast Open (RFC 7413); as on Linux clients may, and servers must be told to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum FastOpen {
    Off,
    #[default]
    Client,
    Server,
    Both,
}

impl FastOpen {
    /// What connections that the stack opens may do.
    pub fn connect(self) -> FastConnect {
        match self {
            FastOpen::Client | FastOpen::Both => FastConnect::Cookie,
            FastOpen::Off | FastOpen::Server => FastConnect::Off,
        }
    }

    /// What listeners allow.
    pub fn accept(self) -> Option<FastAccept> {
        let server = matches!(self, FastOpen::Server | FastOpen::Both);
        server.then(|| FastAccept::new(MAX_PENDING))
    }
}

/// What [`Args`] ask for, checked as far as that goes without touching the system.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What packets go over.
    pub link: Link,
    /// Largest IP packet, in bytes.
    pub mtu: u16,
    /// The stack's own addresses, at least one.
    pub addresses: Vec<Ipv4Addr>,
    /// Length of the network's prefix.
    pub prefix_len: u8,
    /// The congestion control of all connections, but for services that have one of their own.
    pub congestion: Algorithm,
    /// Explicit congestion notification of all connections.
    pub ecn: Ecn,
    /// Whose habits connections have.
    pub profile: Profile,
    /// Who uses TCP Fast Open.
    pub fast_open: FastOpen,
    /// Whether SYNs for which there is no room are answered with cookies.
    pub syn_cookies: bool,
    /// How many connections there may be.
    pub max_connections: usize,
    /// What the buffers of all of them may hold, in bytes.
    pub memory: usize,
    /// What the flight recorder may take, in bytes; 0: there is none.
    pub flight_memory: usize,
    /// The longest retransmission time-out.
    pub rto_max: Duration,
    /// How long to look for more before going to sleep.
    pub spin: Duration,
    /// How many queues the device has, each with a stack and a thread of its own; with more than one, the link
    /// is as it is.
    pub queues: u16,
    /// What the link does to packets.
    pub impair: Spec,
    /// From which chance on the link comes.
    pub impair_seed: u64,
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
    /// No address by chance.
    #[error("the system gives no random numbers: choose an address with --stack-addr")]
    NoChance,
    /// Given twice.
    #[error("--stack-addr {0} is given twice: leave one out")]
    Twice(Ipv4Addr),
}

impl Args {
    /// Checks how the arguments fit together.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub fn plan(self, role: Role) -> Result<Plan, PlanError> {
        let addr = self.addr.unwrap_or(USUAL);
        let prefix_len = addr.prefix_len;
        let addresses = match self.link {
            None => stack_addresses(addr, self.stack_addr)?,
            Some(ends) if self.stack_addr.is_empty() && role == Role::Client => {
                let own = match ends.remote {
                    // Others may come there too.
                    Some(_) if self.addr.is_none() => any_host()?,
                    _ => addr.address,
                };
                vec![own]
            }
            // There is no kernel whose address one could take.
            Some(_) => match stack_addresses(addr, self.stack_addr.clone()) {
                Err(PlanError::Kernels(..)) => self.stack_addr,
                addresses => addresses?,
            },
        };
        let link = match self.link {
            Some(ends) => Link::Udp(ends),
            None => {
                let (offload, checksums) = (self.offload.into(), self.checksum.into());
                let (mtu, netns) = (self.mtu, self.netns);
                let usual = OpenConfig::new(self.dev, addr);
                Link::Tun(OpenConfig { mtu, netns, offload, checksums, ..usual })
            }
        };
        Ok(Plan {
            link,
            mtu: self.mtu,
            addresses,
            prefix_len,
            congestion: self.cc,
            ecn: self.ecn,
            profile: self.profile,
            fast_open: self.fast_open,
            spin: Duration::from_micros(self.spin_us.into()),
            queues: 1,
            syn_cookies: !self.no_syn_cookies,
            max_connections: self.max_connections as usize,
            memory: self.memory,
            flight_memory: 0,
            rto_max: self.rto_max,
            impair: Spec {
                rules: self
                    .impair
                    .into_iter()
                    .chain(self.drop)
                    .flat_map(|spec| spec.rules)
                    .collect(),
            },
            impair_seed: self.impair_seed,
            detail: match self.transcript {
                true => Detail::Transcript,
                false => Detail::from_count(self.verbose),
            },
            absolute: self.absolute,
        })
    }
}

impl Plan {
    /// The stack's addresses in the form the stack takes.
    pub fn ip_addresses(&self) -> Vec<IpAddr> {
        self.addresses.iter().map(|&address| address.into()).collect()
    }

    /// The network namespace of the device, if it is in one of its own.
    pub fn netns(&self) -> Option<&str> {
        match &self.link {
            Link::Tun(device) => device.netns.as_deref(),
            Link::Udp(_) => None,
        }
    }

    /// Remembers where packets arrive over UDP, for which any port may have been taken.
    pub fn is_at(&mut self, place: SocketAddr) {
        if let Link::Udp(ends) = &mut self.link {
            ends.local = place;
        }
    }

    /// A name for the stack, by which its control socket is found.
    pub fn name(&self) -> String {
        match &self.link {
            Link::Tun(device) => super::control::socket_name(&device.name, device.netns.as_deref()),
            Link::Udp(ends) => format!("udp-{}", ends.local),
        }
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

/// The address of a client, which is that of no other as a rule.
fn any_host() -> Result<Ipv4Addr, PlanError> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|_| PlanError::NoChance)?;
    let (first, last) = hosts(CLIENTS);
    let chosen = first.to_bits() + u32::from_ne_bytes(bytes) % (last.to_bits() - first.to_bits());
    Ok(match chosen as u8 {
        // These stand for a network of 254 hosts.
        0 | 255 => Ipv4Addr::from_bits(chosen ^ 2),
        _ => Ipv4Addr::from_bits(chosen),
    })
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

fn memory(text: &str) -> Result<usize, String> {
    let bytes = units::parse_size(text).map_err(|error| error.to_string())?;
    usize::try_from(bytes)
        .ok()
        .filter(|&bytes| bytes >= 1 << 20)
        .ok_or_else(|| "give 1m at least, as 512m or 4g".to_owned())
}

fn rto_max(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let allowed = Duration::from_millis(200)..=Duration::from_secs(120);
    seconds
        .filter(|time| allowed.contains(time))
        .ok_or_else(|| "give a number of seconds from 0.2 to 120".to_owned())
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

/// `udp:127.0.0.1:7000` or `udp:127.0.0.1:7001,127.0.0.1:7000`.
fn udp_link(text: &str) -> Result<UdpEnds, String> {
    let wanted =
        "write it as udp:127.0.0.1:7000, or with the other end as udp:127.0.0.1:0,127.0.0.1:7000";
    let ends =
        text.strip_prefix("udp:").ok_or_else(|| format!("a link begins with udp: {wanted}"))?;
    let place = |text: &str| {
        text.parse::<SocketAddr>()
            .map_err(|_| format!("'{text}' is not an address with a port: {wanted}"))
    };
    let (local, remote) = match ends.split_once(',') {
        Some((local, remote)) => (place(local)?, Some(place(remote)?)),
        None => (place(ends)?, None),
    };
    if let Some(remote) = remote {
        if remote.port() == 0 {
            return Err(format!("port 0 is nowhere to send to: {wanted}"));
        }
        if remote.ip().is_unspecified() {
            return Err(format!("{} is nowhere to send to: {wanted}", remote.ip()));
        }
        if remote.is_ipv4() != local.is_ipv4() {
            return Err("both ends must be of IPv4, or both of IPv6".to_owned());
        }
        if is_of_many(remote.ip()) {
            return Err(format!("{} is not one other end but many: {wanted}", remote.ip()));
        }
        if remote == local {
            return Err(format!("{remote} would be both ends: {wanted}"));
        }
    }
    if is_of_many(local.ip()) {
        return Err(format!("{} is no address of this machine: {wanted}", local.ip()));
    }
    Ok(UdpEnds { local, remote })
}

/// Whether an address is that of a group, or of everybody.
fn is_of_many(address: IpAddr) -> bool {
    address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST)
}

/// A rule of `--impair` that drops, without the word.
fn drop_rule(text: &str) -> Result<Spec, String> {
    let (way, rule) = match text.split_once(':') {
        Some((way @ ("out" | "in"), rule)) => (format!("{way}:"), rule),
        _ => (String::new(), text),
    };
    let rule = rule.strip_prefix("drop:").unwrap_or(rule);
    let spec = format!("{way}drop:{rule}").parse::<Spec>();
    spec.map_err(|error| format!("{error}; docs/link.md has the language of rules"))
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
