use super::*;

#[test]
fn a_flood_of_requests_takes_no_open_connection_off_the_list() {
    let ends = Endpoints {
        local: "10.9.0.2:80".parse().unwrap(),
        remote: "10.9.0.1:4000".parse().unwrap(),
    };
    let half_open = Entry::HalfOpen { conn: ConnId(7), ends };
    let (half_open, brief) = brief(&half_open).unwrap();
    let row = || Row::of(&brief).unwrap();
    let open = |conn: u32| ((0, time::Duration::from_secs(conn.into())), conn, row());
    let mut all: Vec<_> = (10_000..12_500).map(|conn| (half_open, conn, row())).collect();
    all.extend((0..100).map(open));
    keep_busiest(&mut all);
    assert_eq!(all.len(), MAX_ROWS);
    let kept: std::collections::HashSet<_> = all.iter().map(|(_, conn, _)| *conn).collect();
    assert!((0..100).all(|conn| kept.contains(&conn)));
}
