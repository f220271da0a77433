//! The page: what a running stack does, live in a browser, served by the stack itself or over the kernel's TCP.
//!
//! ```text
//!   browser -- /glass/ --> guard --> assets            the page, which is in the binary
//!                                --> info              who it is, and what one may
//!                                --> events            server-sent events: a task on the viewers' thread for each
//!                                --> change            the link is made bad, a connection is ended
//! ```
//!
//! Events are those of the flight recorder, of which a page asks for the news ten times a second: so it costs the stack nothing
//! that is not done anyway, and what happened before the page was opened is on it. What a browser does not read in time is
//! not made, and of a connection on which more happens than anybody can read little is told.

mod assets;
mod change;
mod events;
mod exhibit;
mod guard;
mod payload;
mod reply;
mod rows;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::event::ConnId;
use crate::net::{Net, Watchers};
use crate::runtime::LinkHandle;
use crate::service::{InfoSource, Site};
use crate::tcp::Endpoints;

use events::Wanted;
pub use exhibit::Exhibit;
pub use guard::{Right, Token};
use payload::Tapped;
use reply::{Refused, Reply};
use rows::Cache;

/// Pages that may be told of events at the same time.
const MAX_VIEWERS: usize = 64;
/// Those of them that may be told what connections carry, for which each packet is looked at.
const MAX_PAYLOADS: usize = 4;

/// What the page is about.
pub struct Source {
    /// The stack.
    pub net: Net,
    /// Who sees its packets.
    pub watchers: Watchers,
    /// The link before it, if there is one that can be made bad.
    pub link: Option<LinkHandle>,
    /// What is counted, by name; a name has a line of its own.
    pub counters: Box<dyn Fn() -> Vec<(String, u64)> + Send + Sync>,
    /// The stack's addresses.
    pub addresses: Vec<IpAddr>,
    /// Where it is looked at what there is, so that nobody else is held up.
    pub viewers: Handle,
    /// Text of connections may be shown.
    pub payload: bool,
}

/// The page of a stack. Cloning gives another handle to the same.
#[derive(Clone)]
pub struct Web(Arc<Shared>);

struct Shared {
    source: Source,
    /// Tells this run of the stack from any other, in which connections have the same numbers.
    run: String,
    /// What there was lately, for all who look.
    cache: Cache,
    /// Places of those who look.
    places: Arc<Semaphore>,
    /// Places of those who look at what connections carry.
    payloads: Arc<Semaphore>,
}

/// What the page is told about where it is.
#[derive(Serialize)]
struct Welcome<'a> {
    version: &'static str,
    addresses: &'a [IpAddr],
    #[serde(skip_serializing_if = "Option::is_none")]
    own: Option<Endpoints>,
    may_change: bool,
    payload: bool,
    recorder: bool,
    link: bool,
}

impl Web {
    /// One about this.
    pub fn new(source: Source) -> Web {
        let places = |count| Arc::new(Semaphore::new(count));
        let (places, payloads) = (places(MAX_VIEWERS), places(MAX_PAYLOADS));
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let run = format!("{:x}", since.as_nanos());
        Web(Arc::new(Shared { source, run, cache: Cache::default(), places, payloads }))
    }

    /// It for a web server, whose clients have a right to change something or need a token. With `is_home` who asks for the
    /// root is sent there.
    pub fn site(&self, right: Right, is_home: bool) -> Site {
        let (shared, right) = (Arc::clone(&self.0), Arc::new(right));
        Site::new(is_home, move |request, info| {
            let (shared, right) = (Arc::clone(&shared), Arc::clone(&right));
            Box::pin(async move {
                let path = request.uri().path().to_owned();
                let reply = shared.answer(request, &info, &right).await;
                let reply = reply.unwrap_or_else(Refused::into_reply);
                log::debug!("web: {path}: {}", reply.status());
                reply
            })
        })
    }
}

impl Shared {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        info: &InfoSource,
        right: &Right,
    ) -> Result<Reply, Refused> {
        guard::check_origin(&request)?;
        let (head, body) = request.into_parts();
        let name = match head.uri.path().strip_prefix("/glass/") {
            Some(name) => name,
            None => return Ok(reply::moved("/glass/")),
        };
        let reads = head.method == Method::GET || head.method == Method::HEAD;
        match name {
            "impair" | "kill" => {
                if head.method != Method::POST {
                    return Err(Refused::Method("POST"));
                }
                right.check(&head.headers)?;
                let body = change::read(body).await?;
                match name {
                    "impair" => change::impair(&self.source, &body),
                    _ => change::kill(&self.source, &body),
                }
            }
            _ if !reads => Err(Refused::Method("GET, HEAD")),
            "info" => Ok(self.welcome(info, right)),
            "events" => {
                let wanted = self.wanted(info, head.uri.query())?;
                let place = place(&self.places, MAX_VIEWERS)?;
                Ok(self.stream(head.method, place, |all, out| events::tell(all, wanted, out)))
            }
            _ => assets::reply(name, &head.headers).ok_or(Refused::NotFound),
        }
    }

    fn welcome(&self, info: &InfoSource, right: &Right) -> Reply {
        let source = &self.source;
        let welcome = Welcome {
            version: env!("CARGO_PKG_VERSION"),
            addresses: &source.addresses,
            own: own(info),
            may_change: right.is_free(),
            payload: source.payload,
            recorder: source.net.records(),
            link: source.link.is_some(),
        };
        reply::json(StatusCode::OK, &welcome)
    }

    /// What somebody asks to be told of: a connection (`conn=7`), if any, and (`payload=1`) what it carries.
    fn wanted(&self, info: &InfoSource, query: Option<&str>) -> Result<Wanted, Refused> {
        let own = Arc::clone(info);
        let conn = value(query, "conn").map(str::parse).transpose();
        let conn = conn.map_err(|_| Refused::Conn)?.map(ConnId);
        if value(query, "payload") != Some("1") {
            return Ok(Wanted { own, conn, text: None });
        }
        let text = Some(self.text(conn.ok_or(Refused::Conn)?));
        Ok(Wanted { own, conn, text })
    }

    /// What a connection carries, if it may be shown and there is a place. Where it is refused everything else is told all
    /// the same: a browser that is refused the whole stream does not learn why.
    fn text(&self, conn: ConnId) -> Result<Tapped, Refused> {
        if !self.source.payload {
            return Err(Refused::NoPayload);
        }
        let place = place(&self.payloads, MAX_PAYLOADS)?;
        Tapped::new(&self.source, conn, place).ok_or(Refused::Conn)
    }

    /// A reply that goes on as long as a task on the viewers' thread has something to tell.
    fn stream<F>(
        self: Arc<Self>,
        method: Method,
        place: OwnedSemaphorePermit,
        tell: impl FnOnce(Arc<Shared>, reply::Sender) -> F,
    ) -> Reply
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (out, reply) = reply::stream();
        if method == Method::GET {
            let viewers = self.source.viewers.clone();
            let telling = tell(self, out);
            viewers.spawn(async move {
                telling.await;
                drop(place);
            });
        }
        reply
    }
}

/// A place of so many.
fn place(places: &Arc<Semaphore>, most: usize) -> Result<OwnedSemaphorePermit, Refused> {
    Arc::clone(places).try_acquire_owned().map_err(|_| Refused::TooMany(most))
}

/// The connection on which somebody asks, where it can be seen.
fn own(info: &InfoSource) -> Option<Endpoints> {
    info().map(|info| Endpoints { local: info.local, remote: info.remote })
}

/// The value of a name in what follows an address.
fn value<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    let mut pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.find_map(|(key, value)| (key == name).then_some(value))
}

#[cfg(test)]
mod tests;
