//! `mu-core audit`: proves the books of the store, the journal against the store, and what players were told against both.
//!
//! Read-only. The invariants are those of `docs/value.md`. The journal is compared (I8) only while no server has it open.

#![allow(clippy::print_stdout, reason = "this is the program's front end")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

use clap::Args;
use mu_storage::audit::{AuditReport, MAX_EXAMPLES, Told};
use mu_storage::event::VALUE_KIND;
use mu_storage::store::{Role, Store, open};
use mu_wal::{Lsn, WalError, tool};
use serde::Deserialize;
use serde_json::json;

use super::CommandError;
use super::check::load;
use super::cli::ConfigArgs;

/// Arguments of `mu-core audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Write the report to this file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also compare with what players were told: the `--trades` file of mu-loadgen
    #[arg(long, value_name = "FILE")]
    told: Vec<PathBuf>,
}

/// One line of a `--trades` file.
#[derive(Debug, Deserialize)]
struct ToldLine {
    event_id: String,
    told: String,
}

/// `mu-core audit`: exit code 0 only if every invariant holds.
///
/// # Errors
/// [`CommandError`] when the books could not be read.
pub fn run(args: &AuditArgs) -> Result<ExitCode, CommandError> {
    let plan = load(&args.config)?;
    let mut store = open(&plan.settings.store.url, Role::Tool)?;
    let report = store.audit()?;
    print!("{report}");
    let undecided = undecided(&mut *store, &plan.settings.wal.dir)?;
    let contradicted = contradictions(&mut *store, &args.told)?;
    for line in &contradicted {
        println!("I10  {line}");
    }
    if !args.told.is_empty() && contradicted.is_empty() {
        println!("I10  nobody was told anything that is not so: holds");
    }
    let holds = report.is_clean() && undecided.is_empty() && contradicted.is_empty();
    if let Some(path) = &args.json {
        write_json(path, &report, [&undecided[..], &contradicted[..]], holds)?;
    }
    println!("{}", if holds { "the books hold" } else { "THE BOOKS DO NOT HOLD" });
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// I8: events that the journal holds at or before the applied position and that have no outcome, in words.
fn undecided(store: &mut dyn Store, dir: &Path) -> Result<Vec<String>, CommandError> {
    let mut records = Vec::new();
    let read = tool::dump(dir, &mut io::sink(), &mut |record| {
        if record.kind == VALUE_KIND {
            records.push((record.lsn, record.event_id));
        }
        None
    });
    let stat = match read {
        Ok(stat) => stat,
        Err(WalError::Locked { .. }) => {
            println!("I8   every event in the journal has one outcome: not checked, a server has the journal open");
            return Ok(Vec::new());
        }
        Err(error) => return Err(error.into()),
    };
    let applied = match stat.log_id {
        Some(log_id) => store.applied(log_id.0)?,
        None => Lsn::ZERO,
    };
    let mut missing = Vec::new();
    for (lsn, event_id) in records.iter().filter(|(lsn, _)| *lsn <= applied) {
        if store.outcome(*event_id)?.is_none() {
            missing.push(format!("event {event_id:032x} at LSN {lsn}: no outcome, although {applied} is applied"));
        }
    }
    let pending = records.iter().filter(|(lsn, _)| *lsn > applied).count();
    let verdict = if missing.is_empty() { "holds".to_owned() } else { format!("{} violations", missing.len()) };
    println!(
        "I8   every event in the journal has one outcome: {verdict} ({} read, {pending} wait for the next start)",
        records.len()
    );
    for line in missing.iter().take(MAX_EXAMPLES) {
        println!("     {line}");
    }
    Ok(missing)
}

/// What players were told that the outcome rows contradict, in words.
fn contradictions(store: &mut dyn Store, files: &[PathBuf]) -> Result<Vec<String>, CommandError> {
    let mut told = Vec::new();
    for path in files {
        let text = fs::read_to_string(path).map_err(|source| CommandError::file(path, source))?;
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        for line in complete.lines() {
            let line: ToldLine = serde_json::from_str(line).map_err(|error| CommandError::file(path, error.into()))?;
            let event_id = u128::from_str_radix(&line.event_id, 16)
                .map_err(|error| CommandError::file(path, io::Error::other(error)))?;
            match line.told.as_str() {
                "success" => told.push(Told { event_id, success: true }),
                "failed" => told.push(Told { event_id, success: false }),
                _ => {}
            }
        }
    }
    let violations = store.check_told(&told)?;
    Ok(violations
        .iter()
        .map(|violation| {
            let word = if violation.told.success { "success" } else { "failed" };
            format!(
                "event {:032x}: a player was told {word}, decided is {:?}",
                violation.told.event_id, violation.decided
            )
        })
        .collect())
}

fn write_json(
    path: &Path,
    report: &AuditReport,
    [undecided, contradicted]: [&[String]; 2],
    holds: bool,
) -> Result<(), CommandError> {
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|finding| {
            json!({ "invariant": finding.invariant, "says": finding.says,
                    "violations": finding.violations, "examples": finding.examples })
        })
        .collect();
    let body =
        json!({ "schema": 1, "holds": holds, "findings": findings, "undecided": undecided, "told": contradicted });
    fs::write(path, format!("{body:#}\n")).map_err(|source| CommandError::file(path, source))
}
