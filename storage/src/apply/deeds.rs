//! Writes what deeds changed: growth, parcels, auctions, cash references and acts of operators.

use super::decide::{CharacterRow, Effects, ListingRow, ParcelRow, Tracked, World};
use super::exactly;
use super::write::write;
use crate::backend::Failure;
use crate::event::Resolve;
use crate::sql::{Rows, Sql, Value};
use crate::statements as s;

/// The number of a resolution's action in the review table.
pub(crate) const fn action_code(action: Resolve) -> i64 {
    match action {
        Resolve::Apply => 0,
        Resolve::Discard => 1,
        Resolve::Compensate => 2,
    }
}

pub(super) fn effects(sql: &mut dyn Sql, world: &World, effects: &Effects) -> Result<(), Failure> {
    growth(sql, world, effects)?;
    parcels(sql, world)?;
    listings(sql, world)?;
    let steps = &effects.listing_steps;
    let rows = Rows::new()
        .ints(steps.iter().map(|r| r.listing))
        .ints(steps.iter().map(|r| r.version))
        .ids(steps.iter().map(|r| r.event_id))
        .ints(steps.iter().map(|r| r.act as i32))
        .ints(steps.iter().map(|r| r.bidder))
        .ints(steps.iter().map(|r| r.amount));
    write(sql, &s::ADD_LISTING_STEPS, &rows, "steps of auctions")?;
    let cash = &effects.cash;
    let rows = Rows::new()
        .ids(cash.iter().map(|r| r.event_id))
        .ints(cash.iter().map(|r| r.account))
        .texts(cash.iter().map(|r| r.reference.as_str()));
    write(sql, &s::ADD_CASH, &rows, "cash references")?;
    for act in &effects.authority {
        let id = act.event_id.to_be_bytes();
        let resolves = act.resolves.map(u128::to_be_bytes);
        let params = [
            Value::Bytes(&id),
            Value::Text(&act.operator),
            Value::Text(&act.reason),
            Value::Text(&act.second),
            Value::Bytes(resolves.as_ref().map_or(&[], |id| id.as_slice())),
        ];
        exactly(sql.execute(s::AUTHORITY_ADD, &params)?, 1, "acts of operators")?;
    }
    Ok(())
}

/// Rows that changed, with what they were.
fn changed<T: Copy + PartialEq>(rows: &Tracked<T>) -> Option<(T, T)> {
    let (before, now) = (rows.before?, rows.now?);
    (before != now).then_some((before, now))
}

/// Rows that came to be.
fn added<T: Copy>(rows: &Tracked<T>) -> Option<T> {
    if rows.before.is_none() { rows.now } else { None }
}

fn growth(sql: &mut dyn Sql, world: &World, effects: &Effects) -> Result<(), Failure> {
    let steps = &effects.growth;
    let rows = Rows::new()
        .ints(steps.iter().map(|r| r.character))
        .ints(steps.iter().map(|r| r.growth.version))
        .ids(steps.iter().map(|r| r.event_id))
        .ints(steps.iter().map(|r| r.growth.level))
        .ints(steps.iter().map(|r| r.growth.points))
        .ints(steps.iter().map(|r| r.growth.stats[0]))
        .ints(steps.iter().map(|r| r.growth.stats[1]))
        .ints(steps.iter().map(|r| r.growth.stats[2]))
        .ints(steps.iter().map(|r| r.growth.stats[3]));
    write(sql, &s::ADD_GROWTH, &rows, "growth")?;
    // A character born in this batch is stored as it is born, before this.
    let grown = world.characters.iter().filter_map(|(&id, row)| {
        let now = row.now?.growth;
        let before = row.before.map_or(0, |before: CharacterRow| before.growth.version);
        (before != now.version).then_some((id, before, now))
    });
    let grown: Vec<_> = grown.collect();
    let rows = Rows::new()
        .ints(grown.iter().map(|r| r.0))
        .ints(grown.iter().map(|r| r.1))
        .ints(grown.iter().map(|r| r.2.version))
        .ints(grown.iter().map(|r| r.2.level))
        .ints(grown.iter().map(|r| r.2.points))
        .ints(grown.iter().map(|r| r.2.stats[0]))
        .ints(grown.iter().map(|r| r.2.stats[1]))
        .ints(grown.iter().map(|r| r.2.stats[2]))
        .ints(grown.iter().map(|r| r.2.stats[3]));
    write(sql, &s::GROW_CHARACTERS, &rows, "grown characters")
}

fn parcels(sql: &mut dyn Sql, world: &World) -> Result<(), Failure> {
    let new: Vec<(i64, ParcelRow)> = world.parcels.iter().filter_map(|(&id, row)| Some((id, added(row)?))).collect();
    let rows = Rows::new()
        .ints(new.iter().map(|r| r.0))
        .ints(new.iter().map(|r| r.1.sender))
        .ints(new.iter().map(|r| r.1.receiver))
        .ints(new.iter().map(|r| r.1.zen))
        .ints(new.iter().map(|r| r.1.items))
        .ids(new.iter().map(|r| r.1.made_by));
    write(sql, &s::ADD_PARCELS, &rows, "parcels")?;
    let claimed = world.parcels.iter().filter_map(|(&id, row)| {
        let before = row.before.and_then(|before| before.claimed_by);
        let by = row.now?.claimed_by?;
        before.is_none().then_some((id, by))
    });
    let claimed: Vec<_> = claimed.collect();
    let rows = Rows::new().ints(claimed.iter().map(|r| r.0)).ids(claimed.iter().map(|r| r.1));
    write(sql, &s::CLAIM_PARCELS, &rows, "claimed parcels")
}

fn listings(sql: &mut dyn Sql, world: &World) -> Result<(), Failure> {
    let new: Vec<(i64, ListingRow)> = world.listings.iter().filter_map(|(&id, row)| Some((id, added(row)?))).collect();
    let rows = Rows::new()
        .ints(new.iter().map(|r| r.0))
        .ints(new.iter().map(|r| r.1.version))
        .ints(new.iter().map(|r| r.1.seller))
        .ints(new.iter().map(|r| r.1.min_bid))
        .ints(new.iter().map(|r| r.1.buy_out))
        .ints(new.iter().map(|r| r.1.ends_s))
        .ints(new.iter().map(|r| r.1.bidder))
        .ints(new.iter().map(|r| r.1.bid))
        .ints(new.iter().map(|r| r.1.state as i32))
        .ids(new.iter().map(|r| r.1.made_by));
    write(sql, &s::ADD_LISTINGS, &rows, "auctions")?;
    let moved = world.listings.iter().filter_map(|(&id, row)| Some((id, changed(row)?)));
    let moved: Vec<_> = moved.collect();
    let rows = Rows::new()
        .ints(moved.iter().map(|r| r.0))
        .ints(moved.iter().map(|r| r.1.0.version))
        .ints(moved.iter().map(|r| r.1.1.version))
        .ints(moved.iter().map(|r| r.1.1.bidder))
        .ints(moved.iter().map(|r| r.1.1.bid))
        .ints(moved.iter().map(|r| r.1.1.state as i32));
    write(sql, &s::CHANGE_LISTINGS, &rows, "changed auctions")
}
