//! `mu-core audit`: proves the books of the store, the journal against the store, and what players were told against both.
//!
//! Read-only. The invariants are those of `docs/value.md`. Run it on a stopped server for I8 and I9 to be exact: while a
//! server runs, its newest events are on their way.

#![allow(clippy::print_stdout, reason = "this is the program's front end")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use mu_storage::audit::{AuditReport, Told};
use mu_storage::store::{Role, Store, open};
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
    let contradicted = contradictions(&mut *store, &args.told)?;
    for line in &contradicted {
        println!("I10  {line}");
    }
    if !args.told.is_empty() && contradicted.is_empty() {
        println!("I10  nobody was told anything that is not so: holds");
    }
    let holds = report.is_clean() && contradicted.is_empty();
    if let Some(path) = &args.json {
        write_json(path, &report, &contradicted, holds)?;
    }
    println!("{}", if holds { "the books hold" } else { "THE BOOKS DO NOT HOLD" });
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(2) })
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
                .map_err(|error| CommandError::file(path, std::io::Error::other(error)))?;
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

fn write_json(path: &Path, report: &AuditReport, contradicted: &[String], holds: bool) -> Result<(), CommandError> {
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|finding| {
            json!({ "invariant": finding.invariant, "says": finding.says,
                    "violations": finding.violations, "examples": finding.examples })
        })
        .collect();
    let body = json!({ "schema": 1, "holds": holds, "findings": findings, "told": contradicted });
    fs::write(path, format!("{body:#}\n")).map_err(|source| CommandError::file(path, source))
}
