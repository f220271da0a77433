use super::*;

#[test]
fn a_line_has_the_rule_the_verdict_and_what_was_seen() {
    let grade = |rule: &str, verdict, guessed| Grade {
        rule: rule.to_owned(),
        verdict,
        seen: "2\u{1b}[31m".to_owned(),
        value: Some(2.0),
        guessed,
        connection: "#1".to_owned(),
    };
    let grades =
        [grade("rto == 0", Verdict::Fail, true), grade("losses <= 12", Verdict::Pass, false)];
    let text = lines(&grades);
    let expected = ["fail     rto == 0      seen: 2", "pass     losses <= 12  seen: 2"];
    for (line, begin) in text.lines().zip(expected) {
        assert!(line.starts_with(begin) && !line.contains('\u{1b}'), "{line:?}");
    }
    assert!(text.lines().next().is_some_and(|line| line.ends_with("packets alone do not say)")));
}

#[test]
fn rules_may_be_written_by_any_editor() {
    let wide = |text: &str, mark: [u8; 2], unit: fn(u16) -> [u8; 2]| {
        let mut bytes = mark.to_vec();
        bytes.extend(text.encode_utf16().flat_map(unit));
        bytes
    };
    for bytes in [
        b"rto == 0".to_vec(),
        b"\xEF\xBB\xBFrto == 0".to_vec(),
        wide("rto == 0", [0xFF, 0xFE], u16::to_le_bytes),
        wide("rto == 0", [0xFE, 0xFF], u16::to_be_bytes),
    ] {
        assert_eq!(decoded(&bytes), "rto == 0");
    }
    let latin = decoded(b"rto == 0 # f\xFCr dich");
    assert!(latin.parse::<Rules>().is_ok(), "{latin}");
}
