//! Reads every row that a batch of events touches, with one statement per table.

use std::collections::{BTreeMap, BTreeSet};

use super::cache::{Asked, Cache};
use super::decide::{
    Balance, CharacterRow, Entity, GrowthRow, ItemRow, ListingRow, ListingState, ParcelRow, Position, Quarantined,
    Tracked, World, listing, parcels,
};
use crate::backend::Failure;
use crate::error::StoreError;
use crate::event::{Deed, Place, ValueEvent, decode};
use crate::names;
use crate::sql::{Bulk, Row, Rows, Sql};
use crate::statements as s;

/// The rows, and the keys asked for. What `cache` knows is not read.
pub(super) fn world<'a>(
    sql: &mut dyn Sql,
    journal: i64,
    cache: &Cache,
    events: impl Iterator<Item = &'a ValueEvent> + Clone,
) -> Result<(World, Asked), Failure> {
    let reviews = reviews(sql, events.clone())?;
    // A quarantined event that is to be applied touches rows too.
    let waiting = reviews.values().filter(|review| review.resolved_by.is_none());
    let inner: Vec<ValueEvent> = waiting.filter_map(|review| decode(review.schema, &review.payload).ok()).collect();
    let mut world = World { journal, reviews, ..World::default() };
    let mut all: Vec<&ValueEvent> = inner.iter().collect();
    for event in events {
        all.push(event);
    }
    let events = all.iter().copied();
    let mut asked = Asked::of(events.clone());
    asked.characters.extend(born(events.clone()));
    items(sql, cache, &asked, events.clone(), &mut world)?;
    accounts(sql, events.clone(), &mut world)?;
    people(sql, cache, &asked, &mut world)?;
    post(sql, events.clone(), &mut world)?;
    let balances = cache.balances.recall(&asked.balances, |key, &amount| {
        world.balances.insert(key, Balance { before: Some(amount), now: amount });
    });
    let rows = Rows::new().ints(balances.iter().map(|a| a.0)).ints(balances.iter().map(|a| a.1));
    for row in find(sql, &s::FIND_BALANCES, &rows)? {
        world.balances.insert((row.big(0), row.int(1)), Balance { before: Some(row.big(2)), now: row.big(2) });
    }
    let touched = cache.frozen.recall(&asked.frozen, |entity, by| {
        world.frozen.insert(entity, by.clone());
    });
    let (kinds, ids): (Vec<i64>, Vec<i64>) = touched.into_iter().map(Entity::key).unzip();
    for row in find(sql, &s::FIND_FROZEN, &Rows::new().ints(kinds).ints(ids))? {
        if let Some(entity) = Entity::from_key(row.int(0), row.big(1)) {
            world.frozen.entry(entity).or_default().insert((position(&row, 3), row.id(2)));
        }
    }
    Ok((world, asked))
}

/// The quarantined events that the batch resolves.
fn reviews<'a>(
    sql: &mut dyn Sql,
    events: impl Iterator<Item = &'a ValueEvent>,
) -> Result<BTreeMap<u128, Quarantined>, Failure> {
    let resolved: BTreeSet<u128> = events
        .filter_map(|event| match event.deed {
            Some(Deed::Resolution { event_id, .. }) => Some(event_id),
            _ => None,
        })
        .collect();
    let found = find(sql, &s::FIND_REVIEWS, &Rows::new().ids(resolved))?;
    let review = |row: &Row| Quarantined {
        at: position(row, 4),
        schema: u16::try_from(row.int(1)).unwrap_or(0),
        payload: row.bytes(2).to_vec(),
        resolved_by: row.maybe_id(3),
    };
    Ok(found.iter().map(|row| (row.id(0), review(row))).collect())
}

fn position(row: &Row, at: usize) -> Position {
    Position { journal: row.big(at), lsn: row.big(at + 1).unsigned_abs() }
}

fn people(sql: &mut dyn Sql, cache: &Cache, asked: &Asked, world: &mut World) -> Result<(), Failure> {
    let ids = cache.characters.recall(&asked.characters, |id, row| {
        world.characters.insert(id, Tracked::stored(*row));
    });
    for row in find(sql, &s::FIND_CHARACTERS, &Rows::new().ints(ids))? {
        let stats = [row.int(5), row.int(6), row.int(7), row.int(8)];
        let growth = GrowthRow { version: row.int(2), level: row.int(3), points: row.int(4), stats };
        world.characters.insert(row.big(0), Tracked::stored(CharacterRow { account: row.big(1), growth }));
    }
    Ok(())
}

/// Parcels and auctions.
fn post<'a>(
    sql: &mut dyn Sql,
    events: impl Iterator<Item = &'a ValueEvent> + Clone,
    world: &mut World,
) -> Result<(), Failure> {
    let ids: BTreeSet<i64> = events.clone().flat_map(parcels).collect();
    for row in find(sql, &s::FIND_PARCELS, &Rows::new().ints(ids))? {
        let parcel = ParcelRow {
            sender: row.big(1),
            receiver: row.big(2),
            zen: row.big(3),
            items: row.int(4),
            made_by: row.id(5),
            claimed_by: row.maybe_id(6),
        };
        world.parcels.insert(row.big(0), Tracked::stored(parcel));
    }
    let ids: BTreeSet<i64> = events.filter_map(listing).collect();
    for row in find(sql, &s::FIND_LISTINGS, &Rows::new().ints(ids))? {
        let state = ListingState::from_code(row.int(8));
        let state = state.ok_or_else(|| StoreError::Permanent(format!("listing {} has no known state", row.big(0))))?;
        let listing = ListingRow {
            version: row.int(1),
            seller: row.big(2),
            min_bid: row.big(3),
            buy_out: row.big(4),
            ends_s: row.big(5),
            bidder: row.big(6),
            bid: row.big(7),
            state,
            made_by: row.id(9),
        };
        world.listings.insert(row.big(0), Tracked::stored(listing));
    }
    Ok(())
}

fn items<'a>(
    sql: &mut dyn Sql,
    cache: &Cache,
    asked: &Asked,
    events: impl Iterator<Item = &'a ValueEvent> + Clone,
    world: &mut World,
) -> Result<(), Failure> {
    let uids = cache.items.recall(&asked.items, |uid, item| {
        world.items.insert(uid, Tracked::stored(*item));
        world.places.insert(item.place, uid);
    });
    for row in find(sql, &s::FIND_ITEMS, &Rows::new().ints(uids))? {
        let place = place(&row, 4);
        let item = ItemRow { version: row.int(1), template: row.int(2), level: row.int(3), place };
        world.items.insert(row.big(0), Tracked::stored(item));
        world.places.insert(place, row.big(0));
    }
    let minted: BTreeSet<i64> = events.flat_map(|e| e.mints.iter().map(|m| m.uid)).collect();
    for row in find(sql, &s::FIND_MINTED, &Rows::new().ints(minted))? {
        world.minted.insert(row.big(0));
    }
    let targets = cache.places.recall(&asked.places, |place, uid| {
        world.places.insert(place, *uid);
    });
    let rows = Rows::new()
        .ints(targets.iter().map(|p| p.owner))
        .ints(targets.iter().map(|p| p.container))
        .ints(targets.iter().map(|p| p.slot));
    for row in find(sql, &s::FIND_PLACES, &rows)? {
        world.places.insert(place(&row, 1), row.big(0));
    }
    Ok(())
}

fn accounts<'a>(
    sql: &mut dyn Sql,
    events: impl Iterator<Item = &'a ValueEvent> + Clone,
    world: &mut World,
) -> Result<(), Failure> {
    let homes = events.clone().filter_map(|e| e.birth().map(|b| b.account));
    let accounts: BTreeSet<i64> = homes.chain(events.clone().flat_map(ValueEvent::purses)).collect();
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
