use std::future::poll_fn;

use super::*;
use rt::Timer as _;
use time::sleep;

const HEAD: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn it_goes_off_when_it_is_time() {
    let timer = Timer::default();
    for duration in [HEAD, Duration::ZERO, 2 * HEAD] {
        let began = time::Instant::now();
        timer.sleep(duration).await;
        assert_eq!(began.elapsed(), duration);
    }
}

#[tokio::test(start_paused = true)]
async fn each_wait_lasts_its_own_time_whatever_was_waited_for_before() {
    let timer = Timer::default();
    for _ in 0..5 {
        let waited = time::timeout(HEAD / 4, timer.sleep(HEAD)).await;
        assert!(waited.is_err(), "the head is there");
        // A body, then a reply; the alarm may go off meanwhile.
        sleep(HEAD / 3).await;
    }
    let began = time::Instant::now();
    timer.sleep(HEAD).await;
    assert_eq!(began.elapsed(), HEAD);
    // And earlier than what was waited for before.
    let _ = time::timeout(HEAD / 4, timer.sleep(HEAD)).await;
    let began = time::Instant::now();
    timer.sleep(HEAD / 4).await;
    assert_eq!(began.elapsed(), HEAD / 4);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_goes_on_elsewhere_wakes_who_has_it() {
    let timer = Timer::default();
    let _ = time::timeout(HEAD / 4, timer.sleep(HEAD)).await;
    let began = time::Instant::now();
    let elsewhere = tokio::spawn({
        let timer = timer.clone();
        async move { timer.sleep(HEAD).await }
    });
    elsewhere.await.unwrap();
    assert_eq!(began.elapsed(), HEAD);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_had_no_turn_left_is_woken_all_the_same() {
    let timer = Timer::default();
    let began = time::Instant::now();
    let mut waiting = Box::pin(timer.sleep(HEAD));
    poll_fn(|cx| {
        while coop::has_budget_remaining() {
            let turn = ready!(coop::poll_proceed(cx));
            turn.made_progress();
        }
        assert!(waiting.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    waiting.await;
    assert_eq!(began.elapsed(), HEAD);
}
