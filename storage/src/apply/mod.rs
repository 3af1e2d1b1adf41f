//! The applier: journal records in, outcome rows and their effects out, in one transaction per batch.
//!
//! ```text
//! fence held? ── no ──▶ Fenced
//!   │ yes (its row stays locked to the end: whoever else tries waits)
//! stored outcomes of the batch ──▶ already decided: nothing more to do
//!   │ the rest, in order
//! load what they touch ─▶ decide each (pure) ─▶ outcome rows, balances, items, history, ledger ─▶ position ─▶ commit
//! ```
//!
//! Deciding is a pure function of the rows loaded ([`decide`]), so the same journal gives the same outcomes on either
//! database, at any time, however it is cut into batches.

mod cache;
pub(crate) mod decide;
pub(crate) mod deeds;
mod load;
mod write;

use std::collections::BTreeMap;

use crate::backend::{Failure, transact};
use crate::error::StoreError;
use crate::event::{ValueEvent, encode_into};
use crate::ids::{Lsn, SystemAccount};
use crate::planted::{self, Bug};
use crate::sql::{Access, Rows, Sql, SqlError, Value};
use crate::statements as s;
use crate::store::{Entry, Fenced, MAX_BATCH, Outcome, Reason};

pub(crate) use cache::Cache;
use decide::{Effects, World};

/// The applier's right to apply.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fence {
    /// The fencing epoch; a newer one in the store ends this applier.
    pub(crate) epoch: i64,
    /// The journal's number in the store.
    pub(crate) journal: i64,
}

/// Gives every system account a balance row in each money it deals in.
pub(crate) fn create_system_accounts(sql: &mut dyn Sql) -> Result<(), Failure> {
    for account in SystemAccount::ALL {
        for currency in account.currencies() {
            let params = [Value::Int(account.ledger_account()), Value::Int(currency.code().into())];
            sql.execute(s::SYSTEM_ACCOUNT, &params)?;
        }
    }
    Ok(())
}

pub(crate) fn fence(sql: &mut dyn Sql, log_id: u128) -> Result<(Fence, Fenced), StoreError> {
    let id = log_id.to_be_bytes();
    let taken = transact(sql, Access::Write, |sql| {
        sql.end_older_sessions()?;
        let rows = sql.query(s::FENCE, &[])?;
        let row = rows.first().ok_or_else(|| StoreError::Permanent("the applier row is missing".to_owned()))?;
        let (epoch, boot) = (row.big(0), row.big(1));
        let (journal, applied) = match sql.query(s::JOURNAL_BY_LOG, &[Value::Bytes(&id)])?.first() {
            Some(row) => (row.big(0), row.big(1)),
            None => {
                let journal = sql.query(s::JOURNAL_NEXT, &[])?.first().map_or(1, |row| row.big(0));
                sql.execute(s::JOURNAL_CREATE, &[Value::Int(journal), Value::Bytes(&id)])?;
                (journal, 0)
            }
        };
        sql.execute(s::FENCE_JOURNAL, &[Value::Int(journal)])?;
        let boot = u32::try_from(boot).map_err(|_| StoreError::Permanent(format!("boot counter {boot}")))?;
        let fenced = Fenced { applied: Lsn(applied.unsigned_abs()), boot };
        Ok((Fence { epoch, journal }, fenced))
    });
    Ok(taken?)
}

pub(crate) fn apply(
    sql: &mut dyn Sql,
    fence: Fence,
    cache: &mut Cache,
    batch: &[(Lsn, Entry<'_>)],
    outcomes: &mut Vec<Outcome>,
) -> Result<(), StoreError> {
    assert!(batch.len() <= MAX_BATCH, "{} records in one batch, at most {MAX_BATCH}", batch.len());
    for pair in batch.windows(2) {
        assert_eq!(pair[0].0.0 + 1, pair[1].0.0, "positions of a batch are consecutive");
    }
    if batch.is_empty() {
        return Ok(());
    }
    assert!(batch[0].0.0 > 0, "positions begin at 1");
    let before = outcomes.len();
    let result = apply_or_divide(sql, fence, cache, batch, outcomes);
    if result.is_err() {
        outcomes.truncate(before);
    } else {
        assert_eq!(outcomes.len() - before, batch.len(), "one outcome per record");
    }
    result
}

/// The position everything up to which is decided on the database's own disk.
pub(crate) fn safe(sql: &mut dyn Sql, fence: Fence) -> Result<Lsn, StoreError> {
    let applied = transact(sql, Access::Write, |sql| {
        hold_fence(sql, fence)?;
        position(sql, fence.journal)
    });
    Ok(applied?)
}

/// Applies the batch; if the database refuses its rows, applies its halves in order, down to the one event at fault.
fn apply_or_divide(
    sql: &mut dyn Sql,
    fence: Fence,
    cache: &mut Cache,
    batch: &[(Lsn, Entry<'_>)],
    outcomes: &mut Vec<Outcome>,
) -> Result<(), StoreError> {
    let warm = !cache.is_empty();
    let refused = match transact(sql, Access::WriteRelaxed, |sql| apply_batch(sql, fence, cache, batch, None)) {
        Ok(decided) => {
            outcomes.extend(decided);
            return Ok(());
        }
        Err(failure) => {
            // What was learned from a batch that may not be there is worth nothing.
            *cache = Cache::default();
            match failure {
                Failure::Sql(SqlError::Refused(text)) => text,
                failure => return Err(failure.into()),
            }
        }
    };
    if warm {
        // Perhaps only what was known was wrong: once more with what the database has.
        return apply_or_divide(sql, fence, cache, batch, outcomes);
    }
    if batch.len() > 1 {
        log::warn!("a batch of {} events is divided, the store refused its rows: {refused}", batch.len());
        let (first, second) = batch.split_at(batch.len() / 2);
        apply_or_divide(sql, fence, cache, first, outcomes)?;
        return apply_or_divide(sql, fence, cache, second, outcomes);
    }
    log::error!("event at {:?} is quarantined, the store refused its rows: {refused}", batch[0].0);
    let decided = transact(sql, Access::Write, |sql| apply_batch(sql, fence, cache, batch, Some(&refused)));
    let decided = decided.inspect_err(|_| *cache = Cache::default())?;
    outcomes.extend(decided);
    Ok(())
}

/// One transaction. `refused` quarantines the (single) event with this text instead of applying it.
///
/// The cache is taken out and put back only at the end: an attempt that is repeated begins with an empty one.
fn apply_batch(
    sql: &mut dyn Sql,
    fence: Fence,
    kept: &mut Cache,
    batch: &[(Lsn, Entry<'_>)],
    refused: Option<&str>,
) -> Result<Vec<Outcome>, Failure> {
    hold_fence(sql, fence)?;
    let applied = position(sql, fence.journal)?;
    let first = batch[0].0;
    if first.0 > applied.0 + 1 {
        return Err(StoreError::Behind { applied, first }.into());
    }
    let mut cache = std::mem::take(kept);
    let mut decided = BTreeMap::new();
    if !(cache.is_at(applied) && first == applied.next()) {
        cache = Cache::at(applied);
        decided = outcomes(sql, batch.iter().filter_map(|(_, entry)| event_id(entry)))?;
    }
    let open: Vec<_> = batch.iter().filter(|(_, e)| event_id(e).is_some_and(|id| !decided.contains_key(&id))).collect();
    if let Some((lsn, _)) = open.first().filter(|(lsn, _)| *lsn <= applied) {
        let text =
            format!("{lsn:?} lies before the applied position {applied:?} but was never decided: another journal?");
        return Err(StoreError::Permanent(text).into());
    }
    let mut effects = Effects::default();
    if !open.is_empty() {
        let events = open.iter().filter_map(|(_, entry)| event(entry));
        let (mut world, asked) = load::world(sql, fence.journal, &cache, events)?;
        for (lsn, entry) in open {
            decide_entry(&mut world, &mut effects, &mut decided, *lsn, entry, refused);
        }
        write::effects(sql, fence.journal, &world, &effects)?;
        cache.learn(&asked, &world, batch[batch.len() - 1].0);
        if !effects.resolved.is_empty() {
            // It thaws by event, whatever that had frozen.
            cache = Cache::default();
        }
    }
    if planted::is(Bug::PositionApart) {
        sql.commit()?;
        sql.begin(Access::WriteRelaxed)?;
    }
    advance(sql, fence.journal, applied, batch, effects.outcomes.len())?;
    let outcome_of = |(_, entry): &(Lsn, Entry<'_>)| event_id(entry).map_or(Outcome::Applied, |id| decided[&id]);
    let outcomes: Vec<Outcome> = batch.iter().map(outcome_of).collect();
    // Stored ones too: whoever asks again after a lost reply must not be told sooner than the first time.
    let all_applied = outcomes.iter().all(|outcome| *outcome == Outcome::Applied);
    if !all_applied && !planted::is(Bug::RejectionNotFlushed) {
        sql.wait_for_disk()?;
    }
    *kept = cache;
    Ok(outcomes)
}

/// Decides one entry that had no outcome when the batch began; it may have one now, from earlier in the batch.
pub(crate) fn decide_entry(
    world: &mut World,
    effects: &mut Effects,
    decided: &mut BTreeMap<u128, Outcome>,
    lsn: Lsn,
    entry: &Entry<'_>,
    refused: Option<&str>,
) {
    let Some(id) = event_id(entry).filter(|id| !decided.contains_key(id) || planted::is(Bug::SecondApplication)) else {
        return;
    };
    let outcome = match *entry {
        Entry::Event { event, told } => {
            let outcome = match refused {
                Some(_) => Outcome::Quarantined(Reason::Refused),
                None => world.decide(event, told, effects),
            };
            if let Outcome::Quarantined(reason) = outcome {
                let detail = match (refused, event.check()) {
                    (Some(text), _) => text.to_owned(),
                    (None, Err(malformed)) => malformed.to_string(),
                    (None, Ok(())) => format!("{reason:?}"),
                };
                let mut payload = Vec::new();
                encode_into(event, &mut payload);
                world.quarantine(event, lsn, payload, detail, effects);
            }
            outcome
        }
        Entry::Damaged { event_id, payload } => {
            world.quarantine_unread(event_id, lsn, payload, effects);
            Outcome::Quarantined(Reason::Undecodable)
        }
        Entry::Other => unreachable!("it has no event id"),
    };
    let kind = event(entry).map_or(-1, |event| event.kind.code());
    effects.decided(id, kind, lsn, outcome);
    decided.insert(id, outcome);
}

/// Locks the fence row to the end of the transaction, if it is still ours.
fn hold_fence(sql: &mut dyn Sql, fence: Fence) -> Result<(), Failure> {
    if sql.execute(s::FENCE_HOLD, &[Value::Int(fence.epoch)])? == 1 || planted::is(Bug::FenceNotHeld) {
        return Ok(());
    }
    let newest = sql.query(s::FENCE_NEWEST, &[])?.first().map_or(0, |row| row.big(0));
    Err(StoreError::Fenced { ours: fence.epoch, newest }.into())
}

fn position(sql: &mut dyn Sql, journal: i64) -> Result<Lsn, Failure> {
    let rows = sql.query(s::JOURNAL_APPLIED, &[Value::Int(journal)])?;
    let row = rows.first().ok_or_else(|| StoreError::Permanent(format!("journal {journal} is not known any more")))?;
    Ok(Lsn(row.big(0).unsigned_abs()))
}

/// Moves the applied position to the end of the batch and accounts for every position passed.
fn advance(
    sql: &mut dyn Sql,
    journal: i64,
    applied: Lsn,
    batch: &[(Lsn, Entry<'_>)],
    decided: usize,
) -> Result<(), Failure> {
    let last = batch[batch.len() - 1].0;
    if last <= applied {
        return Ok(());
    }
    let passed: Vec<_> = batch.iter().filter(|(lsn, _)| *lsn > applied).collect();
    let others = passed.iter().filter(|(_, entry)| event_id(entry).is_none()).count();
    let repeated = passed.len() - others - decided;
    let count = |n: usize| Value::Int(i64::try_from(n).expect("a batch is small"));
    let params =
        [lsn_value(last), count(decided), count(repeated), count(others), Value::Int(journal), lsn_value(applied)];
    exactly(sql.execute(s::JOURNAL_ADVANCE, &params)?, 1, "the applied position")
}

fn lsn_value(lsn: Lsn) -> Value<'static> {
    Value::Int(i64::try_from(lsn.0).expect("positions fit in 63 bits"))
}

/// Compares how many rows a statement changed with how many it had to: a difference means that somebody else wrote these
/// tables between our reading and our writing, so the transaction is repeated.
fn exactly(changed: u64, wanted: usize, what: &str) -> Result<(), Failure> {
    if u64::try_from(wanted) == Ok(changed) {
        return Ok(());
    }
    Err(SqlError::Again(format!("{what}: {changed} rows changed, {wanted} wanted; somebody else wrote them")).into())
}

pub(crate) const fn event_id(entry: &Entry<'_>) -> Option<u128> {
    match entry {
        Entry::Event { event, .. } => Some(event.event_id),
        Entry::Damaged { event_id, .. } => Some(*event_id),
        Entry::Other => None,
    }
}

const fn event<'a>(entry: &Entry<'a>) -> Option<&'a ValueEvent> {
    match entry {
        Entry::Event { event, .. } => Some(event),
        Entry::Damaged { .. } | Entry::Other => None,
    }
}

/// The rows of what an event names at this moment, one per line.
pub(crate) fn current_rows(sql: &mut dyn Sql, event: &ValueEvent) -> Result<String, Failure> {
    Ok(load::world(sql, 0, &Cache::default(), std::iter::once(event))?.0.found(event))
}

/// The outcomes stored for these events.
pub(crate) fn outcomes(
    sql: &mut dyn Sql,
    event_ids: impl IntoIterator<Item = u128>,
) -> Result<BTreeMap<u128, Outcome>, Failure> {
    let rows = Rows::new().ids(event_ids);
    if rows.len() == 0 {
        return Ok(BTreeMap::new());
    }
    let found = sql.bulk(&s::FIND_OUTCOMES, &rows)?.rows;
    found.iter().map(|row| Ok((row.id(0), stored_outcome(row.int(1), row.int(2))?))).collect()
}

pub(crate) fn outcome(sql: &mut dyn Sql, event_id: u128) -> Result<Option<Outcome>, Failure> {
    let rows = sql.query(s::OUTCOME, &[Value::Bytes(&event_id.to_be_bytes())])?;
    rows.first().map(|row| stored_outcome(row.int(0), row.int(1))).transpose()
}

fn stored_outcome(outcome: i32, reason: i32) -> Result<Outcome, Failure> {
    Outcome::from_codes(outcome, reason).ok_or_else(|| {
        StoreError::Permanent(format!("outcome {outcome} with reason {reason} is not known to this version")).into()
    })
}
