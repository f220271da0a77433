//! One simulation, from a scenario to what came of it.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::cross::{Counting, CrossTally};
use super::flow::{Progress, Transfer};
use super::record::{Record, Recorder};
use super::scenario::Scenario;
use super::world::{Ended, HostId, LinkId, RouterId, Tap, Vantage, World};
use crate::device::impair::{
    Change, Counters, Decision, Direction, Impairment, Loss, Queue, Rule, Setting, Spec,
};
use crate::event::{Event, Observer, PacketView};
use crate::net::Net;
use crate::stack::Config;
use crate::tcp;
use crate::tcp::congestion::Algorithm;
use crate::time::{Duration, Instant};

/// The port on which receivers listen.
const PORT: u16 = 5001;

/// What came of a simulation.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub ended: Ended,
    /// What time it was then.
    pub time: Duration,
    /// Each flow.
    pub flows: Vec<FlowOutcome>,
    /// The link they shared, from the senders to the receivers and back.
    pub link: [Counters; 2],
    /// Each kind of cross traffic.
    pub cross: Vec<CrossTally>,
    /// Packets handed over and deadlines met, in the whole world.
    pub events: u64,
}

impl Outcome {
    /// Whether every flow has delivered everything.
    pub fn is_complete(&self) -> bool {
        self.flows.iter().all(|flow| flow.progress.completed.is_some())
    }

    /// Jain's index of how evenly the flows shared the link while all of them ran: 1 when all got the same, one
    /// over their number when only one got anything. `settled` after the last one has begun is when it begins to
    /// count.
    pub fn fairness(&self, settled: Duration) -> f64 {
        let begun = self.flows.iter().map(|flow| flow.begun).max().unwrap_or_default() + settled;
        let completed = self.flows.iter().filter_map(|flow| flow.progress.completed).min();
        let over = completed.map_or(self.time, |at| at - Instant::ZERO);
        let got = |progress: &Progress| {
            (progress.received_by(over) - progress.received_by(begun.min(over))) as f64
        };
        let rates = || self.flows.iter().map(|flow| got(&flow.progress));
        let (sum, squares) = (rates().sum::<f64>(), rates().map(|rate| rate * rate).sum::<f64>());
        if squares == 0.0 { 1.0 } else { sum * sum / (self.flows.len() as f64 * squares) }
    }
}

/// What came of a flow.
#[derive(Debug)]
pub struct FlowOutcome {
    /// When it began.
    pub begun: Duration,
    /// How far it got.
    pub progress: Progress,
    /// What its sender did.
    pub sender: Record,
    /// What its receiver did.
    pub receiver: Record,
}

impl FlowOutcome {
    /// Bits of text a second that the receiving application got from the beginning up to the
    /// completion or, without one, up to `end`.
    pub fn goodput(&self, end: Duration) -> f64 {
        let end = self.progress.completed.map_or(end, |at| at - Instant::ZERO);
        let time = end.saturating_sub(self.begun).as_secs_f64();
        if time == 0.0 { 0.0 } else { self.progress.received as f64 * 8.0 / time }
    }
}

/// Sees everything that happens in a simulation, in order of time; hosts by their names.
pub trait Watch {
    /// An event of a host's stack.
    fn event(&mut self, now: Instant, host: &str, event: &Event);
    /// A packet leaves a host or arrives at one.
    fn packet(&mut self, now: Instant, at: Vantage, host: &str, packet: &[u8]);
    /// The link they share has done something to a packet.
    fn decision(&mut self, direction: Direction, decision: &Decision);
    /// So many packets and bytes wait for the link they share, on the way to the receivers.
    fn backlog(&mut self, now: Instant, packets: usize, bytes: u64);

    /// Whether [`Watch::view`] is to be called; asked for once for each host.
    fn wants_views(&self) -> bool {
        false
    }

    /// A packet as a host's stack sees it, with what it thinks of it.
    fn view(&mut self, _now: Instant, _host: &str, _packet: &PacketView<'_>) {}
}

/// A [`Watch`] that several observers share.
pub type SharedWatch = Arc<Mutex<dyn Watch + Send>>;

/// Simulates a scenario with one congestion control to its end, and shows `watch` everything. With
/// `series` the records of the flows say when what happened.
///
/// # Panics
/// When the stack does something that it must never do: a bug.
pub fn run(
    scenario: &Scenario,
    congestion: Algorithm,
    series: bool,
    watch: Option<SharedWatch>,
) -> Outcome {
    let mut world = World::new(scenario.seed);
    let (left, right) = (world.add_router(), world.add_router());
    let (out, back) = world.join(left, right, &link_spec(scenario));
    world.route(left, None, out);
    world.route(right, None, back);
    let flows: Vec<Flow> = (0..scenario.flows)
        .map(|number| {
            let sender = (left, "sender", 0);
            let receiver = (right, "receiver", 1);
            let hosts = [sender, receiver].map(|(router, role, network)| {
                let last = number as u8 + 1;
                let name = match scenario.flows {
                    1 => role.to_owned(),
                    _ => format!("{role} {last}"),
                };
                let tcp = tcp_config(scenario, congestion);
                let config = |config: Config| Config { mtu: scenario.mtu, tcp, ..config };
                Host::join(&mut world, config, (&name, network, last), router)
            });
            let begun = scenario.stagger * u32::from(number);
            Flow::start(&mut world, scenario, hosts, begun, (series, watch.clone()))
        })
        .collect();
    let cross = start_cross(&mut world, scenario, [left, right]);
    if let Some(watch) = watch {
        world.watch_link(out);
        world.watch_link(back);
        world.set_tap(Box::new(Watching { watch, out }));
    }
    let ended = world.run(Instant::ZERO + scenario.time_limit);
    Outcome {
        ended,
        time: world.clock().now() - Instant::ZERO,
        link: [out, back].map(|link| world.link(link).counters().clone()),
        events: world.events(),
        cross: cross.iter().map(|tally| tally.get()).collect(),
        flows: flows.into_iter().map(Flow::outcome).collect(),
    }
}

/// All rules of the shared link: what the scenario says by name, and then its own rules.
pub(super) fn link_spec(scenario: &Scenario) -> Spec {
    let rule =
        |direction, setting| Rule { direction, at: Duration::ZERO, change: Change::Set(setting) };
    let mut rules = vec![
        rule(None, Setting::Delay(scenario.rtt / 2)),
        rule(None, Setting::Queue(Queue { limit: scenario.queue, ..Queue::default() })),
        rule(None, Setting::Rate(scenario.rate)),
        rule(Some(Direction::Out), Setting::Loss(Loss::independent(scenario.loss))),
    ];
    rules.extend(scenario.impair.rules.iter().cloned());
    Spec { rules }
}

/// What the connections of flows are told.
fn tcp_config(scenario: &Scenario, congestion: Algorithm) -> tcp::Config {
    let habits = tcp::Config::of(scenario.profile);
    let mut config = tcp::Config {
        nodelay: scenario.nodelay,
        sack: scenario.sack,
        timestamps: scenario.timestamps && habits.timestamps,
        ecn: scenario.ecn,
        quick_ack: scenario.quick_ack && habits.quick_ack,
        congestion,
        // The links carry whatever fits the MTU: time-outs have another reason.
        black_hole_detection: false,
        ..habits
    };
    if let Some(delay) = scenario.ack_delay {
        (config.ack_delay, config.ack_delay_max) = (delay, delay);
    }
    if let Some(bytes) = scenario.buffer {
        config.fix_buffers(u32::try_from(bytes).unwrap_or(u32::MAX));
    }
    config
}

/// Lets all cross traffic run, between hosts beside the `routers` at the two ends of the link.
fn start_cross(world: &mut World, scenario: &Scenario, routers: [RouterId; 2]) -> Vec<Counting> {
    let numbered = scenario.cross.iter().zip(1..);
    numbered
        .map(|(cross, number)| {
            let [left, right] = routers;
            let (near, far) = match cross.direction {
                Direction::Out => (left, right),
                Direction::In => (right, left),
            };
            let [source, sink] = [(near, "source", 2), (far, "sink", 3)].map(|end| {
                let (router, role, network) = end;
                let name = format!("cross {number} {role}");
                let config = |config: Config| Config { mtu: scenario.mtu, ..config };
                Host::join(world, config, (&name, network, number), router)
            });
            cross.start(world, source.net, sink.net, sink.ip)
        })
        .collect()
}

/// A host that is joined to its router.
pub(super) struct Host {
    pub(super) id: HostId,
    pub(super) net: Net,
    pub(super) ip: IpAddr,
}

impl Host {
    /// Adds it to a world, with what `change` makes of the usual settings.
    pub(super) fn join(
        world: &mut World,
        change: impl FnOnce(Config) -> Config,
        (name, network, last): (&str, u8, u8),
        router: RouterId,
    ) -> Host {
        let ip = IpAddr::from([10, 0, network, last]);
        let (id, net) = world.add_host(name, change(Config::new(ip, 16, [0; 32])));
        let (_, to_host) = world.join(id, router, &Spec::default());
        world.route(router, Some(ip), to_host);
        Host { id, net, ip }
    }
}

/// A flow that runs.
struct Flow {
    begun: Duration,
    progress: Rc<RefCell<Progress>>,
    sender: Recorder,
    receiver: Recorder,
}

impl Flow {
    fn start(
        world: &mut World,
        scenario: &Scenario,
        [sender, receiver]: [Host; 2],
        begun: Duration,
        (series, watch): (bool, Option<SharedWatch>),
    ) -> Flow {
        let transfer = Transfer {
            bytes: scenario.bytes,
            write: scenario.write,
            read: scenario.read,
            progress: Rc::default(),
        };
        let [recorder, other] = [&sender, &receiver].map(|host| {
            let recorder = Recorder::new(series);
            let name = world.name(host.id).to_owned();
            let observer = Observing { recorder: recorder.clone(), watch: watch.clone(), name };
            world.set_observer(host.id, Box::new(observer));
            recorder
        });
        let (clock, to) = (world.clock(), SocketAddr::new(receiver.ip, PORT));
        let receiving = transfer.clone();
        world.spawn(async move { receiving.receive(receiver.net, clock, PORT).await });
        let (clock, sending) = (world.clock(), transfer.clone());
        world.spawn(async move {
            clock.sleep(begun).await;
            sending.send(sender.net, clock, to).await;
        });
        Flow { begun, progress: transfer.progress, sender: recorder, receiver: other }
    }

    fn outcome(self) -> FlowOutcome {
        FlowOutcome {
            begun: self.begun,
            progress: self.progress.borrow().clone(),
            sender: self.sender.finish(),
            receiver: self.receiver.finish(),
        }
    }
}

/// Observes one host.
pub(super) struct Observing {
    pub(super) recorder: Recorder,
    pub(super) watch: Option<SharedWatch>,
    pub(super) name: String,
}

impl Observer for Observing {
    fn observe(&mut self, now: Instant, event: &Event) {
        self.recorder.observe(now, event);
        if let Some(watch) = &self.watch {
            lock(watch).event(now, &self.name, event);
        }
    }

    fn wants_packets(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| lock(watch).wants_views())
    }

    fn packet(&mut self, now: Instant, packet: &PacketView<'_>) {
        if let Some(watch) = &self.watch {
            lock(watch).view(now, &self.name, packet);
        }
    }
}

/// Sees the packets of all hosts, and what the shared link does.
struct Watching {
    watch: SharedWatch,
    out: LinkId,
}

impl Tap for Watching {
    fn packet(&mut self, now: Instant, at: Vantage, host: &str, packet: &Bytes) {
        lock(&self.watch).packet(now, at, host, packet);
    }

    fn link(&mut self, now: Instant, link: LinkId, impairment: &mut Impairment) {
        let mut watch = lock(&self.watch);
        let direction = if link == self.out { Direction::Out } else { Direction::In };
        for decision in impairment.take_decisions() {
            watch.decision(direction, &decision);
        }
        if direction == Direction::Out {
            let (packets, bytes) = impairment.backlog();
            watch.backlog(now, packets, bytes);
        }
    }
}

fn lock(watch: &SharedWatch) -> MutexGuard<'_, dyn Watch + Send + 'static> {
    watch.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
