//! `glasstcp impair`: changes the link of a running glasstcp, and shows how it is.

use anyhow::anyhow;
use glasstcp::control::{LaneStatus, LinkStatus, Reply, Request};
use glasstcp::device::impair::Spec;
use glasstcp::service::text::harmless_lines;

use super::control::{SOMETHING_ELSE, Whom};

/// Change the link of a running glasstcp, and show how it is
///
/// Rules are added to those in force: a later one about the same property overrules an earlier one, and
/// 'clear' takes everything away. Without rules it only shows what is in force and what was counted.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo glasstcp impair                                what is in force, and what it did
  sudo glasstcp impair delay=50ms out:loss=2%         both ways longer; one of fifty is lost going out
  sudo glasstcp impair clear rate=10mbit queue=20p    only this from now on
  sudo glasstcp impair drop:data:nth=3                the third segment with text from now on, each way
  sudo glasstcp impair clear                          a perfect link again

For 'glasstcp up', out is what the stack sends; for 'glasstcp link', from left to right, or from the
clients to the server. docs/link.md has the language.

Exit codes: 0 done, 1 it cannot be done (one sentence says why), 2 the command line cannot be read.")]
pub struct Args {
    #[command(flatten)]
    whom: Whom,

    /// What is to come into force
    #[arg(value_name = "RULE")]
    rules: Vec<Spec>,
}

impl Args {
    /// Asks, and prints the answer.
    pub fn run(self) -> anyhow::Result<()> {
        let rules: Vec<_> = self.rules.into_iter().flat_map(|spec| spec.rules).collect();
        let spec = (!rules.is_empty()).then(|| Spec { rules }.to_string());
        match self.whom.ask(&Request::Impair { spec })? {
            Reply::Link(link) => super::say(&harmless_lines(&format(&link))),
            _ => Err(anyhow!(SOMETHING_ELSE)),
        }
    }
}

/// Both directions, a paragraph each.
pub fn format(link: &LinkStatus) -> String {
    format!("{}{}", lane("out", &link.out), lane("in", &link.back))
}

fn lane(name: &str, lane: &LaneStatus) -> String {
    let rules = if lane.rules.is_empty() { "perfect" } else { &lane.rules };
    let LaneStatus { arrived, delivered, waiting, waited_mean_us, waited_max_us, .. } = lane;
    let mut text = format!(
        "{name}: {rules}\n  {} packets in ({} bytes), {} out ({} bytes), {} waiting\n",
        arrived.packets, arrived.bytes, delivered.packets, delivered.bytes, waiting.packets,
    );
    if *waited_max_us > 0.0 {
        let (mean, most) = (waited_mean_us / 1e3, waited_max_us / 1e3);
        text += &format!("  waited {mean:.3} ms in the mean, {most:.3} ms at most\n");
    }
    let effects = lane.effects.iter().map(|(name, n)| format!("{n} {}", name.replace('_', " ")));
    let effects: Vec<_> = effects.collect();
    if !effects.is_empty() {
        text += &format!("  {}\n", effects.join(", "));
    }
    text
}

#[cfg(test)]
mod tests;
