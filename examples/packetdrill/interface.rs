//! The C interface: a table of functions that packetdrill asks for, and functions of the C library that it calls itself.
//!
//! Nothing happens here but conversion. Each function answers as the system call of its name does: -1 and `errno`
//! when it fails; a panic is such a failure, too, and its message goes to standard error.
#![allow(unsafe_code, reason = "functions that C calls, with pointers from C")]

use std::ffi::{CStr, c_char, c_int, c_long, c_longlong, c_uint, c_ulong, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;
use std::sync::OnceLock;

use bytes::Bytes;
use glasstcp::time::Duration;
use libc::{epoll_event, iovec, msghdr, off64_t, pollfd, sockaddr, socklen_t, timeval};

use crate::address::{self, Places};
use crate::errno::{Errno, Result};
use crate::settings::Settings;
use crate::world::{self, Use};

/// What every function gets first: nothing, for there is one stack in the process.
type User = *mut c_void;

/// The table: its order and its types are packetdrill's.
#[repr(C)]
pub struct Interface {
    userdata: User,
    free: unsafe extern "C" fn(User),
    socket: unsafe extern "C" fn(User, c_int, c_int, c_int) -> c_int,
    bind: unsafe extern "C" fn(User, c_int, *const sockaddr, socklen_t) -> c_int,
    listen: unsafe extern "C" fn(User, c_int, c_int) -> c_int,
    accept: unsafe extern "C" fn(User, c_int, *mut sockaddr, *mut socklen_t) -> c_int,
    connect: unsafe extern "C" fn(User, c_int, *const sockaddr, socklen_t) -> c_int,
    read: unsafe extern "C" fn(User, c_int, *mut c_void, usize) -> isize,
    readv: unsafe extern "C" fn(User, c_int, *const iovec, c_int) -> isize,
    recv: unsafe extern "C" fn(User, c_int, *mut c_void, usize, c_int) -> isize,
    recvfrom: unsafe extern "C" fn(
        User,
        c_int,
        *mut c_void,
        usize,
        c_int,
        *mut sockaddr,
        *mut socklen_t,
    ) -> isize,
    recvmsg: unsafe extern "C" fn(User, c_int, *mut msghdr, c_int) -> isize,
    write: unsafe extern "C" fn(User, c_int, *const c_void, usize) -> isize,
    writev: unsafe extern "C" fn(User, c_int, *const iovec, c_int) -> isize,
    send: unsafe extern "C" fn(User, c_int, *const c_void, usize, c_int) -> isize,
    sendto: unsafe extern "C" fn(
        User,
        c_int,
        *const c_void,
        usize,
        c_int,
        *const sockaddr,
        socklen_t,
    ) -> isize,
    sendmsg: unsafe extern "C" fn(User, c_int, *const msghdr, c_int) -> isize,
    // These two are variadic in C. On x86-64 and AArch64 Linux an argument after the dots is passed as one before
    // them; it is looked at only for commands that have one.
    fcntl: unsafe extern "C" fn(User, c_int, c_int, c_long) -> c_int,
    ioctl: unsafe extern "C" fn(User, c_int, c_ulong, *mut c_int) -> c_int,
    close: unsafe extern "C" fn(User, c_int) -> c_int,
    shutdown: unsafe extern "C" fn(User, c_int, c_int) -> c_int,
    getsockopt:
        unsafe extern "C" fn(User, c_int, c_int, c_int, *mut c_void, *mut socklen_t) -> c_int,
    setsockopt: unsafe extern "C" fn(User, c_int, c_int, c_int, *const c_void, socklen_t) -> c_int,
    poll: unsafe extern "C" fn(User, *mut pollfd, c_ulong, c_int) -> c_int,
    netdev_send: unsafe extern "C" fn(User, *const c_void, usize) -> c_int,
    netdev_receive: unsafe extern "C" fn(User, *mut c_void, *mut usize, *mut c_longlong) -> c_int,
    usleep: unsafe extern "C" fn(User, c_uint) -> c_int,
    gettimeofday: unsafe extern "C" fn(User, *mut timeval, *mut c_void) -> c_int,
    epoll_create: unsafe extern "C" fn(User, c_int) -> c_int,
    epoll_ctl: unsafe extern "C" fn(User, c_int, c_int, c_int, *mut epoll_event) -> c_int,
    epoll_wait: unsafe extern "C" fn(User, c_int, *mut epoll_event, c_int, c_int) -> c_int,
    pipe: unsafe extern "C" fn(User, *mut c_int) -> c_int,
    splice: unsafe extern "C" fn(
        User,
        c_int,
        *mut off64_t,
        c_int,
        *mut off64_t,
        usize,
        c_uint,
    ) -> isize,
}

const _: () = assert!(size_of::<Interface>() == 264);

/// What a function gives to C.
trait Answer {
    const FAILED: Self;
}

impl Answer for c_int {
    const FAILED: c_int = -1;
}

impl Answer for isize {
    const FAILED: isize = -1;
}

/// Carries out a call with the lock, and turns its result into what C expects.
fn answer<A: Answer, T: TryInto<A>>(call: impl FnOnce(&mut Use) -> Result<T>) -> A {
    let call = AssertUnwindSafe(|| call(&mut world::enter()?));
    let result = catch_unwind(call).unwrap_or(Err(Errno(libc::EIO)));
    let fits = |value: T| value.try_into().map_err(|_| Errno(libc::EOVERFLOW));
    result.and_then(fits).unwrap_or_else(|errno: Errno| {
        errno.set();
        A::FAILED
    })
}

/// The value of a call that has none.
const DONE: c_int = 0;

/// Most bytes of an option that are looked at.
const LONGEST_OPTION: usize = 256;

/// Most descriptors that poll looks at (poll(2): as many as a process may have).
const MOST_POLLED: usize = 1 << 16;

/// Fills in the table.
///
/// # Safety
/// `flags` is null or a string; `table` points to room for an [`Interface`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn packetdrill_interface_init(flags: *const c_char, table: *mut Interface) {
    // SAFETY: as the caller has promised.
    let flags = if flags.is_null() { c"" } else { unsafe { CStr::from_ptr(flags) } };
    let begun = catch_unwind(|| Settings::parse(&flags.to_string_lossy()).map(world::begin));
    if let Err(sentence) = begun.unwrap_or(Err("the stack could not be made; see above".into())) {
        eprintln!("glasstcp: {sentence}.");
        std::process::exit(2);
    }
    // What a script starts does not need this library.
    // SAFETY: no other thread reads the environment while a script begins.
    unsafe { std::env::remove_var("LD_PRELOAD") };
    // SAFETY: as the caller has promised.
    unsafe { table.write(TABLE) };
}

const TABLE: Interface = Interface {
    userdata: std::ptr::null_mut(),
    free,
    socket,
    bind,
    listen,
    accept,
    connect,
    read,
    readv,
    recv,
    recvfrom,
    recvmsg,
    write,
    writev,
    send,
    sendto,
    sendmsg,
    fcntl,
    ioctl,
    close,
    shutdown,
    getsockopt: get_option,
    setsockopt,
    poll,
    netdev_send,
    netdev_receive,
    usleep,
    gettimeofday,
    epoll_create,
    epoll_ctl,
    epoll_wait,
    pipe,
    splice,
};

// In all that follows the caller is packetdrill, and what it promises is what a program promises the kernel: that
// pointers are null or point to as much memory as the lengths say.

unsafe extern "C" fn free(_: User) {
    let _ = catch_unwind(world::end);
}

unsafe extern "C" fn socket(_: User, domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    answer(|host| host.socket(domain, kind, protocol))
}

unsafe extern "C" fn bind(_: User, fd: c_int, local: *const sockaddr, len: socklen_t) -> c_int {
    answer(|host| {
        // SAFETY: see above.
        let local = unsafe { address::read(local, len) }?;
        host.bind(fd, local).map(|()| DONE)
    })
}

unsafe extern "C" fn listen(_: User, fd: c_int, backlog: c_int) -> c_int {
    answer(|host| host.listen(fd, backlog).map(|()| DONE))
}

unsafe extern "C" fn accept(_: User, fd: c_int, peer: *mut sockaddr, len: *mut socklen_t) -> c_int {
    answer(|host| {
        if !peer.is_null() {
            // Whoever is accepted must not be lost.
            // SAFETY: see above.
            unsafe { address::room(len) }?;
        }
        let (fd, from) = host.accept(fd)?;
        // SAFETY: see above.
        unsafe { address::write(from, peer, len) }?;
        Ok(fd)
    })
}

unsafe extern "C" fn connect(_: User, fd: c_int, remote: *const sockaddr, len: socklen_t) -> c_int {
    answer(|host| {
        // SAFETY: see above.
        let remote = unsafe { address::read(remote, len) }?;
        host.connect(fd, remote).map(|()| DONE)
    })
}

unsafe extern "C" fn read(user: User, fd: c_int, room: *mut c_void, len: usize) -> isize {
    // SAFETY: this is `recv` without flags, and the caller promises the same.
    unsafe { recv(user, fd, room, len, 0) }
}

unsafe extern "C" fn readv(_: User, fd: c_int, list: *const iovec, count: c_int) -> isize {
    answer(|host| {
        // SAFETY: see above.
        let places = unsafe { Places::new(address::vectors(list, count as usize)?) };
        host.receive(fd, places, 0)
    })
}

unsafe extern "C" fn recv(
    _: User,
    fd: c_int,
    room: *mut c_void,
    len: usize,
    flags: c_int,
) -> isize {
    answer(|host| {
        let one = [iovec { iov_base: room, iov_len: len }];
        // SAFETY: see above.
        host.receive(fd, unsafe { Places::new(&one) }, flags)
    })
}

unsafe extern "C" fn recvfrom(
    user: User,
    fd: c_int,
    room: *mut c_void,
    len: usize,
    flags: c_int,
    _peer: *mut sockaddr,
    peer_len: *mut socklen_t,
) -> isize {
    if !peer_len.is_null() {
        // A stream does not say from whom (recvfrom(2)).
        // SAFETY: it is not null.
        unsafe { *peer_len = 0 };
    }
    // SAFETY: the caller promises the same.
    unsafe { recv(user, fd, room, len, flags) }
}

unsafe extern "C" fn recvmsg(_: User, fd: c_int, message: *mut msghdr, flags: c_int) -> isize {
    answer(|host| {
        // SAFETY: see above.
        let message = unsafe { message.as_mut() }.ok_or(Errno::EFAULT)?;
        // SAFETY: see above.
        let places = unsafe { Places::new(address::vectors(message.msg_iov, message.msg_iovlen)?) };
        let received = host.receive_message(fd, places, flags)?;
        message.msg_namelen = 0;
        message.msg_flags = received.flags;
        // SAFETY: see above.
        unsafe { address::write_control(message, received.control.as_ref()) };
        Ok(received.count)
    })
}

unsafe extern "C" fn write(user: User, fd: c_int, data: *const c_void, len: usize) -> isize {
    // SAFETY: this is `send` without flags, and the caller promises the same.
    unsafe { send(user, fd, data, len, 0) }
}

unsafe extern "C" fn writev(_: User, fd: c_int, list: *const iovec, count: c_int) -> isize {
    answer(|host| {
        // SAFETY: see above.
        let data = unsafe { address::gather(address::vectors(list, count as usize)?) }?;
        host.send(fd, &data, 0)
    })
}

unsafe extern "C" fn send(
    _: User,
    fd: c_int,
    data: *const c_void,
    len: usize,
    flags: c_int,
) -> isize {
    answer(|host| {
        // SAFETY: see above.
        let data = unsafe { address::bytes(data, len) }?;
        send_bytes(host, fd, data, flags)
    })
}

/// Sends to whom the socket is connected.
fn send_bytes(host: &mut Use, fd: c_int, data: &[u8], flags: c_int) -> Result<usize> {
    let count = host.send(fd, data, flags)?;
    if flags & libc::MSG_ZEROCOPY != 0 {
        host.note_zerocopy(fd, count)?;
    }
    Ok(count)
}

unsafe extern "C" fn sendto(
    _: User,
    fd: c_int,
    data: *const c_void,
    len: usize,
    flags: c_int,
    peer: *const sockaddr,
    peer_len: socklen_t,
) -> isize {
    answer(|host| {
        // SAFETY: see above.
        let data = unsafe { address::bytes(data, len) }?;
        if flags & libc::MSG_FASTOPEN == 0 {
            return send_bytes(host, fd, data, flags);
        }
        // SAFETY: see above.
        let peer = unsafe { address::read(peer, peer_len) }?;
        let count = host.send_fast(fd, data, flags, peer)?;
        if flags & libc::MSG_ZEROCOPY != 0 {
            host.note_zerocopy(fd, count)?;
        }
        Ok(count)
    })
}

unsafe extern "C" fn sendmsg(_: User, fd: c_int, message: *const msghdr, flags: c_int) -> isize {
    answer(|host| {
        // SAFETY: see above.
        let message = unsafe { message.as_ref() }.ok_or(Errno::EFAULT)?;
        // SAFETY: see above.
        let data =
            unsafe { address::gather(address::vectors(message.msg_iov, message.msg_iovlen)?) }?;
        if flags & libc::MSG_FASTOPEN == 0 {
            return send_bytes(host, fd, &data, flags);
        }
        // SAFETY: see above.
        let peer = unsafe { address::read(message.msg_name.cast(), message.msg_namelen) }?;
        host.send_fast(fd, &data, flags, peer)
    })
}

unsafe extern "C" fn fcntl(_: User, fd: c_int, command: c_int, argument: c_long) -> c_int {
    answer(|host| host.fcntl(fd, command, argument as c_int))
}

unsafe extern "C" fn ioctl(_: User, fd: c_int, request: c_ulong, result: *mut c_int) -> c_int {
    answer(|host| {
        let value = host.ioctl(fd, request)?;
        // SAFETY: see above; every request that succeeds has a result.
        let result = unsafe { result.as_mut() }.ok_or(Errno::EFAULT)?;
        *result = value;
        Ok(DONE)
    })
}

unsafe extern "C" fn close(_: User, fd: c_int) -> c_int {
    answer(|host| host.close(fd).map(|()| DONE))
}

unsafe extern "C" fn shutdown(_: User, fd: c_int, how: c_int) -> c_int {
    answer(|host| host.shutdown(fd, how).map(|()| DONE))
}

unsafe extern "C" fn get_option(
    _: User,
    fd: c_int,
    level: c_int,
    name: c_int,
    room: *mut c_void,
    len: *mut socklen_t,
) -> c_int {
    answer(|host| {
        // SAFETY: see above.
        let most = unsafe { address::room(len) }?;
        let value = host.option(fd, level, name)?;
        // SAFETY: see above.
        let len = unsafe { len.as_mut() }.ok_or(Errno::EFAULT)?;
        let fits = value.len().min(most);
        if room.is_null() && fits > 0 {
            return Err(Errno::EFAULT);
        }
        // SAFETY: see above; no more is written than there is room for.
        unsafe { room.cast::<u8>().copy_from_nonoverlapping(value.as_ptr(), fits) };
        *len = fits as socklen_t;
        Ok(DONE)
    })
}

unsafe extern "C" fn setsockopt(
    _: User,
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *const c_void,
    len: socklen_t,
) -> c_int {
    answer(|host| {
        // SAFETY: see above.
        let len = unsafe { address::room(&len) }?;
        // No option is longer.
        // SAFETY: see above.
        let value = unsafe { address::bytes(value, len.min(LONGEST_OPTION)) }?;
        host.set_option(fd, level, name, value).map(|()| DONE)
    })
}

unsafe extern "C" fn poll(_: User, list: *mut pollfd, count: c_ulong, millis: c_int) -> c_int {
    answer(|host| {
        let list = match (list.is_null(), count as usize) {
            (_, 0) => &mut [],
            (_, count) if count > MOST_POLLED => return Err(Errno::EINVAL),
            (true, _) => return Err(Errno::EFAULT),
            // SAFETY: see above.
            (false, count) => unsafe { slice::from_raw_parts_mut(list, count) },
        };
        host.poll(list, millis)
    })
}

unsafe extern "C" fn netdev_send(_: User, packet: *const c_void, len: usize) -> c_int {
    answer(|host| {
        // SAFETY: see above.
        let packet = unsafe { address::bytes(packet, len) }?;
        host.inject(Bytes::copy_from_slice(packet));
        Ok(DONE)
    })
}

unsafe extern "C" fn netdev_receive(
    _: User,
    room: *mut c_void,
    len: *mut usize,
    time: *mut c_longlong,
) -> c_int {
    answer(|host| {
        // SAFETY: see above.
        let (len, time) = unsafe { (len.as_mut(), time.as_mut()) };
        let (Some(len), Some(time), false) = (len, time, room.is_null()) else {
            return Err(Errno::EFAULT);
        };
        let (at, packet) = host.next_packet().unwrap_or_else(|| (host.now(), Bytes::new()));
        let fits = packet.len().min(*len);
        // SAFETY: see above; no more is written than there is room for.
        unsafe { room.cast::<u8>().copy_from_nonoverlapping(packet.as_ptr(), fits) };
        *len = fits;
        *time = (at.as_nanos() / 1000) as c_longlong;
        Ok(DONE)
    })
}

unsafe extern "C" fn usleep(_: User, micros: c_uint) -> c_int {
    // Should it panic, time passes all the same.
    let _ = catch_unwind(world::let_finish);
    answer(|host| {
        host.pass(Duration::from_micros(micros.into()));
        Ok(DONE)
    })
}

unsafe extern "C" fn gettimeofday(_: User, time: *mut timeval, _zone: *mut c_void) -> c_int {
    answer(|host| {
        let micros = host.glance().as_nanos() / 1000;
        // SAFETY: see above.
        if let Some(time) = unsafe { time.as_mut() } {
            time.tv_sec = (micros / 1_000_000) as libc::time_t;
            time.tv_usec = (micros % 1_000_000) as libc::suseconds_t;
        }
        Ok(DONE)
    })
}

unsafe extern "C" fn epoll_create(_: User, size: c_int) -> c_int {
    answer(|host| host.epoll_create(size))
}

unsafe extern "C" fn epoll_ctl(
    _: User,
    epfd: c_int,
    op: c_int,
    fd: c_int,
    event: *mut epoll_event,
) -> c_int {
    answer(|host| {
        // SAFETY: see above. The structure is packed, so it is copied.
        let event = (!event.is_null()).then(|| unsafe { event.read_unaligned() });
        host.epoll_ctl(epfd, op, fd, event.map(|event| (event.events, event.u64))).map(|()| DONE)
    })
}

unsafe extern "C" fn epoll_wait(
    _: User,
    epfd: c_int,
    room: *mut epoll_event,
    most: c_int,
    millis: c_int,
) -> c_int {
    answer(|host| {
        if room.is_null() && most > 0 {
            return Err(Errno::EFAULT);
        }
        let found = host.epoll_wait(epfd, most, millis)?;
        for (at, ready) in found.iter().enumerate() {
            let event = epoll_event { events: ready.events, u64: ready.data };
            // SAFETY: see above; at most `most` are found.
            unsafe { room.add(at).write_unaligned(event) };
        }
        Ok(found.len())
    })
}

/// There is nothing to it that concerns the stack.
unsafe extern "C" fn pipe(_: User, ends: *mut c_int) -> c_int {
    // SAFETY: see above.
    unsafe { libc::pipe(ends) }
}

/// Not offered: it moves pages of the kernel's.
unsafe extern "C" fn splice(
    _: User,
    _from: c_int,
    _from_at: *mut off64_t,
    _to: c_int,
    _to_at: *mut off64_t,
    _len: usize,
    _flags: c_uint,
) -> isize {
    answer(|_| Err::<isize, _>(Errno::EINVAL))
}

/// packetdrill keeps its memory from being swapped out, for the sake of time. Here time stands still, and to do so takes
/// rights that nobody needs otherwise.
#[unsafe(no_mangle)]
pub extern "C" fn mlockall(_flags: c_int) -> c_int {
    DONE
}

/// The same for a real-time priority, with which it would take the processors from all others.
#[unsafe(no_mangle)]
pub extern "C" fn sched_setscheduler(_pid: libc::pid_t, _policy: c_int, _: *const c_void) -> c_int {
    DONE
}

/// The C library's function, for whoever asks it about one of our sockets; the rest is passed on.
///
/// # Safety
/// As the C library's: `len` points to the number of writable bytes at `room`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    room: *mut c_void,
    len: *mut socklen_t,
) -> c_int {
    type Function = unsafe extern "C" fn(c_int, c_int, c_int, *mut c_void, *mut socklen_t) -> c_int;
    static NEXT: OnceLock<usize> = OnceLock::new();
    let is_ours = || world::enter().is_ok_and(|host| host.sockets.has(fd));
    if catch_unwind(is_ours).unwrap_or(false) {
        // SAFETY: the caller promises the same.
        return unsafe { get_option(std::ptr::null_mut(), fd, level, name, room, len) };
    }
    // SAFETY: the name is a string, and the handle one that dlsym knows.
    let find = || unsafe { libc::dlsym(libc::RTLD_NEXT, c"getsockopt".as_ptr()) } as usize;
    match *NEXT.get_or_init(find) {
        0 => {
            Errno(libc::ENOSYS).set();
            -1
        }
        // SAFETY: it is the C library's function of this name, whose type this is.
        next => unsafe { std::mem::transmute::<usize, Function>(next)(fd, level, name, room, len) },
    }
}

#[cfg(test)]
mod tests;
