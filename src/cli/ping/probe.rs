//! What sends requests and hears of them: one task for each way.
//!
//! ```text
//!   ping -- Request --> task: tcp | open | udp | icmp --> socket
//!        <-- News ----/
//! ```

mod icmp;
mod open;
mod tcp;
mod udp;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use glasstcp::client::Sockets;
use glasstcp::control::carry::ControlError;
use glasstcp::service::{InfoSource, no_info};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::board::Request;
use super::trouble::Trouble;

/// Requests that wait to be sent, and news that wait to be told.
const WAITING: usize = 1024;

/// How to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Lines over one connection.
    Tcp,
    /// A connection for each request, which is closed at once.
    Open,
    /// A datagram for each.
    Udp,
    /// ICMP echo requests with this time to live.
    Icmp {
        /// How many routers one may pass.
        ttl: u8,
    },
}

/// Whom to ask, and what.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Whom; for ICMP the port does not matter.
    pub to: SocketAddr,
    /// Bytes of a request.
    pub size: usize,
    /// How long a connection may take to open that is there for one request.
    pub patience: Duration,
    /// How long one may take that is there for all, and be silent when it has been asked something.
    pub silence: Duration,
}

/// Something has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// An answer.
    Answer {
        /// To which request, by what it says.
        request: Request,
        /// Whether it is what it should be.
        whole: bool,
        /// Its length in bytes.
        len: usize,
        /// What is left of its time to live, where that is seen.
        ttl: Option<u8>,
        /// When it came.
        at: Instant,
    },
    /// What cannot be told to which request it belongs; its length in bytes.
    Garbage(usize),
    /// A request has failed.
    Failed(u64, Trouble),
    /// All up to this one have failed.
    Broken(u64, Trouble),
    /// Nothing can be asked any more, and why: it is not what is pinged that has failed.
    Over(String),
}

impl News {
    /// The running glasstcp that was to be used cannot be, if that is why `error` happened.
    fn over(error: &std::io::Error) -> Option<News> {
        ControlError::of(error).map(|error| News::Over(error.to_string()))
    }
}

/// What asks.
pub struct Probe {
    requests: mpsc::Sender<Request>,
    news: mpsc::Receiver<News>,
    look: Look,
    /// Ends with this.
    _task: JoinSet<()>,
}

/// How to look at the connection that there is now.
#[derive(Clone)]
struct Look(Arc<Mutex<InfoSource>>);

impl Look {
    fn set(&self, info: InfoSource) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = info;
    }
}

impl Probe {
    /// Makes its socket and starts its task.
    ///
    /// # Errors
    /// Those of making the socket.
    pub async fn start(sockets: &Sockets, way: Way, target: Target) -> std::io::Result<Probe> {
        let (requests, asked) = mpsc::channel(WAITING);
        let (tells, news) = mpsc::channel(WAITING);
        let look = Look(Arc::new(Mutex::new(no_info())));
        let mut task = JoinSet::new();
        match way {
            Way::Tcp => {
                task.spawn(tcp::run(sockets.clone(), target, asked, tells, look.clone()));
            }
            Way::Open => {
                task.spawn(open::run(sockets.clone(), target, asked, tells));
            }
            Way::Udp => {
                let socket = sockets.datagrams(0).await?;
                task.spawn(udp::run(socket, target, asked, tells));
            }
            Way::Icmp { ttl } => {
                let socket = sockets.ping().await?;
                socket.set_ttl(ttl)?;
                task.spawn(icmp::run(socket, target, asked, tells));
            }
        }
        Ok(Probe { requests, news, look, _task: task })
    }

    /// Asks, unless too many requests wait already.
    pub fn ask(&self, request: Request) -> Result<(), Trouble> {
        let full = |_| Trouble::Local("too many requests wait to be sent".to_owned());
        self.requests.try_send(request).map_err(full)
    }

    /// The next news; cancel safe. `None` when there will be none, because the stack has gone.
    pub async fn news(&mut self) -> Option<News> {
        self.news.recv().await
    }

    /// Why there is no answer, as far as the network has said.
    pub fn reason(&self) -> Trouble {
        let look = self.look.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        look().and_then(|info| info.soft_error).map_or(Trouble::Silence, Trouble::from)
    }
}
