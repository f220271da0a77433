//! Hosts, routers, links, and the loop that goes from event to event.

use std::future::Future;
use std::mem;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, Stream};

use super::Clock;
use crate::device::gso;
use crate::device::impair::{Direction, Impairment, Spec};
use crate::event::Observer;
use crate::net::{DriverSide, Net};
use crate::stack::{Config, Stack};
use crate::time::Instant;
use crate::wire::{Packet, RxBatch, TxBatch};

/// More than this happens at one time only if something is wrong.
const MOST_ROUNDS: u32 = 1_000_000;

/// Names a host of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostId(usize);

/// Names a router of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RouterId(usize);

/// Names one direction of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkId(usize);

/// An end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// A host.
    Host(HostId),
    /// A router.
    Router(RouterId),
}

impl From<HostId> for Node {
    fn from(host: HostId) -> Node {
        Node::Host(host)
    }
}

impl From<RouterId> for Node {
    fn from(router: RouterId) -> Node {
        Node::Router(router)
    }
}

/// Where a packet is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vantage {
    /// It leaves this host.
    Leaves(HostId),
    /// It arrives at this host.
    Arrives(HostId),
}

/// Sees what moves in a world.
pub trait Tap {
    /// Called for each packet where it leaves a host and where it arrives at one, in order of time.
    fn packet(&mut self, now: Instant, at: Vantage, host: &str, packet: &Bytes);

    /// Called whenever a packet came into a link or out of it, if that link is watched.
    fn link(&mut self, now: Instant, link: LinkId, impairment: &mut Impairment);
}

/// Changes packets that come into a link; see [`World::set_middlebox`].
pub type Middlebox = Box<dyn FnMut(Instant, Bytes) -> Bytes>;

/// Why [`World::run`] has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All tasks are done.
    Done,
    /// The time that was given is over.
    TimeLimit,
    /// Tasks wait, and nothing will ever happen any more.
    Stuck,
}

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Hosts and the links between them, in virtual time.
pub struct World {
    clock: Clock,
    seed: u64,
    hosts: Vec<Host>,
    routers: Vec<Router>,
    links: Vec<Link>,
    tasks: FuturesUnordered<Task>,
    services: FuturesUnordered<Task>,
    wake: Arc<Flag>,
    tap: Option<Box<dyn Tap>>,
    /// What one host sends in one go; empty between.
    packets: Vec<Bytes>,
    checked: bool,
    events: u64,
}

struct Host {
    name: String,
    net: Net,
    driver: DriverSide,
    /// Set when a socket has something for the stack to do.
    wake: Arc<Flag>,
    egress: Option<LinkId>,
    rx: RxBatch,
    tx: TxBatch,
    /// When its stack wants to be called again; `None`: at once.
    deadline: Option<Instant>,
}

#[derive(Default)]
struct Router {
    routes: Vec<(IpAddr, LinkId)>,
    default: Option<LinkId>,
}

struct Link {
    impairment: Impairment,
    middlebox: Option<Middlebox>,
    to: Node,
    /// Whether the tap wants to see it.
    watched: bool,
    /// When it wants to be called again.
    deadline: Instant,
}

/// A waker that is looked at.
#[derive(Default)]
struct Flag(AtomicBool);

impl Flag {
    fn set() -> Arc<Flag> {
        Arc::new(Flag(AtomicBool::new(true)))
    }

    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl World {
    /// A world without hosts, at time zero. From `seed` comes all chance in it.
    pub fn new(seed: u64) -> World {
        World {
            clock: Clock::default(),
            seed,
            hosts: Vec::new(),
            routers: Vec::new(),
            links: Vec::new(),
            tasks: FuturesUnordered::new(),
            services: FuturesUnordered::new(),
            wake: Flag::set(),
            tap: None,
            packets: Vec::new(),
            checked: false,
            events: 0,
        }
    }

    /// Adds a host with a stack of its own, and says where tasks make sockets on it. The seed of
    /// `config` is replaced by one from that of the world.
    pub fn add_host(&mut self, name: &str, mut config: Config) -> (HostId, Net) {
        let id = HostId(self.hosts.len());
        config.seed = self.derived_seed(id);
        let clock = self.clock.clone();
        let (net, driver) = Net::new(Stack::new(config), move || clock.now());
        self.hosts.push(Host {
            name: name.to_owned(),
            net: net.clone(),
            driver,
            wake: Flag::set(),
            egress: None,
            rx: RxBatch::new(),
            tx: TxBatch::new(),
            deadline: None,
        });
        (id, net)
    }

    fn derived_seed(&self, host: HostId) -> [u8; 32] {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        seed[8..16].copy_from_slice(&(host.0 as u64).to_le_bytes());
        seed
    }

    /// The name of a host.
    pub fn name(&self, host: HostId) -> &str {
        &self.hosts[host.0].name
    }

    /// Adds a router, which forwards packets by their destination, at once and without a queue.
    pub fn add_router(&mut self) -> RouterId {
        self.routers.push(Router::default());
        RouterId(self.routers.len() - 1)
    }

    /// Joins two nodes by a link, with what `spec` says of each direction: `out` is from `near` to
    /// `far`. A host sends everything into the last link it was joined by.
    ///
    /// # Panics
    /// When the specification has more rules than one direction of a link may have.
    pub fn join(
        &mut self,
        near: impl Into<Node>,
        far: impl Into<Node>,
        spec: &Spec,
    ) -> (LinkId, LinkId) {
        let (near, far) = (near.into(), far.into());
        let out = self.add_link(near, far, Direction::Out, spec);
        let back = self.add_link(far, near, Direction::In, spec);
        (out, back)
    }

    fn add_link(&mut self, from: Node, to: Node, direction: Direction, spec: &Spec) -> LinkId {
        let id = LinkId(self.links.len());
        // Any two links differ, although their streams are made from the same seed.
        let seed = self.seed.wrapping_add((id.0 as u64 / 2) << 32);
        let mut impairment = Impairment::new(direction, seed);
        impairment.apply(self.clock.now(), spec).unwrap_or_else(|error| panic!("{error}"));
        let deadline = impairment.next_deadline().unwrap_or(Instant::FAR_FUTURE);
        self.links.push(Link { impairment, middlebox: None, to, watched: false, deadline });
        if let Node::Host(host) = from {
            self.hosts[host.0].egress = Some(id);
        }
        id
    }

    /// Has `router` forward packets to `destination` through `link`; `None`: all for which it knows
    /// nothing better.
    pub fn route(&mut self, router: RouterId, destination: Option<IpAddr>, link: LinkId) {
        let router = &mut self.routers[router.0];
        match destination {
            Some(destination) => router.routes.push((destination, link)),
            None => router.default = Some(link),
        }
    }

    /// The clock of the world, for tasks that wait for a time.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Runs `task` until it ends; [`World::run`] waits for it.
    pub fn spawn(&mut self, task: impl Future<Output = ()> + 'static) {
        self.tasks.push(Box::pin(task));
        self.wake.0.store(true, Ordering::Relaxed);
    }

    /// Runs `service` for as long as there are tasks.
    pub fn spawn_service(&mut self, service: impl Future<Output = ()> + 'static) {
        self.services.push(Box::pin(service));
        self.wake.0.store(true, Ordering::Relaxed);
    }

    /// Lets `tap` see every packet from now on.
    pub fn set_tap(&mut self, tap: Box<dyn Tap>) {
        self.tap = Some(tap);
    }

    /// Lets the tap see this direction of a link too, and what it does to packets.
    pub fn watch_link(&mut self, link: LinkId) {
        self.links[link.0].watched = true;
        self.links[link.0].impairment.record(true);
    }

    /// Puts a middlebox before this direction of a link, which may change every packet.
    pub fn set_middlebox(&mut self, link: LinkId, middlebox: Middlebox) {
        self.links[link.0].middlebox = Some(middlebox);
    }

    /// Lets `observer` see every event of the host's stack.
    pub fn set_observer(&self, host: HostId, observer: Box<dyn Observer + Send>) {
        self.hosts[host.0].net.set_observer(Some(observer));
    }

    /// Checks what must always hold in every stack, after every step. It takes time, and panics when
    /// something does not hold.
    pub fn check_every_step(&mut self) {
        self.checked = true;
    }

    /// One direction of a link, to change or to look at.
    pub fn link_mut(&mut self, link: LinkId) -> &mut Impairment {
        // Whatever is changed may have its effect at once.
        self.links[link.0].deadline = self.clock.now();
        &mut self.links[link.0].impairment
    }

    /// One direction of a link, to look at.
    pub fn link(&self, link: LinkId) -> &Impairment {
        &self.links[link.0].impairment
    }

    /// How many packets were handed over and how many deadlines came, so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Goes on until all tasks are done, or until `limit`, or until nothing can happen any more.
    pub fn run(&mut self, limit: Instant) -> Ended {
        loop {
            self.settle();
            if self.tasks.is_empty() {
                return Ended::Done;
            }
            match self.next_deadline() {
                Some(next) if next <= limit => self.clock.advance(next.max(self.clock.now())),
                Some(_) => {
                    self.clock.advance(limit.max(self.clock.now()));
                    return Ended::TimeLimit;
                }
                None => return Ended::Stuck,
            }
        }
    }

    /// When something happens next.
    fn next_deadline(&self) -> Option<Instant> {
        let hosts = self.hosts.iter().map(|host| host.deadline.unwrap_or(Instant::ZERO));
        let links = self.links.iter().map(|link| link.deadline);
        let tasks = self.clock.next_deadline();
        hosts.chain(links).chain(tasks).min().filter(|next| *next < Instant::FAR_FUTURE)
    }

    /// Does everything that happens now, until nothing is left to do at this time. It panics when that does
    /// not come.
    fn settle(&mut self) {
        let now = self.clock.now();
        for _ in 0..MOST_ROUNDS {
            let mut busy = self.hand_over(now);
            for index in 0..self.hosts.len() {
                busy |= self.receive(index, now);
            }
            busy |= self.run_tasks();
            for index in 0..self.hosts.len() {
                busy |= self.transmit(index, now);
            }
            if !busy {
                return;
            }
        }
        panic!("a world without end at {now}: somebody always has something to do");
    }

    /// Takes from the links what has arrived.
    fn hand_over(&mut self, now: Instant) -> bool {
        let mut busy = false;
        for index in 0..self.links.len() {
            if self.links[index].deadline > now {
                continue;
            }
            while let Some(packet) = self.links[index].impairment.pop(now) {
                busy = true;
                self.events += 1;
                self.deliver(now, self.links[index].to, packet);
            }
            self.links[index].rearm();
            self.show_link(now, LinkId(index));
        }
        busy
    }

    fn push(&mut self, now: Instant, link: LinkId, packet: Bytes) {
        let Link { impairment, middlebox, .. } = &mut self.links[link.0];
        let packet = match middlebox {
            Some(change) => change(now, packet),
            None => packet,
        };
        impairment.push(now, packet);
        self.links[link.0].rearm();
        self.show_link(now, link);
    }

    fn show_link(&mut self, now: Instant, id: LinkId) {
        let link = &mut self.links[id.0];
        if let Some(tap) = &mut self.tap
            && link.watched
        {
            tap.link(now, id, &mut link.impairment);
        }
    }

    fn deliver(&mut self, now: Instant, to: Node, packet: Bytes) {
        match to {
            Node::Host(host) => {
                if let Some(tap) = &mut self.tap {
                    tap.packet(now, Vantage::Arrives(host), &self.hosts[host.0].name, &packet);
                }
                self.hosts[host.0].rx.push_back(Packet::new(packet));
            }
            Node::Router(router) => {
                // A router without a route drops it, and so does every one for what it cannot read.
                let next = destination(&packet).and_then(|ip| self.routers[router.0].next(ip));
                if let Some(link) = next {
                    self.push(now, link, packet);
                }
            }
        }
    }

    /// The first half of a host's turn, if there is a reason for one.
    fn receive(&mut self, index: usize, now: Instant) -> bool {
        let host = &mut self.hosts[index];
        let due = host.deadline.is_none_or(|deadline| deadline <= now);
        if !due && host.rx.is_empty() && !host.wake.is_set() {
            return false;
        }
        self.events += u64::from(due);
        host.deadline = None;
        let received = host.driver.receive(now, &mut host.rx);
        received.expect("nobody ends the stack of a world").wakes.notify();
        true
    }

    /// Polls all tasks that were woken.
    fn run_tasks(&mut self) -> bool {
        if !self.wake.take() {
            return false;
        }
        let waker = Waker::from(Arc::clone(&self.wake));
        let mut cx = Context::from_waker(&waker);
        for tasks in [&mut self.tasks, &mut self.services] {
            while let Poll::Ready(Some(())) = pin!(&mut *tasks).poll_next(&mut cx) {}
        }
        true
    }

    /// The second half of a host's turn: what it sends goes into its link.
    fn transmit(&mut self, index: usize, now: Instant) -> bool {
        let host = &mut self.hosts[index];
        let woken = host.wake.take();
        if host.deadline.is_some() && !woken {
            return false;
        }
        let driver = &host.driver;
        while driver.transmit(now, &mut host.tx).expect("nobody ends the stack of a world") {}
        let mut packets = mem::take(&mut self.packets);
        for burst in host.tx.drain(..) {
            gso::cut_whole(burst, |packet| packets.push(packet));
        }
        let busy = !packets.is_empty();
        let egress = host.egress;
        for packet in packets.drain(..) {
            if let Some(tap) = &mut self.tap {
                let host = HostId(index);
                tap.packet(now, Vantage::Leaves(host), &self.hosts[index].name, &packet);
            }
            if let Some(link) = egress {
                self.push(now, link, packet);
            }
        }
        self.packets = packets;
        let host = &mut self.hosts[index];
        let waker = Waker::from(Arc::clone(&host.wake));
        host.deadline = host.driver.fall_asleep(&waker, false);
        if self.checked {
            host.driver.check_invariants();
        }
        busy || host.deadline.is_none()
    }
}

impl Link {
    fn rearm(&mut self) {
        self.deadline = self.impairment.next_deadline().unwrap_or(Instant::FAR_FUTURE);
    }
}

impl Router {
    fn next(&self, destination: IpAddr) -> Option<LinkId> {
        let known = self.routes.iter().find(|(ip, _)| *ip == destination);
        known.map(|(_, link)| *link).or(self.default)
    }
}

/// Where a packet wants to go.
fn destination(packet: &[u8]) -> Option<IpAddr> {
    let octets: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
    (packet[0] >> 4 == 4).then(|| Ipv4Addr::from(octets).into())
}

#[cfg(test)]
mod tests;
