//! Addresses and buffers of C. Only what is unsafe about them.
#![allow(unsafe_code, reason = "pointers from C")]

use std::ffi::c_void;
use std::net::{Ipv4Addr, SocketAddr};
use std::slice;

use crate::control::Control;
use crate::errno::{Errno, Result};

/// The address that a caller has given: IPv4, or `None` for AF_UNSPEC.
///
/// # Safety
/// `address` is null or points to `len` readable bytes.
pub unsafe fn read(
    address: *const libc::sockaddr,
    len: libc::socklen_t,
) -> Result<Option<SocketAddr>> {
    if address.is_null() {
        return Err(Errno::EFAULT);
    }
    let sizes = size_of::<libc::sa_family_t>()..=size_of::<libc::sockaddr_storage>();
    if !sizes.contains(&(len as usize)) {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the family was found to be within `len`.
    let family = unsafe { (&raw const (*address).sa_family).read_unaligned() };
    match i32::from(family) {
        libc::AF_UNSPEC => Ok(None),
        libc::AF_INET if (len as usize) < size_of::<libc::sockaddr_in>() => Err(Errno::EINVAL),
        libc::AF_INET => {
            // SAFETY: the whole structure was found to be within `len`.
            let inet = unsafe { address.cast::<libc::sockaddr_in>().read_unaligned() };
            let ip = Ipv4Addr::from(inet.sin_addr.s_addr.to_ne_bytes());
            Ok(Some(SocketAddr::new(ip.into(), u16::from_be(inet.sin_port))))
        }
        _ => Err(Errno(libc::EAFNOSUPPORT)),
    }
}

/// How much room there is, of which a caller speaks: `int` to the kernel, so it may be less than none.
///
/// # Safety
/// `len` is null or points to a number.
pub unsafe fn room(len: *const libc::socklen_t) -> Result<usize> {
    // SAFETY: as the caller has promised.
    let len = unsafe { len.as_ref() }.ok_or(Errno::EFAULT)?;
    i32::try_from(*len).map(|len| len as usize).map_err(|_| Errno::EINVAL)
}

/// Gives an address to a caller who wants it, cut to the room there is.
///
/// # Safety
/// `len` is null or points to the number of writable bytes at `place`, which is null or points to them.
pub unsafe fn write(
    address: SocketAddr,
    place: *mut libc::sockaddr,
    len: *mut libc::socklen_t,
) -> Result<()> {
    let SocketAddr::V4(address) = address else {
        return Err(Errno(libc::EAFNOSUPPORT));
    };
    if place.is_null() {
        return Ok(());
    }
    // SAFETY: as the caller has promised.
    let most = unsafe { room(len) }?;
    let inet = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
        sin_zero: [0; 8],
    };
    let size = size_of_val(&inet);
    // SAFETY: both were found not to be null, and no more is written than there is room for.
    unsafe {
        place.cast::<u8>().copy_from_nonoverlapping((&raw const inet).cast(), most.min(size));
        *len = size as libc::socklen_t;
    }
    Ok(())
}

/// Bytes that a caller wants to send.
///
/// # Safety
/// `data` is null or points to `len` readable bytes that nobody changes while the call lasts.
pub unsafe fn bytes<'a>(data: *const c_void, len: usize) -> Result<&'a [u8]> {
    match (data.is_null(), len) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(Errno::EFAULT),
        // No memory is so large.
        _ if len > isize::MAX as usize => Err(Errno::EFAULT),
        // SAFETY: as the caller has promised.
        (false, _) => Ok(unsafe { slice::from_raw_parts(data.cast(), len) }),
    }
}

/// Places for what a caller wants to receive, in order. A place that is null has no memory behind it, which is not
/// an error before something is to be put there.
#[derive(Clone, Copy)]
pub struct Places<'a> {
    list: &'a [libc::iovec],
}

impl<'a> Places<'a> {
    /// # Safety
    /// Each of the list is null or points to as many writable bytes as it says, which nobody else uses while the
    /// call lasts.
    pub unsafe fn new(list: &'a [libc::iovec]) -> Places<'a> {
        Places { list }
    }

    /// Bytes in all of them together.
    pub fn len(&self) -> usize {
        self.list.iter().fold(0, |sum, place| sum.saturating_add(place.iov_len))
    }

    /// Fills them with as much of `data` as fits, and says how much that was.
    pub fn fill(&self, mut data: &[u8]) -> Result<usize> {
        let before = data.len();
        for place in self.list {
            let (now, rest) = data.split_at(place.iov_len.min(data.len()));
            if now.is_empty() {
                continue;
            }
            if place.iov_base.is_null() {
                return Err(Errno::EFAULT);
            }
            // SAFETY: who made this has promised that there is room for `iov_len` bytes.
            unsafe {
                place.iov_base.cast::<u8>().copy_from_nonoverlapping(now.as_ptr(), now.len())
            };
            data = rest;
        }
        Ok(before - data.len())
    }

    /// Whether something would be put where there is no memory.
    pub fn is_bad(&self) -> bool {
        self.list.iter().any(|place| place.iov_base.is_null() && place.iov_len > 0)
    }
}

/// The vectors of a call.
///
/// # Safety
/// `list` is null or points to `count` vectors.
pub unsafe fn vectors<'a>(list: *const libc::iovec, count: usize) -> Result<&'a [libc::iovec]> {
    match (list.is_null(), count) {
        (_, 0) => Ok(&[]),
        (_, count) if count > libc::UIO_MAXIOV as usize => Err(Errno::EINVAL),
        (true, _) => Err(Errno::EFAULT),
        (false, _) => {
            // SAFETY: as the caller has promised.
            let list = unsafe { slice::from_raw_parts(list, count) };
            let signed = list.iter().all(|one| isize::try_from(one.iov_len).is_ok());
            if signed { Ok(list) } else { Err(Errno::EINVAL) }
        }
    }
}

/// All bytes of the vectors, one after the other.
///
/// # Safety
/// Each is null or points to as many readable bytes as it says.
pub unsafe fn gather(list: &[libc::iovec]) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    for one in list {
        // SAFETY: as the caller has promised.
        all.extend_from_slice(unsafe { bytes(one.iov_base, one.iov_len) }?);
    }
    Ok(all)
}

/// Gives a control message to a caller of recvmsg, if there is one and it fits.
///
/// # Safety
/// What the message says of its room for control messages is true.
pub unsafe fn write_control(message: &mut libc::msghdr, control: Option<&Control>) {
    let room = std::mem::take(&mut message.msg_controllen);
    let Some(Control { level, kind, data }) = control else {
        return;
    };
    let header = size_of::<libc::cmsghdr>();
    if message.msg_control.is_null() || room < header + data.len() {
        message.msg_flags |= libc::MSG_CTRUNC;
        return;
    }
    let cmsg =
        libc::cmsghdr { cmsg_len: header + data.len(), cmsg_level: *level, cmsg_type: *kind };
    let start = message.msg_control.cast::<u8>();
    // SAFETY: both fit into the room that was found to be there.
    unsafe {
        start.cast::<libc::cmsghdr>().write_unaligned(cmsg);
        start.add(header).copy_from_nonoverlapping(data.as_ptr(), data.len());
    }
    message.msg_controllen = (header + data.len()).next_multiple_of(size_of::<usize>()).min(room);
}
