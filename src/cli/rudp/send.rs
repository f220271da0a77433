//! `glasstcp rudp send`.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::value_parser;
use glasstcp::client::rudp::{Sent, codec, send, sender};
use indicatif::{ProgressBar, ProgressStyle};

use super::super::client::{Client, explain};
use super::{Side, speed};

/// Room that a packet needs beside its data.
const HEADER: usize = codec::MAX_PACKET - codec::MAX_DATA;

/// Send a file
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The receiver's host: an address, or a name with --dns
    #[arg(value_name = "HOST")]
    host: String,

    /// The receiver's port
    #[arg(value_name = "PORT", value_parser = value_parser!(u16).range(1..))]
    port: u16,

    /// Packets that may be on the way, 1 to 64
    #[arg(long, value_name = "N", default_value = "5", value_parser = value_parser!(u64).range(1..=sender::MAX_WINDOW as u64))]
    window: u64,

    /// How long to wait for something new before everything goes again, in milliseconds
    #[arg(long, value_name = "MS", default_value = "500", value_parser = value_parser!(u64).range(1..=60_000))]
    rto: u64,

    /// The longest packet, in bytes, 64 to 1472; shorter ones for a link with a small MTU
    #[arg(long, value_name = "BYTES", default_value = "1472", value_parser = value_parser!(u64).range(64..=codec::MAX_PACKET as u64))]
    packet: u64,

    #[command(flatten)]
    side: Side,
}

impl Args {
    /// Sends it.
    pub fn run(self) -> anyhow::Result<()> {
        let Args { file: path, host, port, window, rto, packet, side } = self;
        let (file, len) = open(&path)?;
        let piece = packet as usize - HEADER;
        let selective = side.selective;
        side.run(async |client: &Client| {
            let to = SocketAddr::new(client.resolve(&host).await?, port);
            let socket = client.sockets.datagrams(0).await;
            let socket = socket.map_err(|error| explain("cannot make a UDP socket", error))?;
            let rto = Duration::from_millis(rto);
            let tries = client.timeout.as_nanos().div_ceil(rto.as_nanos());
            let tries = u32::try_from(tries).unwrap_or(u32::MAX);
            let config = sender::Config { window: window as usize, rto, tries, selective };
            let bar = progress(len);
            let file = tokio::io::BufReader::new(tokio::fs::File::from_std(file));
            let sent =
                send(&socket, to, file, (config, piece), |counts| bar.set_position(counts.bytes));
            let sent = sent.await;
            bar.finish_and_clear();
            print(&path, &sent.with_context(|| format!("{} was not sent", path.display()))?);
            Ok(())
        })
    }
}

/// The file, and how long it is if one can tell.
fn open(path: &Path) -> anyhow::Result<(File, Option<u64>)> {
    let name = path.display();
    let opened = File::open(path).and_then(|file| file.metadata().map(|found| (file, found)));
    let (file, found) = opened.with_context(|| format!("cannot read {name}"))?;
    ensure!(!found.is_dir(), "{name} is a folder: name a file, or make one of it with tar");
    let len = found.is_file().then_some(found.len());
    check(len.unwrap_or(0)).with_context(|| format!("cannot send {name}"))?;
    Ok((file, len))
}

/// Whether so many bytes can be sent.
fn check(len: u64) -> anyhow::Result<()> {
    let most = sender::MAX_FILE;
    ensure!(
        len <= most,
        "it has {len} bytes, and the numbers of the packets suffice for {most}: send it in parts"
    );
    Ok(())
}

/// Shows how far it is, if somebody looks.
fn progress(len: Option<u64>) -> ProgressBar {
    let Some(len) = len else { return super::spinner() };
    let style = "{bytes}/{total_bytes} {wide_bar} {bytes_per_sec} {eta}";
    let style =
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(len).with_style(style)
}

/// Says what was counted.
fn print(path: &Path, sent: &Sent) {
    let Sent { counts, sha256, took } = sent;
    let sender::Counts { packets, again, fast, timeouts, corrupt, duplicates, bytes, .. } = counts;
    let text = format!(
        "sent     {}: {}\n\
         packets  {packets}, {again} of them again: {fast} fast retransmissions, {timeouts} time-outs\n\
         answers  {corrupt} corrupt, {duplicates} duplicates\n\
         sha256   {sha256}\n",
        path.display(),
        speed(*bytes, *took),
    );
    // Without standard output there is nobody to tell.
    let _ = io::Write::write_all(&mut io::stdout(), text.as_bytes());
}

#[cfg(test)]
mod tests;
