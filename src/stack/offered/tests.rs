use slotmap::SlotMap;

use super::*;

#[test]
fn the_same_settings_are_kept_once_and_go_with_the_last_who_holds_them() {
    let mut listeners = SlotMap::<ListenerKey, ()>::with_key();
    let (listener, mut offered) = (listeners.insert(()), Offered::default());
    let (before, after) = (Arc::new(tcp::Config::default()), Arc::new(tcp::Config::default()));
    let first = offered.hold(listener, before.clone(), None);
    assert_eq!(offered.hold(listener, before.clone(), Some(first)), first);
    let second = offered.hold(listener, after.clone(), Some(first));
    assert_eq!(offered.len(), 2);
    assert!(Arc::ptr_eq(&offered.get(first).config, &before));
    assert!(Arc::ptr_eq(&offered.get(second).config, &after));
    assert!(!offered.release(first).last);
    let released = offered.release(first);
    assert!(released.last && released.listener == listener);
    assert_eq!((offered.len(), Arc::strong_count(&before)), (1, 2), "ours and that of `released`");
    assert!(offered.release(second).last);
    assert_eq!(offered.len(), 0);
}
