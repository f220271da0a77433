//! What the core takes for each thing that happens, without a device.
//!
//! ```text
//! cargo bench --bench core                          the time of each (divan)
//! core --run NAME OPS                               does it so often and says nothing, for scripts/instructions
//! ```

mod pair;

use std::hint::black_box;
use std::net::IpAddr;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::ItemsCount;
use glasstcp::wire::checksum::Sum;
use glasstcp::wire::{Checksum, ip, tcp};

use pair::{Ends, Recording, SERVER};

/// How often each is done in one go.
const OPS: usize = 2000;

/// What can be run by its name.
const NAMES: [&str; 7] = [
    "segment_in",
    "segment_in_beside_10000",
    "burst_out",
    "connection",
    "parse",
    "checksum_1448",
    "checksum_65160",
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--names"] => println!("{}", NAMES.join("\n")),
        ["--run", name, ops] => run(name, ops.parse().expect("a number")),
        _ => divan::main(),
    }
}

fn run(name: &str, ops: usize) {
    match name {
        "segment_in" => Recording::of_upload(OPS, 1).receive(ops),
        "segment_in_beside_10000" => Recording::of_upload(OPS, 10_000).receive(ops),
        // Not among the names, for this takes minutes under valgrind.
        "segment_in_beside_1000000" => Recording::of_upload(OPS, 1_000_000).receive(ops),
        "burst_out" => Recording::of_download(OPS).send(ops),
        "connection" => Recording::of_visits(OPS).receive(ops),
        "parse" => parse_all(&a_packet(), ops),
        "checksum_1448" => checksum_all(&[7; 1448], ops),
        "checksum_65160" => checksum_all(&[7; 65_160], ops),
        other => panic!("there is no {other:?}: see benches/core/main.rs"),
    }
}

/// A full-sized segment arrives in order, is read, and every second one is acknowledged.
#[divan::bench(args = [1, 1000, 10_000, 1_000_000], max_time = 5)]
fn segment_in(bencher: Bencher<'_, '_>, connections: usize) {
    let recording = Recording::of_upload(OPS, connections);
    let prepare = || recording.prepare(Ends::Server);
    let run = |mut prepared: pair::Prepared<'_>| prepared.receive(OPS);
    bencher.counter(ItemsCount::new(OPS)).with_inputs(prepare).bench_local_values(run);
}

/// A burst of 44 segments is planned and built, and what the peer says of it is taken.
#[divan::bench]
fn burst_out(bencher: Bencher<'_, '_>) {
    let recording = Recording::of_download(OPS);
    let prepare = || recording.prepare(Ends::Client);
    let run = |mut prepared: pair::Prepared<'_>| prepared.send(OPS);
    bencher.counter(ItemsCount::new(OPS)).with_inputs(prepare).bench_local_values(run);
}

/// A connection is opened, gets a request, answers it and is closed.
#[divan::bench]
fn connection(bencher: Bencher<'_, '_>) {
    let recording = Recording::of_visits(OPS);
    let prepare = || recording.prepare(Ends::Server);
    let run = |mut prepared: pair::Prepared<'_>| prepared.receive(OPS);
    bencher.counter(ItemsCount::new(OPS)).with_inputs(prepare).bench_local_values(run);
}

/// The headers of IP and TCP are read; a device has vouched for the checksum.
#[divan::bench]
fn parse(bencher: Bencher<'_, '_>) {
    let packet = a_packet();
    bencher.counter(ItemsCount::new(OPS)).bench_local(|| parse_all(&packet, OPS));
}

/// The sum of so many bytes.
#[divan::bench(args = [40, 1448, 65_160])]
fn checksum(bencher: Bencher<'_, '_>, len: usize) {
    let text = vec![7; len];
    bencher.counter(ItemsCount::new(OPS)).bench_local(|| checksum_all(&text, OPS));
}

/// A packet with a full-sized segment.
fn a_packet() -> Bytes {
    Recording::of_upload(OPS, 1).longest_packet()
}

fn parse_all(packet: &Bytes, ops: usize) {
    for _ in 0..ops {
        let datagram = ip::parse(black_box(packet)).expect("it is good");
        let transport = packet.slice(datagram.payload.clone());
        let segment = tcp::parse(transport, datagram.src, datagram.dst, Checksum::Verified);
        black_box(segment.expect("it is good"));
    }
}

fn checksum_all(text: &[u8], ops: usize) {
    let server: IpAddr = SERVER.into();
    for _ in 0..ops {
        let start = Sum::pseudo_header(server, server, ip::TCP, text.len() as u32);
        black_box(start.add_bytes(black_box(text)).finish());
    }
}
