//! A map as far as value goes: what its players carry, what is held, what is reserved, and which event locks whom.
//!
//! The rules are those of `docs/value.md`: everything an event takes is held and every place it fills is reserved before it
//! is submitted; nothing is released, moved or told before the word of its outcome; a locked player has no second event.
//! Knows no journal and no store.

use std::collections::{BTreeMap, BTreeSet};

use mu_storage::event::{BalanceChange, Currency, EventKind, ItemMove, Place, ValueEvent};
use mu_storage::memory::Holdings;
use mu_storage::store::{LoadedCharacter, Outcome};

use crate::dice::Dice;
use crate::mistakes::{self, Bug};

/// Places of an inventory; few, so that they run out.
pub(crate) const SLOTS: u16 = 6;

/// An item in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Carried {
    pub(crate) uid: i64,
    pub(crate) version: i32,
}

/// A character in the world.
#[derive(Debug, Clone)]
pub(crate) struct Player {
    pub(crate) character: i64,
    pub(crate) account: i64,
    pub(crate) epoch: i64,
    pub(crate) version: i64,
    pub(crate) zen: i64,
    pub(crate) zen_held: i64,
    /// Zen in the warehouse.
    pub(crate) stored: i64,
    /// In inventory and warehouse.
    pub(crate) items: BTreeMap<Place, Carried>,
    pub(crate) held: BTreeSet<Place>,
    pub(crate) reserved: BTreeSet<Place>,
    pub(crate) lock: Option<u128>,
    /// Events whose success was told at durability and that have no outcome yet.
    pub(crate) pending: BTreeSet<u128>,
    pub(crate) leaving: bool,
}

impl Player {
    /// A character as it was loaded, with its account's warehouse.
    pub(crate) fn new(loaded: &LoadedCharacter, holdings: &Holdings) -> Self {
        let id = loaded.character.id.0;
        let (stored, all) = belongings(id, holdings);
        let warehouse = all.into_iter().filter(|(place, _)| place.container == Place::WAREHOUSE);
        let slot = |slot: i32| Place::inventory(id, u16::try_from(slot).unwrap_or(u16::MAX));
        let carried = loaded.items.iter().filter(|item| item.container == i32::from(Place::INVENTORY));
        let carried = carried.map(|i| (slot(i.slot), Carried { uid: i.uid.0, version: i.version }));
        Self {
            character: loaded.character.id.0,
            account: loaded.character.account.0,
            epoch: loaded.hot.owner_epoch,
            version: loaded.hot.version,
            zen: loaded.zen,
            zen_held: 0,
            stored,
            items: carried.chain(warehouse).collect(),
            held: BTreeSet::new(),
            reserved: BTreeSet::new(),
            lock: None,
            pending: BTreeSet::new(),
            leaving: false,
        }
    }

    /// Nothing of it is part of an undecided event.
    pub(crate) fn is_settled(&self) -> bool {
        let free = self.held.is_empty() && self.reserved.is_empty() && self.zen_held == 0;
        assert!(free || self.lock.is_some(), "holds without a lock: {self:?}");
        self.lock.is_none()
    }

    /// Its rows in the store are what it is in memory: nothing is undecided.
    pub(crate) fn is_decided(&self) -> bool {
        self.is_settled() && self.pending.is_empty()
    }

    pub(crate) fn may_act(&self) -> bool {
        self.lock.is_none() && !self.leaving
    }

    /// Holds one of the items in a container, if there is one.
    pub(crate) fn pick(&mut self, dice: &mut Dice, container: u8) -> Option<Place> {
        let free = |place: &&Place| place.container == container && !self.held.contains(*place);
        let places: Vec<Place> = self.items.keys().filter(free).copied().collect();
        let place = dice.pick(&places).copied()?;
        self.held.insert(place);
        Some(place)
    }

    /// A free place of a container, or one that an item of the same event leaves.
    pub(crate) fn reserve(&mut self, container: u8, leaving: &BTreeSet<Place>) -> Option<Place> {
        let owner = self.character;
        let open = |place: &Place| !self.items.contains_key(place) && !self.reserved.contains(place);
        let vacated = |place: &&Place| !self.reserved.contains(*place);
        let mut places = (0..SLOTS).map(|slot| Place { owner, container, slot });
        let slot = places.find(open).or_else(|| leaving.iter().find(vacated).copied())?;
        if !mistakes::is(Bug::PlaceNotReserved) {
            self.reserved.insert(slot);
        }
        Some(slot)
    }
}

/// An event under way.
#[derive(Debug, Clone)]
pub(crate) struct Deal {
    pub(crate) event: ValueEvent,
    pub(crate) sides: Vec<i64>,
    pub(crate) zen_held: BTreeMap<i64, i64>,
}

/// What the players of an event are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tell {
    Done,
    Failed,
    Locked,
}

/// One map.
#[derive(Debug)]
pub(crate) struct MapSide {
    pub(crate) players: BTreeMap<i64, Player>,
    pub(crate) deals: BTreeMap<u128, Deal>,
    prefix: u128,
    issued: u128,
    first_uid: i64,
    made: i64,
}

/// What is wrong with an event on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// More zen than there is.
    Overdraft,
    /// A version that the item does not have.
    Version,
    /// Deltas that do not add up.
    Unbalanced,
}

impl MapSide {
    /// Its event ids carry the boot and its number.
    pub(crate) fn new(boot: u32, number: usize) -> Self {
        let boot = if mistakes::is(Bug::IdReused) { 1 } else { boot };
        let prefix = u128::from(boot) << 72 | (number as u128 + 1) << 40;
        let first_uid = (i64::from(boot) << 32) + (i64::try_from(number).unwrap_or(0) << 24);
        Self { players: BTreeMap::new(), deals: BTreeMap::new(), prefix, issued: 0, first_uid, made: 0 }
    }

    /// The identity of an item that comes to be: never given out before.
    pub(crate) fn new_uid(&mut self) -> i64 {
        self.made += 1;
        self.first_uid + self.made
    }

    pub(crate) fn issue(&mut self) -> u128 {
        self.issued += 1;
        self.prefix | self.issued
    }

    /// Two of its players who may act, if there are two.
    pub(crate) fn pair(&self, dice: &mut Dice) -> Option<[i64; 2]> {
        let free: Vec<i64> = self.players.values().filter(|p| p.may_act()).map(|p| p.character).collect();
        let a = dice.index(free.len());
        let b = (a + 1 + dice.index(free.len().saturating_sub(1))) % free.len().max(1);
        (free.len() >= 2).then(|| [free[a], free[b]])
    }

    /// Holds and reserves what two players exchange and makes the event; `None`, and nothing held, if they have nothing
    /// to exchange or no room.
    pub(crate) fn trade(&mut self, dice: &mut Dice, sides: [i64; 2], mistake: Option<Mistake>) -> Option<ValueEvent> {
        let mut both = sides.map(|id| self.players[&id].clone());
        let offers = [0, 1].map(|side| offer(dice, &mut both[side]));
        let mut moves = Vec::new();
        for side in [0, 1] {
            for &from in &offers[side].0 {
                let to = both[1 - side].reserve(Place::INVENTORY, &offers[1 - side].0)?;
                let item = both[side].items[&from];
                moves.push(ItemMove { uid: item.uid, version: item.version, from, to });
            }
        }
        let given = offers[0].1 - offers[1].1;
        if moves.is_empty() && given == 0 {
            return None;
        }
        let event_id = self.issue();
        let mut event = ValueEvent::new(event_id, EventKind::Trade);
        event.moves.extend(moves);
        if given != 0 {
            for (account, delta) in [(sides[0], -given), (sides[1], given)] {
                event.balances.push(BalanceChange { account, currency: Currency::Zen, delta });
            }
        }
        Self::spoil(&mut event, mistake);
        let zen_held = sides.into_iter().zip(offers.iter().map(|offer| offer.1)).collect();
        for mut player in both {
            player.lock = Some(event_id);
            self.players.insert(player.character, player);
        }
        self.deals.insert(event_id, Deal { event: event.clone(), sides: sides.to_vec(), zen_held });
        Some(event)
    }

    /// Makes the mistake, if there is one.
    pub(crate) fn spoil(event: &mut ValueEvent, mistake: Option<Mistake>) {
        match mistake {
            None => {}
            Some(Mistake::Overdraft) => {
                for change in &mut event.balances {
                    change.delta *= 1_000_000;
                }
            }
            Some(Mistake::Version) => {
                if let Some(change) = event.moves.first_mut() {
                    change.version += 1;
                }
            }
            Some(Mistake::Unbalanced) => {
                if let Some(change) = event.balances.first_mut() {
                    change.delta *= 2;
                }
            }
        }
    }

    /// The event was not taken: everything is as it was.
    pub(crate) fn withdraw(&mut self, event_id: u128) {
        if let Some(deal) = self.deals.remove(&event_id) {
            self.release(&deal);
        }
    }

    /// Settles an event that is durable, which is enough for its players; its outcome is still to come.
    pub(crate) fn settle_durable(&mut self, event_id: u128) -> Option<Tell> {
        let sides = self.deals.get(&event_id)?.sides.clone();
        for side in sides {
            if let Some(player) = self.players.get_mut(&side) {
                player.pending.insert(event_id);
            }
        }
        self.settle(event_id, Outcome::Applied)
    }

    /// The outcome of an event that was settled when it was durable.
    pub(crate) fn confirm(&mut self, event_id: u128, outcome: Outcome) {
        for player in self.players.values_mut() {
            if player.pending.remove(&event_id) && outcome != Outcome::Applied {
                player.leaving = true;
            }
        }
    }

    /// Settles a decided event and returns what its players are told; `None` if it was settled before.
    pub(crate) fn settle(&mut self, event_id: u128, outcome: Outcome) -> Option<Tell> {
        let deal = self.deals.remove(&event_id)?;
        self.release(&deal);
        match outcome {
            Outcome::Applied => {
                self.carry_out(&deal.event);
                Some(Tell::Done)
            }
            Outcome::Rejected(_) => {
                if mistakes::is(Bug::RejectedSettled) {
                    self.carry_out(&deal.event);
                }
                Some(Tell::Failed)
            }
            Outcome::Quarantined(_) => {
                for side in &deal.sides {
                    if let Some(player) = self.players.get_mut(side) {
                        player.leaving = true;
                    }
                }
                Some(Tell::Locked)
            }
        }
    }

    fn release(&mut self, deal: &Deal) {
        for side in &deal.sides {
            let player = self.players.get_mut(side).expect("whoever is locked stays on the map");
            assert_eq!(player.lock.take(), Some(deal.event.event_id), "the lock is this event's");
            player.zen_held -= deal.zen_held.get(side).copied().unwrap_or(0);
            let event = &deal.event;
            let left = event.moves.iter().map(|change| change.from).chain(event.burns.iter().map(|burn| burn.from));
            for place in left.filter(|place| place.owner == *side) {
                assert!(player.held.remove(&place), "what leaves was held");
            }
            let reached = event.moves.iter().map(|change| change.to).chain(event.mints.iter().map(|mint| mint.to));
            for place in reached.filter(|place| place.owner == *side) {
                let reserved = player.reserved.remove(&place) || mistakes::is(Bug::PlaceNotReserved);
                assert!(reserved, "where it arrives was reserved");
            }
            assert!(player.is_settled(), "nothing of it is bound any more");
        }
    }

    fn carry_out(&mut self, event: &ValueEvent) {
        let mut moved = Vec::new();
        for change in &event.moves {
            let from = self.players.get_mut(&change.from.owner).expect("on the map");
            let item = from.items.remove(&change.from).expect("held until here");
            moved.push((change.to, Carried { uid: item.uid, version: item.version + 1 }));
        }
        for burn in &event.burns {
            let burned = self.players.get_mut(&burn.from.owner).expect("on the map").items.remove(&burn.from);
            assert!(burned.is_some(), "held until here");
        }
        moved.extend(event.mints.iter().map(|mint| (mint.to, Carried { uid: mint.uid, version: 1 })));
        for (to, item) in moved {
            let before = self.players.get_mut(&to.owner).expect("on the map").items.insert(to, item);
            assert_eq!(before, None, "the place was reserved");
        }
        for change in &event.balances {
            // The house has no purse here.
            let Some(player) = self.players.get_mut(&change.account) else { continue };
            match change.currency {
                Currency::Zen => player.zen += change.delta,
                Currency::ZenStored => player.stored += change.delta,
                Currency::Cash => unreachable!("no map moves cash"),
            }
        }
    }
}

/// What a player gives: places of items, now held, and zen, now held.
fn offer(dice: &mut Dice, player: &mut Player) -> (BTreeSet<Place>, i64) {
    let items = (0..dice.below(3)).filter_map(|_| player.pick(dice, Place::INVENTORY)).collect();
    let spendable = u64::try_from(player.zen - player.zen_held).unwrap_or(0);
    let zen = if dice.one_in(2) { dice.below(spendable / 4 + 1) } else { 0 };
    let zen = i64::try_from(zen).unwrap_or(0);
    player.zen_held += zen;
    (items, zen)
}

/// Zen in the warehouse and everything in inventory and warehouse of a character, whose account has the same number.
pub(crate) fn belongings(id: i64, (balances, items): &Holdings) -> (i64, BTreeMap<Place, Carried>) {
    let stored = balances.get(&(id, Currency::ZenStored.code())).copied().unwrap_or(0);
    let own = |place: &Place| place.owner == id && matches!(place.container, Place::INVENTORY | Place::WAREHOUSE);
    let items = items.iter().filter(|(_, (place, _))| own(place));
    (stored, items.map(|(&uid, &(place, version))| (place, Carried { uid, version })).collect())
}
