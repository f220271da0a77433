use super::*;

/// What has been sent in part has no file here that could be continued.
#[test]
fn only_what_is_fetched_can_be_continued() {
    let cut = || HttpError::Cut(5);
    assert!(explain_fetching(cut()).to_string().contains("cut off after 5 bytes"));
    assert!(explain_fetching(cut()).to_string().contains("--continue"));
    assert_eq!(explain(cut()).to_string(), cut().to_string());
}
