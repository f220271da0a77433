use super::*;

#[test]
fn a_file_that_is_too_large_is_refused() {
    assert!(check(sender::MAX_FILE).is_ok());
    let error = check(sender::MAX_FILE + 1).unwrap_err().to_string();
    assert!(error.contains("send it in parts"), "{error}");
}
