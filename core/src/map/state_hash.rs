//! One number for everything a map is: equal histories give equal numbers, on any machine.
//!
//! Every column, row, queue and counter that decides what happens next goes in, word by word through the mixing
//! function of the random numbers. Not in it: what each client was already told, because that depends on which of its
//! packets were lost.

use super::entities::Entities;
use super::inventory::Inventory;
use super::player::Player;
use super::rng::mix;
use super::{Map, slot_set};
use crate::systems::deal::{self, Bag, Deal, Step};
use crate::systems::trade::Stage;
use mu_wire::motion::Motion;

/// A running hash.
struct State(u64);

impl State {
    fn add(&mut self, value: u64) {
        self.0 = mix(self.0.rotate_left(23) ^ value);
    }

    fn add_id(&mut self, id: u128) {
        let halves = [id & u128::from(u64::MAX), id >> 64].map(|half| u64::try_from(half).unwrap_or(0));
        halves.into_iter().for_each(|half| self.add(half));
    }

    fn add_signed(&mut self, value: i64) {
        self.add(value.cast_unsigned());
    }
}

impl Map {
    /// The state as one number.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        let mut state = State(u64::from(self.place.instance));
        state.add(u64::from(self.tick.0));
        state.add(self.rng.state());
        state.add(self.events.issued());
        state.add(u64::from(self.value_open));
        for slot in self.slots.live() {
            state.add(self.slots.id(slot).map_or(0, |id| u64::from(id.0)));
            entity(&mut state, &self.entities, slot);
            if let Some(player) = self.players.get(slot).filter(|_| slot < self.slots.player_capacity()) {
                person(&mut state, player);
                slot_set::iter(self.interest.seen(slot)).for_each(|seen| state.add(seen as u64));
            }
        }
        for row in 0..self.trades.used() {
            self.trade(&mut state, row);
        }
        state.add(self.uids.left());
        for pile in self.piles.iter() {
            state.add(u64::from(pile.entity.0) << 32 | u64::from(pile.until.0));
            state.add_signed(pile.item.uid);
            state.add_signed(pile.dropper);
            state.add(u64::from(pile.place) << 1 | u64::from(pile.taken));
        }
        for row in self.deals.rows() {
            match row {
                Some(row) => deal(&mut state, row),
                None => state.add(0),
            }
        }
        state.0
    }

    fn trade(&self, state: &mut State, row: u16) {
        let Some(trade) = self.trades.row(row) else {
            state.add(0);
            return;
        };
        state.add_id(trade.event_id);
        state.add(u64::from(trade.revision));
        state.add(match trade.stage {
            Stage::Open => 1,
            Stage::Pending => 2,
            Stage::Decided(_) => 3,
        });
        for side in &trade.sides {
            state.add(u64::from(side.who.0));
            state.add_signed(side.zen);
            state.add(u64::from(side.confirmed));
            side.items.iter().for_each(|&uid| state.add_signed(uid));
            side.held.iter().chain(&side.reserved).for_each(|&place| state.add(u64::from(place)));
        }
    }
}

fn deal(state: &mut State, deal: &Deal) {
    let place = |(bag, place): (Bag, u8)| match bag {
        Bag::Carried => u64::from(place),
        Bag::Stored => 1 << 8 | u64::from(place),
    };
    state.add_id(deal.event_id);
    state.add(u64::from(deal.who.0) << 8 | u64::from(deal.kind as u8));
    state.add(u64::from(deal.stage != deal::Stage::Pending));
    for step in &deal.steps {
        match *step {
            Step::Move { from, to } => state.add(1 << 32 | place(from) << 16 | place(to)),
            Step::Come { to, item } => {
                state.add(2 << 32 | place(to));
                state.add_signed(item.uid);
                state.add(u64::from(item.template) << 8 | u64::from(item.level));
            }
            Step::Go { from } => state.add(3 << 32 | place(from)),
            Step::Drop { from, place } => state.add(4 << 32 | u64::from(from) << 16 | u64::from(place)),
            Step::Despawn { pile } => state.add(5 << 32 | u64::from(pile.0)),
        }
    }
    for purse in [deal.carried, deal.stored] {
        state.add_signed(purse.held);
        state.add_signed(purse.delta);
    }
}

fn entity(state: &mut State, entities: &Entities, slot: usize) {
    let at = entities.positions[slot];
    state.add(u64::from(at.x) << 16 | u64::from(at.y));
    if let Motion::Walking(path) = entities.motions[slot] {
        state.add(u64::from(path.start().0) << 16 | u64::from(path.speed()));
        state.add(u64::from(path.origin().x) << 16 | u64::from(path.origin().y));
        state.add(path.steps().bits() << 8 | path.steps().len() as u64);
    }
    state.add(u64::from(entities.arrivals[slot].0));
    let looks =
        [u16::from(entities.headings[slot]), entities.speeds[slot], entities.hps[slot], entities.hp_maxes[slot]];
    state.add(looks.iter().fold(0, |word, &part| word << 16 | u64::from(part)));
    state.add(u64::from(entities.flags[slot]) << 8 | u64::from(entities.duties[slot].bits()));
}

fn person(state: &mut State, player: &Player) {
    state.add_signed(player.character.0);
    state.add_signed(player.owner_epoch);
    state.add_signed(player.version);
    state.add(u64::from(player.mp) << 16 | u64::from(player.mp_max));
    state.add(player.chat.state());
    state.add(player.asking.state());
    let dealings = player.dealings;
    state.add(dealings.trade.map_or(0, |row| u64::from(row) + 1));
    state.add(dealings.asked.map_or(0, |id| u64::from(id.0)) << 32 | dealings.asked_by.map_or(0, |id| u64::from(id.0)));
    state.add(u64::from(dealings.lapses.0) << 32 | dealings.portal.map_or(0, |portal| u64::from(portal) + 1));
    state.add(u64::from(dealings.deals) << 16 | u64::from(player.next_ground));
    player.returning.iter().for_each(|(item, _)| state.add_signed(item.uid));
    container(state, &player.inventory);
    container(state, &player.warehouse);
}

fn container(state: &mut State, inventory: &Inventory) {
    let (held, reserved, zen_held, zen_coming) = inventory.bindings();
    state.add(held);
    state.add(reserved);
    state.add_signed(zen_held);
    state.add_signed(zen_coming);
    state.add_signed(inventory.zen());
    for (place, item) in inventory.items() {
        state.add_signed(item.uid);
        state.add_signed(i64::from(item.version));
        state.add(u64::from(item.template) << 16 | u64::from(item.level) << 8 | u64::from(place));
    }
}
