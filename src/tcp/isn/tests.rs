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
    let (first, offset) = secrets.initial_numbers(start, local, remote);
    let after = start + Duration::from_millis(1);
    assert_eq!(secrets.initial_numbers(after, local, remote), (first + 250, offset));
    let (other, other_offset) = secrets.initial_numbers(start, local, addr("10.9.0.1:40001"));
    assert_ne!(first, other);
    assert_ne!(offset, other_offset);
    let (foreign, foreign_offset) = Secrets::new([8; 16]).initial_numbers(start, local, remote);
    assert_ne!(first, foreign);
    assert_ne!(offset, foreign_offset);
    let ports = secrets.port_offset(local, remote);
    assert!(ports != offset && ports != other_offset);
}
