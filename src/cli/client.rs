//! What the commands share that go to others: with a stack of their own, or that of a running glasstcp.

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use glasstcp::client::Sockets;
use glasstcp::control;
use tokio::sync::watch;

use super::host::{self, Host, Role};
use super::log::{self, Detail};
use super::signals::Signals;

/// How a client reaches others.
#[derive(Debug, clap::Args)]
#[group(id = "way")]
pub struct Args {
    #[command(flatten)]
    host: host::Args,

    /// Use the stack of a running glasstcp instead of bringing one up: the path of its control socket, or its
    /// name, such as glass0 or glass0@NETNS
    #[arg(long, value_name = "SOCKET", conflicts_with_all = ["dev", "addr", "stack_addr", "netns", "link", "impair"])]
    via: Option<PathBuf>,

    /// Give up after so long without an answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    timeout: Duration,
}

/// What a client works with.
pub struct Client {
    /// What makes its sockets.
    pub sockets: Sockets,
    /// How long it waits for an answer.
    pub timeout: Duration,
    /// Whether a signal has told it to end.
    told: watch::Sender<bool>,
}

impl Client {
    /// One that nobody has told to end.
    pub fn new(sockets: Sockets, timeout: Duration) -> Client {
        Client { sockets, timeout, told: watch::Sender::new(false) }
    }

    /// Ready when a signal says to end. Who waits for this when it comes has the time to finish by itself,
    /// until the next signal; who does not is ended at once.
    pub async fn stopped(&self) {
        // The sender is here, so it does not fail.
        let _ = self.told.subscribe().wait_for(|told| *told).await;
    }
}

impl Args {
    /// Brings up what is asked for, has `work` done with it, and takes everything back, also when a signal ends it
    /// before.
    ///
    /// # Errors
    /// What `work` fails with, that it cannot be begun, and that a signal has ended it.
    pub fn run<T>(self, work: impl AsyncFnOnce(&Client) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let timeout = self.timeout;
        let plan = match &self.via {
            Some(_) => None,
            None => Some(self.host.plan(Role::Client)?),
        };
        let printer = log::init(plan.as_ref().map_or(Detail::Warnings, |plan| plan.detail));
        super::raise_file_limit();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        let result = runtime.block_on(async {
            let mut signals = Signals::new().context("cannot handle signals")?;
            let Some(plan) = plan else {
                let sockets = Sockets::Daemon(socket(self.via.unwrap_or_default()));
                let client = Client::new(sockets, timeout);
                return until_told(&mut signals, &client, work(&client)).await;
            };
            let mut host = Host::start(&plan)?;
            let client = Client::new(Sockets::Stack(host.net().clone()), timeout);
            let done = tokio::select! {
                done = until_told(&mut signals, &client, work(&client)) => done,
                error = host.ended() => Err(error),
            };
            drop(client);
            host.close(signals.until_end()).await;
            host.end().await;
            done
        });
        // A thread that waits for standard input must not hold up the end.
        runtime.shutdown_background();
        printer.finish();
        result
    }
}

/// Does the work, unless a signal comes first and the work does not wait for that, or a second one comes.
async fn until_told<T>(
    signals: &mut Signals,
    client: &Client,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let mut work = pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = signals.until_end() => {}
    }
    if client.told.receiver_count() > 0 {
        client.told.send_replace(true);
        tokio::select! {
            done = work => return done,
            () = signals.until_end() => {}
        }
    }
    bail!("ended by a signal")
}

/// The control socket that is meant by a path, or by a name without a slash.
fn socket(asked: PathBuf) -> PathBuf {
    let named = asked.to_str().filter(|name| !name.contains('/')).and_then(control::named);
    named.filter(|path| path.exists()).unwrap_or(asked)
}

/// A time in seconds, such as 2 or 0.5.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "give a number of seconds above 0, as 2 or 0.5".to_owned())
}

/// Why nothing can be opened through the daemon, or over the stack, in words of what was wanted.
pub fn explain(what: &str, error: std::io::Error) -> anyhow::Error {
    match error.kind() {
        std::io::ErrorKind::NotFound => anyhow!(
            "{what}: there is no such control socket: look with 'ls /run/glasstcp' what runs, or leave --via out"
        ),
        std::io::ErrorKind::PermissionDenied => {
            anyhow!("{what}: this user may not use the control socket: run it with sudo")
        }
        _ => anyhow!("{what}: {error}"),
    }
}
