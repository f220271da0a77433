use super::*;

fn parsed(text: &str) -> Result<String, String> {
    Path::parse(text).map(|path| path.folder_url()).map_err(|refused| format!("{refused:?}"))
}

#[test]
fn paths_are_decoded_and_encoded() {
    assert_eq!(parsed("/").as_deref(), Ok("/"));
    assert_eq!(parsed("/a/b").as_deref(), Ok("/a/b/"));
    assert_eq!(parsed("//evil.example//x/").as_deref(), Ok("/evil.example/x/"));
    assert_eq!(parsed("/a%20b/%C3%BC").as_deref(), Ok("/a%20b/%C3%BC/"));
    assert_eq!(parsed("/%ff").as_deref(), Ok("/%FF/"));
    assert_eq!(parsed("/a%3Cb%22").as_deref(), Ok("/a%3Cb%22/"));
    // Not two hexadecimal digits: the percent sign is itself.
    assert_eq!(parsed("/100%").as_deref(), Ok("/100%25/"));
    // Decoded once, not twice.
    assert_eq!(parsed("/%252e%252e/x").as_deref(), Ok("/%252e%252e/x/"));
}

#[test]
fn hostile_paths_are_refused() {
    for path in
        ["/..", "/../x", "/a/../../x", "/.", "/.git/config", "/%2e%2e/x", "/%2E./x", "/.%2e/"]
    {
        assert_eq!(parsed(path), Err("NotFound".into()), "{path}");
    }
    for path in
        ["", "*", "x", "/a%2fb", "/..%2f..%2fetc", "/a%00b", "/a%0d%0ab", "/%7f", "/%2fetc/passwd"]
    {
        assert_eq!(parsed(path), Err("BadPath".into()), "{path}");
    }
}

#[test]
fn plain_paths_are_as_safe() {
    let plain = |text: &str| {
        Path::plain(text).map(|path| path.folder_url()).map_err(|refused| format!("{refused:?}"))
    };
    assert_eq!(plain("a b/c%41.txt").as_deref(), Ok("/a%20b/c%2541.txt/"));
    assert_eq!(plain("/a//b").as_deref(), Ok("/a/b/"));
    for path in ["..", "../x", "a/../x", "/etc/../x", ".git", "a/.x"] {
        assert_eq!(plain(path), Err("NotFound".into()), "{path}");
    }
    assert_eq!(plain("a\0b"), Err("BadPath".into()));
}
