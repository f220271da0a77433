use super::*;

#[test]
fn every_port_is_found_once_and_then_none() {
    let secrets = Secrets::new([3; 16]);
    let local = "10.0.0.1:0".parse().unwrap();
    let remote = "10.0.0.2:80".parse().unwrap();
    let mut ports = Ports::default();
    let mut taken = std::collections::HashSet::new();
    while let Some(port) = ports.choose(&secrets, local, remote, |port| !taken.contains(&port)) {
        assert!((FIRST..=LAST).contains(&port) && taken.insert(port));
    }
    assert_eq!(taken.len() as u32, COUNT);
}
