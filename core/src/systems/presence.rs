//! Who is here: telling newcomers where they are, letting those go who leave, and who sees whom.
//!
//! Nobody leaves while an event of it is undecided; until then it stays, and is seen, but does nothing more.

use arrayvec::ArrayVec;
use mu_wire::messages::{Item, List, MAX_INVENTORY_ITEMS, ServerMessage};
use mu_wire::motion::Position;
use mu_wire::snapshot::View;

use crate::map::entities::Duties;
use crate::map::interest::{Look, Viewer};
use crate::map::inventory::Inventory;
use crate::map::{Departure, Map, Outbox};
use crate::systems::{deal, hot, trade};

/// Tells newcomers where they are and what they carry.
pub(crate) fn announce(map: &mut Map, out: &mut Outbox) {
    for slot in 0..map.players.len() {
        if !map.entities.duties[slot].any(Duties::NEW) {
            continue;
        }
        if !out.has_room() {
            return;
        }
        map.entities.duties[slot].clear(Duties::NEW);
        if map.entities.duties[slot].any(Duties::CONNECTED) {
            spawned(map, out, slot);
            inventory(map, out, slot);
            if let Some(player) = map.slots.id(slot) {
                out.entered(player);
            }
        }
    }
}

/// Whether what this player asked for is looked at.
pub(crate) fn may_act(map: &Map, slot: usize) -> bool {
    !map.entities.duties[slot].any(Duties::LEAVING.and(Duties::MOVING))
}

/// A player asks to leave the world.
pub(crate) fn leave(map: &mut Map, out: &mut Outbox, slot: usize) {
    trade::withdraw(map, out, slot);
    map.entities.duties[slot].set(Duties::LEAVING);
}

/// Lets everybody go who leaves and has nothing undecided.
pub(crate) fn depart(map: &mut Map, out: &mut Outbox) {
    for slot in 0..map.players.len() {
        let duties = map.entities.duties[slot];
        // Whoever waits to be handed over is answered first.
        if !duties.any(Duties::LEAVING) || duties.any(Duties::MOVING) || map.in_flight(slot) {
            continue;
        }
        let Some(player) = map.slots.id(slot).filter(|_| out.has_room()) else {
            return;
        };
        let hot = hot::row(map, slot);
        let connected = map.entities.duties[slot].any(Duties::CONNECTED);
        deal::clear(map, map.players[slot].character.0);
        out.departed(Departure { player, account: map.players[slot].account, hot, connected });
        map.vanish(player);
    }
}

/// Brings every connected player's view up to date.
pub(crate) fn look(map: &mut Map) {
    map.publish_changes();
    for slot in 0..map.players.len() {
        if !map.entities.duties[slot].any(Duties::CONNECTED) {
            continue;
        }
        let trading = map.entities.duties[slot].any(Duties::TRADING);
        let pinned = if trading { trade::partner(map, slot) } else { None };
        let Some(view) = map.views[slot].as_mut() else {
            continue;
        };
        let new = [Some(slot), pinned].map(|first| first.filter(|&first| !map.interest.sees(slot, first)));
        let look = Look { player: slot, pinned, tick: map.tick.0, positions: &map.entities.positions };
        map.interest.look(&map.grid, look, view);
        for first in new.into_iter().flatten() {
            view.pin(u16::try_from(first).unwrap_or(u16::MAX));
        }
    }
}

/// How much it matters here what changes there, when not all can be told: twice as much at half the distance, and twice
/// as much for a player.
pub(crate) fn weight(here: Position, there: Position, player: bool) -> u8 {
    let tiles = here.x.abs_diff(there.x).max(here.y.abs_diff(there.y)) >> 8;
    let near = match tiles {
        0..4 => 8,
        4..8 => 4,
        8..16 => 2,
        _ => 1,
    };
    if player { 2 * near } else { near }
}

/// Sends a player all it carries.
pub(crate) fn inventory(map: &Map, out: &mut Outbox, slot: usize) {
    let Some(to) = map.slots.id(slot) else { return };
    let carried = &map.players[slot].inventory;
    let items = shown(carried);
    out.send(to, &ServerMessage::Inventory { zen: carried.zen().unsigned_abs(), items: List::new(&items) });
}

/// Sends a player all that is in its account's warehouse, if its client is connected.
pub(crate) fn warehouse(map: &Map, out: &mut Outbox, slot: usize) {
    let Some(to) = map.slots.id(slot).filter(|_| super::is_connected(map, slot)) else { return };
    let stored = &map.players[slot].warehouse;
    let items = shown(stored);
    out.send(to, &ServerMessage::Warehouse { zen: stored.zen().unsigned_abs(), items: List::new(&items) });
}

/// The items of a container as its owner sees them.
fn shown(container: &Inventory) -> ArrayVec<Item, MAX_INVENTORY_ITEMS> {
    let shown = container.items().map(|(slot, item)| Item {
        uid: item.uid.unsigned_abs(),
        template: item.template,
        slot,
        level: item.level,
    });
    shown.collect()
}

fn spawned(map: &Map, out: &mut Outbox, slot: usize) {
    let Some(entity) = map.slots.id(slot) else {
        return;
    };
    let (player, at) = (&map.players[slot], map.entities.positions[slot]);
    out.send(
        entity,
        &ServerMessage::Spawned {
            entity,
            character: player.character.0.unsigned_abs(),
            world: map.place.world,
            entry: map.place.entry,
            map: map.place.map,
            instance: map.place.instance,
            x: at.x,
            y: at.y,
            tick: map.tick,
            hp: map.entities.hps[slot],
            hp_max: map.entities.hp_maxes[slot],
            mp: player.mp,
            mp_max: player.mp_max,
            name: &player.name,
        },
    );
}

impl Viewer for View {
    fn enter(&mut self, slot: u16) -> bool {
        View::enter(self, slot)
    }

    fn leave(&mut self, slot: u16) {
        View::leave(self, slot);
    }
}
