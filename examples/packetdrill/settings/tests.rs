use super::*;

fn flags(text: &str) -> Result<Settings, String> {
    Settings::parse(text)
}

#[test]
fn the_flags_are_names_with_values() {
    let settings = flags("local=192.168.0.1,local=10.0.0.1,mtu=1280").unwrap();
    let config = settings.stack();
    assert_eq!((config.addresses.len(), config.mtu), (2, 1280));
    // Without sysctls everything is the stack's own.
    assert_eq!(settings.tcp().congestion, tcp::Config::default().congestion);
    assert!(!settings.device_is_full());
}

#[test]
fn what_they_cannot_mean_is_said() {
    for wrong in ["local", "local=nowhere", "local=192.168.0.1,mtu=many", "speed=11"] {
        let sentence = flags(wrong).unwrap_err();
        assert!(sentence.contains("is not one of"), "{sentence}");
    }
    assert!(flags("").unwrap_err().contains("local=ADDRESS"));
}

#[test]
fn sysctls_are_read_from_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let ipv4 = folder.path().join("net/ipv4");
    fs::create_dir_all(&ipv4).unwrap();
    let sysctls = [
        ("tcp_sack", "0"),
        ("tcp_rmem", "4096 131072 6291456"),
        ("tcp_ecn", "1"),
        ("tcp_fastopen", "0x403"),
        ("tcp_congestion_control", "reno"),
        ("tcp_syn_retries", "many"),
    ];
    for (name, value) in sysctls {
        fs::write(ipv4.join(name), format!("{value}\n")).unwrap();
    }
    let settings = flags(&format!("local=192.168.0.1,sysctl={}", folder.path().display())).unwrap();
    let (config, default) = (settings.tcp(), tcp::Config::default());
    assert_eq!(
        (config.sack, config.ecn, config.congestion.name()),
        (false, Ecn::Request, "newreno")
    );
    assert_eq!((config.receive_buffer_initial, config.receive_buffer), (65_535, 6_291_456));
    assert_eq!(config.syn_retransmission_limit, default.syn_retransmission_limit);
    assert!(settings.fast_clients() && settings.fast_accept(None).is_some());
    fs::write(ipv4.join("device_full"), "").unwrap();
    assert!(settings.device_is_full());
}

#[test]
fn keys_for_cookies_are_one_or_two_of_sixteen_bytes() {
    assert!(cookie_keys(&[7; 16]).is_some() && cookie_keys(&[7; 32]).is_some());
    for len in [0, 15, 17, 31] {
        assert!(cookie_keys(&vec![7; len]).is_none(), "{len}");
    }
}
