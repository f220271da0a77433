//! Packets into a stack that has a connection in every state, and nobody who answers.
//!
//! ```text
//!   input:   control  length  packet   control  length  packet ...
//!            1 byte   2 bytes
//! ```
//!
//! The bits of `control` say how a packet is mended before it arrives (see [`Control`]); with none
//! of them it arrives as it is.

use bytes::Bytes;
use glasstcp::stack::ConnKey;
use glasstcp::time::Duration;
use glasstcp::wire::{Checksum, Packet, RxBatch};

use super::craft;
use super::watch;
use super::world::{Client, Fate, Server, World, now};

/// Where the server listens for TCP, and has a socket of UDP.
const PORT: u16 = 80;
const UDP_PORT: u16 = 7;
/// That of the server's ping socket.
const PING_IDENTIFIER: u16 = 9;
/// The first port of the client; see [`Scene`] for what is on which.
const PORTS: u16 = 4000;
/// Packets in one run.
const MAX_PACKETS: usize = 64;
/// Offsets in a packet without IP options.
const PROTOCOL: usize = 9;
const SRC: usize = 12;
const PORTS_AT: usize = 20;
const SEQ: usize = 24;
const ACK: usize = 28;
const OPTIONS: usize = 40;
/// Two NOPs and a timestamps option, as everybody writes it.
const STAMPS: [u8; 4] = [1, 1, 8, 10];

/// What is done to a packet.
#[derive(Clone, Copy)]
struct Control(u8);

impl Control {
    /// Its checksums are made good.
    fn mends_checksums(self) -> bool {
        self.0 & 1 != 0
    }

    /// The device says that the checksum of its transport is good.
    fn checksum(self) -> Checksum {
        if self.0 & 2 != 0 { Checksum::Verified } else { Checksum::Unverified }
    }

    /// The time before it.
    fn pause(self) -> Duration {
        let millis = [0, 1, 300, 100_000][usize::from(self.0 >> 2 & 3)];
        Duration::from_millis(millis)
    }

    /// It goes from the client to the server.
    fn mends_addresses(self) -> bool {
        self.0 & 16 != 0
    }

    /// It belongs to one of the connections.
    fn mends_ports(self) -> bool {
        self.0 & 32 != 0
    }

    /// Its numbers and timestamps count from what the server expects.
    fn mends_numbers(self) -> bool {
        self.0 & 64 != 0
    }
}

/// What the server has, by the port of the client.
struct Scene {
    world: World,
    keys: Vec<ConnKey>,
}

pub fn run(data: &[u8]) {
    let mut scene = Scene::new();
    let mut rest = data;
    for _ in 0..MAX_PACKETS {
        let [control, high, low, tail @ ..] = rest else { break };
        let len = tail.len().min(usize::from(u16::from_be_bytes([*high, *low])));
        let (packet, tail) = tail.split_at(len);
        scene.attack(Control(*control), packet);
        rest = tail;
    }
    scene.end();
}

impl Scene {
    fn new() -> Scene {
        let mut configs = [Client.config(), Server.config()];
        configs[0].tcp.receive_buffer = 3000;
        configs[1].tcp.receive_buffer = 20_000;
        configs[1].tcp.send_buffer = 20_000;
        let mut scene = Scene { world: World::new(configs), keys: Vec::new() };
        scene.fill();
        scene.world.watch.lenient = true;
        // From now on nobody hears the server.
        scene.world.deaf = true;
        scene.world.stack(Client).abort_all();
        scene.world.turn();
        scene
    }

    fn outage(&mut self, packets: usize) {
        self.world.fates.iter_mut().for_each(|fates| fates.extend(vec![Fate::Drop; packets]));
    }

    fn pass(&mut self) {
        self.world.pass(Duration::from_millis(20));
        self.world.fates = Default::default();
    }

    /// A connection in every state.
    fn fill(&mut self) {
        let server = self.world.stack(Server);
        let listener = server.listen(Server.addr(PORT), 16).expect("a free port");
        let udp = server.udp_bind(Server.addr(UDP_PORT)).expect("a free port");
        // So that errors about them can be meant.
        server.udp_send(udp, "?".into(), Client.addr(UDP_PORT)).expect("there is a route");
        let ping = server.ping_bind(PING_IDENTIFIER).expect("a free identifier");
        server.ping_send(ping, Client.addr(0).ip(), 1, "?".into()).expect("there is a route");
        let clients: Vec<ConnKey> = (0..9).map(|nth| self.connect(nth)).collect();
        self.pass();
        let servers: Vec<ConnKey> = clients
            .iter()
            .map(|_| now(|cx| self.world.stack(Server).poll_accept(listener, cx)))
            .map(|accepted| accepted.expect("all came through").expect("it listens").0)
            .collect();
        let shut = |scene: &mut Scene, side, key| {
            scene.world.stack(side).shutdown_write(key).expect("it is open");
            scene.world.turn();
        };
        // 0 stays as it is: ESTABLISHED. 1: FIN-WAIT-2. 2: CLOSE-WAIT. 3: TIME-WAIT.
        shut(self, Server, servers[1]);
        shut(self, Client, clients[2]);
        shut(self, Server, servers[3]);
        shut(self, Client, clients[4]);
        self.pass();
        shut(self, Client, clients[3]);
        // 5: the client's window is closed, and the server has more.
        self.write(Server, servers[5], 5, 20_000);
        self.world.pass(Duration::from_millis(50));
        // 4: LAST-ACK. 6: FIN-WAIT-1. 7: CLOSING.
        self.outage(2);
        shut(self, Server, servers[4]);
        shut(self, Server, servers[6]);
        self.world.fates = Default::default();
        shut(self, Server, servers[7]);
        shut(self, Client, clients[7]);
        self.world.pass(Duration::from_millis(5));
        // 8: data on the way from the server, and a gap in what comes from the client.
        self.outage(1);
        self.write(Client, clients[8], 8, 500);
        self.world.fates = Default::default();
        self.write(Client, clients[8], 8, 500);
        self.pass();
        self.write(Server, servers[8], 8, 5000);
        // 9: SYN-RECEIVED. 10: SYN-SENT.
        self.connect(9);
        self.world.pass(Duration::from_millis(5));
        let (local, remote) = (Server.addr(PORT + 1), Client.addr(PORTS + 10));
        let opening = self.world.stack(Server).connect(Some(local), remote, None);
        self.world.opened += 1;
        self.world.turn();
        self.keys = servers;
        self.keys.push(opening.expect("a free port"));
    }

    fn connect(&mut self, nth: u16) -> ConnKey {
        let local = Some(Client.addr(PORTS + nth));
        let key = self.world.stack(Client).connect(local, Server.addr(PORT), None);
        self.world.opened += 1;
        self.world.turn();
        key.expect("a free port")
    }

    fn write(&mut self, from: super::world::Side, key: ConnKey, nth: u16, len: usize) {
        let ports = [PORTS + nth, PORT];
        let flow = (from, ports[from as usize], ports[from.other() as usize]);
        let text = watch::text(flow, 0, len);
        let written = now(|cx| self.world.stack(from).poll_send(key, &text, cx));
        assert!(written.is_some_and(|written| written.is_ok()));
        self.world.turn();
    }

    fn attack(&mut self, control: Control, packet: &[u8]) {
        let mut packet = packet.to_vec();
        if packet.len() >= PORTS_AT + 20 {
            self.mend(control, &mut packet);
        }
        if control.mends_checksums() {
            craft::fix_checksums(&mut packet);
        }
        if !control.pause().is_zero() {
            self.world.pass(control.pause());
        }
        // A half-open connection may become a whole one.
        self.world.opened += 1;
        let checksum = control.checksum();
        let packet = Packet { checksum, ..Packet::new(Bytes::from(packet)) };
        self.world.receive(Server, RxBatch::from([packet]));
        self.world.turn();
    }

    fn mend(&mut self, control: Control, packet: &mut [u8]) {
        if control.mends_addresses() {
            packet[SRC..SRC + 4].copy_from_slice(&Client.v4(0).ip().octets());
            packet[SRC + 4..SRC + 8].copy_from_slice(&Server.v4(0).ip().octets());
        }
        if packet[PROTOCOL] != 6 {
            return;
        }
        if control.mends_ports() {
            let nth = u16::from(packet[PORTS_AT + 1]) % 11;
            let port = if nth == 10 { PORT + 1 } else { PORT };
            packet[PORTS_AT..PORTS_AT + 2].copy_from_slice(&(PORTS + nth).to_be_bytes());
            packet[PORTS_AT + 2..PORTS_AT + 4].copy_from_slice(&port.to_be_bytes());
        }
        if control.mends_numbers() {
            let word = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
            let flow = self.world.watch.flow((Server, word(PORTS_AT + 2), word(PORTS_AT)));
            add(packet, SEQ, flow.ack.value());
            add(packet, ACK, flow.end.value());
            if let Some(stamps) = flow.timestamps
                && packet.len() >= OPTIONS + 12
                && packet[OPTIONS..OPTIONS + 4] == STAMPS
            {
                add(packet, OPTIONS + 4, stamps.tsecr);
                add(packet, OPTIONS + 8, stamps.tsval);
            }
        }
    }

    /// When all is let go everything ends, if only by its time-out.
    fn end(mut self) {
        for key in self.keys {
            while now(|cx| self.world.stack(Server).poll_receive(key, usize::MAX, cx))
                .is_some_and(|got| got.is_ok_and(|chunk| !chunk.is_empty()))
            {}
            self.world.stack(Server).close(key);
        }
        self.world.stack(Server).shutdown();
        self.world.turn();
        let end = self.world.now + Duration::from_secs(5000);
        while self.world.step() {
            assert!(self.world.now < end, "it never ends");
        }
        assert_eq!(self.world.stack(Server).connection_count(), 0);
    }
}

/// Adds to the 32-bit number at an offset.
fn add(packet: &mut [u8], at: usize, base: u32) {
    let field = &mut packet[at..at + 4];
    let value = u32::from_be_bytes([field[0], field[1], field[2], field[3]]);
    field.copy_from_slice(&value.wrapping_add(base).to_be_bytes());
}
