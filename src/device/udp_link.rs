//! A link without root: IP packets over a UDP socket, one in each datagram, to another glasstcp on this machine
//! or elsewhere, with any proxy for UDP between.
//!
//! ```text
//!   glasstcp up --link udp:A        <-- UDP -->   glasstcp get --link udp:B,A     the one that knows where to
//!      learns B from what arrives                                                 the one that learns it
//! ```
//!
//! Whoever is told of no remote end learns where each IP address is from the packets that come from there, as a
//! switch does: so many others may join it, and behind a proxy it need not know the proxy's ports. It believes
//! them, as a switch does, but an address stays where it is for as long as it is heard there, and [`HELD`] longer,
//! whatever else is heard: when there is no room for more addresses, new ones are not heard.

mod places;

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, SockaddrStorage, sendmsg, setsockopt, sockopt};

use super::pool::Pool;
use super::{Device, gso};
use crate::stack::{Address, Routes};
use crate::time::Instant;
use crate::wire::{Packet, RxBatch, TxBatch, ip};
use places::Places;

pub use places::HELD;

/// What the socket may hold of packets that have arrived, in bytes; the system may allow less.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Packets from strangers that are thrown away in one go: more than the socket holds, so that what was there is gone.
const MAX_STRANGERS: usize = 1 << 14;

/// An open link. Sending never waits for long: what the system refuses is dropped, and counted.
#[derive(Debug)]
pub struct UdpLink {
    socket: UdpSocket,
    mtu: u16,
    pool: Pool,
    far: Far,
    dropped: Arc<AtomicU64>,
}

/// Where the other end is.
#[derive(Debug)]
enum Far {
    /// Here, and nothing from elsewhere is taken.
    Fixed(SocketAddr),
    /// Where packets with such a source come from.
    Learned(Places),
}

impl UdpLink {
    /// A socket at `local`, for IP packets of up to `mtu` bytes to and from `remote`.
    ///
    /// # Errors
    /// Those of making a UDP socket: `AddrInUse`, `AddrNotAvailable`, `PermissionDenied`.
    pub fn open(local: SocketAddr, remote: SocketAddr, mtu: u16) -> io::Result<UdpLink> {
        UdpLink::with(local, Far::Fixed(remote), mtu)
    }

    /// One for IP packets to and from whoever sends some to these addresses. `clock` says what time it is, counted
    /// from any moment.
    ///
    /// # Errors
    /// Those of [`UdpLink::open`].
    pub fn open_for_all(
        local: SocketAddr,
        own: &[Address],
        mtu: u16,
        clock: impl Fn() -> Instant + Send + 'static,
    ) -> io::Result<UdpLink> {
        let places = Places::new(Routes::new(own.to_vec()), clock);
        UdpLink::with(local, Far::Learned(places), mtu)
    }

    fn with(local: SocketAddr, far: Far, mtu: u16) -> io::Result<UdpLink> {
        let socket = UdpSocket::bind(local)?;
        socket.set_nonblocking(true)?;
        // What the system allows is enough to begin with.
        let _ = setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER);
        Ok(UdpLink { socket, mtu, pool: Pool::new(mtu), far, dropped: Arc::default() })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// How many packets could not be sent, for nobody is known to have their destination or the system refused
    /// them, or came from elsewhere than the remote end, or than where their source is, or were larger than the MTU.
    /// The counter can be read while the device is elsewhere.
    pub fn dropped(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.dropped)
    }
}

impl Far {
    /// Whether what came from there is taken; it teaches where its source is.
    fn admits(&mut self, from: SocketAddr, packet: &[u8]) -> bool {
        match self {
            Far::Fixed(remote) => from == *remote,
            Far::Learned(places) => places.learn(from, packet),
        }
    }

    /// Where a packet goes to that begins with these bytes.
    fn place_of(&self, head: &[u8]) -> Option<SocketAddr> {
        match self {
            Far::Fixed(remote) => Some(*remote),
            Far::Learned(places) => places.place_of(ip::destination(head)?),
        }
    }
}

impl AsFd for UdpLink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Device for UdpLink {
    fn mtu(&self) -> u16 {
        self.mtu
    }

    fn receive(&mut self, rx: &mut RxBatch, max: usize) -> io::Result<usize> {
        let (mut count, mut strangers) = (0, 0);
        let mtu = usize::from(self.mtu);
        while count < max && strangers < MAX_STRANGERS {
            let mut from = None;
            let received = self.pool.receive(|buffer| {
                // One that is too large fills this, whatever is cut off.
                let (len, sender) = self.socket.recv_from(&mut buffer[..=mtu])?;
                from = Some(sender);
                Ok::<_, io::Error>(len)
            });
            match received {
                Ok(packet)
                    if packet.len() <= mtu
                        && from.is_some_and(|from| self.far.admits(from, &packet)) =>
                {
                    rx.push_back(Packet::new(packet));
                    count += 1;
                }
                Ok(_) => {
                    strangers += 1;
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if passes(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(count)
    }

    fn send(&mut self, tx: &mut TxBatch) -> io::Result<()> {
        while let Some(burst) = tx.front_mut() {
            match gso::cut(burst, |parts| write(&self.socket, &self.far, parts, &self.dropped)) {
                Ok(()) => drop(tx.pop_front()),
                Err(Full) => break,
            }
        }
        Ok(())
    }

    fn send_packets(&mut self, packets: &mut VecDeque<Bytes>) -> io::Result<()> {
        while let Some(packet) = packets.front() {
            match write(&self.socket, &self.far, &[IoSlice::new(packet)], &self.dropped) {
                Ok(()) => drop(packets.pop_front()),
                Err(Full) => break,
            }
        }
        Ok(())
    }
}

/// The socket takes no more now.
struct Full;

/// Sends one packet; one that the system will never take is dropped and counted, as a network card would.
fn write(
    socket: &UdpSocket,
    far: &Far,
    parts: &[IoSlice<'_>],
    dropped: &AtomicU64,
) -> Result<(), Full> {
    let Some(place) = parts.first().and_then(|head| far.place_of(head)) else {
        dropped.fetch_add(1, Ordering::Relaxed);
        return Ok(());
    };
    let place = SockaddrStorage::from(place);
    loop {
        match sendmsg(socket.as_raw_fd(), parts, &[], MsgFlags::MSG_DONTWAIT, Some(&place)) {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => return Err(Full),
            Err(_) => {
                dropped.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
        }
    }
}

/// Whether receiving goes on after this: it is about something that was sent.
fn passes(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Interrupted
            | ErrorKind::ConnectionRefused
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
    )
}

#[cfg(test)]
mod tests;
