use tokio::time::advance;

use super::*;

const LIMIT: Duration = Duration::from_secs(30);

/// An answer to an old request is no silence, and neither is a pause in which nothing was asked.
#[tokio::test(start_paused = true)]
async fn silence_is_counted_from_the_oldest_request_without_an_answer() {
    let asked = Asked::default();
    let answer = |seq| {
        let request = Request { seq, micros: 0 };
        News::Answer { request, whole: true, len: 0, ttl: None, at: Instant::now() }
    };
    asked.add(1);
    asked.hear(&answer(1));
    // As long from one request to the next as an answer may take.
    advance(LIMIT).await;
    asked.add(2);
    assert_eq!(asked.patience(LIMIT), LIMIT);
    advance(LIMIT / 2).await;
    asked.add(3);
    asked.add(4);
    asked.hear(&News::Garbage(3));
    assert_eq!(asked.patience(LIMIT), LIMIT, "the second one was answered somehow");
    advance(LIMIT).await;
    assert!(asked.patience(LIMIT).is_zero());
    // A server that leaves one out has not been silent.
    asked.hear(&answer(4));
    assert_eq!((asked.patience(LIMIT), asked.last()), (LIMIT, 4));
}
