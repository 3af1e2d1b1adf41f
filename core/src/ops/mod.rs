//! What an operator sees and types: the command line, status and metrics, the audit, the demo.

pub mod audit;
pub mod auditor;
pub mod backup;
pub mod check;
pub mod cli;
pub mod dev;
pub mod live;
pub mod logging;
pub mod metrics;
pub mod offline;
pub mod process;
pub mod replay;
pub mod review;
pub mod seed;
pub mod serve;
pub mod status;
pub mod wal;

use std::io;
use std::path::{Path, PathBuf};

use mu_storage::error::StoreError;

use crate::backup::BackupError;
use crate::boot::BootError;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The settings or the content.
    #[error("{0}")]
    Config(mu_config::Diagnostics),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A journal's folder.
    #[error(transparent)]
    Wal(#[from] mu_wal::WalError),
    /// A file.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A backup.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The command line asks for what the settings do not have.
    #[error("{0}")]
    Usage(String),
    /// The server did not start.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// The host's keys.
    #[error(transparent)]
    Keys(#[from] crate::boot::keys::KeyError),
    /// A capture that cannot be replayed from its first record on.
    #[error("{path}: {source}", path = path.display())]
    Capture {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: mu_wire::capture::CaptureError,
    },
    /// Logging could not start.
    #[error("logging: {0}")]
    Logging(#[from] flexi_logger::FlexiLoggerError),
    /// Watching for TERM and INT.
    #[error("signals: {0}")]
    Signals(#[source] io::Error),
    /// The load generator could not be run.
    #[error("{0}")]
    Loadgen(String),
}

impl CommandError {
    fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }
}
