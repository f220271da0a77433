//! A stack of the test's own, for peers that no command is.

use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

use glasstcp::device::udp_link::UdpLink;
use glasstcp::net::Net;
use glasstcp::runtime::{self, FdDevice};
use glasstcp::stack::{Config, Stack};
use glasstcp::time;
use tokio::sync::oneshot;

/// A stack at 10.9.0.2 on a thread of its own, until this goes.
pub struct Inner {
    /// Where its link ends.
    pub place: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Inner {
    /// Starts it and what shall be done on it, and waits until that waits for the first time.
    pub fn start<F: Future<Output = ()>>(work: impl FnOnce(Net) -> F + Send + 'static) -> Inner {
        let (tell, told) = channel();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let local = "127.0.0.1:0".parse().expect("an address");
                let config = Config::new([10, 9, 0, 2].into(), 24, [7; 32]);
                let begun = Instant::now();
                let clock = move || time::Instant::ZERO + begun.elapsed();
                let link = UdpLink::open_for_all(local, &config.addresses, 1500, clock);
                let link = link.expect("a socket");
                let place = link.local_addr().expect("it is bound");
                let device = FdDevice::new(link).expect("a device");
                let (net, driver) = runtime::start(Stack::new(config), device).expect("a stack");
                tokio::spawn(driver);
                let lasting = async {
                    tell.send(place).expect("the test waits");
                    let _ = stopped.await;
                };
                tokio::select! { biased; () = work(net) => {}, () = lasting => {} }
            });
        });
        Inner { place: told.recv().expect("it starts"), _stop: stop }
    }
}
