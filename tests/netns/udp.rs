//! UDP, and the ICMP errors that answer what nobody takes.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::Duration;

use crate::harness::{Capture, Injector, KERNEL, Lab, STACK, packet, wait_for};

#[test]
#[ignore = "needs root: run scripts/test"]
fn udp_echoes() {
    let (lab, daemon) = Lab::up(&[]);
    let echo = lab.tool("nc").args(["-u", "-w", "1", STACK, "7"]).input("over UDP\n").finish();
    assert_eq!(echo.text(), "over UDP\n");
    lab.inside(|| {
        let socket = UdpSocket::bind("0.0.0.0:0").expect("a free port");
        socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
        socket.connect((STACK, 7)).expect("a route");
        let mut buffer = [0; 2000];
        for len in [1, 2, 511, 1471, 1472] {
            let datagram: Vec<u8> = (0..len).map(|at| at as u8).collect();
            socket.send(&datagram).expect("it can be sent");
            let received = socket.recv(&mut buffer).expect("an answer");
            assert_eq!(buffer[..received], datagram, "{len} bytes");
        }
    });
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_closed_udp_port_is_unreachable() {
    let (lab, daemon) = Lab::up(&[]);
    let error = lab.inside(|| {
        let socket = UdpSocket::bind("0.0.0.0:0").expect("a free port");
        socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
        socket.connect((STACK, 8)).expect("a route");
        socket.send(b"anybody there?").expect("it can be sent");
        socket.recv(&mut [0; 100]).expect_err("nobody is there").kind()
    });
    assert_eq!(error, ErrorKind::ConnectionRefused);
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn an_unknown_protocol_is_unreachable() {
    let (lab, daemon) = Lab::up(&[]);
    let mut capture = Capture::start(&lab);
    let injector = Injector::new(&lab);
    const EXPERIMENT: u8 = 253; // RFC 3692
    let sent = packet::ipv4(KERNEL, STACK, EXPERIMENT, b"hello?");
    wait_for("one packet to be taken", Duration::from_secs(5), || injector.send(&sent));
    capture.stop();
    let errors = capture.select("icmp.type == 3 && icmp.code == 2", &["ip.src"]);
    // The quoted packet has an address, too.
    assert_eq!(errors, [format!("{STACK},{KERNEL}")]);
    daemon.stop();
}
