//! Hot state: position, hp and mp of each character, coalesced and written in bulk (UC-10, UC-13).
//!
//! One slot per character, the latest row wins; memory is bounded by the players online. A store that is away is asked
//! again with back-off and the rows wait, newer ones replacing older ones. A final row (logout, timeout, shutdown) is
//! written at once and only then reported as [`Report::Left`], so that nobody loads a character before its last state
//! is stored. It also fetches ids for items that maps will create, ahead of their use. Never writes zen or items; fencing by (owner epoch, version) is the store's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use mu_storage::ids::{CharacterId, IdBlock, Sequence};
use mu_storage::store::{HotRow, Store};
use mu_wire::Time;
use rtrb::{Consumer, Producer, RingBuffer};
use tokio::sync::mpsc;

use crate::runtime::Clock;
use crate::shard::command::Report;

/// How often the rings are looked at; also the longest a final row waits.
const POLL: Duration = Duration::from_millis(5);
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_secs(1);
/// Item ids in one block.
const UID_BLOCK: u32 = 1_024;
/// Blocks that lie ready for each shard.
const UID_BLOCKS_READY: usize = 4;

/// A row on its way to the store.
#[derive(Debug, Clone, Copy)]
pub enum Row {
    /// The character plays on; a newer row will replace this one.
    Hot(HotRow),
    /// The character is gone; its shard forgets it with this row.
    Final(HotRow),
}

/// A shard's end: a ring of `capacity` rows.
#[must_use]
pub fn persist_ring(capacity: usize) -> (Producer<Row>, Consumer<Row>) {
    RingBuffer::new(capacity)
}

/// A shard's end: a ring of blocks of item ids, kept full.
#[must_use]
pub fn uid_ring() -> (Producer<IdBlock>, Consumer<IdBlock>) {
    RingBuffer::new(UID_BLOCKS_READY)
}

/// Figures of the persist thread, read by metrics.
#[derive(Debug, Default)]
pub struct PersistStatus {
    /// Age of the oldest row not yet stored, in milliseconds.
    pub lag_ms: AtomicU64,
    /// Rows written since boot.
    pub written: AtomicU64,
    /// Rows the store refused as older than what it has, since boot.
    pub stale: AtomicU64,
    /// Attempts that failed since boot.
    pub retries: AtomicU64,
    /// True while the last attempt failed.
    pub away: AtomicBool,
    /// True while a row waits for longer than it may.
    pub late: AtomicBool,
}

/// What the persist thread works with.
pub struct PersistParts {
    /// Its own connection.
    pub store: Box<dyn Store>,
    /// One ring per shard.
    pub rings: Vec<Consumer<Row>>,
    /// Where each shard gets its item ids.
    pub uids: Vec<Producer<IdBlock>>,
    /// To the directory.
    pub reports: mpsc::Sender<Report>,
    /// Shared figures.
    pub status: Arc<PersistStatus>,
    /// Time between bulk writes.
    pub flush_every: Duration,
    /// A row older than this is an alarm: what a crash would lose of positions is more than promised.
    pub lag_max: Duration,
    /// Rows per write.
    pub batch_max: usize,
    /// Set when the process must end although the store does not answer.
    pub give_up: Arc<AtomicBool>,
}

impl std::fmt::Debug for PersistParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersistParts").finish_non_exhaustive()
    }
}

/// A row that waits, since when, and whether its character is gone.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    row: HotRow,
    since: Time,
    last: bool,
}

/// What waits and what was stored last.
#[derive(Debug, Default)]
struct Table {
    waiting: BTreeMap<CharacterId, Waiting>,
    /// (owner epoch, version) of the row stored last, for characters that are still here: a final row that brings
    /// nothing new needs no write.
    stored: BTreeMap<CharacterId, (i64, i64)>,
}

/// Runs until every shard is gone and all rows are stored, or until it is told to give up. Returns the rows it could
/// not store.
pub fn run_persist(mut parts: PersistParts) -> usize {
    let mut table = Table::default();
    let mut next_flush = Clock::now() + parts.flush_every;
    let mut next_uids = Clock::now();
    let mut backoff = RETRY_FIRST;
    loop {
        let shards_gone = parts.rings.iter().all(Consumer::is_abandoned);
        let urgent = collect(&mut parts, &mut table);
        let now = Clock::now();
        publish_lag(&parts, &table, now);
        let retrying = parts.status.away.load(Relaxed);
        let due = now >= next_flush || ((urgent || shards_gone) && !retrying);
        if due && !table.waiting.is_empty() {
            if flush(&mut parts, &mut table) {
                backoff = RETRY_FIRST;
                next_flush = now + parts.flush_every;
            } else {
                next_flush = now + backoff;
                backoff = (backoff * 2).min(RETRY_LONGEST);
            }
        }
        if now >= next_uids && !fetch_uids(&mut parts) {
            next_uids = now + RETRY_LONGEST;
        }
        if shards_gone && table.waiting.is_empty() {
            return 0;
        }
        if parts.give_up.load(Relaxed) {
            return table.waiting.len();
        }
        std::thread::park_timeout(POLL);
    }
}

/// Takes what the shards sent; true if a final row waits.
fn collect(parts: &mut PersistParts, table: &mut Table) -> bool {
    let now = Clock::now();
    let mut urgent = false;
    for ring in &mut parts.rings {
        while let Ok(row) = ring.pop() {
            let (row, last) = match row {
                Row::Hot(row) => (row, false),
                Row::Final(row) => (row, true),
            };
            if last && table.stored.remove(&row.character) == Some((row.owner_epoch, row.version)) {
                report_left(&parts.reports, &row);
                continue;
            }
            urgent |= last;
            let since = table.waiting.get(&row.character).map_or(now, |older| older.since);
            table.waiting.insert(row.character, Waiting { row, since, last });
        }
    }
    urgent
}

/// Fills the rings of item ids; false when the store gave none.
fn fetch_uids(parts: &mut PersistParts) -> bool {
    for ring in parts.uids.iter_mut().filter(|ring| !ring.is_abandoned()) {
        while !ring.is_full() {
            match parts.store.id_block(Sequence::Item, UID_BLOCK) {
                // The ring has room and this is its only producer.
                Ok(first) => ring.push(IdBlock::new(first, UID_BLOCK)).expect("there is room"),
                Err(error) => {
                    log::debug!("no item ids: {error}");
                    return false;
                }
            }
        }
    }
    true
}

fn publish_lag(parts: &PersistParts, table: &Table, now: Time) {
    let oldest = table.waiting.values().map(|waiting| waiting.since).min();
    let lag = oldest.map_or(Duration::ZERO, |since| now.since(since));
    parts.status.lag_ms.store(u64::try_from(lag.as_millis()).unwrap_or(u64::MAX), Relaxed);
    let late = lag > parts.lag_max;
    if late && !parts.status.late.swap(late, Relaxed) {
        log::error!(
            "hot state waits for {lag:?}: a crash now would lose that much of positions, nothing of value; bring the store back"
        );
    }
    parts.status.late.store(late, Relaxed);
}

/// Writes everything that waits, in batches ordered by character; false at the first failure, with the rest kept.
fn flush(parts: &mut PersistParts, table: &mut Table) -> bool {
    while !table.waiting.is_empty() {
        let batch: Vec<Waiting> = table.waiting.values().take(parts.batch_max).copied().collect();
        let rows: Vec<HotRow> = batch.iter().map(|waiting| waiting.row).collect();
        match parts.store.flush_hot(&rows) {
            Ok(report) => {
                parts.status.written.fetch_add(report.written as u64, Relaxed);
                parts.status.stale.fetch_add(report.stale.len() as u64, Relaxed);
                for character in report.stale {
                    log::warn!("character {character}: the store has newer state; somebody else owns it now");
                }
                if parts.status.away.swap(false, Relaxed) {
                    log::info!("the store answers again; hot state is written");
                }
            }
            Err(error) => {
                parts.status.retries.fetch_add(1, Relaxed);
                if !parts.status.away.swap(true, Relaxed) {
                    log::warn!("hot state of {} characters waits: {error}", table.waiting.len());
                }
                return false;
            }
        }
        for stored in batch {
            let row = stored.row;
            table.waiting.remove(&row.character);
            if stored.last {
                report_left(&parts.reports, &row);
            } else {
                table.stored.insert(row.character, (row.owner_epoch, row.version));
            }
        }
    }
    true
}

fn report_left(reports: &mpsc::Sender<Report>, row: &HotRow) {
    let left = Report::Left { character: row.character, owner_epoch: row.owner_epoch };
    let _directory_gone = reports.blocking_send(left);
}
