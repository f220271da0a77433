//! `glasstcp stats`: what a running glasstcp has counted.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow};
use glasstcp::control::{Reply, Request};
use glasstcp::observe::counters;
use glasstcp::service::text::harmless_lines;

use super::control::{SOMETHING_ELSE, Whom};

/// Show what a running glasstcp has counted
///
/// Everything that is not zero since it was started: what came and went, and what was refused, by reason; and how much
/// there is now of what it keeps tables of.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo glasstcp stats
  watch -d sudo glasstcp stats         what changes
  sudo glasstcp stats --json | jq .tcp_retransmissions
  sudo glasstcp stats --prometheus     what Prometheus reads at http://10.9.0.2/metrics

Exit codes: 0 done, 1 it cannot be done (one sentence says why), 2 the command line cannot be read.")]
pub struct Args {
    #[command(flatten)]
    whom: Whom,

    /// As one object of JSON
    #[arg(long)]
    json: bool,

    /// As text for Prometheus, with those that are zero, and how many sockets are in which state. The web server of
    /// 'glasstcp up' has the same at /metrics
    #[arg(long, conflicts_with = "json")]
    prometheus: bool,
}

impl Args {
    /// Asks, and prints the answer.
    pub fn run(self) -> anyhow::Result<()> {
        if self.prometheus {
            let Reply::Metrics(text) = self.whom.ask(&Request::Metrics {})? else {
                return Err(anyhow!(SOMETHING_ELSE));
            };
            return super::say(&harmless_lines(&text));
        }
        let Reply::Stats(rows) = self.whom.ask(&Request::Stats {})? else {
            return Err(anyhow!(SOMETHING_ELSE));
        };
        if self.json {
            let all: BTreeMap<_, _> = rows.into_iter().collect();
            let text = serde_json::to_string(&all).context("cannot write JSON")?;
            return super::say(&(text + "\n"));
        }
        let rows: Vec<_> = rows.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        super::say(&counters::table(&rows))
    }
}
