//! An allocator that counts how much is in use.

#![expect(unsafe_code, reason = "an allocator cannot be made without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The system's allocator, counted.
pub struct Counted;

static BYTES: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// What malloc of the GNU C library takes for a request: eight bytes more, in steps of sixteen.
fn cost(layout: Layout) -> usize {
    (layout.size() + 8).next_multiple_of(16).max(32)
}

// SAFETY: every call is passed on as it is.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let bytes = BYTES.fetch_add(cost(layout), Relaxed) + cost(layout);
        MOST.fetch_max(bytes, Relaxed);
        // SAFETY: the caller keeps what `GlobalAlloc` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        BYTES.fetch_sub(cost(layout), Relaxed);
        // SAFETY: it came from `alloc`, which is the system's.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Bytes in use, with what the allocator itself takes.
pub fn in_use() -> usize {
    BYTES.load(Relaxed)
}

/// The most that was ever in use.
pub fn most() -> usize {
    MOST.load(Relaxed)
}
