//! Portals: a player that stands in one and asks for it is handed to the map behind it.
//!
//! From that moment it stands still, trades with nobody and asks for nothing, so that what is handed over is all
//! there is. Where the portal leads and who takes the player is the shard's business.

use mu_config::Rect;
use mu_wire::messages::Refusal;

use super::{refuse, trade, walk};
use crate::map::entities::Duties;
use crate::map::{Map, Outbox};

/// A player asks to go through a portal.
pub(crate) fn enter(map: &mut Map, out: &mut Outbox, slot: usize, id: u16) {
    let Some(player) = map.slots.id(slot) else {
        return;
    };
    let tile = map.entities.motions[slot].tile_at(map.tick);
    let stands_in = |area: &Rect| area.contains(u16::from(tile.x), u16::from(tile.y));
    if !map.ground.portal(id).is_some_and(|portal| stands_in(&portal.area)) {
        refuse(map, out, slot, Refusal::Portal, u32::from(id));
        return;
    }
    if map.in_flight(slot) {
        refuse(map, out, slot, Refusal::Unavailable, u32::from(id));
        return;
    }
    trade::withdraw(map, out, slot);
    walk::halt(map, slot);
    map.players[slot].dealings.portal = Some(id);
    map.entities.duties[slot].set(Duties::MOVING);
    map.stats.portals += 1;
    out.portal(player, id);
}
