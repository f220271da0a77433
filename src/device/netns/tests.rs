use super::*;

#[test]
fn names_are_file_names() {
    for good in ["glass", "a", "gt-1.2_x", "...", &"n".repeat(200)] {
        assert!(check_name(good).is_ok(), "{good}");
    }
    for bad in ["", ".", "..", "a/b", "/", "-x", "a\0b", &"n".repeat(201)] {
        assert!(check_name(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_marker_names_one_namespace_or_the_one_being_made() {
    let mut marker = Marker {
        path: PathBuf::from("unused"),
        file: tempfile::tempfile().unwrap(),
        content: String::new(),
    };
    assert!(marker.names("4:1 2.3\n"));
    marker.fill("4:1 2.3\n").unwrap();
    assert!(marker.names("4:1 2.3\n"));
    assert!(!marker.names("4:1 2.4\n"));
}

#[test]
fn only_a_mounted_namespace_is_one() {
    assert!(is_namespace(Path::new("/proc/self/ns/net")));
    assert!(!is_namespace(Path::new("/proc/self/status")));
    assert!(!is_namespace(Path::new("/no/such/file")));
}

#[test]
fn a_panic_on_the_thread_goes_on() {
    assert_eq!(on_thread(|| 5), 5);
    let caught = std::panic::catch_unwind(|| on_thread(|| panic!("on purpose")));
    assert!(caught.is_err());
}
