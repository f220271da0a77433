use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::super::tests::within_patience;
use super::*;
use crate::stack::{Config, Stack};
use crate::time::Instant;

/// A stack for its clock alone.
fn net_with(clock: impl Fn() -> Instant + Send + 'static) -> Net {
    Net::new(Stack::new(Config::new([10, 0, 0, 1].into(), 24, [1; 32])), clock).0
}

fn would_block<T: fmt::Debug>(result: io::Result<T>) {
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

/// A stack keeps a waker only once if it knows it again.
#[test]
fn clones_of_its_waker_are_known_again() {
    let gate = Arc::new(Gate::default());
    let (one, other) = (Waker::from(Arc::clone(&gate)), Waker::from(Arc::clone(&gate)));
    assert!(one.clone().will_wake(&other));
    assert!(one.clone().will_wake(&other.clone()));
}

/// Like the stack: one lock, one waker, which whoever puts something in takes out.
#[derive(Default)]
struct Slot {
    items: VecDeque<u32>,
    closed: bool,
    waker: Option<Waker>,
}

#[test]
fn many_threads_at_one_gate_miss_nothing() {
    const THREADS: usize = 8;
    const ITEMS: u32 = 20_000;
    within_patience(|| {
        let (gate, slot) = (Arc::new(Gate::default()), Mutex::new(Slot::default()));
        let net = net_with(|| Instant::ZERO);
        let take = |cx: &mut task::Context<'_>| {
            let mut slot = slot.lock().unwrap();
            match slot.items.pop_front() {
                Some(item) => Poll::Ready(Ok(Some(item))),
                None if slot.closed => Poll::Ready(Ok(None)),
                None => {
                    slot.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        };
        let change = |change: &dyn Fn(&mut Slot)| {
            let mut slot = slot.lock().unwrap();
            change(&mut slot);
            let waker = slot.waker.take();
            drop(slot);
            waker.into_iter().for_each(Waker::wake);
        };
        let taken = thread::scope(|scope| {
            let taking: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| {
                        let mut items = Vec::new();
                        while let Some(item) = gate.wait(&net, false, take).unwrap() {
                            items.push(item);
                        }
                        items
                    })
                })
                .collect();
            (0..ITEMS).for_each(|item| change(&|slot| slot.items.push_back(item)));
            change(&|slot| slot.closed = true);
            taking.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        let mut sorted = taken;
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..ITEMS));
    });
}

/// Wake-ups for nothing do not prolong the wait.
#[test]
fn the_time_out_is_that_of_the_whole_call() {
    let millis = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&millis);
    let net = net_with(move || Instant::from_millis(clock.load(Ordering::Relaxed)));
    let gate = Arc::new(Gate::default());
    gate.set_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut asked = 0;
    would_block(gate.wait(&net, false, |cx| -> Poll<io::Result<()>> {
        asked += 1;
        millis.fetch_add(4000, Ordering::Relaxed);
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    // After 4 s the deadline is set to 14 s, and at 8 and 12 s it has not come.
    assert_eq!(asked, 4);
}

#[test]
fn who_does_not_wait_asks_once() {
    let net = net_with(|| Instant::ZERO);
    let gate = Arc::new(Gate::default());
    let mut asked = 0;
    would_block(gate.wait(&net, true, |_| -> Poll<io::Result<()>> {
        asked += 1;
        Poll::Pending
    }));
    assert_eq!(asked, 1);
    assert_eq!(gate.wait(&net, true, |_| Poll::Ready(Ok(7))).unwrap(), 7);
}

#[test]
fn a_time_out_of_zero_is_refused() {
    let gate = Gate::default();
    gate.set_timeout(Some(Duration::from_secs(1))).unwrap();
    let error = gate.set_timeout(Some(Duration::ZERO)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert_eq!(gate.timeout(), Some(Duration::from_secs(1)));
    gate.set_timeout(None).unwrap();
    assert_eq!(gate.timeout(), None);
}

#[test]
fn an_enormous_time_out_is_possible() {
    within_patience(|| {
        let net = net_with(|| Instant::from_millis(5));
        let gate = Arc::new(Gate::default());
        gate.set_timeout(Some(Duration::MAX)).unwrap();
        let mut asked = 0;
        gate.wait(&net, false, |cx| {
            asked += 1;
            if asked == 3 {
                return Poll::Ready(Ok(()));
            }
            let waker = cx.waker().clone();
            thread::spawn(move || waker.wake());
            Poll::Pending
        })
        .unwrap();
    });
}
