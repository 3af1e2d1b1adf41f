//! `mu-core wal stat|dump|verify DIR`: the journal offline, read-only. Exit codes are those of `docs/wal-format.md`.

#![allow(clippy::print_stdout, reason = "this is the program's front end")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use mu_storage::event::{self, VALUE_KIND};
use mu_wal::tool;
use serde_json::Value;

use super::CommandError;

/// Arguments of `mu-core wal`.
#[derive(Debug, Args)]
pub struct WalArgs {
    #[command(subcommand)]
    command: WalCommand,
}

#[derive(Debug, Subcommand)]
enum WalCommand {
    /// What is there: segments, positions, promises
    Stat(DirArgs),
    /// Every record, one per line
    Dump(DirArgs),
    /// Check every byte; the exit code says what was found
    Verify(DirArgs),
}

#[derive(Debug, Args)]
struct DirArgs {
    /// The journal's folder
    dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// `mu-core wal …`.
///
/// # Errors
/// [`CommandError::Wal`] when no answer was reached; damage found by `verify` is an answer.
pub fn run(args: &WalArgs) -> Result<ExitCode, CommandError> {
    match &args.command {
        WalCommand::Stat(args) => stat(args),
        WalCommand::Dump(args) => dump(args),
        WalCommand::Verify(args) => verify(args),
    }
}

fn stat(args: &DirArgs) -> Result<ExitCode, CommandError> {
    let stat = tool::stat(&args.dir)?;
    if args.json {
        println!("{}", json(&stat));
    } else {
        println!("log        {}", stat.log_id.map_or_else(|| "none".to_owned(), |id| id.to_string()));
        println!("positions  {} … {}", stat.first, stat.last);
        for segment in &stat.segments {
            println!("segment    {:016x}  {} bytes", segment.sequence, segment.bytes);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn dump(args: &DirArgs) -> Result<ExitCode, CommandError> {
    let mut out = std::io::stdout().lock();
    let stat = tool::dump(&args.dir, &mut out, &mut |record| {
        (record.kind == VALUE_KIND)
            .then(|| event::decode(record.schema, record.payload).ok())
            .flatten()
            .map(|event| Value::String(format!("{event:?}")))
    })?;
    log::debug!("{} positions", stat.last);
    Ok(ExitCode::SUCCESS)
}

fn verify(args: &DirArgs) -> Result<ExitCode, CommandError> {
    let report = tool::verify(&args.dir, None)?;
    if args.json {
        println!("{}", json(&report));
    } else {
        println!("{}: {}", args.dir.display(), report.verdict);
        for line in report.problem.iter().chain(&report.notes) {
            println!("  {line}");
        }
    }
    Ok(ExitCode::from(report.exit_code))
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).expect("plain data becomes JSON")
}
