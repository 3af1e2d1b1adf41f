//! Trading: two players exchange items and zen, completely or not at all.
//!
//! ```text
//! ask ─▶ answer ─▶ Open ── both confirm the same revision ─▶ Pending ── decided ─▶ settled, told, closed
//!                   │ offer: revision + 1, confirmations off     │
//!                   └ cancel, distance, leaving: closed          └ nothing ends it but the decision
//! ```
//! While a trade is open nothing is bound: offers are wishes, checked when made and again when both have confirmed.
//! Then, in one tick, the goods are held, places are reserved on the other side and the event goes out; from there
//! only the decision of the store ends it. Nobody is told of success before that, and no hold ends before it. A
//! player has one trade at a time.

mod closing;
mod hold;
mod opening;
mod settle;
mod table;
mod talk;

pub(crate) use closing::{cancel, watch, withdraw};
pub(crate) use opening::{answer, ask};
pub(crate) use settle::{failure, settle};
pub use table::{Side, Stage, Trade, Trades, Verdict};

use mu_wire::messages::{Refusal, ServerMessage};

use crate::map::entities::Duties;
use crate::map::inventory::Inventory;
use crate::map::{Map, Outbox};
use crate::planted::{self, Bug};
use crate::systems::refuse;

/// A player changes its offer.
pub(crate) fn offer(map: &mut Map, out: &mut Outbox, slot: usize, revision: u32, zen: u64, items: &[i64]) {
    let Some((row, side)) = open_trade(map, slot) else {
        refuse(map, out, slot, Refusal::TradeNone, 0);
        return;
    };
    let inventory = &map.players[slot].inventory;
    let bad = i64::try_from(zen)
        .ok()
        .filter(|&zen| zen <= inventory.spendable())
        .map_or(Some(items.len()), |_| first_bad(inventory, items));
    let Some(trade) = map.trades.row_mut(row) else {
        return;
    };
    if revision != trade.revision {
        let now = trade.revision;
        refuse(map, out, slot, Refusal::TradeStale, now);
        return;
    }
    if let Some(at) = bad {
        refuse(map, out, slot, Refusal::TradeGoods, u32::try_from(at).unwrap_or(u32::MAX));
        return;
    }
    trade.sides[side].zen = i64::try_from(zen).unwrap_or(0);
    trade.sides[side].items = items.iter().copied().collect();
    trade.revision += 1;
    if !planted::is(Bug::ConfirmationsKept) {
        trade.sides.iter_mut().for_each(|side| side.confirmed = false);
    }
    talk::offers(map, out, row);
}

/// The first item of an offer that is not there, is held, or is named twice.
fn first_bad(inventory: &Inventory, items: &[i64]) -> Option<usize> {
    (0..items.len()).find(|&at| {
        let free = inventory.place_of(items[at]).is_some_and(|place| !inventory.is_held(place));
        !free || items[..at].contains(&items[at])
    })
}

/// A player agrees to the offers as they are. The second agreement submits the trade; one more changes nothing.
pub(crate) fn confirm(map: &mut Map, out: &mut Outbox, slot: usize, revision: u32) {
    let Some((row, side)) = open_trade(map, slot) else {
        // While the decision is awaited, confirming again is nothing to complain about.
        if map.players[slot].dealings.trade.is_none() {
            refuse(map, out, slot, Refusal::TradeNone, 0);
        }
        return;
    };
    let Some(trade) = map.trades.row_mut(row) else {
        return;
    };
    if revision != trade.revision {
        let now = trade.revision;
        refuse(map, out, slot, Refusal::TradeStale, now);
        return;
    }
    if !map.value_open || !out.has_critical_room() {
        refuse(map, out, slot, Refusal::Unavailable, 0);
        return;
    }
    if std::mem::replace(&mut trade.sides[side].confirmed, true) {
        if !planted::is(Bug::ConfirmedTwice) {
            return;
        }
        trade.sides[1 - side].confirmed = true;
    }
    if trade.sides.iter().all(|side| side.confirmed) {
        hold::submit(map, out, row);
    } else {
        talk::confirmations(map, out, row);
    }
}

/// The slot of the player one trades with.
pub(crate) fn partner(map: &Map, slot: usize) -> Option<usize> {
    let trade = map.players[slot].dealings.trade.and_then(|row| map.trades.row(row))?;
    let me = map.slots.id(slot)?;
    map.slots.find(trade.sides[1 - trade.side_of(me)?].who)
}

/// The row of a player's trade and its side, if the trade is still open.
fn open_trade(map: &Map, slot: usize) -> Option<(u16, usize)> {
    let row = map.players[slot].dealings.trade?;
    let trade = map.trades.row(row).filter(|trade| !trade.is_in_flight())?;
    Some((row, trade.side_of(map.slots.id(slot)?)?))
}

/// Ends the trade of a row for both, without a word.
fn end(map: &mut Map, row: u16) -> Option<Trade> {
    let trade = map.trades.close(row)?;
    for (side, other) in [(0, 1), (1, 0)] {
        if let Some(slot) = map.slots.find(trade.sides[side].who) {
            map.players[slot].dealings.trade = None;
            map.entities.duties[slot].clear(Duties::TRADING);
            if let Some(view) = map.views[slot].as_mut() {
                view.unpin(trade.sides[other].who.slot());
            }
        }
    }
    Some(trade)
}

/// Sends a message to one side, if a client is there to read it.
fn tell(map: &Map, out: &mut Outbox, side: &Side, message: &ServerMessage<'_>) {
    if map.slots.find(side.who).is_some_and(|slot| super::is_connected(map, slot)) {
        out.send(side.who, message);
    }
}
