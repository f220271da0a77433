//! Two applications that say line by line what they do, over one connection, and perhaps somebody who floods the
//! server meanwhile.
//!
//! ```text
//!   client --- router === the link === router --- server
//!                                        '------- attacker, whom no answer reaches
//! ```

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;

use super::Clock;
use super::flow::byte;
use super::record::Recorder;
use super::run::{Host, Observing, SharedWatch};
use super::world::{Ended, RouterId, World};
use crate::device::impair::{Change, Direction, Loss, Rule, Setting, Share, Spec};
use crate::net::{Net, TcpListener, TcpSocket, TcpStream};
use crate::stack::Config;
use crate::tcp;
use crate::time::{Duration, Instant};

/// The port of the server.
const PORT: u16 = 80;

/// What an application does; one thing after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It waits.
    Wait(Duration),
    /// It writes so many bytes.
    Write(usize),
    /// It reads so many bytes, or up to the end.
    Read(usize),
    /// It reads up to the end.
    ReadToEnd,
    /// It writes no more, and reads on.
    Shutdown,
    /// It closes both directions.
    Close,
    /// It breaks off with a reset.
    Reset,
}

/// SYNs to which nobody will ever answer (RFC 4987 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flood {
    /// How many.
    pub syns: u32,
    /// One each so often, from the beginning on.
    pub every: Duration,
}

/// What is played.
#[derive(Clone, Debug)]
pub struct Dialogue {
    /// The link between both; `out` is from the client to the server.
    pub link: Spec,
    /// The settings of connections at both ends.
    pub tcp: tcp::Config,
    /// How many connections may wait at the server, half open or not yet accepted.
    pub backlog: usize,
    /// Whether the server answers with cookies when these are all taken.
    pub syn_cookies: bool,
    /// Who floods the server.
    pub flood: Option<Flood>,
    /// When the client opens the connection.
    pub opens: Duration,
    /// What the client does once the connection is open.
    pub client: Vec<Act>,
    /// What the server does.
    pub server: Vec<Act>,
    /// When all is over.
    pub time_limit: Duration,
    /// From which all chance comes.
    pub seed: u64,
}

impl Default for Dialogue {
    fn default() -> Dialogue {
        Dialogue {
            link: Spec::default(),
            tcp: tcp::Config::default(),
            backlog: 128,
            syn_cookies: true,
            flood: None,
            opens: Duration::ZERO,
            client: Vec::new(),
            server: Vec::new(),
            time_limit: Duration::from_secs(120),
            seed: 1,
        }
    }
}

impl Dialogue {
    /// Plays it, up to its time limit even when both have nothing more to do; `watch` sees `client` and `server`.
    /// Gives what time it was in the end.
    ///
    /// # Panics
    /// When the stack does something that it must never do: a bug.
    pub fn play(&self, watch: SharedWatch) -> Duration {
        let mut world = World::new(self.seed);
        let (left, right) = (world.add_router(), world.add_router());
        let (out, back) = world.join(left, right, &self.link);
        world.route(left, None, out);
        world.route(right, None, back);
        let config = |config: Config| Config { tcp: self.tcp.clone(), ..config };
        let client = Host::join(&mut world, config, ("client", 0, 1), left);
        let config = |config: Config| Config {
            tcp: self.tcp.clone(),
            syn_cookies: self.syn_cookies,
            ..config
        };
        let server = Host::join(&mut world, config, ("server", 1, 1), right);
        for host in [&client, &server] {
            let name = world.name(host.id).to_owned();
            let watch = Some(watch.clone());
            let observer = Observing { recorder: Recorder::new(false), watch, name };
            world.set_observer(host.id, Box::new(observer));
        }
        let watched = [client.net.clone(), server.net.clone()];
        let to = SocketAddr::new(server.ip, PORT);
        if let Some(flood) = self.flood {
            start_flood(&mut world, flood, (right, to));
        }
        let (clock, acts, backlog) = (world.clock(), self.server.clone(), self.backlog);
        world.spawn_service(async move {
            // What comes of it is seen in the events.
            let _ = serve(&server.net, &clock, backlog, &acts).await;
        });
        let (clock, acts, opens) = (world.clock(), self.client.clone(), self.opens);
        world.spawn_service(async move {
            clock.sleep(opens).await;
            let _ = ask(&client.net, &clock, to, &acts).await;
        });
        let (clock, end) = (world.clock(), self.time_limit);
        world.spawn(async move { clock.sleep(end).await });
        let ended = world.run(Instant::ZERO + end);
        debug_assert_ne!(ended, Ended::Stuck);
        // That the world is taken down is no part of it.
        watched.iter().for_each(|net| net.set_observer(None));
        world.clock().now() - Instant::ZERO
    }
}

/// A host beside `router` that opens one connection after the other, and to which no packet ever comes.
fn start_flood(world: &mut World, flood: Flood, (router, to): (RouterId, SocketAddr)) {
    let own = world.add_router();
    // One SYN each: what is sent again would only make it longer.
    let tcp = tcp::Config { syn_retransmission_limit: 1, ..tcp::Config::default() };
    let config = |config: Config| Config { tcp, ..config };
    let attacker = Host::join(world, config, ("attacker", 2, 1), own);
    let (out, back) = world.join(own, router, &deaf());
    world.route(own, None, out);
    world.route(router, Some(attacker.ip), back);
    let (clock, net) = (world.clock(), attacker.net);
    world.spawn_service(async move {
        let mut open = Vec::new();
        for _ in 0..flood.syns {
            // Given up, they would be taken back.
            open.extend(TcpSocket::new(&net).open(to));
            clock.sleep(flood.every).await;
        }
        std::future::pending::<()>().await;
    });
}

/// A link through which nothing comes back.
fn deaf() -> Spec {
    let setting = Setting::Loss(Loss::independent(Share::ALL));
    let rule =
        Rule { direction: Some(Direction::In), at: Duration::ZERO, change: Change::Set(setting) };
    Spec { rules: vec![rule] }
}

/// The server: one connection, and no more.
async fn serve(net: &Net, clock: &Clock, backlog: usize, acts: &[Act]) -> io::Result<()> {
    let any = SocketAddr::from(([0, 0, 0, 0], PORT));
    let listener = TcpListener::bind_with_backlog(net, any, backlog).await?;
    let (stream, _) = listener.accept().await?;
    perform(stream, clock, acts).await?;
    // It goes on listening.
    std::future::pending().await
}

/// The client.
async fn ask(net: &Net, clock: &Clock, to: SocketAddr, acts: &[Act]) -> io::Result<()> {
    perform(TcpStream::connect(net, to).await?, clock, acts).await
}

/// Does one thing after the other; in the end it closes.
async fn perform(mut stream: TcpStream, clock: &Clock, acts: &[Act]) -> io::Result<()> {
    let mut written = 0;
    for act in acts {
        match *act {
            Act::Wait(time) => clock.sleep(time).await,
            Act::Write(bytes) => {
                let text: Bytes = (written..written + bytes as u64).map(byte).collect();
                written += bytes as u64;
                stream.write_chunk(text).await?;
            }
            Act::Read(bytes) => {
                let mut left = bytes;
                while left > 0
                    && let Some(chunk) = stream.read_chunk(left).await?
                {
                    left -= chunk.len();
                }
            }
            Act::ReadToEnd => while stream.read_chunk(1 << 16).await?.is_some() {},
            Act::Shutdown => tokio::io::AsyncWriteExt::shutdown(&mut stream).await?,
            Act::Close => break,
            Act::Reset => stream.set_linger(Some(Duration::ZERO))?,
        }
        if *act == Act::Reset {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
