use super::*;
use crate::tcp::scoreboard::Newest;

const MSS: u32 = 1000;

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn delivery(bytes: u32, newest: Option<Newest>) -> Delivery {
    let mut delivery = Delivery::default();
    (delivery.bytes, delivery.newest) = (bytes, newest);
    delivery
}

/// A path on which segments can be sent and acknowledged by number.
#[derive(Default)]
struct Path {
    rate: DeliveryRate,
    sent: Vec<(Instant, Snapshot)>,
    in_flight: u32,
}

impl Path {
    fn send(&mut self, now: u64) {
        let snapshot = self.rate.on_sent(at(now), self.in_flight, MSS);
        self.in_flight += MSS;
        self.sent.push((at(now), snapshot));
    }

    /// `bytes` have arrived, of which segment `newest` was sent last.
    fn arrive(&mut self, now: u64, newest: usize, bytes: u32) -> Option<RateSample> {
        self.arrive_on(now, newest, bytes, Duration::ZERO)
    }

    fn arrive_on(
        &mut self,
        now: u64,
        newest: usize,
        bytes: u32,
        min_rtt: Duration,
    ) -> Option<RateSample> {
        let (sent, snapshot) = self.sent[newest];
        let (number, end) = (newest as u64, 1 + (newest as u64 + 1) * u64::from(MSS));
        let newest = Newest { number, end, at: sent, again: false, snapshot };
        self.in_flight -= bytes;
        let delivery = delivery(bytes, Some(newest));
        self.rate.on_delivery(at(now), &delivery, min_rtt)
    }
}

#[test]
fn the_rate_is_that_of_the_acknowledgments_where_they_are_slower() {
    let mut path = Path::default();
    // Ten at once; the path lets one through each 10 ms.
    (0..10).for_each(|_| path.send(0));
    for n in 0..10 {
        let sample = path.arrive(100 + n * 10, n as usize, MSS).unwrap();
        assert_eq!(sample.delivered, (n + 1) * 1000);
        assert_eq!(sample.interval, ms(100 + n * 10), "since the connection began to send");
        path.send(100 + n * 10);
    }
    // The burst at the beginning counts once more, as a time in which little was sent.
    for n in 10..20 {
        let sample = path.arrive(100 + n * 10, n as usize, MSS).unwrap();
        assert_eq!((sample.delivered, sample.interval), (10_000, ms(n * 10)));
        path.send(100 + n * 10);
    }
    // Then it is what the path gives: ten segments in 100 ms.
    for n in 20..30 {
        let sample = path.arrive(100 + n * 10, n as usize, MSS).unwrap();
        let (delivered, interval) = (sample.delivered, sample.interval);
        assert_eq!((delivered, interval, sample.rate()), (10_000, ms(100), 100_000), "segment {n}");
        assert_eq!(sample.prior_delivered, (n - 9) * 1000);
        assert_eq!(sample.total_delivered, (n + 1) * 1000);
    }
}

#[test]
fn the_rate_is_that_of_sending_where_acknowledgments_come_together() {
    let mut path = Path::default();
    path.send(0);
    path.arrive(100, 0, MSS);
    // One each 10 ms for 200 ms; all acknowledgments come within a millisecond.
    (0..20).for_each(|n| path.send(100 + n * 10));
    path.arrive(300, 1, MSS);
    let sample = path.arrive(300, 20, 19 * MSS).unwrap();
    assert_eq!((sample.delivered, sample.interval), (20_000, ms(200)));
    // The next stretch of sending begins with what was acknowledged last.
    path.send(300);
    path.send(305);
    path.arrive(401, 21, MSS);
    let sample = path.arrive(401, 22, MSS).unwrap();
    assert_eq!((sample.delivered, sample.interval), (2_000, ms(101)));
}

#[test]
fn silence_is_not_part_of_an_interval() {
    let mut path = Path::default();
    path.send(0);
    path.arrive(100, 0, MSS);
    path.send(60_000);
    let sample = path.arrive(60_100, 1, MSS).unwrap();
    assert_eq!((sample.delivered, sample.interval), (1000, ms(100)));
}

#[test]
fn intervals_shorter_than_the_path_say_nothing() {
    let mut path = Path::default();
    (0..3).for_each(|_| path.send(0));
    assert_eq!(path.arrive_on(99, 0, MSS, ms(100)), None);
    assert!(path.arrive_on(100, 1, MSS, ms(100)).is_some());
    // What it has delivered counts nevertheless.
    assert_eq!(path.arrive_on(101, 2, MSS, ms(100)).unwrap().delivered, 3000);
    // No time at all is no rate.
    let mut path = Path::default();
    path.send(5);
    assert_eq!(path.arrive(5, 0, MSS), None);
}

#[test]
fn nothing_delivered_is_no_sample() {
    let mut rate = DeliveryRate::default();
    rate.on_sent(at(0), 0, MSS);
    assert_eq!(rate.on_delivery(at(10), &Delivery::default(), Duration::ZERO), None);
    // A peer without SACK that says nothing of which one: it counts, and is no sample.
    let delivery = delivery(1000, None);
    assert_eq!(rate.on_delivery(at(10), &delivery, Duration::ZERO), None);
    assert_eq!(rate.on_sent(at(20), MSS, MSS).delivered, 1000);
}

#[test]
fn the_application_limits_until_what_was_in_flight_then_is_delivered() {
    let mut path = Path::default();
    path.send(0);
    path.send(0);
    assert!(!path.rate.is_app_limited());
    path.rate.on_app_limited(path.in_flight);
    assert!(path.rate.is_app_limited());
    path.send(10); // this one carries the mark
    assert!(!path.arrive(100, 0, MSS).unwrap().app_limited, "it was sent before");
    assert!(!path.arrive(100, 1, MSS).unwrap().app_limited);
    assert!(path.rate.is_app_limited(), "no more than was in flight is delivered");
    assert!(path.arrive(110, 2, MSS).unwrap().app_limited);
    assert!(!path.rate.is_app_limited(), "the bubble is gone");
    path.send(120);
    assert!(!path.arrive(220, 3, MSS).unwrap().app_limited);
    // Nothing in flight and nothing delivered yet is limited, too.
    let mut rate = DeliveryRate::default();
    rate.on_app_limited(0);
    assert!(rate.on_sent(at(0), 0, MSS).app_limited);
}

#[test]
fn losses_are_counted_since_a_segment_was_sent() {
    let mut path = Path::default();
    (0..4).for_each(|_| path.send(0));
    let found = |path: &Path, n: usize| Found { start: 1, len: MSS, snapshot: path.sent[n].1 };
    let lost = path.rate.on_lost(at(50), &found(&path, 0));
    assert_eq!((lost.bytes, lost.lost, lost.tx_in_flight), (MSS, 1000, 1000));
    let lost = path.rate.on_lost(at(50), &found(&path, 3));
    assert_eq!((lost.lost, lost.tx_in_flight, lost.app_limited), (2000, 4000, false));
    path.send(60);
    let lost = path.rate.on_lost(at(70), &found(&path, 4));
    assert_eq!(lost.lost, 1000, "two were lost before it was sent");
    assert_eq!(path.arrive(100, 1, MSS).unwrap().lost, 3000);
    assert_eq!(path.arrive(160, 4, MSS).unwrap().lost, 1000);
}
