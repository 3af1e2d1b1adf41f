//! Making backups, beside a running server or without one.

use std::path::Path;

use mu_storage::copies;
use mu_storage::store::Store;
use mu_wal::{Lsn, tool};

use super::catalog::{Backup, Catalog, Kind, Manifest};
use super::{BackupError, world as world_file};

/// The file of a full backup.
pub(super) const STORE: &str = "store";
/// The folder of an incremental backup's segments.
pub(super) const WAL: &str = "wal";

/// Copies the whole store at `url`.
///
/// # Errors
/// See [`BackupError`]; nothing is left under a backup's name then.
pub fn full(catalog: &Catalog, url: &str, now_us: i64) -> Result<Backup, BackupError> {
    let draft = catalog.begin(Kind::Full, now_us)?;
    let positions = copies::copy(url, &draft.join(STORE))?;
    let mut manifest = manifest(Kind::Full, now_us);
    manifest.store = Some(store_kind(url).to_owned());
    manifest.positions = positions.iter().map(|(log, applied)| (format!("{log:032x}"), applied.0)).collect();
    catalog.finish(&draft, manifest)
}

/// Copies the journal in `wal` behind the newest backup, and then what stands beside it in `store`.
///
/// # Errors
/// [`BackupError::NoFull`] without a full backup of a store that this journal belongs to; [`BackupError::Gap`] if the journal no
/// longer holds what comes next.
pub fn incremental(catalog: &Catalog, wal: &Path, store: &mut dyn Store, now_us: i64) -> Result<Backup, BackupError> {
    let backups = catalog.list()?;
    let newest = backups.iter().rfind(|backup| backup.manifest.kind == Kind::Full);
    let full = newest.ok_or_else(|| BackupError::NoFull(catalog.place()))?;
    let draft = catalog.begin(Kind::Incremental, now_us)?;
    // Of all journals the store knows, the one in the folder; positions of two journals cannot be compared.
    let known =
        full.manifest.positions.iter().map(|(log, applied)| (log.clone(), covered(&backups, full, log, *applied)));
    let known: Vec<(String, u64)> = known.collect();
    let lowest = known.iter().map(|(_, covered)| *covered).min().unwrap_or(0);
    let copied = tool::copy_behind(wal, Lsn(lowest), &draft.join(WAL))?;
    let log = copied.log_id.map_or_else(String::new, |log| format!("{:032x}", log.0));
    let Some((_, covered)) = known.iter().find(|(known, _)| *known == log) else {
        return Err(BackupError::NoFull(format!(
            "{} holds a journal that the last full backup does not know",
            wal.display()
        )));
    };
    if copied.first.0 > covered + 1 {
        let reason = "the journal keeps fewer segments than were written since the last backup";
        return Err(BackupError::Gap { from: Lsn(covered + 1), to: Lsn(copied.first.0 - 1), reason });
    }
    let last = copied.durable.0.max(*covered);
    world_file::write(&draft, &store.beside()?)?;
    let mut manifest = manifest(Kind::Incremental, now_us);
    manifest.journal = Some((log, covered + 1, last));
    let backup = catalog.finish(&draft, manifest)?;
    catalog.mark(now_us, Lsn(last))?;
    Ok(backup)
}

/// Keeps what stands beside the journal: accounts, sequences, and where everybody stands.
///
/// # Errors
/// See [`BackupError`].
pub fn world(catalog: &Catalog, store: &mut dyn Store, now_us: i64) -> Result<Backup, BackupError> {
    let draft = catalog.begin(Kind::World, now_us)?;
    world_file::write(&draft, &store.beside()?)?;
    catalog.finish(&draft, manifest(Kind::World, now_us))
}

/// The position of a journal up to which a full backup and the incremental ones behind it reach.
fn covered(backups: &[Backup], full: &Backup, log: &str, applied: u64) -> u64 {
    let behind = backups.iter().filter(|backup| backup.manifest.created_us > full.manifest.created_us);
    let journals = behind.filter_map(|backup| backup.manifest.journal.as_ref());
    journals.filter(|(of, _, _)| of == log).map(|(_, _, last)| *last).max().unwrap_or(0).max(applied)
}

/// `sqlite` or `postgres`.
pub(super) fn store_kind(url: &str) -> &'static str {
    if url.starts_with("sqlite:") { "sqlite" } else { "postgres" }
}

fn manifest(kind: Kind, created_us: i64) -> Manifest {
    Manifest {
        schema: 1,
        kind,
        created_us,
        build: env!("CARGO_PKG_VERSION").to_owned(),
        store: None,
        positions: Vec::new(),
        journal: None,
        files: Vec::new(),
    }
}
