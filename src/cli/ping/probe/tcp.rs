//! Lines over a connection, which is opened anew when it has gone.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use glasstcp::client::{Connection, Sockets};
use glasstcp::service::ping::LINE_MAX;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::{self, timeout_at};

use super::super::board::{OUTSTANDING, Request};
use super::super::line;
use super::super::trouble::Trouble;
use super::{Look, News, Target};

pub async fn run(
    sockets: Sockets,
    target: Target,
    mut asked: Receiver<Request>,
    tells: Sender<News>,
    look: Look,
) {
    while let Some(first) = asked.recv().await {
        // The SYN may be lost more than once: what is asked meanwhile waits, and is late when it takes too long.
        let opening =
            sockets.connect_watched(target.to, target.silence, |info| look.set(info)).await;
        let (last, ended) = match opening {
            Ok(connection) => exchange(connection, target, first, &mut asked, &tells).await,
            Err(error) => (first.seq, error),
        };
        if let Some(over) = News::over(&ended) {
            let _ = tells.send(over).await;
            return;
        }
        // What has been asked meanwhile would have gone the same way.
        let mut up_to = last;
        while let Ok(request) = asked.try_recv() {
            up_to = request.seq;
        }
        let trouble = Trouble::of(&ended, target.to.ip());
        if tells.send(News::Broken(up_to, trouble)).await.is_err() {
            return;
        }
    }
}

/// Asks and hears until the connection ends: the last request that was given to it, and why it has ended.
async fn exchange(
    connection: Connection,
    target: Target,
    first: Request,
    asked: &mut Receiver<Request>,
    tells: &Sender<News>,
) -> (u64, io::Error) {
    let (reading, mut writing) = tokio::io::split(connection);
    let asked_here = Asked::default();
    let out = async {
        let mut next = Some(first);
        while let Some(request) = next {
            asked_here.add(request.seq);
            writing.write_all(&line::request(request.seq, request.micros, target.size)).await?;
            next = asked.recv().await;
        }
        // Nobody asks any more, and nobody will miss this.
        std::future::pending::<io::Result<()>>().await
    };
    let back = async {
        let mut reading = BufReader::new(reading);
        let mut answer = Vec::new();
        loop {
            // Keeps what it has read when the time is over.
            let room = (LINE_MAX + 1 - answer.len()) as u64;
            let mut bounded = (&mut reading).take(room);
            let until = time::Instant::now() + asked_here.patience(target.silence);
            let read = timeout_at(until, bounded.read_until(b'\n', &mut answer)).await;
            match read {
                Err(_) if !asked_here.patience(target.silence).is_zero() => continue,
                Err(_) => return Err(io::Error::other("silent for too long: opened anew")),
                Ok(read) => {
                    if read? == 0 {
                        let words = "the other side has closed the connection";
                        return Err(io::Error::other(words));
                    }
                }
            }
            let (at, len) = (Instant::now(), answer.len());
            let news = line::judge(&answer, target.size).map_or(News::Garbage(len), |judged| {
                let line::Judged { seq, micros, whole } = judged;
                News::Answer { request: Request { seq, micros }, whole, len, ttl: None, at }
            });
            asked_here.hear(&news);
            answer.clear();
            let _ = tells.send(news).await;
        }
    };
    let ended: io::Result<()> = tokio::select! {
        ended = out => ended,
        ended = back => ended,
    };
    let gone = || io::Error::other("the connection has ended");
    (asked_here.last().max(first.seq), ended.err().unwrap_or_else(gone))
}

/// What has been asked over a connection, and since when the oldest of it waits for an answer.
#[derive(Default)]
struct Asked(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    last: u64,
    unanswered: VecDeque<(u64, time::Instant)>,
}

impl Asked {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, seq: u64) {
        let mut waiting = self.waiting();
        waiting.last = seq;
        if waiting.unanswered.len() < OUTSTANDING {
            waiting.unanswered.push_back((seq, time::Instant::now()));
        }
    }

    /// Those before it will not be answered any more: a server may leave some out, but it answers in their order.
    fn hear(&self, news: &News) {
        let mut waiting = self.waiting();
        match news {
            News::Answer { request, .. } => {
                waiting.unanswered.retain(|(seq, _)| *seq > request.seq);
            }
            // It has an answer for whatever it is to.
            _ => drop(waiting.unanswered.pop_front()),
        }
    }

    fn last(&self) -> u64 {
        self.waiting().last
    }

    /// How much longer an answer may take that may take so long; from now on, if nothing is waited for.
    fn patience(&self, limit: Duration) -> Duration {
        match self.waiting().unanswered.front() {
            Some((_, since)) => limit.saturating_sub(since.elapsed()),
            None => limit,
        }
    }
}

#[cfg(test)]
mod tests;
