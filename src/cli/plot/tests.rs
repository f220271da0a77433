use super::*;

#[test]
fn the_name_says_the_form() {
    let said = |name: &str| form(Path::new(name)).map_err(|error| error.to_string());
    assert_eq!(said("a/b.svg"), Ok(Form::Svg));
    assert_eq!(said("/dev/null"), Ok(Form::Svg));
    assert_eq!(said("a/b.png"), Ok(Form::Png));
    assert!(said("picture").unwrap_err().contains("should end in .svg or .png"));
}

#[test]
fn a_png_is_one_where_there_is_what_makes_it() {
    let picture = png(r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>"#);
    match picture {
        Ok(bytes) => {
            assert!(bytes.starts_with(b"\x89PNG"));
            let error = png("no picture").unwrap_err().to_string();
            assert!(error.starts_with("rsvg-convert has failed: "), "{error}");
        }
        Err(error) => assert!(error.to_string().contains("not installed"), "{error}"),
    }
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
