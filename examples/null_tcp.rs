//! The cheapest peer that a kernel's TCP will talk to: what `scripts/bench` takes for the ceiling of a device.
//!
//! ```text
//! null_tcp --netns NS --mtu 1500 [--offload] echo:7 discard:9 chargen:19
//! ```
//!
//! It reads headers, takes what comes in order, acknowledges once for each batch of packets and connection, and fills
//! whatever window it is offered. It has no congestion control, no retransmission but from the beginning, no
//! options but MSS and the scale of windows, no timers, no states beyond open and closed, and verifies nothing. It is
//! no TCP; nothing that is one can be faster.

#[path = "common/vnet.rs"]
mod vnet;

use std::collections::HashMap;
use std::io::{IoSlice, Write};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use glasstcp::device::link::Cidr;
use glasstcp::device::{self, Guard, Offload, OpenConfig};
use glasstcp::wire::checksum::Sum;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::{TimeSpec, TimeValLike};
use nix::sys::uio::writev;
use nix::unistd::read;

/// The same network as that of `glasstcp up`.
const KERNEL: Cidr = Cidr { address: Ipv4Addr::new(10, 9, 0, 1), prefix_len: 24 };
const STACK: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
/// Packets read before anything is answered.
const BATCH: usize = 64;
/// Bursts of a connection in one go.
const BURSTS: usize = 16;
/// Headers of IP and TCP without options.
const HEADERS: usize = 40;
/// The window that is always offered, 16 MiB, and its scale.
const WINDOW: u16 = u16::MAX;
const SCALE: u8 = 8;
/// After so long without progress everything is sent again.
const PATIENCE: Duration = Duration::from_millis(200);

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// What is done with a connection.
#[derive(Clone, Copy, PartialEq)]
enum Service {
    Echo,
    Discard,
    Chargen,
}

/// The two ports of a connection, its own first.
type Ports = [u8; 4];

struct Flow {
    service: Service,
    rcv_nxt: u32,
    snd_una: u32,
    snd_nxt: u32,
    window: u32,
    scale: u8,
    /// Something is owed: an acknowledgment, or text.
    due: bool,
    duplicates: u8,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (mut netns, mut mtu, mut offload) = (None, 1500u16, false);
    let mut services = HashMap::new();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--netns" => netns = arguments.next(),
            "--offload" => offload = true,
            "--mtu" => {
                let text = arguments.next().context("--mtu needs a number")?;
                mtu = text.parse().with_context(|| format!("{text:?} is no MTU"))?;
            }
            spec => {
                let (port, service) = parse_spec(spec)?;
                services.insert(port, service);
            }
        }
    }
    ensure!(!services.is_empty(), "nothing to serve: give NAME:PORT, as echo:7");
    let kind = if offload { Offload::On } else { Offload::Off };
    let config = OpenConfig { mtu, netns, offload: kind, ..OpenConfig::new("glass0", KERNEL) };
    let (tun, guard) = device::open(&config, &[STACK])?;
    let link = Link::new(tun.as_fd().try_clone_to_owned()?, mtu, offload);
    println!("null TCP serves on {STACK}");
    std::io::stdout().flush()?;
    let flows = HashMap::with_hasher(ahash::RandomState::with_seeds(1, 2, 3, 4));
    Null { link, services, flows, due: Vec::new() }.run(&guard)
}

fn parse_spec(spec: &str) -> anyhow::Result<(u16, Service)> {
    let (name, port) =
        spec.split_once(':').with_context(|| format!("{spec:?} is not NAME:PORT"))?;
    let service = match name {
        "echo" => Service::Echo,
        "discard" => Service::Discard,
        "chargen" => Service::Chargen,
        _ => bail!("there is no service {name:?}: choose echo, discard or chargen"),
    };
    Ok((port.parse().with_context(|| format!("{port:?} is no port"))?, service))
}

/// The device, and the one packet that is being written.
struct Link {
    file: OwnedFd,
    mtu: u16,
    offload: bool,
    /// What is sent to those who only want to receive.
    text: Vec<u8>,
    written: u16,
}

/// What is said in a segment.
struct Segment<'a> {
    ports: Ports,
    seq: u32,
    ack: u32,
    flags: u8,
    payload: &'a [u8],
}

impl Link {
    fn new(file: OwnedFd, mtu: u16, offload: bool) -> Link {
        let text = (0..1 << 16).map(|at| b' ' + (at % 95) as u8).collect();
        Link { file, mtu, offload, text, written: 0 }
    }

    fn mss(&self) -> usize {
        usize::from(self.mtu) - HEADERS
    }

    /// Text that goes in one piece.
    fn burst(&self) -> usize {
        let most = usize::from(u16::MAX) - HEADERS;
        if self.offload { most / self.mss() * self.mss() } else { self.mss() }
    }

    /// Writes a segment; false when the device has no room.
    fn send(&mut self, segment: &Segment<'_>) -> anyhow::Result<bool> {
        let mut head = [0; vnet::LEN + HEADERS + 8];
        let options = if segment.flags & SYN != 0 { 8 } else { 0 };
        let headers = HEADERS + options;
        let mss = self.mss() as u16;
        let ip = &mut head[vnet::LEN..];
        let len = (headers + segment.payload.len()) as u16;
        ip[0] = 0x45;
        ip[2..4].copy_from_slice(&len.to_be_bytes());
        ip[4..6].copy_from_slice(&self.written.to_be_bytes());
        ip[6] = 0x40;
        ip[8..10].copy_from_slice(&[64, 6]);
        ip[12..16].copy_from_slice(&STACK.octets());
        ip[16..20].copy_from_slice(&KERNEL.address.octets());
        let sum = Sum::new().add_bytes(&ip[..20]).finish();
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
        ip[20..24].copy_from_slice(&segment.ports);
        ip[24..28].copy_from_slice(&segment.seq.to_be_bytes());
        ip[28..32].copy_from_slice(&segment.ack.to_be_bytes());
        ip[32..34].copy_from_slice(&[(((headers - 20) / 4) << 4) as u8, segment.flags]);
        ip[34..36].copy_from_slice(&WINDOW.to_be_bytes());
        if options > 0 {
            let [high, low] = mss.to_be_bytes();
            ip[40..48].copy_from_slice(&[2, 4, high, low, 1, 3, 3, SCALE]);
        }
        let tcp_len = u32::from(len) - 20;
        let pseudo = Sum::pseudo_header(STACK.into(), KERNEL.address.into(), 6, tcp_len);
        let sum = match self.offload {
            true => !pseudo.finish(),
            false => pseudo.add_bytes(&ip[20..headers]).add_bytes(segment.payload).finish(),
        };
        ip[36..38].copy_from_slice(&sum.to_be_bytes());
        let cut = if segment.payload.len() > usize::from(mss) { mss } else { 0 };
        head[..vnet::LEN].copy_from_slice(&vnet::header(headers as u16, cut));
        self.written = self.written.wrapping_add(64);
        let head = &head[if self.offload { 0 } else { vnet::LEN }..vnet::LEN + headers];
        loop {
            match writev(&self.file, &[IoSlice::new(head), IoSlice::new(segment.payload)]) {
                Ok(_) => return Ok(true),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN | Errno::ENOBUFS) => return Ok(false),
                Err(errno) => return Err(errno).context("cannot write to the device"),
            }
        }
    }

    /// Sleeps until a packet can be read, or for as long as anybody has patience.
    fn wait(&self) -> anyhow::Result<()> {
        let patience = TimeSpec::milliseconds(PATIENCE.as_millis() as i64);
        let mut fds = [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)];
        ppoll(&mut fds, Some(patience), None).context("cannot wait for the device")?;
        Ok(())
    }
}

/// All there is.
struct Null {
    link: Link,
    services: HashMap<u16, Service>,
    flows: HashMap<Ports, Flow, ahash::RandomState>,
    /// Flows to which something is owed.
    due: Vec<Ports>,
}

impl Null {
    /// Serves until it is ended by a signal; `_guard` takes the device's namespace away after it.
    fn run(mut self, _guard: &Guard) -> anyhow::Result<()> {
        let mut buffer = vec![0xff; vnet::LEN + usize::from(u16::MAX)];
        let skip = if self.link.offload { vnet::LEN } else { 0 };
        let mut moved = Instant::now();
        loop {
            let mut count = 0;
            while count < BATCH {
                match read(&self.link.file, &mut buffer) {
                    Ok(len) => self.receive(&buffer[skip.min(len)..len])?,
                    Err(Errno::EAGAIN) => break,
                    Err(Errno::EINTR) => continue,
                    Err(errno) => return Err(errno).context("the device fails"),
                }
                count += 1;
            }
            if count > 0 {
                moved = Instant::now();
            }
            let more = self.transmit()?;
            if count == 0 && !more {
                self.link.wait()?;
                if moved.elapsed() >= PATIENCE {
                    self.begin_again();
                    moved = Instant::now();
                }
            }
        }
    }

    /// Takes one packet; what it asks for goes out when all of a batch were taken, but for echoes.
    fn receive(&mut self, packet: &[u8]) -> anyhow::Result<()> {
        if packet.len() < HEADERS || packet[0] != 0x45 || packet[9] != 6 {
            return Ok(());
        }
        let tcp = &packet[20..];
        let ports = [tcp[2], tcp[3], tcp[0], tcp[1]];
        let number =
            |at: usize| u32::from_be_bytes([tcp[at], tcp[at + 1], tcp[at + 2], tcp[at + 3]]);
        let (seq, ack, flags) = (number(4), number(8), tcp[13]);
        let window = u32::from(u16::from_be_bytes([tcp[14], tcp[15]]));
        let Some(payload) = tcp.get(usize::from(tcp[12] >> 4) * 4..) else {
            return Ok(());
        };
        if flags & RST != 0 {
            self.flows.remove(&ports);
            return Ok(());
        }
        if flags & SYN != 0 {
            return self.open(ports, seq, window, &tcp[20..tcp.len() - payload.len()]);
        }
        let Some(flow) = self.flows.get_mut(&ports) else {
            return Ok(());
        };
        if ack.wrapping_sub(flow.snd_una) as i32 > 0 {
            (flow.snd_una, flow.duplicates) = (ack, 0);
        } else if payload.is_empty() && flow.snd_nxt != flow.snd_una {
            flow.duplicates += 1;
            if flow.duplicates == 3 {
                flow.snd_nxt = flow.snd_una;
            }
        }
        flow.window = window << flow.scale;
        let mut owed = flow.service == Service::Chargen;
        if !payload.is_empty() || flags & FIN != 0 {
            owed = true;
            if seq == flow.rcv_nxt {
                flow.rcv_nxt = seq.wrapping_add(payload.len() as u32 + u32::from(flags & FIN));
                let echo = if flow.service == Service::Echo { payload } else { &[] };
                if !echo.is_empty() || flags & FIN != 0 {
                    let flags = ACK | PSH | flags & FIN;
                    let (seq, ack) = (flow.snd_nxt, flow.rcv_nxt);
                    self.link.send(&Segment { ports, seq, ack, flags, payload: echo })?;
                    flow.snd_nxt = seq.wrapping_add(echo.len() as u32 + u32::from(flags & FIN));
                    owed = false;
                }
                if flags & FIN != 0 {
                    self.flows.remove(&ports);
                    return Ok(());
                }
            }
        }
        if owed && !std::mem::replace(&mut flow.due, true) {
            self.due.push(ports);
        }
        Ok(())
    }

    fn open(&mut self, ports: Ports, seq: u32, window: u32, options: &[u8]) -> anyhow::Result<()> {
        let port = u16::from_be_bytes([ports[0], ports[1]]);
        let Some(&service) = self.services.get(&port) else {
            return Ok(());
        };
        let scale = options.windows(3).find(|option| option[..2] == [3, 3]);
        let (rcv_nxt, iss) = (seq.wrapping_add(1), seq.rotate_left(16));
        let scale = scale.map_or(0, |option| option[2]);
        let segment = Segment { ports, seq: iss, ack: rcv_nxt, flags: SYN | ACK, payload: &[] };
        self.link.send(&segment)?;
        let (snd_una, due, duplicates) = (iss.wrapping_add(1), false, 0);
        let flow =
            Flow { service, rcv_nxt, snd_una, snd_nxt: snd_una, window, scale, due, duplicates };
        self.flows.insert(ports, flow);
        Ok(())
    }

    /// Gives each flow what it is owed; whether there is more to give.
    fn transmit(&mut self) -> anyhow::Result<bool> {
        let burst = self.link.burst();
        let text = std::mem::take(&mut self.link.text);
        let mut more = Vec::new();
        for ports in self.due.drain(..) {
            let Some(flow) = self.flows.get_mut(&ports) else { continue };
            let mut sent = 0;
            while flow.service == Service::Chargen && sent < BURSTS {
                let flight = flow.snd_nxt.wrapping_sub(flow.snd_una);
                let room = flow.window.saturating_sub(flight) as usize;
                if room < burst {
                    break;
                }
                let payload = &text[..burst];
                let (seq, ack) = (flow.snd_nxt, flow.rcv_nxt);
                if !self.link.send(&Segment { ports, seq, ack, flags: ACK, payload })? {
                    break;
                }
                flow.snd_nxt = seq.wrapping_add(burst as u32);
                sent += 1;
            }
            if sent == 0 && flow.service != Service::Chargen {
                let (seq, ack) = (flow.snd_nxt, flow.rcv_nxt);
                self.link.send(&Segment { ports, seq, ack, flags: ACK, payload: &[] })?;
            }
            flow.due = sent == BURSTS;
            if flow.due {
                more.push(ports);
            }
        }
        self.link.text = text;
        self.due = more;
        Ok(!self.due.is_empty())
    }

    /// Nothing has come for long: maybe it is our text that was lost.
    fn begin_again(&mut self) {
        for (&ports, flow) in &mut self.flows {
            flow.snd_nxt = flow.snd_una;
            if flow.service == Service::Chargen && !std::mem::replace(&mut flow.due, true) {
                self.due.push(ports);
            }
        }
    }
}
