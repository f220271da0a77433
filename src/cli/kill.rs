//! `glasstcp kill`: ends a connection of a running glasstcp.

use std::net::SocketAddr;

use anyhow::{anyhow, bail};
use glasstcp::control::{Reply, Request};

use super::control::{SOMETHING_ELSE, Whom};

/// End a connection of a running glasstcp
///
/// The peer gets a reset, and the application an error, as if it had aborted the connection itself. One that is
/// half-open or in TIME-WAIT is forgotten.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo glasstcp kill 10.9.0.2:80 10.9.0.1:43210        both ends, as 'glasstcp ss' shows them

Exit codes: 0 done, 1 it cannot be done (one sentence says why), 2 the command line cannot be read.")]
pub struct Args {
    #[command(flatten)]
    whom: Whom,

    /// The stack's end
    #[arg(value_name = "LOCAL:PORT")]
    local: SocketAddr,

    /// The other end
    #[arg(value_name = "PEER:PORT")]
    remote: SocketAddr,
}

impl Args {
    /// Asks for it.
    pub fn run(self) -> anyhow::Result<()> {
        let (local, remote) = (self.local, self.remote);
        match self.whom.ask(&Request::Kill { local, remote })? {
            Reply::Done { count: 0 } => {
                bail!("there is no connection between {local} and {remote}: see 'glasstcp ss -a'")
            }
            Reply::Done { .. } => Ok(()),
            _ => Err(anyhow!(SOMETHING_ELSE)),
        }
    }
}
