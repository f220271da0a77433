use clap::Parser;
use glasstcp::client::iperf::{Begun, Ends, Interval, Moved, Results, StreamResult};
use serde_json::{Value, json};

use super::*;

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    args: Args,
}

fn parsed(line: &str) -> Result<Args, String> {
    let words = ["iperf"].into_iter().chain(line.split_whitespace());
    Command::try_parse_from(words).map(|command| command.args).map_err(|error| error.to_string())
}

#[test]
fn options_are_those_of_iperf3() {
    let params = |line: &str| parsed(line).unwrap().params();
    let usual = params("10.9.0.1");
    assert_eq!((usual.time, usual.num, usual.parallel, usual.len), (10, 0, 1, 131_072));
    assert_eq!(usual.streams(), (1, 0));
    let all = params("10.9.0.1 -p 99 -n 1G -P 8 -R -l 8K -O 2 -i 0.5 -J");
    assert_eq!((all.time, all.num, all.len, all.omit), (0, 1 << 30, 8192, 2));
    assert_eq!(all.streams(), (0, 8));
    assert_eq!(params("10.9.0.1 -t 3 --bidir -P 2").streams(), (2, 2));
    assert_eq!(parsed("10.9.0.1 -i 0").unwrap().interval, Duration::ZERO);
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (line, part) in [
        ("", "<HOST>"),
        ("10.9.0.1 -P 0", "1..=128"),
        ("10.9.0.1 -P 129", "1..=128"),
        ("10.9.0.1 -t 86401", "86400"),
        ("10.9.0.1 -t 1 -n 1", "cannot be used with"),
        ("10.9.0.1 -n 0", "1 byte at least"),
        ("10.9.0.1 -n some", "is not a size"),
        ("10.9.0.1 -l 2m", "at most 1m"),
        ("10.9.0.1 -i 0.01", "from 0.1 to 60"),
        ("10.9.0.1 -i NaN", "from 0.1 to 60"),
        ("10.9.0.1 -O 601", "600"),
        ("10.9.0.1 -R --bidir", "cannot be used with"),
        ("10.9.0.1 --kernel --via x", "cannot be used with"),
        ("10.9.0.1 --kernel --netns x", "cannot be used with"),
    ] {
        let error = parsed(line).expect_err("it is wrong");
        assert!(error.contains(part), "{line:?}: {error}");
    }
}

fn to() -> SocketAddr {
    "10.9.0.1:5201".parse().unwrap()
}

fn begun(sends: &[bool]) -> Begun {
    let (local, peer) = ("10.9.0.2:50000".parse().unwrap(), to());
    let ids = [1, 3, 4].into_iter().zip(sends);
    let lanes = ids.map(|(id, &sends)| Ends { id, sends, local, peer }).collect();
    Begun { cookie: "c".repeat(36), lanes }
}

fn interval(lanes: &[(u64, Option<u64>)]) -> Interval {
    let lanes = lanes.iter().map(|&(bytes, retransmits)| Moved { bytes, retransmits, info: None });
    let (start, end) = (Duration::ZERO, Duration::from_secs(1));
    Interval { start, end, omitted: false, lanes: lanes.collect() }
}

fn results(streams: &[(u64, i64, f64)]) -> Results {
    let ids = [1, 3, 4].into_iter().zip(streams);
    let streams = ids.map(|(id, &(bytes, retransmits, end_time))| StreamResult {
        id,
        bytes,
        retransmits,
        end_time,
        ..StreamResult::default()
    });
    Results { streams: streams.collect(), cpu_util_total: 5.0, ..Results::default() }
}

/// Both directions, of which what came is told by the server.
fn both() -> Report {
    let ours = results(&[(1_250_000_000, 7, 10.0), (125_000, -1, 10.0)]);
    Report { ours, theirs: Some(results(&[(1_249_000_000, -1, 10.04), (126_000, 3, 10.04)])) }
}

fn params(change: impl FnOnce(&mut Params)) -> Params {
    let mut params = parsed("10.9.0.1").unwrap().params();
    change(&mut params);
    params
}

#[test]
fn people_read_it_as_they_are_used_to() {
    let mut text = text::Text::new(to(), &params(|_| ()));
    text.see(&Seen::Begun(&begun(&[true, true])));
    let lines = text.interval(&interval(&[(1 << 30, Some(0)), (1_500_000, Some(2))]));
    let expected = "\
[ ID] Interval           Transfer     Bitrate         Retr
[  1]   0.00-1.00   sec  1.00 GBytes  8.59 Gbits/sec     0
[  3]   0.00-1.00   sec  1.43 MBytes  12.0 Mbits/sec     2
[SUM]   0.00-1.00   sec  1.00 GBytes  8.60 Gbits/sec     2
";
    assert_eq!(lines, expected);
    let mut text = text::Text::new(to(), &params(|params| params.bidirectional = true));
    text.see(&Seen::Begun(&begun(&[true, false])));
    let expected = "\
- - - - - - - - - - - - - - - - - - - - - - - - -
[ ID][Role] Interval           Transfer     Bitrate         Retr
[  1][TX-C]   0.00-10.00  sec  1.16 GBytes  1.00 Gbits/sec     7   sender
[  1][TX-C]   0.00-10.04  sec  1.16 GBytes   995 Mbits/sec         receiver
[  3][RX-C]   0.00-10.04  sec   123 KBytes   100 Kbits/sec     3   sender
[  3][RX-C]   0.00-10.00  sec   122 KBytes   100 Kbits/sec         receiver

iperf Done.
";
    assert_eq!(text.summary(&both()), expected);
    let stopped = text.summary(&Report { theirs: None, ..both() });
    assert!(!stopped.contains("Done"), "{stopped}");
    assert_eq!(stopped.lines().count(), 4, "{stopped}");
}

#[test]
fn programs_find_the_names_of_iperf3() {
    let mut json = json::Json::new(to(), &params(|params| params.bidirectional = true));
    json.see(&Seen::Begun(&begun(&[true, false])));
    json.see(&Seen::Interval(&interval(&[(1000, Some(1)), (2000, None)])));
    let all: Value = json.end(&Ok(both()));
    let at = |path: &str| all.pointer(path).unwrap_or_else(|| panic!("{path}: {all:#}")).clone();
    assert_eq!(at("/start/connecting_to"), json!({"host": "10.9.0.1", "port": 5201}));
    assert_eq!(at("/start/connected/1/local_port"), 50000);
    assert_eq!(at("/start/test_start/bidir"), 1);
    assert_eq!(at("/intervals/0/streams/0/retransmits"), 1);
    assert_eq!(at("/intervals/0/sum/bits_per_second"), 8000.0);
    assert_eq!(at("/intervals/0/sum_bidir_reverse/bytes"), 2000);
    assert_eq!(at("/end/streams/0/sender/bytes"), 1_250_000_000);
    assert_eq!(at("/end/streams/1/receiver/bytes"), 125_000);
    assert_eq!(at("/end/sum_sent/retransmits"), 7);
    assert_eq!(at("/end/sum_received/bytes"), 1_249_000_000);
    assert_eq!(at("/end/sum_sent_bidir_reverse/retransmits"), 3);
    assert_eq!(at("/end/sum_received_bidir_reverse/seconds"), 10.0);
    assert_eq!(at("/end/cpu_utilization_percent/remote_total"), 5.0);
    assert!(all.get("error").is_none() && all.pointer("/end/sum_received/retransmits").is_none());

    let json = json::Json::new(to(), &params(|_| ()));
    let all = json.end(&Err(IperfError::Busy));
    assert_eq!(all["error"], "the server is busy with another test: try again later");
    assert_eq!(all["end"], json!({}));
}
