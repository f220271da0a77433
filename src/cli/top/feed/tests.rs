use super::*;
use crate::cli::top::tests::{row as made, socket, tcp};
use glasstcp::control::TcpStatus;

fn with(change: impl FnOnce(&mut TcpStatus)) -> SocketStatus {
    let mut tcp = tcp();
    change(&mut tcp);
    socket(1, "ESTAB", Some(tcp))
}

#[test]
fn rates_are_those_since_the_look_before() {
    let first = with(|_| {});
    let key = Key::of(&first).expect("another end");
    let before = Past::of(&first);
    assert_eq!(row(key, first, None, &before).rates, None);
    let second = with(|tcp| {
        tcp.bytes_acked += 1000;
        tcp.bytes_received += 500;
    });
    let now = Past { at: before.at + Duration::from_secs(2), ..Past::of(&second) };
    assert_eq!(row(key, second, Some(&before), &now).rates, Some((4000.0, 2000.0)));
}

#[test]
fn what_a_connection_waits_for_has_a_word() {
    let word = |change: fn(&mut TcpStatus)| {
        let before = Past::of(&with(|_| {}));
        let socket = with(change);
        limit(&socket, Some(&before), &Past::of(&socket))
    };
    assert_eq!(word(|tcp| tcp.recovery = "loss".to_owned()), "loss");
    assert_eq!(word(|tcp| (tcp.segments_outstanding, tcp.unsent) = (0, 0)), "idle");
    let receives = |tcp: &mut TcpStatus| {
        (tcp.segments_outstanding, tcp.unsent, tcp.bytes_received) = (0, 0, 1);
    };
    assert_eq!(word(receives), "receives");
    assert_eq!(word(|tcp| (tcp.busy_us, tcp.rwnd_limited_us) = (100, 60)), "rwnd");
    assert_eq!(word(|tcp| (tcp.busy_us, tcp.sndbuf_limited_us) = (100, 60)), "sndbuf");
    assert_eq!(word(|tcp| tcp.in_flight = 13_500), "cwnd");
    assert_eq!(word(|tcp| tcp.pacing_rate = Some(1000)), "pacing");
    assert_eq!(word(|tcp| tcp.unsent = 0), "app");
    let gone = socket(1, "TIME-WAIT", None);
    assert_eq!(limit(&gone, None, &Past::of(&gone)), "");
}

#[test]
fn of_many_the_first_are_kept_and_all_are_counted() {
    let query = Query { filter: Filter::parse("estab"), ..Query::default() };
    let mut found = Found { query: &query, rows: Vec::new(), states: BTreeMap::new() };
    for conn in 0..5_000 {
        found.add(made(conn, "ESTAB", None, f64::from(conn * 7919 % 5_000)));
        found.add(made(conn, "TIME-WAIT", None, 1e9));
        assert!(found.rows.len() < 2 * MOST);
    }
    order(&mut found.rows, &query);
    assert_eq!(found.states, BTreeMap::from([("ESTAB".to_owned(), 5_000)]));
    let rates: Vec<_> = found.rows.iter().map(Row::rate).collect();
    let expected: Vec<_> = (4_500..5_000).rev().map(f64::from).collect();
    assert_eq!(rates, expected);
}

#[test]
fn where_nobody_listens_it_ends_with_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let feed = Feed::new(Whom::at(folder.path().join("socket")));
    let ((_queries, asked), (out, messages)) =
        (std::sync::mpsc::channel(), std::sync::mpsc::sync_channel(1));
    run(feed, Duration::from_millis(100), &asked, &out);
    let Ok(Message::Failed(error)) = messages.recv() else { panic!("it was looked") };
    assert!(error.to_string().starts_with("no glasstcp listens on "), "{error}");
}
