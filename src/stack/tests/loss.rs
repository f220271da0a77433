//! Random loss in both directions.

use super::world::Side::Server;
use super::world::{World, random_loss};
use crate::time::Duration;

/// Named for a bug: acknowledgments whose predecessors were lost gave samples that held whole
/// time-outs, each time-out made the next one longer, and this took 46,000 s.
#[test]
fn a_megabyte_arrives_through_30_percent_loss_both_ways() {
    for seed in 1..=8 {
        let mut world = World::new();
        world.delay = Duration::from_micros(50);
        world.judge = random_loss(seed, 30);
        let pair = world.open();
        world.transfer(&pair, Server, 1 << 20, Duration::from_secs(2000));
    }
}
