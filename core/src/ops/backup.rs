//! `mu-core backup full|incremental|world|list|verify|restore`: backups by hand, beside a running server or without one.

#![allow(clippy::print_stdout, reason = "this is the program's front end")]

use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat};
use clap::{Args, Subcommand};
use mu_storage::store::{Role, open};
use mu_wal::Lsn;
use serde_json::json;

use super::CommandError;
use super::check::load;
use super::cli::ConfigArgs;
use crate::backup::{self, Backup, Catalog, Kind, Moment};
use crate::runtime::Clock;

/// Arguments of `mu-core backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    #[command(subcommand)]
    command: BackupCommand,
}

#[derive(Debug, Subcommand)]
enum BackupCommand {
    /// Copy the whole store
    Full(TakeArgs),
    /// Copy the journal behind the newest backup, and what stands beside it
    Incremental(TakeArgs),
    /// Keep accounts, sequences and where everybody stands
    World(TakeArgs),
    /// What there is, oldest first
    List(FolderArgs),
    /// Read every byte of every backup; exit code 2 if one is damaged
    Verify(FolderArgs),
    /// Fill an empty store from the backups, and audit it; exit code 2 if the books do not hold
    Restore(RestoreArgs),
}

#[derive(Debug, Args)]
struct TakeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The folder of the backups instead of `backup.dir`
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct FolderArgs {
    /// The folder of the backups
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct RestoreArgs {
    /// The folder of the backups
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The store to fill: a file that is not there (`sqlite:PATH`), or a database without tables (`postgres://…`)
    #[arg(long, value_name = "URL")]
    into: String,
    /// The moment: a time such as 2026-03-01T12:30:00Z, or microseconds since 1970; the last one there is if left out
    #[arg(long, value_name = "TIME", conflicts_with = "lsn", value_parser = moment_us)]
    at: Option<i64>,
    /// The moment as a position of the journal
    #[arg(long, value_name = "N")]
    lsn: Option<u64>,
}

/// `mu-core backup …`.
///
/// # Errors
/// [`CommandError`] with what was not done and why.
pub fn run(args: &BackupArgs) -> Result<ExitCode, CommandError> {
    match &args.command {
        BackupCommand::Full(args) => take(args, Kind::Full),
        BackupCommand::Incremental(args) => take(args, Kind::Incremental),
        BackupCommand::World(args) => take(args, Kind::World),
        BackupCommand::List(args) => list(args),
        BackupCommand::Verify(args) => verify(args),
        BackupCommand::Restore(args) => restore(args),
    }
}

fn take(args: &TakeArgs, kind: Kind) -> Result<ExitCode, CommandError> {
    let plan = load(&args.config)?;
    let settings = &plan.settings;
    let Some(folder) = args.dir.as_ref().or(settings.backup.dir.as_ref()) else {
        return Err(CommandError::Usage("there is no folder for backups: set backup.dir, or give --dir".to_owned()));
    };
    let catalog = Catalog::create(folder)?;
    let (url, now_us) = (&settings.store.url, Clock::wall_us());
    let made = match kind {
        Kind::Full => backup::full(&catalog, url, now_us)?,
        Kind::Incremental => backup::incremental(&catalog, &settings.wal.dir, &mut *open(url, Role::Tool)?, now_us)?,
        Kind::World => backup::world(&catalog, &mut *open(url, Role::Tool)?, now_us)?,
    };
    println!("{}", line(&made));
    Ok(ExitCode::SUCCESS)
}

fn list(args: &FolderArgs) -> Result<ExitCode, CommandError> {
    for backup in Catalog::open(&args.dir)?.list()? {
        if args.json {
            println!("{}", json!({ "name": backup.name(), "bytes": backup.bytes(), "manifest": backup.manifest }));
        } else {
            println!("{}", line(&backup));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(args: &FolderArgs) -> Result<ExitCode, CommandError> {
    let verdicts = backup::verify(&Catalog::open(&args.dir)?)?;
    for verdict in &verdicts {
        let problem = verdict.problem.as_deref();
        if args.json {
            println!("{}", json!({ "name": verdict.backup.name(), "whole": problem.is_none(), "problem": problem }));
        } else {
            println!("{}  {}", line(&verdict.backup), problem.unwrap_or("whole"));
        }
    }
    let damaged = verdicts.iter().any(|verdict| verdict.problem.is_some());
    Ok(if damaged { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

fn restore(args: &RestoreArgs) -> Result<ExitCode, CommandError> {
    let moment = match (args.at, args.lsn) {
        (Some(at), _) => Moment::At(at),
        (None, Some(lsn)) => Moment::Position(Lsn(lsn)),
        (None, None) => Moment::Latest,
    };
    let restored = backup::restore(&Catalog::open(&args.dir)?, moment, &args.into)?;
    let [applied, rejected, aside] = restored.decided;
    let none = || "none".to_owned();
    println!("store      {} at {}", restored.full, restored.from);
    println!("journal    to {}: {applied} applied, {rejected} rejected, {aside} set aside", restored.to);
    println!("accounts   {}", restored.accounts.unwrap_or_else(none));
    println!("positions  {}", restored.hot.unwrap_or_else(none));
    print!("{}", restored.audit);
    if !restored.audit.is_clean() {
        println!("THE BOOKS DO NOT HOLD");
        return Ok(ExitCode::from(2));
    }
    println!("the books hold. To play on: point store.url at it, wal.dir at an empty folder, and start once with");
    println!("  mu-core serve --config FILE --accept-lost-journal");
    Ok(ExitCode::SUCCESS)
}

fn line(backup: &Backup) -> String {
    let manifest = &backup.manifest;
    let holds = match &manifest.journal {
        Some((_, first, last)) if first <= last => format!("positions {first} to {last}"),
        Some(_) => "no new positions".to_owned(),
        None => match manifest.positions.last() {
            Some((_, applied)) => format!("the store at position {applied}"),
            None => "accounts, sequences, positions of characters".to_owned(),
        },
    };
    format!("{:<30} {}  {:>12} bytes  {holds}", backup.name(), utc(manifest.created_us), backup.bytes())
}

/// A time of the command line.
fn moment_us(text: &str) -> Result<i64, String> {
    if let Ok(us) = text.parse() {
        return Ok(us);
    }
    let time = DateTime::parse_from_rfc3339(text);
    time.map(|time| time.timestamp_micros()).map_err(|error| {
        format!("`{text}` is neither a time such as 2026-03-01T12:30:00Z nor microseconds since 1970: {error}")
    })
}

fn utc(us: i64) -> String {
    DateTime::from_timestamp_micros(us)
        .map_or_else(|| us.to_string(), |time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

#[cfg(test)]
mod tests {
    use super::{moment_us, utc};

    #[test]
    fn times_are_read_as_they_are_written() {
        for (text, us) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T23:59:59Z", 951_868_799_000_000),
            ("2026-03-01T12:30:00Z", 1_772_368_200_000_000),
        ] {
            assert_eq!(moment_us(text), Ok(us));
            assert_eq!(utc(us), text);
        }
        assert_eq!(moment_us("2026-03-01T13:30:00+01:00"), Ok(1_772_368_200_000_000));
        assert_eq!(moment_us("1772368200000000"), Ok(1_772_368_200_000_000));
        for wrong in ["yesterday", "2026-03-01", "2026-13-01T00:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T12:30:00"]
        {
            assert!(moment_us(wrong).is_err(), "{wrong}");
        }
    }
}
