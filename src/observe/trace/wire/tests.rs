use super::super::capture::tests::{pcap, tcp};
use super::super::tests::{PACKETS, of_packets};
use super::*;
use crate::time::Duration;

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
    assert!(story.contains("400 bytes that were acknowledged are not in the file"), "{story}");
}

#[test]
fn what_was_lost_before_the_capture_and_came_again_is_not_missing() {
    // At the receiver: the second of three is lost on its way there, and sent again.
    let mut packets = handshake(40_000);
    packets.extend([(41_000, tcp(ACK, 1, 1, 100)), (41_200, tcp(ACK, 201, 1, 100))]);
    packets.extend([(41_300, back(tcp(ACK, 1, 101, 0))), (90_000, tcp(ACK, 101, 1, 100))]);
    packets.push((90_100, back(tcp(ACK, 1, 301, 0))));
    let trace = of_packets(&capture(&packets));
    let sums = trace.sums(Side::Local);
    assert_eq!((sums.unique, sums.unseen, sums.again), (300, 0, 1));
    let story = crate::observe::trace::story::tell(&trace, false).join("\n");
    assert!(!story.contains("not in the file"), "{story}");
}

/// A SYN, and its answer and that of it, over a round trip of so many microseconds.
fn handshake(us: u64) -> Vec<(u64, Vec<u8>)> {
    vec![(0, tcp(SYN, 0, 0, 0)), (us, back(tcp(SYN | ACK, 0, 1, 0))), (us, tcp(ACK, 1, 1, 0))]
}

fn with_id(mut packet: Vec<u8>, id: u16) -> Vec<u8> {
    packet[4..6].copy_from_slice(&id.to_be_bytes());
    packet
}

fn with_window(mut packet: Vec<u8>, window: u16) -> Vec<u8> {
    packet[34..36].copy_from_slice(&window.to_be_bytes());
    packet
}

/// The same with a timestamp in its header.
fn with_time(mut packet: Vec<u8>, tsval: u32, tsecr: u32) -> Vec<u8> {
    let mut option = vec![1, 1, 8, 10];
    option.extend([tsval.to_be_bytes(), tsecr.to_be_bytes()].concat());
    packet.splice(40..40, option);
    let length = packet.len() as u16;
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    packet[32] = 0x80;
    packet
}

/// The same with a maximum segment size in its header.
fn with_mss(mut packet: Vec<u8>, mss: u16) -> Vec<u8> {
    packet.splice(40..40, [&[2, 4][..], &mss.to_be_bytes()].concat());
    let length = packet.len() as u16;
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    packet[32] = 0x60;
    packet
}

#[test]
fn what_was_overtaken_was_not_sent_again() {
    let late = |us: u64, make: fn(Vec<u8>, u16) -> Vec<u8>| {
        let mut packets = handshake(20_000);
        packets.push((21_000, tcp(ACK, 1, 1, 100)));
        packets.push((21_500, make(tcp(ACK, 201, 1, 100), 9)));
        packets.push((21_500 + us, make(tcp(ACK, 101, 1, 100), 8)));
        let trace = of_packets(&capture(&packets));
        (reasons(&trace), trace.sums(Side::Local).again)
    };
    let plain = |packet, _| packet;
    let reordered = (vec!["seems_reordered".to_owned()], 0);
    assert_eq!(late(2_000, plain), reordered, "sooner than anybody could have answered");
    assert_eq!(late(19_000, plain), reordered);
    assert_eq!(late(60_000, plain), (vec!["seems_again".to_owned()], 1));
    assert_eq!(late(60_000, with_id), reordered, "its number is that of an earlier one");
    let by_time = |packet, id: u16| with_time(packet, u32::from(id), 0);
    assert_eq!(late(60_000, by_time), reordered, "it was sent earlier");
    let later = |packet, id: u16| with_time(packet, 100 - u32::from(id), 0);
    assert_eq!(late(2_000, later).1, 1, "it was sent later, however soon it comes");
}

#[test]
fn what_repeats_only_a_part_was_sent_again_to_that_part() {
    let mut packets = handshake(20_000);
    packets.push((21_000, tcp(ACK, 1, 1, 100)));
    packets.push((500_000, tcp(ACK, 51, 1, 100)));
    packets.push((520_000, back(tcp(ACK, 1, 151, 0))));
    let trace = of_packets(&capture(&packets));
    let lost = trace.moments.iter().find_map(|moment| match &moment.what {
        What::Lost(from, len, _) => Some((*from, *len)),
        _ => None,
    });
    assert_eq!(lost, Some((51, 50)));
    let sums = trace.sums(Side::Local);
    assert_eq!((sums.unique, sums.text_again), (150, 50));
    let rtts = trace.moments.iter().filter(|moment| matches!(moment.what, What::Rtt(..)));
    assert_eq!(rtts.count(), 1, "that of the handshake: the other is ambiguous");
}

#[test]
fn probes_are_told_from_what_was_lost() {
    let closed = |us, ack| (us, with_window(back(tcp(ACK, 1, ack, 0)), 0));
    let mut packets = handshake(20_000);
    packets.extend([(21_000, tcp(ACK, 1, 1, 100)), closed(41_000, 101)]);
    // A byte that there is no room for, twice, and nothing but a number.
    packets.extend([(300_000, tcp(ACK, 101, 1, 1)), closed(320_000, 101)]);
    packets.extend([(800_000, tcp(ACK, 101, 1, 1)), closed(820_000, 101)]);
    packets.extend([(2_000_000, tcp(ACK, 100, 1, 0)), (2_020_000, back(tcp(ACK, 1, 101, 0)))]);
    packets.extend([(3_000_000, tcp(ACK, 101, 1, 100)), (3_020_000, back(tcp(ACK, 1, 201, 0)))]);
    // With nothing under way and an open window it asks whether anybody is there.
    packets.extend([(90_000_000, tcp(ACK, 200, 1, 0)), (95_000_000, tcp(ACK, 200, 1, 1))]);
    // The last of several again after two round trips.
    packets.extend([(96_000_000, tcp(ACK, 201, 1, 100)), (96_000_100, tcp(ACK, 301, 1, 100))]);
    packets.push((96_045_000, tcp(ACK, 301, 1, 100)));
    let trace = of_packets(&capture(&packets));
    let probe = "zero_window_probe";
    let expected =
        [probe, probe, probe, "keepalive", "keepalive", "seems_tail_loss_probe"].map(str::to_owned);
    assert_eq!(reasons(&trace), expected);
    let lost = trace.moments.iter().filter(|moment| matches!(moment.what, What::Lost(..)));
    assert_eq!(lost.count(), 0);
    assert_eq!(trace.sums(Side::Local).again, 1, "the probe of the tail");
}

#[test]
fn a_window_update_is_no_duplicate() {
    let mut packets = handshake(20_000);
    packets.extend((0..5).map(|n: u32| (21_000, tcp(ACK, 1 + n * 100, 1, 100))));
    let acks = |from: u64, window: fn(u16) -> u16| {
        let ack = move |n: u16| {
            let packet = with_window(back(tcp(ACK, 1, 101, 0)), window(n));
            (from + u64::from(n) * 1100, packet)
        };
        (0..5).map(ack).collect::<Vec<_>>()
    };
    let why = |window| {
        let mut packets = packets.clone();
        packets.extend(acks(41_000, window));
        packets.push((47_000, tcp(ACK, 101, 1, 100)));
        reasons(&of_packets(&capture(&packets)))
    };
    assert_eq!(why(|_| 500), ["seems_fast"]);
    assert_eq!(why(|n| 500 + n), ["seems_again"], "RFC 5681 2");
}

#[test]
fn nothing_is_measured_of_what_was_sent_twice() {
    let rtts = |packets: &[(u64, Vec<u8>)]| {
        let trace = of_packets(&capture(packets));
        let found = trace.moments.iter().filter_map(|moment| match moment.what {
            What::Rtt(Some(rtt), ..) => Some(rtt.as_micros()),
            _ => None,
        });
        found.collect::<Vec<_>>()
    };
    let mut packets = handshake(20_000);
    packets.extend((0..3).map(|n: u32| (21_000, tcp(ACK, 1 + n * 100, 1, 100))));
    // The first is lost; after a time-out the acknowledgment of all of them comes, of which two came long ago.
    packets.push((321_000, tcp(ACK, 1, 1, 100)));
    packets.push((341_000, back(tcp(ACK, 1, 301, 0))));
    assert_eq!(rtts(&packets), [20_000]);
    // Timestamps say which of both was answered.
    let stamped: Vec<_> = packets
        .iter()
        .map(|(us, packet)| {
            let ms = (us / 1000) as u32;
            let echo = if *us == 341_000 { 321 } else { 0 };
            (*us, with_time(packet.clone(), ms, echo))
        })
        .collect();
    assert_eq!(rtts(&stamped), [20_000, 20_000]);
    // An acknowledgment of a part of a burst is one of what it acknowledges.
    let mut packets = handshake(20_000);
    packets.extend([(21_000, tcp(ACK, 1, 1, 200)), (41_500, back(tcp(ACK, 1, 101, 0)))]);
    packets.push((42_000, back(tcp(ACK, 1, 201, 0))));
    assert_eq!(rtts(&packets), [20_000, 20_500, 21_000]);
}

#[test]
fn a_scale_that_was_not_seen_is_not_guessed() {
    let file = capture(&[(0, tcp(ACK, 5000, 9000, 10)), (9, back(tcp(ACK, 9000, 5010, 0)))]);
    let trace = of_packets(&file);
    assert_eq!(trace.unscaled, [true; 2]);
    let ladder = crate::observe::trace::ladder::Ladder::new(&trace).text();
    assert!(ladder.contains("win=256 (scale not known)"), "{ladder}");
    assert!(trace.headless);
    let refused = [(0, tcp(SYN, 0, 0, 0)), (9, back(tcp(Flags::RST | ACK, 0, 1, 0)))];
    assert!(!of_packets(&capture(&refused)).headless, "nobody has answered its SYN");
    let mut packets = handshake(20_000);
    packets.push((21_000, tcp(ACK, 1, 1, 10)));
    assert_eq!(of_packets(&capture(&packets)).unscaled, [false; 2], "its SYNs offer none");
}

#[test]
fn a_burst_is_as_many_segments_as_it_is_cut_into() {
    let mut packets = handshake(20_000);
    packets[1].1 = with_mss(packets[1].1.clone(), 1000);
    packets.push((21_000, tcp(ACK, 1, 1, 2500)));
    let trace = of_packets(&capture(&packets));
    let sums = trace.sums(Side::Local);
    assert_eq!((sums.segments, sums.bursts), (5, 3));
    let story = crate::observe::trace::story::tell(&trace, false).join("\n");
    assert!(story.contains("this end sent 5 segments in 3 bursts, 2,500 bytes"), "{story}");
}

#[test]
fn text_in_a_syn_begins_behind_it() {
    let file = capture(&[
        (0, tcp(SYN, 0, 0, 100)),
        (9000, back(tcp(SYN | ACK, 0, 101, 0))),
        (9100, tcp(ACK, 101, 1, 50)),
        (18_000, back(tcp(ACK, 1, 151, 0))),
    ]);
    let trace = of_packets(&file);
    let sums = trace.sums(Side::Local);
    assert_eq!((sums.unique, sums.unseen, sums.again), (150, 0, 0));
}

#[test]
fn what_is_acknowledged_before_anything_is_seen_shows_where_a_stream_begins() {
    let file = capture(&[
        (0, back(tcp(ACK, 1, 1, 0))),
        (100, tcp(ACK, 5001, 1, 100)),
        (9000, back(tcp(ACK, 1, 5101, 0))),
    ]);
    let trace = of_packets(&file);
    let sums = trace.sums(Side::Local);
    // Numbers count from the first that were seen, of a stream whose SYN was not.
    assert_eq!(sums.acked - sums.begin.unwrap_or(0) - sums.text, sums.unseen);
    assert_eq!(sums.unseen, 5000);
}
