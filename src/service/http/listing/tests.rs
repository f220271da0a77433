use super::*;

#[test]
fn sizes_are_readable() {
    for (bytes, text) in [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1_048_575, "1.0 MiB"),
        (1 << 30, "1.0 GiB"),
        (u64::MAX, "16384.0 PiB"),
    ] {
        assert_eq!(readable(bytes), text);
    }
}

#[test]
fn html_is_escaped() {
    assert_eq!(
        escape(r#"<a href='x' title="y">&"#),
        "&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;"
    );
}
