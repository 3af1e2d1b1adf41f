//! The command line of `mu-core`: parses, calls the room that does it, and turns the result into an exit code.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the program's front end")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use super::{audit, backup, check, dev, replay, review, serve, wal};

/// An authoritative MMO server: thread-per-core maps, its own UDP protocol, value that survives any crash.
#[derive(Debug, Parser)]
#[command(name = "mu-core", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a demo world on the embedded store, with bots as separate real clients
    Dev(dev::DevArgs),
    /// Run a server
    Serve(serve::ServeArgs),
    /// Check settings and world content, start nothing
    Check(ConfigArgs),
    /// Bring the store's tables to this version
    Migrate(ConfigArgs),
    /// Prove the books: every invariant of the ledger; exit 0 only if all hold
    Audit(audit::AuditArgs),
    /// What was set aside for an operator, and deciding it
    Review(review::ReviewArgs),
    /// Where an item has been
    Item(review::ItemArgs),
    /// Make, list, check and restore backups
    Backup(backup::BackupArgs),
    /// Make a recorded shard's protocol again from a capture; exit 0 only if all that came out is the same
    Replay(replay::ReplayArgs),
    /// Look at a journal offline, read-only
    Wal(wal::WalArgs),
}

/// Which configuration, and what to override in it.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// The settings file (TOML)
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Override one setting, such as `--set udp.port=7000`; wins over file and environment
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Dev(args) => dev::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Migrate(args) => check::migrate(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Review(args) => review::run(&args),
        Command::Item(args) => review::item(&args),
        Command::Backup(args) => backup::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Wal(args) => wal::run(&args),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
