//! Proving the books of the store in memory: the invariants of the databases' audit, written a second time over maps.

use std::collections::{BTreeMap, BTreeSet};

use super::state::State;
use crate::apply::decide::{HistoryRow, Step};
use crate::audit::{AuditReport, Finding, MAX_EXAMPLES};
use crate::event::Currency;
use crate::store::Outcome;

/// What breaks an invariant, by name.
type Offenders = Vec<String>;

pub(super) fn audit(state: &State) -> AuditReport {
    let (event_sums, world_sums, account_sums) = sums(state);
    let nonzero = |sums: BTreeMap<String, i128>| sums.into_iter().filter(|(_, sum)| *sum != 0).map(|(name, _)| name);
    let findings = vec![
        finding("I1", "the ledger rows of each event add up to zero per kind of money", nonzero(event_sums).collect()),
        finding("I2", "all balances add up to zero per kind of money", nonzero(world_sums).collect()),
        finding("I3", "each balance is the sum of its ledger rows", balances(state, &account_sums)),
        finding("I4", "no character owes money", debts(state)),
        finding("I5", "each item lies alone in its place, with an owner that exists", places(state)),
        finding("I6", "each item's history is one path from its creation", paths(state)),
        finding(
            "I7",
            "the items that exist are those created and not destroyed, where their history ends",
            live(state),
        ),
        finding("I7c", "the counts of items created and destroyed are those of the history", counts(state)),
        finding(
            "I9",
            "ledger and history rows belong to an event that was applied, and it has all of them",
            rows(state),
        ),
        finding("I9r", "an event that was not applied changed nothing", rejected(state)),
        finding("I11", "every position up to the applied one is accounted for, none beyond it", positions(state)),
        finding("Q1", "exactly the quarantined events wait for review", reviews(state)),
        finding("C1", "each character has hot state, a balance and an applied birth", characters(state)),
        finding("C2", "each character belongs to an account", homes(state)),
    ];
    AuditReport { findings }
}

fn finding(invariant: &'static str, says: &'static str, mut examples: Offenders) -> Finding {
    let violations = examples.len() as u64;
    examples.truncate(MAX_EXAMPLES);
    Finding { invariant, says, violations, examples }
}

type Sums = BTreeMap<String, i128>;

/// Sums of the ledger per event, of the balances over the world, and of the ledger per account; by currency.
fn sums(state: &State) -> (Sums, Sums, BTreeMap<(i64, i32), i64>) {
    let mut per_event: BTreeMap<(u128, i32), i128> = BTreeMap::new();
    let mut per_account: BTreeMap<(i64, i32), i64> = BTreeMap::new();
    for row in &state.ledger {
        *per_event.entry((row.event_id, row.currency / Currency::FAMILY)).or_default() += i128::from(row.delta);
        *per_account.entry((row.account, row.currency)).or_default() += row.delta;
    }
    let mut world: BTreeMap<i32, i128> = BTreeMap::new();
    for (&(_, currency), balance) in &state.world.balances {
        *world.entry(currency / Currency::FAMILY).or_default() += i128::from(balance.now);
    }
    let events = per_event.into_iter().map(|((id, currency), sum)| (format!("{id:032x}/{currency}"), sum)).collect();
    (events, world.into_iter().map(|(currency, sum)| (currency.to_string(), sum)).collect(), per_account)
}

fn balances(state: &State, ledger: &BTreeMap<(i64, i32), i64>) -> Offenders {
    let stored = state.world.balances.iter().filter(|(key, b)| b.now != ledger.get(key).copied().unwrap_or(0));
    let unknown = ledger.keys().filter(|key| !state.world.balances.contains_key(key));
    stored.map(|(key, _)| key).chain(unknown).map(|(account, currency)| format!("{account}/{currency}")).collect()
}

fn debts(state: &State) -> Offenders {
    let owing = state.world.balances.iter().filter(|((account, _), balance)| *account > 0 && balance.now < 0);
    owing.map(|((account, currency), _)| format!("{account}/{currency}")).collect()
}

fn places(state: &State) -> Offenders {
    let mut seen = BTreeSet::new();
    let living = state.world.items.iter().filter_map(|(uid, item)| Some((uid, item.now?)));
    let wrong = living.filter(|(uid, item)| {
        let alone = seen.insert(item.place) && state.world.places.get(&item.place) == Some(*uid);
        !alone || !state.characters.contains_key(&item.place.owner)
    });
    wrong.map(|(uid, _)| uid.to_string()).collect()
}

/// Steps of each item that do not follow from the one before.
fn paths(state: &State) -> Offenders {
    let mut before: Option<&HistoryRow> = None;
    let mut wrong = Vec::new();
    for row in state.history.values() {
        let follows = match before.filter(|last| last.uid == row.uid) {
            None => row.seq == 1 && row.step == Step::Minted && row.from.owner == 0,
            Some(last) => {
                row.seq == last.seq + 1
                    && matches!(row.step, Step::Moved | Step::Burned)
                    && last.step != Step::Burned
                    && row.from == last.to
            }
        };
        if !follows {
            wrong.push(format!("{}/{}", row.uid, row.seq));
        }
        before = Some(row);
    }
    wrong
}

/// Items whose row is not where their history ends.
fn live(state: &State) -> Offenders {
    let mut ends: BTreeMap<i64, &HistoryRow> = BTreeMap::new();
    for row in state.history.values() {
        ends.insert(row.uid, row);
    }
    let uids: BTreeSet<i64> = ends.keys().chain(state.world.items.keys()).copied().collect();
    let wrong = uids.into_iter().filter(|uid| {
        let item = state.world.items.get(uid).and_then(|item| item.now);
        match (item, ends.get(uid)) {
            (Some(item), Some(end)) => end.step == Step::Burned || end.seq != item.version || end.to != item.place,
            (None, Some(end)) => end.step != Step::Burned,
            (Some(_), None) => true,
            (None, None) => false,
        }
    });
    wrong.map(|uid| uid.to_string()).collect()
}

fn counts(state: &State) -> Offenders {
    let of = |step: Step| state.history.values().filter(|row| row.step == step).count();
    let (minted, burned) = (of(Step::Minted), of(Step::Burned));
    let alive = state.world.items.values().filter(|item| item.now.is_some()).count();
    let right = (minted, burned, minted - burned) == (state.items_minted, state.items_burned, alive);
    if right { Vec::new() } else { vec![format!("{minted}/{burned}/{alive}")] }
}

/// Events whose rows are not as many as their outcome says.
fn rows(state: &State) -> Offenders {
    let mut found: BTreeMap<u128, (usize, usize)> = BTreeMap::new();
    for row in &state.ledger {
        found.entry(row.event_id).or_default().0 += 1;
    }
    for row in state.history.values() {
        found.entry(row.event_id).or_default().1 += 1;
    }
    for (_, row) in state.outcomes.values() {
        if found.get(&row.event_id).copied().unwrap_or_default() == (row.changes, row.moves) {
            found.remove(&row.event_id);
        } else {
            found.entry(row.event_id).or_default();
        }
    }
    found.into_keys().map(|id| format!("{id:032x}")).collect()
}

fn rejected(state: &State) -> Offenders {
    let guilty = state
        .outcomes
        .values()
        .filter(|(_, row)| row.outcome != Outcome::Applied && (row.changes, row.moves) != (0, 0));
    guilty.map(|(_, row)| format!("{:032x}", row.event_id)).collect()
}

fn positions(state: &State) -> Offenders {
    let wrong = state.journals.iter().filter(|(id, row)| {
        let own = || state.outcomes.values().filter(|(journal, _)| journal == *id);
        let counted = row.decided + row.repeated + row.other;
        row.applied != counted as u64
            || row.decided != own().count()
            || own().any(|(_, outcome)| outcome.lsn.0 > row.applied || outcome.lsn.0 < 1)
    });
    wrong.map(|(id, row)| format!("{id}/{}", row.applied)).collect()
}

fn reviews(state: &State) -> Offenders {
    let quarantined = state.outcomes.values().filter(|(_, row)| matches!(row.outcome, Outcome::Quarantined(_)));
    let quarantined: BTreeSet<u128> = quarantined.map(|(_, row)| row.event_id).collect();
    quarantined.symmetric_difference(&state.reviews).map(|id| format!("{id:032x}")).collect()
}

fn characters(state: &State) -> Offenders {
    let wrong = state.characters.iter().filter(|(id, character)| {
        let born = state.outcomes.get(&character.born_by).is_some_and(|(_, row)| row.outcome == Outcome::Applied);
        let purse = state.world.balances.contains_key(&(**id, Currency::Zen.code()));
        !born || !purse || !state.hot.contains_key(id)
    });
    wrong.map(|(id, _)| id.to_string()).collect()
}

fn homes(state: &State) -> Offenders {
    let homeless = state.characters.values().filter(|c| !state.accounts.contains_key(&c.row.account.0));
    homeless.map(|c| c.row.id.to_string()).collect()
}
