//! Connections of tasks.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use glasstcp::net::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, TcpListener, TcpStream, WriteHalf};
use glasstcp::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

use crate::World;
use crate::plan::{Dice, Ending, Outcome, Plan, Side};

/// What both read halves have in common.
pub trait Source: AsyncRead + Unpin {
    fn poll_chunk(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<io::Result<Option<Bytes>>>;
}

/// What both write halves have in common.
pub trait Sink: AsyncWrite + Unpin {
    fn poll_chunk(&mut self, cx: &mut Context<'_>, chunk: &mut Bytes) -> Poll<io::Result<usize>>;
}

macro_rules! halves {
    ($read:ty, $write:ty) => {
        impl Source for $read {
            fn poll_chunk(
                &mut self,
                cx: &mut Context<'_>,
                max: usize,
            ) -> Poll<io::Result<Option<Bytes>>> {
                self.poll_read_chunk(cx, max)
            }
        }

        impl Sink for $write {
            fn poll_chunk(
                &mut self,
                cx: &mut Context<'_>,
                chunk: &mut Bytes,
            ) -> Poll<io::Result<usize>> {
                self.poll_write_chunk(cx, chunk)
            }
        }
    };
}

halves!(ReadHalf<'_>, WriteHalf<'_>);
halves!(OwnedReadHalf, OwnedWriteHalf);

/// Runs a future to its end, or drops it after a while: `None`.
async fn impatiently<T>(dice: &mut Dice, future: impl Future<Output = T>) -> Option<T> {
    match dice.below(8) {
        0 => tokio::time::timeout(dice.moment(), future).await.ok(),
        1 => tokio::select! {
            biased;
            done = future => Some(done),
            () = std::future::ready(()) => None,
        },
        _ => Some(future.await),
    }
}

/// Writes what the plan says, in pieces of all kinds, of which some are given up in the middle.
async fn write(world: &World, plan: &Plan, sink: &mut impl Sink) -> io::Result<()> {
    let mut dice = plan.dice(0);
    let mut at = 0;
    while at < plan.writes() {
        let piece = dice.size(17).min(plan.writes() - at);
        let mut text = plan.text(at, at + piece);
        let (front, back) = text.split_at(dice.below(piece));
        let slices = [IoSlice::new(front), IoSlice::new(back)];
        let written = match dice.below(3) {
            0 => impatiently(&mut dice, sink.write_vectored(&slices)).await,
            1 => impatiently(&mut dice, sink.write(&text)).await,
            _ => {
                let chunked = poll_fn(|cx| sink.poll_chunk(cx, &mut text));
                impatiently(&mut dice, chunked).await
            }
        };
        at += written.transpose()?.unwrap_or(0);
        world.board.moved();
    }
    Ok(())
}

/// Reads to the end and checks every byte.
async fn read(
    world: &World,
    plan: &Plan,
    source: &mut impl Source,
    outcome: &mut Outcome,
) -> io::Result<()> {
    let mut dice = plan.dice(1);
    let other = plan.other();
    loop {
        let max = dice.size(17);
        let data = if dice.one_in(2) {
            impatiently(&mut dice, poll_fn(|cx| source.poll_chunk(cx, max)))
                .await
                .transpose()?
                .map(Option::unwrap_or_default)
        } else {
            let mut buf = vec![0; max];
            let read = impatiently(&mut dice, source.read(&mut buf)).await.transpose()?;
            read.map(|len| Bytes::copy_from_slice(&buf[..len]))
        };
        let Some(data) = data else { continue };
        if data.is_empty() {
            outcome.ended = true;
            return Ok(());
        }
        other.check(outcome.read, &data);
        outcome.read += data.len();
        world.board.moved();
    }
}

/// Both directions at once, to the end or until the plan lets go.
async fn both(
    world: &World,
    plan: &Plan,
    source: &mut impl Source,
    sink: &mut impl Sink,
    outcome: &mut Outcome,
) {
    let (tell, mut told) = watch::channel(false);
    let writing = async {
        let mut written = write(world, plan, sink).await;
        if plan.ending == Ending::ReadFirst && written.is_ok() {
            let _ = told.wait_for(|over| *over).await;
        }
        if plan.is_whole() && written.is_ok() {
            written = sink.shutdown().await;
        }
        written
    };
    if plan.is_whole() {
        let reading = async {
            let read = read(world, plan, source, outcome).await;
            let _ = tell.send(true);
            read
        };
        let (written, read) = tokio::join!(writing, reading);
        outcome.errors = [written, read].map(Result::err).into_iter().flatten().map(text).collect();
    } else {
        // Whoever is not done yet is dropped in the middle.
        tokio::select! {
            _ = writing => {}
            _ = read(world, plan, source, outcome) => {}
        }
    }
}

fn text(error: io::Error) -> String {
    error.to_string()
}

/// One side of a connection, from its first byte to its last. The first bytes of the client may have
/// been read.
pub async fn converse(world: Arc<World>, plan: Plan, mut stream: TcpStream, read: usize) {
    let who = format!("{:05} {:?} task", plan.number, plan.side);
    world.board.note(&who, format!("{plan:?}"), Some(stream.info_handle()));
    let mut outcome = Outcome { read, ended: false, errors: Vec::new() };
    if plan.dice(2).one_in(2) {
        let (mut source, mut sink) = stream.split();
        both(&world, &plan, &mut source, &mut sink, &mut outcome).await;
    } else {
        let (mut source, mut sink) = stream.into_split();
        both(&world, &plan, &mut source, &mut sink, &mut outcome).await;
        stream = source.reunite(sink).expect("halves of one connection");
    }
    if matches!(plan.ending, Ending::Abort(_)) {
        // It fails only if the connection is gone already.
        let _ = stream.set_linger(Some(Duration::ZERO));
    }
    drop(stream);
    if !world.violent {
        outcome.check(&plan);
    }
    world.board.done(&who);
}

/// A client, that may give up connecting and try again.
pub async fn client(world: Arc<World>, number: u64, port: u16) {
    let plan = Plan::new(world.seed, number, Side::Client);
    let who = format!("{number:05} connects");
    world.board.note(&who, format!("to {port}"), None);
    let mut dice = plan.dice(3);
    let connected = loop {
        let connecting = TcpStream::connect(&world.client, (crate::SERVER, port));
        if let Some(connected) = impatiently(&mut dice, connecting).await {
            break connected;
        }
    };
    match connected {
        Ok(stream) => converse(Arc::clone(&world), plan, stream, 0).await,
        Err(error) => assert!(world.violent, "{plan:?}: {error}"),
    }
    world.board.done(&who);
}

/// Accepts until the stack is shut down, and gives up now and then.
pub async fn serve(world: Arc<World>, listener: Arc<TcpListener>, name: u64) {
    let mut dice = Dice::new(world.seed, !name);
    loop {
        match impatiently(&mut dice, listener.accept()).await {
            Some(Ok((stream, _))) => drop(tokio::spawn(answer(Arc::clone(&world), stream))),
            Some(Err(_shut_down)) => return,
            None => {}
        }
    }
}

/// The server's side: who calls is told by the first bytes.
async fn answer(world: Arc<World>, mut stream: TcpStream) {
    let mut number = [0; 8];
    if stream.read_exact(&mut number).await.is_ok() {
        let plan = Plan::new(world.seed, u64::from_le_bytes(number), Side::Server);
        converse(world, plan, stream, number.len()).await;
    }
}

/// Datagrams to and fro; some get lost when a queue is full, none is damaged.
pub async fn datagrams(world: Arc<World>, number: u64) {
    use glasstcp::net::UdpSocket;
    let plan = Plan { amount: usize::MAX, ..Plan::new(world.seed, number, Side::Server) };
    let mut dice = plan.dice(3);
    let (Ok(one), Ok(other)) = (
        UdpSocket::bind(&world.client, (crate::CLIENT, 0)).await,
        UdpSocket::bind(&world.server, (crate::SERVER, 0)).await,
    ) else {
        return assert!(world.violent);
    };
    let to = other.local_addr().unwrap();
    for _ in 0..200 {
        let text = plan.text(0, dice.below(1400));
        if one.send_to(&text, to).await.is_err() {
            return assert!(world.violent);
        }
        match impatiently(&mut dice, tokio::time::timeout(crate::MOMENT, other.recv_chunk_from()))
            .await
        {
            Some(Ok(Ok((text, from)))) => {
                assert_eq!(from, one.local_addr().unwrap());
                plan.check(0, &text);
            }
            Some(Ok(Err(error))) => return assert!(world.violent, "{error}"),
            Some(Err(_)) | None => {}
        }
        world.board.moved();
    }
}
