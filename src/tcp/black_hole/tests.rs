use super::*;
use crate::tcp::testing::{Rig, Setup};

/// A burst that goes again may begin before the probe, or behind its beginning.
#[test]
fn a_probe_is_lost_when_any_part_of_it_goes_again() {
    for (place, len, lost) in [
        (1000, 1000, 0),
        (1000, 1001, 1),
        (1000, 9000, 1),
        (2000, 1, 1),
        (3447, 1000, 1),
        (3448, 1000, 0),
    ] {
        let mut rig = Rig::open(Setup::default());
        rig.tcb.path_probe_sent(2000, 1448);
        rig.tcb.path_probe_again(place, len);
        let BlackHole { probe, lost: counted, .. } = rig.tcb.black_hole;
        assert_eq!((probe.is_none(), counted), (lost == 1, lost), "{place} {len}");
    }
}
