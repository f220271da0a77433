//! How a descriptor becomes a TUN device that cuts bursts itself.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use nix::errno::Errno;
use nix::libc;

/// Checksums may be left to the kernel's side, and to ours (linux/if_tun.h: TUN_F_CSUM).
const CSUM: libc::c_int = 0x01;
/// The same for cutting up TCP over IPv4, over IPv6, and with CWR in the first segment alone (TUN_F_TSO4, TUN_F_TSO6,
/// TUN_F_TSO_ECN).
const SEGMENTS: libc::c_int = 0x02 | 0x04 | 0x08;

nix::ioctl_write_ptr_bad!(
    tunsetiff,
    nix::request_code_write!(b'T', 202, size_of::<libc::c_int>()),
    libc::ifreq
);
nix::ioctl_write_int_bad!(
    tunsetoffload,
    nix::request_code_write!(b'T', 208, size_of::<libc::c_uint>())
);
nix::ioctl_write_ptr_bad!(
    tunsetvnethdrsz,
    nix::request_code_write!(b'T', 216, size_of::<libc::c_int>()),
    libc::c_int
);

/// Attaches to the interface `name` and makes it if there is none; packets have a header of [`super::header`] then,
/// and come uncut. Of one with `many` queues this is one more.
///
/// # Errors
/// As [`Tun::attach`](super::super::tun::Tun::attach), and `EINVAL` when the kernel cannot do that.
#[allow(unsafe_code, reason = "nix has the numbers of these calls, not the calls")]
pub(super) fn attach(name: &str, many: bool) -> io::Result<OwnedFd> {
    let flags = libc::O_CLOEXEC | libc::O_NONBLOCK;
    let file =
        OpenOptions::new().read(true).write(true).custom_flags(flags).open("/dev/net/tun")?;
    let fd = OwnedFd::from(file);
    let queues = if many { libc::IFF_MULTI_QUEUE } else { 0 };
    let request = interface(name, libc::IFF_TUN | libc::IFF_NO_PI | libc::IFF_VNET_HDR | queues)?;
    let header_len = super::header::LEN as libc::c_int;
    // SAFETY: the descriptor is open, and the call reads a request that lives longer than it.
    unsafe { tunsetiff(fd.as_raw_fd(), &request) }?;
    // SAFETY: the same, for a number.
    unsafe { tunsetvnethdrsz(fd.as_raw_fd(), &header_len) }?;
    // SAFETY: the call takes a number and touches no memory.
    unsafe { tunsetoffload(fd.as_raw_fd(), CSUM | SEGMENTS) }?;
    Ok(fd)
}

/// Has an interface cut and checksum everything itself: one that outlives its users keeps what the last one said.
#[allow(unsafe_code, reason = "nix has the number of this call, not the call")]
pub fn turn_off(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the call takes a number and touches no memory.
    unsafe { tunsetoffload(fd.as_raw_fd(), 0) }?;
    Ok(())
}

/// What asks for an interface of this name and kind.
#[allow(unsafe_code, reason = "a structure of the C library with a union in it")]
fn interface(name: &str, flags: libc::c_int) -> io::Result<libc::ifreq> {
    // SAFETY: zeros are a value of every member.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // One byte stays zero, as the end.
    let room = request.ifr_name.len() - 1;
    if name.len() > room {
        return Err(Errno::EINVAL.into());
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    Ok(request)
}
