//! An echo server on port 7 of a stack of its own.
//!
//! Without arguments it talks to a client on a second stack in the same process, over a wire in
//! memory. With a TUN device the client is whatever you like:
//!
//! ```text
//! cargo run --example echo
//! cargo build --example echo && sudo target/debug/examples/echo --tun glass0
//! nc 10.9.0.2 7            # in another terminal
//! ```

use std::io;
use std::net::Ipv4Addr;

use clap::Parser;
use glasstcp::device::{self, OpenConfig, link::Cidr};
use glasstcp::net::{Net, TcpListener, TcpStream};
use glasstcp::runtime::{self, AsyncDevice, FdDevice};
use glasstcp::stack::{Config, Stack};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PORT: u16 = 7;
const MTU: u16 = 1500;
const PREFIX_LEN: u8 = 24;
/// The client's side of the wire, or the kernel's.
const THEIRS: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const OURS: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);

/// An echo server on a TCP/IP stack in user space.
#[derive(Parser)]
struct Args {
    /// Make this TUN device and serve on it, instead of a wire in memory (needs root)
    #[arg(long, value_name = "NAME")]
    tun: Option<String>,
    /// Put the device into this network namespace
    #[arg(long, value_name = "NAME", requires = "tun")]
    netns: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    match args.tun {
        Some(name) => over_tun(name, args.netns).await,
        None => over_memory().await,
    }
}

/// Serves on a TUN device until Ctrl-C.
async fn over_tun(name: String, netns: Option<String>) -> anyhow::Result<()> {
    let address = Cidr { address: THEIRS, prefix_len: PREFIX_LEN };
    let config = OpenConfig { mtu: MTU, netns, ..OpenConfig::new(name, address) };
    let (tun, _guard) = device::open(&config, &[OURS])?;
    let net = start(OURS, FdDevice::new(tun)?)?;
    println!("try: nc {OURS} {PORT}    (end with Ctrl-C)");
    tokio::select! {
        result = serve(net) => result?,
        result = tokio::signal::ctrl_c() => result?,
    }
    Ok(())
}

/// Serves one client at the other end of a wire in memory.
async fn over_memory() -> anyhow::Result<()> {
    let (our_end, their_end) = device::memory::pair(MTU);
    let server = start(OURS, our_end)?;
    let client = start(THEIRS, their_end)?;
    let talk = async {
        let mut stream = TcpStream::connect(&client, (OURS, PORT)).await?;
        stream.write_all(b"Is anybody there?").await?;
        stream.shutdown().await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        println!("{} answered: {answer}", stream.peer_addr()?);
        Ok(())
    };
    tokio::select! {
        biased;
        result = serve(server) => Ok(result?),
        result = talk => result,
    }
}

/// A stack with one address on `device`, driven by a task.
fn start(ip: Ipv4Addr, device: impl AsyncDevice + Send + 'static) -> anyhow::Result<Net> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    let stack = Stack::new(Config::new(ip.into(), PREFIX_LEN, seed));
    let (net, driver) = runtime::start(stack, device)?;
    // When it fails, every call on the handles says why.
    tokio::spawn(driver);
    Ok(net)
}

/// Sends back whatever comes, until the stack ends.
async fn serve(net: Net) -> io::Result<()> {
    let listener = TcpListener::bind(&net, (Ipv4Addr::UNSPECIFIED, PORT)).await?;
    loop {
        let (mut stream, _peer) = listener.accept().await?;
        tokio::spawn(async move {
            let (mut read, mut write) = stream.split();
            // A client that resets the connection is no concern of the others.
            let _ = tokio::io::copy(&mut read, &mut write).await;
        });
    }
}
