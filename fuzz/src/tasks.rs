//! The service of tasks with any client, and its client with any server, over a pipe in memory.
//!
//! The first byte of the input says which, and in what pieces the rest arrives.

use std::sync::Arc;
use std::time::Duration;

use glasstcp::client::tasks::{Asker, Done, Task};
use glasstcp::service::{ServiceContext, tasks};

use super::site::{Site, runtime, talk};

/// Most bytes of reply to a byte of request: a file of 3,000 to a line of 7, and the sum before it.
const REPLY_A_BYTE: usize = 500;
/// Beside it, what a line that is too long is told.
const LAST_REPLY: usize = 200;

pub fn run(data: &[u8]) {
    let Some((&first, text)) = data.split_first() else { return };
    let piece = usize::from(first >> 1);
    match first & 1 {
        0 => serve(piece, text),
        _ => ask(piece, text),
    }
}

/// Any bytes as requests: each line is answered by one of `OK` or `ERR`, and nothing leaves the folder.
fn serve(piece: usize, text: &[u8]) {
    let site = Site::make();
    let context = ServiceContext { www: Some(site.www()), ..ServiceContext::default() };
    let reply = runtime().block_on(async {
        let (client, server) = tokio::io::duplex(4096);
        let serving = tokio::spawn(tasks::serve(server, Arc::new(context)));
        let reply = talk(client, piece, text.to_vec()).await;
        // An error is one of the client's; a panic is not.
        let _ = serving.await.expect("the server does not panic");
        reply
    });
    let answered = reply.starts_with(b"OK") || reply.starts_with(b"ERR ");
    assert_eq!(answered, !text.is_empty(), "the first line is answered");
    assert!(reply.len() <= LAST_REPLY + REPLY_A_BYTE * text.len(), "a flood of reply");
    site.check(&reply);
}

/// Any bytes as answers: what is given out as a file is what has come.
fn ask(piece: usize, text: &[u8]) {
    let asked = [
        Task::Calc("1+1".to_owned()),
        Task::File("a.txt".to_owned()),
        Task::Dns("www.test".to_owned()),
        Task::File("b".to_owned()),
    ];
    runtime().block_on(async {
        let (client, server) = tokio::io::duplex(4096);
        let answering = tokio::spawn(talk(server, piece, text.to_vec()));
        let mut asker = Asker::new(client, Duration::from_secs(1));
        for task in asked.iter().cycle().take(16) {
            let mut file = Vec::new();
            match asker.ask(task, &mut file).await {
                Ok(Done::File(len)) => {
                    assert_eq!(len, file.len() as u64);
                    let mut came = text.windows(file.len().max(1));
                    assert!(file.is_empty() || came.any(|window| window == file), "not what came");
                }
                Ok(Done::Text(answer)) => {
                    assert!(!answer.contains(char::is_control), "a terminal would obey {answer:?}");
                    assert!(file.is_empty());
                }
                Err(error) if error.goes_on() => {}
                Err(_) => break,
            }
        }
        asker.quit().await;
        let _ = answering.await.expect("it does not panic");
    });
}
