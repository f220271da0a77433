//! `glasstcp sim`: flows over one link, in virtual time.

use std::fs;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{self, Duration};

use anyhow::{Context, anyhow, bail};
use glasstcp::device::impair::units::{
    UnitError, parse_queue_size, parse_rate, parse_share, parse_size, parse_time,
};
use glasstcp::device::impair::{Share, Size, Spec};
use glasstcp::observe::text::Verbosity;
use glasstcp::sim::{self, Outcome, Scenario, SharedWatch};
use glasstcp::tcp::congestion::Algorithm;
use glasstcp::tcp::{Ecn, Profile};
use glasstcp::time::Instant;
use indicatif::ProgressBar;

use files::{Files, Log};

mod clients;
mod files;
mod plots;
mod table;

/// Simulate transfers over one link, and see what TCP does
///
/// The same stack that `glasstcp up` runs over a TUN device runs here in virtual time, over a link of
/// which you choose the rate, the delay, the queue and the losses. A simulation is a function of what you
/// ask for and of its seed: the same command gives the same packets at the same times, on any machine.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  glasstcp sim                                       10 MiB over 100 Mbit/s and 100 ms
  glasstcp sim --loss 1% --cc newreno,cubic,bbr     three algorithms on the same losses
  glasstcp sim --impair out:drop:data:byte=2048 -v   lose one segment, and follow every segment
  glasstcp sim --flows 20 --rate 20mbit --bytes 2m   who gets how much of a shared link
  glasstcp sim --clients 3 --format classic --out DIR
                                                     what each client's TCP does, a line each, with pictures
  glasstcp sim --loss 2% --runs 100                  how much of it is chance
  glasstcp sim --scenario FILE.toml --out DIR        with events and packets as files

Rates, times and sizes are written as for tc(8): 10mbit, 50ms, 64kb. docs/link.md has the language of
--impair, docs/sim.md that of scenarios.

Exit codes: 0 every transfer was completed, 1 one was not, or it cannot be done (one sentence says
why), 2 the command line cannot be read.")]
pub struct Args {
    /// A scenario to begin with; the other options overrule what it says
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,

    /// Bytes that each flow transfers [default: 10m]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    bytes: Option<u64>,

    /// The round-trip time without a queue [default: 100ms]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    rtt: Option<Duration>,

    /// The rate of the link, or 'unlimited' [default: 100mbit]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate: Option<Rate>,

    /// The queue before the link: packets (100p), bytes (64kb) or bandwidth-delay products (1bdp)
    /// [default: 1bdp]
    #[arg(long, value_name = "SIZE", value_parser = parse_queue_size)]
    queue: Option<Size>,

    /// The share of packets lost on the way to the receivers [default: 0%]
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    loss: Option<Share>,

    /// One more impairment of the link, or several; out: is the way to the receivers
    #[arg(long, value_name = "RULE")]
    impair: Vec<Spec>,

    /// The congestion controls, one simulation with each on the same seed [default: cubic]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    cc: Vec<Algorithm>,

    /// Whether selective acknowledgments are offered and taken up [default: on]
    #[arg(long, value_name = "on|off", value_parser = on_or_off)]
    sack: Option<bool>,

    /// Whether timestamps are offered and taken up; they take 12 bytes of each segment [default: on]
    #[arg(long, value_name = "on|off", value_parser = on_or_off)]
    timestamps: Option<bool>,

    /// Explicit congestion notification: never, for whoever asks, or asked for; of use where the queue marks
    /// [default: accept]
    #[arg(long, value_name = "off|accept|request")]
    ecn: Option<Ecn>,

    /// Whose habits both ends have where the RFCs leave a choice [default: linux]
    #[arg(long, value_name = "linux|rfc")]
    profile: Option<Profile>,

    /// How long receivers keep the acknowledgment of a single segment, under 500ms [default: as the profile, 40ms and
    /// more]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    ack_delay: Option<Duration>,

    /// Flows at the same time; --clients is the same [default: 1]
    #[arg(long, visible_alias = "clients", value_name = "N")]
    flows: Option<u16>,

    /// From which all chance comes [default: 1]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// So many simulations, on this seed and those after it; at most 100000
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    runs: u64,

    /// Send buffer and receive buffer of each connection [default: they adapt]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    buffer: Option<u64>,

    /// When a simulation ends at the latest [default: 600s]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    time_limit: Option<Duration>,

    /// Where to write pictures (SVG), events (JSON lines) and packets (pcapng), of the first seed; the
    /// folder is made when it is missing
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// What to print while it runs: classic is the log of each client's sender, a line for each packet, ACK, loss
    /// and change of phase, with cwnd and ssthresh; without --cc it is of reno
    #[arg(long, value_name = "FORMAT", default_value = "table", conflicts_with = "verbose")]
    format: Format,

    /// Print every change of state; -vv every segment and change of the congestion window too
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
}

/// What is printed beside the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Nothing
    Table,
    /// The log of a classic course's simulation
    Classic,
}

/// Bytes of a scenario that are read; none is nearly as long.
const LONGEST_SCENARIO: u64 = 1 << 20;

/// A rate in bits per second, or none that limits.
#[derive(Clone, Copy, Debug)]
struct Rate(Option<u64>);

fn rate(word: &str) -> Result<Rate, UnitError> {
    parse_rate(word).map(Rate)
}

fn on_or_off(word: &str) -> Result<bool, String> {
    match word {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("'{word}' is neither 'on' nor 'off'")),
    }
}

/// One simulation of those that were asked for.
#[derive(Clone, Copy, Debug)]
struct Job {
    seed: u64,
    congestion: Algorithm,
}

/// What came of it, and how many packets waited for the link when.
#[derive(Debug)]
struct Done {
    outcome: Outcome,
    queue: Vec<(Instant, usize)>,
}

impl Args {
    /// Simulates, and prints what came of it.
    pub fn run(self) -> anyhow::Result<()> {
        let scenario = self.scenario()?;
        let jobs: Vec<Job> = (0..self.runs)
            .flat_map(|run| {
                let seed = scenario.seed.wrapping_add(run);
                scenario.cc.iter().map(move |&congestion| Job { seed, congestion })
            })
            .collect();
        let log = self.log();
        if log.is_some() && jobs.len() > 1 {
            let option = if self.verbose > 0 { "-v" } else { "--format classic" };
            bail!(
                "{option} follows one simulation, and these are {}: leave it out, or choose one --cc and one run",
                jobs.len()
            );
        }
        if let Some(folder) = &self.out {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        let begun = time::Instant::now();
        let done = self.simulate(&scenario, &jobs)?;
        let took = begun.elapsed();
        let of_first_seed = jobs.iter().copied().zip(&done).take(scenario.cc.len());
        if let Some(folder) = &self.out {
            plots::draw(folder, &scenario, &of_first_seed.collect::<Vec<_>>())?;
        }
        let outcomes: Vec<&Outcome> = done.iter().map(|done| &done.outcome).collect();
        super::say(&table::format(&scenario, &jobs, &outcomes))?;
        // Standard output is the same each time; this is not.
        eprintln!("{}", table::speed(&outcomes, took));
        let failed = jobs.iter().zip(&outcomes).find(|(_, outcome)| !outcome.is_complete());
        match failed {
            None => Ok(()),
            Some((job, outcome)) => Err(anyhow!(
                "{}; to repeat it: {}",
                table::why_incomplete(&scenario, outcome),
                self.command(job)
            )),
        }
    }

    /// What is printed while it runs.
    fn log(&self) -> Option<Log> {
        match (self.format, self.verbose) {
            (Format::Classic, _) => Some(Log::Classic),
            (Format::Table, 0) => None,
            (Format::Table, 1) => Some(Log::Events(Verbosity::States)),
            (Format::Table, _) => Some(Log::Events(Verbosity::Segments)),
        }
    }

    /// The scenario of the file, if there is one, with what the other options say.
    fn scenario(&self) -> anyhow::Result<Scenario> {
        let mut scenario = match &self.scenario {
            None if self.format == Format::Classic => {
                // Its losses are found by three duplicates, as the log has it.
                Scenario { cc: vec![Algorithm::Reno], ..Scenario::default() }
            }
            None => Scenario::default(),
            Some(file) => {
                let name = file.display();
                let mut text = String::new();
                fs::File::open(file)
                    .and_then(|file| file.take(LONGEST_SCENARIO).read_to_string(&mut text))
                    .with_context(|| format!("cannot read the scenario {name}"))?;
                Scenario::from_toml(&text).with_context(|| format!("the scenario {name}"))?
            }
        };
        fn overrule<T: Clone>(value: &mut T, option: &Option<T>) {
            if let Some(chosen) = option {
                value.clone_from(chosen);
            }
        }
        overrule(&mut scenario.bytes, &self.bytes);
        overrule(&mut scenario.rtt, &self.rtt);
        overrule(&mut scenario.rate, &self.rate.map(|Rate(rate)| rate));
        overrule(&mut scenario.queue, &self.queue);
        overrule(&mut scenario.loss, &self.loss);
        overrule(&mut scenario.sack, &self.sack);
        overrule(&mut scenario.timestamps, &self.timestamps);
        overrule(&mut scenario.ecn, &self.ecn);
        overrule(&mut scenario.profile, &self.profile);
        overrule(&mut scenario.ack_delay, &self.ack_delay.map(Some));
        overrule(&mut scenario.flows, &self.flows);
        overrule(&mut scenario.seed, &self.seed);
        overrule(&mut scenario.buffer, &self.buffer.map(Some));
        overrule(&mut scenario.time_limit, &self.time_limit);
        if !self.cc.is_empty() {
            scenario.cc.clone_from(&self.cc);
        }
        let all = std::mem::take(&mut scenario.cc);
        for congestion in all {
            if !scenario.cc.contains(&congestion) {
                scenario.cc.push(congestion);
            }
        }
        let rules = self.impair.iter().flat_map(|spec| spec.rules.iter().cloned());
        scenario.impair.rules.extend(rules);
        scenario.check()?;
        Ok(scenario)
    }

    /// Runs all jobs, on all cores, and gives what came of them in their order.
    fn simulate(&self, scenario: &Scenario, jobs: &[Job]) -> anyhow::Result<Vec<Done>> {
        let bar = if jobs.len() > 1 {
            ProgressBar::new(jobs.len() as u64)
        } else {
            ProgressBar::hidden()
        };
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Vec::new());
        let threads = thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some((index, job)) = {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        jobs.get(index).map(|job| (index, job))
                    } {
                        let result = self.simulate_one(scenario, job);
                        lock(&results).push((index, result));
                        bar.inc(1);
                    }
                });
            }
        });
        bar.finish_and_clear();
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, result)| result).collect()
    }

    fn simulate_one(&self, scenario: &Scenario, job: &Job) -> anyhow::Result<Done> {
        // Of many runs, files and pictures show those on the first seed.
        let folder = self.out.as_deref().filter(|_| job.seed == scenario.seed);
        let scenario = Scenario { seed: job.seed, ..scenario.clone() };
        let log = self.log();
        let files = if folder.is_some() || log.is_some() {
            let name = format!("{}-{}", job.congestion, job.seed);
            let files = Files::create(folder, &name, log)?;
            Some(Arc::new(Mutex::new(files)))
        } else {
            None
        };
        let watch = files.clone().map(|files| files as SharedWatch);
        let run = || sim::run(&scenario, job.congestion, folder.is_some(), watch);
        let outcome = catch_unwind(AssertUnwindSafe(run)).map_err(|_| {
            anyhow!(
                "the simulation has found a bug in the stack (see above); to repeat it: {}",
                self.command(job)
            )
        })?;
        let queue = files.map_or(Ok(Vec::new()), |files| lock(&files).finish())?;
        Ok(Done { outcome, queue })
    }

    /// The command line that repeats one job, as a shell takes it.
    fn command(&self, job: &Job) -> String {
        let mut words: Vec<String> =
            std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        for option in ["--seed", "--runs", "--cc"] {
            let with_value = format!("{option}=");
            words.retain(|word| !word.starts_with(&with_value));
            while let Some(at) = words.iter().position(|word| word == option) {
                words.drain(at..(at + 2).min(words.len()));
            }
        }
        words.extend(["--seed".to_owned(), job.seed.to_string()]);
        words.extend(["--cc".to_owned(), job.congestion.to_string()]);
        words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }
}

/// A word in quotation marks if a shell would see more in it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=.,:/%+".contains(c);
    if word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
