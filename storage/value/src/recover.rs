//! Opening the journal: scan, fence the store, re-log what is undecided, decide it (UC-12).
//!
//! Nobody may log in before this is done. Knows neither shards nor players.

use std::path::Path;

use mu_storage::error::StoreError;
use mu_storage::failpoint;
use mu_storage::store::{Entry, Outcome, Store};
use mu_wal::{EpochStart, Journal, JournalOptions, Lsn, OwnedRecord, Scan, WalError};

use crate::APPLY_BATCH_MAX;
use crate::decode::Decoded;
use crate::planted::{self, Bug};

/// How the journal is opened.
#[derive(Debug, Clone, Default)]
pub struct RecoverOptions {
    /// How the journal is kept from now on.
    pub journal: JournalOptions,
    /// Recorded with this start, so that an incident can be tied to its settings.
    pub config_hash: u64,
}

/// An open journal and what opening it found.
#[derive(Debug)]
pub struct Recovered {
    /// Ready for new events.
    pub journal: Journal,
    /// Counts this server's starts; a part of every event id.
    pub boot: u32,
    /// The position everything up to which is decided, and on the store's own disk.
    pub safe: Lsn,
    /// Events the previous run left undecided, and what became of them.
    pub replayed: Vec<(u128, Outcome)>,
}

/// Why the server cannot start on this journal and store.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The journal.
    #[error(transparent)]
    Wal(#[from] WalError),
    /// The store.
    #[error("deciding what the last run left in the journal: {0}")]
    Store(#[from] StoreError),
}

/// Opens the scanned journal and decides everything the last run left undecided.
///
/// # Errors
/// See [`RecoverError`]. What is undecided then is still in the journal.
pub fn recover(
    scan: Scan,
    dir: &Path,
    options: &RecoverOptions,
    store: &mut dyn Store,
) -> Result<Recovered, RecoverError> {
    if scan.is_new() && !options.journal.accept_lost_journal && !planted::is(Bug::LostJournalAccepted) {
        let applied = Lsn(store.economy()?.applied_lsn);
        if applied > Lsn::ZERO {
            return Err(WalError::JournalLost { place: dir.display().to_string(), applied }.into());
        }
    }
    let fenced = store.fence(scan.log_id().0)?;
    let epoch = EpochStart {
        boot: fenced.boot,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        config_hash: options.config_hash,
    };
    let (journal, undecided) = scan.into_journal(fenced.applied, &epoch, &options.journal)?;
    let mut replayed = Vec::with_capacity(undecided.len());
    for batch in undecided.chunks(APPLY_BATCH_MAX) {
        replay(store, batch, &mut replayed)?;
        failpoint::reach("in-replay");
    }
    // The start of this run is a record too, and positions have no gap.
    let last = undecided.last().map_or(fenced.applied, |record| record.lsn);
    for lsn in last.0 + 1..=journal.durable().0 {
        store.apply(&[(Lsn(lsn), Entry::Other)], &mut Vec::new())?;
    }
    let durable = journal.durable();
    let safe = if planted::is(Bug::StartNotSafe) { durable } else { store.safe()? };
    if safe < durable {
        return Err(StoreError::Behind { applied: safe, first: durable.next() }.into());
    }
    Ok(Recovered { safe: durable, journal, boot: fenced.boot, replayed })
}

/// Decides a batch of records as they stand in the journal.
fn replay(store: &mut dyn Store, batch: &[OwnedRecord], replayed: &mut Vec<(u128, Outcome)>) -> Result<(), StoreError> {
    let decoded: Vec<Decoded> =
        batch.iter().map(|record| Decoded::of(record.kind, record.schema, &record.payload)).collect();
    let entries: Vec<(Lsn, Entry<'_>)> = batch
        .iter()
        .zip(&decoded)
        .map(|(record, decoded)| (record.lsn, decoded.entry(record.event_id, record.flags, &record.payload)))
        .collect();
    let entries = misread(entries);
    let mut outcomes = Vec::with_capacity(entries.len());
    store.apply(&entries, &mut outcomes)?;
    let decided = entries.iter().zip(batch).zip(outcomes);
    replayed.extend(
        decided
            .filter(|((entry, _), _)| !matches!(entry.1, Entry::Other))
            .map(|((_, record), outcome)| (record.event_id, outcome)),
    );
    Ok(())
}

/// The batch as it is, but for a planted mistake.
fn misread(mut entries: Vec<(Lsn, Entry<'_>)>) -> Vec<(Lsn, Entry<'_>)> {
    if planted::is(Bug::UndecidedForgotten)
        && let Some(last) = entries.last_mut()
    {
        last.1 = Entry::Other;
    }
    if planted::is(Bug::ReplayOutOfOrder) {
        let reversed: Vec<_> = entries.iter().rev().map(|(_, entry)| *entry).collect();
        entries.iter_mut().zip(reversed).for_each(|(entry, other)| entry.1 = other);
    }
    entries
}
