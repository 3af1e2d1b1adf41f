//! Backups: a full copy of the store, the journal since then, and every few minutes what stands beside the journal; and the way
//! back to a chosen moment.
//!
//! ```text
//!  full-…         store            one moment of the store, with the journal positions it had decided
//!  incremental-…  wal/, world      the journal behind the backup before it, then accounts, sequences and hot state
//!  world-…        world            accounts, sequences and hot state
//!  marks                           which journal position was durable at which second
//! ```
//!
//! A restore fills an empty store from a full backup, decides the journal records behind it up to the moment, puts accounts,
//! sequences and hot state back, and audits the result. Value comes from the journal to the last record; positions and health
//! are as old as the last `world`. Knows no schedule but [`schedule`], and changes nothing of a running server.

mod catalog;
mod check;
mod restore;
pub mod schedule;
mod take;
mod world;

use std::path::{Path, PathBuf};

use mu_storage::error::StoreError;
use mu_wal::{Lsn, WalError};

pub use catalog::{Backup, Catalog, FileEntry, Kind, Manifest};
pub use check::{Verdict, verify};
pub use restore::{Moment, Restored, restore};
pub use take::{full, incremental, world};

/// Why a backup was not made, or a restore not done.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file of a backup.
    #[error("{path}: cannot {action}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal, or a copy of it.
    #[error(transparent)]
    Wal(#[from] WalError),
    /// A file is not what its manifest says.
    #[error("{path}: {problem}", path = path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// There is no full backup to build on.
    #[error("{0}: there is no full backup here that this one could continue: make one with `mu-core backup full`")]
    NoFull(String),
    /// Positions between two backups are nowhere.
    #[error(
        "the journal's positions {from} to {to} are in no backup: {reason}. Make a full backup with `mu-core backup full`; moments in the \
         gap cannot be restored"
    )]
    Gap {
        /// The first position missing.
        from: Lsn,
        /// The last one.
        to: Lsn,
        /// How that came to be.
        reason: &'static str,
    },
}

fn file_error(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::File { path, action, source }
}
