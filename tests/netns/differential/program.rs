//! Random programs of two ends, and what each step of them gives.

use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use super::end::End;
use crate::harness::Dice;

/// What is written counts up to this and begins again.
const PERIOD: u8 = 251;

/// What one of the two does.
#[derive(Clone, Debug)]
enum Step {
    /// Writes so many bytes.
    Write(usize),
    /// Writes so many bytes, of which the last is urgent.
    WriteUrgent(usize),
    /// Reads at most so many bytes.
    Read(usize),
    ReadUrgent,
    Shutdown(Shutdown),
    Close,
    /// Closes with a reset.
    Reset,
    /// Does nothing for so long: an acknowledgment that waits for company goes meanwhile, or does not yet.
    Pause(Duration),
}

/// Who takes a step.
#[derive(Clone, Copy, Debug)]
enum Who {
    Peer,
    Server,
}

/// Steps of both, one after the other.
#[derive(Debug)]
pub struct Program(Vec<(Who, Step)>);

/// The two ends of a connection; who has closed has none.
struct Pair {
    ends: [Option<End>; 2],
    /// So many bytes were written at each end.
    written: [usize; 2],
}

impl Program {
    /// Up to twenty steps. All that is written fits into any window.
    pub fn random(dice: &mut Dice) -> Program {
        let steps = 4 + dice.below(17);
        let who = |dice: &mut Dice| [Who::Peer, Who::Server][dice.below(2)];
        Program((0..steps).map(|_| (who(dice), Step::random(dice))).collect())
    }
}

impl Step {
    fn random(dice: &mut Dice) -> Step {
        match dice.below(22) {
            0..=5 => Step::Write(size(dice, [10, 1_000, 4_000])),
            6..=7 => Step::WriteUrgent(1 + dice.below(100)),
            8..=12 => Step::Read(size(dice, [10, 1_000, 20_000])),
            13..=14 => Step::ReadUrgent,
            15..=16 => Step::Shutdown(Shutdown::Write),
            17 => Step::Shutdown([Shutdown::Read, Shutdown::Both][dice.below(2)]),
            18 => Step::Close,
            19 => Step::Reset,
            _ => Step::Pause(Duration::from_millis(dice.below(60) as u64)),
        }
    }

    /// How long nobody does anything after it, beside what the network needs.
    fn pause(&self) -> Duration {
        match self {
            Step::Pause(pause) => *pause,
            _ => Duration::ZERO,
        }
    }
}

impl Pair {
    fn new(ends: [End; 2]) -> Pair {
        ends.iter().for_each(|end| end.wait(false));
        Pair { ends: ends.map(Some), written: [0; 2] }
    }

    /// Takes one step; says what came of it.
    fn step(&mut self, who: Who, step: &Step) -> String {
        let Some(end) = &mut self.ends[who as usize] else {
            return "is closed".into();
        };
        let result = match step {
            Step::Write(len) | Step::WriteUrgent(len) => {
                let written = &mut self.written[who as usize];
                let text: Vec<u8> = (*written..*written + len).map(stream).collect();
                let result = match step {
                    Step::Write(_) => end.write(&text),
                    _ => end.write_urgent(&text),
                };
                *written += result.as_ref().unwrap_or(&0);
                result.map(|len| format!("{len} bytes"))
            }
            Step::Read(len) => {
                let mut buf = vec![0; *len];
                end.read(&mut buf).map(|len| describe(&buf[..len]))
            }
            Step::ReadUrgent => end.read_urgent().map(|octet| describe(&octet)),
            Step::Shutdown(how) => end.shutdown(*how).map(|()| "done".into()),
            Step::Close | Step::Reset => {
                if matches!(step, Step::Reset) {
                    end.reset_on_close();
                }
                self.ends[who as usize] = None;
                return "done".into();
            }
            Step::Pause(_) => return "done".into(),
        };
        match (who, result) {
            // Ours goes on telling a server why its connection has ended, where the kernel tells it once.
            (Who::Server, Err(_)) => NOTHING.into(),
            (Who::Server, Ok(text)) if text == NOTHING || text == "done" => NOTHING.into(),
            (_, Ok(text)) => text,
            (Who::Peer, Err(error)) => format!("{:?}", error.kind()),
        }
    }
}

/// What a read gives at the end.
const NOTHING: &str = "nothing";

/// The octet that is written at this place: it counts up and begins again.
fn stream(place: usize) -> u8 {
    (place % usize::from(PERIOD)) as u8
}

/// What was read, in few words.
fn describe(text: &[u8]) -> String {
    let Some(first) = text.first() else {
        return NOTHING.into();
    };
    let in_order = text.windows(2).all(|pair| pair[1] == (pair[0] + 1) % PERIOD);
    let order = if in_order { "in order" } else { "IN DISORDER" };
    format!("{} bytes from {first}, {order}", text.len())
}

/// From one to one of these sizes.
fn size(dice: &mut Dice, largest: [usize; 3]) -> usize {
    let largest = largest[dice.below(3)];
    1 + dice.below(largest)
}

/// Runs a program on connections at the same time, with time after each step for the network; what each of them
/// told. At the end the server closes, and the peer reads and writes until it knows.
pub fn run(program: &Program, connections: [[End; 2]; 2], settle: Duration) -> [Vec<String>; 2] {
    let mut pairs = connections.map(Pair::new);
    let end = [
        (Who::Peer, Step::Read(100_000)),
        (Who::Server, Step::Read(100_000)),
        (Who::Server, Step::Close),
        (Who::Peer, Step::Read(100_000)),
        (Who::Peer, Step::Read(1)),
        (Who::Peer, Step::Write(1)),
        (Who::Peer, Step::Write(1)),
        (Who::Peer, Step::Read(1)),
    ];
    let mut told = [vec![], vec![]];
    for (who, step) in program.0.iter().chain(&end) {
        for (pair, told) in pairs.iter_mut().zip(&mut told) {
            told.push(format!("{who:?} {step:?}: {}", pair.step(*who, step)));
        }
        thread::sleep(settle + step.pause());
    }
    told
}
