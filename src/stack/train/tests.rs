use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::device::gso;
use crate::stack::{Config, ConnKey};
use crate::time::{Duration, Instant};
use crate::wire::TxBatch;

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// A stack and its one connection.
struct Side {
    stack: Stack,
    key: Option<ConnKey>,
    now: Instant,
}

fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

impl Side {
    fn new(own: Ipv4Addr, [timestamps, sack]: [bool; 2]) -> Side {
        let mut config = Config::new(own.into(), 24, own.octets().repeat(8).try_into().unwrap());
        (config.tcp.timestamps, config.tcp.sack) = (timestamps, sack);
        Side { stack: Stack::new(config), key: None, now: Instant::from_millis(1000) }
    }

    /// Takes packets in so many batches, all at one moment, and gives what is sent then.
    fn turn(&mut self, batches: Vec<Vec<Bytes>>) -> Vec<Bytes> {
        self.now += Duration::from_millis(1);
        for batch in batches {
            let mut rx: RxBatch = batch.into_iter().map(Packet::new).collect();
            drop(self.stack.receive(self.now, &mut rx));
        }
        let (mut tx, mut packets) = (TxBatch::new(), Vec::new());
        while self.stack.transmit(self.now, &mut tx) {}
        self.stack.check_invariants();
        tx.into_iter().for_each(|burst| gso::cut_whole(burst, |packet| packets.push(packet)));
        packets
    }

    fn read(&mut self) -> Vec<u8> {
        let mut read = Vec::new();
        while let Some(key) = self.key
            && let Poll::Ready(Ok(text)) = self.stack.poll_receive(key, usize::MAX, &mut cx())
            && !text.is_empty()
        {
            read.extend_from_slice(&text);
        }
        read
    }
}

/// A client, and two servers that have heard the same from it.
struct Trio {
    client: Side,
    servers: [Side; 2],
}

impl Trio {
    /// With timestamps, and with SACK, or not.
    fn open(options: [bool; 2]) -> Trio {
        let mut client = Side::new(CLIENT, options);
        let mut servers = [(); 2].map(|()| Side::new(SERVER, options));
        let listen =
            |server: &mut Side| server.stack.listen(SocketAddr::new(SERVER.into(), 80), 1).unwrap();
        let listeners = [listen(&mut servers[0]), listen(&mut servers[1])];
        let to = SocketAddr::new(SERVER.into(), 80);
        client.key = Some(client.stack.connect(None, to, None).unwrap());
        let mut answers = Vec::new();
        for _ in 0..2 {
            let asked = client.turn(vec![answers]);
            let [first, second] = &mut servers;
            answers = first.turn(vec![asked.clone()]);
            assert_eq!(second.turn(vec![asked]), answers);
        }
        for (server, listener) in servers.iter_mut().zip(listeners) {
            let Poll::Ready(Ok((key, _))) = server.stack.poll_accept(listener, &mut cx()) else {
                panic!("it is open");
            };
            server.key = Some(key);
        }
        Trio { client, servers }
    }
}

/// What the path and the client do to packets in a batch.
#[derive(Clone, Debug)]
enum Harm {
    Drop(usize),
    Double(usize),
    Swap(usize),
    /// One bit of one packet.
    Spoil(usize, usize),
    /// Another value of a byte in the headers, with right checksums.
    Forge(usize, usize, u8),
}

fn harms() -> impl Strategy<Value = Vec<Harm>> {
    let one = prop_oneof![
        (0usize..60).prop_map(Harm::Drop),
        (0usize..60).prop_map(Harm::Double),
        (0usize..60).prop_map(Harm::Swap),
        (0usize..60, 0usize..12_000).prop_map(|(at, bit)| Harm::Spoil(at, bit)),
        (0usize..60, 0usize..60, any::<u8>()).prop_map(|(at, byte, to)| Harm::Forge(at, byte, to)),
    ];
    prop::collection::vec(one, 0..3)
}

fn harm(packets: &mut Vec<Bytes>, harm: &Harm) {
    let len = packets.len();
    if len < 2 {
        return;
    }
    match *harm {
        Harm::Drop(at) => drop(packets.remove(at % len)),
        Harm::Double(at) => packets.insert(at % len, packets[at % len].clone()),
        Harm::Swap(at) => packets.swap(at % len, (at + 1) % len),
        Harm::Spoil(at, bit) => {
            let mut packet = packets[at % len].to_vec();
            let bit = bit % (8 * packet.len());
            packet[bit / 8] ^= 1 << (bit % 8);
            packets[at % len] = packet.into();
        }
        Harm::Forge(at, byte, to) => {
            let mut packet = packets[at % len].to_vec();
            let byte = byte % packet.len();
            packet[byte] = to;
            let forged = Packet { checksum: Checksum::Verified, ..Packet::new(packet.into()) };
            // Whatever can still be taken for a segment gets its checksums.
            let mut parts = Vec::new();
            gso::split(forged, |packet| parts.push(packet));
            packets.splice(at % len..=at % len, parts);
        }
    }
}

proptest! {
    /// In a batch or one by one: the same is acknowledged, read and counted.
    #[test]
    fn a_batch_is_taken_as_its_packets_are_one_by_one(
        options in any::<[bool; 2]>(),
        rounds in prop::collection::vec((1usize..30_000, any::<bool>(), harms()), 1..8),
    ) {
        let mut trio = Trio::open(options);
        let mut answers = Vec::new();
        for (len, reads, harms) in rounds {
            let text = vec![len as u8; len];
            let key = trio.client.key.unwrap();
            let _ = trio.client.stack.poll_send(key, &text, &mut cx());
            let mut packets = trio.client.turn(vec![answers]);
            harms.iter().for_each(|one| harm(&mut packets, one));
            let [together, apart] = &mut trio.servers;
            answers = together.turn(vec![packets.clone()]);
            let single = packets.into_iter().map(|packet| vec![packet]).collect();
            prop_assert_eq!(&apart.turn(single), &answers);
            if reads {
                prop_assert_eq!(together.read(), apart.read());
            }
            let [one, other] = &trio.servers;
            let info = |side: &Side| format!("{:?}", side.stack.info(side.key.unwrap()));
            prop_assert_eq!(info(one), info(other));
            prop_assert_eq!(one.stack.counters().rows(), other.stack.counters().rows());
        }
    }
}

#[test]
fn the_next_segment_follows_and_no_other() {
    let mut trio = Trio::open([true; 2]);
    let key = trio.client.key.unwrap();
    assert!(trio.client.stack.poll_send(key, &[7; 5000], &mut cx()).is_ready());
    let packets = trio.client.turn(vec![]);
    let packet = |at: usize| Packet::new(packets[at].clone());
    let head = Head::of(&packet(0)).expect("it has text");
    assert!(head.is_followed_by(&packet(1)));
    assert!(!head.is_followed_by(&packet(0)) && !head.is_followed_by(&packet(2)));
    for at in 0..52 {
        let mut bytes = packets[1].to_vec();
        bytes[at] ^= 1;
        let checksum = Checksum::Verified;
        let changed = Packet { checksum, ..Packet::new(bytes.into()) };
        // Of the checksum the device has said that it is right.
        assert_eq!(head.is_followed_by(&changed), (36..38).contains(&at), "byte {at}");
    }
}

/// Whoever guesses the place in the stream but not what is acknowledged (RFC 5961 5.2) gets nothing by sending two packets.
#[test]
fn nothing_follows_on_what_was_refused() {
    for acknowledged in [1 << 20, -(1 << 30)] {
        // With SACK it would be a duplicate that is reported before anything else.
        let mut trio = Trio::open([true, false]);
        let key = trio.client.key.unwrap();
        assert!(trio.client.stack.poll_send(key, &[7; 2000], &mut cx()).is_ready());
        let packets = trio.client.turn(vec![]);
        let forged: Vec<Bytes> = packets
            .iter()
            .map(|packet| {
                let mut bytes = packet.to_vec();
                let ack = &mut bytes[SEQ + 4..SEQ + 8];
                let wrong = SeqNum::new(u32::from_be_bytes(ack.try_into().unwrap()));
                let wrong = wrong.value().wrapping_add_signed(acknowledged);
                ack.copy_from_slice(&wrong.to_be_bytes());
                let packet = Packet { checksum: Checksum::Verified, ..Packet::new(bytes.into()) };
                let mut sealed = Bytes::new();
                gso::split(packet, |whole| sealed = whole);
                sealed
            })
            .collect();
        let [together, apart] = &mut trio.servers;
        // The first one as it was sent; then both forged.
        for server in [&mut *together, &mut *apart] {
            server.turn(vec![vec![packets[0].clone()]]);
            assert_eq!(server.read(), [7; 1448]);
        }
        let single = forged.iter().map(|packet| vec![packet.clone()]).collect();
        assert_eq!(together.turn(vec![forged]), apart.turn(single));
        assert_eq!((together.read(), apart.read()), (vec![], vec![]));
    }
}
