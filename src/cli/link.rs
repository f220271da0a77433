//! `glasstcp link`: what can be asked for, and whether it makes sense.

use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{bail, ensure};
use bytes::Bytes;
use glasstcp::device::impair::units::parse_time;
use glasstcp::device::impair::{Decision, Direction, Spec};
use glasstcp::device::link::Cidr;
use glasstcp::device::{self, netns};
use glasstcp::observe::text;
use glasstcp::runtime::{LinkWatch, Passage};
use glasstcp::time::Instant;

use super::host;

mod capture;
mod run;

/// Emulate a link between two network namespaces, or for UDP
///
/// Two TUN devices in two network namespaces, joined by a link of which you choose the rate, the delay, the
/// queue, the losses and more: what Linux's netem does, for any kernel, and the same link that
/// 'glasstcp sim' simulates. Both ends are the kernel's, so that any two programs can meet over it.
///
/// With --udp it is a proxy for UDP instead, which takes no rights: clients send to it, and it hands their
/// datagrams on to a server, and the answers back, over the same kind of link.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo glasstcp link --left a:link0,10.8.0.1/24 --right b:link0,10.8.0.2/24 --impair 'delay=20ms rate=10mbit'
  sudo ip netns exec a ping 10.8.0.2                 over it: 40 ms there and back
  sudo ip netns exec b iperf3 -s                     and for iperf3 -c 10.8.0.2 in a
  sudo glasstcp impair clear out:loss=1%             changes it while it runs
  glasstcp link --udp 127.0.0.1:7001 --to 127.0.0.1:7000 --impair 'loss=10% reorder=5%'
                                                     for clients that send to port 7001

out is from left to right, or from the clients to the server. docs/link.md has the language of --impair.
Namespaces are made if they are missing, and taken away at the end if they were made.

Packets that are due within --spin, and the next for as long after one, are waited for by looking at the
clock, which is exact and takes a CPU meanwhile: all of it while packets come that often. --spin 0 does not.

Signals: SIGINT (Ctrl-C), SIGTERM and SIGHUP end it, and it prints what was counted; SIGUSR1 prints that
without ending.

Exit codes: 0 ended by a signal, 1 it cannot be done (one sentence says why), 2 the command line cannot be
read.")]
pub struct Args {
    /// The device at the left end: its name, the address of the kernel on it, and where it is
    #[arg(long, value_name = "[NETNS:]DEVICE,ADDRESS/PREFIX", requires = "right", required_unless_present = "udp", value_parser = end)]
    left: Option<End>,

    /// The device at the right end
    #[arg(long, value_name = "[NETNS:]DEVICE,ADDRESS/PREFIX", requires = "left", value_parser = end)]
    right: Option<End>,

    /// Listen here for the datagrams of clients
    #[arg(long, value_name = "ADDRESS:PORT", requires = "to", conflicts_with_all = ["left", "right", "mtu"])]
    udp: Option<SocketAddrV4>,

    /// The server that they are for
    #[arg(long, value_name = "HOST:PORT", requires = "udp")]
    to: Option<String>,

    /// What the link does to packets; can be given several times
    #[arg(long, value_name = "RULE")]
    impair: Vec<Spec>,

    /// From which all chance comes
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Largest IP packet on the devices, in bytes, 576 to 65535
    #[arg(long, value_name = "BYTES", default_value_t = 1500, value_parser = host::mtu)]
    mtu: u16,

    /// Write all packets into this file, for Wireshark: as they enter and as they leave the link, and what
    /// was done to them
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,

    /// For how long before a packet is due, and after one came, to look at the clock, not to sleep
    #[arg(long, value_name = "TIME", default_value = "5ms", value_parser = parse_time)]
    spin: Duration,

    /// Where 'glasstcp impair' reaches it [default: one in /run/glasstcp, found by itself]
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,

    /// Print everything that is done to a packet
    #[arg(short, long)]
    verbose: bool,
}

/// One end: a device, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct End {
    netns: Option<String>,
    device: String,
    address: Cidr,
}

/// The longest time that is waited for by looking at the clock.
const MAX_SPIN: Duration = Duration::from_secs(1);

impl Args {
    /// Emulates a link until a signal ends it.
    pub fn run(self) -> anyhow::Result<()> {
        self.check()?;
        run::run(&self)
    }

    /// Whether the arguments fit together.
    fn check(&self) -> anyhow::Result<()> {
        ensure!(self.spin <= MAX_SPIN, "--spin is at most {}s", MAX_SPIN.as_secs());
        let (Some(left), Some(right)) = (&self.left, &self.right) else {
            return Ok(());
        };
        if left.netns == right.netns {
            let here = left.netns.as_ref().map_or("that of this shell", String::as_str);
            bail!(
                "both ends are in one network namespace ({here}), where the kernel needs no link between them: write --left a:DEVICE,... --right b:DEVICE,..."
            );
        }
        let (one, other) = (left.address, right.address);
        ensure!(one.address != other.address, "both ends have the address {}", one.address);
        ensure!(
            one.contains(other.address) && other.contains(one.address),
            "{one} and {other} are not in one network, so that neither kernel knows the way: write --left ...,10.8.0.1/24 --right ...,10.8.0.2/24"
        );
        Ok(())
    }

    /// All rules.
    fn spec(&self) -> Spec {
        Spec { rules: self.impair.iter().flat_map(|spec| spec.rules.iter().cloned()).collect() }
    }
}

/// `a:link0,10.8.0.1/24`, or without a namespace `link0,10.8.0.1/24`.
fn end(text: &str) -> Result<End, String> {
    let wanted = "write it as a:link0,10.8.0.1/24: a network namespace, a device and its address";
    let (place, address) = text.split_once(',').ok_or(wanted)?;
    let (netns, device) = match place.split_once(':') {
        Some((netns, device)) => (Some(netns.to_owned()), device.to_owned()),
        None => (None, place.to_owned()),
    };
    if let Some(netns) = &netns {
        netns::check_name(netns).map_err(|error| error.to_string())?;
    }
    device::check_name(&device).map_err(|error| error.to_string())?;
    Ok(End { netns, device, address: host::kernel_address(address)? })
}

/// Logs what is done to packets.
pub struct Lines;

impl LinkWatch for Lines {
    fn packet(&mut self, _: Instant, _: Passage, _: &Bytes) {}

    fn decision(&mut self, direction: Direction, decision: &Decision) {
        log::debug!("{}", text::decision(direction, decision));
    }
}

#[cfg(test)]
mod tests;
