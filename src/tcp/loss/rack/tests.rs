use proptest::prelude::*;

use super::*;
use crate::tcp::rate::Snapshot;
use crate::tcp::scoreboard::Scoreboard;

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Octets of a segment.
const SIZE: u64 = 100;
/// The shortest round trip of the path.
const MIN_RTT: u64 = 40;

/// A calm path, or one on which a loss is suspected.
fn path(suspicious: bool) -> Path {
    Path { min_rtt: ms(MIN_RTT), srtt: ms(50), suspicious }
}

/// Something has arrived after 40 ms.
fn arrived() -> Rack {
    let mut board = Scoreboard::default();
    board.on_sent(1, 100, at(0), Snapshot::default());
    let mut delivery = board.delivery(at(0));
    board.acknowledge(101, &mut delivery);
    let mut rack = Rack::default();
    rack.on_delivery(at(40), &delivery);
    rack
}

#[test]
fn without_reordering_a_suspected_loss_is_not_waited_for_rfc_8985_6_2_step_4() {
    let rack = arrived();
    assert_eq!(rack.rtt(), ms(40));
    assert_eq!(rack.patience(path(true)), ms(40));
    assert_eq!(rack.patience(path(false)), ms(40 + 10), "a quarter of the shortest round trip");
}

#[test]
fn the_window_grows_once_a_round_with_dsacks_up_to_the_round_trip_rfc_8985_6_2_step_4() {
    let mut rack = arrived();
    rack.on_needless(1, 1001);
    assert_eq!(rack.patience(path(true)), ms(40 + 20));
    rack.on_needless(500, 2001);
    rack.on_needless(1000, 2001);
    assert_eq!(rack.patience(path(true)), ms(40 + 20), "the same round");
    rack.on_needless(1001, 2001);
    assert_eq!(rack.patience(path(true)), ms(40 + 30));
    for round in 2..1000 {
        rack.on_needless(round * 1000 + 1, round * 1000 + 1001);
    }
    assert_eq!(rack.patience(path(true)), ms(40 + 50), "no more than the smoothed round trip");
}

#[test]
fn after_sixteen_recoveries_without_a_dsack_it_is_small_again_rfc_8985_6_2_step_4() {
    let mut rack = arrived();
    rack.on_needless(1, 1001);
    rack.on_needless(1001, 2001);
    for _ in 0..15 {
        rack.on_recovered();
    }
    assert_eq!(rack.patience(path(false)), ms(40 + 30));
    rack.on_recovered();
    assert_eq!(rack.patience(path(false)), ms(40 + 10));
    // A D-SACK begins to count anew.
    rack.on_needless(2001, 3001);
    (0..15).for_each(|_| rack.on_recovered());
    rack.on_needless(3001, 4001);
    (0..15).for_each(|_| rack.on_recovered());
    assert_eq!(rack.patience(path(false)), ms(40 + 30));
}

/// A retransmission that is answered sooner than the path takes is not what has arrived, but what was
/// sent once tells as much as ever.
#[test]
fn an_answer_that_comes_too_soon_is_of_the_original_rfc_8985_6_2_step_2() {
    let mut board = Scoreboard::default();
    for n in 0..6 {
        board.on_sent(1 + n * 100, 100, at(n), Snapshot::default());
    }
    board.mark_lost(1, 101, |_| {});
    board.on_sent(1, 100, at(50), Snapshot::default());
    let mut delivery = board.delivery(at(60) - ms(MIN_RTT));
    board.sack(401, 501, &mut delivery);
    board.acknowledge(101, &mut delivery);
    let mut rack = Rack::default();
    rack.on_delivery(at(60), &delivery);
    let newest = rack.newest().unwrap();
    assert_eq!((newest.at, newest.end, rack.rtt()), (at(4), 501, ms(56)));
}

/// A segment, as RFC 8985 5.2 has it.
#[derive(Clone, Copy, Debug)]
struct Segment {
    end_seq: u64,
    xmit_ts: Instant,
    retransmitted: bool,
    lost: bool,
    sacked: bool,
}

/// RFC 8985 6.2, segment by segment.
#[derive(Default)]
struct Naive {
    segments: Vec<Segment>,
    xmit_ts: Instant,
    end_seq: u64,
    rtt: Duration,
    fack: u64,
    reordering_seen: bool,
    dsack_round: Option<u64>,
    reo_wnd_mult: u32,
    reo_wnd_persist: i32,
}

/// RACK_sent_after.
fn sent_after(t1: Instant, seq1: u64, t2: Instant, seq2: u64) -> bool {
    t1 > t2 || (t1 == t2 && seq1 > seq2)
}

impl Naive {
    fn new() -> Self {
        Naive { reo_wnd_mult: 1, ..Naive::default() }
    }

    /// Steps 1 to 3, for what has arrived newly.
    fn update(&mut self, now: Instant, mut acked: Vec<Segment>) {
        acked.sort_by_key(|segment| (segment.xmit_ts, segment.end_seq));
        for segment in &acked {
            let rtt = now.since(segment.xmit_ts);
            if segment.retransmitted && rtt < ms(MIN_RTT) {
                continue;
            }
            self.rtt = rtt;
            if sent_after(segment.xmit_ts, segment.end_seq, self.xmit_ts, self.end_seq) {
                (self.xmit_ts, self.end_seq) = (segment.xmit_ts, segment.end_seq);
            }
        }
        acked.sort_by_key(|segment| segment.end_seq);
        for segment in &acked {
            if segment.end_seq > self.fack {
                self.fack = segment.end_seq;
            } else if segment.end_seq < self.fack && !segment.retransmitted {
                self.reordering_seen = true;
            }
        }
    }

    /// Step 4. Beyond the RFC, a D-SACK is a sign of reordering, and each keeps the window for sixteen
    /// recoveries more.
    fn dsack(&mut self, una: u64, nxt: u64) {
        self.reordering_seen = true;
        self.reo_wnd_persist = 16;
        if self.dsack_round.is_some_and(|round| una >= round) {
            self.dsack_round = None;
        }
        if self.dsack_round.is_none() {
            self.dsack_round = Some(nxt);
            self.reo_wnd_mult += 1;
        }
    }

    fn recovered(&mut self) {
        self.reo_wnd_persist -= 1;
        if self.reo_wnd_persist <= 0 {
            self.reo_wnd_mult = 1;
        }
    }

    fn reo_wnd(&self, path: Path) -> Duration {
        if !self.reordering_seen && path.suspicious {
            return Duration::ZERO;
        }
        (self.reo_wnd_mult * path.min_rtt / 4).min(path.srtt)
    }

    /// Step 5; gives when the first of those was sent that still have time.
    fn detect_loss(&mut self, now: Instant, path: Path) -> Option<Instant> {
        let (xmit_ts, end_seq) = (self.xmit_ts, self.end_seq);
        let patience = self.rtt + self.reo_wnd(path);
        let mut first = None;
        for segment in self.segments.iter_mut().filter(|segment| !segment.sacked && !segment.lost) {
            if !sent_after(xmit_ts, end_seq, segment.xmit_ts, segment.end_seq) {
                continue;
            }
            if segment.xmit_ts + patience <= now {
                segment.lost = true;
            } else {
                first = Some(
                    first.map_or(segment.xmit_ts, |known: Instant| known.min(segment.xmit_ts)),
                );
            }
        }
        first
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// A burst of so many segments.
    Send(u64),
    /// Segments that lie so far after SND.UNA arrive; then the first so many are acknowledged.
    Ack {
        sacked: Vec<u64>,
        acked: u64,
        recovering: bool,
    },
    /// The reordering timer.
    Timer,
    /// The first that is lost goes again.
    Repair,
    /// The retransmission timer.
    Timeout,
    Dsack,
    Recovered,
}

fn step() -> impl Strategy<Value = (u64, Step)> {
    let ack = (prop::collection::vec(0u64..24, 0..4), 0u64..4, any::<bool>())
        .prop_map(|(sacked, acked, recovering)| Step::Ack { sacked, acked, recovering });
    let step = prop_oneof![
        4 => (1u64..6).prop_map(Step::Send),
        6 => ack,
        2 => Just(Step::Timer),
        5 => Just(Step::Repair),
        1 => Just(Step::Timeout),
        1 => Just(Step::Dsack),
        1 => Just(Step::Recovered),
    ];
    (1u64..25, step)
}

/// Both of them.
struct Both {
    board: Scoreboard,
    rack: Rack,
    naive: Naive,
    now: Instant,
    una: u64,
    nxt: u64,
    suspicious: bool,
}

impl Both {
    fn send(&mut self, segments: u64) {
        let len = segments * SIZE;
        self.board.on_sent(self.nxt, len as u32, self.now, Snapshot::default());
        for n in 1..=segments {
            self.naive.segments.push(Segment {
                end_seq: self.nxt + n * SIZE,
                xmit_ts: self.now,
                retransmitted: false,
                lost: false,
                sacked: false,
            });
        }
        self.nxt += len;
    }

    fn ack(&mut self, sacked: &[u64], acked: u64) {
        let mut delivery = self.board.delivery(self.now - ms(MIN_RTT));
        let mut arrived = Vec::new();
        for &n in sacked {
            let Some(segment) = self.naive.segments.get_mut(n as usize) else { continue };
            self.board.sack(segment.end_seq - SIZE, segment.end_seq, &mut delivery);
            if !segment.sacked {
                arrived.push(*segment);
            }
            (segment.sacked, segment.lost) = (true, false);
        }
        let acked = acked.min(self.naive.segments.len() as u64);
        self.una += acked * SIZE;
        self.board.acknowledge(self.una, &mut delivery);
        let gone = self.naive.segments.drain(..acked as usize);
        arrived.extend(gone.filter(|segment| !segment.sacked));
        self.naive.update(self.now, arrived);
        // What is acknowledged in order counts as reported, too.
        self.naive.fack = self.naive.fack.max(self.una);
        self.rack.on_delivery(self.now, &delivery);
    }

    fn repair(&mut self) {
        let Some((start, _)) = self.board.next_lost() else { return };
        self.board.on_sent(start, SIZE as u32, self.now, Snapshot::default());
        let segment = self.naive.segments.iter_mut().find(|segment| segment.lost).unwrap();
        assert_eq!(segment.end_seq, start + SIZE);
        (segment.xmit_ts, segment.retransmitted, segment.lost) = (self.now, true, false);
    }

    /// RFC 8985 6.3 by both; as in Linux, without a reordering window.
    fn time_out(&mut self) -> Result<(), TestCaseError> {
        self.board.mark_timed_out(SIZE as u32, self.now - self.rack.rtt(), |_| {});
        let first = self.una + SIZE;
        for segment in self.naive.segments.iter_mut().filter(|segment| !segment.sacked) {
            let old = segment.xmit_ts + self.naive.rtt <= self.now;
            segment.lost |= old || segment.end_seq == first;
        }
        let lost = self.naive.segments.iter().filter(|segment| segment.lost).count();
        prop_assert_eq!(u64::from(self.board.lost()), lost as u64 * SIZE);
        Ok(())
    }

    /// Step 5 by both.
    fn judge(&mut self) -> Result<(), TestCaseError> {
        let path = path(self.suspicious);
        let first = self.naive.detect_loss(self.now, path);
        let lost: Vec<_> =
            self.naive.segments.iter().filter(|segment| segment.lost).map(|s| s.end_seq).collect();
        let Some(newest) = self.rack.newest() else {
            prop_assert_eq!(first, None, "nothing has arrived");
            return Ok(());
        };
        let (now, patience) = (self.now, self.rack.patience(path));
        let is_over = |sent: Instant| now.since(sent) >= patience;
        let waits = self.board.mark_overtaken(newest, is_over, |_| {});
        prop_assert_eq!(u64::from(self.board.lost()), lost.len() as u64 * SIZE);
        prop_assert_eq!(self.board.next_lost().map(|lost| lost.0 + SIZE), lost.first().copied());
        prop_assert_eq!(waits, first, "the timer");
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// The same segments are lost at the same time as by the pseudo code.
    #[test]
    fn it_is_as_the_pseudo_code_says_rfc_8985_6_2(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut both = Both {
            board: Scoreboard::default(),
            rack: Rack::default(),
            naive: Naive::new(),
            now: at(1000),
            una: 1,
            nxt: 1,
            suspicious: false,
        };
        for (wait, step) in steps {
            both.now += ms(wait);
            match step {
                Step::Send(segments) => both.send(segments),
                Step::Ack { sacked, acked, recovering } => {
                    both.ack(&sacked, acked);
                    both.suspicious = recovering;
                    both.judge()?;
                }
                Step::Timer => both.judge()?,
                Step::Repair => both.repair(),
                Step::Timeout => both.time_out()?,
                Step::Dsack => {
                    both.rack.on_needless(both.una, both.nxt);
                    both.naive.dsack(both.una, both.nxt);
                }
                Step::Recovered => {
                    both.rack.on_recovered();
                    both.naive.recovered();
                }
            }
            both.board.check_invariants(both.una, both.nxt);
        }
    }
}
