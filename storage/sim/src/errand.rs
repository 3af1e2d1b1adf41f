//! What one player does alone: loot, the shop, the warehouse. Same rules as a trade: hold, reserve, one event at a time.

use std::collections::{BTreeMap, BTreeSet};

use mu_storage::event::{ItemBurn, ItemMove, Place, ValueEvent};

use crate::dice::Dice;
use crate::map::{Deal, MapSide, Mistake, Player, SLOTS};

/// Chances of each errand are equal.
const ERRANDS: u64 = 5;

impl MapSide {
    /// One of its players who may act.
    pub(crate) fn one(&self, dice: &mut Dice) -> Option<i64> {
        let free: Vec<i64> = self.players.values().filter(|p| p.may_act()).map(|p| p.character).collect();
        dice.pick(&free).copied()
    }

    /// Holds and reserves what an errand of this player takes and makes its event; `None`, and nothing held, if the player
    /// lacks what it takes.
    pub(crate) fn errand(&mut self, dice: &mut Dice, id: i64, mistake: Option<Mistake>) -> Option<ValueEvent> {
        let mut player = self.players.get(&id)?.clone();
        let (event_id, uid) = (self.issue(), self.new_uid());
        let held = player.zen_held;
        let mut event = match dice.below(ERRANDS) {
            0 => loot(event_id, uid, dice, &mut player),
            1 => buy(event_id, uid, dice, &mut player)?,
            2 => sell(event_id, dice, &mut player)?,
            3 => store(event_id, dice, &mut player, Place::INVENTORY)?,
            _ => store(event_id, dice, &mut player, Place::WAREHOUSE)?,
        };
        Self::spoil(&mut event, mistake);
        player.lock = Some(event_id);
        let zen_held = BTreeMap::from([(id, player.zen_held - held)]);
        self.players.insert(id, player);
        self.deals.insert(event_id, Deal { event: event.clone(), sides: vec![id], zen_held });
        Some(event)
    }
}

fn loot(event_id: u128, uid: i64, dice: &mut Dice, player: &mut Player) -> ValueEvent {
    let zen = i64::try_from(dice.between(1, 200)).unwrap_or(1);
    let slot = if dice.one_in(2) { player.reserve(Place::INVENTORY, &BTreeSet::new()) } else { None };
    let items = slot.map(|place| (uid, 1, 0, place.slot));
    ValueEvent::pick_up(event_id, player.character, zen, items, [])
}

fn buy(event_id: u128, uid: i64, dice: &mut Dice, player: &mut Player) -> Option<ValueEvent> {
    let price = i64::try_from(dice.between(10, 100)).unwrap_or(10);
    let place = player.reserve(Place::INVENTORY, &BTreeSet::new()).filter(|_| player.zen - player.zen_held >= price)?;
    player.zen_held += price;
    Some(ValueEvent::shop_buy(event_id, player.character, price, price / 10, [(uid, 1, 0, place.slot)]))
}

fn sell(event_id: u128, dice: &mut Dice, player: &mut Player) -> Option<ValueEvent> {
    let from = player.pick(dice, Place::INVENTORY)?;
    let item = player.items[&from];
    let price = i64::try_from(dice.between(1, 50)).unwrap_or(1);
    let burn = ItemBurn { uid: item.uid, version: item.version, from };
    Some(ValueEvent::shop_sell(event_id, player.character, price, [burn]))
}

/// Moves an item, some zen, or both between inventory and warehouse.
fn store(event_id: u128, dice: &mut Dice, player: &mut Player, from: u8) -> Option<ValueEvent> {
    let into = if from == Place::INVENTORY { Place::WAREHOUSE } else { Place::INVENTORY };
    let mut moves = Vec::new();
    if let Some(place) = player.pick(dice, from) {
        let item = player.items[&place];
        let to = player.reserve(into, &BTreeSet::new())?;
        moves.push(ItemMove { uid: item.uid, version: item.version, from: place, to });
    }
    let purse = if from == Place::INVENTORY { player.zen - player.zen_held } else { player.stored };
    let zen = i64::try_from(dice.below(u64::try_from(purse).unwrap_or(0) / 2 + 1)).unwrap_or(0);
    let zen = if dice.one_in(2) { zen } else { 0 };
    if moves.is_empty() && zen == 0 {
        return None;
    }
    let stored = if from == Place::INVENTORY { zen } else { -zen };
    player.zen_held += stored.max(0);
    assert!(player.reserved.len() <= usize::from(SLOTS) * 2, "no more places than there are");
    Some(ValueEvent::warehouse_move(event_id, player.character, player.account, stored, moves))
}
