use super::*;

#[test]
fn a_paragraph_is_as_wide_as_a_screen_and_hangs_below_its_first_word() {
    let mut text = Text::default();
    text.paragraph("  1. ", &"words ".repeat(40));
    let text = text.take();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].starts_with("  1. words") && lines[1].starts_with("     words"), "{text}");
    assert!(lines.iter().all(|line| line.len() <= WIDTH && !line.ends_with(' ')), "{text}");
}
