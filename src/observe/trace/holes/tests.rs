use super::*;

#[test]
fn a_hole_that_is_filled_later_is_none() {
    let mut seen = Holes::default();
    assert_eq!(seen.put(1, 101, 'a'), Brought { fresh: 100, below: 0, behind: None });
    assert_eq!(seen.put(301, 401, 'b'), Brought { fresh: 100, below: 0, behind: None });
    assert_eq!(seen.unseen(401), 200);
    assert_eq!(seen.unseen(151), 50);
    assert_eq!(seen.put(151, 201, 'c'), Brought { fresh: 50, below: 50, behind: Some('b') });
    assert_eq!(seen.put(51, 351, 'd'), Brought { fresh: 150, below: 300, behind: Some('b') });
    assert_eq!(seen.unseen(401), 0);
    assert_eq!(seen.unseen(402), 1, "a FIN, or what was never seen");
    assert_eq!(seen.put(351, 501, 'e'), Brought { fresh: 100, below: 50, behind: None });
}

#[test]
fn what_comes_first_need_not_be_the_first() {
    let mut seen = Holes::default();
    seen.put(201, 301, 'a');
    assert_eq!(seen.put(1, 101, 'b'), Brought { fresh: 100, below: 100, behind: None });
    assert_eq!(seen.unseen(301), 100);
    assert_eq!(seen.put(101, 201, 'c'), Brought { fresh: 100, below: 100, behind: Some('b') });
    let mut seen = Holes::default();
    seen.begin(1);
    assert_eq!(seen.put(101, 201, 'a'), Brought { fresh: 100, below: 0, behind: None });
    assert_eq!(seen.put(1, 101, 'b'), Brought { fresh: 100, below: 100, behind: Some('a') });
}

#[test]
fn holes_have_a_limit() {
    let mut seen = Holes::default();
    for n in 0..2 * MOST as u64 {
        seen.put(n * 10, n * 10 + 1, ());
    }
    assert_eq!(seen.holes.len(), MOST);
    assert_eq!(seen.put(u64::MAX - 1, u64::MAX, ()).fresh, 1);
}
