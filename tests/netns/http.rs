//! HTTP by curl.

use std::fs;

use crate::harness::{Lab, bulk_mib, first_word, sha256, write_pattern};

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
    let (lab, daemon) = Lab::up_with_www(|www| write_pattern(&www.join("large"), mib * 1024));
    let www = lab.www();
    let sum = sha256(&www.join("large"));

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
fn the_sink_takes_a_post() {
    let (lab, daemon) = Lab::up(&[]);
    let script = "head -c 50000000 /dev/zero | curl -sS -f -T - -X POST http://10.9.0.2/sink";
    lab.shell(script).finish().assert_success();
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn nothing_outside_of_the_folder_is_served() {
    let (lab, daemon) = Lab::up_with_www(|www| {
        fs::write(www.join("inside"), "inside").expect("the folder is writable");
        let above = www.parent().expect("it is in the folder of the test");
        fs::write(above.join("outside"), "outside").expect("the folder is writable");
        std::os::unix::fs::symlink(above, www.join("link")).expect("a link");
    });
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
