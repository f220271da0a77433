//! Reading through `AsyncBufRead`: what the handle holds comes first, however it is read.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::time::Duration;

use proptest::prelude::*;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};

use super::{CLIENT, SERVER, config, connected, pattern, run, until, world, world_of};
use crate::event::State;
use crate::net::TcpStream;

/// Waits until the stream has received `count` bytes in all.
async fn received(stream: &TcpStream, count: usize) {
    until(|| stream.info().unwrap().bytes_received == count as u64).await;
}

/// A connection whose client has sent `text`, and whose server holds it.
async fn holding(text: &[u8]) -> (super::World, TcpStream, TcpStream) {
    let world = world();
    let (mut client, mut server) = connected(&world).await;
    client.write_all(text).await.unwrap();
    received(&server, text.len()).await;
    assert_eq!(server.fill_buf().await.unwrap(), text);
    (world, client, server)
}

/// What a test does next.
#[derive(Clone, Debug)]
enum Step {
    /// The peer writes so many bytes, and they arrive.
    Arrive(usize),
    /// Looks at what is next and takes a part of it, in 256ths.
    Fill(u8),
    Read(usize),
    ReadChunk(usize),
    /// The same through halves.
    FillHalf(u8),
    ReadHalf(usize),
    /// Goes to pieces and together again.
    Reunite,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let some = || 1..5_000_usize;
    let step = prop_oneof![
        3 => (1..9_000_usize).prop_map(Step::Arrive),
        2 => any::<u8>().prop_map(Step::Fill),
        1 => some().prop_map(Step::Read),
        1 => some().prop_map(Step::ReadChunk),
        1 => any::<u8>().prop_map(Step::FillHalf),
        1 => some().prop_map(Step::ReadHalf),
        1 => Just(Step::Reunite),
    ];
    prop::collection::vec(step, 1..24)
}

/// Checks that `text` is what comes next, and is not nothing.
fn next(model: &mut VecDeque<u8>, text: &[u8]) {
    assert!(!text.is_empty());
    assert!(model.drain(..text.len()).eq(text.iter().copied()));
}

/// Takes a part of what is next.
async fn fill(model: &mut VecDeque<u8>, reader: &mut (impl AsyncBufReadExt + Unpin), part: u8) {
    let text = reader.fill_buf().await.unwrap();
    assert!(text.len() <= model.len());
    let taken = (text.len() * usize::from(part)).div_ceil(255);
    assert!(!text.is_empty() && model.iter().zip(text).all(|(one, other)| one == other));
    if taken > 0 {
        next(model, &text[..taken]);
    }
    reader.consume(taken);
}

async fn read(model: &mut VecDeque<u8>, reader: &mut (impl AsyncReadExt + Unpin), max: usize) {
    let mut buf = vec![0; max];
    let len = reader.read(&mut buf).await.unwrap();
    next(model, &buf[..len]);
}

async fn carry_out(steps: Vec<Step>) {
    let world = world();
    let (mut client, mut server) = connected(&world).await;
    let (mut sent, mut model) = (0, VecDeque::new());
    for step in steps {
        match step {
            Step::Arrive(len) => {
                let text = &pattern(sent + len)[sent..];
                client.write_all(text).await.unwrap();
                sent += len;
                received(&server, sent).await;
                model.extend(text);
            }
            Step::Reunite => {
                let (read, write) = server.into_split();
                server = read.reunite(write).unwrap();
            }
            // Nothing would ever come.
            _ if model.is_empty() => {}
            Step::Fill(part) => fill(&mut model, &mut server, part).await,
            Step::Read(max) => read(&mut model, &mut server, max).await,
            Step::ReadChunk(max) => {
                let chunk = server.read_chunk(max).await.unwrap().unwrap();
                assert!(chunk.len() <= max);
                next(&mut model, &chunk);
            }
            Step::FillHalf(part) => {
                fill(&mut model, &mut TcpStream::split(&mut server).0, part).await
            }
            Step::ReadHalf(max) => {
                let (mut half, write) = server.into_split();
                read(&mut model, &mut half, max).await;
                server = half.reunite(write).unwrap();
            }
        }
    }
    client.shutdown().await.unwrap();
    let mut rest = Vec::new();
    server.read_to_end(&mut rest).await.unwrap();
    assert!(model == rest);
    assert!(server.fill_buf().await.unwrap().is_empty());
    assert_eq!(server.read_chunk(1).await.unwrap(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_held_comes_first(steps in steps()) {
        run(carry_out(steps));
    }
}

#[test]
fn a_batch_is_taken_over_at_once() {
    run(async {
        let mut roomy = config(SERVER);
        roomy.tcp.fix_buffers(1 << 20);
        let world = world_of(roomy, config(CLIENT));
        let (mut client, mut server) = connected(&world).await;
        let data = pattern(100_000);
        client.write_all(&data).await.unwrap();
        received(&server, data.len()).await;
        let first = server.fill_buf().await.unwrap().to_vec();
        // As many whole chunks as make 64 KiB count as read.
        let taken = 100_000 - server.info().unwrap().receive_queue;
        assert!((65_536 - 1_460..=65_536).contains(&taken), "{taken} bytes");
        assert!((1..65_536).contains(&first.len()), "chunks are shown as they came");
        assert_eq!(server.fill_buf().await.unwrap(), first);
        client.shutdown().await.unwrap();
        let mut all = Vec::new();
        server.read_to_end(&mut all).await.unwrap();
        assert!(all == data);
    });
}

#[test]
fn the_end_comes_after_what_is_held() {
    run(async {
        let (_world, mut client, mut server) = holding(b"last words").await;
        client.shutdown().await.unwrap();
        until(|| server.info().unwrap().state == State::CloseWait).await;
        server.consume(5);
        assert_eq!(server.fill_buf().await.unwrap(), b"words");
        server.consume(5);
        assert_eq!(server.fill_buf().await.unwrap(), b"");
        assert_eq!(server.fill_buf().await.unwrap(), b"", "and stays");
        // What came is answered: nothing was unread.
        drop(server);
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
    });
}

#[test]
fn an_error_comes_after_what_is_held() {
    run(async {
        let (_world, client, mut server) = holding(b"last words").await;
        client.set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        until(|| server.info().unwrap().state == State::Closed).await;
        let mut last = [0; 5];
        server.read_exact(&mut last).await.unwrap();
        assert_eq!(&last, b"last ");
        assert_eq!(server.fill_buf().await.unwrap(), b"words");
        server.consume(5);
        assert_eq!(server.fill_buf().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn what_is_held_outlives_the_stack() {
    run(async {
        let (world, _client, mut server) = holding(b"text").await;
        world.server.stop();
        world.server_driver.await.unwrap().unwrap();
        assert_eq!(server.read_chunk(9).await.unwrap().unwrap(), "text");
        let error = server.fill_buf().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
    });
}

// RFC 2525 2.17
#[test]
fn dropping_what_is_held_resets() {
    run(async {
        for consumed in [0, 3] {
            let (_world, mut client, mut server) = holding(b"nobody reads this").await;
            server.consume(consumed);
            drop(server);
            let error = client.read(&mut [0; 8]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
        // The half that held it goes first, and to another thread.
        let (_world, mut client, server) = holding(b"nobody reads this").await;
        let (read, write) = server.into_split();
        tokio::task::spawn_blocking(|| drop(read)).await.unwrap();
        write.forget();
        let error = client.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}
