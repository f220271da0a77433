use super::*;

#[test]
fn sums_are_small_letters_and_two_digits_a_byte() {
    assert_eq!(hex(&[0, 0xa, 0xff]), "000aff");
}

#[test]
fn no_terminal_obeys_what_others_say() {
    let said = "a\x1b[2J\x07\r\u{9b}1m \u{e4}\x7f\u{202e}b\u{2066}\u{61c}\u{2028}c";
    assert_eq!(harmless_line(said), "a?[2J???1m \u{e4}??b???c");
    assert_eq!(harmless_line("a\n\tb"), "a??b");
    assert_eq!(harmless_lines("a\r\n\tb\rc\n\u{202e}\x1b"), "a\n\tb?c\n??");
}
