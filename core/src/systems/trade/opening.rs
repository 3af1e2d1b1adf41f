//! From a question to an open trade.
//!
//! A player asks one other at a time and is asked by one other at a time. A question lapses by itself, and dies with
//! either player; no list of questions has to be searched, because both ends must agree that it still stands.

use mu_wire::EntityId;
use mu_wire::messages::{Refusal, ServerMessage, TradeClose};

use crate::map::entities::Duties;
use crate::map::{Map, Outbox};
use crate::systems::{is_connected, near, presence, refuse};

/// Ticks between two questions of one player.
const ASK_EVERY: u32 = 20;

/// A player asks another to trade.
pub(crate) fn ask(map: &mut Map, out: &mut Outbox, slot: usize, target: EntityId) {
    let Some(me) = map.slots.id(slot) else { return };
    let refusal = match check(map, slot, target) {
        Err(refusal) => Some((refusal, target.0)),
        Ok(_) if !map.players[slot].asking.take(map.tick, 1, ASK_EVERY) => {
            Some((Refusal::Rate, map.players[slot].asking.wait_ms(map.tick, ASK_EVERY)))
        }
        Ok(other) => {
            map.players[slot].dealings.asked = Some(target);
            let asked = &mut map.players[other].dealings;
            asked.asked_by = Some(me);
            asked.lapses = map.tick + map.rules.trade_question;
            out.send(target, &ServerMessage::TradeRequested { from: me, name: &map.players[slot].name });
            None
        }
    };
    if let Some((refusal, detail)) = refusal {
        refuse(map, out, slot, refusal, detail);
    }
}

/// Whether these two can begin to trade, and the other's slot.
fn check(map: &Map, slot: usize, target: EntityId) -> Result<usize, Refusal> {
    let other = map
        .player_slot(target)
        .filter(|&other| other != slot && is_connected(map, other) && presence::may_act(map, other));
    let other = other.ok_or(Refusal::TradeUnavailable)?;
    if !near(map, slot, other) {
        return Err(Refusal::TradeFar);
    }
    let asked_by_third = asked_by(map, other).is_some_and(|third| third != slot);
    if map.players[slot].dealings.trade.is_some() || map.players[other].dealings.trade.is_some() || asked_by_third {
        return Err(Refusal::TradeBusy);
    }
    Ok(other)
}

/// The slot of whoever asked this player, if the question still stands.
fn asked_by(map: &Map, slot: usize) -> Option<usize> {
    let dealings = map.players[slot].dealings;
    let asker = dealings.asked_by.and_then(|asker| map.player_slot(asker))?;
    let stands = map.tick <= dealings.lapses && map.players[asker].dealings.asked == map.slots.id(slot);
    stands.then_some(asker)
}

/// A player answers whoever asked it.
pub(crate) fn answer(map: &mut Map, out: &mut Outbox, slot: usize, accept: bool) {
    let asker = asked_by(map, slot);
    map.players[slot].dealings.asked_by = None;
    let (Some(asker), Some(me)) = (asker, map.slots.id(slot)) else {
        refuse(map, out, slot, Refusal::TradeNone, 0);
        return;
    };
    map.players[asker].dealings.asked = None;
    let Some(other) = map.slots.id(asker) else {
        return;
    };
    if !accept {
        if is_connected(map, asker) {
            out.send(other, &ServerMessage::TradeClosed { reason: TradeClose::Declined });
        }
        return;
    }
    let opened = check(map, slot, other).and_then(|_| {
        let event_id = map.events.issue();
        map.trades.open(event_id, [other, me]).ok_or(Refusal::Unavailable)
    });
    match opened {
        Ok(row) => {
            for (to, with, name) in [(slot, other, asker), (asker, me, slot)] {
                map.players[to].dealings.trade = Some(row);
                map.entities.duties[to].set(Duties::TRADING);
                if let Some(view) = map.views[to].as_mut() {
                    view.pin(with.slot());
                }
                if let Some(to) = map.slots.id(to) {
                    out.send(to, &ServerMessage::TradeOpened { with, name: &map.players[name].name });
                }
            }
        }
        Err(refusal) => refuse(map, out, slot, refusal, other.0),
    }
}
