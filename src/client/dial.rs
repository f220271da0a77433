//! From the name of a host to a connection.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::dns::{Kind, LookupError, Resolver};
use super::{Connection, Sockets};

/// Finds hosts and opens connections to them.
#[derive(Clone, Debug)]
pub struct Dialer {
    /// What it opens them with.
    pub sockets: Sockets,
    /// The DNS server that is asked for names, if there is one.
    pub dns: Option<SocketAddr>,
    /// How long to wait for each answer.
    pub timeout: Duration,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// A name without anybody to ask.
    #[error(
        "'{0}' is not an IPv4 address, and there is nobody to ask for names: say who with --dns SERVER"
    )]
    NoServer(String),
    /// `localhost` (RFC 6761 6.3).
    #[error(
        "localhost would be the stack itself, which has no connections to itself: give the other host's address"
    )]
    Localhost,
    /// Not yet there.
    #[error("{0} is an address of IPv6, which the stack does not speak: give one of IPv4")]
    Ipv6(Ipv6Addr),
    /// The DNS server does not help.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The host cannot be reached.
    #[error("cannot connect to {0}: {1}")]
    Connect(SocketAddr, io::Error),
}

impl Dialer {
    /// The address of a host: an address is itself, anything else a name, of which the first address counts. Files
    /// of the system, as /etc/hosts, are not looked at.
    ///
    /// # Errors
    /// [`DialError`], but for `Connect`.
    pub async fn resolve(&self, host: &str) -> Result<IpAddr, DialError> {
        if let Ok(address) = host.parse::<Ipv4Addr>() {
            return Ok(address.into());
        }
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = bare.parse() {
            return Err(DialError::Ipv6(address));
        }
        let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        if name == "localhost" || name.ends_with(".localhost") {
            return match self.sockets {
                Sockets::Kernel => Ok(Ipv4Addr::LOCALHOST.into()),
                Sockets::Stack(_) | Sockets::Daemon(_) => Err(DialError::Localhost),
            };
        }
        let Some(server) = self.dns else {
            return Err(DialError::NoServer(host.escape_default().to_string()));
        };
        let resolver = Resolver { sockets: self.sockets.clone(), server, timeout: self.timeout };
        let answers = resolver.lookup(host, Kind::A).await?;
        let first = answers.addresses().next();
        Ok(first.ok_or(LookupError::NoRecord(name, Kind::A, server))?)
    }

    /// Opens a connection to a port of a host.
    ///
    /// # Errors
    /// [`DialError`]; `Connect` with `TimedOut` when the host does not answer in time.
    pub async fn connect(&self, host: &str, port: u16) -> Result<Connection, DialError> {
        let to = SocketAddr::new(self.resolve(host).await?, port);
        let connected = self.sockets.connect_within(to, self.timeout).await;
        connected.map_err(|error| DialError::Connect(to, error))
    }
}
