//! Which services there are, and which of them run on which port.

use std::fmt;
use std::str::FromStr;

use crate::tcp::congestion::{Algorithm, UnknownAlgorithm};

#[cfg(test)]
mod tests;

/// A service by its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// Everything comes back (RFC 862).
    Echo,
    /// Everything is thrown away (RFC 863).
    Discard,
    /// The date and the time (RFC 867).
    Daytime,
    /// A pattern without end (RFC 864).
    Chargen,
    /// Questions are handed on to a DNS server (RFC 1035).
    Dns,
    /// A small web server.
    Http,
    /// "Hello in X" is answered "Goodbye X from Rust".
    Hello,
    /// What iperf3 measures.
    Iperf3,
    /// Each line comes back in upper case.
    Ping,
    /// Files, arithmetic and names.
    Tasks,
}

impl Service {
    /// All of them, by their default ports.
    pub const ALL: [Service; 10] = [
        Service::Echo,
        Service::Discard,
        Service::Daytime,
        Service::Chargen,
        Service::Dns,
        Service::Http,
        Service::Iperf3,
        Service::Hello,
        Service::Ping,
        Service::Tasks,
    ];

    /// Those that run when nobody asks for any; the others run only when asked for.
    pub const DEFAULT: [Service; 5] =
        [Service::Echo, Service::Discard, Service::Daytime, Service::Chargen, Service::Http];

    /// What `--serve` calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Service::Echo => "echo",
            Service::Discard => "discard",
            Service::Daytime => "daytime",
            Service::Chargen => "chargen",
            Service::Dns => "dns",
            Service::Http => "http",
            Service::Hello => "hello",
            Service::Iperf3 => "iperf3",
            Service::Ping => "ping",
            Service::Tasks => "tasks",
        }
    }

    /// The port it has by its RFC, or by custom.
    pub const fn default_port(self) -> u16 {
        match self {
            Service::Echo => 7,
            Service::Discard => 9,
            Service::Daytime => 13,
            Service::Chargen => 19,
            Service::Dns => 53,
            Service::Http => 80,
            Service::Iperf3 => super::iperf::protocol::PORT,
            Service::Hello => 12_000,
            Service::Ping => 12_001,
            Service::Tasks => 12_345,
        }
    }

    /// Whether it also listens on the UDP port of the same number. Chargen would, by its RFC, but
    /// a datagram with a forged source would make it an amplifier.
    pub const fn has_udp(self) -> bool {
        matches!(
            self,
            Service::Echo | Service::Discard | Service::Daytime | Service::Dns | Service::Ping
        )
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why `--serve` cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// No service has this name.
    #[error("there is no service {0:?}: choose one of {names}", names = names())]
    Unknown(String),
    /// Not a port number.
    #[error("{0:?} is not a port: give a number from 1 to 65535, as in http:8080")]
    Port(String),
    /// Nothing that can be set for a service.
    #[error(
        "{0:?} cannot be set for a service: only its congestion control can, as in http:80,cc=reno"
    )]
    Setting(String),
    /// No congestion control has this name.
    #[error(transparent)]
    Congestion(#[from] UnknownAlgorithm),
    /// Two services on one port.
    #[error(
        "port {port} is taken twice, by {first} and by {second}: \
         leave one out, or move it with --serve NAME:PORT"
    )]
    PortTwice {
        /// The port.
        port: u16,
        /// The service that has it.
        first: Service,
        /// The service that wants it too.
        second: Service,
    },
}

fn names() -> String {
    Service::ALL.map(Service::name).join(", ")
}

impl FromStr for Service {
    type Err = ServiceError;

    fn from_str(name: &str) -> Result<Self, ServiceError> {
        Service::ALL
            .into_iter()
            .find(|service| service.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| ServiceError::Unknown(name.to_owned()))
    }
}

/// A service on a port: `http:8080`, or `http` for its default port; and with `,cc=reno` after it, what
/// moves the congestion window of its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ServiceSpec {
    /// What.
    pub service: Service,
    /// Where; never 0.
    pub port: u16,
    /// The congestion control; `None` leaves it to the stack.
    pub congestion: Option<Algorithm>,
}

impl From<Service> for ServiceSpec {
    fn from(service: Service) -> Self {
        ServiceSpec { service, port: service.default_port(), congestion: None }
    }
}

impl fmt::Display for ServiceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.port)?;
        match self.congestion {
            Some(algorithm) => write!(f, ",cc={algorithm}"),
            None => Ok(()),
        }
    }
}

impl FromStr for ServiceSpec {
    type Err = ServiceError;

    fn from_str(text: &str) -> Result<Self, ServiceError> {
        let (place, setting) = match text.split_once(',') {
            Some((place, setting)) => (place, Some(setting)),
            None => (text, None),
        };
        let (name, port) = match place.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (place, None),
        };
        let mut spec = ServiceSpec::from(name.parse::<Service>()?);
        if let Some(port) = port {
            let number = port.parse().ok().filter(|number| *number > 0);
            spec.port = number.ok_or_else(|| ServiceError::Port(port.to_owned()))?;
        }
        if let Some(setting) = setting {
            let name = setting.strip_prefix("cc=");
            let name = name.ok_or_else(|| ServiceError::Setting(setting.to_owned()))?;
            spec.congestion = Some(name.parse()?);
        }
        Ok(spec)
    }
}

/// What is to run, ordered by port: each of `asked`, and with `defaults` each of [`Service::DEFAULT`] that
/// was not asked for at its default port. So asking for a service on another port moves it, and asking
/// twice runs it twice.
///
/// # Errors
/// [`ServiceError::PortTwice`] when two of them want the same port.
pub fn plan(defaults: bool, asked: &[ServiceSpec]) -> Result<Vec<ServiceSpec>, ServiceError> {
    let mut specs = asked.to_vec();
    if defaults {
        let left = Service::DEFAULT
            .into_iter()
            .filter(|&service| asked.iter().all(|spec| spec.service != service));
        specs.extend(left.map(ServiceSpec::from));
    }
    specs.sort_by_key(|spec| (spec.port, spec.service));
    match specs.windows(2).find(|pair| pair[0].port == pair[1].port) {
        Some(pair) => Err(ServiceError::PortTwice {
            port: pair[0].port,
            first: pair[0].service,
            second: pair[1].service,
        }),
        None => Ok(specs),
    }
}
