//! `glasstcp get`: a file from a web server.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::path::PathBuf;

use anyhow::Context;
use glasstcp::client::http::{self, Download, Output};

use super::client;
use super::progress::{Progress, explain, explain_fetching, is_stdout};

/// Fetch a file from a web server
///
/// Speaks HTTP/1.1 over a stack of its own, or over that of a running glasstcp (--via). A file has its
/// name only when it is whole. Its size, the time and its SHA-256 are printed to standard error.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo glasstcp get http://10.9.0.1:8000/file -o file --netns glass
  glasstcp get http://10.9.0.2/ --link udp:127.0.0.1:0,127.0.0.1:7000
  sudo glasstcp get http://www.example.org/file -o file -C --dns 10.9.0.1 --netns glass

Exit codes: 0 done, 1 it cannot be done (one sentence says why), 2 the command line cannot be read.")]
pub struct Args {
    /// Where it is
    #[arg(value_name = "URL")]
    url: String,

    /// Where to put it; without this, or with -, it goes to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Keep what has come as FILE.part if the rest does not, and go on from there the next time, if it has not
    /// changed
    #[arg(short = 'C', long = "continue", requires = "output")]
    keep: bool,

    /// Fail, and keep nothing, unless this is its SHA-256
    #[arg(long, value_name = "HEX", value_parser = sum)]
    sha256: Option<Sum>,

    /// Print the heads of replies to standard error
    #[arg(short, long)]
    include: bool,

    #[command(flatten)]
    client: client::Args,
}

/// A SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sum([u8; 32]);

impl Args {
    /// Fetches it.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub fn run(self) -> anyhow::Result<()> {
        let Args { url, output, keep, sha256, include, client } = self;
        let url = http::target(&url).map_err(explain)?;
        let printed = is_stdout(output.as_deref());
        let output = match output.filter(|_| !printed) {
            Some(path) => Output::File { path, keep },
            None => {
                let stdout = io::stdout().as_fd().try_clone_to_owned();
                let stdout = stdout.context("cannot write to standard output")?;
                Output::Stream(Box::new(File::from(stdout)), "to standard output".to_owned())
            }
        };
        let shown = io::stderr().is_terminal() && !(printed && io::stdout().is_terminal());
        let progress = Progress::new(shown, include);
        let download = Download { url, output, sha256: sha256.map(|sum| sum.0) };
        client.run(async |client| {
            let done = download.run(&client.dialer(), |seen| progress.see(seen)).await;
            progress.end("received", &done.map_err(explain_fetching)?);
            Ok(())
        })
    }
}

/// 64 hexadecimal digits.
fn sum(text: &str) -> Result<Sum, String> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| Some(digit.to_digit(16)? as u8)).collect();
    let bytes = digits.map(|digits| {
        digits.chunks(2).map(|two| two[0] << 4 | two[two.len() - 1]).collect::<Vec<_>>()
    });
    match bytes.filter(|_| text.len() == 64).and_then(|bytes| bytes.try_into().ok()) {
        Some(bytes) => Ok(Sum(bytes)),
        None => Err("a SHA-256 has 64 hexadecimal digits, as sha256sum prints them".to_owned()),
    }
}

#[cfg(test)]
mod tests;
