//! The service iperf3 over the kernel's TCP, by the real iperf3; on loopback.

use std::io::ErrorKind;
use std::process::Command;

use crate::harness::{Running, address_after, glasstcp, printed};

#[test]
fn iperf3_ends_well_whichever_way_it_measures() {
    let (_server, said) = Running::ready(&mut glasstcp("serve --kernel 127.0.0.1:0 iperf3"));
    let place = address_after(&said, " on ");
    for options in [&[][..], &["-R"], &["-P", "4"], &["--bidir"]] {
        let mut command = Command::new("iperf3");
        command.args(["-c", "127.0.0.1", "-p", &place.port().to_string(), "-t", "1"]);
        let output = match command.args(options).output() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                eprintln!("skipped: there is no iperf3");
                return;
            }
            output => output.expect("iperf3 runs"),
        };
        let text = printed(&output);
        assert!(output.status.success() && text.contains("iperf Done."), "{options:?}: {text}");
        let receiver = text.lines().filter(|line| line.trim_end().ends_with("receiver")).count();
        assert!(receiver > 0, "{text}");
    }
}
