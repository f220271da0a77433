//! The command `glasstcp`.

mod cli;

fn main() -> std::process::ExitCode {
    cli::run()
}
