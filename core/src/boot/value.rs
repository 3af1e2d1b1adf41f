//! Opening journal and store: the journal is validated first, then the store is waited for, then what is undecided is
//! decided.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::mpsc;
use std::time::Duration;

use mu_config::{Settings, WalMedium};
use mu_storage::error::StoreError;
use mu_storage::store::{Role, Store, open as open_store};
use mu_value::{RecoverError, RecoverOptions, Recovered, recover};
use mu_wal::{Archive, JournalOptions, Medium, ScanOptions};

use super::{BootError, BootOptions};
use crate::runtime::Clock;

/// How long a start waits for a store that does not answer, before it fails.
const PATIENCE: Duration = Duration::from_secs(10);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const RETRY_EVERY: Duration = Duration::from_millis(500);

/// An open journal with the connections that serve it.
pub(crate) struct Opened {
    pub(crate) recovered: Recovered,
    pub(crate) applier: Box<dyn Store>,
    pub(crate) flusher: Box<dyn Store>,
    pub(crate) boot: u32,
}

/// Opens both and brings them to the same position.
pub(crate) fn open(settings: &Settings, options: BootOptions) -> Result<Opened, BootError> {
    let medium = match settings.wal.medium {
        WalMedium::Mmap => Medium::Mapped,
        WalMedium::Pwrite => Medium::Pwrite,
    };
    let archive = settings.wal.archive_dir.clone().map(|dir| Archive {
        dir,
        keep_for: DAY * settings.wal.archive_days,
        keep_bytes: u64::from(settings.wal.archive_mib) << 20,
    });
    let scan = mu_wal::scan(&settings.wal.dir, &ScanOptions { medium, archive, ..ScanOptions::default() })
        .map_err(RecoverError::from)?;
    let mut applier = patiently(|| {
        let mut store = open_store(&settings.store.url, Role::Applier)?;
        store.migrate()?;
        Ok(store)
    })?;
    let recover_options = RecoverOptions {
        journal: JournalOptions {
            segment_bytes: u64::from(settings.wal.segment_mib) << 20,
            retain_segments: settings.wal.keep_segments as usize,
            accept_lost_journal: options.accept_lost_journal,
            ..JournalOptions::default()
        },
        config_hash: hash_of(settings),
    };
    let recovered = recover(scan, &settings.wal.dir, &recover_options, &mut *applier)?;
    if !recovered.replayed.is_empty() {
        log::info!("{} events the last run left undecided are decided", recovered.replayed.len());
        for (event_id, outcome) in &recovered.replayed {
            log::debug!("event {event_id:032x}: {outcome:?}");
        }
    }
    let flusher = open_store(&settings.store.url, Role::Flusher)?;
    let boot = recovered.boot;
    Ok(Opened { recovered, applier, flusher, boot })
}

/// Tries until the store answers or patience ends; a refusal that trying cannot help fails at once.
fn patiently<T>(mut attempt: impl FnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let deadline = Clock::now() + PATIENCE;
    // Nobody sends: receiving with a timeout is a wait that needs no thread to sleep.
    let (_nobody, pause) = mpsc::channel::<()>();
    loop {
        match attempt() {
            Err(error) if error.is_retryable() && Clock::now() < deadline => {
                log::warn!("waiting for the store: {error}");
                let _timeout = pause.recv_timeout(RETRY_EVERY);
            }
            answer => return answer,
        }
    }
}

/// Ties a journal's epoch to the settings of its run; only ever compared for equality by people.
fn hash_of(settings: &Settings) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{settings:?}").hash(&mut hasher);
    hasher.finish()
}
