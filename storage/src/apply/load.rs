//! Reads every row that a batch of events touches, with one statement per table.

use std::collections::BTreeSet;

use super::decide::{Balance, Entity, ItemRow, Tracked, World, characters, entities};
use crate::backend::Failure;
use crate::event::{Place, ValueEvent};
use crate::names;
use crate::sql::{Bulk, Row, Rows, Sql};
use crate::statements as s;

pub(super) fn world<'a>(
    sql: &mut dyn Sql,
    events: impl Iterator<Item = &'a ValueEvent> + Clone,
) -> Result<World, Failure> {
    let mut world = World::default();
    items(sql, events.clone(), &mut world)?;
    births(sql, events.clone(), &mut world)?;

    let ids: BTreeSet<i64> = events.clone().flat_map(characters).chain(born(events.clone())).collect();
    for row in find(sql, &s::FIND_CHARACTERS, &Rows::new().ints(ids))? {
        world.characters.insert(row.big(0));
    }
    let accounts: BTreeSet<(i64, i32)> =
        events.clone().flat_map(|e| e.balances.iter().map(|c| (c.account, c.currency.code()))).collect();
    let rows = Rows::new().ints(accounts.iter().map(|a| a.0)).ints(accounts.iter().map(|a| a.1));
    for row in find(sql, &s::FIND_BALANCES, &rows)? {
        world.balances.insert((row.big(0), row.int(1)), Balance { before: Some(row.big(2)), now: row.big(2) });
    }
    let touched: BTreeSet<Entity> = events.flat_map(entities).collect();
    let (kinds, ids): (Vec<i64>, Vec<i64>) = touched.into_iter().map(entity_key).unzip();
    for row in find(sql, &s::FIND_FROZEN, &Rows::new().ints(kinds).ints(ids))? {
        world.frozen.insert(if row.int(0) == 0 { Entity::Character(row.big(1)) } else { Entity::Item(row.big(1)) });
    }
    Ok(world)
}

/// The key of a frozen entity in its table.
pub(super) const fn entity_key(entity: Entity) -> (i64, i64) {
    match entity {
        Entity::Character(id) => (0, id),
        Entity::Item(uid) => (1, uid),
    }
}

fn items<'a>(
    sql: &mut dyn Sql,
    events: impl Iterator<Item = &'a ValueEvent> + Clone,
    world: &mut World,
) -> Result<(), Failure> {
    let uids: BTreeSet<i64> = events.clone().flat_map(ValueEvent::uids).collect();
    for row in find(sql, &s::FIND_ITEMS, &Rows::new().ints(uids))? {
        let place = place(&row, 4);
        let item = ItemRow { version: row.int(1), template: row.int(2), level: row.int(3), place };
        world.items.insert(row.big(0), Tracked { before: Some(item), now: Some(item) });
        world.places.insert(place, row.big(0));
    }
    let minted: BTreeSet<i64> = events.clone().flat_map(|e| e.mints.iter().map(|m| m.uid)).collect();
    for row in find(sql, &s::FIND_MINTED, &Rows::new().ints(minted))? {
        world.minted.insert(row.big(0));
    }
    let targets: BTreeSet<Place> = events.flat_map(ValueEvent::targets).collect();
    let rows = Rows::new()
        .ints(targets.iter().map(|p| p.owner))
        .ints(targets.iter().map(|p| p.container))
        .ints(targets.iter().map(|p| p.slot));
    for row in find(sql, &s::FIND_PLACES, &rows)? {
        world.places.insert(place(&row, 1), row.big(0));
    }
    Ok(())
}

fn births<'a>(
    sql: &mut dyn Sql,
    events: impl Iterator<Item = &'a ValueEvent> + Clone,
    world: &mut World,
) -> Result<(), Failure> {
    let accounts: BTreeSet<i64> = events.clone().filter_map(|e| e.birth().map(|b| b.account)).collect();
    for row in find(sql, &s::FIND_ACCOUNTS, &Rows::new().ints(accounts))? {
        world.accounts.insert(row.big(0), usize::try_from(row.big(1)).expect("a count"));
    }
    let keys: BTreeSet<String> = events.filter_map(|e| e.birth().map(|b| names::key(b.name.as_str()))).collect();
    for row in find(sql, &s::FIND_NAMES, &Rows::new().texts(keys.iter().map(String::as_str)))? {
        world.names.insert(row.text(0).to_owned());
    }
    Ok(())
}

fn born<'a>(events: impl Iterator<Item = &'a ValueEvent>) -> impl Iterator<Item = i64> {
    events.filter_map(|e| e.birth().map(|b| b.character))
}

fn find(sql: &mut dyn Sql, bulk: &'static Bulk, rows: &Rows<'_>) -> Result<Vec<Row>, Failure> {
    if rows.len() == 0 {
        return Ok(Vec::new());
    }
    Ok(sql.bulk(bulk, rows)?.rows)
}

/// A stored place. Numbers outside the range of a place cannot be named by an event; they become one that never matches.
fn place(row: &Row, at: usize) -> Place {
    let container = u8::try_from(row.big(at + 1)).unwrap_or(u8::MAX);
    let slot = u16::try_from(row.big(at + 2)).unwrap_or(u16::MAX);
    Place { owner: row.big(at), container, slot }
}
