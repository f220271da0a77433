//! ICMP echo requests (RFC 792).

use std::net::IpAddr;
use std::time::Instant;

use bytes::Bytes;
use glasstcp::net::PingSocket;
use glasstcp::stack::PingAnswer;
use glasstcp::wire::icmp::HEADER_LEN;
use tokio::sync::mpsc::{Receiver, Sender};

use super::super::board::Request;
use super::super::line;
use super::super::trouble::Trouble;
use super::{News, Target};

pub async fn run(
    socket: PingSocket,
    target: Target,
    mut asked: Receiver<Request>,
    tells: Sender<News>,
) {
    let to: IpAddr = target.to.ip();
    let mut last = 0;
    loop {
        let news = tokio::select! {
            request = asked.recv() => match request {
                None => return,
                Some(Request { seq, micros }) => {
                    last = seq;
                    let text = Bytes::from(line::request(seq, micros, target.size));
                    match socket.send_to(to, seq as u16, text).await {
                        Ok(()) => continue,
                        Err(error) => News::Failed(seq, Trouble::of(&error, to)),
                    }
                }
            },
            answer = socket.recv() => match answer {
                Ok(PingAnswer::Reply { from, seq, ttl, payload }) if from == to => {
                    heard(widen(last, seq), ttl, &payload, target.size)
                }
                Ok(PingAnswer::Error { to: about, seq, notice }) if about == to => {
                    News::Failed(widen(last, seq), notice.into())
                }
                // About somebody else.
                Ok(_) => continue,
                Err(_) => return,
            },
        };
        if tells.send(news).await.is_err() {
            return;
        }
    }
}

/// The number that ends with these bits: the latest up to `last`; 0 when there is none.
fn widen(last: u64, seq: u16) -> u64 {
    last.saturating_sub((last as u16).wrapping_sub(seq).into())
}

/// An echo is exactly what was sent.
fn heard(seq: u64, ttl: u8, payload: &[u8], size: usize) -> News {
    let (at, len) = (Instant::now(), payload.len() + HEADER_LEN);
    let judged = line::judge(payload, size);
    let whole =
        judged.is_some_and(|judged| judged.whole && judged.seq == seq && payload.starts_with(b"g"));
    let micros = judged.map_or(0, |judged| judged.micros);
    News::Answer { request: Request { seq, micros }, whole, len, ttl: Some(ttl), at }
}
