//! What a program on the kernel's side does, in the namespace of the stack.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

use glasstcp::lab::LiveClient;
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrIn, setsockopt, sockopt};

use super::TEXT;

/// The address of the stack, and the ports of its services.
const STACK: [u8; 4] = [10, 9, 0, 2];
const ECHO: u16 = 7;
const DAYTIME: u16 = 13;
const HTTP: u16 = 80;
/// After that nothing comes any more.
const PATIENCE: Duration = Duration::from_secs(25);
/// Long enough for everything to cross a link of 20 ms.
const MOMENT: Duration = Duration::from_millis(150);

/// Does it.
///
/// # Errors
/// Those of the sockets.
pub fn talk(client: LiveClient) -> io::Result<()> {
    match client {
        LiveClient::Get { bytes, pace } => get(bytes, pace),
        LiveClient::CloseFourWays => close_four_ways(),
    }
}

fn connect(port: u16) -> io::Result<TcpStream> {
    patient(TcpStream::connect_timeout(&SocketAddr::from((STACK, port)), PATIENCE)?)
}

/// The same with a receive buffer of so many bytes: the kernel offers a part of that from the beginning on.
fn connect_with_buffer(port: u16, bytes: usize) -> io::Result<TcpStream> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket::socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
    setsockopt(&socket, sockopt::RcvBuf, &bytes)?;
    let [a, b, c, d] = STACK;
    socket::connect(socket.as_raw_fd(), &SockaddrIn::new(a, b, c, d, port))?;
    patient(TcpStream::from(socket))
}

fn patient(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Gets the text over HTTP, perhaps at its leisure.
fn get(bytes: usize, pace: Option<(usize, u64)>) -> io::Result<()> {
    // A slow reader with a large buffer would hold nobody back.
    let mut stream = match pace {
        Some((size, _)) => connect_with_buffer(HTTP, size)?,
        None => connect(HTTP)?,
    };
    write!(stream, "GET /{TEXT} HTTP/1.1\r\nHost: stack\r\nConnection: close\r\n\r\n")?;
    let (size, pause) = pace.unwrap_or((1 << 16, 0));
    let mut buffer = vec![0; size];
    let mut read = 0;
    loop {
        match stream.read(&mut buffer)? {
            0 if read >= bytes => break,
            0 => return Err(io::Error::new(ErrorKind::UnexpectedEof, "not all of the text came")),
            more => read += more,
        }
        thread::sleep(Duration::from_millis(pause));
    }
    drop(stream);
    thread::sleep(MOMENT);
    Ok(())
}

/// One after the other: this end first, the stack first, one direction only, a reset.
fn close_four_ways() -> io::Result<()> {
    let mut text = Vec::new();
    let mut first = connect(ECHO)?;
    first.write_all(b"hello")?;
    first.read_exact(&mut [0; 5])?;
    drop(first);
    thread::sleep(MOMENT);
    let mut second = connect(DAYTIME)?;
    second.read_to_end(&mut text)?;
    drop(second);
    thread::sleep(MOMENT);
    let mut third = connect(ECHO)?;
    third.write_all(&[b'x'; 3000])?;
    third.shutdown(Shutdown::Write)?;
    third.read_to_end(&mut text)?;
    drop(third);
    thread::sleep(MOMENT);
    let mut fourth = connect(ECHO)?;
    fourth.write_all(b"hello")?;
    fourth.read_exact(&mut [0; 5])?;
    setsockopt(&fourth, sockopt::Linger, &nix::libc::linger { l_onoff: 1, l_linger: 0 })?;
    drop(fourth);
    thread::sleep(MOMENT);
    Ok(())
}
