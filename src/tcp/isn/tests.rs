use super::*;
use crate::time::Duration;

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn numbers_of_one_connection_rise_with_time_and_differ_between_connections_and_keys() {
    let secrets = Secrets::new([7; 16]);
    let (local, remote) = (addr("10.9.0.2:80"), addr("10.9.0.1:40000"));
    let start = Instant::from_millis(5);
    let first = secrets.initial_sequence(start, local, remote);
    let later = secrets.initial_sequence(start + Duration::from_millis(1), local, remote);
    assert_eq!(later - first, 250);
    let other = secrets.initial_sequence(start, local, addr("10.9.0.1:40001"));
    assert_ne!(first, other);
    assert_ne!(first, Secrets::new([8; 16]).initial_sequence(start, local, remote));
    assert_ne!(secrets.timestamp_offset(local, remote), secrets.port_offset(local, remote));
}
