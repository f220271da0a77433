use super::*;

#[test]
fn so_many_may_watch() {
    let places: Vec<_> = std::iter::from_fn(Place::take).collect();
    assert_eq!(places.len(), MAX_VIEWERS);
    drop(places);
    assert!(Place::take().is_some());
}
