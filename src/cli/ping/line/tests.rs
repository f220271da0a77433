use super::*;

#[test]
fn a_request_has_its_size_and_its_answer_is_told() {
    assert_eq!(request(17, 160_342, 30), b"glasstcp ping 17 160342 abcde\n");
    for size in [0, 1, 16, 19, 20, 21, 22, 64, 1000, 65_000] {
        let line = request(3, 42, size);
        // Without room for a blank and a letter there is no padding.
        let bare = b"glasstcp ping 3 42\n".len();
        assert!(line.len() == size || (size < bare + 2 && line.len() == bare), "{size}");
        assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1);
        let expected = Some(Judged { seq: 3, micros: 42, whole: true });
        assert_eq!(judge(&line, size), expected);
        assert_eq!(judge(&line.to_ascii_uppercase(), size), expected);
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    let answer = request(12, 3456, 64).to_ascii_uppercase();
    for at in 0..answer.len() {
        for flip in 1..=255 {
            let mut changed = answer.clone();
            changed[at] ^= flip;
            let same = |judged: &Judged| judged.whole && (judged.seq, judged.micros) == (12, 3456);
            assert!(!judge(&changed, 64).is_some_and(|judged| same(&judged)), "{at} {flip}");
        }
    }
    for len in 0..answer.len() {
        assert!(!judge(&answer[..len], 64).is_some_and(|judged| judged.whole), "{len} bytes");
    }
    for garbage in ["", "\n", "HTTP/1.1 400 Bad Request\r\n", "glasstcp ping -1 x\n"] {
        assert_eq!(judge(garbage.as_bytes(), 64), None, "{garbage:?}");
    }
}
