//! Backups by the clock, on a thread of their own beside the server: full daily, incremental hourly, world every five minutes, as
//! the settings say; and each second a mark of what was durable. A failure is logged, counted and tried again; it stops
//! nothing. A stop of the server does not wait for a backup: one that was not finished has no name and is swept at the next start.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use mu_config::Settings;
use mu_storage::store::{Role, Store, open};
use mu_value::ValueStatus;
use mu_wal::Lsn;

use super::catalog::{Backup, Catalog, Kind};
use super::{BackupError, take};
use crate::runtime::Clock;

/// How often the clock is looked at, and what is durable is marked.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After a failure, this long until the next attempt.
const RETRY_US: i64 = 60_000_000;
/// World backups older than this are removed: the incremental ones hold the same once an hour.
const WORLD_KEPT_US: i64 = 24 * 3_600_000_000;

/// What is made when, from the settings.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Where to.
    pub folder: PathBuf,
    /// The store.
    pub store_url: String,
    /// The journal.
    pub wal: PathBuf,
    /// Between two full backups.
    pub full_every: Duration,
    /// Between two incremental ones.
    pub incremental_every: Duration,
    /// Between two of what stands beside the journal.
    pub world_every: Duration,
    /// Full backups kept, with everything that builds on them.
    pub keep_full: usize,
}

impl Schedule {
    /// What the settings ask for; `None` if they ask for none.
    #[must_use]
    pub fn of(settings: &Settings) -> Option<Self> {
        let backup = &settings.backup;
        Some(Self {
            folder: backup.dir.clone()?,
            store_url: settings.store.url.clone(),
            wal: settings.wal.dir.clone(),
            full_every: Duration::from_secs(u64::from(backup.full_hours) * 3_600),
            incremental_every: Duration::from_secs(u64::from(backup.incremental_minutes) * 60),
            world_every: Duration::from_secs(u64::from(backup.world_minutes) * 60),
            keep_full: usize::try_from(backup.keep_full).unwrap_or(usize::MAX),
        })
    }
}

/// What operators are shown.
#[derive(Debug, Default)]
pub struct BackupStatus {
    /// When the newest of each kind was begun, in microseconds since 1970; 0 if there is none.
    newest_us: [AtomicI64; 3],
    /// Attempts that failed since the start.
    pub failures: AtomicU64,
    stop: AtomicBool,
}

impl BackupStatus {
    /// When the newest of a kind was begun, in microseconds since 1970; 0 if there is none.
    #[must_use]
    pub fn newest_us(&self, kind: Kind) -> i64 {
        self.slot(kind).load(Relaxed)
    }

    /// Tells the thread to end after what it does; nobody waits for it.
    pub fn end(&self) {
        self.stop.store(true, Relaxed);
    }

    fn slot(&self, kind: Kind) -> &AtomicI64 {
        let [full, incremental, world] = &self.newest_us;
        match kind {
            Kind::Full => full,
            Kind::Incremental => incremental,
            Kind::World => world,
        }
    }
}

/// The thread's state.
struct Keeper {
    schedule: Schedule,
    catalog: Catalog,
    status: Arc<BackupStatus>,
    store: Option<Box<dyn Store>>,
    marked: Lsn,
    quiet_until_us: i64,
}

/// Runs until it is told to stop.
pub fn run(schedule: Schedule, value: &ValueStatus, status: Arc<BackupStatus>) {
    let catalog = match Catalog::create(&schedule.folder).and_then(|catalog| catalog.sweep().map(|()| catalog)) {
        Ok(catalog) => catalog,
        Err(error) => {
            status.failures.fetch_add(1, Relaxed);
            log::error!("no backups are made: {error}");
            return;
        }
    };
    let mut keeper = Keeper { schedule, catalog, status, store: None, marked: Lsn::ZERO, quiet_until_us: 0 };
    keeper.look_around();
    while !keeper.status.stop.load(Relaxed) {
        keeper.turn(Clock::wall_us(), Lsn(value.durable_lsn.load(Relaxed)));
        std::thread::park_timeout(LOOK_EVERY);
    }
}

impl Keeper {
    /// What earlier runs left.
    fn look_around(&self) {
        for kind in [Kind::Full, Kind::Incremental, Kind::World] {
            match self.catalog.newest(kind) {
                Ok(newest) => {
                    self.status.slot(kind).store(newest.map_or(0, |backup| backup.manifest.created_us), Relaxed);
                }
                Err(error) => log::error!("the backups in {} cannot be listed: {error}", self.catalog.place()),
            }
        }
    }

    fn turn(&mut self, now_us: i64, durable: Lsn) {
        if durable > self.marked {
            match self.catalog.mark(now_us, durable) {
                Ok(()) => self.marked = durable,
                Err(error) => self.failed("a mark", &error, now_us),
            }
        }
        if now_us < self.quiet_until_us {
            return;
        }
        // The one that takes longest first: the others of the same turn then build on it.
        let due = [Kind::Full, Kind::Incremental, Kind::World].into_iter().find(|kind| self.is_due(*kind, now_us));
        let Some(kind) = due else { return };
        match self.make(kind, now_us) {
            Ok(backup) => {
                log::info!("backup {} made: {} bytes", backup.name(), backup.bytes());
                self.status.slot(kind).store(now_us, Relaxed);
                if kind == Kind::Full
                    && let Err(error) = self.prune(now_us)
                {
                    self.failed("removing old backups", &error, now_us);
                }
            }
            Err(error @ (BackupError::Gap { .. } | BackupError::NoFull(_))) if kind == Kind::Incremental => {
                log::warn!("{error}; a full one is made now");
                self.status.slot(Kind::Full).store(0, Relaxed);
            }
            Err(error) => self.failed(kind.word(), &error, now_us),
        }
    }

    fn is_due(&self, kind: Kind, now_us: i64) -> bool {
        let every = match kind {
            Kind::Full => self.schedule.full_every,
            Kind::Incremental => self.schedule.incremental_every,
            Kind::World => self.schedule.world_every,
        };
        // A full backup begins a new hour of the incremental ones.
        let newest = match kind {
            Kind::Incremental => self.status.newest_us(kind).max(self.status.newest_us(Kind::Full)),
            Kind::Full | Kind::World => self.status.newest_us(kind),
        };
        let every_us = i64::try_from(every.as_micros()).unwrap_or(i64::MAX);
        newest == 0 || now_us.saturating_sub(newest) >= every_us
    }

    fn make(&mut self, kind: Kind, now_us: i64) -> Result<Backup, BackupError> {
        if kind == Kind::Full {
            return take::full(&self.catalog, &self.schedule.store_url, now_us);
        }
        let store = match &mut self.store {
            Some(store) => store,
            empty => empty.insert(open(&self.schedule.store_url, Role::Tool)?),
        };
        match kind {
            Kind::World => take::world(&self.catalog, &mut **store, now_us),
            Kind::Full | Kind::Incremental => {
                take::incremental(&self.catalog, &self.schedule.wal, &mut **store, now_us)
            }
        }
    }

    /// Removes what is older than the oldest full backup to be kept, and world backups of earlier days.
    fn prune(&self, now_us: i64) -> Result<(), BackupError> {
        let backups = self.catalog.list()?;
        let fulls = backups.iter().rev().filter(|backup| backup.manifest.kind == Kind::Full);
        let oldest = fulls.take(self.schedule.keep_full.max(1)).last().map_or(i64::MIN, |b| b.manifest.created_us);
        for backup in &backups {
            let stale_world =
                backup.manifest.kind == Kind::World && backup.manifest.created_us < now_us - WORLD_KEPT_US;
            if backup.manifest.created_us < oldest || stale_world {
                self.catalog.remove(backup)?;
            }
        }
        self.catalog.forget_marks_before(oldest)
    }

    fn failed(&mut self, what: &str, error: &BackupError, now_us: i64) {
        self.status.failures.fetch_add(1, Relaxed);
        self.store = None;
        self.quiet_until_us = now_us + RETRY_US;
        log::error!("{what} backup not made: {error}; tried again in {} s", RETRY_US / 1_000_000);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_is_made_in_time_and_what_is_old_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("store.db").display());
        open(&url, Role::Tool).and_then(|mut store| store.migrate()).expect("a store");
        let catalog = Catalog::create(&folder.path().join("backups")).expect("a folder");
        let schedule = Schedule {
            folder: folder.path().join("backups"),
            store_url: url,
            wal: folder.path().join("wal"),
            full_every: Duration::from_secs(86_400),
            incremental_every: Duration::from_secs(1_000_000),
            world_every: Duration::from_secs(6 * 3_600),
            keep_full: 2,
        };
        let status = Arc::<BackupStatus>::default();
        let mut keeper = Keeper {
            schedule,
            catalog: catalog.clone(),
            status: Arc::clone(&status),
            store: None,
            marked: Lsn::ZERO,
            quiet_until_us: 0,
        };
        let mut made = Vec::new();
        for half_hour in 0..4 * 48 {
            keeper.turn(1 + half_hour * 1_800_000_000, Lsn(1 + half_hour.unsigned_abs()));
            if half_hour == 30 {
                made = catalog.list().expect("a list").into_iter().map(|backup| backup.manifest.kind).collect();
            }
        }
        assert_eq!(made, [Kind::Full, Kind::World, Kind::World, Kind::World], "half-hours 0, 1, 13, 25");
        assert_eq!(status.failures.load(Relaxed), 0);
        let left = catalog.list().expect("a list");
        let fulls: Vec<i64> =
            left.iter().filter(|b| b.manifest.kind == Kind::Full).map(|b| b.manifest.created_us).collect();
        assert_eq!(fulls, [1 + 2 * 86_400_000_000, 1 + 3 * 86_400_000_000]);
        assert!(left.iter().all(|backup| backup.manifest.created_us >= fulls[0]));
        assert_eq!(catalog.durable_at(fulls[0]).expect("marks"), Some(Lsn(2 * 48 + 1)));
        assert_eq!(
            catalog.durable_at(fulls[0] - 1).expect("marks"),
            None,
            "marks before the oldest full backup are gone"
        );
    }
}
