//! Memory that nobody uses and the process still holds.

/// Gives memory that was freed back to the system. The allocator of glibc keeps whatever lies below
/// the last piece in use, so that without this a process stays as large as in its busiest moment. It
/// takes the calling thread about 0.1 ms for each MiB. Where the C library is another one it does
/// nothing.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    trim();
}

#[cfg(target_env = "gnu")]
#[allow(unsafe_code, reason = "there is no other way to ask for it")]
fn trim() {
    // SAFETY: it takes a plain number and concerns only memory that is free; any thread may call it
    // at any time (malloc_trim(3): MT-Safe).
    unsafe { libc::malloc_trim(0) };
}
