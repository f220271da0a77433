//! The classic lessons about TCP, each as one run that can be repeated: what happens, what to look for, what is claimed
//! of it, and questions with answers that are counted on the very run.
//!
//! ```text
//!   catalog (data) --> Lab --> simulate --> Done: recordings of its runs
//!                                |            |-- grades    claims in the language of observe::grade
//!                                |            |-- ladder, pictures, story    by observe::trace
//!                                |            '-- answers   texts with {quantities} in braces
//!                                '-> page: the printed form, docs/labs/NAME.md
//! ```
//!
//! A recording need not come from the simulator: what `glasstcp up` writes is looked at in the same way.

mod catalog;
mod done;
pub mod page;
mod record;

use crate::sim::{Dialogue, Scenario};
use crate::tcp::congestion::Algorithm;

pub use catalog::LABS;
pub use done::{Done, Drawing};
pub use record::{Recorded, Unreadable};

/// A lesson.
#[derive(Debug)]
pub struct Lab {
    /// What the command calls it.
    pub name: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// In one line.
    pub summary: &'static str,
    /// Where it stands.
    pub clauses: &'static str,
    /// What will happen, and why, a paragraph each.
    pub text: &'static [&'static str],
    /// What to look for.
    pub look_for: &'static [&'static str],
    /// What is run; one after the other, on one seed.
    pub runs: &'static [Run],
    /// The part that is shown segment by segment.
    pub ladders: &'static [Part],
    /// The pictures.
    pub pictures: &'static [Picture],
    /// What is claimed of it.
    pub claims: &'static [Claim],
    /// Questions about it.
    pub questions: &'static [Question],
    /// The same over a real device.
    pub live: Live,
}

/// One run.
#[derive(Debug)]
pub struct Run {
    /// Its name: that of the place where rules look, and of its files.
    pub name: &'static str,
    /// What it is, in a line.
    pub what: &'static str,
    /// The host whose view it is.
    pub host: &'static str,
    /// How it is made.
    pub how: How,
}

/// How a run is made in the simulator.
#[derive(Debug)]
pub enum How {
    /// A scenario, as `docs/sim.md` has it, with that congestion control.
    Scenario(&'static str, Algorithm),
    /// Two applications.
    Dialogue(fn() -> Dialogue),
}

/// A part of what happened at a place: `RUN`, or `RUN/HOST`.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Where.
    pub place: &'static str,
    /// From when on, in milliseconds since the connection began.
    pub from: u64,
    /// Up to when.
    pub to: u64,
    /// What is seen there.
    pub caption: &'static str,
}

/// What a picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Sequence numbers over time.
    Sequence,
    /// Congestion window, threshold and flight.
    Window,
    /// Round-trip times and the time-out.
    Rtt,
    /// Throughput, and what limits it.
    Throughput,
    /// Both hosts, and an arrow for each segment.
    Ladder,
}

/// A picture of one place, or of several over each other.
#[derive(Debug)]
pub struct Picture {
    /// Its file is `NAME.svg`.
    pub name: &'static str,
    /// What it shows.
    pub view: View,
    /// Where.
    pub places: &'static [&'static str],
    /// From when to when, in milliseconds; all of it without.
    pub span: Option<(u64, u64)>,
    /// What is to be seen in it.
    pub caption: &'static str,
}

/// Something that is claimed, and the rule that checks it.
#[derive(Debug)]
pub struct Claim {
    /// For people.
    pub says: &'static str,
    /// In the language of rules, where a place is a run.
    pub rule: &'static str,
}

/// A question, and its answer with quantities in braces that are looked up in the run.
#[derive(Debug)]
pub struct Question {
    /// What is asked.
    pub asks: &'static str,
    /// What is to be said.
    pub answer: &'static str,
}

/// Whether it can be seen over a real device, with the kernel at the other end.
#[derive(Debug)]
pub enum Live {
    /// It can.
    Offered(&'static LiveRun),
    /// It cannot, and why.
    Not(&'static str),
}

/// How it is done over a real device.
#[derive(Debug)]
pub struct LiveRun {
    /// Each run: its name, and what `glasstcp up` is told beside where to write.
    pub runs: &'static [(&'static str, &'static [&'static str])],
    /// What the kernel's side does.
    pub client: LiveClient,
    /// The connections that are shown segment by segment: a run, perhaps with ` conn N` behind it.
    pub shows: &'static [&'static str],
    /// What is claimed of it, where nobody knows what the machine is busy with.
    pub claims: &'static [Claim],
}

/// What a program on the kernel's side does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveClient {
    /// It gets so many bytes over HTTP.
    Get {
        /// How many.
        bytes: usize,
        /// How many it reads at a time, and how long it waits then, in milliseconds.
        pace: Option<(usize, u64)>,
    },
    /// Four connections to the service echo or daytime, one for each way to close.
    CloseFourWays,
}

/// How a ladder is read.
pub const LEGEND: &str = "seq is the number of the first byte, ack the number that is expected next, len how many bytes of text, and \
                          behind it in how many segments where it is a burst of several, win the window that is offered, sack what has arrived out of order; numbers count from the SYN of their \
                          side. Behind a colon stands why it was sent, X is what the sender finds lost, a star what happens at \
                          the left end. States in brackets are as the packets tell them.";

/// A lab by its name.
pub fn find(name: &str) -> Option<&'static Lab> {
    LABS.iter().copied().find(|lab| lab.name == name)
}

impl Lab {
    /// Runs it in the simulator.
    ///
    /// # Errors
    /// When its data are wrong, which the tests look for.
    ///
    /// # Panics
    /// When the stack does something that it must never do: a bug.
    pub fn simulate(&'static self) -> Result<Done, Unreadable> {
        let recorded = self.runs.iter().map(Run::simulate);
        Done::new(self, recorded.collect::<Result<_, _>>()?)
    }
}

impl Run {
    fn simulate(&self) -> Result<Recorded, Unreadable> {
        match &self.how {
            How::Scenario(text, congestion) => {
                let scenario = Scenario::from_toml(text)
                    .map_err(|error| Unreadable(format!("{}: {error}", self.name)))?;
                record::of_scenario(self, &scenario, *congestion)
            }
            How::Dialogue(make) => record::of_dialogue(self, &make()),
        }
    }
}

#[cfg(test)]
mod tests;
