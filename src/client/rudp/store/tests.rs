use std::os::unix::fs::PermissionsExt;

use super::*;

fn from() -> SocketAddr {
    ([10, 9, 0, 1], 4000).into()
}

async fn store(target: &Target, text: &[u8]) -> io::Result<(PathBuf, String)> {
    let mut storing = Storing::begin(target, from()).await?;
    storing.write(text).await?;
    storing.finish().await
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let names = entries.map(|entry| entry.expect("readable").file_name());
    let mut names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_file_has_its_name_only_when_it_is_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("file");
    fs::write(&place, "old").expect("it can be written");
    let target = Target::File(place.clone());
    target.check().expect("it can be");
    let mut storing = Storing::begin(&target, from()).await.expect("it can be");
    storing.write(b"new").await.expect("there is room");
    assert_eq!(fs::read_to_string(&place).expect("it is there"), "old");
    drop(storing);
    assert_eq!(names(folder.path()), ["file"], "nothing is left");
    let (path, hash) = store(&target, b"abc").await.expect("it can be");
    assert_eq!((&path, fs::read(&place).expect("it is there")), (&place, b"abc".to_vec()));
    assert_eq!(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_ne!(fs::metadata(&place).expect("it is there").permissions().mode() & 0o077, 0);
}

#[tokio::test]
async fn files_in_a_folder_replace_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = Target::Folder(folder.path().join("new"));
    target.check().expect("it can be");
    for text in [b"one", b"two"] {
        store(&target, text).await.expect("it can be");
    }
    let folder = folder.path().join("new");
    assert_eq!(names(&folder), ["10.9.0.1-4000", "10.9.0.1-4000.2"]);
    assert_eq!(fs::read(folder.join("10.9.0.1-4000")).expect("it is there"), b"one");
}

#[tokio::test]
async fn a_pipe_needs_its_reader() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("pipe");
    nix::unistd::mkfifo(&place, nix::sys::stat::Mode::S_IRWXU).expect("it can be");
    let target = Target::File(place.clone());
    target.check().expect("it can be tried");
    let error = store(&target, b"abc").await.expect_err("nobody reads");
    assert_eq!(error.to_string(), "nobody reads from this pipe: start its reader first");
    let mut reader = pipe::OpenOptions::new().open_receiver(&place).expect("it can be");
    store(&target, b"abc").await.expect("somebody reads");
    let mut text = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut text).await.expect("text");
    assert_eq!(text, b"abc");
    let mut storing = Storing::begin(&target, from()).await.expect("somebody reads");
    storing.write(b"abc").await.expect("there is room");
    assert!(!storing.is_spoilt(), "it can still be taken back");
    storing.write(&[0; BATCH]).await.expect("there is room");
    assert!(storing.is_spoilt());
}

#[tokio::test]
async fn what_cannot_be_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let kind = |target: Target| target.check().map_err(|error| error.kind());
    assert_eq!(kind(Target::File(folder.path().into())), Err(io::ErrorKind::IsADirectory));
    let nowhere = folder.path().join("nowhere/file");
    assert_eq!(kind(Target::File(nowhere)), Err(io::ErrorKind::NotFound));
    let full = Target::File("/dev/full".into());
    full.check().expect("it can be tried");
    let error = store(&full, b"abc").await.expect_err("it is full");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert!(!fs::metadata("/dev/full").expect("it is there").is_file());
}
