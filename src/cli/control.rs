//! The control socket as the commands use it: where it is, and what is answered there.

use std::io::{self, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use glasstcp::control::{self, Answer, Listener, Reply, Request, carry};
use glasstcp::event::State;
use glasstcp::observe::capture::Filter;
use glasstcp::runtime::LinkHandle;
use glasstcp::service::text::harmless_line;
use glasstcp::tcp::Endpoints;

use super::host::Counts;

/// Why there is no socket.
const NOWHERE: &str = "XDG_RUNTIME_DIR is not set, so there is no folder for a control socket, and neither 'glasstcp \
ss' and its like nor --via can reach this one: choose a place with --control";

/// The name under which the socket of what runs on a device is found.
pub fn socket_name(device: &str, netns: Option<&str>) -> String {
    netns.map_or_else(|| device.to_owned(), |netns| format!("{device}@{netns}"))
}

/// Makes the socket `asked` for, or the usual one for `name`. Where that cannot be it goes without, with a
/// warning.
///
/// # Errors
/// When the socket that was asked for cannot be made.
pub fn place(asked: Option<&Path>, name: &str) -> anyhow::Result<Option<Listener>> {
    if let Some(path) = asked {
        return match Listener::bind(path) {
            Ok(listener) => Ok(Some(listener)),
            Err(error) => Err(anyhow!(bind_error(path, &error))),
        };
    }
    let Some(path) = control::named(name) else {
        log::warn!("{NOWHERE}");
        return Ok(None);
    };
    match Listener::bind(&path) {
        Ok(listener) => Ok(Some(listener)),
        Err(error) => {
            log::warn!(
                "{}; 'glasstcp ss' and its like cannot reach this one",
                bind_error(&path, &error)
            );
            Ok(None)
        }
    }
}

/// Why there can be no socket at `path`, and what to do.
fn bind_error(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("another glasstcp listens on {path}: choose another place with --control")
        }
        io::ErrorKind::AlreadyExists => {
            format!("{path} is there already and no socket: choose another place with --control")
        }
        _ => format!("cannot listen on {path}: {error}; choose another place with --control"),
    }
}

/// Which running glasstcp is meant.
#[derive(Clone, Debug, clap::Args)]
pub struct Whom {
    /// The control socket of the one that is meant, if several run
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,
}

impl Whom {
    /// Its socket: the one that was named, or the only one there is.
    ///
    /// # Errors
    /// When there is none, or several are.
    pub fn path(self) -> anyhow::Result<PathBuf> {
        match self.control {
            Some(path) => Ok(path),
            None => only_one(),
        }
    }

    /// The one with this socket.
    pub fn at(path: PathBuf) -> Whom {
        Whom { control: Some(path) }
    }

    /// Asks it.
    ///
    /// # Errors
    /// When it cannot be asked, or has refused: a sentence that says what to do.
    pub fn ask(self, request: &Request) -> anyhow::Result<Reply> {
        let path = self.path()?;
        let reply = control::ask(&path, request);
        granted(reply.map_err(|error| anyhow!(ask_error(&path, &error)))?)
    }

    /// Asks it for what follows its reply.
    ///
    /// # Errors
    /// The same.
    pub fn ask_for_lines(
        self,
        request: &Request,
    ) -> anyhow::Result<(Reply, BufReader<UnixStream>)> {
        let path = self.path()?;
        let asked = control::ask_for_lines(&path, request);
        let (reply, lines) = asked.map_err(|error| anyhow!(ask_error(&path, &error)))?;
        Ok((granted(reply)?, lines))
    }

    /// The same where many replies tell of it, each of which is given to `each`, but the last.
    ///
    /// # Errors
    /// The same, and those of `each`.
    pub fn ask_for_all(
        self,
        request: &Request,
        mut each: impl FnMut(Reply) -> anyhow::Result<()>,
    ) -> anyhow::Result<Reply> {
        let path = self.path()?;
        let mut failed = None;
        let reply = control::ask_for_all(&path, request, |reply| {
            each(reply).map_err(|error| {
                failed = Some(error);
                io::ErrorKind::Other.into()
            })
        });
        match failed {
            Some(error) => Err(error),
            None => granted(reply.map_err(|error| anyhow!(ask_error(&path, &error)))?),
        }
    }
}

/// What one says to a request of which it does not know everything.
const UNKNOWN: [&str; 2] = ["unknown variant", "unknown field"];

/// What it is that was answered, unless it is a refusal.
fn granted(reply: Reply) -> anyhow::Result<Reply> {
    match reply {
        // It lists what it knows.
        Reply::Error(sentence) if UNKNOWN.iter().any(|unknown| sentence.contains(unknown)) => {
            Err(anyhow!(
                "the running glasstcp is of another version than this one, {} (version {} of the control protocol), and \
                 does not know this command: use the same version of both",
                env!("CARGO_PKG_VERSION"),
                control::VERSION
            ))
        }
        Reply::Error(sentence) => Err(anyhow!(harmless_line(&sentence))),
        reply => Ok(reply),
    }
}

/// What is said of a reply that nobody asked for.
pub const SOMETHING_ELSE: &str = "it has answered something else";

/// The only socket there is.
fn only_one() -> anyhow::Result<PathBuf> {
    let mut running = control::running();
    match running.len() {
        0 if !control::running_as_root().is_empty() => bail!(
            "the glasstcp that runs here was started by root, and nobody else may ask it: use sudo"
        ),
        0 => bail!(
            "no glasstcp runs here that could be asked: start one with 'glasstcp up' or 'glasstcp link', or name its socket with --control (as root, if it was started as root)"
        ),
        1 => Ok(running.remove(0)),
        _ => {
            let all: Vec<_> = running.iter().map(|path| path.display().to_string()).collect();
            bail!("several run here: choose one with --control, of {}", all.join(", "))
        }
    }
}

/// Says that nothing more will come: somebody who follows would wait, or take it for a fault.
pub fn say_ended() {
    eprintln!("the running glasstcp has ended");
}

/// Why nobody answers at `path`, and what to do.
fn ask_error(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            format!("no glasstcp listens on {path}: look whether it still runs")
        }
        io::ErrorKind::PermissionDenied => {
            format!("not permitted to use {path}: use the user who has started it, or sudo")
        }
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe => {
            format!("the glasstcp at {path} has ended before it had answered")
        }
        io::ErrorKind::InvalidData => format!(
            "the glasstcp at {path} answers what this one does not understand: use the same version of both ({})",
            harmless_line(&error.to_string())
        ),
        io::ErrorKind::WouldBlock => {
            format!("the glasstcp at {path} does not answer: it is stopped, or others keep it busy")
        }
        _ => format!("no answer from {path}: {error}"),
    }
}

/// Answers what is asked of a link, and where there is a stack, opens what is asked of that.
pub fn handler(
    link: Option<LinkHandle>,
    counts: Option<Counts>,
) -> impl Fn(Request) -> Answer + Send + Sync + 'static {
    let answer = move |request| -> Result<Answer, &'static str> {
        let counts = counts.as_ref().ok_or("there is no stack behind a link between two devices");
        let net = || counts.map(|counts| counts.net().clone());
        Ok(match request {
            Request::Impair { spec } => {
                let changed = control::impair(link.as_ref(), spec.as_deref());
                changed.map_or_else(Reply::Error, Reply::Link).into()
            }
            Request::Connect { to, within_ms } => {
                Answer::Take(carry::connect(net()?, to, within_ms))
            }
            Request::Listen { port } => Answer::Take(carry::listen(net()?, port)),
            Request::Datagrams { port } => Answer::Take(carry::datagrams(net()?, port)),
            // Each socket is compared with all of them.
            Request::Sockets { filter } if filter.states.len() > State::ALL.len() => {
                return Err("there are not so many states: name each once");
            }
            Request::Sockets { filter } => match filter.unknown_state() {
                Some(name) => {
                    let name = harmless_line(name);
                    Reply::Error(format!("no socket is ever in the state '{name}'")).into()
                }
                None => Answer::Tell(control::list(net()?, filter)),
            },
            Request::Events { conn, style } => {
                Answer::Tell(control::events(counts?.watchers().clone(), conn, style))
            }
            Request::Recorded { conn, style } => {
                Answer::Tell(control::recorded(net()?, conn, style))
            }
            Request::Capture { filter, snaplen } => match filter.parse::<Filter>() {
                Ok(filter) => {
                    Answer::Tell(control::capture(counts?.watchers().clone(), filter, snaplen))
                }
                Err(error) => Reply::Error(error.to_string()).into(),
            },
            Request::Stats {} => Reply::Stats(counts?.rows()).into(),
            Request::Metrics {} => Answer::Tell(control::tell_metrics(counts?.metrics().clone())),
            Request::Kill { local, remote } => {
                let killed = net()?.kill(Endpoints { local, remote });
                Reply::Done { count: killed.into() }.into()
            }
        })
    };
    move |request| answer(request).unwrap_or_else(|why| Reply::Error(why.to_owned()).into())
}

#[cfg(test)]
mod tests;
