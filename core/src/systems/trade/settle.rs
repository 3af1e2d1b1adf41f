//! What a decision does: the goods change hands, or the holds end, and only then the players are told.

use arrayvec::ArrayVec;
use mu_storage::store::Reason;
use mu_wire::messages::{ServerMessage, TradeFailure};

use super::{Side, Stage, Trade, Verdict, end, tell};
use crate::map::inbox::OFFER_ITEMS;
use crate::map::inventory::Item;
use crate::map::{Map, Outbox};
use crate::planted::{self, Bug};
use crate::systems::{is_connected, presence};

/// Settles what was decided since the last tick, in the order of the decisions.
pub(crate) fn settle(map: &mut Map, out: &mut Outbox) {
    while out.has_room() {
        let Some(row) = map.trades.next_decided() else {
            return;
        };
        let Some(trade) = end(map, row) else { continue };
        let Stage::Decided(verdict) = trade.stage else {
            continue;
        };
        match verdict {
            Verdict::Rejected(_) if planted::is(Bug::RejectedExchanged) => exchange(map, &trade),
            Verdict::Applied => {
                exchange(map, &trade);
                map.stats.trades_applied += 1;
                conclude(map, out, &trade, &ServerMessage::TradeDone { event: trade.event_id });
            }
            Verdict::Rejected(_) | Verdict::NotTaken | Verdict::Quarantined(_) => {
                for side in &trade.sides {
                    release(map, side, matches!(verdict, Verdict::Quarantined(_)));
                }
                map.stats.trades_failed += 1;
                let reason = failure(verdict);
                conclude(map, out, &trade, &ServerMessage::TradeFailed { event: trade.event_id, reason });
            }
        }
    }
}

/// Tells both the outcome, and what they have now.
fn conclude(map: &Map, out: &mut Outbox, trade: &Trade, message: &ServerMessage<'_>) {
    for side in &trade.sides {
        tell(map, out, side, message);
        if let Some(slot) = map.slots.find(side.who).filter(|&slot| is_connected(map, slot)) {
            presence::inventory(map, out, slot);
        }
    }
}

/// Moves items and zen to their new owners.
fn exchange(map: &mut Map, trade: &Trade) {
    let taken: [ArrayVec<Item, OFFER_ITEMS>; 2] = [0, 1].map(|side| {
        let Some(slot) = map.slots.find(trade.sides[side].who) else {
            return ArrayVec::new();
        };
        let inventory = &mut map.players[slot].inventory;
        trade.sides[side].held.iter().filter_map(|&place| inventory.take_held(place)).collect()
    });
    for side in [0, 1] {
        let (mine, theirs) = (&trade.sides[side], &trade.sides[1 - side]);
        let Some(slot) = map.slots.find(mine.who) else {
            continue;
        };
        let inventory = &mut map.players[slot].inventory;
        for (item, &place) in taken[1 - side].iter().zip(&mine.reserved) {
            inventory.put_reserved(place, Item { version: item.version + 1, ..*item });
        }
        inventory.release_zen(mine.zen);
        inventory.change_zen(theirs.zen - mine.zen);
    }
}

/// Ends the reservations and, unless the goods stay frozen for review, the holds.
fn release(map: &mut Map, side: &Side, frozen: bool) {
    let Some(slot) = map.slots.find(side.who) else {
        return;
    };
    let inventory = &mut map.players[slot].inventory;
    side.reserved.iter().for_each(|&place| inventory.unreserve(place));
    if !frozen {
        side.held.iter().for_each(|&place| inventory.release(place));
        inventory.release_zen(side.zen);
    }
}

/// Why something that was submitted did not happen.
pub(crate) fn failure(verdict: Verdict) -> TradeFailure {
    match verdict {
        Verdict::Quarantined(_) => TradeFailure::Review,
        Verdict::Rejected(Reason::ItemMissing | Reason::ItemVersion | Reason::ItemElsewhere | Reason::ItemExists) => {
            TradeFailure::ItemMoved
        }
        Verdict::Rejected(Reason::PlaceTaken) => TradeFailure::NoRoom,
        Verdict::Rejected(Reason::BalanceTooLow | Reason::BalanceTooHigh) => TradeFailure::Zen,
        Verdict::Applied | Verdict::Rejected(_) | Verdict::NotTaken => TradeFailure::Refused,
    }
}
