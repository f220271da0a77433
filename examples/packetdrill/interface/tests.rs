//! The calls as C makes them, and what becomes of arguments that no program should pass: never a crash, and the error
//! that the kernel has for it.

use std::fs::File;
use std::mem::{self, MaybeUninit};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsRawFd;
use std::ptr::{null, null_mut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use glasstcp::device::gso;
use glasstcp::wire::ip::{self, Repr};
use glasstcp::wire::tcp::{self, Flags, Segment};
use glasstcp::wire::tcp_options::Options;
use glasstcp::wire::{Checksum, HeaderBuf, SeqNum};
use libc::sockaddr_in;

use super::*;
use crate::info::TcpInfo;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 0, 1));
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const PORT: u16 = 8080;
const PEER_PORT: u16 = 5000;
/// The length of a `struct sockaddr_in`.
const INET: socklen_t = size_of::<sockaddr_in>() as socklen_t;

/// There is one stack in the process.
static ONE: Mutex<()> = Mutex::new(());

/// The table, as packetdrill has it.
struct Drill {
    calls: Interface,
    _one: MutexGuard<'static, ()>,
}

impl Drop for Drill {
    fn drop(&mut self) {
        // SAFETY: it takes no pointer.
        unsafe { (self.calls.free)(null_mut()) };
    }
}

fn drill() -> Drill {
    let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut table = MaybeUninit::uninit();
    // SAFETY: a string, and room for the table, which is filled in.
    let calls = unsafe {
        packetdrill_interface_init(c"local=192.168.0.1".as_ptr(), table.as_mut_ptr());
        table.assume_init()
    };
    Drill { calls, _one: one }
}

/// Calls a function of the table.
macro_rules! call {
    ($drill:expr, $name:ident $(, $argument:expr)*) => {
        // SAFETY: what stands in the tests is what the function must bear.
        unsafe { ($drill.calls.$name)(null_mut() $(, $argument)*) }
    };
}

/// It must fail with this.
macro_rules! refused {
    ($errno:ident, $drill:expr, $name:ident $(, $argument:expr)*) => {
        let result = call!($drill, $name $(, $argument)*);
        let errno = std::io::Error::last_os_error().raw_os_error();
        let said = (result as i64, errno);
        assert_eq!(said, (-1, Some(libc::$errno)), "{}{:?}", stringify!($name), ($(stringify!($argument),)*));
    };
}

fn address(ip: IpAddr, port: u16) -> sockaddr_in {
    let IpAddr::V4(ip) = ip else { panic!("an address of IPv4 is wanted") };
    sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) },
        sin_zero: [0; 8],
    }
}

fn pointer(address: &sockaddr_in) -> *const sockaddr {
    (&raw const *address).cast()
}

impl Drill {
    fn socket(&self) -> c_int {
        let fd = call!(self, socket, libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0);
        assert!(fd >= 0);
        fd
    }

    fn listener(&self) -> c_int {
        let fd = self.socket();
        assert_eq!(call!(self, bind, fd, pointer(&address(LOCAL, PORT)), INET), 0);
        assert_eq!(call!(self, listen, fd, 8), 0);
        fd
    }

    /// A segment of the peer arrives.
    fn inject(&self, flags: Flags, seq: u32, ack: SeqNum, text: &'static [u8]) {
        let segment = Segment {
            src_port: PEER_PORT,
            dst_port: PORT,
            seq: SeqNum::new(seq),
            ack,
            flags,
            window: 60_000,
            urgent: 0,
            options: Options::default(),
            ecn: 0,
            payload: Bytes::new(),
        };
        let mut header = HeaderBuf::new();
        tcp::emit(&segment, &mut header);
        let repr = Repr {
            src: PEER,
            dst: LOCAL,
            protocol: ip::TCP,
            ttl: ip::TTL,
            ecn: 0,
            dscp: 0,
            identification: 0,
            dont_fragment: true,
        };
        let packet = gso::packet(&repr, &header, Bytes::from_static(text));
        assert_eq!(call!(self, netdev_send, packet.as_ptr().cast(), packet.len()), 0);
    }

    /// The next segment that leaves.
    fn sent(&self) -> Segment {
        let (mut room, mut len, mut time) = ([0u8; 2048], 2048, 0);
        let room_at = room.as_mut_ptr().cast();
        assert_eq!(call!(self, netdev_receive, room_at, &raw mut len, &raw mut time), 0);
        assert!(time > 0);
        let packet = Bytes::copy_from_slice(&room[..len]);
        let header = ip::parse(&packet).unwrap();
        let transport = packet.slice(header.payload.clone());
        tcp::parse(transport, header.src, header.dst, Checksum::Unverified).unwrap()
    }

    /// Accepts a connection on which `text` waits; gives the number of our next octet, too.
    fn accepted(&self, text: &'static [u8]) -> (c_int, SeqNum) {
        let listener = self.listener();
        self.inject(Flags::SYN, 0, SeqNum::new(0), b"");
        let syn_ack = self.sent();
        assert_eq!((syn_ack.flags, syn_ack.ack), (Flags::SYN | Flags::ACK, SeqNum::new(1)));
        let next = syn_ack.seq + 1;
        self.inject(Flags::ACK | Flags::PSH, 1, next, text);
        let (mut peer, mut len) = (address(LOCAL, 0), INET);
        let fd = call!(self, accept, listener, (&raw mut peer).cast(), &raw mut len);
        assert!(fd >= 0);
        assert_eq!((peer.sin_port, len), (PEER_PORT.to_be(), INET));
        (fd, next)
    }
}

#[test]
fn a_connection_from_its_beginning_to_its_end() {
    let drill = drill();
    let (fd, next) = drill.accepted(b"hello");
    assert_eq!(drill.sent().ack, SeqNum::new(6));
    let mut room = [0u8; 16];
    assert_eq!(call!(drill, read, fd, room.as_mut_ptr().cast(), 16), 5);
    assert_eq!(&room[..5], b"hello");
    refused!(EAGAIN, drill, recv, fd, room.as_mut_ptr().cast(), 16, libc::MSG_DONTWAIT);
    assert_eq!(call!(drill, write, fd, b"world".as_ptr().cast(), 5), 5);
    assert_eq!(drill.sent().payload, b"world"[..]);
    let (mut info, mut len) = (MaybeUninit::<TcpInfo>::zeroed(), 280);
    let info_at = info.as_mut_ptr().cast();
    assert_eq!(
        call!(drill, getsockopt, fd, libc::IPPROTO_TCP, libc::TCP_INFO, info_at, &raw mut len),
        0
    );
    assert_eq!(len, 280);
    // The C library's own function knows our sockets as well.
    let (mut error, mut len) = (-1, 4);
    // SAFETY: a number, and room for it.
    let result = unsafe {
        getsockopt(fd, libc::SOL_SOCKET, libc::SO_ERROR, (&raw mut error).cast(), &raw mut len)
    };
    assert_eq!((result, error, len), (0, 0, 4));
    assert_eq!(call!(drill, close, fd), 0);
    assert_eq!((drill.sent().flags, drill.sent().seq), (Flags::FIN | Flags::ACK, next));
}

#[test]
fn what_is_no_socket_is_ebadf() {
    let drill = drill();
    let file = File::open("/dev/null").unwrap();
    let fresh = drill.socket();
    let closed = drill.socket();
    assert_eq!(call!(drill, close, closed), 0);
    let (local, mut byte, mut number) = (address(LOCAL, PORT), 0u8, 1);
    let (one, number_at) = ((&raw mut byte).cast::<c_void>(), &raw mut number);
    let mut vector = iovec { iov_base: one, iov_len: 1 };
    // SAFETY: all its fields may be zero.
    let mut message: msghdr = unsafe { mem::zeroed() };
    (message.msg_iov, message.msg_iovlen) = (&raw mut vector, 1);
    let message = &raw mut message;
    for fd in [-1, c_int::MIN, c_int::MAX, file.as_raw_fd(), closed] {
        refused!(EBADF, drill, bind, fd, pointer(&local), INET);
        refused!(EBADF, drill, listen, fd, 1);
        refused!(EBADF, drill, accept, fd, null_mut(), null_mut());
        refused!(EBADF, drill, connect, fd, pointer(&local), INET);
        refused!(EBADF, drill, read, fd, one, 1);
        refused!(EBADF, drill, readv, fd, &raw const vector, 1);
        refused!(EBADF, drill, recvfrom, fd, one, 1, 0, null_mut(), null_mut());
        refused!(EBADF, drill, recvmsg, fd, message, 0);
        refused!(EBADF, drill, write, fd, one, 1);
        refused!(EBADF, drill, writev, fd, &raw const vector, 1);
        refused!(EBADF, drill, sendto, fd, one, 1, 0, null(), 0);
        refused!(EBADF, drill, sendmsg, fd, message, 0);
        refused!(EBADF, drill, fcntl, fd, libc::F_GETFL, 0);
        refused!(EBADF, drill, ioctl, fd, libc::FIONREAD, number_at);
        refused!(EBADF, drill, shutdown, fd, libc::SHUT_RDWR);
        refused!(EBADF, drill, close, fd);
        let (level, name) = (libc::IPPROTO_TCP, libc::TCP_NODELAY);
        let mut len = 4;
        refused!(EBADF, drill, getsockopt, fd, level, name, number_at.cast(), &raw mut len);
        refused!(EBADF, drill, setsockopt, fd, level, name, number_at.cast(), 4);
        let mut event = epoll_event { events: 1, u64: 0 };
        refused!(EBADF, drill, epoll_ctl, fd, libc::EPOLL_CTL_ADD, fresh, &raw mut event);
        refused!(EBADF, drill, epoll_wait, fd, &raw mut event, 1, 0);
    }
    let mut list = [pollfd { fd: closed, events: libc::POLLIN, revents: 0 }];
    assert_eq!(call!(drill, poll, list.as_mut_ptr(), 1, 0), 1);
    assert_eq!(list[0].revents, libc::POLLNVAL);
}

#[test]
fn a_null_pointer_is_efault() {
    let drill = drill();
    let (fd, _) = drill.accepted(b"text");
    let (fresh, epoll) = (drill.socket(), call!(drill, epoll_create, 1));
    refused!(EFAULT, drill, bind, fresh, null(), INET);
    refused!(EFAULT, drill, connect, fresh, null(), INET);
    refused!(EFAULT, drill, recv, fd, null_mut(), 4, 0);
    refused!(EFAULT, drill, recv, fd, null_mut(), usize::MAX, libc::MSG_PEEK);
    refused!(EFAULT, drill, readv, fd, null(), 1);
    refused!(EFAULT, drill, recvmsg, fd, null_mut(), 0);
    refused!(EFAULT, drill, send, fd, null(), 4, 0);
    refused!(EFAULT, drill, send, fd, null(), usize::MAX, 0);
    refused!(EFAULT, drill, writev, fd, null(), 1);
    refused!(EFAULT, drill, sendmsg, fd, null(), 0);
    refused!(EFAULT, drill, ioctl, fd, libc::FIONREAD, null_mut());
    let (level, name) = (libc::IPPROTO_TCP, libc::TCP_NODELAY);
    let (mut number, mut len) = (0, 4);
    refused!(EFAULT, drill, getsockopt, fd, level, name, null_mut(), &raw mut len);
    refused!(EFAULT, drill, getsockopt, fd, level, name, (&raw mut number).cast(), null_mut());
    refused!(EFAULT, drill, setsockopt, fd, level, name, null(), 4);
    refused!(EFAULT, drill, poll, null_mut(), 1, 0);
    refused!(EFAULT, drill, epoll_ctl, epoll, libc::EPOLL_CTL_ADD, fd, null_mut());
    refused!(EFAULT, drill, epoll_wait, epoll, null_mut(), 1, 0);
    refused!(EFAULT, drill, pipe, null_mut());
    refused!(EFAULT, drill, netdev_send, null(), 40);
    let (mut len, mut time) = (64, 0);
    refused!(EFAULT, drill, netdev_receive, null_mut(), &raw mut len, &raw mut time);
    refused!(EFAULT, drill, netdev_receive, (&raw mut number).cast(), null_mut(), &raw mut time);
    assert_eq!(call!(drill, gettimeofday, null_mut(), null_mut()), 0);
    // Nothing of it was taken for a read: the text is still there.
    let mut room = [0u8; 8];
    assert_eq!(call!(drill, read, fd, room.as_mut_ptr().cast(), 8), 4);
    assert_eq!(&room[..4], b"text");
}

/// Who is accepted without room for its address is not lost.
#[test]
fn an_accept_that_fails_accepts_nobody() {
    let drill = drill();
    let listener = drill.listener();
    drill.inject(Flags::SYN, 0, SeqNum::new(0), b"");
    let next = drill.sent().seq + 1;
    drill.inject(Flags::ACK, 1, next, b"");
    let mut peer = address(LOCAL, 0);
    let peer_at = (&raw mut peer).cast();
    refused!(EFAULT, drill, accept, listener, peer_at, null_mut());
    let mut len = socklen_t::MAX;
    refused!(EINVAL, drill, accept, listener, peer_at, &raw mut len);
    // As much of the address as there is room for.
    len = 4;
    assert!(call!(drill, accept, listener, peer_at, &raw mut len) >= 0);
    assert_eq!(
        (len, peer.sin_port, peer.sin_addr.s_addr),
        (INET, PEER_PORT.to_be(), address(LOCAL, 0).sin_addr.s_addr)
    );
    refused!(EAGAIN, drill, accept, listener, null_mut(), null_mut());
}

#[test]
fn a_length_that_cannot_be_is_einval() {
    let drill = drill();
    let (fd, _) = drill.accepted(b"text");
    let fresh = drill.socket();
    let local = address(LOCAL, PORT + 1);
    for len in [0, 1, 2, INET - 1, 129, socklen_t::MAX] {
        refused!(EINVAL, drill, bind, fresh, pointer(&local), len);
        refused!(EINVAL, drill, connect, fresh, pointer(&local), len);
    }
    let mut strange = local;
    strange.sin_family = libc::AF_INET6 as libc::sa_family_t;
    refused!(EAFNOSUPPORT, drill, bind, fresh, pointer(&strange), INET);
    let mut byte = 0u8;
    let one = iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let endless = [one, iovec { iov_len: usize::MAX, ..one }];
    for count in [-1, c_int::MIN, libc::UIO_MAXIOV + 1] {
        refused!(EINVAL, drill, readv, fd, endless.as_ptr(), count);
        refused!(EINVAL, drill, writev, fd, endless.as_ptr(), count);
    }
    refused!(EINVAL, drill, readv, fd, endless.as_ptr(), 2);
    refused!(EINVAL, drill, writev, fd, endless.as_ptr(), 2);
    let (level, name) = (libc::IPPROTO_TCP, libc::TCP_NODELAY);
    let mut number = 0;
    let number_at = (&raw mut number).cast::<c_void>();
    for len in [0, 3, socklen_t::MAX] {
        refused!(EINVAL, drill, setsockopt, fd, level, name, number_at, len);
    }
    let mut len = socklen_t::MAX;
    refused!(EINVAL, drill, getsockopt, fd, level, name, number_at, &raw mut len);
    refused!(EINVAL, drill, shutdown, fd, 7);
    refused!(EINVAL, drill, fcntl, fd, libc::F_DUPFD, 0);
    refused!(EINVAL, drill, ioctl, fd, 0, (&raw mut number).cast());
    refused!(EINVAL, drill, epoll_create, 0);
    let mut list = pollfd { fd, events: 0, revents: 0 };
    refused!(EINVAL, drill, poll, &raw mut list, c_ulong::MAX, 0);
    let epoll = call!(drill, epoll_create, 1);
    let mut event = epoll_event { events: 1, u64: 0 };
    for most in [0, -1, c_int::MIN] {
        refused!(EINVAL, drill, epoll_wait, epoll, &raw mut event, most, 0);
    }
    refused!(EINVAL, drill, epoll_ctl, epoll, 99, fd, &raw mut event);
    refused!(EINVAL, drill, splice, fd, null_mut(), fd, null_mut(), 1, 0);
    // A read may speak of more room than there is memory, as long as nothing is written beyond what is there.
    let mut room = [0u8; 4];
    let most = isize::MAX as usize;
    assert_eq!(call!(drill, recv, fd, room.as_mut_ptr().cast(), most, libc::MSG_PEEK), 4);
    assert_eq!(&room, b"text");
}

#[test]
fn calls_that_do_not_fit_the_socket_say_so() {
    let drill = drill();
    let (fresh, listener) = (drill.socket(), drill.listener());
    let (peer, mut byte) = (address(PEER, 80), 0u8);
    let one = (&raw mut byte).cast::<c_void>();
    refused!(EINVAL, drill, accept, fresh, null_mut(), null_mut());
    refused!(ENOTCONN, drill, read, fresh, one, 1);
    refused!(EPIPE, drill, write, fresh, one, 1);
    refused!(ENOTCONN, drill, shutdown, fresh, libc::SHUT_WR);
    refused!(EISCONN, drill, connect, listener, pointer(&peer), INET);
    refused!(EADDRINUSE, drill, bind, fresh, pointer(&address(LOCAL, PORT)), INET);
    refused!(EADDRNOTAVAIL, drill, bind, fresh, pointer(&address(PEER, PORT)), INET);
    refused!(EINPROGRESS, drill, connect, fresh, pointer(&peer), INET);
    refused!(EALREADY, drill, connect, fresh, pointer(&peer), INET);
    let (mut number, mut len) = (0, 4);
    let number_at = (&raw mut number).cast::<c_void>();
    refused!(ENOPROTOOPT, drill, getsockopt, fresh, 12_345, 1, number_at, &raw mut len);
    refused!(ENOPROTOOPT, drill, setsockopt, fresh, libc::SOL_SOCKET, 12_345, number_at, 4);
    refused!(EAFNOSUPPORT, drill, socket, libc::AF_INET6, libc::SOCK_STREAM, 0);
    refused!(EPROTONOSUPPORT, drill, socket, libc::AF_INET, libc::SOCK_DGRAM, 0);
}

/// What is no packet is dropped, and what is cut off in any place.
#[test]
fn rubbish_from_the_network_is_dropped() {
    let drill = drill();
    let (fd, next) = drill.accepted(b"text");
    let packet = [0x45u8; 64];
    for len in 0..packet.len() {
        assert_eq!(call!(drill, netdev_send, packet.as_ptr().cast(), len), 0);
    }
    drill.inject(Flags::ACK | Flags::PSH, 5, next, b"more");
    let mut room = [0u8; 16];
    assert_eq!(call!(drill, read, fd, room.as_mut_ptr().cast(), 16), 8);
    assert_eq!(&room[..8], b"textmore");
}

#[test]
fn without_a_stack_every_call_fails() {
    let drill = drill();
    let fd = drill.socket();
    call!(drill, free);
    refused!(ENXIO, drill, listen, fd, 1);
    refused!(ENXIO, drill, socket, libc::AF_INET, libc::SOCK_STREAM, 0);
    // The C library's function is asked about what is not ours.
    let file = std::fs::File::open("/").expect("it is there");
    let fd = std::os::fd::AsRawFd::as_raw_fd(&file);
    let (mut kind, mut len) = (0, 4);
    // SAFETY: a number, and room for it.
    let result = unsafe {
        getsockopt(fd, libc::SOL_SOCKET, libc::SO_TYPE, (&raw mut kind).cast(), &raw mut len)
    };
    let errno = std::io::Error::last_os_error().raw_os_error();
    assert_eq!((result, errno), (-1, Some(libc::ENOTSOCK)));
}
