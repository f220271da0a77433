//! Much is written, in pieces of any size and with pauses, while the server sends all of it back.

use std::io;
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use super::end::End;
use crate::harness::Dice;

/// How both ends have seen it.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the peer got back what it wrote, and nothing else.
    same: bool,
    /// How much that was, in bytes.
    len: usize,
    /// What the peer's last read gave.
    peer: String,
    /// What the server's last read gave.
    server: String,
}

/// How the peer ends it: not with a reset, for if that is lost, nobody sends it again.
#[derive(Clone, Copy)]
enum Ending {
    /// It says that this was all, and reads to the end.
    Shutdown,
    /// It reads all that it wrote, and closes.
    Close,
}

/// One program of a peer, and the server that sends everything back.
pub fn run(seed: u64, [mut peer, server]: [End; 2]) -> Outcome {
    let mut dice = Dice::new(seed);
    let ending = [Ending::Shutdown, Ending::Close][dice.below(2)];
    let pieces: Vec<(Vec<u8>, u64)> = (0..1 + dice.below(40))
        .map(|_| {
            let most = [10, 3_000, 60_000][dice.below(3)];
            let len = 1 + dice.below(most);
            (dice.bytes(len), [0, 0, 1, 30][dice.below(4)])
        })
        .collect();
    let sent: Vec<u8> = pieces.iter().flat_map(|(text, _)| text).copied().collect();
    let mut writer = peer.double();
    let all = matches!(ending, Ending::Shutdown).then_some(usize::MAX).unwrap_or(sent.len());
    thread::scope(|scope| {
        let echo = scope.spawn(|| echo(server));
        scope.spawn(move || {
            for (text, pause_ms) in pieces {
                write_all(&mut writer, &text).expect("the server takes all");
                thread::sleep(Duration::from_millis(pause_ms));
            }
            if matches!(ending, Ending::Shutdown) {
                writer.shutdown(Shutdown::Write).expect("it is open");
            }
        });
        let (text, last) = read(&mut peer, all);
        drop(peer);
        let server = echo.join().expect("no panic inside");
        Outcome { same: text == sent, len: text.len(), peer: last, server }
    })
}

/// Reads as much as that, or to the end; says what the last read gave.
fn read(end: &mut End, most: usize) -> (Vec<u8>, String) {
    let (mut text, mut buf) = (vec![], vec![0; 16 * 1024]);
    while text.len() < most {
        match end.read(&mut buf) {
            Ok(0) => return (text, "the end".into()),
            Ok(len) => text.extend_from_slice(&buf[..len]),
            Err(error) => return (text, format!("{:?}", error.kind())),
        }
    }
    (text, "all".into())
}

/// Sends everything back to its end, and says what that was.
fn echo(mut server: End) -> String {
    let mut buf = vec![0; 16 * 1024];
    loop {
        match server.read(&mut buf) {
            Ok(0) => return "the end".into(),
            Ok(len) => write_all(&mut server, &buf[..len]).expect("the peer takes all"),
            Err(error) => return format!("{:?}", error.kind()),
        }
    }
}

fn write_all(end: &mut End, mut text: &[u8]) -> io::Result<()> {
    while !text.is_empty() {
        text = &text[end.write(text)?..];
    }
    Ok(())
}
