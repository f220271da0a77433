//! The daemon against real tools: ping, curl, dig, telnet, nc, ab, nmap, hping3, scapy, tcpdump and tshark.
//!
//! Each test starts the real binary in a network namespace of its own and takes away what it made,
//! also when it fails. They need root, `/dev/net/tun` and the tools, so plain `cargo test` shows them
//! as ignored; `scripts/test` runs them all and fails where it cannot.

#[path = "../common/binomial.rs"]
mod binomial;
mod harness;
#[path = "../common/transcript.rs"]
mod transcript;

mod bad_input;
mod bad_links;
mod capture;
mod differential;
mod dns;
mod ecn;
mod fast_open;
mod get;
mod homework;
mod hostile;
mod http;
mod icmp;
mod iperf;
mod lab;
mod lifecycle;
mod link;
mod load;
mod loss;
mod offload;
mod ping;
mod queues;
mod record;
mod routed;
mod rudp;
mod scan;
mod slow;
mod streams;
mod tasks;
mod top;
mod udp;
mod watch;
mod web;
