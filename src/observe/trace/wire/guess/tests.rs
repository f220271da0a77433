use super::*;

#[test]
fn a_block_whose_ends_are_the_wrong_way_round_takes_nothing() {
    let mut pieces = BTreeMap::from([(101, (1, 'a'))]);
    assert!(taken(&mut pieces, 90, 10).is_empty() && taken(&mut pieces, 50, 50).is_empty());
    assert_eq!(pieces.len(), 1);
    assert_eq!(taken(&mut pieces, 10, 90), ['a']);
    assert_eq!(Vec::from_iter(pieces), [(10, (1, 'a')), (101, (90, 'a'))]);
}
