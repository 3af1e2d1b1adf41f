//! `mu-core serve`: a server until TERM or INT.

#![allow(clippy::print_stdout, reason = "this is the program's front end")]

use std::process::ExitCode;

use clap::Args;

use super::check::load;
use super::cli::ConfigArgs;
use super::{CommandError, logging};
use crate::boot::{self, BootOptions};

/// Arguments of `mu-core serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Begin a new journal although the store has applied one whose folder is gone; run `mu-core audit` first
    #[arg(long)]
    accept_lost_journal: bool,
}

/// Runs until it is told to stop. Exit code 0 says that everything was stored, 1 that the store did not answer in time
/// and the next start decides what the journal still holds.
///
/// # Errors
/// [`CommandError`] when the server cannot start.
pub fn run(args: &ServeArgs) -> Result<ExitCode, CommandError> {
    let plan = load(&args.config)?;
    let options = BootOptions { accept_lost_journal: args.accept_lost_journal };
    let _log = logging::start(&plan.settings.log)?;
    for warning in plan.warnings.entries() {
        log::warn!("{warning}");
    }
    let server = boot::start(&plan, options)?;
    println!("mu-core {} on {}", super::status::build(), server.sources().runtime);
    println!("gateway  http://{}", server.gateway());
    for endpoint in server.endpoints() {
        println!("shard    udp {endpoint}");
    }
    println!("{}", server.placement());
    let _signals = server.watch_signals()?;
    let report = server.wait();
    println!("{report}");
    Ok(if report.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
