use glasstcp::event::{ConnId, Event, TimerKind};
use glasstcp::time;

use super::*;

fn items(count: usize) -> Vec<Item> {
    let event = Event::TimerFired { conn: ConnId(1), timer: TimerKind::DelayedAck };
    vec![Item::Event(time::Instant::ZERO, event); count]
}

#[test]
fn a_file_that_is_full_makes_way_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let mut writer = Writer::open(&path, 1000).unwrap();
    let lines = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap().lines().count();
    writer.write(&items(5)).unwrap();
    assert_eq!((lines("events"), folder.path().join("events.1").exists()), (5, false));
    writer.write(&items(9)).unwrap();
    assert_eq!((lines("events"), lines("events.1")), (9, 5));
    writer.write(&items(1)).unwrap();
    writer.write(&items(9)).unwrap();
    assert_eq!((lines("events"), lines("events.1")), (9, 10));
}

#[test]
fn a_batch_that_is_longer_than_a_file_may_be_is_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let mut writer = Writer::open(&path, 10).unwrap();
    writer.write(&items(3)).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 3);
    assert!(!folder.path().join("events.1").exists());
}

#[test]
fn a_file_that_was_taken_away_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let mut writer = Writer::open(&path, 500).unwrap();
    writer.write(&items(5)).unwrap();
    fs::remove_file(&path).unwrap();
    writer.write(&items(5)).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 5);
}

#[test]
fn what_is_no_file_never_makes_way() {
    let mut writer = Writer::open(Path::new("/dev/null"), 1).unwrap();
    assert_eq!(writer.most, None);
    writer.write(&items(3)).unwrap();
    writer.write(&items(3)).unwrap();
    assert!(!Path::new("/dev/null.1").exists());
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(Writer::open(&pipe, 1).is_err(), "nobody reads it, and nobody waits for that");
}

#[test]
fn what_cannot_be_written_ends_the_file_and_nothing_else() {
    let queue = Queue::default();
    let mut writer = Writer::open(Path::new("/dev/full"), 1000).unwrap();
    assert!(writer.write(&items(1)).is_err());
    queue.close();
    let observed = Observed::default();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(writer.write_all(&queue, &observed));
}
