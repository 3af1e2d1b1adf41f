//! Back to a moment: an empty store is filled from a full backup and brought forward by the journal.

use std::collections::BTreeMap;

use mu_storage::audit::AuditReport;
use mu_storage::copies;
use mu_storage::store::{Entry, MAX_BATCH, MAX_FLUSH_ROWS, Outcome, Role, Store, open};
use mu_value::Decoded;
use mu_wal::{Lsn, OwnedRecord, tool};

use super::catalog::{Backup, Catalog, Kind, check_files};
use super::take::{STORE, WAL, store_kind};
use super::{BackupError, world as world_file};

/// Which moment is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The last one there is.
    Latest,
    /// What was durable at that time, in microseconds since 1970.
    At(i64),
    /// The journal up to this position.
    Position(Lsn),
}

/// What a restore did.
#[derive(Debug)]
pub struct Restored {
    /// The full backup it began with.
    pub full: String,
    /// The journal position of that backup.
    pub from: Lsn,
    /// The journal position reached.
    pub to: Lsn,
    /// Events applied, rejected and set aside on the way.
    pub decided: [u64; 3],
    /// The backup that accounts and sequences come from.
    pub accounts: Option<String>,
    /// The backup that positions and health come from.
    pub hot: Option<String>,
    /// What the audit says of the result.
    pub audit: AuditReport,
}

/// Fills the empty store at `into`.
///
/// # Errors
/// [`BackupError`]: no backup early enough, a gap, damage, or a store that holds something. The store is then to be thrown away.
pub fn restore(catalog: &Catalog, moment: Moment, into: &str) -> Result<Restored, BackupError> {
    let backups = catalog.list()?;
    let chain = Chain::choose(catalog, &backups, moment)?;
    if chain.full.manifest.store.as_deref() != Some(store_kind(into)) {
        let kind = chain.full.manifest.store.clone().unwrap_or_default();
        let problem = format!("it is a copy of a {kind} store and cannot fill {}", store_kind(into));
        return Err(BackupError::Damaged { path: chain.full.path.clone(), problem });
    }
    for backup in chain.all() {
        check_files(backup)?;
    }
    copies::restore(into, &chain.full.path.join(STORE))?;
    let mut store = open(into, Role::Applier)?;
    store.migrate()?;
    let accounts = backups.iter().rfind(|backup| backup.manifest.kind != Kind::Full);
    let beside = accounts.map(|backup| world_file::read(&backup.path)).transpose()?;
    if let Some(beside) = &beside {
        store.restore_accounts(&beside.accounts)?;
    }
    let mut forward = Forward { store, next: chain.from.next(), batch: Vec::new(), decided: [0; 3] };
    let fenced = match &chain.log {
        Some(log) => forward.store.fence(*log)?.applied,
        None => Lsn::ZERO,
    };
    assert_eq!(fenced, chain.from, "the copy has decided what its manifest says");
    forward.run(&chain)?;
    let mut store = forward.store;
    if let Some(beside) = &beside {
        store.raise_sequences(&beside.sequences)?;
    }
    let hot = chain.hot(&backups, moment);
    if let Some(backup) = hot {
        for rows in world_file::read(&backup.path)?.hot.chunks(MAX_FLUSH_ROWS) {
            store.flush_hot(rows)?;
        }
    }
    Ok(Restored {
        full: chain.full.name(),
        from: chain.from,
        to: chain.to,
        decided: forward.decided,
        accounts: accounts.map(Backup::name),
        hot: hot.map(Backup::name),
        audit: store.audit()?,
    })
}

/// The backups that lead to a moment.
struct Chain<'a> {
    full: &'a Backup,
    incrementals: Vec<&'a Backup>,
    log: Option<u128>,
    from: Lsn,
    to: Lsn,
}

impl<'a> Chain<'a> {
    fn choose(catalog: &Catalog, backups: &'a [Backup], moment: Moment) -> Result<Self, BackupError> {
        let early = |backup: &&Backup| match moment {
            Moment::Latest => true,
            Moment::At(at) => backup.manifest.created_us <= at,
            Moment::Position(lsn) => backup.manifest.positions.iter().all(|(_, applied)| *applied <= lsn.0),
        };
        let full = backups.iter().filter(|backup| backup.manifest.kind == Kind::Full).rfind(early);
        let full = full.ok_or_else(|| BackupError::NoFull(catalog.place()))?;
        let behind = backups.iter().filter(|backup| backup.manifest.created_us > full.manifest.created_us);
        let journals = behind.filter_map(|backup| Some((backup, backup.manifest.journal.as_ref()?)));
        // The journal the store was decided from last: the one whose copies follow.
        let mut by_log: BTreeMap<&str, Vec<(&Backup, u64, u64)>> = BTreeMap::new();
        for (backup, (log, first, last)) in journals {
            by_log.entry(log).or_default().push((backup, *first, *last));
        }
        let position = |log: &str| full.manifest.positions.iter().find(|(of, _)| of == log).map(|(_, lsn)| *lsn);
        let chosen = by_log.into_iter().find_map(|(log, parts)| Some((log, position(log)?, parts)));
        let Some((log, from, parts)) = chosen else {
            let newest = full.manifest.positions.last();
            let log = newest.and_then(|(log, _)| u128::from_str_radix(log, 16).ok());
            let from = Lsn(newest.map_or(0, |(_, lsn)| *lsn));
            return Ok(Self { full, incrementals: Vec::new(), log, from, to: from });
        };
        let end = parts.iter().map(|(_, _, last)| *last).max().unwrap_or(from);
        let wanted = match moment {
            Moment::Latest => end,
            Moment::At(at) => catalog.durable_at(at)?.map_or(from, |lsn| lsn.0).clamp(from, u64::MAX),
            Moment::Position(lsn) => lsn.0,
        };
        let (mut incrementals, mut reached) = (Vec::new(), from);
        for (backup, first, last) in parts {
            if reached >= wanted {
                break;
            }
            if first > reached + 1 {
                return Err(BackupError::Gap {
                    from: Lsn(reached + 1),
                    to: Lsn(first - 1),
                    reason: "a backup is missing",
                });
            }
            if last > reached {
                incrementals.push(backup);
                reached = last;
            }
        }
        if reached < wanted {
            let reason = "no incremental backup was made after them";
            return Err(BackupError::Gap { from: Lsn(reached + 1), to: Lsn(wanted), reason });
        }
        let log = u128::from_str_radix(log, 16).ok();
        Ok(Self { full, incrementals, log, from: Lsn(from), to: Lsn(wanted) })
    }

    fn all(&self) -> impl Iterator<Item = &'a Backup> {
        std::iter::once(self.full).chain(self.incrementals.iter().copied())
    }

    /// Where everybody stood at the moment or, if that is not known so early, in the full backup itself.
    fn hot(&self, backups: &'a [Backup], moment: Moment) -> Option<&'a Backup> {
        let early = |backup: &&Backup| match moment {
            Moment::Latest => true,
            Moment::At(at) => backup.manifest.created_us <= at,
            Moment::Position(_) => self.incrementals.last().is_some_and(|last| last.path == backup.path),
        };
        backups.iter().filter(|backup| backup.manifest.kind != Kind::Full).rfind(early)
    }
}

/// A store on its way through the journal.
struct Forward {
    store: Box<dyn Store>,
    next: Lsn,
    batch: Vec<OwnedRecord>,
    decided: [u64; 3],
}

impl Forward {
    fn run(&mut self, chain: &Chain<'_>) -> Result<(), BackupError> {
        for backup in &chain.incrementals {
            let promised = backup.manifest.journal.as_ref().map_or(0, |(_, _, last)| *last).min(chain.to.0);
            let mut failed = None;
            tool::read(&backup.path.join(WAL), &mut |record| {
                if record.lsn != self.next || record.lsn.0 > promised || failed.is_some() {
                    return;
                }
                self.next = record.lsn.next();
                self.batch.push(OwnedRecord {
                    lsn: record.lsn,
                    kind: record.kind,
                    schema: record.schema,
                    event_id: record.event_id,
                    flags: record.flags,
                    hint: record.hint,
                    payload: record.payload.to_vec(),
                });
                if self.batch.len() == MAX_BATCH {
                    failed = self.decide().err();
                }
            })?;
            if let Some(error) = failed {
                return Err(error);
            }
        }
        self.decide()?;
        if self.next != chain.to.next() {
            let reason = "the copies end before";
            return Err(BackupError::Gap { from: self.next, to: chain.to, reason });
        }
        Ok(())
    }

    fn decide(&mut self) -> Result<(), BackupError> {
        let decoded: Vec<Decoded> = self.batch.iter().map(|r| Decoded::of(r.kind, r.schema, &r.payload)).collect();
        let entries: Vec<(Lsn, Entry<'_>)> = self
            .batch
            .iter()
            .zip(&decoded)
            .map(|(record, decoded)| (record.lsn, decoded.entry(record.event_id, record.flags, &record.payload)))
            .collect();
        let mut outcomes = Vec::with_capacity(entries.len());
        self.store.apply(&entries, &mut outcomes)?;
        for ((_, entry), outcome) in entries.iter().zip(outcomes) {
            let [applied, rejected, aside] = &mut self.decided;
            match (entry, outcome) {
                (Entry::Other, _) => {}
                (_, Outcome::Applied) => *applied += 1,
                (_, Outcome::Rejected(_)) => *rejected += 1,
                (_, Outcome::Quarantined(_)) => *aside += 1,
            }
        }
        self.batch.clear();
        Ok(())
    }
}
