//! A datagram for each request.

use std::time::Instant;

use glasstcp::client::DatagramSocket;
use tokio::sync::mpsc::{Receiver, Sender};

use super::super::board::Request;
use super::super::line;
use super::super::trouble::Trouble;
use super::{News, Target};

pub async fn run(
    socket: DatagramSocket,
    target: Target,
    mut asked: Receiver<Request>,
    tells: Sender<News>,
) {
    let mut buffer = vec![0; 1 << 16];
    let mut last = 0;
    loop {
        let news = tokio::select! {
            request = asked.recv() => match request {
                None => return,
                Some(Request { seq, micros }) => {
                    last = seq;
                    let text = line::request(seq, micros, target.size);
                    match socket.send_to(&text, target.to).await {
                        Ok(_) => continue,
                        Err(error) => News::over(&error)
                            .unwrap_or_else(|| News::Failed(seq, Trouble::of(&error, target.to.ip()))),
                    }
                }
            },
            received = socket.recv_from(&mut buffer) => match received {
                Ok((len, from)) if from == target.to => heard(&buffer[..len], target.size),
                // From somebody else.
                Ok(_) => continue,
                Err(error) => match News::over(&error) {
                    Some(over) => over,
                    None => return,
                },
            },
            error = socket.recv_error() => match error {
                Ok(error) if error.to == target.to => {
                    // Routers may quote no more than the header: then it is the last one, most likely.
                    let judged = line::judge(&error.text, target.size);
                    News::Failed(judged.map_or(last, |judged| judged.seq), error.notice.into())
                }
                Ok(_) => continue,
                Err(error) => match News::over(&error) {
                    Some(over) => over,
                    None => return,
                },
            },
        };
        if tells.send(news).await.is_err() {
            return;
        }
    }
}

fn heard(answer: &[u8], size: usize) -> News {
    let (at, len) = (Instant::now(), answer.len());
    line::judge(answer, size).map_or(News::Garbage(len), |judged| {
        let line::Judged { seq, micros, whole } = judged;
        News::Answer { request: Request { seq, micros }, whole, len, ttl: None, at }
    })
}
