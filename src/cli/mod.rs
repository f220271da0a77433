//! The command line: one file a command.
//!
//! ```text
//!   run -> up           -> daemon -> host, services, control, signals, log
//!       -> serve        -> log
//!       -> link         -> packets, control, signals, log
//!       -> impair, ss, stats, events, kill -> control
//!       -> top          -> control, client, signals
//!       -> nc, dns, ping -> client -> host, signals, log
//!       -> get, put     -> client, progress
//!       -> rudp         -> client, serve
//!       -> task, hello, iperf -> client
//!       -> sim          -> packets
//!       -> plot, explain, grade -> recording
//!       -> lab          -> plot
//!       -> completions
//! ```
//!
//! Exit codes: 0 done, 1 it cannot be done (one sentence says why), 2 the command line cannot be
//! read. Those of ping are ping(8)'s.

mod capture;
mod client;
mod completions;
mod control;
mod daemon;
mod dns;
mod events;
mod explain;
mod get;
mod grade;
mod hello;
mod host;
mod impair;
mod iperf;
mod kill;
mod lab;
mod link;
mod log;
mod nc;
mod packets;
mod ping;
mod plot;
mod progress;
mod put;
mod record;
mod recording;
mod rudp;
mod serve;
mod services;
mod signals;
mod sim;
mod ss;
mod stats;
mod task;
mod top;
mod up;
mod web;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// A TCP/IP stack in user space that you can see through
///
/// glasstcp opens a Linux TUN device and answers the packets that the kernel sends there with a TCP/IP
/// stack of its own, so that ping, curl, telnet and a browser can talk to it, and you can watch what it
/// does and why.
#[derive(Debug, Parser)]
#[command(name = "glasstcp", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "\
Examples:
  sudo glasstcp up --netns glass        start it in a network namespace of its own
  sudo ip netns exec glass curl http://10.9.0.2/
  glasstcp help up                      everything about one command

Exit codes: 0 done, 1 it cannot be done (one sentence says why), 2 the command line cannot be
read.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(Box<up::Args>),
    Serve(serve::Args),
    Link(Box<link::Args>),
    Impair(impair::Args),
    Ss(Box<ss::Args>),
    Top(top::Args),
    Stats(stats::Args),
    Events(events::Args),
    Capture(capture::Args),
    Kill(kill::Args),
    Nc(Box<nc::Args>),
    Get(Box<get::Args>),
    Put(Box<put::Args>),
    Dns(Box<dns::Args>),
    Rudp(Box<rudp::Args>),
    Task(Box<task::Args>),
    Hello(Box<hello::Args>),
    Iperf(Box<iperf::Args>),
    Ping(Box<ping::Args>),
    Sim(Box<sim::Args>),
    Plot(Box<plot::Args>),
    Explain(explain::Args),
    Lab(lab::Args),
    Grade(grade::Args),
    Completions(completions::Args),
}

/// Does what the command line says.
pub fn run() -> ExitCode {
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(answer) => return print(&answer),
    };
    let result = match command {
        Command::Up(args) => args.plan().map_err(anyhow::Error::from).and_then(daemon::run),
        Command::Serve(args) => args.run(),
        Command::Link(args) => args.run(),
        Command::Impair(args) => args.run(),
        Command::Ss(args) => args.run(),
        Command::Top(args) => args.run(),
        Command::Stats(args) => args.run(),
        Command::Events(args) => args.run(),
        Command::Capture(args) => args.run(),
        Command::Kill(args) => args.run(),
        Command::Nc(args) => args.run(),
        Command::Get(args) => args.run(),
        Command::Put(args) => args.run(),
        Command::Dns(args) => args.run(),
        Command::Rudp(args) => args.run(),
        Command::Task(args) => args.run(),
        Command::Hello(args) => args.run(),
        Command::Iperf(args) => args.run(),
        Command::Ping(args) => return args.run(),
        Command::Sim(args) => args.run(),
        Command::Plot(args) => args.run(),
        Command::Explain(args) => args.run(),
        Command::Lab(args) => args.run(),
        Command::Grade(args) => return args.run(),
        Command::Completions(args) => args.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, 1),
    }
}

/// Prints help, the version, or what is wrong with the command line.
fn print(answer: &clap::Error) -> ExitCode {
    match answer.print().and_then(|()| io::stdout().flush()) {
        // Who stops reading, as `head` does, has read enough; and without standard error there is
        // nobody to tell.
        Err(error) if error.kind() != ErrorKind::BrokenPipe && !answer.use_stderr() => {
            fail(&unprinted(error), 1)
        }
        _ => ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(u8::MAX)),
    }
}

/// Prints to standard output. Who stops reading, as `head` does, has read enough.
fn say(text: &str) -> anyhow::Result<()> {
    say_if_read(text).map(drop)
}

/// The same, and whether anybody reads on.
fn say_if_read(text: &str) -> anyhow::Result<bool> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(unprinted(error)),
    }
}

/// What is wrong when results cannot be printed.
fn unprinted(error: io::Error) -> anyhow::Error {
    anyhow::Error::new(error).context("cannot write to standard output")
}

fn fail(error: &anyhow::Error, code: u8) -> ExitCode {
    log::last_sentence(format!("glasstcp: {error:#}"));
    ExitCode::from(code)
}

/// A connection of the kernel's takes a descriptor, and so does a file that is sent; the usual limit is
/// 1,024. Takes all that the system allows.
fn raise_file_limit() {
    // If it cannot be raised, what is above it waits; that is no reason not to begin.
    if let Ok((_soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

#[cfg(test)]
mod tests;
