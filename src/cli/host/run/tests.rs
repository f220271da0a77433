use std::net::Ipv4Addr;

use glasstcp::device::OpenConfig;
use glasstcp::device::impair::Spec;
use glasstcp::device::link::Cidr;
use glasstcp::tcp::congestion::Algorithm;
use glasstcp::tcp::{Ecn, FastConnect, Profile};

use super::*;
use crate::cli::host::FastOpen;

impl Plan {
    /// One for tests, which differs from the defaults.
    pub fn sample() -> Plan {
        Plan {
            link: Link::Tun(OpenConfig {
                mtu: 1400,
                ..OpenConfig::new(
                    "glass0",
                    Cidr { address: Ipv4Addr::new(10, 9, 0, 1), prefix_len: 24 },
                )
            }),
            mtu: 1400,
            addresses: vec![Ipv4Addr::new(10, 9, 0, 2), Ipv4Addr::new(10, 9, 0, 3)],
            prefix_len: 24,
            congestion: Algorithm::Tahoe,
            spin: std::time::Duration::ZERO,
            queues: 1,
            max_connections: 1 << 20,
            memory: 1 << 30,
            flight_memory: 0,
            syn_cookies: true,
            rto_max: std::time::Duration::from_secs(120),
            profile: Profile::Rfc,
            ecn: Ecn::Request,
            fast_open: FastOpen::Server,
            impair: Spec::default(),
            impair_seed: 1,
            detail: Detail::Warnings,
            absolute: false,
        }
    }
}

#[test]
fn the_stack_gets_what_was_planned() {
    let config = stack_config(&Plan::sample()).unwrap();
    assert_eq!(config.mtu, 1400);
    let addresses: Vec<_> = config.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.9.0.2/24", "10.9.0.3/24"]);
    assert_eq!((config.tcp.congestion, config.tcp.ecn), (Algorithm::Tahoe, Ecn::Request));
    assert_eq!(config.tcp.fast_connect, FastConnect::Off);
    assert!(config.fast_accept.is_some_and(|accept| accept.needs_cookie));
    assert_ne!(config.seed, [0; 32]);
}
