//! Memory that nobody uses and the process still holds.

/// Gives memory that was freed back to the system, for an allocator keeps it: that of glibc whatever
/// lies below the last piece in use, and mimalloc (the feature of that name, which is how the command
/// is built) until it is used again, which an idle process does not do. It takes the calling thread
/// about 0.1 ms for each MiB. Under other allocators it does nothing.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    trim();
    #[cfg(feature = "mimalloc")]
    collect();
}

#[cfg(target_env = "gnu")]
#[allow(unsafe_code, reason = "there is no other way to ask for it")]
fn trim() {
    // SAFETY: it takes a plain number and concerns only memory that is free; any thread may call it
    // at any time (malloc_trim(3): MT-Safe).
    unsafe { libc::malloc_trim(0) };
}

#[cfg(feature = "mimalloc")]
#[allow(unsafe_code, reason = "there is no other way to ask for it")]
fn collect() {
    // SAFETY: it takes a plain flag and concerns only memory that is free; any thread may call it at
    // any time.
    unsafe { libmimalloc_sys::mi_collect(true) };
}
