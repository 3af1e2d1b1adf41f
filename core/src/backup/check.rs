//! Whether backups are what they say: every file's checksum, every journal copy byte by byte, and the chain without a gap.

use mu_wal::tool;

use super::BackupError;
use super::catalog::{Backup, Catalog, check_files};
use super::take::WAL;

/// What is known of one backup.
#[derive(Debug)]
pub struct Verdict {
    /// Which.
    pub backup: Backup,
    /// What is wrong with it; `None` if nothing is.
    pub problem: Option<String>,
}

/// Reads everything in the folder.
///
/// # Errors
/// When the folder or a manifest cannot be read; what is wrong with a backup is in its verdict.
pub fn verify(catalog: &Catalog) -> Result<Vec<Verdict>, BackupError> {
    let backups = catalog.list()?;
    Ok(backups.into_iter().map(|backup| Verdict { problem: problem(&backup).err(), backup }).collect())
}

fn problem(backup: &Backup) -> Result<(), String> {
    check_files(backup).map_err(|error| error.to_string())?;
    let Some((_, first, last)) = &backup.manifest.journal else { return Ok(()) };
    let report = tool::verify(&backup.path.join(WAL), None).map_err(|error| error.to_string())?;
    if report.exit_code > 1 {
        return Err(report.problem.unwrap_or_else(|| report.verdict.to_owned()));
    }
    let mut next = *first;
    tool::read(&backup.path.join(WAL), &mut |record| {
        if record.lsn.0 == next {
            next += 1;
        }
    })
    .map_err(|error| error.to_string())?;
    if next <= *last {
        return Err(format!("it says it holds the positions {first} to {last}, but {next} is not there"));
    }
    Ok(())
}
