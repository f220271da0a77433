use glasstcp::event::{ConnId, Event, TimerKind};
use glasstcp::time;

use super::*;

fn items(count: usize) -> Vec<Item> {
    let event = Event::TimerFired { conn: ConnId(1), timer: TimerKind::DelayedAck };
    vec![Item::Event(time::Instant::ZERO, event); count]
}

fn writer(path: &Path, most: u64) -> Writer {
    let file = BufWriter::new(File::create(path).unwrap());
    Writer { path: path.to_owned(), most, file, written: 0 }
}

#[test]
fn a_file_that_is_full_makes_way_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let mut writer = writer(&path, 1000);
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
    let mut writer = writer(&path, 10);
    writer.write(&items(3)).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 3);
    assert!(!folder.path().join("events.1").exists());
}

#[test]
fn what_cannot_be_written_ends_the_file_and_nothing_else() {
    let queue = Queue::default();
    let mut writer = writer(Path::new("/dev/full"), 1000);
    assert!(writer.write(&items(1)).is_err());
    queue.close();
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(writer.write_all(&queue));
}
