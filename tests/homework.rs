//! The steps of the classic homework on TCP, each shown by the events of a simulated transfer and by the lines that
//! `--transcript` prints of them: delayed acknowledgments, slow start, congestion avoidance, fast retransmission, fast
//! recovery, and time-outs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use glasstcp::device::impair::{Decision, Direction};
use glasstcp::event::{Event, Phase, SegmentView, Why};
use glasstcp::observe::transcript::Transcript;
use glasstcp::sim::{self, Ended, Scenario, Vantage, Watch};
use glasstcp::tcp::congestion::Algorithm::{self, NewReno, Reno, Tahoe};
use glasstcp::time::{Duration, Instant};

/// Text of a full-sized segment, in bytes.
const MSS: u32 = 1448;
const RTT: Duration = Duration::from_millis(100);

/// The congestion window, ssthresh, both in bytes, and what they mean.
type Window = (u32, Option<u32>, Phase);

/// Everything that both stacks tell, and the transcript of each.
#[derive(Default)]
struct Told(Vec<(Instant, String, Event)>, BTreeMap<String, (Transcript, Vec<String>)>);

impl Watch for Told {
    fn event(&mut self, now: Instant, host: &str, event: &Event) {
        let transcript = self.1.entry(host.to_owned());
        let (transcript, lines) = transcript.or_insert_with(|| (Transcript::new(MSS), Vec::new()));
        lines.extend(transcript.line(now, event));
        self.0.push((now, host.to_owned(), event.clone()));
    }

    fn packet(&mut self, _: Instant, _: Vantage, _: &str, _: &[u8]) {}

    fn decision(&mut self, _: Direction, _: &Decision) {}

    fn backlog(&mut self, _: Instant, _: usize, _: u64) {}
}

impl Told {
    /// The events of one host that `pick` wants.
    fn of<T>(&self, host: &str, pick: impl Fn(&Event) -> Option<T>) -> Vec<(Instant, T)> {
        let own = self.0.iter().filter(|(_, name, _)| name == host);
        own.filter_map(|(now, _, event)| Some((*now, pick(event)?))).collect()
    }

    /// The lines of a host's transcript that have `part`, without the time.
    fn lines(&self, host: &str, part: &str) -> Vec<&str> {
        let lines = self.1[host].1.iter().filter(|line| line.contains(part));
        lines.map(|line| line.split_once("] ").expect("a time").1).collect()
    }

    /// What a host has sent, and why.
    fn sent(&self, host: &str) -> Vec<(Instant, (SegmentView, Why))> {
        self.of(host, |event| match event {
            Event::Sent { segment, why, .. } => Some((segment.clone(), *why)),
            _ => None,
        })
    }

    /// What the sender has sent again: when, why, and from where on.
    fn again(&self) -> Vec<(Instant, (Why, u32))> {
        let sent = self.sent("sender");
        let again = sent.into_iter().filter(|(_, (segment, why))| {
            segment.len > 0 && !matches!(why, Why::NewData | Why::Handshake)
        });
        again.map(|(now, (segment, why))| (now, (why, segment.seq - segment.seq_base))).collect()
    }

    /// The sender's windows.
    fn windows(&self) -> Vec<(Instant, Window)> {
        self.of("sender", |event| match event {
            Event::CongestionWindow { cwnd, ssthresh, phase, .. } => {
                Some((*cwnd, *ssthresh, *phase))
            }
            _ => None,
        })
    }
}

/// Runs a scenario over a link of 100 ms to its end, everything transferred.
fn run(text: &str, algorithm: Algorithm) -> Told {
    let text = format!("rtt = '100ms'\nqueue = '10000p'\n{text}");
    let scenario = Scenario::from_toml(&text).unwrap_or_else(|error| panic!("{error}"));
    let watch = Arc::new(Mutex::new(Told::default()));
    let outcome = sim::run(&scenario, algorithm, false, Some(watch.clone()));
    assert_eq!(outcome.ended, Ended::Done, "{algorithm}");
    assert!(outcome.is_complete(), "{algorithm}");
    std::mem::take(&mut watch.lock().unwrap())
}

/// Step 1. RFC 9293 3.8.6.3: an acknowledgment for every second full-sized segment.
#[test]
fn every_second_segment_is_acknowledged() {
    // So slow a link that each segment arrives by itself.
    let told = run("bytes = '289600b'\nrate = '10mbit'\nquick-ack = false", NewReno);
    let segments =
        told.sent("sender").iter().map(|(_, (sent, _))| sent.len.div_ceil(MSS)).sum::<u32>();
    assert_eq!(segments, 200);
    let acks = told.sent("receiver").into_iter().filter(|(_, (_, why))| *why == Why::AckNow);
    let acks: Vec<u32> = acks.map(|(_, (sent, _))| sent.ack - sent.ack_base).collect();
    // The last two come with the FIN, and are acknowledged with it.
    assert_eq!(acks.len(), 99, "{acks:?}");
    for (number, ack) in acks.iter().enumerate() {
        assert_eq!(*ack, 1 + (number as u32 + 1) * 2 * MSS, "{acks:?}");
    }
    let delayed = |(_, (_, why)): &(Instant, (SegmentView, Why))| *why == Why::AckDelayed;
    assert!(!told.sent("receiver").iter().any(delayed));
    // And so it is printed.
    let printed = told.lines("receiver", " send ACK seq=1 ack=");
    for (number, line) in printed.iter().take(99).enumerate() {
        let ack = 1 + (number as u32 + 1) * 2 * MSS;
        assert!(line.starts_with(&format!("SERVER send ACK seq=1 ack={ack} win=")), "{line}");
    }
    assert!(told.lines("receiver", "(delayed)").is_empty());
}

/// Step 1. A segment that nothing follows is acknowledged after a delay of at most 200 ms.
#[test]
fn a_lone_segment_is_acknowledged_late() {
    let told = run(
        "bytes = '5000b'\nnodelay = true\nquick-ack = false\nwrite = { size = '1000b', every = '500ms' }",
        NewReno,
    );
    let arrived = told.of("receiver", |event| match event {
        Event::Received { segment, .. } if segment.len > 0 => Some(()),
        _ => None,
    });
    let late: Vec<_> =
        told.sent("receiver").into_iter().filter(|(_, (_, why))| *why == Why::AckDelayed).collect();
    assert_eq!((arrived.len(), late.len()), (5, 5));
    for ((arrived, ()), (acknowledged, _)) in arrived.iter().zip(&late) {
        let delay = acknowledged.since(*arrived);
        let allowed = Duration::from_millis(40)..=Duration::from_millis(200);
        assert!(allowed.contains(&delay), "{delay:?}");
    }
    let printed = told.lines("receiver", "(delayed)");
    for (number, line) in (1..).zip(&printed) {
        let begins = format!("SERVER send ACK seq=1 ack={} win=", 1 + number * 1000);
        assert!(line.starts_with(&begins) && line.ends_with(" (delayed)"), "{line}");
    }
    assert_eq!(printed.len(), 5);
}

/// Bytes sent in each round trip, in segments, from the first segment with text on.
fn a_round_trip(told: &Told) -> Vec<u32> {
    let sent = told.sent("sender");
    let first = sent.iter().find(|(_, (segment, _))| segment.len > 0).unwrap().0;
    let mut rounds = vec![0; 64];
    for (now, (segment, _)) in sent.iter().filter(|(_, (segment, _))| segment.len > 0) {
        let round = now.since(first).as_nanos() / RTT.as_nanos();
        rounds[(round as usize).min(63)] += segment.len;
    }
    rounds.into_iter().map(|bytes| bytes / MSS).take_while(|segments| *segments > 0).collect()
}

/// Step 2. RFC 5681 3.1: the window doubles with each round trip.
#[test]
fn slow_start_doubles() {
    for algorithm in [Tahoe, Reno, NewReno] {
        let told = run("bytes = '2m'\nrate = '10gbit'", algorithm);
        let rounds = a_round_trip(&told);
        assert_eq!(rounds[..7], [10, 20, 40, 80, 160, 320, 640], "{algorithm}");
        assert!(told.again().is_empty());
        let mut printed = told.lines("sender", "cwnd=").into_iter();
        for cwnd in [20, 40, 80, 160, 320, 640] {
            let line = format!("CLIENT cwnd={cwnd} MSS ssthresh=infinite  slow start");
            assert!(printed.any(|printed| printed == line), "{algorithm}: {line}");
        }
    }
}

const ONE_LOSS: &str = "bytes = '2m'\nrate = '10gbit'\nimpair = ['out:drop:data:byte=40000']";

/// The number that stands behind a word in a line.
fn number_after(line: &str, word: &str) -> f64 {
    let rest = line.split_once(word).and_then(|(_, rest)| rest.split_whitespace().next());
    rest.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{word}: {line}"))
}

/// Step 3. RFC 5681 3.1: above ssthresh the window grows by one segment a round trip.
#[test]
fn congestion_avoidance_adds_a_segment_a_round_trip() {
    for algorithm in [Tahoe, Reno, NewReno] {
        let told = run(ONE_LOSS, algorithm);
        let windows = told.windows();
        let linear = windows.iter().filter(|(_, (.., phase))| *phase == Phase::CongestionAvoidance);
        let linear: Vec<_> = linear.map(|(now, (cwnd, ..))| (*now, *cwnd)).collect();
        assert!(linear.len() >= 10, "{algorithm}: {linear:?}");
        // The acknowledgment that makes a round trip whole may be one that was delayed.
        let allowed = RTT..=RTT + Duration::from_millis(50);
        let mut late = 0;
        for pair in linear.windows(2) {
            assert_eq!(pair[1].1, pair[0].1 + MSS, "{algorithm}: {linear:?}");
            let took = pair[1].0.since(pair[0].0);
            assert!(
                *allowed.start() <= took && took <= *allowed.end() + RTT,
                "{algorithm}: {linear:?}"
            );
            late += usize::from(!allowed.contains(&took));
        }
        // Half of what was in flight need not be whole segments: the rest is missing in each round trip.
        assert!(late <= 1 + linear.len() / 20, "{algorithm}: {linear:?}");
        let printed = told.lines("sender", " congestion avoidance");
        assert_eq!(printed.len(), linear.len(), "{algorithm}");
        for pair in printed.windows(2) {
            let grown = number_after(pair[1], "cwnd=") - number_after(pair[0], "cwnd=");
            assert!((grown - 1.0).abs() < 0.02, "{algorithm}: {pair:?}");
        }
    }
}

/// Step 4. RFC 5681 3.2: the third duplicate acknowledgment has the lost segment sent again, once.
#[test]
fn three_duplicates_bring_one_fast_retransmission() {
    for algorithm in [Tahoe, Reno, NewReno] {
        // So that acknowledgments arrive one by one.
        let told = run(&ONE_LOSS.replace("10gbit", "100mbit"), algorithm);
        let again = told.again();
        let fast: Vec<_> =
            again.iter().filter(|(_, (why, _))| *why == Why::FastRetransmit).collect();
        assert_eq!(fast.len(), 1, "{algorithm}: {again:?}");
        assert!(!again.iter().any(|(_, (why, _))| matches!(why, Why::Rto(_))), "{algorithm}");
        let lost = fast[0].1.1;
        let before = told.0.iter().take_while(|(.., event)| {
            !matches!(event, Event::Sent { why: Why::FastRetransmit, .. })
        });
        let asked =
            before.filter(|(_, host, _)| host == "sender").filter_map(|(.., event)| match event {
                Event::Received { segment, .. } if segment.len == 0 => {
                    Some((segment.ack - segment.ack_base, segment.window))
                }
                _ => None,
            });
        // RFC 5681 2: the same number and the same window once more.
        let asked: Vec<_> = asked.filter(|(ack, _)| *ack == lost).collect();
        let duplicates = asked.windows(2).filter(|pair| pair[0] == pair[1]).count();
        assert_eq!(duplicates, 3, "{algorithm}: {asked:?}");
        if algorithm != Tahoe {
            assert_eq!(again.len(), 1, "{algorithm}: that one segment and no other");
        }
        let printed: Vec<&str> = told.lines("sender", "");
        let at = printed.iter().position(|line| line.contains("fast retransmit")).unwrap();
        let line = format!("CLIENT 3 duplicate ACKs -> fast retransmit seq={lost} len={MSS}");
        assert_eq!(printed[at], line);
        let asked = printed[..at].iter().filter(|line| line.contains("(duplicate "));
        let asked: Vec<_> = asked.map(|line| line.rsplit_once(" (").unwrap().1).collect();
        assert_eq!(asked, ["duplicate 1)", "duplicate 2)", "duplicate 3)"], "{algorithm}");
        assert_eq!(told.lines("sender", "fast retransmit").len(), 1);
        assert!(told.lines("sender", "timeout").is_empty());
    }
}

/// Step 5. RFC 5681 3.2: ssthresh is half of what was in flight; Reno goes on from there, and Tahoe comes there
/// again from one segment.
#[test]
fn recovery_leads_to_ssthresh() {
    for algorithm in [Tahoe, Reno, NewReno] {
        let told = run(ONE_LOSS, algorithm);
        let windows = told.windows();
        let reduced = windows.iter().position(|(_, (_, ssthresh, _))| ssthresh.is_some()).unwrap();
        let after = windows[reduced].1;
        let ssthresh = after.1.unwrap();
        assert_eq!(ssthresh, flight(&told) / 2, "{algorithm}");
        if algorithm == Tahoe {
            assert_eq!((after.0, after.2), (MSS, Phase::SlowStart));
        } else {
            assert_eq!(after.2, Phase::FastRecovery);
        }
        let avoidance =
            windows[reduced..].iter().find(|(_, (.., phase))| *phase == Phase::CongestionAvoidance);
        let (cwnd, at, _) = avoidance.unwrap().1;
        // An acknowledgment of two segments makes slow start pass it by up to two (RFC 3465).
        assert!((ssthresh..ssthresh + 2 * MSS).contains(&cwnd), "{algorithm}: {cwnd}, {ssthresh}");
        assert_eq!(at, Some(ssthresh), "{algorithm}");
        let half = segments(ssthresh);
        let (cwnd, phase) = match algorithm {
            Tahoe => ("1".to_owned(), "slow start"),
            _ => (half.clone(), "fast recovery"),
        };
        let mut printed = told.lines("sender", "cwnd=").into_iter();
        let cut = format!("CLIENT cwnd={cwnd} MSS ssthresh={half} MSS  {phase}");
        assert!(printed.any(|line| line == cut), "{algorithm}: {cut}");
        let end = printed.find(|line| line.ends_with(" congestion avoidance")).unwrap();
        assert!(end.contains(&format!(" ssthresh={half} MSS ")), "{algorithm}: {end}");
    }
}

/// What was in flight when the first loss was found, in bytes, without what limited transmit has added (RFC 3042 2).
fn flight(told: &Told) -> u32 {
    let lost = told.again()[0].1.1;
    let duplicate = told.of("sender", |event| match event {
        Event::Received { segment, .. } => Some(segment.ack - segment.ack_base),
        _ => None,
    });
    // The second that asks for it is the first duplicate.
    let first = duplicate.iter().filter(|(_, ack)| *ack == lost).nth(1).expect("duplicates").0;
    let before = told.sent("sender").into_iter().filter(|(now, _)| *now < first);
    let ends = before.map(|(_, (segment, _))| segment.seq - segment.seq_base + segment.len);
    ends.max().expect("something is sent") - lost
}

/// As the transcript has them.
fn segments(bytes: u32) -> String {
    match bytes % MSS {
        0 => (bytes / MSS).to_string(),
        _ => format!("{:.2}", f64::from(bytes) / f64::from(MSS)),
    }
}

/// Step 6. RFC 6298 5.5: each time-out in a row waits twice as long as the one before, and the window is one
/// segment.
#[test]
fn time_outs_double() {
    for algorithm in [Tahoe, Reno, NewReno] {
        let told = run(
            "bytes = '200k'\nrate = '10gbit'\nimpair = ['out:drop:data:nth=11..35']",
            algorithm,
        );
        let again = told.again();
        let timeouts: Vec<_> = again
            .iter()
            .filter_map(|(now, (why, _))| match why {
                Why::Rto(times) => Some((*now, *times)),
                _ => None,
            })
            .collect();
        let in_a_row = timeouts.iter().position(|(_, times)| *times == 1).unwrap();
        let row = &timeouts[in_a_row..];
        let count = row.windows(2).take_while(|pair| pair[1].1 == pair[0].1 + 1).count();
        assert!(count >= 2, "{algorithm}: {timeouts:?}");
        let waits: Vec<Duration> =
            row[..=count].windows(2).map(|pair| pair[1].0.since(pair[0].0)).collect();
        for pair in waits.windows(2) {
            // The wheel of timers is exact to a millisecond or so.
            let error = pair[1].abs_diff(pair[0] * 2);
            assert!(error < Duration::from_millis(2), "{algorithm}: {waits:?}");
        }
        let least = told.windows().into_iter().map(|(_, (cwnd, ..))| cwnd).min();
        assert_eq!(least, Some(MSS), "{algorithm}");
        let printed = told.lines("sender", "timeout -> retransmit");
        let printed = &printed[in_a_row..=in_a_row + count];
        for pair in printed.windows(2) {
            let [one, next] = [pair[0], pair[1]].map(|line| number_after(line, "RTO="));
            assert!((next - 2.0 * one).abs() < 0.0021, "{algorithm}: {pair:?}");
        }
    }
}
