//! TCP Fast Open between the stack and the kernel (RFC 7413), both ways.

use std::io::Read;
use std::net::{Shutdown, SocketAddr};

use glasstcp::blocking::{self, TcpStream};
use glasstcp::device::link::Cidr;
use glasstcp::device::{self, OpenConfig};
use glasstcp::runtime::FdDevice;
use glasstcp::stack::{Config, Stack};

use crate::harness::{Capture, DEVICE, KERNEL, Lab, STACK};

/// Of each SYN: how much data it has, and the cookie if there is one.
fn syns(capture: &Capture) -> Vec<(usize, bool)> {
    let rows = capture
        .select("tcp.flags.syn == 1 && tcp.flags.ack == 0", &["tcp.len", "tcp.options.tfo.cookie"]);
    let read = |row: &String| {
        let (len, cookie) = row.split_once('\t').expect("two columns");
        (len.parse().expect("a length"), !cookie.is_empty())
    };
    rows.iter().map(read).collect()
}

/// How much of each SYN the answer acknowledges, as tshark counts: the SYN is one.
fn answers(capture: &Capture) -> Vec<String> {
    capture.select("tcp.flags.syn == 1 && tcp.flags.ack == 1", &["tcp.ack"])
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn fast_open_of_the_kernel_is_accepted_by_the_stack() {
    let (lab, daemon) = Lab::up(&["--fast-open", "server"]);
    lab.sysctl("tcp_fastopen", "1");
    let mut capture = Capture::start(&lab);
    let client = lab.script("fast_open.py").args(["client", STACK, "7", "3"]).finish();
    let lines = client.assert_success().text();
    assert_eq!(lines, "ordinary hello\ntaken hello\ntaken hello\n");
    capture.stop();
    assert_eq!(syns(&capture), [(0, false), (5, true), (5, true)]);
    assert_eq!(answers(&capture), ["1", "6", "6"]);
    let counted = daemon.counters();
    assert_eq!(counted.of("tcp_fast_passive_opens"), 2);
    assert_eq!(counted.of("tcp_cookies_sent"), 1);
    lab.assert_alive(&daemon);
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn fast_open_is_not_accepted_unless_it_is_asked_for() {
    let (lab, daemon) = Lab::up(&[]);
    lab.sysctl("tcp_fastopen", "1");
    let mut capture = Capture::start(&lab);
    let client = lab.script("fast_open.py").args(["client", STACK, "7", "3"]).finish();
    assert_eq!(client.assert_success().text(), "ordinary hello\n".repeat(3));
    // 4: the kernel sends data without a cookie.
    lab.sysctl("tcp_fastopen", "5");
    let client = lab.script("fast_open.py").args(["client", STACK, "7", "1"]).finish();
    assert_eq!(client.assert_success().text(), "ordinary hello\n");
    capture.stop();
    assert_eq!(syns(&capture), [(0, false), (0, false), (0, false), (5, false)]);
    assert_eq!(answers(&capture), ["1"; 4]);
    daemon.stop();
}

/// A stack of this program on a device in the namespace.
fn start_client(lab: &Lab) -> (blocking::Net, device::Guard) {
    lab.inside(|| {
        let address = Cidr { address: KERNEL.parse().expect("an address"), prefix_len: 24 };
        let ours = STACK.parse().expect("an address");
        let (tun, guard) = device::open(&OpenConfig::new(DEVICE, address), &[ours])
            .expect("root may open a device");
        let stack = Stack::new(Config::new(ours.into(), 24, [7; 32]));
        let (net, _) = blocking::start_with(stack, || FdDevice::new(tun)).expect("it starts");
        (net, guard)
    })
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn fast_open_of_the_stack_is_accepted_by_the_kernel() {
    let lab = Lab::with_netns();
    let (net, guard) = start_client(&lab);
    lab.sysctl("tcp_fastopen", "2");
    let server = lab.script("fast_open.py").args(["server", "8000", "3"]).start();
    server.wait_for_output("ready");
    let mut capture = Capture::start(&lab);
    let to: SocketAddr = format!("{KERNEL}:8000").parse().expect("an address");
    for with_syn in [false, true, true] {
        let (mut stream, sent) = TcpStream::connect_fast(&net, &to, b"hello").expect("it opens");
        assert_eq!(sent, 5);
        let mut none = [0; 1];
        stream.set_read_timeout(Some(std::time::Duration::from_millis(200))).expect("a time-out");
        let waiting = stream.read(&mut none).expect_err("the server reads to the end first");
        assert_eq!(waiting.kind(), std::io::ErrorKind::WouldBlock);
        stream.set_read_timeout(None).expect("no time-out");
        stream.shutdown(Shutdown::Write).expect("it is open");
        let mut echo = String::new();
        stream.read_to_string(&mut echo).expect("it comes back");
        assert_eq!(echo, "hello");
        let info = stream.info_handle().info().expect("nobody has closed it");
        assert_eq!(info.syn_text, with_syn);
    }
    let end = server.finish();
    assert_eq!(end.assert_success().text(), "ready\nordinary\ntaken\ntaken\n");
    capture.stop();
    assert_eq!(syns(&capture), [(0, false), (5, true), (5, true)]);
    assert_eq!(answers(&capture), ["1", "6", "6"]);
    net.stop();
    drop(guard);
}
