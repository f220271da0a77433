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
