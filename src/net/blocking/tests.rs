//! Two stacks joined by a wire in memory, each on a thread of its own, in real time.

mod calls;
mod end;
mod stress;
mod tcp;
mod udp;

use std::io;
use std::net::IpAddr;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::{Net, TcpListener, TcpStream};
use crate::device::memory;
use crate::runtime;
use crate::stack::{Config, Stack};

/// Longer than any test takes that does not hang.
const PATIENCE: Duration = Duration::from_secs(120);
/// Long enough for something to happen that should not, or for threads to come to wait.
const MOMENT: Duration = Duration::from_millis(30);

const SERVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

/// Runs a test on a thread of its own, and fails when it hangs.
pub(super) fn within_patience(test: impl FnOnce() + Send + 'static) {
    let (tell, told) = mpsc::channel::<()>();
    let thread = thread::spawn(move || {
        let _dropped_at_the_end = tell;
        test();
    });
    assert_eq!(told.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected), "the test hangs");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Two stacks and their threads, which end with it.
struct World {
    server: Net,
    client: Net,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

fn world() -> World {
    world_of(|_| {})
}

/// A world with other settings.
fn world_of(change: impl Fn(&mut Config)) -> World {
    let (one, other) = memory::pair(1500);
    let start = |ip, seed, device| {
        let mut config = Config::new(ip, 24, [seed; 32]);
        change(&mut config);
        runtime::start_thread(Stack::new(config), device).unwrap()
    };
    let (server, server_thread) = start(SERVER, 1, one);
    let (client, client_thread) = start(CLIENT, 2, other);
    World { server, client, threads: vec![server_thread, client_thread] }
}

impl World {
    /// A connection between the two: the client's end and the server's.
    fn connect(&self) -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind(&self.server, (SERVER, 0)).unwrap();
        let client = TcpStream::connect(&self.client, listener.local_addr().unwrap()).unwrap();
        let (server, peer) = listener.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        (client, server)
    }

    /// Waits until no connection is left on either side.
    fn until_all_is_closed(&self) {
        for net in [&self.server, &self.client] {
            while net.connection_count() > 0 {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.stop();
        self.client.stop();
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(thread::panicking() || matches!(ended, Ok(Ok(()))), "{ended:?}");
        }
    }
}

/// Bytes in which every position can be told from its neighbours.
fn pattern(len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[test]
fn handles_are_send_and_sync() {
    fn check<T: Send + Sync>() {}
    check::<TcpListener>();
    check::<TcpStream>();
    check::<super::UdpSocket>();
}
