use super::*;

#[test]
fn every_port_is_found_once_and_then_none() {
    let secrets = Secrets::new([3; 16]);
    let local = "10.0.0.1:0".parse().unwrap();
    let remote = "10.0.0.2:80".parse().unwrap();
    let mut ports = Ports::new(Shard::ALONE);
    let mut taken = std::collections::HashSet::new();
    while let Some(port) = ports.choose(&secrets, local, remote, |port| !taken.contains(&port)) {
        assert!((FIRST..=LAST).contains(&port) && taken.insert(port));
    }
    assert_eq!(taken.len(), usize::from(LAST - FIRST) + 1);
}

#[test]
fn no_two_shards_choose_the_same_port() {
    let secrets = Secrets::new([3; 16]);
    let local = "10.0.0.1:0".parse().unwrap();
    let remote = "10.0.0.2:80".parse().unwrap();
    for count in [2, 3, 7, 64] {
        let mut taken = std::collections::HashSet::new();
        for index in 0..count {
            let shard = Shard { index, count };
            let mut ports = Ports::new(shard);
            while let Some(port) =
                ports.choose(&secrets, local, remote, |port| !taken.contains(&port))
            {
                assert_eq!(shard.index_of_port(port), index);
                assert!((FIRST..=LAST).contains(&port) && taken.insert(port));
            }
        }
        assert_eq!(taken.len(), usize::from(LAST - FIRST) + 1);
    }
}
