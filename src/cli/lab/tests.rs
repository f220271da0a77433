use super::*;

#[test]
fn the_list_says_which_can_run_over_a_device() {
    let list = list();
    let line = |name: &str| list.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    assert!(line("close").contains("  live  one end first"), "{list}");
    assert!(line("nagle").contains("        two ways"), "{list}");
    assert!(list.lines().all(|line| line.chars().count() <= 120), "{list}");
}
