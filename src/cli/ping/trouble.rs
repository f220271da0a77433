//! Why a request was not answered, in ping(8)'s words.

use std::fmt;
use std::io;
use std::net::IpAddr;

use glasstcp::stack::SocketError;
use glasstcp::wire::icmp::{Notice, Report};

/// What became of a request instead of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing: nobody has said anything.
    Silence,
    /// Somebody has said why.
    Said {
        /// Who.
        by: IpAddr,
        /// What.
        words: String,
    },
    /// It could not be sent, or the connection has gone.
    Local(String),
}

impl Trouble {
    /// Why something failed that has to do with `peer`.
    pub fn of(error: &io::Error, peer: IpAddr) -> Trouble {
        if let Some(notice) = SocketError::notice_of(error) {
            return notice.into();
        }
        let words = match error.kind() {
            io::ErrorKind::TimedOut => return Trouble::Silence,
            io::ErrorKind::ConnectionRefused => "Connection refused",
            io::ErrorKind::ConnectionReset => "Connection reset",
            _ => return Trouble::Local(error.to_string()),
        };
        Trouble::Said { by: peer, words: words.to_owned() }
    }
}

impl From<Notice> for Trouble {
    fn from(Notice { report, by }: Notice) -> Trouble {
        let words = match report {
            Report::NetworkUnreachable => "Destination Net Unreachable",
            Report::HostUnreachable => "Destination Host Unreachable",
            Report::ProtocolUnreachable => "Destination Protocol Unreachable",
            Report::PortUnreachable => "Destination Port Unreachable",
            Report::FragmentationNeeded { mtu } => {
                let words = format!("Frag needed and DF set (mtu = {mtu})");
                return Trouble::Said { by, words };
            }
            Report::NetworkUnknown => "Destination Net Unknown",
            Report::HostUnknown => "Destination Host Unknown",
            Report::NetworkProhibited => "Destination Net Prohibited",
            Report::HostProhibited => "Destination Host Prohibited",
            Report::Prohibited => "Packet filtered: administratively prohibited",
            Report::TimeExceeded => "Time to live exceeded",
            Report::ParameterProblem => "Parameter problem",
        };
        Trouble::Said { by, words: words.to_owned() }
    }
}

/// What happened to a request, as a line.
pub struct About<'a>(pub u64, pub &'a Trouble);

impl fmt::Display for About<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let About(seq, trouble) = self;
        match trouble {
            Trouble::Silence => write!(f, "no answer for seq={seq}"),
            Trouble::Said { by, words } => write!(f, "From {by} seq={seq} {words}"),
            Trouble::Local(words) => write!(f, "seq={seq}: {words}"),
        }
    }
}
