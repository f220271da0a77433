use super::*;

#[test]
fn a_terminal_obeys_nothing_that_a_server_says() {
    let said = b"Stored.\n\ta\x1b[2J\x07\r\xc2\x9b1m \xff \xc3\xa4\x7f\n";
    assert_eq!(harmless(said), "Stored.\n\ta\\u{1b}[2J\\u{7}\\r\\u{9b}1m \u{fffd} \u{e4}\\u{7f}\n");
}
