//! Hot state: position, heading, health and mana of each player, given out for the store when it changed.
//!
//! Every player has its own turn once in [`Rules::hot_every`](crate::map::Rules::hot_every) ticks, staggered by slot,
//! so that the store gets an even stream; a player that did nothing costs a look at one byte. Each row carries a
//! version of its own, so that an older one never overwrites it.

use mu_storage::store::HotRow;

use crate::map::entities::{Duties, Row};
use crate::map::player::Player;
use crate::map::{Map, Outbox};

/// Gives out what changed of those whose turn it is.
pub(crate) fn give_out(map: &mut Map, out: &mut Outbox) {
    let every = map.rules.hot_every.max(1) as usize;
    let first = every - 1 - (map.tick.0 as usize % every);
    for slot in (first..map.players.len()).step_by(every) {
        // A player on its way to another shard is written by whoever holds it next.
        let waits = map.entities.duties[slot].any(Duties::MOVING);
        if map.slots.is_live(slot) && map.entities.duties[slot].any(Duties::DIRTY) && !waits {
            let row = row(map, slot);
            if !out.dirty(row) {
                map.entities.duties[slot].set(Duties::DIRTY);
            }
        }
    }
}

/// The hot state of a player now; a new version if anything changed since the last row.
pub(crate) fn row(map: &mut Map, slot: usize) -> HotRow {
    let player = &mut map.players[slot];
    if map.entities.duties[slot].any(Duties::DIRTY) {
        map.entities.duties[slot].clear(Duties::DIRTY);
        player.version += 1;
    }
    of(player, &map.entities.row(slot), (map.place.map, map.place.entry))
}

/// The row of a player in a place, at the version it has.
pub(crate) fn of(player: &Player, row: &Row, (map, entry): (u16, u16)) -> HotRow {
    HotRow {
        character: player.character,
        owner_epoch: player.owner_epoch,
        version: player.version,
        map: i32::from(map),
        entry: i32::from(entry),
        x: i32::from(row.position.x),
        y: i32::from(row.position.y),
        heading: i32::from(row.heading),
        hp: i32::from(row.hp),
        mp: i32::from(player.mp),
    }
}
