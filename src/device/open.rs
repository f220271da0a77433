//! Makes a TUN device that is ready for use, and takes everything back at the end.

use std::io;
use std::net::Ipv4Addr;

use nix::errno::Errno;

use super::gso::Checksums;
use super::link::{self, Cidr, LinkError};
use super::netns::{Namespace, NetnsError, on_thread};
use super::opened::Opened;
use super::tun::Tun;
use super::tun_offload::TunOffload;

/// Longest name of an interface, in bytes.
const MAX_NAME: usize = 15;

/// Whether the kernel cuts up what is sent, and hands over uncut what it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offload {
    /// If it can.
    #[default]
    Auto,
    /// Or the device cannot be opened.
    On,
    /// Never: each packet is one as on a wire, with its checksum.
    Off,
}

/// What the device shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenConfig {
    /// Name of the interface.
    pub name: String,
    /// The kernel's address on it.
    pub address: Cidr,
    /// Largest IP packet, in bytes.
    pub mtu: u16,
    /// The named network namespace to put it into, made when it does not exist; `None` for the
    /// one of this process.
    pub netns: Option<String>,
    /// Whether packets are cut by the kernel.
    pub offload: Offload,
    /// The checksums of what is sent, where it is.
    pub checksums: Checksums,
}

impl OpenConfig {
    /// An interface in the namespace of this process, with an MTU of 1,500 bytes and with offload if that can be.
    pub fn new(name: impl Into<String>, address: Cidr) -> OpenConfig {
        OpenConfig {
            name: name.into(),
            address,
            mtu: 1500,
            netns: None,
            offload: Offload::Auto,
            checksums: Checksums::Partial,
        }
    }
}

/// Why the device cannot be opened. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not a name for an interface.
    #[error(
        "'{0}' is no name for a network device: use 1 to 15 characters without '/', ':', '%' and spaces, and not '.' or '..'"
    )]
    BadName(String),
    /// The driver is missing.
    #[error(
        "/dev/net/tun is missing: load the driver with 'sudo modprobe tun', or where only the file is missing make it with 'sudo mkdir -p /dev/net && sudo mknod /dev/net/tun c 10 200' (in a container: pass the device in)"
    )]
    NoDriver,
    /// Something else bears its name.
    #[error(
        "/dev/net/tun is not the TUN driver but something else: make it anew with 'sudo rm -r /dev/net/tun && sudo mknod /dev/net/tun c 10 200'"
    )]
    NotTheDriver,
    /// Without CAP_NET_ADMIN.
    #[error(
        "no permission to make the network device '{0}', which takes CAP_NET_ADMIN: run glasstcp with sudo, or give the container that capability"
    )]
    Permission(String),
    /// Another program is attached to it.
    #[error(
        "the network device '{0}' is in use by another program, maybe another glasstcp: stop that one, or choose another name with --dev"
    )]
    Busy(String),
    /// The name belongs to another kind of interface.
    #[error("'{0}' exists already and is not a plain TUN device: choose another name with --dev")]
    NotTun(String),
    /// The kernel does not cut for this device.
    #[error(
        "the kernel refuses to cut packets for the network device '{name}': use --offload auto or off"
    )]
    NoOffload {
        /// The name of the interface.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// It has one queue, or the kernel knows no others.
    #[error(
        "the network device '{0}' cannot have several queues, as one cannot that exists already with one: leave --queues out, or choose another name with --dev"
    )]
    NoQueues(String),
    /// Anything else the system said.
    #[error("cannot open the network device '{name}'")]
    Io {
        /// The name of the interface.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The namespace cannot be used.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// The interface cannot be set up.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// Takes back what [`open`] made, when it is dropped: the namespace if glasstcp made it, and the
/// address on an interface that was there before. (The interface itself goes with the [`Tun`].)
#[derive(Debug)]
pub struct Guard {
    added: Option<(String, Cidr)>,
    netns: Option<Namespace>,
}

impl Guard {
    /// Whether the device is in a namespace that goes at the end.
    pub fn owns_netns(&self) -> bool {
        self.netns.as_ref().is_some_and(Namespace::is_ours)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some((name, address)) = self.added.take() {
            // The interface may be gone; then so is its address.
            let _ = within(self.netns.as_ref(), || link::remove_address(&name, address));
        }
    }
}

/// Whether `name` can be the name of an interface.
pub fn check_name(name: &str) -> Result<(), OpenError> {
    let good = (1..=MAX_NAME).contains(&name.len())
        && name != "."
        && name != ".."
        && name.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '/' | ':' | '%'));
    if good { Ok(()) } else { Err(OpenError::BadName(name.to_owned())) }
}

/// Opens the TUN device, in its namespace when one is asked for, with address and MTU set and up, and
/// makes sure that packets to the addresses of `stack` come out of it.
/// On an error everything made so far is taken back.
pub fn open(config: &OpenConfig, stack: &[Ipv4Addr]) -> Result<(Opened, Guard), OpenError> {
    open_with(config, stack, attach_as)
}

/// The same with `count` queues, each of which is driven by itself; always with offload.
pub fn open_queues(
    config: &OpenConfig,
    stack: &[Ipv4Addr],
    count: u16,
) -> Result<(Vec<TunOffload>, Guard), OpenError> {
    open_with(config, stack, |config| attach_queues(config, count))
}

/// Attaches to the device as often as it has queues. The kernel would let another program have more of them, and divide
/// flows among all.
fn attach_queues(config: &OpenConfig, count: u16) -> Result<Vec<TunOffload>, OpenError> {
    let OpenConfig { name, mtu, checksums, .. } = config;
    let existed = link::exists(name);
    if existed && link::is_in_use(name) {
        return Err(OpenError::Busy(name.clone()));
    }
    let attached = TunOffload::attach_queues(name, *mtu, *checksums, count);
    attached.map_err(|source| match explain(source, name) {
        OpenError::NotTun(name) if existed => OpenError::NoQueues(name),
        OpenError::NotTun(name) => OpenError::NoOffload { name, source: Errno::EINVAL.into() },
        error => error,
    })
}

/// The same for what `attach` makes of the device.
fn open_with<T: Send>(
    config: &OpenConfig,
    stack: &[Ipv4Addr],
    attach: impl FnOnce(&OpenConfig) -> Result<T, OpenError> + Send,
) -> Result<(T, Guard), OpenError> {
    check_name(&config.name)?;
    let netns = match &config.netns {
        Some(name) => Some(Namespace::use_or_make(name)?),
        None => None,
    };
    let mut guard = Guard { added: None, netns };
    let owned = guard.owns_netns();
    let added = &mut guard.added;
    let tun = within(guard.netns.as_ref(), || set_up(config, stack, owned, added, attach))??;
    Ok((tun, guard))
}

/// Attaches to the device and sets it up, in the namespace of this thread. Leaves in `added` which
/// address to take back from which interface, when that was there before.
fn set_up<T>(
    config: &OpenConfig,
    stack: &[Ipv4Addr],
    owned_netns: bool,
    added: &mut Option<(String, Cidr)>,
    attach: impl FnOnce(&OpenConfig) -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    if owned_netns {
        link::loopback_up()?;
    }
    let name = &config.name;
    let existed = link::exists(name);
    let tun = attach(config)?;
    let fresh = link::configure(name, config.address, config.mtu)?;
    if !existed {
        link::remove_queue(name)?;
    }
    *added = (existed && fresh).then(|| (name.clone(), config.address));
    link::check_routes(name, stack)?;
    Ok(tun)
}

/// Attaches to the device as one of the kind that is asked for.
fn attach_as(config: &OpenConfig) -> Result<Opened, OpenError> {
    let OpenConfig { name, mtu, offload, checksums, .. } = config;
    let failed = match offload {
        Offload::Off => None,
        Offload::Auto | Offload::On => match TunOffload::attach(name, *mtu, *checksums) {
            Ok(tun) => return Ok(Opened::Offload(tun)),
            Err(error) => Some(error),
        },
    };
    // What is wrong with any device is said first.
    let plain = Tun::attach(name, *mtu).map_err(|error| explain(error, name))?;
    match failed {
        Some(source) if *offload == Offload::On => {
            Err(OpenError::NoOffload { name: name.clone(), source })
        }
        _ => Ok(Opened::Plain(plain)),
    }
}

/// Runs `f` in the namespace, or on a thread of its own in that of this process.
fn within<R: Send>(
    netns: Option<&Namespace>,
    f: impl FnOnce() -> R + Send,
) -> Result<R, NetnsError> {
    match netns {
        Some(netns) => netns.run(f),
        None => Ok(on_thread(f)),
    }
}

/// What an error of opening or attaching means.
fn explain(source: io::Error, name: &str) -> OpenError {
    let name = name.to_owned();
    match Errno::from_raw(source.raw_os_error().unwrap_or(0)) {
        Errno::ENOENT | Errno::ENODEV | Errno::ENXIO => OpenError::NoDriver,
        // A plain file, another device, a folder.
        Errno::ENOTTY | Errno::EISDIR => OpenError::NotTheDriver,
        Errno::EPERM | Errno::EACCES => OpenError::Permission(name),
        Errno::EBUSY => OpenError::Busy(name),
        Errno::EINVAL | Errno::EEXIST => OpenError::NotTun(name),
        _ => OpenError::Io { name, source },
    }
}

#[cfg(test)]
mod tests;
