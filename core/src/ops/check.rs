//! `mu-core check` and `mu-core migrate`, and the loading of a plan that every command shares.

#![allow(clippy::print_stdout, reason = "this is the program's front end")]

use std::process::ExitCode;

use mu_config::Plan;
use mu_storage::store::{Role, open};

use super::CommandError;
use super::cli::ConfigArgs;

/// Loads and checks settings and content; the error holds every mistake with file and line.
///
/// # Errors
/// [`CommandError::Config`].
pub fn load(args: &ConfigArgs) -> Result<Plan, CommandError> {
    mu_config::load(&args.config, mu_config::environment(), &args.set).map_err(CommandError::Config)
}

/// `mu-core check`.
///
/// # Errors
/// [`CommandError::Config`].
pub fn run(args: &ConfigArgs) -> Result<ExitCode, CommandError> {
    let plan = load(args)?;
    println!(
        "{}: settings and content hold ({} worlds, {} maps, {} item templates)",
        args.config.display(),
        plan.content.worlds.len(),
        plan.content.maps.len(),
        plan.content.items.len(),
    );
    Ok(ExitCode::SUCCESS)
}

/// `mu-core migrate`.
///
/// # Errors
/// [`CommandError::Config`] or [`CommandError::Store`].
pub fn migrate(args: &ConfigArgs) -> Result<ExitCode, CommandError> {
    let plan = load(args)?;
    let report = open(&plan.settings.store.url, Role::Tool)?.migrate()?;
    match report.applied {
        0 => println!("the tables are up to date"),
        applied => println!("{applied} migration steps applied"),
    }
    Ok(ExitCode::SUCCESS)
}
