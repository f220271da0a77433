//! What the commands share that go to others: with a stack of their own, or that of a running glasstcp.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use glasstcp::client::dial::{DialError, Dialer};
use glasstcp::client::dns::{self, LookupError};
use glasstcp::client::{Connection, Sockets};
use glasstcp::control;
use glasstcp::control::carry::ControlError;
use tokio::sync::watch;

use super::host::{self, Host, Plan, Role};
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
    #[arg(long, value_name = "SOCKET", conflicts_with_all = ["dev", "addr", "stack_addr", "netns", "offload", "checksum", "link", "impair", "drop", "transcript"])]
    via: Option<PathBuf>,

    /// Ask this DNS server for the addresses of names, over the same stack
    #[arg(long, value_name = "SERVER[:PORT]", value_parser = dns_server)]
    dns: Option<SocketAddr>,

    /// Give up after so long without an answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    timeout: Duration,
}

/// The longest time that can be given: more is more than the clock can count to.
const SECONDS_MAX: f64 = 31_536_000.0;

/// What a client works with.
pub struct Client {
    /// What makes its sockets.
    pub sockets: Sockets,
    /// How long it waits for an answer.
    pub timeout: Duration,
    /// The DNS server that it asks for names, if there is one.
    pub dns: Option<SocketAddr>,
    /// Whether a signal has told it to end.
    told: watch::Sender<bool>,
}

impl Client {
    /// One that nobody has told to end.
    pub fn new(sockets: Sockets, timeout: Duration, dns: Option<SocketAddr>) -> Client {
        Client { sockets, timeout, dns, told: watch::Sender::new(false) }
    }

    /// Ready when a signal says to end. Who waits for this when it comes has the time to finish by itself,
    /// until the next signal; who does not is ended at once.
    pub async fn stopped(&self) {
        // The sender is here, so it does not fail.
        let _ = self.told.subscribe().wait_for(|told| *told).await;
    }

    /// The address of a host, which is given as an address or by a name.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub async fn resolve(&self, host: &str) -> anyhow::Result<IpAddr> {
        self.dialer().resolve(host).await.map_err(sentence)
    }

    /// Opens a connection to a host, which is given as an address or by a name.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub async fn connect(&self, host: &str, port: u16) -> anyhow::Result<Connection> {
        self.dialer().connect(host, port).await.map_err(sentence)
    }

    /// What finds hosts and connects to them.
    pub fn dialer(&self) -> Dialer {
        Dialer { sockets: self.sockets.clone(), dns: self.dns, timeout: self.timeout }
    }
}

impl Args {
    /// Brings up what is asked for, has `work` done with it, and takes everything back, also when a signal ends it
    /// before.
    ///
    /// # Errors
    /// What `work` fails with, that it cannot be begun, and that a signal has ended it.
    pub fn run<T>(self, work: impl AsyncFnOnce(&Client) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let way = match self.via {
            Some(asked) => Way::Given(Sockets::Daemon(socket(asked))),
            None => Way::Own(self.host.plan(Role::Client)?),
        };
        self::run(way, (self.timeout, self.dns), work)
    }

    /// The same over sockets of the kernel.
    ///
    /// # Errors
    /// Those of [`Args::run`].
    pub fn run_over_kernel<T>(
        self,
        work: impl AsyncFnOnce(&Client) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        self::run(Way::Given(Sockets::Kernel), (self.timeout, self.dns), work)
    }
}

/// How the sockets are come by.
enum Way {
    /// They are there.
    Given(Sockets),
    /// By a stack that is brought up.
    Own(Plan),
}

fn run<T>(
    way: Way,
    (timeout, dns): (Duration, Option<SocketAddr>),
    work: impl AsyncFnOnce(&Client) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let detail = match &way {
        Way::Given(_) => Detail::Warnings,
        Way::Own(plan) => plan.detail,
    };
    let printer = log::init(detail);
    super::raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(async {
        let mut signals = Signals::new().context("cannot handle signals")?;
        let plan = match way {
            Way::Own(plan) => plan,
            Way::Given(sockets) => {
                let client = Client::new(sockets, timeout, dns);
                return until_told(&mut signals, &client, work(&client)).await;
            }
        };
        let mut host = Host::start(&plan)?;
        let client = Client::new(Sockets::Stack(host.net().clone()), timeout, dns);
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
    let wanted = || "give a number of seconds above 0, as 2 or 0.5".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wanted())?;
    if seconds > SECONDS_MAX {
        return Err(format!("give at most {SECONDS_MAX} seconds, which is a year"));
    }
    let time = Duration::try_from_secs_f64(seconds).ok();
    time.filter(|time| !time.is_zero()).ok_or_else(wanted)
}

/// A server that answers questions, at DNS's port unless another one is given.
pub fn dns_server(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse().map(|address: Ipv4Addr| SocketAddrV4::new(address, dns::PORT));
    let place = address.or_else(|_| text.parse()).ok().filter(|place| place.port() != 0);
    place.map(SocketAddr::V4).ok_or_else(|| {
        format!("'{text}' is not an IPv4 address: write it as 10.9.0.1 or 10.9.0.1:5353")
    })
}

/// Why there is no connection, and what to do.
pub fn sentence(error: DialError) -> anyhow::Error {
    match error {
        DialError::Connect(to, error) => explain(&format!("cannot connect to {to}"), error),
        DialError::Lookup(error) => unanswered(error),
        other => other.into(),
    }
}

/// Why a name has no answer, and what to do.
pub fn unanswered(error: LookupError) -> anyhow::Error {
    match error {
        LookupError::Io(server, way, error) => {
            explain(&format!("cannot ask the DNS server {server} over {way}"), error)
        }
        other => other.into(),
    }
}

/// Why nothing can be opened, in words of what was wanted; but that a running glasstcp cannot be used has nothing to do
/// with that.
pub fn explain(what: &str, error: std::io::Error) -> anyhow::Error {
    match ControlError::of(&error) {
        None | Some(ControlError::Gone) => anyhow!("{what}: {error}"),
        Some(_) => anyhow!("{error}"),
    }
}
