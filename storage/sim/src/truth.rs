//! What an observer outside every crash knows: what was submitted, what became durable, what players were told.
//!
//! From it follow the invariants that no table can show: that every durable event has its outcome and every outcome its
//! event, that nobody was told what is not so, and that the rows are those of the applied events, in order.

use std::collections::{BTreeMap, BTreeSet};

use mu_storage::event::{Place, ValueEvent};
use mu_storage::ids::Lsn;
use mu_storage::memory::{Decision, MemoryDatabase};
use mu_storage::store::Outcome;

/// Something that must never be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(pub String);

/// Fails with a violation.
macro_rules! hold {
    ($condition:expr, $($text:tt)*) => {
        if !$condition {
            return Err($crate::truth::Violation(format!($($text)*)));
        }
    };
}
pub(crate) use hold;

/// The rows as the applied events make them.
#[derive(Debug, Default)]
struct Fold {
    upto: u64,
    balances: BTreeMap<(i64, i32), i64>,
    items: BTreeMap<i64, (Place, i32)>,
}

/// The observer.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    submitted: BTreeMap<u128, ValueEvent>,
    events: u64,
    durable: BTreeMap<u128, Lsn>,
    told: BTreeMap<u128, bool>,
    /// Events whose success is told at durability.
    early: BTreeSet<u128>,
    epochs: BTreeMap<i64, i64>,
    hot: BTreeMap<i64, (i64, i64)>,
    /// First position of each of the last two groups.
    groups: [Lsn; 2],
    fold: Fold,
}

impl Truth {
    pub(crate) fn submitted(&mut self, event: &ValueEvent) {
        self.events += 1;
        self.submitted.insert(event.event_id, event.clone());
    }

    /// A group of these positions is durable.
    pub(crate) fn group(&mut self, first: Lsn) {
        self.groups = [self.groups[1], first];
    }

    pub(crate) fn durable(&mut self, event_id: u128, lsn: Lsn) {
        // A second record of the same event changes nothing: the first decides.
        self.durable.entry(event_id).or_insert(lsn);
    }

    /// Success of this event is told as soon as it is durable.
    pub(crate) fn told_early(&mut self, event_id: u128) {
        self.early.insert(event_id);
    }

    pub(crate) fn is_told(&self, event_id: u128) -> bool {
        self.told.contains_key(&event_id)
    }

    pub(crate) fn told(&mut self, event_id: u128, success: bool) -> Result<(), Violation> {
        let before = self.told.insert(event_id, success);
        hold!(before.is_none_or(|before| before == success), "event {event_id:x} was told {before:?}, then {success}");
        Ok(())
    }

    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    pub(crate) fn is_submitted(&self, event_id: u128) -> bool {
        self.submitted.contains_key(&event_id)
    }

    /// A start has made one outcome final for everything that was on its way: what has none must never appear again.
    /// Returns how many are gone.
    pub(crate) fn settle_unknown(&mut self, database: &MemoryDatabase) -> usize {
        for decision in database.decisions(Lsn::ZERO) {
            self.durable(decision.event_id, decision.lsn);
        }
        let before = self.submitted.len();
        let durable = &self.durable;
        self.submitted.retain(|id, _| durable.contains_key(id));
        before - self.submitted.len()
    }

    pub(crate) fn knows_as_durable(&self, event_id: u128) -> bool {
        self.durable.contains_key(&event_id)
    }

    /// A character was handed out with this epoch.
    pub(crate) fn taken(&mut self, character: i64, epoch: i64) -> Result<(), Violation> {
        let before = self.epochs.insert(character, epoch).unwrap_or(0);
        hold!(epoch > before, "character {character} was handed out with epoch {epoch} after {before}");
        Ok(())
    }

    /// The hot row of a character, read from the store.
    pub(crate) fn hot(&mut self, row: &mu_storage::store::HotRow) -> Result<(), Violation> {
        let at = (row.owner_epoch, row.version);
        let before = self.hot.insert(row.character.0, at).unwrap_or_default();
        hold!(at.0 >= before.0, "hot state of {} went from {before:?} to {at:?}", row.character);
        hold!(
            row.version == 0 || row.x == hot_mark(row.hp.into(), row.version),
            "hot state of {} is not what its owner wrote: {row:?}",
            row.character
        );
        Ok(())
    }

    /// I8, I9, I10: every durable event has one outcome, every outcome an event, and what was told is so.
    /// `excused` says which positions may be missing.
    pub(crate) fn decided(&self, database: &MemoryDatabase, excused: impl Fn(Lsn) -> bool) -> Result<(), Violation> {
        let decisions: BTreeMap<u128, Decision> =
            database.decisions(Lsn::ZERO).into_iter().map(|decision| (decision.event_id, decision)).collect();
        for (id, lsn) in &self.durable {
            let Some(decision) = decisions.get(id) else {
                hold!(excused(*lsn), "I8: event {id:x} was durable at {lsn:?} and has no outcome");
                continue;
            };
            hold!(decision.lsn == *lsn, "I8: event {id:x} was durable at {lsn:?} and decided at {:?}", decision.lsn);
        }
        for id in decisions.keys() {
            hold!(self.submitted.contains_key(id), "I9: event {id:x} was decided and never submitted");
        }
        for (id, success) in &self.told {
            let outcome = decisions.get(id).map(|decision| decision.outcome);
            // What was told at durability may have to wait for an operator, but is never undone.
            let reviewed = matches!(outcome, Some(Outcome::Quarantined(_))) && self.early.contains(id);
            let applied = outcome == Some(Outcome::Applied) || reviewed;
            let excused = self.durable.get(id).is_some_and(|lsn| excused(*lsn)) && outcome.is_none();
            hold!(
                excused || (outcome.is_some() && applied == *success),
                "I10: event {id:x} was told as {success}, its outcome is {outcome:?}"
            );
        }
        Ok(())
    }

    /// Whether a position belongs to one of the last two groups that were written.
    pub(crate) fn in_last_groups(&self, lsn: Lsn) -> bool {
        lsn >= self.groups[0]
    }

    /// The rows are exactly those of the applied events in the order of positions.
    pub(crate) fn rows(&mut self, database: &MemoryDatabase) -> Result<(), Violation> {
        for decision in database.decisions(Lsn(self.fold.upto)) {
            self.fold.upto = decision.lsn.0;
            if decision.outcome == Outcome::Applied
                && let Some(event) = self.submitted.get(&decision.event_id)
            {
                self.fold.apply(event);
            }
        }
        let (balances, items) = database.holdings();
        let balances: BTreeMap<_, _> = balances.into_iter().filter(|(_, amount)| *amount != 0).collect();
        let folded: BTreeMap<_, _> = self.fold.balances.iter().filter(|b| *b.1 != 0).map(|(k, v)| (*k, *v)).collect();
        hold!(balances == folded, "the balances are {balances:?}, the applied events make {folded:?}");
        hold!(items == self.fold.items, "the items are {items:?}, the applied events make {:?}", self.fold.items);
        Ok(())
    }
}

impl Fold {
    fn apply(&mut self, event: &ValueEvent) {
        for mint in &event.mints {
            self.items.insert(mint.uid, (mint.to, 1));
        }
        for change in &event.moves {
            self.items.insert(change.uid, (change.to, change.version + 1));
        }
        for burn in &event.burns {
            self.items.remove(&burn.uid);
        }
        for change in &event.balances {
            *self.balances.entry((change.account, change.currency.code())).or_default() += change.delta;
        }
    }
}

/// What the owner of this epoch writes into a state of this version, beside its epoch: a mixture of two is recognised.
pub(crate) fn hot_mark(epoch: i64, version: i64) -> i32 {
    i32::try_from((epoch * 1_000 + version % 1_000) % 1_000_000).unwrap_or(0)
}
