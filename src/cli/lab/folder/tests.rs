use super::*;

#[test]
fn only_what_a_lab_has_written_is_replaced() {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("deep/lab");
    let mut folder = Folder::open(&path).expect("made");
    folder.write("one.svg", b"1").expect("written");
    folder.write("two.svg", b"2").expect("written");
    folder.finish().expect("listed");
    fs::write(path.join("mine.txt"), "mine").expect("written");
    let mut folder = Folder::open(&path).expect("ours");
    folder.write("one.svg", b"3").expect("replaced");
    let error = folder.write("mine.txt", b"4").expect_err("not ours").to_string();
    assert!(error.contains("was not written by a lab"), "{error}");
    folder.finish().expect("listed");
    let read = |name: &str| fs::read_to_string(path.join(name)).ok();
    assert_eq!(
        (read("one.svg").as_deref(), read("mine.txt").as_deref()),
        (Some("3"), Some("mine"))
    );
    assert_eq!(read("two.svg"), None, "it is of an earlier time");
    assert_eq!(folder.written(), ["one.svg"]);
}

#[test]
fn folders_of_others_are_left_alone() {
    let place = tempfile::tempdir().expect("a folder");
    fs::write(place.path().join("mine.txt"), "mine").expect("written");
    let error = Folder::open(place.path()).expect_err("not ours").to_string();
    assert!(error.contains("has files that no lab has written"), "{error}");
    let error = Folder::open(&place.path().join("mine.txt")).expect_err("a file").to_string();
    assert!(error.contains("is a file: choose a folder"), "{error}");
    // What a list claims outside of the folder is not touched.
    fs::remove_file(place.path().join("mine.txt")).expect("removed");
    fs::write(place.path().join("kept"), "kept").expect("written");
    let inner = place.path().join("inner");
    fs::create_dir(&inner).expect("made");
    fs::write(inner.join(LIST), "../kept\n").expect("written");
    Folder::open(&inner).and_then(|mut folder| folder.finish()).expect("finished");
    assert!(place.path().join("kept").exists());
}
