//! The folder while others change it: links in the way, uploads side by side, what was left over.

use super::*;

#[tokio::test]
async fn links_are_followed_as_far_as_the_folder_goes() {
    let (outer, context) = site();
    let www = outer.path().join("www");
    fs::create_dir(www.join("deep")).unwrap();
    fs::write(www.join("deep/x"), "deep").unwrap();
    for (name, target, code) in [
        ("in", "deep/x".into(), 200),
        ("in-and-out-and-in", "deep/../deep/x".into(), 200),
        ("out-and-in", "../www/deep/x".into(), 403),
        ("absolute", www.join("deep/x"), 403),
        ("root", "/".into(), 403),
        ("proc", "/proc/self/root/etc/passwd".into(), 403),
        ("dangling", "nowhere".into(), 404),
    ] {
        symlink(&target, www.join("deep").join(name)).unwrap();
        symlink(&target, www.join(name)).unwrap();
        let reply = get(&context, &format!("/{name}")).await;
        assert_eq!(status(&reply), code, "{name}: {reply}");
        let listed = get(&context, "/").await.contains(&format!("href=\"{name}\""));
        assert_eq!(listed, code == 200, "{name}");
    }
    // Below a folder that is a link.
    symlink("deep", www.join("shallow")).unwrap();
    assert!(get(&context, "/shallow/x").await.ends_with("deep"));
    symlink("..", www.join("up")).unwrap();
    assert_eq!(status(&get(&context, "/up/secret").await), 403);
}

/// Somebody swaps a folder for a link that leads out, thousands of times, while it is fetched from.
#[tokio::test]
async fn a_link_that_appears_at_the_wrong_moment_leads_nowhere() {
    let (outer, context) = site();
    let www = outer.path().join("www");
    fs::create_dir(outer.path().join("outside")).unwrap();
    fs::write(outer.path().join("outside/f"), "secret").unwrap();
    fs::create_dir(www.join("real")).unwrap();
    fs::write(www.join("real/f"), "public").unwrap();
    symlink("../outside", www.join("trap")).unwrap();
    symlink("real", www.join("good")).unwrap();
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let until = Arc::clone(&done);
    let swapper = std::thread::spawn(move || {
        while !until.load(Ordering::Relaxed) {
            for target in ["../outside", "real"] {
                symlink(target, www.join("new")).unwrap();
                fs::rename(www.join("new"), www.join("door")).unwrap();
            }
        }
    });
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..500 {
        let reply = get(&context, "/door/f").await;
        assert!(!reply.contains("secret"), "{reply}");
        *seen.entry(status(&reply)).or_insert(0) += 1;
        let listing = get(&context, "/").await;
        assert!(!listing.contains("trap"), "{listing}");
    }
    done.store(true, Ordering::Relaxed);
    swapper.join().unwrap();
    assert!(seen.keys().all(|code| [200, 403, 404].contains(code)), "{seen:?}");
}

#[tokio::test]
async fn a_folder_that_is_replaced_is_served_anew() {
    let (outer, context) = site();
    let www = outer.path().join("www");
    fs::rename(&www, outer.path().join("old")).unwrap();
    fs::create_dir(&www).unwrap();
    fs::write(www.join("a.txt"), "new").unwrap();
    assert!(get(&context, "/a.txt").await.ends_with("new"));
}

#[tokio::test]
async fn an_upload_may_have_conditions() {
    let (outer, context) = site();
    let stored = outer.path().join("www/upload/x");
    let put = async |fields: &str, body: &str| {
        let len = body.len();
        let request = format!(
            "PUT /upload/x HTTP/1.1\r\nhost: x\r\n{fields}content-length: {len}\r\n\r\n{body}"
        );
        status(&talk(&context, request).await)
    };
    assert_eq!(put("if-match: *\r\n", "none").await, 412);
    assert_eq!(put("if-none-match: *\r\n", "one").await, 201);
    assert_eq!(put("if-none-match: *\r\n", "two").await, 412);
    assert_eq!(fs::read(&stored).unwrap(), b"one");
    assert_eq!(put("if-match: *\r\n", "three").await, 204);
    assert_eq!(put("if-unmodified-since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "four").await, 412);
    assert_eq!(fs::read(&stored).unwrap(), b"three");
    assert_eq!(fs::read_dir(outer.path().join("www/upload")).unwrap().count(), 1);
}

#[tokio::test]
async fn of_two_that_create_a_file_one_wins() {
    let (outer, context) = site();
    let head = "PUT /upload/x HTTP/1.1\r\nhost: x\r\nif-none-match: *\r\ncontent-length: 3\r\n\r\n";
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut client = connect(&context);
        client.write_all(format!("{head}ab").as_bytes()).await.unwrap();
        clients.push(client);
    }
    // Both have passed the first check when they have a temporary file.
    let upload = outer.path().join("www/upload");
    let two = async {
        while fs::read_dir(&upload).map_or(0, Iterator::count) < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), two).await.unwrap();
    let mut codes = Vec::new();
    for mut client in clients {
        client.write_all(b"c").await.unwrap();
        client.shutdown().await.unwrap();
        let mut reply = String::new();
        client.read_to_string(&mut reply).await.unwrap();
        codes.push(status(&reply));
    }
    assert_eq!(codes, [201, 412]);
    assert_eq!(fs::read_dir(&upload).unwrap().count(), 1);
}

#[tokio::test]
async fn what_was_left_over_is_swept_and_nothing_else() {
    let (outer, context) = site();
    let www = outer.path().join("www");
    let upload = www.join("upload");
    fs::create_dir(&upload).unwrap();
    for left_over in [".upload-aB3dE6gH9jK2.part", ".upload-000000000000.part"] {
        fs::write(upload.join(left_over), "half").unwrap();
    }
    let others = [
        ".upload-notes",
        ".upload-short.part",
        ".upload-aB3d..gH9jK2.part",
        "upload-x",
        ".profile",
    ];
    for other in others {
        fs::write(upload.join(other), "mine").unwrap();
    }
    fs::create_dir(upload.join(".upload-111111111111.part")).unwrap();
    symlink("../a.txt", upload.join(".upload-222222222222.part")).unwrap();
    fs::write(www.join(".upload-333333333333.part"), "not in the folder").unwrap();
    // One that somebody works on, perhaps another glasstcp.
    let mut client = connect(&context);
    let head = b"PUT /upload/x HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nab";
    client.write_all(head).await.unwrap();
    let count = || fs::read_dir(&upload).unwrap().count();
    let begun = async {
        while count() < others.len() + 5 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), begun).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    Www::open(&www).unwrap();
    assert_eq!(count(), others.len() + 3);
    assert!(www.join(".upload-333333333333.part").exists());
    client.write_all(b"c").await.unwrap();
    client.shutdown().await.unwrap();
    let mut reply = String::new();
    client.read_to_string(&mut reply).await.unwrap();
    assert_eq!(status(&reply), 201, "{reply}");
    assert_eq!(fs::read(upload.join("x")).unwrap(), b"abc");
}

#[tokio::test]
async fn nothing_unfinished_is_fetched_or_listed() {
    let (outer, context) = site();
    let upload = outer.path().join("www/upload");
    fs::create_dir(&upload).unwrap();
    fs::write(upload.join(".upload-aB3dE6gH9jK2.part"), "half").unwrap();
    assert_eq!(status(&get(&context, "/upload/.upload-aB3dE6gH9jK2.part").await), 404);
    assert!(!get(&context, "/upload/").await.contains("part"));
}
