//! The moment a trade becomes an event: everything is checked, held and reserved in one go, or nothing is.

use arrayvec::ArrayVec;
use mu_storage::event::{BalanceChange, Currency, EventKind, ItemMove, Place, ValueEvent};
use mu_wire::messages::{Refusal, ServerMessage, TradeFailure};

use super::{Trade, end, talk, tell};
use crate::map::inbox::OFFER_ITEMS;
use crate::map::inventory::Inventory;
use crate::map::{Map, Outbox};
use crate::planted::{self, Bug};
use crate::systems::{near, refuse};

/// Items leaving and places reserved on one side.
type Places = ArrayVec<u8, OFFER_ITEMS>;

/// Submits the trade both players confirmed, or tells them why it cannot be.
pub(super) fn submit(map: &mut Map, out: &mut Outbox, row: u16) {
    let Some(trade) = map.trades.row(row) else {
        return;
    };
    let [Some(left), Some(right)] = [0, 1].map(|side| map.slots.find(trade.sides[side].who)) else {
        return;
    };
    if !near(map, left, right) {
        // The watch at the next tick's start closes it for both.
        return;
    }
    if changes_nothing(trade) {
        reset(map, row);
        for slot in [left, right] {
            refuse(map, out, slot, Refusal::TradeGoods, 0);
        }
        talk::confirmations(map, out, row);
        return;
    }
    match hold_both(map, row, [left, right]) {
        Ok(event) => {
            let event_id = event.event_id;
            out.critical(event);
            map.trades.submitted(row);
            map.stats.trades_submitted += 1;
            if let Some(trade) = map.trades.row(row) {
                for side in &trade.sides {
                    if planted::is(Bug::ToldBeforeOutcome) {
                        tell(map, out, side, &ServerMessage::TradeDone { event: event_id });
                        continue;
                    }
                    tell(map, out, side, &ServerMessage::TradePending { event: event_id });
                }
            }
        }
        Err(reason) => {
            if let Some(trade) = end(map, row) {
                for side in &trade.sides {
                    tell(map, out, side, &ServerMessage::TradeFailed { event: trade.event_id, reason });
                }
            }
        }
    }
}

fn changes_nothing(trade: &Trade) -> bool {
    let [left, right] = &trade.sides;
    left.items.is_empty() && right.items.is_empty() && left.zen == right.zen
}

fn reset(map: &mut Map, row: u16) {
    if let Some(trade) = map.trades.row_mut(row) {
        trade.sides.iter_mut().for_each(|side| side.confirmed = false);
    }
}

/// Holds and reserves on both sides and makes the event. The work is done on copies of the two inventories, so that a
/// refusal leaves no trace.
fn hold_both(map: &mut Map, row: u16, slots: [usize; 2]) -> Result<ValueEvent, TradeFailure> {
    let trade = map.trades.row(row).ok_or(TradeFailure::Refused)?;
    let mut bags = slots.map(|slot| map.players[slot].inventory.clone());
    let mut held: [Places; 2] = Default::default();
    let mut reserved: [Places; 2] = Default::default();
    for side in [0, 1] {
        let (mine, theirs) = (&trade.sides[side], &trade.sides[1 - side]);
        let bag = &mut bags[side];
        let zen_after = bag.zen().checked_add(theirs.zen - mine.zen);
        let kept = if planted::is(Bug::ZenNotHeld) { 0 } else { mine.zen };
        if !bag.hold_zen(kept) || zen_after.is_none_or(|zen| zen > map.rules.zen_max && theirs.zen > mine.zen) {
            return Err(TradeFailure::Zen);
        }
        for &uid in &mine.items {
            let place = bag.place_of(uid).filter(|&place| bag.hold(place)).ok_or(TradeFailure::ItemMoved)?;
            held[side].push(place);
        }
    }
    for side in [0, 1] {
        for _ in &trade.sides[1 - side].items {
            let place = bags[side].reserve(&held[side]).ok_or(TradeFailure::NoRoom)?;
            reserved[side].push(place);
            if planted::is(Bug::SlotNotReserved) {
                bags[side].unreserve(place);
            }
        }
    }
    let owners = slots.map(|slot| map.players[slot].character.0);
    let event = event(trade, &bags, owners, &held, &reserved)?;
    let trade = map.trades.row_mut(row).ok_or(TradeFailure::Refused)?;
    for (((side, bag), held), (slot, reserved)) in
        trade.sides.iter_mut().zip(bags).zip(held).zip(slots.into_iter().zip(reserved))
    {
        side.held = held;
        side.reserved = reserved;
        if !planted::is(Bug::UnlockBeforeOutcome) {
            map.players[slot].inventory = bag;
        }
    }
    Ok(event)
}

/// The event: every item with its version and both places, and what each purse gains or loses.
fn event(
    trade: &Trade,
    bags: &[Inventory; 2],
    owners: [i64; 2],
    held: &[Places; 2],
    reserved: &[Places; 2],
) -> Result<ValueEvent, TradeFailure> {
    let mut event = ValueEvent::new(trade.event_id, EventKind::Trade);
    for side in [0, 1] {
        for (&from, &to) in held[side].iter().zip(&reserved[1 - side]) {
            let item = bags[side].item(from).ok_or(TradeFailure::ItemMoved)?;
            event.moves.push(ItemMove {
                uid: item.uid,
                version: item.version,
                from: Place::inventory(owners[side], u16::from(from)),
                to: Place::inventory(owners[1 - side], u16::from(to)),
            });
        }
    }
    for side in [0, 1] {
        let delta = trade.sides[1 - side].zen - trade.sides[side].zen;
        if delta != 0 {
            event.balances.push(BalanceChange { account: owners[side], currency: Currency::Zen, delta });
        }
    }
    Ok(event)
}
