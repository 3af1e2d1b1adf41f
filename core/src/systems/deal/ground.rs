//! The ground: dropping, picking up, and what nobody picks up.
//!
//! What lies there belongs to its dropper until somebody's picking it up is decided; who comes first has it, and others
//! are told that it is gone. What lay there when its dropper left, or when the server ended, comes back to the dropper
//! at the next entry, as far as it has room. What lies too long ceases to be.

use mu_storage::event::{EventKind, ItemBurn, Place, ValueEvent};
use mu_wire::EntityId;
use mu_wire::messages::{Deal as Kind, Refusal};
use mu_wire::snapshot::{EntityKind, Identity, Name};

use super::draft::{Draft, submit};
use super::{Deal, Refused, Step, tell_refused};
use crate::map::entities::{Duties, Row};
use crate::map::inventory::Item;
use crate::map::piles::Pile;
use crate::map::slots::Part;
use crate::map::{Map, Outbox};
use crate::planted::{self, Bug};
use crate::systems::deal::stand_within;
use crate::systems::trade::Verdict;

/// Nobody's deal: the house lets something cease to be.
const NOBODY: EntityId = EntityId(0);

/// A player drops an item where it stands.
pub(crate) fn drop_item(map: &mut Map, out: &mut Outbox, slot: usize, uid: i64) {
    let draft = if map.piles.has_room() {
        Draft::begin(map, out, slot, Kind::Drop, EventKind::Drop)
    } else {
        Err((Refusal::NoRoom, 0))
    };
    let drafted = draft.and_then(|mut draft| {
        let place = map.players[slot].next_ground;
        draft.put_down(uid, place)?;
        Ok((draft, place))
    });
    match drafted {
        Ok((draft, place)) => {
            map.players[slot].next_ground = (place + 1) % mu_storage::event::MAX_SLOTS;
            let promised = map.piles.promise();
            assert!(promised, "there was room");
            submit(map, out, slot, draft);
        }
        Err(why) => tell_refused(map, out, slot, why),
    }
}

/// A player picks up what lies near.
pub(crate) fn pick_up(map: &mut Map, out: &mut Outbox, slot: usize, target: EntityId) {
    match draft_pick_up(map, out, slot, target) {
        Ok(draft) => {
            if let Some(pile) = map.piles.find_mut(target) {
                pile.taken = true;
            }
            submit(map, out, slot, draft);
        }
        Err(why) => tell_refused(map, out, slot, why),
    }
}

fn draft_pick_up(map: &mut Map, out: &Outbox, slot: usize, target: EntityId) -> Result<Draft, Refused> {
    let gone = (Refusal::GroundGone, target.0);
    let pile =
        map.piles.find(target).copied().filter(|pile| !pile.taken || planted::is(Bug::PickedUpTwice)).ok_or(gone)?;
    if !stand_within(map, slot, usize::from(target.slot()), map.rules.pick_reach) {
        return Err(gone);
    }
    let mut draft = Draft::begin(map, out, slot, Kind::PickUp, EventKind::PickUp)?;
    draft.lift(pile.item, Place::ground(pile.dropper, pile.place), Some(target))?;
    Ok(draft)
}

/// Gives back what lay on the ground when its dropper left, as far as there is room; one deal for each who has some.
pub(crate) fn give_back(map: &mut Map, out: &mut Outbox) {
    for slot in 0..map.players.len() {
        let duties = map.entities.duties[slot];
        if !duties.any(Duties::OWED) || duties.any(Duties::LEAVING.and(Duties::MOVING)) || !out.has_room() {
            continue;
        }
        let Ok(mut draft) = Draft::begin(map, out, slot, Kind::PickUp, EventKind::PickUp) else {
            continue;
        };
        map.entities.duties[slot].clear(Duties::OWED);
        let character = map.players[slot].character.0;
        let mut returning = std::mem::take(&mut map.players[slot].returning);
        returning.retain(|(item, place)| draft.lift(*item, Place::ground(character, *place), None).is_err());
        // What found no room waits for the next entry.
        if !draft.is_empty() {
            submit(map, out, slot, draft);
        }
    }
}

/// Submits the end of what lay too long.
pub(crate) fn despawn(map: &mut Map, out: &mut Outbox) {
    // The players' own deals come first.
    while map.value_open && out.has_critical_room() && map.deals.is_spacious() {
        let tick = map.tick;
        let Some(pile) = map.piles.iter().find(|pile| !pile.taken && pile.until <= tick).copied() else {
            return;
        };
        let event_id = map.events.issue();
        let mut event = ValueEvent::new(event_id, EventKind::Despawn);
        let from = Place::ground(pile.dropper, pile.place);
        event.burns.push(ItemBurn { uid: pile.item.uid, version: pile.item.version, from });
        let mut deal = Deal::new(event_id, NOBODY, Kind::PickUp);
        deal.steps.push(Step::Despawn { pile: pile.entity });
        if let Some(pile) = map.piles.find_mut(pile.entity) {
            pile.taken = true;
        }
        out.critical(event);
        let taken = map.deals.submitted(deal);
        assert!(taken, "there was room");
    }
}

/// Takes away everything of a character that lies here and that nobody is picking up: it comes back to it at its next
/// entry.
pub(crate) fn clear(map: &mut Map, character: i64) {
    loop {
        let own = map.piles.iter().find(|pile| pile.dropper == character && !pile.taken).map(|pile| pile.entity);
        let Some(entity) = own else { return };
        remove(map, entity);
    }
}

/// Lays an item down where a player stands; without a free slot it stays unseen, and comes back to its dropper later.
pub(super) fn lay(map: &mut Map, slot: usize, item: Item, place: u16) {
    let Some(entity) = map.slots.take(Part::Other) else {
        map.piles.forget();
        return;
    };
    let position = map.entities.motions[slot].tile_at(map.tick).centre();
    let row = Row { position, heading: 0, speed: 0, hp: 1, hp_max: 1, flags: 0 };
    let identity = Identity { entity, kind: EntityKind::Item, template: item.template, name: Name::default() };
    map.appear(entity, row, identity);
    let (dropper, until) = (map.players[slot].character.0, map.tick + map.rules.lies);
    map.piles.put(Pile { entity, item, dropper, place, until, taken: false });
}

/// What a decision about a pile does to it: it is gone, or lies on.
pub(super) fn decided(map: &mut Map, entity: EntityId, verdict: Verdict) {
    match verdict {
        // The queue was full: it lies on, for now.
        Verdict::NotTaken => {
            if let Some(pile) = map.piles.find_mut(entity) {
                pile.taken = false;
            }
        }
        // Picked up; or the store says that it is not there any more.
        Verdict::Applied | Verdict::Rejected(_) | Verdict::Quarantined(_) => remove(map, entity),
    }
}

fn remove(map: &mut Map, entity: EntityId) {
    if map.piles.remove(entity).is_some() {
        map.vanish(entity);
    }
}
