//! `mu-core wal stat|dump|verify|salvage DIR`: the journal offline, read-only. Exit codes are those of `docs/wal-format.md`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the program's front end")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use mu_storage::event::{self, VALUE_KIND};
use mu_storage::store::{Role, open};
use mu_wal::Record;
use mu_wal::tool::{self, Report};
use serde_json::Value;

use super::CommandError;
use super::check::load;
use super::cli::ConfigArgs;

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
    Verify(VerifyArgs),
    /// Every record that is still readable, one per line, also before and behind damage
    Salvage(DirArgs),
}

#[derive(Debug, Args)]
struct VerifyArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// Also compare with the store of these settings: its position, and that every decided event has its outcome there
    #[arg(long, value_name = "CONFIG")]
    db: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct DirArgs {
    /// The journal's folder
    dir: PathBuf,
    /// Print JSON, one line per answer
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
        WalCommand::Salvage(args) => salvage(args),
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
    let stat = tool::dump(&args.dir, &mut out, &mut |record| decode(record))?;
    log::debug!("{} positions", stat.last);
    Ok(ExitCode::SUCCESS)
}

fn verify(args: &VerifyArgs) -> Result<ExitCode, CommandError> {
    let DirArgs { dir, json: as_json } = &args.dir;
    let report = match &args.db {
        Some(config) => compared(dir, config)?,
        None => tool::verify(dir, None)?,
    };
    if *as_json {
        println!("{}", json(&report));
    } else {
        println!("{}: {}", dir.display(), report.verdict);
        for line in report.problem.iter().chain(&report.notes) {
            println!("  {line}");
        }
    }
    Ok(ExitCode::from(report.exit_code))
}

/// The verdict beside the store: its position, then every decided event's outcome. An event that the store counts as
/// decided and has no outcome for is a store that is behind.
fn compared(dir: &Path, config: &Path) -> Result<Report, CommandError> {
    let alone = tool::verify(dir, None)?;
    let Some(log_id) = alone.stat.as_ref().and_then(|stat| stat.log_id) else {
        return Ok(alone);
    };
    let plan = load(&ConfigArgs { config: config.to_owned(), set: Vec::new() })?;
    let mut store = open(&plan.settings.store.url, Role::Tool)?;
    let applied = store.applied(log_id.0)?;
    let mut report = tool::verify(dir, Some(applied))?;
    if report.exit_code > 1 {
        return Ok(report);
    }
    let mut decided = Vec::new();
    tool::dump(dir, &mut std::io::sink(), &mut |record| {
        if record.kind == VALUE_KIND && record.lsn <= applied {
            decided.push((record.lsn, record.event_id));
        }
        None
    })?;
    decided.sort_unstable();
    decided.dedup();
    for (lsn, event_id) in &decided {
        if store.outcome(*event_id)?.is_none() {
            report.exit_code = 4;
            report.verdict = "database behind";
            report.problem =
                Some(format!("the store counts LSN {lsn} as decided, but has no outcome for event {event_id:032x}"));
            return Ok(report);
        }
    }
    report.notes.push(format!("{} events up to LSN {applied} have their outcome in the store", decided.len()));
    Ok(report)
}

fn salvage(args: &DirArgs) -> Result<ExitCode, CommandError> {
    let mut out = std::io::stdout().lock();
    let found = tool::salvage(&args.dir, &mut out, &mut |record| decode(record))?;
    // The records fill the standard output; what is said about them goes beside it.
    eprintln!("{}", json(&found));
    let whole = found.missing.is_empty() && found.unreadable_pages == 0;
    Ok(ExitCode::from(if whole { 0 } else { 2 }))
}

/// A value event in words.
fn decode(record: &Record<'_>) -> Option<Value> {
    (record.kind == VALUE_KIND)
        .then(|| event::decode(record.schema, record.payload).ok())
        .flatten()
        .map(|event| Value::String(format!("{event:?}")))
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain data becomes JSON")
}
