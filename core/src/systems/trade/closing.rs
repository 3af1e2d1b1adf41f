//! How an open trade ends without an exchange. A submitted one is never ended from here.

use mu_wire::messages::{Refusal, ServerMessage, TradeClose};

use super::{Stage, end, open_trade, tell};
use crate::map::entities::Duties;
use crate::map::{Map, Outbox};
use crate::systems::{near, refuse};

/// A player cancels its trade, or takes its question back.
pub(crate) fn cancel(map: &mut Map, out: &mut Outbox, slot: usize) {
    if map.players[slot].dealings.asked.take().is_some() {
        return;
    }
    if open_trade(map, slot).is_none() {
        refuse(map, out, slot, Refusal::TradeNone, 0);
        return;
    }
    close(map, out, slot, TradeClose::Cancelled, TradeClose::PartnerCancelled);
}

/// A player leaves or goes through a portal: its open trade ends, its questions are forgotten.
pub(crate) fn withdraw(map: &mut Map, out: &mut Outbox, slot: usize) {
    close(map, out, slot, TradeClose::Cancelled, TradeClose::PartnerLeft);
    let dealings = &mut map.players[slot].dealings;
    dealings.asked = None;
    dealings.asked_by = None;
}

/// Ends open trades whose players went apart, left, or were taken out.
pub(crate) fn watch(map: &mut Map, out: &mut Outbox) {
    for row in 0..map.trades.used() {
        let Some(trade) = map.trades.row(row).filter(|trade| trade.stage == Stage::Open) else {
            continue;
        };
        let slots = [0, 1].map(|side| {
            let slot = map.slots.find(trade.sides[side].who);
            slot.filter(|&slot| !map.entities.duties[slot].any(Duties::LEAVING))
        });
        let reason = match slots {
            [Some(left), Some(right)] if near(map, left, right) => continue,
            [Some(_), Some(_)] => TradeClose::TooFar,
            _ => TradeClose::PartnerLeft,
        };
        if !out.has_room() {
            return;
        }
        if let Some(trade) = end(map, row) {
            for side in &trade.sides {
                tell(map, out, side, &ServerMessage::TradeClosed { reason });
            }
        }
    }
}

fn close(map: &mut Map, out: &mut Outbox, slot: usize, mine: TradeClose, theirs: TradeClose) {
    let Some((row, side)) = open_trade(map, slot) else {
        return;
    };
    if let Some(trade) = end(map, row) {
        tell(map, out, &trade.sides[side], &ServerMessage::TradeClosed { reason: mine });
        tell(map, out, &trade.sides[1 - side], &ServerMessage::TradeClosed { reason: theirs });
    }
}
