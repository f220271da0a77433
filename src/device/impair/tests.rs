use std::collections::BTreeMap;

use etherparse::PacketBuilder;

use super::*;
use crate::wire;

/// A link to which `spec` applies from the start.
fn link(spec: &str) -> Impairment {
    let mut link = Impairment::new(Direction::Out, 1);
    link.record(true);
    link.apply(Instant::ZERO, &spec.parse().unwrap_or_else(|error| panic!("{error}"))).unwrap();
    link
}

const fn us(micros: u64) -> Instant {
    Instant::from_nanos(micros * 1000)
}

const fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// A packet of `len` bytes that carries a number and is no IP packet.
fn numbered(number: u32, len: usize) -> Bytes {
    let mut bytes = vec![0; len];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    bytes.into()
}

fn number(packet: &[u8]) -> u32 {
    u32::from_le_bytes(packet[..4].try_into().unwrap())
}

/// Everything that arrives from now on, with when it does.
fn drain(link: &mut Impairment) -> Vec<(Instant, Bytes)> {
    let mut arrived = Vec::new();
    while let Some(at) = link.next_deadline() {
        while let Some(packet) = link.pop(at) {
            arrived.push((at, packet));
        }
    }
    arrived
}

/// Sends `count` packets of 1,000 bytes, one each `apart`, and says when which arrive.
fn run(link: &mut Impairment, count: u32, apart: Duration) -> Vec<(Instant, u32)> {
    let mut arrived = Vec::new();
    let mut now = Instant::ZERO;
    for n in 0..count {
        while let Some(at) = link.next_deadline().filter(|at| *at <= now) {
            arrived.extend(std::iter::from_fn(|| link.pop(at)).map(|packet| (at, number(&packet))));
        }
        link.push(now, numbered(n, 1000));
        now += apart;
    }
    arrived.extend(drain(link).iter().map(|(at, packet)| (*at, number(packet))));
    arrived
}

/// A TCP segment from port 1000 to port 80 with these flags ("S", "A", "F", "R").
fn segment(flags: &str, seq: u32, text: usize) -> Bytes {
    let ip = PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64);
    let mut tcp = ip.tcp(1000, 80, seq, 65_535);
    for flag in flags.chars() {
        tcp = match flag {
            'S' => tcp.syn(),
            'A' => tcp.ack(1),
            'F' => tcp.fin(),
            'R' => tcp.rst(),
            other => panic!("{other}"),
        };
    }
    let mut packet = Vec::new();
    tcp.write(&mut packet, &vec![7; text]).unwrap();
    packet.into()
}

/// The same packet with a transport that knows of ECN: ECT(0).
fn capable(packet: &Bytes) -> Bytes {
    let mut bytes = packet.to_vec();
    bytes[1] |= 0b10;
    let checksum = wire::checksum::Sum::new().add_bytes(&bytes[..10]).add_bytes(&bytes[12..20]);
    bytes[10..12].copy_from_slice(&checksum.finish().to_be_bytes());
    bytes.into()
}

/// Which of the segments of a small connection get through `spec`.
fn through(spec: &str, segments: &[Bytes]) -> Vec<usize> {
    let mut link = link(spec);
    segments.iter().for_each(|segment| link.push(Instant::ZERO, segment.clone()));
    let mut left: Vec<_> = segments.iter().enumerate().collect();
    let mut place = |packet: &Bytes| {
        let at = left.iter().position(|(_, segment)| *segment == packet).unwrap();
        left.remove(at).0
    };
    drain(&mut link).iter().map(|(_, packet)| place(packet)).collect()
}

#[test]
fn a_perfect_link_hands_over_at_once_and_in_order() {
    let arrived = run(&mut link(""), 5, Duration::from_micros(1));
    assert_eq!(arrived, (0..5).map(|n| (us(n), n as u32)).collect::<Vec<_>>());
}

#[test]
fn a_rate_spaces_packets_and_a_delay_adds_to_each() {
    // 8,000 bits at 8 Mbit/s: 1 ms each, however close they come.
    let arrived = run(&mut link("rate=8mbit delay=20ms"), 4, Duration::from_micros(10));
    assert_eq!(arrived, [(ms(21), 0), (ms(22), 1), (ms(23), 2), (ms(24), 3)]);
    // Those that come slower wait for nothing.
    let arrived = run(&mut link("rate=8mbit delay=20ms"), 3, Duration::from_millis(5));
    assert_eq!(arrived, [(ms(21), 0), (ms(26), 1), (ms(31), 2)]);
}

#[test]
fn being_asked_late_changes_no_time() {
    let mut link = link("rate=8mbit");
    link.push(Instant::ZERO, numbered(0, 1000));
    link.push(Instant::ZERO, numbered(1, 1000));
    link.push(us(1500), numbered(2, 1000));
    assert_eq!(link.pop(ms(9)).map(|packet| number(&packet)), Some(0));
    link.push(ms(9), numbered(3, 1000));
    assert_eq!(link.pop(ms(9)).map(|packet| number(&packet)), Some(1));
    assert_eq!(link.pop(ms(9)).map(|packet| number(&packet)), Some(2));
    assert_eq!(link.pop(ms(9)), None);
    assert_eq!(link.next_deadline(), Some(ms(10)));
}

#[test]
fn a_full_queue_drops_what_comes() {
    // One is sent, two wait.
    let mut packets = link("rate=8mbit queue=2p");
    let arrived = run(&mut packets, 6, Duration::ZERO);
    assert_eq!(arrived.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(packets.counters().count(Effect::QueueFull), 3);
    assert_eq!(packets.counters().waited_max, Duration::from_millis(2));
    let dropped: Vec<_> = packets.take_decisions().map(|made| number(&made.packet)).collect();
    assert_eq!(dropped, [3, 4, 5]);

    let arrived = run(&mut link("rate=8mbit queue=3500b"), 6, Duration::ZERO);
    assert_eq!(arrived.len(), 4);
    // 8 Mbit/s times twice 5 ms are 10,000 bytes.
    let arrived = run(&mut link("rate=8mbit delay=5ms queue=0.5bdp"), 20, Duration::ZERO);
    assert_eq!(arrived.len(), 6);
    // Even a queue of nothing takes one packet, or nothing would ever pass.
    let arrived = run(&mut link("rate=8mbit queue=0p"), 6, Duration::ZERO);
    assert_eq!(arrived.len(), 2);
}

#[test]
fn a_rate_of_zero_holds_everything_and_loss_of_all_loses_it() {
    let mut stopped = link("rate=0 queue=10p at=5s:rate=8mbit");
    for n in 0..3 {
        stopped.push(Instant::ZERO, numbered(n, 1000));
    }
    assert_eq!(stopped.next_deadline(), Some(ms(5000)));
    let arrived: Vec<_> = drain(&mut stopped).iter().map(|(at, _)| *at).collect();
    assert_eq!(arrived, [ms(5001), ms(5002), ms(5003)]);

    let mut all = link("loss=100%");
    assert_eq!(run(&mut all, 50, Duration::ZERO), []);
    assert_eq!(all.counters().count(Effect::Lost), 50);
}

#[test]
fn what_waits_is_sent_at_once_when_the_limit_is_lifted() {
    let mut link = link("rate=8kbit at=1500ms:rate=unlimited");
    for n in 0..4 {
        link.push(Instant::ZERO, numbered(n, 1000));
    }
    let arrived: Vec<_> = drain(&mut link).iter().map(|(at, _)| at.as_millis()).collect();
    assert_eq!(arrived, [1000, 1500, 1500, 1500], "and so is what is being sent");
}

/// The share of 100,000 packets, with the largest deviation that chance makes once in 10^8.
fn assert_share(what: &str, count: usize, expected: f64) {
    let n = 100_000.0;
    let bound = 5.7 * (n * expected * (1.0 - expected)).sqrt();
    let off = (count as f64 - n * expected).abs();
    assert!(off <= bound, "{what}: {count} of {n}, expected {expected} of them");
}

#[test]
fn shares_are_what_was_asked_for() {
    let mut all = link("loss=2% duplicate=1% corrupt=0.5% reorder=3%:by=1us");
    let arrived = run(&mut all, 100_000, Duration::from_nanos(100));
    let counters = all.counters();
    let count = |effect| counters.count(effect) as usize;
    assert_share("loss", count(Effect::Lost), 0.02);
    assert_share("duplicate", count(Effect::Duplicated), 0.98 * 0.01);
    assert_share("corrupt", count(Effect::Corrupted), 0.98 * 0.005);
    assert_share("reorder", count(Effect::Reordered), 0.98 * 1.01 * 0.03);
    assert_eq!(arrived.len(), 100_000 - count(Effect::Lost) + count(Effect::Duplicated));
    assert_eq!(counters.arrived.packets, 100_000);
    assert_eq!(counters.delivered.packets as usize, arrived.len());
}

#[test]
fn losses_come_in_bursts_of_the_length_asked_for() {
    let mut bursty = link("loss=5%:burst=4");
    let arrived: Vec<u32> =
        run(&mut bursty, 400_000, Duration::ZERO).into_iter().map(|(_, n)| n).collect();
    let lost = 400_000 - arrived.len();
    let bursts = arrived.windows(2).filter(|pair| pair[1] > pair[0] + 1).count();
    let (share, length) = (lost as f64 / 400_000.0, lost as f64 / bursts as f64);
    assert!((0.047..0.053).contains(&share), "{share}");
    assert!((3.85..4.15).contains(&length), "{length}");
}

#[test]
fn jitter_is_even_and_keeps_the_order_only_when_told_to() {
    let mut free = link("delay=10ms jitter=5ms");
    let arrived = run(&mut free, 20_000, Duration::from_micros(10));
    let sent = |n: u32| us(10 * u64::from(n));
    let times: Vec<u64> =
        arrived.iter().map(|(at, n)| (*at - sent(*n)).as_micros() as u64).collect();
    let (min, max) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    assert!((5000..5010).contains(min) && (14_990..=15_000).contains(max), "{min} {max}");
    let mean = times.iter().sum::<u64>() / times.len() as u64;
    assert!((9_900..10_100).contains(&mean), "{mean}");
    assert!(!arrived.is_sorted_by_key(|(_, n)| *n));

    let arrived =
        run(&mut link("delay=10ms jitter=5ms:ordered"), 20_000, Duration::from_micros(10));
    assert!(arrived.is_sorted_by_key(|(_, n)| *n));
    // A deviation beyond the delay is no way back in time.
    let arrived = run(&mut link("delay=1ms jitter=5ms"), 100, Duration::from_millis(20));
    assert!(arrived.iter().all(|(at, n)| *at >= ms(20 * u64::from(*n))));
}

#[test]
fn a_packet_held_back_is_overtaken() {
    let mut held = link("delay=10ms reorder=10%:by=2ms");
    let arrived = run(&mut held, 1000, Duration::from_millis(1));
    let late: Vec<u32> = held.take_decisions().map(|made| number(&made.packet)).collect();
    assert!(late.len() > 50, "{}", late.len());
    for (at, n) in arrived {
        let extra = if late.contains(&n) { 2 } else { 0 };
        assert_eq!(at, ms(u64::from(n) + 10 + extra));
    }
}

#[test]
fn corruption_turns_one_bit_over() {
    let mut link = link("corrupt=100%");
    let before = numbered(77, 1000);
    link.push(Instant::ZERO, before.clone());
    let after = link.pop(Instant::ZERO).unwrap();
    let bits: u32 = before.iter().zip(&after).map(|(a, b)| (a ^ b).count_ones()).sum();
    assert_eq!((bits, after.len()), (1, 1000));
    assert_eq!(before, numbered(77, 1000), "the sender's own copy is left alone");
    link.push(Instant::ZERO, Bytes::new());
    assert_eq!(link.pop(Instant::ZERO), Some(Bytes::new()));
}

#[test]
fn rules_choose_packets_by_kind_and_number() {
    let connection = [
        segment("S", 99, 0),   // 0
        segment("SA", 99, 0),  // 1
        segment("A", 100, 0),  // 2
        segment("A", 100, 10), // 3
        segment("A", 110, 10), // 4
        segment("A", 120, 0),  // 5
        segment("A", 120, 10), // 6
        segment("FA", 130, 0), // 7
        segment("R", 131, 0),  // 8
        segment("RA", 131, 0), // 9
        segment("FA", 130, 5), // 10
        numbered(0, 30),       // 11
    ];
    for (spec, dropped) in [
        ("drop:any", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11][..]),
        ("drop:tcp", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("drop:syn", &[0]),
        ("drop:synack", &[1]),
        ("drop:ack", &[2, 5]),
        ("drop:data", &[3, 4, 6, 10]),
        ("drop:fin", &[7, 10]),
        ("drop:rst", &[8, 9]),
        ("drop:udp", &[]),
        ("drop:icmp", &[]),
        ("drop:data:nth=2", &[4]),
        ("drop:data:nth=2..3", &[4, 6]),
        ("drop:data:nth=3..", &[6, 10]),
        ("drop:any:every=5", &[4, 9]),
        ("drop:any:port=80:every=5", &[4, 9]),
        ("drop:tcp:port=1000:nth=1", &[0]),
        ("drop:any:port=81", &[]),
        ("in:drop:any", &[]),
        ("drop:any clear", &[]),
        ("drop:syn drop:fin", &[0, 7, 10]),
        // Each rule counts for itself, whatever another has dropped.
        ("drop:data:nth=1 drop:data:nth=1", &[3]),
        ("drop:data:nth=2 drop:data:nth=3", &[4, 6]),
    ] {
        let expected: Vec<usize> = (0..connection.len()).filter(|n| !dropped.contains(n)).collect();
        assert_eq!(through(spec, &connection), expected, "{spec}");
    }
}

#[test]
fn rules_choose_segments_by_a_byte_of_their_stream() {
    let syn = segment("S", u32::MAX - 4, 0); // byte 0 has sequence number 2^32 - 4
    let text = |byte: u32, len| segment("A", (u32::MAX - 3).wrapping_add(byte), len);
    let stream = [syn, text(0, 10), text(10, 10), text(20, 10), text(10, 9), text(0, 30)];
    assert_eq!(through("drop:data:byte=0", &stream), [0, 2, 3, 4, 5]);
    assert_eq!(through("drop:data:byte=19", &stream), [0, 1, 3, 4, 5]);
    assert_eq!(through("drop:data:byte=20", &stream), [0, 1, 2, 4, 5]);
    assert_eq!(through("drop:data:byte=15:nth=1..2", &stream), [0, 1, 3, 5]);
    assert_eq!(through("drop:data:byte=30", &stream), [0, 1, 2, 3, 4, 5]);
    assert_eq!(through("drop:data:byte=0", &stream[1..]), [0, 1, 2, 3, 4], "the SYN was not seen");
}

#[test]
fn rules_delay_duplicate_corrupt_and_mark() {
    let data = segment("A", 1, 10);
    let mut held = link("delay=10ms delay:data:nth=1:by=50ms");
    held.push(Instant::ZERO, data.clone());
    held.push(Instant::ZERO, data.clone());
    assert_eq!(drain(&mut held).iter().map(|(at, _)| *at).collect::<Vec<_>>(), [ms(10), ms(60)]);
    assert_eq!(held.counters().count(Effect::RuleDelayed), 1);

    assert_eq!(drain_one("duplicate:data", &data), [data.clone(), data.clone()]);
    let corrupted = drain_one("corrupt:data", &data);
    assert!(corrupted.len() == 1 && corrupted[0] != data);

    let marked = drain_one("mark:data", &capable(&data));
    assert_eq!(marked[0][1] & 0b11, 0b11);
    assert!(wire::ip::parse(&marked[0]).is_ok(), "the checksum is right");
    assert_eq!(drain_one("mark:data", &data), [data], "a transport that does not know of ECN");
}

fn drain_one(spec: &str, packet: &Bytes) -> Vec<Bytes> {
    let mut link = link(spec);
    link.push(Instant::ZERO, packet.clone());
    drain(&mut link).into_iter().map(|(_, packet)| packet).collect()
}

#[test]
fn a_queue_marks_beyond_its_threshold() {
    let mut link = link("rate=8mbit queue=10p:mark=2p");
    let packet = capable(&segment("A", 1, 10));
    for _ in 0..6 {
        link.push(Instant::ZERO, packet.clone());
    }
    // One is sent and two wait when the fourth comes.
    let marks: Vec<bool> = drain(&mut link).iter().map(|(_, packet)| packet[1] & 3 == 3).collect();
    assert_eq!(marks, [false, false, false, true, true, true]);
}

/// Sends 1,000 bytes each millisecond into a link for half of that, and says how long those that
/// arrive have waited.
fn overload(spec: &str, packet: &Bytes) -> (Impairment, BTreeMap<u64, u64>) {
    let mut link = link(spec);
    let mut waits = BTreeMap::new();
    let mut before = link.counters().clone();
    for now in (0..20_000).map(ms) {
        link.push(now, packet.clone());
        while link.pop(now).is_some() {}
        let after = link.counters().clone();
        let packets = after.queued.packets - before.queued.packets;
        let waited = (after.waited - before.waited).as_millis() as u64;
        if let Some(mean) = waited.checked_div(packets) {
            waits.insert(now.as_millis(), mean);
        }
        before = after;
    }
    (link, waits)
}

#[test]
fn codel_keeps_the_queue_short_in_the_end() {
    let packet = capable(&segment("A", 1, 960));
    let (tail, waits) = overload("rate=4mbit queue=1000p", &packet);
    assert_eq!(tail.counters().count(Effect::CodelDropped), 0);
    assert!(*waits.values().last().unwrap() > 1000, "bufferbloat");

    // With nobody to slow down for it, CoDel drops ever more, until after 16 s the queue is empty, and then
    // takes it up anew.
    let (codel, waits) = overload("rate=4mbit queue=1000p:codel", &packet);
    let dropped = codel.counters().count(Effect::CodelDropped);
    assert!(dropped > 1000, "{dropped}");
    let (peak_at, peak) = waits.iter().max_by_key(|(_, wait)| **wait).unwrap();
    assert!((3000..5000).contains(peak_at) && *peak > 1000, "{peak} at {peak_at}");
    let least = waits.range(peak_at..).map(|(_, wait)| *wait).min().unwrap();
    assert!(least <= 5, "{least}");
    let first = codel.clone().take_decisions().next().unwrap();
    // Late since the packet that had waited 5 ms, for 100 ms.
    assert!((ms(100)..ms(125)).contains(&first.at), "{first:?}");

    let (ecn, _) = overload("rate=4mbit queue=100000p:codel:ecn", &packet);
    assert_eq!(ecn.counters().count(Effect::CodelDropped), 0);
    assert!(ecn.counters().count(Effect::Marked) > 100);
}

/// When CoDel dropped something on a link at twice its rate for two seconds, then without anything for so
/// long after the last drop, and then at twice its rate again.
fn codel_drops(pause: Duration) -> (Vec<Instant>, Vec<Instant>) {
    let mut link = link("rate=4mbit queue=1000p:codel");
    let mut overload = |begin: Instant| {
        for n in 0..2000 {
            let now = begin + Duration::from_millis(n);
            link.push(now, numbered(0, 1000));
            while link.pop(now).is_some() {}
        }
        drain(&mut link);
        let drops = link.take_decisions().filter(|made| made.effect == Effect::CodelDropped);
        drops.map(|made| made.at).collect::<Vec<_>>()
    };
    let first = overload(Instant::ZERO);
    let second = overload(*first.last().unwrap() + pause);
    (first, second)
}

/// RFC 8289 5.5: a second time within 16 intervals begins at about the rate at which the first one ended.
#[test]
fn codel_goes_on_where_it_was_when_it_is_needed_again_soon() {
    let gap = |drops: &[Instant]| (drops[1] - drops[0]).as_secs_f64();
    let within_a_packet = |gap: f64, expected: f64| (expected..expected + 0.0021).contains(&gap);
    let (first, soon) = codel_drops(Duration::from_millis(1000));
    assert!(within_a_packet(gap(&first), 0.1), "{}", gap(&first));
    // The count began at one.
    let more = (first.len() - 1) as f64;
    assert!(more > 20.0 && within_a_packet(gap(&soon), 0.1 / more.sqrt()), "{}", gap(&soon));
    let (_, late) = codel_drops(Duration::from_millis(2000));
    assert!(within_a_packet(gap(&late), 0.1), "{}", gap(&late));
}

#[test]
fn codel_leaves_a_link_alone_that_is_not_overloaded() {
    let mut calm = link("rate=8mbit queue=100p:codel");
    let arrived = run(&mut calm, 5000, Duration::from_millis(1));
    assert_eq!((arrived.len(), calm.counters().count(Effect::CodelDropped)), (5000, 0));
}

#[test]
fn one_impairment_does_not_change_what_another_hits() {
    let lost = |spec: &str| {
        let mut link = link(spec);
        run(&mut link, 5000, Duration::from_micros(1));
        link.take_decisions()
            .filter(|made| made.effect == Effect::Lost)
            .map(|made| number(&made.packet))
            .collect::<Vec<_>>()
    };
    let alone = lost("loss=1%");
    assert!(!alone.is_empty());
    assert_eq!(lost("loss=1% jitter=1ms duplicate=3% reorder=1%"), alone);
    let mut other = Impairment::new(Direction::In, 1);
    other.record(true);
    other.apply(Instant::ZERO, &"loss=1%".parse().unwrap()).unwrap();
    run(&mut other, 5000, Duration::from_micros(1));
    let there: Vec<_> = other.take_decisions().map(|made| number(&made.packet)).collect();
    assert_ne!(there, alone, "each direction has its own chance");
}

#[test]
fn settings_change_at_their_time_also_when_nobody_looks() {
    let mut link = link("delay=1ms at=2s:delay=7ms at=3s:clear");
    link.push(ms(1999), numbered(0, 100));
    link.push(ms(2500), numbered(1, 100));
    link.push(ms(3000), numbered(2, 100));
    let arrived: Vec<_> = drain(&mut link).iter().map(|(at, _)| at.as_millis()).collect();
    assert_eq!(arrived, [2000, 2507, 3000]);
    link.apply(ms(4000), &"at=1s:delay=4ms".parse().unwrap()).unwrap();
    assert_eq!(link.next_deadline(), Some(ms(5000)), "counted from when it was applied");
}

#[test]
fn loss_that_is_set_anew_begins_in_the_good_state() {
    let mut link = link("loss=gemodel:p=100%:r=0%:bad=0% at=1s:loss=100% at=2s:loss=0%");
    for at in [0, 1500, 2500] {
        link.push(ms(at), numbered(at as u32, 100));
    }
    let arrived: Vec<_> = drain(&mut link).iter().map(|(_, packet)| number(packet)).collect();
    assert_eq!(arrived, [0, 2500]);
}

#[test]
fn a_clear_for_now_takes_away_what_was_to_come() {
    let mut link = link("delay=5ms at=5s:drop:any at=7s:loss=100%");
    assert!(!link.is_perfect());
    link.apply(ms(1), &"clear".parse().unwrap()).unwrap();
    assert!(link.is_perfect(), "{}", link.spec(ms(1)));
    assert_eq!(link.next_deadline(), None);
    // What its own specification says after it stays, and one that comes later only ends what is in force.
    let spec = "at=1s:delay=1ms clear at=2s:loss=1% at=3s:clear at=4s:delay=9ms";
    link.apply(ms(1), &spec.parse().unwrap()).unwrap();
    let words = |link: &mut Impairment, at| link.spec(at).to_string();
    assert_eq!(words(&mut link, ms(2001)), "out:loss=1% out:at=1s:clear out:at=2s:delay=9ms");
    assert_eq!(words(&mut link, ms(3001)), "out:at=1s:delay=9ms");
    assert_eq!(words(&mut link, ms(4001)), "out:delay=9ms");
}

#[test]
fn a_new_rate_holds_for_the_rest_of_what_is_being_sent() {
    let mut link = link("rate=1bit");
    link.push(Instant::ZERO, numbered(0, 1000));
    link.push(Instant::ZERO, numbered(1, 1000));
    // 8,000 s at one bit a second, of which one has passed: 7,999 bits at 1,000 a second.
    link.apply(ms(1000), &"rate=1kbit".parse().unwrap()).unwrap();
    assert_eq!(link.next_deadline(), Some(ms(8999)));
    // At no rate it ends as it began, and nothing begins.
    link.apply(ms(2000), &"rate=0".parse().unwrap()).unwrap();
    assert_eq!(link.next_deadline(), Some(ms(8999)));
    link.apply(ms(3000), &"rate=unlimited".parse().unwrap()).unwrap();
    let arrived: Vec<_> = drain(&mut link).iter().map(|(at, p)| (*at, number(p))).collect();
    assert_eq!(arrived, [(ms(3000), 0), (ms(3000), 1)]);
}

#[test]
fn there_are_at_most_so_many_rules() {
    let mut link = link("");
    let many = |count| format!("{}at=1s:drop:fin", "drop:syn ".repeat(count - 1));
    let spec = |text: &str| text.parse::<Spec>().unwrap();
    link.apply(ms(1), &spec(&many(MAX_RULES))).unwrap();
    let before = link.spec(ms(1));
    assert_eq!(before.rules.len(), MAX_RULES);
    assert_eq!(link.apply(ms(1), &spec("delay=1ms")), Err(TooManyRules));
    assert_eq!(link.spec(ms(1)), before, "nothing is changed");
    assert_eq!(link.apply(ms(1), &spec("in:delay=1ms")), Ok(()), "not for this direction");
    assert_eq!(link.apply(ms(1), &spec(&format!("clear {}", many(MAX_RULES)))), Ok(()));
    assert_eq!(
        link.apply(ms(1), &spec(&format!("clear {}", many(MAX_RULES + 1)))),
        Err(TooManyRules)
    );
    assert_eq!(link.apply(ms(1), &spec("clear delay=1ms")), Ok(()));
}

#[test]
fn a_rule_that_comes_later_knows_the_streams_before_it() {
    let mut link = link("at=1s:drop:data:byte=5");
    link.push(ms(0), segment("S", 99, 0));
    link.push(ms(2000), segment("A", 100, 10));
    assert_eq!(link.counters().count(Effect::RuleDropped), 1);
}

#[test]
fn memory_is_bounded() {
    let mut link = link("delay=1000s");
    let packet = Bytes::from(vec![0; 65_535]);
    for _ in 0..5000 {
        link.push(Instant::ZERO, packet.clone());
    }
    let each = 65_535 + PACKET_OVERHEAD;
    assert_eq!(link.counters().count(Effect::Overflow), 5000 - (MAX_HELD_BYTES / each));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Every packet is accounted for, at any moment, whatever the impairments.
    #[test]
    fn nothing_vanishes_without_being_counted(
        seed: u64,
        gaps in proptest::collection::vec((0u64..3_000_000, 20usize..1500), 1..200),
        spec in proptest::sample::select(vec![
            "rate=4mbit queue=5p loss=10% duplicate=10%",
            "rate=1mbit queue=3kb delay=5ms jitter=4ms corrupt=50% reorder=20%",
            "loss=20%:burst=3 rate=2mbit queue=1bdp:codel delay=20ms",
            "drop:any:every=7 duplicate:any:every=5 rate=3mbit:",
        ].into_iter().map(|spec| spec.trim_end_matches(':')).collect::<Vec<_>>()),
    ) {
        let once = |seed| {
            let mut link = Impairment::new(Direction::Out, seed);
            link.apply(Instant::ZERO, &spec.parse().unwrap()).unwrap();
            let (mut now, mut arrived) = (Instant::ZERO, Vec::new());
            for (n, (gap, len)) in gaps.iter().enumerate() {
                now += Duration::from_nanos(*gap);
                arrived.extend(std::iter::from_fn(|| link.pop(now)));
                link.push(now, numbered(n as u32, *len));
            }
            arrived.extend(drain(&mut link).into_iter().map(|(_, packet)| packet));
            (arrived, link.counters().clone())
        };
        let (arrived, counters) = once(seed);
        let gone: u64 = [Effect::Lost, Effect::RuleDropped, Effect::QueueFull, Effect::CodelDropped]
            .iter().map(|effect| counters.count(*effect)).sum();
        let expected = gaps.len() as u64 + counters.count(Effect::Duplicated) - gone;
        proptest::prop_assert_eq!(arrived.len() as u64, expected);
        proptest::prop_assert_eq!(counters.delivered.packets, expected);
        proptest::prop_assert_eq!(once(seed), (arrived, counters), "the same seed, the same link");
    }
}
