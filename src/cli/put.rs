//! `glasstcp put`: a file to a web server.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Context;
use glasstcp::client::http::{self, Upload};
use glasstcp::service::text::harmless_lines;

use super::client;
use super::progress::{Progress, explain};

/// Send a file to a web server
///
/// Speaks HTTP/1.1 (PUT) over a stack of its own, or over that of a running glasstcp (--via). What the
/// server says goes to standard output; size, time and SHA-256 of what was sent to standard error.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  glasstcp put notes.txt http://10.9.0.2/upload/ --link udp:127.0.0.1:0,127.0.0.1:7000
  sudo glasstcp put a http://10.9.0.1:8000/b --netns glass

Exit codes: 0 done, 1 it cannot be done (one sentence says why), 2 the command line cannot be read.")]
pub struct Args {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Where to put it; at a folder, which ends with a slash, it keeps its name
    #[arg(value_name = "URL")]
    url: String,

    /// Print the heads of replies to standard error
    #[arg(short, long)]
    include: bool,

    #[command(flatten)]
    client: client::Args,
}

impl Args {
    /// Sends it.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub fn run(self) -> anyhow::Result<()> {
        let Args { file, url, include, client } = self;
        let upload = Upload { path: file, url: http::target(&url).map_err(explain)? };
        let progress = Progress::new(io::stderr().is_terminal(), include);
        client.run(async |client| {
            let watch = progress.clone();
            let sent = upload.run(&client.dialer(), move |seen| watch.see(seen)).await;
            let (done, reply, words) = sent.map_err(explain)?;
            progress.see(http::Seen::Head(&reply.head));
            progress.end("sent", &done);
            let mut text = format!("{} {}\n", reply.head.status(), reply.url).into_bytes();
            match io::stdout().is_terminal() {
                true => text.extend(harmless_lines(&String::from_utf8_lossy(&words)).bytes()),
                false => text.extend(words),
            }
            io::stdout().write_all(&text).context("cannot write what the server says")
        })
    }
}
