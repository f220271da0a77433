//! The services of the benchmark on the `smoltcp` crate: what glasstcp is compared with.
//!
//! ```text
//! smoltcp_peer --netns NS --mtu 1500 echo:7:48 http:80:48      NAME:PORT:SOCKETS, as often as needed
//! ```
//!
//! The loop is the one that did best for smoltcp when its parts were measured: up to 64 packets are
//! read into buffers that are used again, the stack takes them, the services run inline, then
//! everything is sent, and only when the device is drained the thread sleeps in `ppoll`. Sockets have
//! buffers of 1 MiB, a delayed acknowledgment of 10 ms, no Nagle algorithm, no congestion control
//! (smoltcp's default) and no timestamps; a service listens with all its sockets at once.

use std::fs::File;
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Context, bail, ensure};
use glasstcp::device::link::Cidr;
use glasstcp::device::{self, Guard, Offload, OpenConfig};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::{TimeSpec, TimeValLike};
use smoltcp::iface::{Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp::{self, Socket, SocketBuffer};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpCidr};

/// The same network as that of `glasstcp up`.
const KERNEL: Cidr = Cidr { address: Ipv4Addr::new(10, 9, 0, 1), prefix_len: 24 };
const STACK: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
/// Send and receive buffer of a socket, in bytes.
const BUFFER: usize = 1 << 20;
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
    let (mut netns, mut mtu, mut specs) = (None, 1500, Vec::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--netns" => netns = arguments.next(),
            "--mtu" => {
                let text = arguments.next().context("--mtu needs a number")?;
                mtu = text.parse().with_context(|| format!("{text:?} is no MTU"))?;
            }
            spec => specs.push(parse_spec(spec)?),
        }
    }
    ensure!(!specs.is_empty(), "nothing to serve: give NAME:PORT:SOCKETS, as echo:7:48");
    let config =
        OpenConfig { mtu, netns, offload: Offload::Off, ..OpenConfig::new("glass0", KERNEL) };
    let (tun, guard) = device::open(&config, &[STACK])?;
    run(Tun::new(tun.as_fd().try_clone_to_owned()?, mtu), &guard, &specs)
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
    rx: Vec<Vec<u8>>,
    lengths: [usize; BATCH],
    /// Packets read, and how many of them smoltcp has taken.
    count: usize,
    taken: usize,
    tx: Vec<u8>,
}

impl Tun {
    fn new(fd: OwnedFd, mtu: u16) -> Tun {
        let mtu = usize::from(mtu);
        Tun {
            file: fd.into(),
            mtu,
            rx: vec![vec![0xff; mtu]; BATCH],
            lengths: [0; BATCH],
            count: 0,
            taken: 0,
            tx: vec![0xff; mtu],
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
        let tx = TxToken { file: &self.file, buffer: &mut self.tx };
        Some((RxToken(&self.rx[at][..self.lengths[at]]), tx))
    }

    fn transmit(&mut self, _now: Instant) -> Option<TxToken<'_>> {
        Some(TxToken { file: &self.file, buffer: &mut self.tx })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
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
}

impl smoltcp::phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, fill: F) -> R {
        let packet = &mut self.buffer[..len];
        let result = fill(packet);
        // A full queue loses the packet, as a network card would; TCP sends it again.
        let _ = (&mut &*self.file).write(packet);
        result
    }
}
