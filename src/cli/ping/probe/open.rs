//! A connection for each request: how long the handshake takes.

use std::time::Instant;

use glasstcp::client::Sockets;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::task::JoinSet;

use super::super::board::Request;
use super::super::trouble::Trouble;
use super::{News, Target, WAITING};

pub async fn run(
    sockets: Sockets,
    target: Target,
    mut asked: Receiver<Request>,
    tells: Sender<News>,
) {
    let mut opening = JoinSet::new();
    while let Some(request) = asked.recv().await {
        while opening.try_join_next().is_some() {}
        if opening.len() >= WAITING {
            opening.join_next().await;
        }
        let (sockets, tells) = (sockets.clone(), tells.clone());
        opening.spawn(async move {
            let opened = sockets.connect_within(target.to, target.patience).await;
            let at = Instant::now();
            let news = match opened {
                Ok(_) => News::Answer { request, whole: true, len: 0, ttl: None, at },
                Err(error) => News::over(&error).unwrap_or_else(|| {
                    News::Failed(request.seq, Trouble::of(&error, target.to.ip()))
                }),
            };
            let _ = tells.send(news).await;
        });
    }
    // Until the last one is answered.
    while opening.join_next().await.is_some() {}
}
