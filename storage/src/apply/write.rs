//! Writes what a batch decided, with one statement per table, in an order that no unique index minds.

use std::collections::BTreeSet;

use super::decide::{Effects, ItemRow, Step, World};
use super::{deeds, exactly};
use crate::backend::Failure;
use crate::event::Place;
use crate::names;
use crate::planted::{self, Bug};
use crate::sql::{Bulk, Rows, Sql, Value};
use crate::statements as s;

pub(super) fn effects(sql: &mut dyn Sql, journal: i64, world: &World, effects: &Effects) -> Result<(), Failure> {
    outcomes(sql, journal, effects)?;
    births(sql, effects)?;
    balances(sql, world)?;
    items(sql, world)?;
    records(sql, effects)?;
    deeds::effects(sql, world, effects)?;
    quarantine(sql, effects)
}

/// Runs a bulk write that must change exactly as many rows as it is given; nothing to do for none.
pub(super) fn write(sql: &mut dyn Sql, bulk: &'static Bulk, rows: &Rows<'_>, what: &str) -> Result<(), Failure> {
    if rows.len() == 0 {
        return Ok(());
    }
    exactly(sql.bulk(bulk, rows)?.changed, rows.len(), what)
}

fn outcomes(sql: &mut dyn Sql, journal: i64, effects: &Effects) -> Result<(), Failure> {
    let decided = &effects.outcomes;
    let count = |n: usize| i64::try_from(n).expect("an event is small");
    let rows = Rows::new()
        .ids(decided.iter().map(|o| o.event_id))
        .ints(decided.iter().map(|_| journal))
        .ints(decided.iter().map(|o| i64::try_from(o.lsn.0).expect("positions fit in 63 bits")))
        .ints(decided.iter().map(|o| o.outcome.codes().0))
        .ints(decided.iter().map(|o| o.outcome.codes().1))
        .ints(decided.iter().map(|o| count(o.changes)))
        .ints(decided.iter().map(|o| count(o.moves)))
        .ints(decided.iter().map(|o| o.kind))
        .ints(decided.iter().map(|o| count(o.records)));
    write(sql, &s::ADD_OUTCOMES, &rows, "outcomes")
}

fn births(sql: &mut dyn Sql, effects: &Effects) -> Result<(), Failure> {
    let births = &effects.births;
    let keys: Vec<String> = births.iter().map(|(b, _)| names::key(b.name.as_str())).collect();
    let rows = Rows::new()
        .ints(births.iter().map(|(b, _)| b.character))
        .ints(births.iter().map(|(b, _)| b.account))
        .texts(births.iter().map(|(b, _)| b.name.as_str()))
        .texts(keys.iter().map(String::as_str))
        .ints(births.iter().map(|(b, _)| b.class))
        .ids(births.iter().map(|(_, event_id)| *event_id));
    write(sql, &s::ADD_CHARACTERS, &rows, "characters")?;
    let rows = Rows::new()
        .ints(births.iter().map(|(b, _)| b.character))
        .ints(births.iter().map(|(b, _)| b.map))
        .ints(births.iter().map(|(b, _)| b.entry))
        .ints(births.iter().map(|(b, _)| b.x))
        .ints(births.iter().map(|(b, _)| b.y))
        .ints(births.iter().map(|(b, _)| b.heading))
        .ints(births.iter().map(|(b, _)| b.hp))
        .ints(births.iter().map(|(b, _)| b.mp));
    write(sql, &s::ADD_HOT, &rows, "hot state")
}

fn balances(sql: &mut dyn Sql, world: &World) -> Result<(), Failure> {
    let (new, known): (Vec<_>, Vec<_>) = world.balances.iter().partition(|(_, balance)| balance.before.is_none());
    let rows = Rows::new()
        .ints(new.iter().map(|((account, _), _)| *account))
        .ints(new.iter().map(|((_, currency), _)| *currency))
        .ints(new.iter().map(|(_, balance)| balance.now));
    write(sql, &s::ADD_BALANCES, &rows, "new balances")?;
    let changes = known.iter().filter_map(|((account, currency), balance)| {
        let before = balance.before.filter(|before| *before != balance.now)?;
        Some((*account, *currency, before, balance.now))
    });
    let changed: Vec<_> = changes.collect();
    let rows = Rows::new()
        .ints(changed.iter().map(|c| c.0))
        .ints(changed.iter().map(|c| c.1))
        .ints(changed.iter().map(|c| c.2))
        .ints(changed.iter().map(|c| c.3));
    write(sql, &s::CHANGE_BALANCES, &rows, "balances")
}

/// An item that changed during the batch: its identity, the version it had in the store, and what it is now.
struct Moved {
    uid: i64,
    version: i32,
    from: Place,
    now: ItemRow,
}

fn items(sql: &mut dyn Sql, world: &World) -> Result<(), Failure> {
    let (mut removed, mut moved, mut added) = (Vec::new(), Vec::new(), Vec::new());
    for (&uid, item) in &world.items {
        match (item.before, item.now) {
            (Some(before), None) => removed.push((uid, before.version)),
            (Some(before), Some(now)) if before != now => {
                moved.push(Moved { uid, version: before.version, from: before.place, now });
            }
            (None, Some(now)) => added.push((uid, now)),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
    let rows = Rows::new().ints(removed.iter().map(|r| r.0)).ints(removed.iter().map(|r| r.1));
    write(sql, &s::REMOVE_ITEMS, &rows, "burned items")?;
    move_items(sql, &moved)?;
    let rows = Rows::new()
        .ints(added.iter().map(|(uid, _)| *uid))
        .ints(added.iter().map(|(_, item)| item.version))
        .ints(added.iter().map(|(_, item)| item.template))
        .ints(added.iter().map(|(_, item)| item.level))
        .ints(added.iter().map(|(_, item)| item.place.owner))
        .ints(added.iter().map(|(_, item)| item.place.container))
        .ints(added.iter().map(|(_, item)| item.place.slot));
    write(sql, &s::ADD_ITEMS, &rows, "new items")
}

/// An item whose place is another item's target is first parked in a place of its own: the index allows no moment with two
/// items in one place.
fn move_items(sql: &mut dyn Sql, moved: &[Moved]) -> Result<(), Failure> {
    let targets: BTreeSet<Place> = moved.iter().map(|m| m.now.place).collect();
    let in_the_way: Vec<_> = moved.iter().filter(|m| targets.contains(&m.from)).collect();
    let rows = Rows::new().ints(in_the_way.iter().map(|m| m.uid)).ints(in_the_way.iter().map(|m| m.version));
    write(sql, &s::PARK_ITEMS, &rows, "parked items")?;
    let rows = Rows::new()
        .ints(moved.iter().map(|m| m.uid))
        .ints(moved.iter().map(|m| m.version))
        .ints(moved.iter().map(|m| m.now.version))
        .ints(moved.iter().map(|m| m.now.place.owner))
        .ints(moved.iter().map(|m| m.now.place.container))
        .ints(moved.iter().map(|m| m.now.place.slot));
    write(sql, &s::MOVE_ITEMS, &rows, "moved items")
}

fn records(sql: &mut dyn Sql, effects: &Effects) -> Result<(), Failure> {
    let history = &effects.history;
    let kind = |step: Step| match step {
        Step::Minted => 0_i64,
        Step::Moved => 1,
        Step::Burned => 2,
    };
    let rows = Rows::new()
        .ints(history.iter().map(|h| h.uid))
        .ints(history.iter().map(|h| h.seq))
        .ids(history.iter().map(|h| h.event_id))
        .ints(history.iter().map(|h| kind(h.step)))
        .ints(history.iter().map(|h| h.from.owner))
        .ints(history.iter().map(|h| h.from.container))
        .ints(history.iter().map(|h| h.from.slot))
        .ints(history.iter().map(|h| h.to.owner))
        .ints(history.iter().map(|h| h.to.container))
        .ints(history.iter().map(|h| h.to.slot));
    write(sql, &s::ADD_HISTORY, &rows, "item history")?;
    let count =
        |step: Step| i64::try_from(history.iter().filter(|h| h.step == step).count()).expect("a batch is small");
    let (minted, burned) = (count(Step::Minted), count(Step::Burned));
    if minted + burned > 0 {
        let changed = sql.execute(s::ITEMS_COUNT, &[Value::Int(minted), Value::Int(burned)])?;
        exactly(changed, 1, "item counts")?;
    }
    let ledger = &effects.ledger;
    let rows = Rows::new()
        .ids(ledger.iter().map(|l| l.event_id))
        .ints(ledger.iter().map(|l| l.account))
        .ints(ledger.iter().map(|l| l.currency))
        .ints(ledger.iter().map(|l| l.delta));
    write(sql, &s::ADD_LEDGER, &rows, "ledger")
}

fn quarantine(sql: &mut dyn Sql, effects: &Effects) -> Result<(), Failure> {
    for review in &effects.reviews {
        let id = review.event_id.to_be_bytes();
        let params = [
            Value::Bytes(&id),
            Value::Int(review.schema.into()),
            Value::Bytes(&review.payload),
            Value::Text(&review.detail),
            Value::Text(&review.found),
        ];
        sql.execute(s::REVIEW_ADD, &params)?;
    }
    let frozen: Vec<_> = effects.frozen.iter().map(|(entity, event_id)| (entity.key(), *event_id)).collect();
    let rows = Rows::new()
        .ints(frozen.iter().map(|((kind, _), _)| *kind))
        .ints(frozen.iter().map(|((_, id), _)| *id))
        .ids(frozen.iter().map(|(_, event_id)| *event_id));
    write(sql, &s::ADD_FROZEN, &rows, "frozen")?;
    for resolved in &effects.resolved {
        let (id, by) = (resolved.event_id.to_be_bytes(), resolved.by.to_be_bytes());
        let params = [Value::Bytes(&by), Value::Int(deeds::action_code(resolved.action)), Value::Bytes(&id)];
        exactly(sql.execute(s::REVIEW_RESOLVE, &params)?, 1, "review")?;
        if !planted::is(Bug::ReleaseForgotten) {
            sql.execute(s::UNFREEZE, &[Value::Bytes(&id)])?;
        }
    }
    Ok(())
}
