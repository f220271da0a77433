//! An allocator that counts for each thread, and so for each test: how much is in use, and how often something is
//! allocated.

#![expect(unsafe_code, reason = "an allocator cannot be made without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counted.
pub struct Counted;

/// What a thread has asked for. What it frees of others' makes it less than nothing.
#[derive(Clone, Copy)]
pub struct Use {
    /// Bytes in use, with what the allocator itself takes.
    pub bytes: isize,
    /// The most that was ever in use.
    pub most: isize,
    /// How often something was allocated.
    pub allocations: usize,
}

thread_local! {
    static USE: Cell<Use> = const { Cell::new(Use { bytes: 0, most: 0, allocations: 0 }) };
}

/// What malloc of the GNU C library takes for a request: eight bytes more, in steps of sixteen.
fn cost(layout: Layout) -> isize {
    (layout.size() + 8).next_multiple_of(16).max(32) as isize
}

// SAFETY: every call is passed on as it is.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Use { bytes, most, allocations } = USE.get();
        let bytes = bytes + cost(layout);
        USE.set(Use { bytes, most: most.max(bytes), allocations: allocations + 1 });
        // SAFETY: the caller keeps what `GlobalAlloc` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        let before = USE.get();
        USE.set(Use { bytes: before.bytes - cost(layout), ..before });
        // SAFETY: it came from `alloc`, which is the system's.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// What this thread has asked for.
pub fn now() -> Use {
    USE.get()
}
