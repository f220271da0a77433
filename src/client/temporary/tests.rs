use super::*;

/// Nor does it stay.
#[test]
fn a_temporary_file_has_a_name_that_shows_whose_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let made = |name: &str| temporary(folder.path(), name.as_ref(), 0o600).unwrap();
    let name = |file: &NamedTempFile| file.path().file_name().unwrap().to_str().unwrap().to_owned();
    let short = made("file");
    assert!(name(&short).starts_with(".file.") && name(&short).ends_with(".part"));
    assert_eq!(short.as_file().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    // The longest that there may be, in which letters have two bytes.
    let long = made(&"\u{e4}".repeat(127));
    assert!(name(&long).starts_with(&format!(".{}.", "\u{e4}".repeat(32))));
    drop((short, long));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn errors_do_not_speak_of_what_nobody_knows() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let failed = |folder: &Path, name: &str| {
        let error = temporary(folder, name.as_ref(), NEW).unwrap_err().to_string();
        assert!(!error.contains(".part"), "{error}");
        error
    };
    assert_eq!(failed(&nowhere, "file"), "there is no such folder");
    std::fs::write(&nowhere, "").unwrap();
    assert_eq!(failed(&nowhere, "file"), "not a directory");
    assert_eq!(failed(folder.path(), &"x".repeat(256)), "invalid filename");
}
