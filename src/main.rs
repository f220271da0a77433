//! The command `glasstcp`.

mod cli;

/// Connections come and go with many small pieces of memory; for these it is quicker than the
/// allocator of the C library.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::run()
}
