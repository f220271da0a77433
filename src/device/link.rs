//! Address, MTU and state of an interface, set over netlink in the namespace of the calling thread.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use rtnetlink::packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkMessage,
};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{AfSpecInet6, AfSpecUnspec, In6AddrGenMode, LinkAttribute};
use rtnetlink::packet_route::route::RouteAttribute;
use rtnetlink::packet_route::tc::{TcAttribute, TcHandle, TcMessage};
use rtnetlink::{Handle, LinkUnspec, RouteMessageBuilder};

/// Packets the kernel may queue for us; its default of 500 drops under bursts.
const TX_QUEUE_LEN: u32 = 4096;
/// Longest to wait for the kernel's answers.
const PATIENCE: Duration = Duration::from_secs(5);

/// An IPv4 address with the length of its network's prefix, as `10.9.0.1/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// The address of the host.
    pub address: Ipv4Addr,
    /// Length of the network prefix, in bits; at most 32.
    pub prefix_len: u8,
}

impl Cidr {
    /// The bits that all addresses of the network share.
    fn mask(self) -> u32 {
        let host_bits = 32u32.saturating_sub(self.prefix_len.into());
        u32::MAX.checked_shl(host_bits).unwrap_or(0)
    }

    /// The first address of the network, which stands for the network.
    pub fn network(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address.to_bits() & self.mask())
    }

    /// The last address of the network, which stands for all its hosts.
    pub fn broadcast(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address.to_bits() | !self.mask())
    }

    /// Whether `address` lies in the network.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        (self.address.to_bits() ^ address.to_bits()) & self.mask() == 0
    }

    /// Whether the two networks have an address in common.
    pub fn overlaps(self, other: Cidr) -> bool {
        self.contains(other.address) && self.prefix_len <= other.prefix_len
            || other.contains(self.address) && other.prefix_len <= self.prefix_len
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_len)
    }
}

/// Why an interface cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The network is in use on another interface.
    #[error(
        "the network of {wanted} overlaps {existing} on {interface}: choose another one with --addr (and --stack-addr), or a network namespace with --netns"
    )]
    Overlap {
        /// The address asked for.
        wanted: Cidr,
        /// The one that is there.
        existing: Cidr,
        /// The interface that has it.
        interface: String,
    },
    /// Packets to the stack take another way, perhaps that of a VPN.
    #[error(
        "packets to {0} already take another way than '{1}' (see 'ip route get {0}'): choose another network with --addr (and --stack-addr), or a network namespace with --netns"
    )]
    Routed(Ipv4Addr, String),
    /// No right to change it.
    #[error(
        "no permission to set up the network device '{0}', which takes CAP_NET_ADMIN: run glasstcp with sudo, or give the container that capability"
    )]
    Permission(String),
    /// A step failed.
    #[error("cannot {step} of the network device '{name}'")]
    Failed {
        /// What was tried.
        step: &'static str,
        /// The name of the interface.
        name: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Whether there is an interface `name` in the namespace of this thread.
pub(super) fn exists(name: &str) -> bool {
    if_nametoindex(name).is_ok()
}

/// Whether a program is attached to the TUN interface `name`: only then it has a carrier.
pub(super) fn is_in_use(name: &str) -> bool {
    let is_it = |found: &InterfaceAddress| found.interface_name == name;
    let runs = |found: InterfaceAddress| found.flags.contains(InterfaceFlags::IFF_LOWER_UP);
    getifaddrs().is_ok_and(|mut all| all.find(is_it).is_some_and(runs))
}

/// Gives the interface `name` its address and MTU and brings it up. True when the address is new
/// to it.
pub(super) fn configure(name: &str, cidr: Cidr, mtu: u16) -> Result<bool, LinkError> {
    talk(name, async |handle| {
        let index = index(name)?;
        let fresh = check_address(&handle, name, index, cidr).await?;
        quiet(&handle, index).await;
        let settings = LinkUnspec::new_with_index(index)
            .mtu(mtu.into())
            .append_extra_attribute(LinkAttribute::TxQueueLen(TX_QUEUE_LEN))
            .up()
            .build();
        let link = handle.link();
        let changed = link.change(settings).execute().await;
        changed.map_err(failed(name, "set MTU and state"))?;
        if fresh {
            let addresses = handle.address();
            let add = addresses.add(index, cidr.address.into(), cidr.prefix_len);
            add.execute().await.map_err(failed(name, "set the address"))?;
        }
        Ok(fresh)
    })
}

/// Refuses addresses of the stack to which the namespace of this thread does not send through the
/// interface `name`: nothing would ever reach them. Asks the kernel as `ip route get` does, and sends
/// nothing.
pub(super) fn check_routes(name: &str, stack: &[Ipv4Addr]) -> Result<(), LinkError> {
    talk(name, async |handle| {
        let through = RouteAttribute::Oif(index(name)?);
        for &address in stack {
            let to = RouteMessageBuilder::<Ipv4Addr>::new().destination_prefix(address, 32).build();
            let answer = handle.route().get(to).execute().try_collect::<Vec<_>>().await;
            // An error is a route as well, one that leads nowhere.
            let routes = answer.unwrap_or_default();
            if !routes.iter().any(|route| route.attributes.contains(&through)) {
                return Err(LinkError::Routed(address, name.to_owned()));
            }
        }
        Ok(())
    })
}

/// Takes the queueing discipline from the interface `name`, as veth and WireGuard devices have none: a
/// TUN device never says that it is full, so nothing ever waits in one, and every packet pays for it.
/// A kernel without queueing disciplines refuses, and has none already.
pub(super) fn remove_queue(name: &str) -> Result<(), LinkError> {
    talk(name, async |mut handle| {
        let mut message = TcMessage::with_index(index(name)? as i32);
        message.header.parent = TcHandle::ROOT;
        message.attributes.push(TcAttribute::Kind("noqueue".to_owned()));
        let mut request = NetlinkMessage::from(RouteNetlinkMessage::NewQueueDiscipline(message));
        request.header.flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
        if let Ok(answers) = handle.request(request) {
            answers.for_each(|_| std::future::ready(())).await;
        }
        Ok(())
    })
}

/// Brings the loopback interface up, as a new namespace needs it.
pub(super) fn loopback_up() -> Result<(), LinkError> {
    talk("lo", async |handle| {
        let settings = LinkUnspec::new_with_index(index("lo")?).up().build();
        let changed = handle.link().change(settings).execute().await;
        changed.map_err(failed("lo", "set the state"))
    })
}

/// Takes an address from the interface `name`, if both are there.
pub(super) fn remove_address(name: &str, cidr: Cidr) -> Result<(), LinkError> {
    talk(name, async |handle| {
        let index = index(name)?;
        for (message, existing) in addresses(&handle, name).await? {
            if message.header.index == index && existing == cidr {
                let removed = handle.address().del(message).execute().await;
                removed.map_err(failed(name, "remove the address"))?;
            }
        }
        Ok(())
    })
}

/// Refuses an address whose network is in use. True when the interface does not have it yet.
async fn check_address(
    handle: &Handle,
    name: &str,
    own_index: u32,
    wanted: Cidr,
) -> Result<bool, LinkError> {
    let all = addresses(handle, name).await?;
    let is_own = |(message, existing): &(AddressMessage, Cidr)| {
        message.header.index == own_index && *existing == wanted
    };
    if all.iter().any(is_own) {
        return Ok(false);
    }
    let overlap = all.into_iter().find(|(_, existing)| wanted.overlaps(*existing));
    match overlap {
        None => Ok(true),
        Some((message, existing)) => Err(LinkError::Overlap {
            wanted,
            existing,
            interface: interface_name(handle, message.header.index).await,
        }),
    }
}

/// All IPv4 addresses of the namespace.
async fn addresses(handle: &Handle, name: &str) -> Result<Vec<(AddressMessage, Cidr)>, LinkError> {
    let answer = handle.address().get().execute();
    let messages: Vec<_> =
        answer.try_collect().await.map_err(failed(name, "list the addresses"))?;
    let with_cidr = |message: AddressMessage| Some((cidr(&message)?, message));
    let flip = |(cidr, message)| (message, cidr);
    Ok(messages.into_iter().filter_map(with_cidr).map(flip).collect())
}

/// The network that an address message puts on its interface: on a point-to-point link that of
/// the peer, which `Address` has.
fn cidr(message: &AddressMessage) -> Option<Cidr> {
    message.attributes.iter().find_map(|attribute| {
        let AddressAttribute::Address(IpAddr::V4(address)) = attribute else {
            return None;
        };
        Some(Cidr { address: *address, prefix_len: message.header.prefix_len })
    })
}

/// The name of the interface with this index, or the index itself.
async fn interface_name(handle: &Handle, index: u32) -> String {
    let link = handle.link().get().match_index(index).execute();
    let messages: Vec<_> = link.try_collect().await.unwrap_or_default();
    let mut attributes = messages.into_iter().flat_map(|message| message.attributes);
    let name = attributes.find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name),
        _ => None,
    });
    name.unwrap_or_else(|| format!("interface {index}"))
}

/// Keeps the kernel from making up an IPv6 address and soliciting routers through the device.
async fn quiet(handle: &Handle, index: u32) {
    let none = AfSpecInet6::AddrGenMode(In6AddrGenMode::None);
    let settings = LinkUnspec::new_with_index(index)
        .append_extra_attribute(LinkAttribute::AfSpecUnspec(vec![AfSpecUnspec::Inet6(vec![none])]))
        .build();
    // A kernel without IPv6 refuses, and is quiet already.
    let _ = handle.link().change(settings).execute().await;
}

fn index(name: &str) -> Result<u32, LinkError> {
    if_nametoindex(name).map_err(|errno| LinkError::Failed {
        step: "find the index",
        name: name.to_owned(),
        source: errno.into(),
    })
}

/// Opens a netlink socket in the namespace of this thread and runs `work` with it.
fn talk<R>(
    name: &str,
    work: impl AsyncFnOnce(Handle) -> Result<R, LinkError>,
) -> Result<R, LinkError> {
    let io_failed =
        |source| LinkError::Failed { step: "ask for the settings", name: name.to_owned(), source };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io_failed)?;
    runtime.block_on(async {
        let (connection, handle, _messages) = rtnetlink::new_connection().map_err(io_failed)?;
        tokio::spawn(connection);
        match tokio::time::timeout(PATIENCE, work(handle)).await {
            Ok(result) => result,
            Err(_) => Err(io_failed(io::ErrorKind::TimedOut.into())),
        }
    })
}

/// Turns a netlink error in a step into a sentence.
fn failed(name: &str, step: &'static str) -> impl Fn(rtnetlink::Error) -> LinkError {
    move |error| {
        let source = match error {
            rtnetlink::Error::NetlinkError(message) => message.to_io(),
            other => io::Error::other(other),
        };
        let name = name.to_owned();
        match source.kind() {
            io::ErrorKind::PermissionDenied => LinkError::Permission(name),
            _ => LinkError::Failed { step, name, source },
        }
    }
}

#[cfg(test)]
mod tests;
