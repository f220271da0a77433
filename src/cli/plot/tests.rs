use super::*;

#[test]
fn only_svg_is_written() {
    let said = |name: &str| check_name(Path::new(name)).map_err(|error| error.to_string());
    assert_eq!(said("a/b.svg"), Ok(()));
    assert_eq!(said("/dev/null"), Ok(()));
    let png = said("a/b.png").unwrap_err();
    assert!(png.contains("write a/b.svg") && png.contains("rsvg-convert"), "{png}");
    assert!(said("picture").unwrap_err().contains("should end in .svg"));
}

#[test]
fn a_picture_is_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.svg");
    write(&path, b"one").unwrap();
    write(&path, b"two").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    let error = write(&folder.path().join("no/a.svg"), b"x").unwrap_err();
    assert!(format!("{error:#}").contains("a.svg: "), "{error:#}");
    let error = write(Path::new("/dev/full"), b"x").unwrap_err();
    assert!(format!("{error:#}").contains("No space left"), "{error:#}");
}
