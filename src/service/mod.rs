//! The services one can talk to: echo, discard, daytime, chargen, DNS, HTTP, iperf3, hello, ping and tasks.
//!
//! A service is an async function over any [`Stream`] of bytes, so it runs over this stack, over a
//! kernel socket and over a pipe in memory alike. It knows nothing of the stack but
//! [`tcp::Info`], which the welcome page shows, and the names of its congestion controls.
//!
//! ```text
//! --serve NAME[:PORT][,cc=..] -> registry::plan -> accept::serve_listener -> serve_tcp -> echo, ..., ping
//!                                               -> accept::serve_socket   -> answer_udp, dns
//! ```

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

use crate::tcp;

pub mod accept;
pub(crate) mod buffered;
pub mod calc;
pub mod chargen;
pub mod daytime;
pub mod discard;
pub mod dns;
pub mod echo;
pub mod hello;
pub mod http;
pub mod iperf;
mod metrics;
mod over_stack;
pub mod ping;
pub mod registry;
mod room;
mod stream;
pub mod tasks;
pub mod text;

pub use accept::{Accept, Datagrams, Tally, serve_listener, serve_socket};
pub use http::{Answered, Limits, Pages, Site, SiteBody, Www};
pub use metrics::Metrics;
pub use registry::{Service, ServiceSpec};
pub use room::Room;
pub use stream::{Drain, DrainBuf, Stream, WriteChunk};

/// Looks at the connection under a stream; `None` where there is nothing to see, as over a kernel
/// socket.
pub type InfoSource = Arc<dyn Fn() -> Option<tcp::Info> + Send + Sync>;

/// An [`InfoSource`] that sees nothing.
pub fn no_info() -> InfoSource {
    Arc::new(|| None)
}

/// How the addresses of a name are found; the error is a sentence for whoever has asked.
#[derive(Clone)]
pub struct Resolve {
    find: Arc<dyn Fn(String) -> Found + Send + Sync>,
    places: Arc<Semaphore>,
}

/// Names that are looked for at a time, each of which takes a socket and a buffer; more wait.
const LOOKUPS: usize = 512;

/// The addresses of a name, later.
pub type Found = BoxFuture<'static, Result<Vec<IpAddr>, String>>;

impl Resolve {
    /// Finds them by `resolve`, which gives up by itself in reasonable time.
    pub fn new(resolve: impl Fn(String) -> Found + Send + Sync + 'static) -> Resolve {
        Resolve { find: Arc::new(resolve), places: Arc::new(Semaphore::new(LOOKUPS)) }
    }

    /// The addresses of `name`, which is looked for when it is its turn.
    async fn ask(&self, name: String) -> Result<Vec<IpAddr>, String> {
        let _place = self.places.acquire().await.map_err(|error| error.to_string())?;
        (self.find)(name).await
    }
}

impl fmt::Debug for Resolve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolve")
    }
}

/// What the services need to know about where they run; shared by all connections.
#[derive(Clone, Debug, Default)]
pub struct ServiceContext {
    /// The folder that HTTP serves and stores uploads in, and whose files tasks ask for, if there is one.
    pub www: Option<Www>,
    /// The addresses of the stack, where it is reached.
    pub addresses: Vec<IpAddr>,
    /// What runs, and on which port, for the welcome page.
    pub services: Vec<ServiceSpec>,
    /// The network namespace from which the stack is reached, for the welcome page.
    pub netns: Option<String>,
    /// Which requests ping does not answer.
    pub ping_loss: Arc<ping::Loss>,
    /// How patient HTTP is, and with it hello, ping and tasks.
    pub limits: Limits,
    /// How tasks find names, if they can.
    pub resolve: Option<Resolve>,
    /// Whom DNS hands questions on to; without anybody it fails them all.
    pub forward: Option<dns::Forward>,
    /// Through which tasks read files, so that however many ask it takes a few threads.
    pub disk: Arc<tasks::Disk>,
    /// The tests of iperf3 that are going on.
    pub iperf: iperf::Tests,
    /// The memory for pieces of files that HTTP and tasks send.
    pub room: Room,
    /// How many connections there were.
    pub tally: Arc<Tally>,
    /// What the stack has counted, for `/metrics` of HTTP; without a stack there is nothing.
    pub metrics: Option<Metrics>,
    /// The page that shows it, below `/glass/` of HTTP.
    pub site: Option<Site>,
    /// What the welcome page keeps; it makes it itself.
    pub welcome: Pages,
}

/// Runs one service over one connection until either side ends it.
///
/// # Errors
/// What reading and writing the stream gave. The stream is gone by then; there is nothing to do
/// but to log it.
pub async fn serve_tcp<S: Stream>(
    service: Service,
    stream: S,
    context: &Arc<ServiceContext>,
) -> io::Result<()> {
    match service {
        Service::Echo => echo::serve(stream).await,
        Service::Discard => discard::serve(stream).await,
        Service::Daytime => daytime::serve(stream).await,
        Service::Chargen => chargen::serve(stream).await,
        Service::Ping => ping::serve(stream, &context.ping_loss, context.limits.stall).await,
        // Much larger than the others, which would have to be as large.
        Service::Http => {
            let info = stream.info();
            Box::pin(http::serve(stream, Arc::clone(context), info)).await
        }
        Service::Dns => Box::pin(dns::serve(stream, Arc::clone(context))).await,
        Service::Iperf3 => Box::pin(iperf::serve(stream, Arc::clone(context))).await,
        Service::Hello => Box::pin(hello::serve(stream, context.limits.head)).await,
        Service::Tasks => Box::pin(tasks::serve(stream, Arc::clone(context))).await,
    }
}

/// The answer of a service to one datagram; `None` when it does not answer, or not at once, as DNS, which decides for
/// itself whom it answers.
///
/// A datagram from a port under 1024 is not answered, nor one from the port of ping: it comes from
/// another service, and two services that answer each other never stop (CERT CA-1996-01).
pub fn answer_udp(
    service: Service,
    from: SocketAddr,
    request: &[u8],
    context: &ServiceContext,
) -> Option<Bytes> {
    if from.port() < 1024 || from.port() == Service::Ping.default_port() {
        return None;
    }
    match service {
        Service::Echo => echo::answer(request),
        Service::Discard => discard::answer(request),
        Service::Daytime => daytime::answer(request),
        Service::Ping => ping::answer(request, &context.ping_loss),
        Service::Chargen
        | Service::Dns
        | Service::Http
        | Service::Iperf3
        | Service::Hello
        | Service::Tasks => None,
    }
}
