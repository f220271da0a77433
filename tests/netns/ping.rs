//! ICMP echo.

use crate::harness::{Lab, STACK};

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_thousand_pings_lose_nothing() {
    let (lab, daemon) = Lab::up(&[]);
    let ping = lab.tool("ping").args(["-n", "-q", "-c", "1000", "-i", "0.02", STACK]).finish();
    let text = ping.assert_success().text();
    assert!(text.contains("1000 packets transmitted, 1000 received, 0% packet loss"), "{text}");
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn every_size_up_to_the_mtu_is_echoed() {
    const HEADERS: usize = 28;
    for mtu in [576, 1500, 9000, 65535] {
        let (lab, daemon) = Lab::up(&["--mtu", &mtu.to_string()]);
        let largest = mtu - HEADERS;
        for size in [0, 1, 7, 8, 15, 16, 56, 255, largest - 1, largest] {
            // At its end ping waits for one interval only where the payload has no room for a time.
            let ping = lab
                .tool("ping")
                .args(["-n", "-q", "-c", "2", "-i", "0.5", "-M", "do", "-s"])
                .args([&size.to_string(), STACK])
                .finish();
            assert!(ping.text().contains(" 2 received, 0% packet loss"), "{size} bytes: {ping}");
        }
        daemon.stop();
    }
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn every_address_of_the_stack_answers_and_no_other() {
    let (lab, daemon) = Lab::up(&["--stack-addr", STACK, "--stack-addr", "10.9.0.77"]);
    let pings = |address: &str| {
        let ping = lab.tool("ping").args(["-n", "-c", "2", "-i", "0.01", "-W", "1", address]);
        ping.finish().success()
    };
    assert!(pings(STACK));
    assert!(pings("10.9.0.77"));
    assert!(!pings("10.9.0.78"));
    daemon.stop();
}
