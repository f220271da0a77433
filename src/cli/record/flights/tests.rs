use glasstcp::event::ConnId;
use glasstcp::flight::Trouble;
use glasstcp::time::Instant;

use super::*;

fn recording(conn: u32) -> Recording {
    Recording {
        conn: ConnId(conn),
        ends: None,
        trouble: Some(Trouble::Reset),
        at: Instant::ZERO,
        gone: 0,
        entries: 0,
        events: Vec::new(),
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn each_recording_is_a_file_with_its_time_its_connection_and_its_trouble() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &recording(17)).unwrap();
    let names = names(folder.path());
    let [name] = &names[..] else { panic!("{names:?}") };
    assert!(name.starts_with("flight-2") && name.ends_with("-conn17-reset.jsonl"), "{name}");
    let text = fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(text.contains(r#""conn":17,"name":"flight_record""#), "{text}");
}

#[test]
fn only_so_many_are_kept_and_nothing_of_others_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let make = |name: &str| fs::write(folder.path().join(name), "").unwrap();
    let others =
        ["a file of somebody else's", "flight-1.jsonl", "flight-20260131T123456.789.jsonl"];
    others.iter().for_each(|name| make(name));
    let ours = |number: usize| format!("flight-20260131T123456.{number:03}-conn1-reset.jsonl");
    (0..FILES + 3).for_each(|number| make(&ours(number)));
    // What cannot be removed is no file at all.
    fs::remove_file(folder.path().join(ours(0))).unwrap();
    fs::create_dir(folder.path().join(ours(0))).unwrap();
    tidy(folder.path()).unwrap();
    let names = names(folder.path());
    assert!(others.iter().all(|name| names.iter().any(|one| one == name)));
    let kept: Vec<_> = names.iter().filter(|name| name.contains("-conn1-")).collect();
    assert_eq!((kept.len(), kept[1]), (FILES + 1, &ours(3)));
}

#[test]
fn what_cannot_be_written_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    assert!(write(&gone, &recording(1)).is_err());
    assert!(names(folder.path()).is_empty());
}
