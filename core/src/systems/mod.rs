//! The rules of the game, one file per system: functions over a map's columns, called by its tick in a fixed order.
//!
//! Systems are pure: no socket, thread, clock, file or database. What they want done outside goes into the outbox.

pub mod chat;
pub mod deal;
pub mod hot;
pub mod portal;
pub mod presence;
pub mod trade;
pub mod walk;

use mu_wire::messages::{Refusal, ServerMessage};

use crate::map::entities::Duties;
use crate::map::interest::apart;
use crate::map::{Map, Outbox};

/// Tells a player that something was not done.
fn refuse(map: &Map, out: &mut Outbox, slot: usize, what: Refusal, detail: u32) {
    if let Some(to) = map.slots.id(slot).filter(|_| is_connected(map, slot)) {
        out.send(to, &ServerMessage::Refused { what, detail });
    }
}

/// Whether a client is there to be told anything.
fn is_connected(map: &Map, slot: usize) -> bool {
    map.entities.duties[slot].any(Duties::CONNECTED)
}

/// Whether two players are close enough to trade.
fn near(map: &Map, left: usize, right: usize) -> bool {
    let reach = u16::from(map.rules.trade_reach) << 8;
    apart(map.entities.positions[left], map.entities.positions[right]) <= reach
}
