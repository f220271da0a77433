//! The kernel's server and ours, told apart by nobody: the same random program of a peer against both gives the same
//! bytes and the same end.
//!
//! ```text
//!   peer: kernel 10.8.0.1 == glasstcp link == 10.8.0.2 kernel's server
//!                                             10.9.0.1 -- TUN -- 10.9.0.2 ours, in this process
//! ```

mod bulk;
mod end;
mod program;

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use glasstcp::blocking;
use glasstcp::device::{self, Guard, OpenConfig, link::Cidr};
use glasstcp::net::Net;
use glasstcp::runtime::FdDevice;
use glasstcp::stack::{Config, Stack};

use crate::harness::{Cable, DEVICE, Dice, KERNEL, RIGHT, STACK};
use end::End;
use program::{Program, run};

/// How long everybody waits for what a step makes the network do: many round trips of 2 ms.
const SETTLED: Duration = Duration::from_millis(15);
/// The same for who has seen a difference, and wants to know that it is none of time.
const CERTAIN: Duration = Duration::from_millis(250);

/// The kernel's and ours.
type Listeners = (TcpListener, blocking::TcpListener);

/// Both servers behind the same link.
struct Field {
    cable: Cable,
    ours: Net,
    // Taken back before the namespace goes.
    _device: Guard,
}

impl Field {
    fn up(rules: &str) -> Field {
        let cable = Cable::up(rules);
        let address = Cidr { address: KERNEL.parse().expect("an address"), prefix_len: 24 };
        let ours = STACK.parse().expect("an address");
        let netns = Some(cable.right.netns.clone());
        let config = OpenConfig { netns, ..OpenConfig::new(DEVICE, address) };
        let (tun, device) = device::open(&config, &[ours]).expect("root may make a device");
        let stack = Stack::new(Config::new(ours.into(), 24, [7; 32]));
        let started = blocking::start_with(stack, || FdDevice::new(tun)).expect("a thread");
        cable.right.sysctl("ip_forward", "1");
        let back = format!("ip route add 10.9.0.0/24 via {RIGHT}");
        cable.left.shell(&back).finish().assert_success();
        Field { cable, ours: started.0, _device: device }
    }

    /// A listener of the kernel and one of ours.
    fn listen(&self, port: u16) -> Listeners {
        let kernels = self.cable.right.inside(|| TcpListener::bind((RIGHT, port)));
        let ours = blocking::TcpListener::bind(&self.ours, (STACK, port));
        (kernels.expect("the port is free"), ours.expect("the port is free"))
    }

    /// The peer's connection to `host`, from the other end of the link.
    fn connect(&self, host: &str, port: u16) -> std::io::Result<TcpStream> {
        let to = SocketAddr::new(host.parse().expect("an address"), port);
        self.cable.left.inside(|| TcpStream::connect_timeout(&to, Duration::from_secs(20)))
    }

    /// A connection to each of the two: both ends of the kernel's, both ends of ours.
    fn connections(&self, listeners: &Listeners, port: u16) -> [[End; 2]; 2] {
        let connect = |host| End::Kernel(self.connect(host, port).expect("somebody listens"));
        let peers = [connect(RIGHT), connect(STACK)];
        let kernel = End::Kernel(listeners.0.accept().expect("a connection").0);
        let ours = End::Ours(listeners.1.accept().expect("a connection").0);
        let [one, other] = peers;
        [[one, kernel], [other, ours]]
    }
}

/// A program up to where the two part.
fn tell(seed: u64, kernels: &[String], ours: &[String]) -> String {
    let same = kernels.iter().zip(ours).take_while(|(one, other)| one == other).count();
    let before = kernels[..same].join("\n    ");
    format!("program {seed}:\n    {before}\n  kernel {}\n  ours   {}", kernels[same], ours[same])
}

/// Lets `work` have each of the first `programs` seeds, several at a time, each with listeners of its own.
fn each_seed(field: &Field, programs: u64, work: impl Fn(u64, &Listeners, u16) + Sync) {
    const WORKERS: u16 = 8;
    let next = AtomicU64::new(1);
    thread::scope(|scope| {
        for port in 7000..7000 + WORKERS {
            let (next, work) = (&next, &work);
            scope.spawn(move || {
                let listeners = field.listen(port);
                let seeds = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
                seeds
                    .take_while(|&seed| seed <= programs)
                    .for_each(|seed| work(seed, &listeners, port));
            });
        }
    });
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn peers_cannot_tell_our_server_from_the_kernels() {
    const PROGRAMS: u64 = 400;
    let field = Field::up("delay=1ms");
    let differences = Mutex::new(vec![]);
    each_seed(&field, PROGRAMS, |seed, listeners, port| {
        let program = Program::random(&mut Dice::new(seed));
        let both = |settle| run(&program, field.connections(listeners, port), settle);
        let [mut kernels, mut ours] = both(SETTLED);
        if kernels != ours {
            [kernels, ours] = both(CERTAIN);
        }
        if kernels != ours {
            differences.lock().expect("no panic inside").push(tell(seed, &kernels, &ours));
        }
    });
    let differences = differences.into_inner().expect("no panic inside");
    let (count, all) = (differences.len(), differences.join("\n"));
    assert!(differences.is_empty(), "{count} programs of {PROGRAMS} end differently:\n{all}");

    // And where nobody listens.
    for host in [RIGHT, STACK] {
        let refused = field.connect(host, 6999).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{host}");
    }
    field.ours.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn peers_get_the_same_from_both_servers_over_a_bad_link() {
    let field = Field::up("delay=2ms loss=2% duplicate=1% reorder=2%:by=3ms");
    each_seed(&field, 48, |seed, listeners, port| {
        let [kernels, ours] = field.connections(listeners, port).map(|ends| bulk::run(seed, ends));
        assert_eq!(kernels, ours, "program {seed}");
    });
    field.ours.stop();
}
