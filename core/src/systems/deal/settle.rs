//! What a decision does: the steps of the deal are taken, or its holds end, and only then the player is told.

use mu_wire::messages::{Deal as Kind, ServerMessage};

use super::{Bag, Deal, Purse, Step, ground};
use crate::map::inventory::{Inventory, Item};
use crate::map::player::Player;
use crate::map::{Map, Outbox};
use crate::systems::trade::{Verdict, failure};
use crate::systems::{is_connected, presence};

/// Settles what was decided since the last tick, in the order of the decisions.
pub(crate) fn settle(map: &mut Map, out: &mut Outbox) {
    while out.has_room() {
        let Some((deal, verdict)) = map.deals.next_decided() else {
            return;
        };
        for step in &deal.steps {
            if let Step::Despawn { pile } = *step {
                ground::decided(map, pile, verdict);
            }
        }
        let Some(slot) = map.player_slot(deal.who) else { continue };
        map.players[slot].dealings.deals -= 1;
        let message = match verdict {
            Verdict::Applied => {
                apply(map, slot, &deal);
                map.stats.deals_applied += 1;
                ServerMessage::DealDone { event: deal.event_id, deal: deal.kind }
            }
            Verdict::Rejected(_) | Verdict::NotTaken | Verdict::Quarantined(_) => {
                release(map, slot, &deal, matches!(verdict, Verdict::Quarantined(_)));
                map.stats.deals_failed += 1;
                ServerMessage::DealFailed { event: deal.event_id, deal: deal.kind, reason: failure(verdict) }
            }
        };
        if is_connected(map, slot) {
            out.send(deal.who, &message);
            presence::inventory(map, out, slot);
            if matches!(deal.kind, Kind::Deposit | Kind::Withdraw) {
                presence::warehouse(map, out, slot);
            }
        }
    }
}

/// An item after one more move.
fn moved(item: Item) -> Item {
    Item { version: item.version + 1, ..item }
}

fn bag(player: &mut Player, bag: Bag) -> &mut Inventory {
    match bag {
        Bag::Carried => &mut player.inventory,
        Bag::Stored => &mut player.warehouse,
    }
}

/// Takes every step.
fn apply(map: &mut Map, slot: usize, deal: &Deal) {
    for step in &deal.steps {
        let player = &mut map.players[slot];
        match *step {
            Step::Move { from, to } => {
                if let Some(item) = bag(player, from.0).take_held(from.1) {
                    bag(player, to.0).put_reserved(to.1, moved(item));
                }
            }
            Step::Come { to, item } => bag(player, to.0).put_reserved(to.1, item),
            Step::Go { from } => drop(bag(player, from.0).take_held(from.1)),
            Step::Drop { from, place } => match player.inventory.take_held(from) {
                Some(item) => ground::lay(map, slot, moved(item), place),
                None => map.piles.forget(),
            },
            Step::Despawn { .. } => {}
        }
    }
    let player = &mut map.players[slot];
    for (which, purse) in [(Bag::Carried, deal.carried), (Bag::Stored, deal.stored)] {
        let inventory = bag(player, which);
        unbind(inventory, purse, false);
        inventory.change_zen(purse.delta);
    }
}

/// Ends the reservations and, unless the goods stay frozen for review, the holds.
fn release(map: &mut Map, slot: usize, deal: &Deal, frozen: bool) {
    let player = &mut map.players[slot];
    for step in &deal.steps {
        if let Step::Drop { from, .. } = *step {
            map.piles.forget();
            if !frozen {
                player.inventory.release(from);
            }
        }
        if let Step::Move { to, .. } | Step::Come { to, .. } = *step {
            bag(player, to.0).unreserve(to.1);
        }
        if let Step::Move { from, .. } | Step::Go { from } = *step
            && !frozen
        {
            bag(player, from.0).release(from.1);
        }
    }
    for (which, purse) in [(Bag::Carried, deal.carried), (Bag::Stored, deal.stored)] {
        unbind(bag(player, which), purse, frozen);
    }
}

/// Ends what a purse held and expected.
fn unbind(inventory: &mut Inventory, purse: Purse, frozen: bool) {
    if !frozen {
        inventory.release_zen(purse.held);
    }
    inventory.forget_zen(purse.delta.max(0));
}
