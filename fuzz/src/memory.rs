//! Counts what the thread holds on the heap, so that a target can say how much a stack may hold.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, counted for each thread.
struct Counted;

#[global_allocator]
static ALLOCATOR: Counted = Counted;

/// Bytes that this thread has allocated and not freed. It may be negative, where it frees what
/// others have allocated.
pub fn held() -> isize {
    HELD.get()
}

fn count(bytes: isize) {
    HELD.set(HELD.get() + bytes);
}

#[allow(unsafe_code, reason = "an allocator is unsafe by its trait")]
// SAFETY: every call is passed on unchanged; the counter allocates nothing and has no destructor.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(memory, layout) }
    }
}
