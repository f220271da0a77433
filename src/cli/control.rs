//! The control socket as the commands use it: where it is, and what is answered there.

use std::io;
use std::path::Path;

use anyhow::anyhow;
use glasstcp::control::{self, Answer, LinkStatus, Listener, Reply, Request, carry};
use glasstcp::device::impair::Spec;
use glasstcp::net::Net;
use glasstcp::runtime::LinkHandle;

/// Why there is no socket.
const NOWHERE: &str = "XDG_RUNTIME_DIR is not set, so there is no folder for a control socket, and neither 'glasstcp \
impair' nor --via can reach this one: choose a place with --control";

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
            log::warn!("{}; 'glasstcp impair' cannot reach this one", bind_error(&path, &error));
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

/// Why a link cannot be made bad.
const QUEUES: &str = "a device with several queues has no link that could be made bad: start glasstcp without --queues";

/// Answers what is asked of a link, and where there is a stack, opens what is asked of that.
pub fn handler(
    link: Option<LinkHandle>,
    net: Option<Net>,
) -> impl Fn(Request) -> Answer + Send + Sync + 'static {
    move |request| {
        let net = || net.clone().ok_or("there is no stack behind a link between two devices");
        let take = match request {
            Request::Impair { spec } => return impair(link.as_ref(), spec).into(),
            Request::Connect { to, within_ms } => {
                net().map(|net| carry::connect(net, to, within_ms))
            }
            Request::Listen { port } => net().map(|net| carry::listen(net, port)),
            Request::Datagrams { port } => net().map(|net| carry::datagrams(net, port)),
        };
        take.map_or_else(|why| Reply::Error(why.to_owned()).into(), Answer::Take)
    }
}

/// Changes the link, and says how it is then.
fn impair(link: Option<&LinkHandle>, spec: Option<String>) -> Reply {
    let Some(link) = link else {
        return Reply::Error(QUEUES.to_owned());
    };
    if let Some(spec) = spec {
        let parsed = spec.parse::<Spec>().map_err(|error| error.to_string());
        let applied = parsed.and_then(|spec| link.apply(&spec).map_err(|e| e.to_string()));
        if let Err(sentence) = applied {
            return Reply::Error(sentence);
        }
    }
    Reply::Link(LinkStatus::of(link))
}

#[cfg(test)]
mod tests;
