use super::*;
use crate::event::TimerKind;

fn event(conn: u32) -> Event {
    Event::TimerFired { conn: ConnId(conn), timer: TimerKind::DelayedAck }
}

fn told(items: &[Item<Timed>], style: Style) -> String {
    let mut out = Vec::new();
    items.iter().for_each(|item| style.write(&mut out, item).unwrap());
    String::from_utf8(out).unwrap()
}

#[test]
fn what_finds_no_room_is_counted_where_it_is_missing() {
    let queue = Queue::default();
    for nth in 0..MAX_WAITING + 7 {
        queue.push(0, || (Instant::from_millis(nth as u64), event(1)));
    }
    assert_eq!(queue.take().unwrap().len(), BATCH);
    queue.push(0, || (Instant::from_millis(1), event(2)));
    let mut all = Vec::new();
    while let Some(next) = queue.take() {
        all.extend(next);
    }
    let text = told(&all, Style::Json);
    let lost = r#"{"name":"events_lost","data":{"count":7}}"#;
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), MAX_WAITING - BATCH + 2);
    assert_eq!(lines[lines.len() - 2], lost, "before what came later");
    assert!(lines[lines.len() - 1].contains(r#""conn":2"#));
}

#[test]
fn what_is_lost_last_is_told_as_well() {
    let queue = Queue::default();
    (0..=MAX_WAITING).for_each(|_| queue.push(0, || (Instant::ZERO, event(1))));
    let mut last = Vec::new();
    while let Some(next) = queue.take() {
        last = next;
    }
    assert!(
        told(&last, Style::Text)
            .ends_with("(1 events are left out: nobody has read them in time)\n")
    );
}

#[test]
fn only_events_of_the_connection_are_told_that_was_asked_for() {
    let queue = Arc::<Queue<Timed>>::default();
    let mut tap = Tap { queue: Arc::clone(&queue), conn: Some(ConnId(2)) };
    for conn in 1..=3 {
        tap.observe(Instant::ZERO, &event(conn));
    }
    let items = queue.take().unwrap();
    assert_eq!(items.len(), 1);
    assert!(told(&items, Style::Json).contains(r#""conn":2"#));
}

#[test]
fn a_reader_learns_that_nothing_more_will_come() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let queue = Queue::default();
    queue.push(0, || (Instant::ZERO, event(1)));
    queue.close();
    runtime.block_on(async {
        assert_eq!(queue.next().await.len(), 1);
        assert_eq!(queue.next().await.len(), 0);
    });
}

#[test]
fn what_waits_keeps_no_more_bytes_than_it_may() {
    let queue = Queue::default();
    (0..5).for_each(|nth| queue.push(MAX_HELD / 2, || nth));
    let taken = queue.take().unwrap();
    assert!(matches!(taken[..], [Item::One(0), Item::One(1), Item::Lost(3)]), "{taken:?}");
    queue.push(MAX_HELD, || 5);
    assert!(matches!(queue.take().unwrap()[..], [Item::One(5)]));
}

#[tokio::test(start_paused = true)]
async fn a_reader_is_not_woken_for_each() {
    let queue = Arc::new(Queue::default());
    let reader = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move {
            let mut taken = Vec::new();
            loop {
                let items = queue.next().await.len();
                if items == 0 {
                    return taken;
                }
                taken.push(items);
            }
        }
    });
    let push = |count| (0..count).for_each(|nth| queue.push(0, || nth));
    let millis = |count| tokio::time::sleep(Duration::from_millis(count));
    millis(1).await;
    // The first after a while comes at once; those after it gather.
    push(1);
    millis(1).await;
    for _ in 0..8 {
        push(1);
        millis(1).await;
    }
    millis(100).await;
    push(1);
    millis(1).await;
    // What is enough does not wait.
    let before = tokio::time::Instant::now();
    push(BATCH);
    millis(0).await;
    tokio::task::yield_now().await;
    assert!(queue.lock().items.is_empty() && before.elapsed() < GATHER);
    queue.close();
    assert_eq!(reader.await.unwrap(), [1, 8, 1, BATCH]);
}
