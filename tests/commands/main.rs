//! The commands as programs on their own, on loopback and over links of UDP: nothing here takes root.
//!
//! Each test has folders, ports and servers of its own, so that all may run at the same time; most of them wait.

#[path = "../common/binomial.rs"]
mod binomial;
mod harness;
#[path = "../common/transcript.rs"]
mod transcript;

mod cli;
mod get;
mod homework;
mod iperf;
mod lab;
mod link;
mod nc;
mod ping;
mod plot;
mod rudp;
mod serve;
mod tasks;
mod via;
