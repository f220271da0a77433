//! What the flags of the library say, and the sysctls in force.
//!
//! The flags are `name=value`, separated by commas:
//!
//! | flag | value |
//! |---|---|
//! | `local` | an IPv4 address of the stack; may be given several times |
//! | `mtu` | of the device, in bytes (1500) |
//! | `sysctl` | a folder in the shape of /proc/sys; none: the stack's own defaults |
//!
//! The folder is looked at again whenever a socket is made, listens or connects, so a script may change settings.

use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use glasstcp::stack::{self, Address, FastAccept};
use glasstcp::tcp::{self, CookieKeys, Ecn, FastConnect};

/// The network of the stack's own addresses: as long as packetdrill's default.
const PREFIX_LEN: u8 = 16;

/// Flags of the sysctl tcp_fastopen: clients and servers may; clients need no cookie, servers want none; every listener
/// takes part.
const FAST_CLIENT: u32 = 1;
const FAST_SERVER: u32 = 2;
const FAST_CLIENT_NO_COOKIE: u32 = 4;
const FAST_NO_COOKIE: u32 = 0x200;
const FAST_ALL: u32 = 0x400;
/// How many may wait where nothing says it.
const FAST_QUEUE: usize = 4096;

/// What Linux has a peer take for the acknowledgment of a single segment (RFC 8985 7.2).
const PEER_ACK_DELAY: Duration = Duration::from_millis(200);

/// One key of sixteen bytes, or two.
pub fn cookie_keys(bytes: &[u8]) -> Option<CookieKeys> {
    match (bytes.first_chunk(), bytes.get(16..).map(<[u8; 16]>::try_from)) {
        (Some(&key), Some(Ok(before))) => Some(CookieKeys::with_previous(key, before)),
        (Some(&key), _) if bytes.len() == 16 => Some(CookieKeys::new(key)),
        _ => None,
    }
}

/// What the library was told.
#[derive(Debug)]
pub struct Settings {
    local: Vec<Ipv4Addr>,
    mtu: u16,
    sysctl: Option<PathBuf>,
}

impl Settings {
    /// Reads the flags; the error is a sentence.
    pub fn parse(flags: &str) -> Result<Settings, String> {
        let mut settings = Settings { local: Vec::new(), mtu: 1500, sysctl: None };
        for flag in flags.split(',').filter(|flag| !flag.is_empty()) {
            let bad = || {
                format!("the flag '{flag}' is not one of local=ADDRESS, mtu=BYTES, sysctl=FOLDER")
            };
            let (name, value) = flag.split_once('=').ok_or_else(bad)?;
            match name {
                "local" => settings.local.push(value.parse().map_err(|_| bad())?),
                "mtu" => settings.mtu = value.parse().map_err(|_| bad())?,
                "sysctl" => settings.sysctl = Some(value.into()),
                _ => return Err(bad()),
            }
        }
        if settings.local.is_empty() {
            return Err("there is no flag local=ADDRESS".to_owned());
        }
        Ok(settings)
    }

    /// The stack that they describe.
    pub fn stack(&self) -> stack::Config {
        let mut config = stack::Config::new(self.local[0].into(), PREFIX_LEN, [1; 32]);
        config.addresses = self
            .local
            .iter()
            .map(|&ip| Address { ip: ip.into(), prefix_len: PREFIX_LEN })
            .collect();
        config.mtu = self.mtu;
        config.tcp = self.tcp();
        config
    }

    /// The words of one sysctl of net.ipv4.
    fn words(&self, name: &str) -> Vec<String> {
        let text = self
            .sysctl
            .as_ref()
            .and_then(|folder| fs::read_to_string(folder.join("net/ipv4").join(name)).ok());
        text.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    }

    /// The number at place `at` of a sysctl, if it is there.
    fn number<T: FromStr>(&self, name: &str, at: usize) -> Option<T> {
        self.words(name).get(at)?.parse().ok()
    }

    fn is_on(&self, name: &str, default: bool) -> bool {
        self.number::<u32>(name, 0).map_or(default, |value| value != 0)
    }

    fn fast_open(&self) -> u32 {
        let words = self.words("tcp_fastopen");
        let Some(word) = words.first() else { return 0 };
        let hexadecimal = word.strip_prefix("0x").map(|digits| u32::from_str_radix(digits, 16));
        hexadecimal.unwrap_or_else(|| word.parse()).unwrap_or(0)
    }

    /// Whether clients may open fast.
    pub fn fast_clients(&self) -> bool {
        self.fast_open() & FAST_CLIENT != 0
    }

    /// How a listener lets peers open fast, that was told to by `queue`.
    pub fn fast_accept(&self, queue: Option<usize>) -> Option<FastAccept> {
        let flags = self.fast_open();
        let queue = queue.or((flags & FAST_ALL != 0).then_some(FAST_QUEUE));
        let max_pending = queue.filter(|&most| most > 0 && flags & FAST_SERVER != 0)?;
        Some(FastAccept { max_pending, needs_cookie: flags & FAST_NO_COOKIE == 0 })
    }

    /// The keys for cookies, a primary one and perhaps one before it.
    pub fn cookie_keys(&self) -> Option<CookieKeys> {
        let words = self.words("tcp_fastopen_key");
        let bytes: Option<Vec<u8>> = words
            .first()?
            .split([',', '-'])
            .map(|word| u32::from_str_radix(word, 16).ok().map(u32::to_le_bytes))
            .collect::<Option<Vec<_>>>()
            .map(|parts| parts.concat());
        cookie_keys(&bytes?)
    }

    /// Whether `ip tcp_metrics flush` was called since this was asked last.
    pub fn take_flush(&self) -> bool {
        let file = self.sysctl.as_ref().map(|folder| folder.join("net/ipv4/tcp_metrics_flushed"));
        file.is_some_and(|file| fs::remove_file(file).is_ok())
    }

    /// Whether the device takes no packets at present: `tc` was called with a queue for none.
    pub fn device_is_full(&self) -> bool {
        let file = self.sysctl.as_ref().map(|folder| folder.join("net/ipv4/device_full"));
        file.is_some_and(|file| file.exists())
    }

    /// What connections begin with.
    pub fn tcp(&self) -> tcp::Config {
        let mut config = tcp::Config::default();
        config.peer_ack_delay = Some(PEER_ACK_DELAY);
        config.sack = self.is_on("tcp_sack", config.sack);
        // Half of the kernel's bytes are for text, and the first window is one that a SYN can offer.
        let first = self.number("tcp_rmem", 1).map(|bytes: u32| (bytes / 2).min(u16::MAX.into()));
        config.receive_buffer_initial = first.unwrap_or(config.receive_buffer_initial);
        config.receive_buffer = self.number("tcp_rmem", 2).unwrap_or(config.receive_buffer);
        config.send_buffer_initial =
            self.number("tcp_wmem", 1).unwrap_or(config.send_buffer_initial);
        config.send_buffer = self.number("tcp_wmem", 2).unwrap_or(config.send_buffer);
        config.burst_segments = self.number("tcp_min_tso_segs", 0).unwrap_or(config.burst_segments);
        config.ecn = match self.number("tcp_ecn", 0) {
            Some(0) => Ecn::Off,
            Some(1) => Ecn::Request,
            Some(2) => Ecn::Accept,
            _ => config.ecn,
        };
        config.syn_retransmission_limit =
            self.number("tcp_syn_retries", 0).unwrap_or(config.syn_retransmission_limit);
        config.retransmission_limit =
            self.number("tcp_retries2", 0).unwrap_or(config.retransmission_limit);
        config.fast_connect = match self.fast_open() {
            flags if flags & FAST_CLIENT == 0 => FastConnect::Off,
            flags if flags & FAST_CLIENT_NO_COOKIE != 0 => FastConnect::NoCookie,
            _ => FastConnect::Cookie,
        };
        config.notsent_low =
            self.number("tcp_notsent_lowat", 0).filter(|&bytes: &u32| bytes < u32::MAX);
        config.timestamps = self.is_on("tcp_timestamps", config.timestamps);
        config.window_scaling = self.is_on("tcp_window_scaling", config.window_scaling);
        config.black_hole_detection = self.is_on("tcp_mtu_probing", false);
        if let Some(name) = self.words("tcp_congestion_control").first() {
            // What Linux calls reno repairs as RFC 6582 does.
            let name = if name == "reno" { "newreno" } else { name };
            config.congestion = name.parse().unwrap_or(config.congestion);
        }
        config
    }
}

#[cfg(test)]
mod tests;
