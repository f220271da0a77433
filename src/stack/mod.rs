//! Many connections over one device.
//!
//! ```text
//!   Packet -> receive: ip -> icmp | udp | tcp -> Demux -> connection | half-open | TIME-WAIT | listener
//!   timers -> expire                                            |
//!   socket calls (user, udp, ping) ------------------------> ready -> transmit -> Burst
//! ```
//!
//! A turn is pure computation: packets and the time go in, bursts and wakers come out. Nothing
//! here walks over all connections.

mod accept;
mod bind;
mod config;
mod connection;
mod control;
mod cookies;
mod counters;
mod demux;
mod error;
mod fast_open;
mod icmp;
mod icmp_error;
mod list;
mod memory;
mod offered;
mod ping;
mod ports;
mod readiness;
mod receive;
mod route;
mod shard;
mod sniff;
mod socket;
mod syn_cookies;
mod tables;
mod tcp_receive;
mod time_wait;
mod train;
mod transmit;
mod udp;
mod user;
mod wakes;
mod wheel;

use std::collections::BTreeSet;
use std::sync::Arc;

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};
use slotmap::SlotMap;

use crate::context::Context;
use crate::event::{Cause, ConnId, Observer};
use crate::flight::{self, Flight};
use crate::tcp::{self, CookieKeys, Secrets};
use crate::time::Instant;
use crate::wire::{RxBatch, TxBatch};

pub use config::{Address, Config, Limits};
pub use counters::Counters;
pub use error::SocketError;
pub use fast_open::FastAccept;
pub use list::{Entry, EntryKey};
pub use ping::PingAnswer;
pub use readiness::Readiness;
pub use shard::{MAX_SHARDS, Shard, Stray};
pub use tables::Tables;
pub use udp::UdpError;
pub use wakes::Wakes;
pub use wheel::TICK;

use accept::{HalfOpenEntry, Listener};
use bind::Bindings;
use connection::Connections;
use cookies::Cookies;
use demux::Demux;
use icmp::ErrorLimit;
use memory::MemoryUse;
use offered::Offered;
use ping::Ping;
use ports::Ports;
pub(crate) use route::Routes;
use sniff::Touched;
use train::Head;
use transmit::Queues;
use udp::Udp;
use wheel::{TimerId, Wheel};

slotmap::new_key_type! {
    /// Names a connection; a stale key is refused, never confused.
    pub struct ConnKey;
    /// Names a listener.
    pub struct ListenerKey;
    /// Names an address that was taken.
    pub struct BoundKey;
    /// Names a UDP socket.
    pub struct UdpKey;
    /// Names a ping socket.
    pub struct PingKey;
    struct HalfOpenKey;
    struct TimeWaitKey;
}

/// Who has a pair of addresses.
#[derive(Clone, Copy, Debug)]
enum Owner {
    Connection(ConnKey),
    HalfOpen(HalfOpenKey),
    TimeWait(TimeWaitKey),
}

/// Whose timer went off.
#[derive(Clone, Copy, Debug)]
enum Token {
    Connection(ConnKey),
    HalfOpen(HalfOpenKey),
    TimeWait(TimeWaitKey),
}

/// A record in TIME-WAIT with its timer.
#[derive(Debug)]
struct TimeWaitEntry {
    record: time_wait::TimeWait,
    timer: TimerId,
    until: Instant,
}

/// What every step of the core may use: kept apart from the tables, so that both can be borrowed.
struct Environment {
    now: Instant,
    rng: ChaCha12Rng,
    counters: Counters,
    memory: MemoryUse,
    /// Memory has become scarce since who can give something back was asked.
    became_scarce: bool,
    observer: Option<Box<dyn Observer + Send>>,
    /// The observer wants packets too.
    shows_packets: bool,
    /// Whom the packet was for that is being processed; kept only for who wants packets.
    touched: Option<Touched>,
    flight: Option<Flight>,
}

impl Environment {
    fn context(&mut self) -> Context<'_> {
        let observer = self.observer.as_deref_mut();
        let refusals = &mut self.counters.refusals;
        let mut context = Context::new(self.now, &mut self.rng, refusals, observer)
            .recorded(self.flight.as_mut());
        context.memory = self.memory.level();
        context
    }
}

/// A TCP/IP stack over one device: its tables, and nothing else.
pub struct Stack {
    config: Config,
    tcp_config: Arc<tcp::Config>,
    env: Environment,
    secrets: Secrets,
    /// With which servers make cookies, and the cookies of other servers (RFC 7413).
    cookie_keys: CookieKeys,
    cookies: Cookies,
    routes: Routes,
    demux: Demux<Owner, ListenerKey>,
    connections: Connections,
    /// Those that were quiet and kept text behind a gap.
    hoarders: BTreeSet<ConnKey>,
    listeners: SlotMap<ListenerKey, Listener>,
    bindings: Bindings,
    half_open: SlotMap<HalfOpenKey, HalfOpenEntry>,
    offered: Offered,
    time_wait: SlotMap<TimeWaitKey, TimeWaitEntry>,
    wheel: Wheel<Token>,
    queues: Queues,
    ports: Ports,
    udp: Udp,
    ping: Ping,
    icmp_errors: ErrorLimit,
    wakes: Wakes,
    /// What there was nobody for, on its way to others that share the addresses.
    strays: Vec<Stray>,
    next_conn: u32,
    closing: bool,
}

impl Stack {
    /// A stack without sockets.
    pub fn new(config: Config) -> Stack {
        let mut rng = ChaCha12Rng::from_seed(config.seed);
        let mut secret = [0; 16];
        rng.fill_bytes(&mut secret);
        let secrets = Secrets::new(secret);
        let hash = demux::keyed_hash(std::array::from_fn(|_| rng.next_u64()));
        let identification = rng.next_u32() as u16;
        let mut cookie_key = [0; 16];
        rng.fill_bytes(&mut cookie_key);
        // Stacks that share their addresses have the secrets in common, and nothing else.
        rng.set_stream(config.shard.index.into());
        Stack {
            tcp_config: Arc::new(config.tcp.clone()),
            env: Environment {
                now: Instant::ZERO,
                rng,
                counters: Counters::default(),
                memory: MemoryUse::new(config.limits.tcp_memory),
                became_scarce: false,
                observer: None,
                shows_packets: false,
                touched: None,
                flight: Flight::new(config.limits.flight_memory),
            },
            secrets,
            cookie_keys: CookieKeys::new(cookie_key),
            cookies: Cookies::new(hash.clone()),
            routes: Routes::new(config.addresses.clone()),
            demux: Demux::new(hash.clone()),
            connections: SlotMap::with_key(),
            hoarders: BTreeSet::new(),
            listeners: SlotMap::with_key(),
            bindings: Bindings::new(hash.clone()),
            half_open: SlotMap::with_key(),
            offered: Offered::default(),
            time_wait: SlotMap::with_key(),
            wheel: Wheel::default(),
            queues: Queues::new(identification),
            ports: Ports::new(config.shard),
            udp: Udp::new(hash.clone()),
            ping: Ping::new(hash),
            icmp_errors: ErrorLimit::default(),
            wakes: Wakes::default(),
            strays: Vec::new(),
            next_conn: u32::from(config.shard.index) + 1,
            closing: false,
            config,
        }
    }

    /// What it was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Other settings for connections that do not choose their own: for those opened, and for listeners
    /// made, from now on. Handshakes that go on are answered with them, too.
    pub fn set_tcp_config(&mut self, config: tcp::Config) {
        if config != self.config.tcp {
            self.tcp_config = Arc::new(config.clone());
            self.config.tcp = config;
        }
    }

    /// Lets `observer` see every event from now on; without one, and without a flight recorder, events cost nothing.
    pub fn set_observer(&mut self, observer: Option<Box<dyn Observer + Send>>) {
        self.env.shows_packets = observer.as_ref().is_some_and(|one| one.wants_packets());
        self.env.observer = observer;
    }

    /// What happened last on each connection, if that is recorded (`Limits::flight_memory`).
    pub fn flight(&self) -> Option<&Flight> {
        self.env.flight.as_ref()
    }

    /// What happened last on a connection, if that is recorded and not forgotten, but for its first `since` entries
    /// ([`flight::Recording::entries`]).
    pub fn recording(&self, conn: ConnId, since: u64) -> Option<flight::Recording> {
        self.env.flight.as_ref()?.recording(conn, since, self.env.now)
    }

    /// Has recordings go to `sink` when something goes wrong with a connection, if they are made.
    pub fn set_flight_sink(&mut self, sink: Option<flight::Sink>) {
        if let Some(flight) = &mut self.env.flight {
            flight.set_sink(sink);
        }
    }

    /// What was counted since it was made.
    pub fn counters(&self) -> &Counters {
        &self.env.counters
    }

    /// First half of a turn: processes every packet of `rx` and every timer that is due at `now`,
    /// and says whom to wake, outside of any lock. The driver lets the tasks run before it calls
    /// [`Stack::transmit`], so that their answers travel with the acknowledgments.
    pub fn receive(&mut self, now: Instant, rx: &mut RxBatch) -> Wakes {
        self.env.now = self.env.now.max(now);
        while let Some(packet) = rx.pop_front() {
            // Whoever observes sees each by itself.
            let alone = rx.is_empty() || self.env.observer.is_some();
            let head = if alone { None } else { Head::of(&packet) };
            let accepted = self.env.counters.tcp_segments_accepted;
            self.receive_and_show(packet, 0);
            // What the headers say is good for those that follow only if it was for the first.
            if let Some(head) = head
                && self.env.counters.tcp_segments_accepted > accepted
            {
                self.receive_followers(head, rx);
            }
        }
        self.advance(now);
        self.take_wakes().unwrap_or_default()
    }

    /// Lets time pass: processes every timer that is due at `now`.
    pub fn advance(&mut self, now: Instant) {
        self.env.now = self.env.now.max(now);
        while let Some(token) = self.wheel.expire(self.env.now) {
            self.expire(token);
        }
        if std::mem::take(&mut self.env.became_scarce) {
            self.reclaim();
        }
    }

    /// Whom the calls since the last turn made ready, if there is anybody. Who does not ask leaves
    /// them to the next turn.
    pub fn take_wakes(&mut self) -> Option<Wakes> {
        self.wakes.take()
    }

    /// Both halves of a turn, as the simulator runs them, for a stack that shares its addresses with no other.
    pub fn turn(&mut self, now: Instant, rx: &mut RxBatch, tx: &mut TxBatch) -> Wakes {
        let wakes = self.receive(now, rx);
        while self.transmit(now, tx) {}
        wakes
    }

    /// When [`Stack::receive`] must be called again at the latest; `None`: not before a packet
    /// arrives or a socket is used.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.wheel.next_deadline()
    }

    fn expire(&mut self, token: Token) {
        match token {
            Token::Connection(key) => self.expire_connection(key),
            Token::HalfOpen(key) => self.expire_half_open(key),
            Token::TimeWait(key) => self.expire_time_wait(key),
        }
    }

    fn new_conn_id(&mut self) -> ConnId {
        let id = ConnId(self.next_conn);
        self.next_conn = self.next_conn.wrapping_add(self.config.shard.count.into()).max(1);
        id
    }

    /// Refuses new connections from now on and closes all others (FIN after what was written);
    /// their sockets see the end of the stream, those of UDP and listeners an error.
    pub fn shutdown(&mut self) {
        self.closing = true;
        for key in self.listeners.keys().collect::<Vec<_>>() {
            self.close_listener(key);
        }
        for key in self.connections.keys().collect::<Vec<_>>() {
            self.update_connection(key, |tcb, cx| tcb.shutdown_write(cx));
        }
        for connection in self.connections.values_mut() {
            self.wakes.add(&mut connection.read_waker);
            connection.wake_watcher(&mut self.wakes);
        }
        self.udp.wake_all(&mut self.wakes);
        self.ping.wake_all(&mut self.wakes);
    }

    /// Resets every connection that is left.
    pub fn abort_all(&mut self) {
        for key in self.connections.keys().collect::<Vec<_>>() {
            self.update_connection(key, |tcb, cx| tcb.abort(cx, Cause::StackShutdown));
        }
    }

    /// Wakes every task that waits for anything. It touches nothing but the wakers, so that it can be
    /// relied on even after a panic.
    pub fn wake_all(&mut self) {
        for connection in self.connections.values_mut() {
            self.wakes.add(&mut connection.read_waker);
            self.wakes.add(&mut connection.write_waker);
            connection.wake_watcher(&mut self.wakes);
        }
        self.wake_listeners();
        self.udp.wake_all(&mut self.wakes);
        self.ping.wake_all(&mut self.wakes);
    }

    /// Bytes that the buffers of all TCP connections hold (see [`Limits::tcp_memory`]).
    pub fn tcp_memory(&self) -> usize {
        self.env.memory.used()
    }

    /// Connections that are not closed; half-open ones and those in TIME-WAIT are not counted.
    pub fn connection_count(&self) -> usize {
        self.demux.len() - self.half_open.len() - self.time_wait.len()
    }

    /// Checks what must always hold: for every connection, and that no packet has vanished without
    /// being counted; for tests, after every step.
    pub fn check_invariants(&self) {
        let counters = &self.env.counters;
        let came = counters.packets_received + counters.packets_taken_over;
        assert_eq!(counters.packets_accounted(), came, "{counters:?}");
        let connections = self.connections.values();
        let open = connections.clone().filter(|connection| connection.in_table).count();
        assert_eq!(open, self.connection_count(), "what the demux has is not what there is");
        let held: usize = connections.clone().map(|connection| connection.tcb.memory()).sum();
        assert_eq!(
            held,
            self.env.memory.used(),
            "memory that nobody is charged with, or nobody has"
        );
        connections.for_each(|connection| connection.tcb.look().check_invariants());
    }
}

#[cfg(test)]
mod tests;
