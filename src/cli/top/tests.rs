//! What the tests of the parts share, and those of the command.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use glasstcp::control::{Protocol, SocketStatus, TcpStatus, TimerStatus};

use super::feed::Snapshot;
use super::row::{Key, Row};
use super::*;

/// A connection of the web server, with some text on its way.
pub fn tcp() -> TcpStatus {
    TcpStatus {
        congestion: "cubic".to_owned(),
        limited_by: "app".to_owned(),
        recovery: "open".to_owned(),
        sack: true,
        timestamps: true,
        srtt_us: Some(10_500),
        rto_us: 210_500,
        mss: 1448,
        path_mtu: 1500,
        cwnd: 14_480,
        snd_wnd: 64_512,
        rcv_wnd: 65_535,
        in_flight: 8_688,
        unsent: 100_000,
        segments_outstanding: 6,
        bytes_acked: 1_234_567,
        ..TcpStatus::default()
    }
}

/// The connection of that number.
pub fn socket(conn: u32, state: &str, tcp: Option<TcpStatus>) -> SocketStatus {
    let timer = TimerStatus { name: "retransmission".to_owned(), left_us: 250_000, tries: 2 };
    SocketStatus {
        protocol: Protocol::Tcp,
        state: state.to_owned(),
        local: ([10, 9, 0, 2], 80).into(),
        remote: Some(([10, 9, 0, 1], 50_000 + conn as u16).into()),
        receive_queue: 0,
        send_queue: 108_688,
        conn: Some(conn),
        owned: true,
        timer: Some(timer),
        tcp: tcp.map(Box::new),
    }
}

/// The same as a row, with so many bits a second going out.
pub fn row(conn: u32, state: &str, tcp: Option<TcpStatus>, rate: f64) -> Row {
    let socket = socket(conn, state, tcp);
    let key = Key::of(&socket).expect("another end");
    Row { key, socket, rates: Some((rate, 0.0)), limit: "cwnd" }
}

/// A look at these.
pub fn look(rows: Vec<Row>) -> Snapshot {
    let mut states = BTreeMap::new();
    for row in &rows {
        *states.entry(row.socket.state.clone()).or_default() += 1;
    }
    let (at, pause) = (Instant::now(), Duration::ZERO);
    let stats = BTreeMap::from([("listeners".to_owned(), 5), ("tcp_checksum".to_owned(), 3)]);
    Snapshot { at, only: None, rows, states, stats, link: None, pause }
}

#[test]
fn what_is_in_a_buffer_is_printed_without_blanks_at_the_ends() {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 2));
    list::put("a  b".into(), buffer.area, 0, &mut buffer);
    assert_eq!(text(&buffer), "a  b\n\n");
}

#[test]
fn an_interval_is_not_too_short() {
    assert_eq!(interval("0.1"), Ok(Duration::from_millis(100)));
    assert!(interval("0.05").is_err_and(|error| error.contains("0.1")));
    assert!(interval("soon").is_err());
}

#[test]
fn a_glasstcp_is_called_by_its_socket_and_no_terminal_obeys_that() {
    assert_eq!(name(Path::new("/run/glasstcp/glass0@lab.sock")), "glass0@lab");
    assert!(!name(Path::new("/run/\u{1b}[1m.sock")).contains('\u{1b}'));
}

#[test]
fn what_comes_of_a_request_is_told() {
    assert!(outcome(Ok(Reply::Done { count: 0 })).is_err());
    assert_eq!(
        outcome(Ok(Reply::Done { count: 1 })).expect("done"),
        "killed: the peer was sent a reset"
    );
    let error = outcome(Err(anyhow!("no"))).expect_err("an error");
    assert_eq!(error.to_string(), "no");
}

#[test]
fn a_thread_that_fails_says_so() {
    let (out, messages) = mpsc::sync_channel(1);
    spawn(&out, || panic!("this is meant to happen")).expect("a thread");
    assert!(matches!(messages.recv(), Ok(Message::Failed(_))));
    spawn(&out, || {}).expect("a thread");
    drop(out);
    assert!(messages.recv().is_err(), "one that ends says nothing");
}
