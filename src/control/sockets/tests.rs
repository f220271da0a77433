use super::*;
use crate::event::ConnId;
use crate::tcp::Endpoints;

fn at(last: u8, port: u16) -> SocketAddr {
    ([10, 9, 0, last], port).into()
}

fn some() -> [SocketStatus; 3] {
    let ends = Endpoints { local: at(2, 80), remote: at(1, 4000) };
    [
        Entry::Listener { local: at(2, 80), waiting: 3, backlog: 16 },
        Entry::Udp { local: at(2, 7), peer: None, queued: 129 },
        Entry::TimeWait { conn: ConnId(7), ends, left: Duration::from_millis(1500) },
    ]
    .map(SocketStatus::from)
}

#[test]
fn a_filter_includes_what_has_all_that_is_asked_for() {
    let included = |filter: SocketFilter| some().map(|socket| filter.includes(&socket));
    let any = SocketFilter::default();
    assert_eq!(included(any.clone()), [true; 3]);
    assert_eq!(
        included(SocketFilter { protocol: Some(Protocol::Udp), ..any.clone() }),
        [false, true, false]
    );
    assert_eq!(included(SocketFilter { port: Some(80), ..any.clone() }), [true, false, true]);
    assert_eq!(included(SocketFilter { port: Some(4000), ..any.clone() }), [false, false, true]);
    assert_eq!(
        included(SocketFilter { address: Some(at(1, 0).ip()), ..any.clone() }),
        [false, false, true]
    );
    let between = |local, remote| Some((at(local, 80), at(remote, 4000)));
    let ends = SocketFilter { between: between(2, 1), ..any.clone() };
    assert_eq!(included(ends), [false, false, true]);
    let others = SocketFilter { between: between(2, 3), ..any.clone() };
    assert_eq!(included(others), [false; 3]);
    let states = ["time-wait", "unconn"].map(str::to_owned).to_vec();
    assert_eq!(included(SocketFilter { states, ..any.clone() }), [false, true, true]);
    let states = vec!["LISTEN".to_owned()];
    assert_eq!(included(SocketFilter { states, port: Some(7), ..any }), [false; 3]);
}

#[test]
fn what_is_told_can_be_read_again() {
    for socket in some() {
        let text = serde_json::to_string(&socket).unwrap();
        assert_eq!(serde_json::from_str::<SocketStatus>(&text).unwrap(), socket, "{text}");
    }
    let [listener, _, time_wait] = some();
    assert_eq!((listener.receive_queue, listener.send_queue), (3, 16));
    let timer = time_wait.timer.unwrap();
    assert_eq!((&timer.name[..], timer.left_us), ("time_wait", 1_500_000));
}
