//! The services of the benchmark on the `smoltcp` crate: what glasstcp is compared with.
//!
//! ```text
//! smoltcp_peer --netns NS --mtu 1500 [--offload] echo:7:48 http:80:48    NAME:PORT:SOCKETS, as often as needed
//! ```
//!
//! The loop is the one that did best for smoltcp when its parts were measured: up to 64 packets are
//! read into buffers that are used again, the stack takes them, the services run inline, then
//! everything is sent, and only when the device is drained the thread sleeps in `ppoll`. Sockets have
//! buffers of 1 MiB, a delayed acknowledgment of 10 ms, no Nagle algorithm, no congestion control
//! (smoltcp's default) and no timestamps; a service listens with all its sockets at once. With `--offload` the kernel
//! cuts what is sent and leaves checksums out, by smoltcp's feature `segmentation-offload`.

#[path = "common/vnet.rs"]
mod vnet;

use std::fs::File;
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::num::{NonZeroU16, NonZeroUsize};
use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Context, bail, ensure};
use glasstcp::device::link::Cidr;
use glasstcp::device::{self, Guard, Offload, OpenConfig};
use glasstcp::wire::checksum::Sum;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::{TimeSpec, TimeValLike};
use smoltcp::iface::{Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::{Checksum, Device, DeviceCapabilities, Medium, PacketMeta};
use smoltcp::socket::tcp::{self, Socket, SocketBuffer};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpCidr};

/// The same network as that of `glasstcp up`.
const KERNEL: Cidr = Cidr { address: Ipv4Addr::new(10, 9, 0, 1), prefix_len: 24 };
const STACK: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
/// Send and receive buffer of a socket, in bytes.
const BUFFER: usize = 1 << 20;
/// The longest packet, in bytes, which is what the kernel cuts at most.
const LONGEST: usize = 65_535;
/// Packets read before the services run.
const BATCH: usize = 64;
/// Passes over the sockets before the device is looked at again; each sends a segment a socket.
const EGRESS_PASSES: usize = 64;
const ACK_DELAY: Duration = Duration::from_millis(10);
/// Length of the body that HTTP answers with: a little less than that of the welcome page of
/// `glasstcp up`, and two segments as well.
const BODY: usize = 1400;

/// What is done with a connection.
#[derive(Clone, Copy)]
enum Service {
    Echo,
    Discard,
    Chargen,
    Http,
}

/// A socket and what it is for.
struct Served {
    handle: SocketHandle,
    service: Service,
    port: u16,
}

/// What the services use, made once.
struct Data {
    text: Vec<u8>,
    reply: Vec<u8>,
    scratch: Vec<u8>,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (mut netns, mut mtu, mut offload, mut specs) = (None, 1500, false, Vec::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--netns" => netns = arguments.next(),
            "--offload" => offload = true,
            "--mtu" => {
                let text = arguments.next().context("--mtu needs a number")?;
                mtu = text.parse().with_context(|| format!("{text:?} is no MTU"))?;
            }
            spec => specs.push(parse_spec(spec)?),
        }
    }
    ensure!(!specs.is_empty(), "nothing to serve: give NAME:PORT:SOCKETS, as echo:7:48");
    let kind = if offload { Offload::On } else { Offload::Off };
    let config = OpenConfig { mtu, netns, offload: kind, ..OpenConfig::new("glass0", KERNEL) };
    let (tun, guard) = device::open(&config, &[STACK])?;
    run(Tun::new(tun.as_fd().try_clone_to_owned()?, mtu, offload), &guard, &specs)
}

fn parse_spec(spec: &str) -> anyhow::Result<(Service, u16, usize)> {
    let sentence = || format!("{spec:?} is not NAME:PORT:SOCKETS, as echo:7:48");
    let mut parts = spec.split(':');
    let (Some(name), Some(port), Some(count), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        bail!(sentence());
    };
    let service = match name {
        "echo" => Service::Echo,
        "discard" => Service::Discard,
        "chargen" => Service::Chargen,
        "http" => Service::Http,
        _ => bail!("there is no service {name:?}: choose echo, discard, chargen or http"),
    };
    Ok((service, port.parse().with_context(sentence)?, count.parse().with_context(sentence)?))
}

/// Serves until SIGTERM or SIGINT; `_guard` takes the device's namespace away after it.
fn run(mut device: Tun, _guard: &Guard, specs: &[(Service, u16, usize)]) -> anyhow::Result<()> {
    let mut config = smoltcp::iface::Config::new(HardwareAddress::Ip);
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).context("the system gives no random numbers")?;
    config.random_seed = u64::from_ne_bytes(seed);
    let mut iface = Interface::new(config, &mut device, Instant::now());
    iface.update_ip_addrs(|addresses| {
        let _ = addresses.push(IpCidr::new(STACK.into(), KERNEL.prefix_len));
    });
    let mut sockets = SocketSet::new(Vec::new());
    let mut served = Vec::new();
    for &(service, port, count) in specs {
        for _ in 0..count {
            let handle = sockets.add(new_socket());
            sockets.get_mut::<Socket<'_>>(handle).listen(port)?;
            served.push(Served { handle, service, port });
        }
    }
    println!("smoltcp serves on {STACK}");
    let mut data = Data {
        text: (0..BUFFER).map(|at| b' ' + (at % 95) as u8).collect(),
        reply: http_reply(),
        scratch: vec![0xff; 64 << 10],
    };
    loop {
        let more_input = device.fill()?;
        let now = Instant::now();
        while device.has_input() {
            iface.poll_ingress_single(now, &mut device, &mut sockets);
        }
        for one in &served {
            serve(sockets.get_mut(one.handle), one, &mut data);
        }
        let now = Instant::now();
        let busy = (0..EGRESS_PASSES)
            .all(|_| iface.poll_egress(now, &mut device, &mut sockets) != PollResult::None);
        if !more_input && !busy {
            let delay = iface.poll_delay(Instant::now(), &sockets);
            device.wait(delay)?;
        }
    }
}

fn new_socket() -> Socket<'static> {
    let buffer = || SocketBuffer::new(vec![0; BUFFER]);
    let mut socket = Socket::new(buffer(), buffer());
    socket.set_ack_delay(Some(ACK_DELAY));
    socket.set_nagle_enabled(false);
    socket
}

fn http_reply() -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nserver: smoltcp\r\ncontent-type: text/plain\r\ncontent-length: {BODY}\r\n\r\n"
    );
    let mut reply = head.into_bytes();
    reply.resize(reply.len() + BODY, b'x');
    reply
}

/// Does what can be done now on one connection.
fn serve(socket: &mut Socket<'_>, one: &Served, data: &mut Data) {
    if socket.is_listening() {
        return;
    }
    match one.service {
        Service::Echo => {
            while socket.can_recv() && socket.can_send() {
                let room = (socket.send_capacity() - socket.send_queue()).min(data.scratch.len());
                let len = socket.recv_slice(&mut data.scratch[..room]).unwrap_or(0);
                if len == 0 || socket.send_slice(&data.scratch[..len]).is_err() {
                    break;
                }
            }
        }
        Service::Discard => {
            while socket.can_recv() {
                if socket.recv(|bytes| (bytes.len(), ())).is_err() {
                    break;
                }
            }
        }
        Service::Chargen => {
            while socket.can_send() {
                if socket.send_slice(&data.text).is_err() {
                    break;
                }
            }
        }
        Service::Http => answer(socket, &data.reply),
    }
    if !socket.may_recv() && !socket.can_recv() && socket.may_send() {
        socket.close();
    }
    let over = matches!(socket.state(), tcp::State::Closed | tcp::State::TimeWait);
    if over && socket.send_queue() == 0 {
        socket.abort();
        let _ = socket.listen(one.port);
    }
}

/// One reply for each head of a request that is there; what a request says does not matter.
fn answer(socket: &mut Socket<'_>, reply: &[u8]) {
    const END: &[u8] = b"\r\n\r\n";
    while socket.can_recv() && socket.send_capacity() - socket.send_queue() >= reply.len() {
        let whole = socket.recv(|bytes| {
            let end = bytes.windows(END.len()).position(|four| four == END);
            end.map_or((0, false), |at| (at + END.len(), true))
        });
        if whole != Ok(true) || socket.send_slice(reply).is_err() {
            return;
        }
    }
}

/// A TUN device as smoltcp wants it. Its buffers are made once.
struct Tun {
    file: File,
    mtu: usize,
    offload: bool,
    rx: Vec<Vec<u8>>,
    lengths: [usize; BATCH],
    /// Packets read, and how many of them smoltcp has taken.
    count: usize,
    taken: usize,
    tx: Vec<u8>,
}

impl Tun {
    fn new(fd: OwnedFd, mtu: u16, offload: bool) -> Tun {
        let mtu = usize::from(mtu);
        let longest = if offload { vnet::LEN + LONGEST } else { mtu };
        Tun {
            file: fd.into(),
            mtu,
            offload,
            rx: vec![vec![0xff; longest]; BATCH],
            lengths: [0; BATCH],
            count: 0,
            taken: 0,
            tx: vec![0xff; vnet::LEN + LONGEST],
        }
    }

    /// Reads a batch; whether there may be more.
    fn fill(&mut self) -> anyhow::Result<bool> {
        (self.count, self.taken) = (0, 0);
        while self.count < BATCH {
            match self.file.read(&mut self.rx[self.count]) {
                Ok(len) => {
                    self.lengths[self.count] = len;
                    self.count += 1;
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error).context("the device fails"),
            }
        }
        Ok(true)
    }

    fn has_input(&self) -> bool {
        self.taken < self.count
    }

    /// Sleeps until a packet can be read or `delay` is over.
    fn wait(&self, delay: Option<Duration>) -> anyhow::Result<()> {
        let delay = delay.map(|delay| TimeSpec::microseconds(delay.total_micros() as i64));
        let mut fds = [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)];
        ppoll(&mut fds, delay, None).context("cannot wait for the device")?;
        Ok(())
    }
}

impl Device for Tun {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        if !self.has_input() {
            return None;
        }
        let at = self.taken;
        self.taken += 1;
        let skip = if self.offload { vnet::LEN } else { 0 };
        let packet = self.rx[at].get(skip..self.lengths[at]).unwrap_or_default();
        let Tun { file, tx, offload, .. } = self;
        Some((RxToken(packet), TxToken { file, buffer: tx, offload: *offload, cut: 0 }))
    }

    fn transmit(&mut self, _now: Instant) -> Option<TxToken<'_>> {
        let Tun { file, tx, offload, .. } = self;
        Some(TxToken { file, buffer: tx, offload: *offload, cut: 0 })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        if self.offload {
            capabilities.segmentation.tcpv4 = NonZeroUsize::new(LONGEST);
            capabilities.checksum.tcp = Checksum::None;
        }
        capabilities
    }
}

struct RxToken<'a>(&'a [u8]);

impl smoltcp::phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(self.0)
    }
}

struct TxToken<'a> {
    file: &'a File,
    buffer: &'a mut [u8],
    offload: bool,
    /// Text of each segment that the kernel is to cut, 0 for one that stays whole.
    cut: u16,
}

impl smoltcp::phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, fill: F) -> R {
        let (head, packet) = self.buffer[..vnet::LEN + len].split_at_mut(vnet::LEN);
        let result = fill(packet);
        let mut begin = vnet::LEN;
        if self.offload && packet.len() >= 40 && packet[9] == 6 {
            let len = packet.len() as u32 - 20;
            let sum = Sum::pseudo_header(STACK.into(), KERNEL.address.into(), 6, len);
            packet[36..38].copy_from_slice(&(!sum.finish()).to_be_bytes());
            let headers = 20 + u16::from(packet[32] >> 4) * 4;
            head.copy_from_slice(&vnet::header(headers, self.cut));
            begin = 0;
        } else if self.offload {
            head.fill(0);
            begin = 0;
        }
        // A full queue loses the packet, as a network card would; TCP sends it again.
        let _ = (&mut &*self.file).write(&self.buffer[begin..vnet::LEN + len]);
        result
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.cut = meta.segmentation_offload_size.map_or(0, NonZeroU16::get);
    }
}
