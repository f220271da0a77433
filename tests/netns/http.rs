//! HTTP by curl.

use std::fs;

use crate::harness::{Lab, STACK, bulk_mib, first_word, sha256, write_pattern};

#[test]
#[ignore = "needs root: run scripts/test"]
fn the_welcome_page_is_served() {
    let (lab, daemon) = Lab::up(&[]);
    let curl = lab.tool("curl").args(["-sS", "-i", "http://10.9.0.2/"]).finish();
    let text = curl.assert_success().text();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    assert!(text.contains("glasstcp") && text.contains("ESTAB"), "{text}");
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_large_file_comes_down_and_goes_up_unchanged() {
    let mib = bulk_mib();
    let lab = Lab::new();
    let www = lab.folder.path().join("www");
    fs::create_dir(&www).expect("the folder is writable");
    write_pattern(&www.join("large"), mib * 1024);
    let sum = sha256(&www.join("large"));
    let daemon = lab.daemon(&["--www", www.to_str().expect("a plain path")]);
    lab.wait_until_up(&daemon, STACK);

    let down = lab
        .shell("curl -sS http://10.9.0.2/large | sha256sum")
        .limit_s(60 + mib as u64 / 4)
        .finish();
    assert_eq!(first_word(&down.assert_success().text()), sum, "downloaded");

    let up = lab
        .tool("curl")
        .args(["-sS", "-f", "-T"])
        .args([www.join("large")])
        .args(["http://10.9.0.2/upload/copy"])
        .limit_s(60 + mib as u64 / 4)
        .finish();
    up.assert_success();
    assert_eq!(sha256(&www.join("upload/copy")), sum, "uploaded");
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_hundred_parallel_curls_succeed() {
    let lab = Lab::new();
    let www = lab.folder.path().join("www");
    fs::create_dir(&www).expect("the folder is writable");
    write_pattern(&www.join("page"), 100);
    let sum = sha256(&www.join("page"));
    let daemon = lab.daemon(&["--www", www.to_str().expect("a plain path")]);
    lab.wait_until_up(&daemon, STACK);

    let curls: Vec<_> =
        (0..100).map(|_| lab.shell("curl -sS http://10.9.0.2/page | sha256sum").start()).collect();
    for curl in curls {
        assert_eq!(first_word(&curl.finish().assert_success().text()), sum);
    }
    // The same in one process: a hundred connections that are opened at once.
    let list: String = (0..100)
        .map(|number| format!("url = \"http://10.9.0.2/page\"\noutput = \"page-{number}\"\n"))
        .collect();
    let folder = lab.folder.path().display();
    lab.shell(&format!("cd {folder} && curl -sS -f -Z --parallel-max 100 -K -"))
        .input(list)
        .finish()
        .assert_success();
    for number in 0..100 {
        assert_eq!(sha256(&lab.folder.path().join(format!("page-{number}"))), sum);
    }
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn the_sink_takes_a_post() {
    let (lab, daemon) = Lab::up(&[]);
    let script = "head -c 50000000 /dev/zero | curl -sS -f -T - -X POST http://10.9.0.2/sink";
    lab.shell(script).finish().assert_success();
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn nothing_outside_of_the_folder_is_served() {
    let lab = Lab::new();
    let www = lab.folder.path().join("www");
    fs::create_dir(&www).expect("the folder is writable");
    fs::write(www.join("inside"), "inside").expect("the folder is writable");
    fs::write(lab.folder.path().join("outside"), "outside").expect("the folder is writable");
    std::os::unix::fs::symlink(lab.folder.path(), www.join("link")).expect("a link");
    let daemon = lab.daemon(&["--www", www.to_str().expect("a plain path")]);
    lab.wait_until_up(&daemon, STACK);
    let get = |path: &str| {
        let url = format!("http://10.9.0.2/{path}");
        let curl = lab.tool("curl").args(["-sS", "--path-as-is", &url]).finish();
        curl.assert_success().text()
    };
    assert_eq!(get("inside"), "inside");
    for path in ["../outside", "%2e%2e/outside", "..%2foutside", "link/outside", "x/../../outside"]
    {
        let text = get(path);
        assert!(text != "outside", "{path} escapes");
    }
    daemon.stop();
}
