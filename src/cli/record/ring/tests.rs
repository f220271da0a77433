use super::*;

/// Lines of ten bytes.
fn push(ring: &mut Ring, count: usize) {
    (0..count).for_each(|_| ring.push(b"a line it\n").unwrap());
    ring.flush().unwrap();
}

#[test]
fn a_file_that_is_full_makes_way_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let mut ring = Ring::open(&path, 100, 2, b"head\n".to_vec()).unwrap();
    let text = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    let lines =
        || ["events", "events.1", "events.2", "events.3"].map(|name| text(name).lines().count());
    push(&mut ring, 5);
    assert_eq!(lines(), [6, 0, 0, 0]);
    push(&mut ring, 9);
    assert_eq!(lines(), [6, 10, 0, 0], "nine and the head fit");
    push(&mut ring, 9);
    assert_eq!(lines(), [6, 10, 10, 0]);
    push(&mut ring, 9);
    assert_eq!(lines(), [6, 10, 10, 0], "what is oldest goes");
    assert!(["events", "events.1", "events.2"].iter().all(|name| text(name).starts_with("head\n")));
}

#[test]
fn a_piece_that_is_longer_than_a_file_may_be_is_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let mut ring = Ring::open(&path, 5, 1, Vec::new()).unwrap();
    push(&mut ring, 2);
    let both = [path.clone(), folder.path().join("events.1")].map(|name| fs::read(name).unwrap());
    assert_eq!(both, [b"a line it\n", b"a line it\n"]);
}

#[test]
fn a_file_that_was_taken_away_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let mut ring = Ring::open(&path, 50, 1, Vec::new()).unwrap();
    push(&mut ring, 5);
    fs::remove_file(&path).unwrap();
    push(&mut ring, 5);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 5);
}

#[test]
fn what_is_no_file_never_makes_way() {
    let mut ring = Ring::open(Path::new("/dev/null"), 1, 1, Vec::new()).unwrap();
    assert_eq!(ring.most, None);
    push(&mut ring, 3);
    assert!(!Path::new("/dev/null.1").exists());
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let opened = Ring::open(&pipe, 1, 1, Vec::new());
    assert!(opened.is_err(), "nobody reads it, and nobody waits for that");
}

#[test]
fn what_cannot_be_written_ends_the_file_and_nothing_else() {
    let ring = Ring::open(Path::new("/dev/full"), 1000, 1, b"head".to_vec()).unwrap();
    let queue = Queue::<()>::default();
    let observed = Observed::default();
    let runtime = Builder::new_current_thread().build().unwrap();
    // It does not wait for what comes.
    runtime.block_on(write_all(ring, "events", &queue, &observed, &mut |_| Ok(Vec::new())));
}
