use super::super::capture::tests::{pcap, tcp};
use super::super::tests::{PACKETS, of_packets};
use super::*;

const SYN: Flags = Flags::SYN;
const ACK: Flags = Flags::ACK;

/// The other way round.
fn back(mut packet: Vec<u8>) -> Vec<u8> {
    for (one, other) in [(12, 16), (13, 17), (14, 18), (15, 19), (20, 22), (21, 23)] {
        packet.swap(one, other);
    }
    packet
}

/// A capture of raw IP, a packet each so many microseconds.
fn capture(packets: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let packets: Vec<_> =
        packets.iter().map(|(us, bytes)| (*us, bytes.as_slice(), bytes.len())).collect();
    pcap(101, &packets)
}

fn reasons(trace: &Trace) -> Vec<String> {
    let sent = trace.moments.iter().filter_map(|moment| match &moment.what {
        What::Sent(segment) => segment.why.as_deref().map(str::to_owned),
        _ => None,
    });
    sent.collect()
}

#[test]
fn a_packet_that_was_seen_twice_counts_once() {
    let packet = tcp(ACK, 1, 1, 100);
    let file = capture(&[(1, packet.clone()), (30, packet.clone()), (5000, packet)]);
    let trace = of_packets(&file);
    assert_eq!(trace.sums(Side::Local).segments, 2);
    assert_eq!(trace.sums(Side::Local).again, 1, "later it is a retransmission");
}

#[test]
fn what_comes_again_is_guessed_from_what_came_before() {
    let acks = |us: u64| (us, back(tcp(ACK, 1, 101, 0)));
    let mut packets = vec![(0, tcp(ACK, 1, 1, 100)), (20_000, back(tcp(ACK, 1, 101, 0)))];
    packets.extend((0..5).map(|n: u32| (30_000, tcp(ACK, 101 + n * 100, 1, 100))));
    packets.extend([acks(50_000), acks(51_500), acks(53_000)]);
    packets.push((53_100, tcp(ACK, 101, 1, 100)));
    packets.push((900_000, tcp(ACK, 201, 1, 100)));
    let trace = of_packets(&capture(&packets));
    assert_eq!(
        reasons(&trace),
        ["seems_fast", "seems_timeout"],
        "silence tells more than duplicates"
    );
    packets.insert(10, (70_000, back(tcp(ACK, 1, 201, 0))));
    packets.insert(11, (71_000, tcp(ACK, 601, 1, 100)));
    let trace = of_packets(&capture(&packets));
    assert_eq!(reasons(&trace).last().map(String::as_str), Some("seems_timeout"));
    let rtts = trace.moments.iter().filter(|m| matches!(m.what, What::Rtt(..))).count();
    assert!(rtts >= 1);
}

#[test]
fn without_a_handshake_numbers_count_from_the_first() {
    let file = capture(&[(0, tcp(ACK, 5000, 9000, 10)), (9, back(tcp(ACK, 9000, 5010, 20)))]);
    let trace = of_packets(&file);
    assert!(trace.notes.iter().any(|note| note.starts_with("the handshake is not in the file")));
    let sums = trace.sums(Side::Local);
    assert_eq!((sums.text, sums.end, sums.acked), (20, 21, 1), "the view of who sent more");
}

#[test]
fn a_syn_of_another_number_begins_another_connection() {
    let file = capture(&[
        (0, tcp(SYN, 100, 0, 0)),
        (2000, tcp(SYN, 100, 0, 0)),
        (3000, back(tcp(SYN | ACK, 7, 101, 0))),
        (4000, tcp(ACK, 101, 8, 50)),
        (9000, tcp(SYN, 900, 0, 0)),
        (9500, tcp(ACK, 901, 8, 3)),
    ]);
    let survey = survey(&file[..]).unwrap();
    let text: Vec<_> = survey.found.iter().map(|found| (found.number, found.text[0])).collect();
    assert_eq!(text, [(1, 50), (2, 3)]);
    let trace = trace(&file[..], &survey.found[1], Span::default(), Vec::new()).unwrap();
    assert_eq!(trace.sums(Side::Local).text, 3);
}

#[test]
fn interfaces_are_told_apart() {
    let survey = survey(PACKETS).unwrap();
    let places: Vec<_> = survey.found.iter().filter_map(|found| found.place.as_deref()).collect();
    assert_eq!(places, ["sender", "link", "receiver"]);
    let trace = of_packets(PACKETS);
    let seen = trace.moments.iter().filter_map(|moment| match &moment.what {
        What::State(_, to, _) => Some(to.to_string()),
        _ => None,
    });
    let states: Vec<String> = seen.collect();
    assert_eq!(states, ["SYN_SENT", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT"]);
}

#[test]
fn comments_of_ours_tell_the_rest() {
    use crate::observe::pcapng::{self, Direction};
    let mut file = pcapng::Writer::new(Vec::new(), Duration::ZERO).unwrap();
    let interface = file.interface("glass0").unwrap();
    let comment = "ESTABLISHED conn=#1 cwnd=14600 ssthresh=9000 srtt=20.1ms rto=220ms why=rack limited-by=cwnd";
    let packets = [
        (tcp(ACK, 1, 1, 10), Some(comment)),
        (back(tcp(ACK, 1, 11, 3000)), Some("ESTABLISHED conn=#1")),
        (tcp(ACK, 11, 3001, 10), Some(comment)),
    ];
    for (number, (bytes, comment)) in (0..).zip(&packets) {
        let (at, direction) = (Instant::from_millis(number), Direction::Outbound);
        file.packet(&pcapng::Packet {
            interface,
            at,
            direction,
            bytes,
            len: bytes.len(),
            comment: *comment,
        })
        .unwrap();
    }
    let trace = of_packets(&file.into_inner());
    let [local, _] = trace.found.ends.unwrap();
    assert_eq!(local.port(), 1000, "it is the one whose reasons are known, though it sent less");
    let told: Vec<_> = trace
        .moments
        .iter()
        .filter(|moment| !matches!(moment.what, What::Received(_) | What::State(..)))
        .map(|moment| moment.what.clone())
        .collect();
    assert!(matches!(told[0], What::Window(14600, Some(9000), None)), "{told:?}");
    assert!(matches!(told[1], What::Rtt(None, Some(_), Some(_))));
    assert!(matches!(&told[2], What::Limited(by) if &**by == "congestion_window"));
    assert!(matches!(&told[3], What::Sent(segment) if segment.why.as_deref() == Some("rack")));
    let windows = told.iter().filter(|what| matches!(what, What::Window(..))).count();
    assert_eq!(windows, 1, "only what changes");
}

#[test]
fn packets_that_the_capture_has_missed_are_told() {
    let mut packets = vec![(0, tcp(ACK, 1, 1, 100)), (1000, tcp(ACK, 501, 1, 100))];
    packets.push((2000, back(tcp(ACK, 1, 601, 0))));
    let story =
        crate::observe::trace::story::tell(&of_packets(&capture(&packets)), false).join("\n");
    assert!(story.contains("399 bytes that were acknowledged are not in the file"), "{story}");
}
