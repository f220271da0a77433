//! Who does what, and a dog that barks when nothing is done any more.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use glasstcp::net::{InfoHandle, Net};
use glasstcp::observe::counters;

/// Longer than anything takes that does not hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// The allocator of the system, with a count of the bytes in use.
struct Counting;

static IN_USE: AtomicIsize = AtomicIsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the allocator of the system as it came.
#[allow(unsafe_code, reason = "there is no other way to count what is allocated")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller keeps the promises of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller keeps the promises of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Bytes in use by the whole program.
pub fn bytes_in_use() -> isize {
    IN_USE.load(Ordering::Relaxed)
}

/// What everybody is doing.
#[derive(Default)]
pub struct Board {
    doing: Mutex<BTreeMap<String, (String, Option<InfoHandle>)>>,
    changes: AtomicU64,
    over: AtomicBool,
}

impl Board {
    /// A new board with a dog that watches it, and prints it with the state of the stacks and ends
    /// the program when it stays the same for too long.
    pub fn watched(title: String, nets: [Net; 2]) -> (Arc<Board>, thread::JoinHandle<()>) {
        let board = Arc::new(Board::default());
        let watched = Arc::clone(&board);
        let watching = thread::spawn(move || watched.watch(&title, &nets));
        (board, watching)
    }

    /// Notes what someone does now.
    pub fn note(&self, who: &str, what: String, info: Option<InfoHandle>) {
        self.changes.fetch_add(1, Ordering::Relaxed);
        let mut doing = self.doing.lock().unwrap();
        let entry = doing.entry(who.to_owned()).or_default();
        entry.0 = what;
        entry.1 = info.or(entry.1.take());
    }

    /// Something moved.
    pub fn moved(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Someone is done.
    pub fn done(&self, who: &str) {
        self.moved();
        self.doing.lock().unwrap().remove(who);
    }

    /// Who is not done yet.
    pub fn left(&self) -> usize {
        self.doing.lock().unwrap().len()
    }

    /// Sends the dog home.
    pub fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    fn watch(&self, title: &str, nets: &[Net]) {
        let (mut seen, mut since) = (0, Instant::now());
        while !self.over.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(20));
            let changes = self.changes.load(Ordering::Relaxed);
            if changes != seen {
                (seen, since) = (changes, Instant::now());
            }
            if since.elapsed() > PATIENCE {
                eprintln!("{title}: nothing has moved for {PATIENCE:?}");
                for (who, (what, info)) in &*self.doing.lock().unwrap() {
                    eprintln!("  {who}: {what}; {:?}", info.as_ref().and_then(InfoHandle::info));
                }
                for net in nets {
                    eprintln!("{:?}\n{}", net.tables(), counters::format(&net.counters(), &[]));
                }
                process::exit(1);
            }
        }
    }
}
