//! `glasstcp completions`: scripts that let a shell complete the command line.

use std::io::{self, Write};

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;

/// Print a script that lets your shell complete glasstcp's commands and options
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  glasstcp completions bash | sudo tee /etc/bash_completion.d/glasstcp
  glasstcp completions zsh > ~/.zfunc/_glasstcp
  glasstcp completions fish > ~/.config/fish/completions/glasstcp.fish

Exit codes: 0 done, 1 the script cannot be written, 2 the command line cannot be read.")]
pub struct Args {
    /// The shell
    shell: Shell,
}

impl Args {
    /// Writes the script to standard output.
    pub fn run(&self) -> anyhow::Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "glasstcp", &mut script);
        io::stdout().write_all(&script).context("cannot write the script")
    }
}

#[cfg(test)]
mod tests;
