use super::*;

#[test]
fn interface_names_are_those_the_kernel_takes() {
    for good in ["glass0", "a", "tun-1.5_x", "abcdefghijklmno"] {
        assert!(check_name(good).is_ok(), "{good}");
    }
    let too_long = "abcdefghijklmnop";
    for bad in ["", ".", "..", "a/b", "a b", "a:1", "tun%d", "a\n", "é", too_long] {
        assert!(check_name(bad).is_err(), "{bad}");
    }
}

#[test]
fn every_system_error_has_its_sentence() {
    let sentence =
        |errno| explain(io::Error::from_raw_os_error(errno as i32), "glass0").to_string();
    let table = [
        (Errno::ENOENT, "modprobe tun"),
        (Errno::ENODEV, "modprobe tun"),
        (Errno::ENOTTY, "not the TUN driver"),
        (Errno::EISDIR, "not the TUN driver"),
        (Errno::EPERM, "sudo"),
        (Errno::EACCES, "CAP_NET_ADMIN"),
        (Errno::EBUSY, "--dev"),
        (Errno::EINVAL, "not a plain TUN device"),
        (Errno::ENOMEM, "cannot open the network device 'glass0'"),
    ];
    for (errno, part) in table {
        let text = sentence(errno);
        assert!(text.contains(part), "{errno}: {text}");
        assert!(!text.contains('\n'));
    }
}
