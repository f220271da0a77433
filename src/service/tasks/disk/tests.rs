use std::fs;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::*;

#[tokio::test]
async fn a_sum_is_calculated_once_for_each_content() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("file");
    let disk = Disk::default();
    let sum = async |text: &[u8]| {
        let file = File::open(&place).expect("it is there");
        let (mut file, sum) = disk.sum(file, text.len() as u64).await.expect("it can be read");
        let mut found = Vec::new();
        file.read_to_end(&mut found).expect("it is at its beginning");
        assert_eq!(found, text);
        sum
    };
    fs::write(&place, "abc").expect("there is room");
    let first = sum(b"abc").await;
    assert_eq!(first, hex(&Sha256::digest("abc")));
    // Were it calculated again it would be another: what is known is what is answered.
    disk.known.lock().expect("nobody panics")[0].1 = "known".to_owned();
    assert_eq!(sum(b"abc").await, "known");
    // The same length; what tells them apart may be the time alone, which must be another first.
    let written = fs::metadata(&place).expect("it is there").modified().expect("a time");
    fs::write(&place, "xyz").expect("there is room");
    let file = File::options().write(true).open(&place).expect("it is there");
    file.set_modified(written + Duration::from_secs(1)).expect("it is ours");
    assert_eq!(sum(b"xyz").await, hex(&Sha256::digest("xyz")));
    assert_eq!(disk.known.lock().expect("nobody panics").len(), 1, "one for each file");
}

#[tokio::test]
async fn no_more_sums_are_kept_than_that() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = Disk::default();
    for number in 0..KNOWN + 10 {
        let place = folder.path().join(number.to_string());
        fs::write(&place, "x").expect("there is room");
        disk.sum(File::open(&place).expect("it is there"), 1).await.expect("it can be read");
    }
    assert_eq!(disk.known.lock().expect("nobody panics").len(), KNOWN);
}

/// Who waits for a turn takes no thread.
#[tokio::test]
async fn few_files_are_hashed_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("file");
    fs::write(&place, "x").expect("there is room");
    let disk = Disk::default();
    let turns = disk.hashing.acquire_many(HASHING as u32).await.expect("they are free");
    let mut waiting = Box::pin(disk.sum(File::open(&place).expect("it is there"), 1));
    assert!((&mut waiting).now_or_never().is_none());
    drop(turns);
    waiting.await.expect("it can be read");
}
