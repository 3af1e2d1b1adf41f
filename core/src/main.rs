//! The `mu-core` binary: everything is in the library.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if let Err(error) = mu_wal::stop_on_bus_error() {
        // Without the handler a bad sector still ends the process, only without its reason.
        log::warn!("no handler for bus errors: {error}");
    }
    mu_core::ops::cli::main()
}
