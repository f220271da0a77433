//! Connections of threads.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use glasstcp::blocking::{TcpListener, TcpStream};

use crate::World;
use crate::plan::{Dice, Ending, Outcome, Plan, Side};

/// Tries again until the time-outs let it be done.
fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            done => return done,
        }
    }
}

/// Now and then another time-out.
fn lose_patience(dice: &mut Dice, set: impl Fn(Option<Duration>) -> io::Result<()>) {
    match dice.below(16) {
        0 => set(Some(dice.moment() + Duration::from_micros(1))).unwrap(),
        1 => set(None).unwrap(),
        _ => {}
    }
}

fn write(world: &World, plan: &Plan, mut stream: &TcpStream) -> io::Result<()> {
    let mut dice = plan.dice(0);
    let mut at = 0;
    while at < plan.writes() {
        let piece = dice.size(17).min(plan.writes() - at);
        lose_patience(&mut dice, |timeout| stream.set_write_timeout(timeout));
        let text = plan.text(at, at + piece);
        at += patiently(|| stream.write(&text))?;
        world.board.moved();
    }
    Ok(())
}

fn read(
    world: &World,
    plan: &Plan,
    mut stream: &TcpStream,
    outcome: &mut Outcome,
) -> io::Result<()> {
    let mut dice = plan.dice(1);
    let other = plan.other();
    loop {
        let mut buf = vec![0; dice.size(17)];
        lose_patience(&mut dice, |timeout| stream.set_read_timeout(timeout));
        if dice.one_in(8) {
            let seen = patiently(|| stream.peek(&mut buf))?;
            other.check(outcome.read, &buf[..seen]);
        }
        let len = patiently(|| stream.read(&mut buf))?;
        if len == 0 {
            outcome.ended = true;
            return Ok(());
        }
        other.check(outcome.read, &buf[..len]);
        outcome.read += len;
        world.board.moved();
    }
}

fn converse(world: &World, plan: &Plan, stream: TcpStream, read_already: usize) {
    let who = format!("{:05} {:?} thread", plan.number, plan.side);
    world.board.note(&who, format!("{plan:?}"), Some(stream.info_handle()));
    let mut outcome = Outcome { read: read_already, ended: false, errors: Vec::new() };
    let results = thread::scope(|scope| {
        let (stream, outcome) = (&stream, &mut outcome);
        let reading = scope.spawn(move || read(world, plan, stream, outcome));
        let mut written = write(world, plan, stream);
        if plan.ending == Ending::ReadFirst {
            let read = reading.join().unwrap();
            return [read, written.and(stream.shutdown(Shutdown::Write))];
        }
        if matches!(plan.ending, Ending::Abort(_)) {
            written = written.and(stream.set_linger(Some(Duration::ZERO)));
        }
        // Where the plan lets go, the thread that reads is woken and sees the end.
        let how = if plan.is_whole() { Shutdown::Write } else { Shutdown::Read };
        written = written.and(stream.shutdown(how));
        [reading.join().unwrap(), written]
    });
    outcome.errors = results.into_iter().filter_map(Result::err).map(|e| e.to_string()).collect();
    drop(stream);
    if !world.violent {
        outcome.check(plan);
    }
    world.board.done(&who);
}

/// A client, that may give up connecting and try again.
pub fn client(world: &World, number: u64, port: u16) {
    let plan = Plan::new(world.seed, number, Side::Client);
    let who = format!("{number:05} connects");
    world.board.note(&who, format!("to {port}"), None);
    let mut dice = plan.dice(3);
    let address = (crate::SERVER, port).into();
    let connected = loop {
        let patience = if dice.one_in(4) { dice.moment() } else { Duration::from_secs(50) };
        match TcpStream::connect_timeout(
            &world.client,
            &address,
            patience.max(Duration::from_nanos(1)),
        ) {
            Err(error) if error.kind() == ErrorKind::TimedOut => {}
            connected => break connected,
        }
    };
    match connected {
        Ok(stream) => converse(world, &plan, stream, 0),
        Err(error) => assert!(world.violent, "{plan:?}: {error}"),
    }
    world.board.done(&who);
}

/// Accepts until the stack is shut down; every connection gets a thread, which it waits for.
pub fn serve(world: &Arc<World>, listener: &TcpListener) {
    let mut answering = Vec::new();
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { break };
        let world = Arc::clone(world);
        answering.push(thread::spawn(move || {
            let mut number = [0; 8];
            if stream.read_exact(&mut number).is_ok() {
                let plan = Plan::new(world.seed, u64::from_le_bytes(number), Side::Server);
                converse(&world, &plan, stream, number.len());
            }
        }));
    }
    answering.into_iter().for_each(|thread| thread.join().unwrap());
}
