//! Packets of any shape, put on the device as if the kernel had routed them there.

use std::mem;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::libc::{AF_PACKET, sockaddr, sockaddr_ll};
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, SockaddrLike, sendto, socket,
};

use super::{DEVICE, Lab};

/// Sends whatever it is given to the stack under test.
pub struct Injector {
    socket: OwnedFd,
    device: LinkAddr,
}

impl Injector {
    /// An injector for the device in the namespace of `lab`.
    pub fn new(lab: &Lab) -> Injector {
        lab.inside(|| Injector {
            socket: socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)
                .expect("root may open a packet socket"),
            device: link_address(if_nametoindex(DEVICE).expect("the device exists")),
        })
    }

    /// Sends one packet; false when the kernel does not take it: it is empty or longer than the
    /// MTU, or the device's queue is full.
    pub fn send(&self, packet: &[u8]) -> bool {
        sendto(self.socket.as_raw_fd(), packet, &self.device, MsgFlags::empty()).is_ok()
    }
}

/// The address for packet sockets of the interface with this index.
#[allow(unsafe_code, reason = "nix has no safe way to make a link address")]
fn link_address(index: u32) -> LinkAddr {
    let raw = sockaddr_ll {
        sll_family: AF_PACKET as u16,
        sll_protocol: 0x0800_u16.to_be(),
        sll_ifindex: index.cast_signed(),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let len = mem::size_of_val(&raw) as u32;
    // SAFETY: `raw` is a whole `sockaddr_ll` of `len` bytes that outlives the call, which copies it.
    let address = unsafe { LinkAddr::from_raw((&raw const raw).cast::<sockaddr>(), Some(len)) };
    address.expect("the family is right")
}
