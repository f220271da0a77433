//! The stack that a script plays with, and a peer that says only what the script says.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::icmp::IcmpError;
use super::segment::{Listed, Shape};
use super::step::{Call, Verb};
use crate::device::gso;
use crate::sim::flow;
use crate::stack::{Config, ConnKey, ListenerKey, SocketError, Stack};
use crate::time::Instant;
use crate::wire::ip::{self, Repr};
use crate::wire::tcp::{self, Flags, Segment};
use crate::wire::tcp_options::{Options, SackBlock, Timestamps};
use crate::wire::{Checksum, HeaderBuf, Packet, RxBatch, SeqNum, TxBatch, icmp};

/// The peer (RFC 5737), and its initial sequence number: they wrap soon after it.
const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 40_000);
const PEER_ISS: SeqNum = SeqNum::new(u32::MAX - 2_500);
/// The router on the way that reports errors.
const ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 254));
/// The port on which the stack listens.
const PORT: u16 = 80;
/// Connections that may wait to be accepted.
const BACKLOG: usize = 16;

/// The results of calls: there is nothing more to say, and it would have to wait.
const OK: &str = "ok";
const NOTHING: &str = "nothing";
/// There is none of what was asked for.
const NONE: &str = "none";

/// A stack in virtual time.
pub(super) struct Host {
    stack: Stack,
    now: Instant,
    /// The stack's end of the connection.
    local: SocketAddr,
    listener: Option<ListenerKey>,
    connection: Option<ConnKey>,
    /// The stack's initial sequence number, once it has sent it.
    iss: Option<SeqNum>,
    /// What its timestamps would have been at the beginning, once it has sent one.
    clock: Option<u32>,
    /// How far the application has written and read.
    written: u64,
    read: u64,
    /// The urgent octet stays in its place.
    in_line: bool,
    /// What was sent and not yet expected.
    sent: VecDeque<(Instant, Shape)>,
}

impl Host {
    pub(super) fn new(config: Config) -> Host {
        let ip = config.addresses.first().map_or(Ipv4Addr::LOCALHOST.into(), |own| own.ip);
        let in_line = config.tcp.oob_inline;
        Host {
            stack: Stack::new(config),
            now: Instant::ZERO,
            local: SocketAddr::new(ip, PORT),
            listener: None,
            connection: None,
            iss: None,
            clock: None,
            written: 0,
            read: 0,
            in_line,
            sent: VecDeque::new(),
        }
    }

    /// What time it is.
    pub(super) fn now(&self) -> Instant {
        self.now
    }

    /// The first of what was sent and not yet taken.
    pub(super) fn take_sent(&mut self) -> Option<(Instant, Shape)> {
        self.sent.pop_front()
    }

    /// Lets time pass up to `limit`, or until something is sent.
    pub(super) fn pass(&mut self, limit: Instant) -> Result<(), String> {
        while self.sent.is_empty() {
            match self.stack.next_deadline() {
                Some(at) if at <= limit => self.now = self.now.max(at),
                _ => {
                    self.now = self.now.max(limit);
                    return Ok(());
                }
            }
            self.turn(RxBatch::new())?;
        }
        Ok(())
    }

    /// A turn of the stack, and what it sends.
    fn turn(&mut self, mut rx: RxBatch) -> Result<(), String> {
        let mut tx = TxBatch::new();
        drop(self.stack.turn(self.now, &mut rx, &mut tx)); // nobody waits
        self.stack.check_invariants();
        let mut packets = Vec::new();
        tx.into_iter().for_each(|burst| gso::cut_whole(burst, |packet| packets.push(packet)));
        for packet in packets {
            let shape = self.read_sent(&packet)?;
            self.sent.push_back((self.now, shape));
        }
        Ok(())
    }

    /// A packet that the stack has sent, in the script's numbers.
    fn read_sent(&mut self, packet: &Bytes) -> Result<Shape, String> {
        let bad = |why| format!("the stack sent a packet that cannot be read: {why}");
        let datagram = ip::parse(packet).map_err(bad)?;
        if datagram.protocol != ip::TCP {
            return Err(format!("the stack sent a packet of protocol {}", datagram.protocol));
        }
        let (src, dst) = (datagram.src, datagram.dst);
        let transport = packet.slice(datagram.payload);
        let segment = tcp::parse(transport, src, dst, Checksum::Unverified).map_err(bad)?;
        if segment.syn() {
            self.iss.get_or_insert(segment.seq);
        }
        let seq = segment.seq - self.iss.unwrap_or_default();
        let len = segment.payload.len() as u32;
        if segment.payload != text(seq + u32::from(segment.syn()), len) {
            return Err(format!("seq={seq}..{} has another text than was written", seq + len));
        }
        Ok(Shape {
            flags: segment.flags,
            seq: Some(seq..seq + len),
            ack: segment.ack().map(|ack| ack - PEER_ISS),
            win: Some(segment.window),
            urg: segment.flags.contains(Flags::URG).then_some(segment.urgent),
            options: Some(Listed {
                options: self.relative(segment.options),
                raw: Vec::new(),
                open: false,
            }),
            ttl: Some(datagram.ttl),
            dscp: Some(datagram.dscp),
            ecn: Some(datagram.ecn),
        })
    }

    /// The options that the stack has sent, in the script's numbers.
    fn relative(&mut self, options: Options) -> Options {
        let millis = self.now.as_millis() as u32;
        let timestamps = options.timestamps.map(|Timestamps { tsval, tsecr }| {
            let clock = *self.clock.get_or_insert(tsval.wrapping_sub(millis));
            Timestamps { tsval: tsval.wrapping_sub(clock), tsecr }
        });
        let zero = SeqNum::default();
        let blocks = options.sack.iter().map(|block| SackBlock {
            left: zero + (block.left - PEER_ISS),
            right: zero + (block.right - PEER_ISS),
        });
        Options { timestamps, sack: blocks.collect(), ..options }
    }

    /// A segment arrives from the peer.
    pub(super) fn inject(&mut self, shape: &Shape) -> Result<(), String> {
        let base = self.iss.unwrap_or_default();
        let seq = shape.seq.clone().unwrap_or_default();
        let mut options =
            shape.options.as_ref().map_or_else(Options::default, |listed| listed.options.clone());
        if let Some(timestamps) = &mut options.timestamps {
            timestamps.tsecr = timestamps.tsecr.wrapping_add(self.clock.unwrap_or(0));
        }
        for block in &mut options.sack {
            *block =
                SackBlock { left: base + block.left.value(), right: base + block.right.value() };
        }
        let segment = Segment {
            src_port: PEER.port(),
            dst_port: self.local.port(),
            seq: PEER_ISS + seq.start,
            ack: shape.ack.map_or(SeqNum::default(), |ack| base + ack),
            flags: shape.flags,
            window: shape.win.unwrap_or(u16::MAX),
            urgent: shape.urg.unwrap_or(0),
            options,
            ecn: shape.ecn.unwrap_or(0),
            payload: text(
                seq.start + u32::from(shape.flags.contains(Flags::SYN)),
                seq.len() as u32,
            ),
        };
        let usual = between(PEER.ip(), self.local.ip(), ip::TCP);
        let repr = Repr {
            ttl: shape.ttl.unwrap_or(usual.ttl),
            dscp: shape.dscp.unwrap_or(usual.dscp),
            ecn: segment.ecn,
            ..usual
        };
        let mut header = HeaderBuf::new();
        tcp::emit(&segment, &mut header);
        add_raw(&mut header, shape.options.as_ref().map_or(&[], |listed| &listed.raw));
        let packet = gso::packet(&repr, &header, segment.payload);
        self.turn(RxBatch::from([Packet::new(packet)]))
    }

    /// The router reports an error, which quotes as much of the stack's segment as RFC 792 asks for.
    pub(super) fn report(&mut self, error: &IcmpError) -> Result<(), String> {
        let mut quote = HeaderBuf::new();
        let sent = between(self.local.ip(), PEER.ip(), ip::TCP);
        ip::emit(&sent, tcp::HEADER_LEN + error.seq.len(), &mut quote);
        let seq = self.iss.unwrap_or_default() + error.seq.start;
        quote.extend(self.local.port().to_be_bytes());
        quote.extend(PEER.port().to_be_bytes());
        quote.extend(seq.value().to_be_bytes());
        let [m0, m1] = error.mtu.to_be_bytes();
        let mut header = HeaderBuf::new();
        icmp::emit(error.kind, error.code, [0, 0, m0, m1], &mut header);
        let repr = between(ROUTER, self.local.ip(), ip::ICMP);
        let packet = gso::packet(&repr, &header, Bytes::copy_from_slice(&quote));
        self.turn(RxBatch::from([Packet::new(packet)]))
    }

    /// The application calls.
    pub(super) fn call(&mut self, call: &Call) -> Result<(), String> {
        self.stack.advance(self.now);
        let result = self.carry_out(call.verb)?;
        let well = match (&call.result, call.verb) {
            (Some(wanted), _) => *wanted == result,
            (None, Verb::Write(bytes, _)) => result == amount(bytes),
            (None, _) => result != NOTHING && !result.starts_with(ERROR),
        };
        if !well {
            return Err(format!("its result is another: -> {result}"));
        }
        self.turn(RxBatch::new())
    }

    /// Does what the application asks for, and says what comes of it.
    fn carry_out(&mut self, verb: Verb) -> Result<String, String> {
        let cx = &mut Context::from_waker(Waker::noop());
        let connection = self.connection.ok_or("there is no connection that it could be about");
        let ok = || OK.to_owned();
        Ok(match verb {
            Verb::Listen => {
                let listener = self.stack.listen(self.local, BACKLOG);
                outcome(listener, |key| {
                    self.listener = Some(key);
                    ok()
                })
            }
            Verb::Connect => {
                let opened = self.stack.connect(None, PEER, None);
                outcome(opened, |key| {
                    self.local = self.stack.local_addr(key).unwrap_or(self.local);
                    self.connection = Some(key);
                    ok()
                })
            }
            Verb::Accept => {
                let listener = self.listener.ok_or("nothing listens")?;
                let accepted = self.stack.poll_accept(listener, cx);
                polled(accepted, |(key, _)| {
                    self.connection = Some(key);
                    ok()
                })
            }
            Verb::Write(bytes, flags) => {
                let data: Vec<u8> = (self.written..).take(bytes).map(flow::byte).collect();
                let written = self.stack.poll_send_with(connection?, &data, flags, cx);
                polled(written, |bytes| {
                    self.written += bytes as u64;
                    amount(bytes)
                })
            }
            Verb::Read(most) => return self.receive(connection?, most),
            Verb::ReadUrgent => return self.receive_urgent(connection?),
            Verb::Shutdown => outcome(self.stack.shutdown_write(connection?), |()| ok()),
            Verb::Close => {
                self.stack.close(connection?);
                ok()
            }
            Verb::Abort => {
                self.stack.abort(connection?);
                ok()
            }
            Verb::Dscp(dscp) => {
                let changed = self.stack.configure(connection?, |config| config.ip.dscp = dscp);
                outcome(changed, |()| ok())
            }
            asked => return self.ask(asked, connection?),
        })
    }

    /// Asks, which changes nothing.
    fn ask(&self, verb: Verb, connection: ConnKey) -> Result<String, String> {
        let yes_or_no = |yes| (if yes { "yes" } else { "no" }).to_owned();
        match verb {
            Verb::AtMark => return Ok(outcome(self.stack.at_mark(connection), yes_or_no)),
            Verb::Unread => {
                let unread = self.stack.unread(connection);
                return Ok(outcome(unread, |bytes| amount(bytes as usize)));
            }
            _ => {}
        }
        let Some(info) = self.stack.info(connection) else {
            return Ok(NONE.to_owned());
        };
        Ok(match verb {
            Verb::State => info.state.to_string(),
            Verb::Cwnd => amount(info.cwnd as usize),
            Verb::Ssthresh => {
                info.ssthresh.map_or("infinite".to_owned(), |bytes| amount(bytes as usize))
            }
            _ => info.soft_error.map_or(NONE.to_owned(), |notice| notice.to_string()),
        })
    }

    fn receive(&mut self, connection: ConnKey, most: usize) -> Result<String, String> {
        let cx = &mut Context::from_waker(Waker::noop());
        let mut read = Vec::new();
        let take = |chunk: Bytes| read.extend_from_slice(&chunk);
        // An urgent octet that is not to be read in its place is left out.
        let left_out = !self.in_line && self.stack.at_mark(connection).unwrap_or(false);
        let received = self.stack.poll_receive_all(connection, most, cx, take);
        self.read += u64::from(left_out && !read.is_empty());
        let expected = (self.read..).take(read.len()).map(flow::byte);
        if !expected.eq(read.iter().copied()) {
            return Err(format!("other text than was injected is read after {}", self.read));
        }
        self.read += read.len() as u64;
        Ok(polled(received, |bytes| if bytes == 0 { "end".to_owned() } else { amount(bytes) }))
    }
}

impl Host {
    fn receive_urgent(&mut self, connection: ConnKey) -> Result<String, String> {
        let before = self.stack.unread(connection).unwrap_or(0);
        match self.stack.receive_urgent(connection, false) {
            Ok(Some(octet)) if octet != flow::byte(self.read + u64::from(before)) => {
                Err(format!("another octet than the one after {}", self.read + u64::from(before)))
            }
            Ok(octet) => Ok(octet.map_or("end".to_owned(), |_| amount(1))),
            Err(SocketError::WouldBlock) => Ok(NOTHING.to_owned()),
            Err(error) => Ok(format!("{ERROR}{error}")),
        }
    }
}

/// Octets after the options, filled up to whole words (RFC 9293 3.1 [MUST-69]).
fn add_raw(header: &mut HeaderBuf, raw: &[u8]) {
    header.extend(raw.iter().copied());
    while !header.len().is_multiple_of(4) {
        header.push(0);
    }
    header[tcp::FLAGS_AT - 1] = (header.len() as u8 / 4) << 4;
}

/// The IP header of a packet from `src` to `dst`.
fn between(src: IpAddr, dst: IpAddr, protocol: u8) -> Repr {
    let (ttl, dscp, ecn, identification, dont_fragment) = (ip::TTL, 0, 0, 0, true);
    Repr { src, dst, protocol, ttl, dscp, ecn, identification, dont_fragment }
}

/// How the result of a call begins that failed.
const ERROR: &str = "error: ";

fn outcome<T>(result: Result<T, SocketError>, well: impl FnOnce(T) -> String) -> String {
    result.map_or_else(|error| format!("{ERROR}{error}"), well)
}

fn polled<T>(poll: Poll<Result<T, SocketError>>, well: impl FnOnce(T) -> String) -> String {
    match poll {
        Poll::Ready(result) => outcome(result, well),
        Poll::Pending => NOTHING.to_owned(),
    }
}

fn amount(bytes: usize) -> String {
    format!("{bytes} bytes")
}

/// The text of either side from sequence number `seq` on, which 1 begins.
fn text(seq: u32, len: u32) -> Bytes {
    (0..len).map(|at| flow::byte(u64::from(seq.wrapping_sub(1).wrapping_add(at)))).collect()
}
