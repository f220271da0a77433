use std::future::pending;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;
use crate::client::tests::stacks;
use crate::service::{Service, ServiceContext, serve_listener};
use crate::{net, tcp};

fn params(change: impl FnOnce(&mut Params)) -> Params {
    let mut params = Params { tcp: true, parallel: 1, len: 128 << 10, ..Params::default() };
    change(&mut params);
    params
}

/// A client on a stack of its own, whose server is our service on another.
async fn ours(tasks: &mut JoinSet<()>, params: Params) -> (Iperf, Arc<ServiceContext>) {
    let (near, far) = stacks(tasks);
    let listener = net::TcpListener::bind(&far, ([0, 0, 0, 0], PORT)).await.unwrap();
    let context = Arc::new(ServiceContext::default());
    tasks.spawn(serve_listener(listener, Service::Iperf3, Arc::clone(&context)));
    let to = SocketAddr::from(([10, 9, 0, 2], PORT));
    let patience = Duration::from_secs(20);
    let interval = Some(Duration::from_millis(100));
    (Iperf { sockets: Sockets::Stack(near), to, patience, params, interval }, context)
}

/// Has a test done to its end: its beginning, its intervals and what came of it.
async fn done(iperf: &Iperf) -> (Begun, Vec<Interval>, Report) {
    let (mut begun, mut intervals) = (None, Vec::new());
    let report = iperf.run(pending(), |seen| match seen {
        Seen::Begun(one) => begun = Some(one.clone()),
        Seen::Interval(interval) => intervals.push(interval.clone()),
    });
    let report = report.await.unwrap();
    (begun.unwrap(), intervals, report)
}

#[tokio::test]
async fn what_is_sent_is_what_was_asked_for() {
    let mut tasks = JoinSet::new();
    let asked = params(|params| (params.num, params.parallel) = (3_000_000, 3));
    let (iperf, _server) = ours(&mut tasks, asked).await;
    let (begun, intervals, report) = done(&iperf).await;
    assert_eq!(begun.lanes.iter().map(|ends| ends.id).collect::<Vec<_>>(), [1, 3, 4]);
    assert!(begun.lanes.iter().all(|ends| ends.sends));
    let sum = |results: &Results| results.streams.iter().map(|one| one.bytes).sum::<u64>();
    assert_eq!(sum(&report.ours), 3_000_000);
    let theirs = sum(&report.theirs.unwrap());
    assert!(theirs > 0 && theirs <= 3_000_000, "{theirs}");
    let lanes = intervals.iter().flat_map(|interval| &interval.lanes);
    assert_eq!(lanes.map(|lane| lane.bytes).sum::<u64>(), 3_000_000);
    assert!(report.ours.streams.iter().all(|stream| stream.retransmits >= 0));
}

#[tokio::test]
async fn both_directions_are_counted() {
    let mut tasks = JoinSet::new();
    let asked = params(|params| (params.time, params.omit, params.bidirectional) = (1, 1, true));
    let (iperf, _server) = ours(&mut tasks, asked).await;
    let (begun, intervals, report) = done(&iperf).await;
    assert_eq!(begun.lanes.iter().map(|ends| ends.sends).collect::<Vec<_>>(), [true, false]);
    let theirs = report.theirs.unwrap();
    for stream in report.ours.streams.iter().chain(&theirs.streams) {
        assert!(stream.bytes > 0 && stream.end_time >= 0.9, "{stream:?}");
    }
    assert_eq!((report.ours.streams[1].retransmits, theirs.streams[0].retransmits), (-1, -1));
    assert!(intervals[0].omitted && !intervals[intervals.len() - 1].omitted);
    let counted = intervals.iter().filter(|interval| !interval.omitted);
    let received: u64 = counted.clone().map(|interval| interval.lanes[1].bytes).sum();
    assert_eq!(received, report.ours.streams[1].bytes);
    assert_eq!(counted.map(|interval| interval.start).min(), Some(Duration::ZERO));
}

#[tokio::test]
async fn a_test_is_ended_before_its_time() {
    let mut tasks = JoinSet::new();
    let (iperf, server) = ours(&mut tasks, params(|params| params.reverse = true)).await;
    let report = iperf.run(tokio::time::sleep(Duration::from_millis(300)), |_| ()).await.unwrap();
    assert!(report.theirs.is_none() && report.ours.streams[0].bytes > 0, "{report:?}");
    while format!("{:?}", server.iperf).contains("Test {") {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What becomes of a test whose server says this over the first connection, once it has read a cookie.
async fn told(answer: &'static [u8], stays: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let mut open: Vec<TcpStream> = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            if open.is_empty() {
                stream.read_exact(&mut [0; protocol::COOKIE_LEN]).await.unwrap();
                stream.write_all(answer).await.unwrap();
                if !stays {
                    stream.shutdown().await.unwrap();
                }
            }
            open.push(stream);
        }
    });
    let (patience, params) = (Duration::from_millis(500), params(|params| params.time = 60));
    let iperf = Iperf { sockets: Sockets::Kernel, to, patience, params, interval: None };
    let error = iperf.run(pending(), |_| ()).await.unwrap_err();
    server.abort();
    error.to_string()
}

#[tokio::test]
async fn whatever_a_server_says_is_one_sentence() {
    for (answer, sentence) in [
        (&[0xff][..], "busy with another test"),
        (&[9, 0xff], "busy with another test"),
        (&[11], "has ended the test"),
        (&[9, 0xfe, 0, 0, 0, 13, 0, 0, 0, 98], "error 13 of iperf3, errno 98"),
        (&[0xfe], "error 0 of iperf3"),
        (&[3], "iperf3 has no state 3"),
        (&[1], "it says TestStart where that makes no sense"),
        (&[9, 10, 1, 2, 13], "it says ExchangeResults where that makes no sense"),
        (&[9, 10, 1, 2, 11], "has ended the test"),
        (&[9, 10, 1, 2, 0xfe, 0, 0, 0, 7, 0, 0, 0, 0], "error 7 of iperf3"),
        (&[], "has closed the connection"),
        (&[9, 10, 1], "has closed the connection"),
        (&[9, 10, 1, 2], "has closed the connection"),
    ] {
        let said = told(answer, false).await;
        assert!(said.contains(sentence), "{answer:?}: {said}");
    }
    // And silence, also when nobody takes what is sent.
    for answer in [&[][..], &[9], &[9, 10, 1, 2]] {
        let said = told(answer, true).await;
        assert!(said.contains("nothing has come from the server"), "{answer:?}: {said}");
    }
}

/// The results of a server that keeps to the protocol until then.
async fn judged(results: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut control, _) = listener.accept().await.unwrap();
        control.write_all(&[9, 10]).await.unwrap();
        let (mut lane, _) = listener.accept().await.unwrap();
        control.write_all(&[1, 2]).await.unwrap();
        control.read_exact(&mut [0; protocol::COOKIE_LEN]).await.unwrap();
        protocol::receive::<Params>(&mut control).await.unwrap();
        lane.read_exact(&mut [0; protocol::COOKIE_LEN]).await.unwrap();
        assert_eq!(protocol::hear(&mut control).await.unwrap(), State::TestEnd);
        control.write_all(&[13]).await.unwrap();
        protocol::receive::<Results>(&mut control).await.unwrap();
        control.write_all(&(results.len() as u32).to_be_bytes()).await.unwrap();
        control.write_all(results).await.unwrap();
        control.write_all(&[14]).await.unwrap();
        let _ = protocol::hear(&mut control).await;
    });
    let (patience, params) = (Duration::from_secs(5), params(|params| params.num = 1));
    let iperf = Iperf { sockets: Sockets::Kernel, to, patience, params, interval: None };
    let report = iperf.run(pending(), |_| ()).await;
    server.await.unwrap();
    report.map_or_else(|error| error.to_string(), |report| format!("{:?}", report.theirs))
}

#[tokio::test]
async fn results_are_believed_when_they_are_some() {
    let of = |streams: &str| {
        let text = format!(
            r#"{{"cpu_util_total":0,"cpu_util_user":0,"cpu_util_system":0,"sender_has_retransmits":-1,"streams":{streams}}}"#
        );
        &*text.into_bytes().leak()
    };
    let good = judged(of(r#"[{"id":1,"bytes":1,"retransmits":-1}]"#)).await;
    assert!(good.starts_with("Some(") && good.contains("bytes: 1"), "{good}");
    for (streams, sentence) in [
        ("[]", "its results lack stream 1"),
        (r#"[{"id":3,"bytes":1,"retransmits":-1}]"#, "its results lack stream 1"),
        (r#"[{"id":1,"bytes":-1,"retransmits":-1}]"#, "the protocol of iperf3: invalid value"),
        ("\"\u{9b}31m\"", "the protocol of iperf3: invalid type: string \"\\u{9b}31m\""),
    ] {
        let said = judged(of(streams)).await;
        assert!(said.contains(sentence), "{streams}: {said}");
    }
}

#[test]
fn cookies_differ_and_are_text() {
    let (one, other) = (cookie().unwrap(), cookie().unwrap());
    assert!(one != other && one[36] == 0 && one[..36].iter().all(|byte| LETTERS.contains(byte)));
}

/// The stack tells of a connection as far as intervals need.
#[tokio::test]
async fn intervals_show_the_window_of_who_sends() {
    let mut tasks = JoinSet::new();
    let (iperf, _server) = ours(&mut tasks, params(|params| params.num = 500_000)).await;
    let (_, intervals, _) = done(&iperf).await;
    let info: Option<tcp::Info> = intervals[0].lanes[0].info.clone();
    assert!(info.is_some_and(|info| info.cwnd > 0));
}
