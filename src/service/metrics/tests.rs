use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

#[tokio::test(start_paused = true)]
async fn however_many_ask_it_is_collected_once_a_second() {
    let count = Arc::new(AtomicU32::new(0));
    let counting = Arc::clone(&count);
    let metrics = Metrics::new(move || {
        let number = counting.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(500)).await;
            number.to_string()
        })
    });
    let asked = (0..10).map(|_| metrics.text());
    let texts = futures_util::future::join_all(asked).await;
    assert!(texts.iter().all(|text| text == "0"), "{texts:?}");
    // One that gives up holds up nobody.
    tokio::time::sleep(FRESH).await;
    assert!(tokio::time::timeout(Duration::from_millis(1), metrics.text()).await.is_err());
    assert_eq!(metrics.text().await, "2");
    assert_eq!(count.load(Ordering::Relaxed), 3);
}
