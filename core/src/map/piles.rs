//! What lies on the ground of a map: each item with the one who dropped it, where its row in the store is, and until
//! when it lies.
//!
//! An item on the ground is still its dropper's in the store; what is here is only how it is seen and who comes first.
//! Bounded at load; places for drops that are undecided are promised, so that what was dropped always finds one. Knows
//! no message and no rule.

use mu_wire::{EntityId, Tick};

use super::inventory::Item;

/// Most items that lie on one map.
pub const PILES_MAX: usize = 256;

/// An item on the ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pile {
    /// Its entity.
    pub entity: EntityId,
    /// The item.
    pub item: Item,
    /// The character that dropped it.
    pub dropper: i64,
    /// Its place in the dropper's ground.
    pub place: u16,
    /// When it ceases to be.
    pub until: Tick,
    /// Whether somebody's taking it, or its end, is undecided.
    pub taken: bool,
}

/// The table.
#[derive(Debug)]
pub struct Piles {
    rows: Vec<Pile>,
    promised: usize,
}

impl Piles {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self { rows: Vec::with_capacity(PILES_MAX), promised: 0 }
    }

    /// Promises a place for something that will be dropped; false when there is none.
    pub fn promise(&mut self) -> bool {
        let room = self.rows.len() + self.promised < PILES_MAX;
        self.promised += usize::from(room);
        room
    }

    /// Whether a promise could be made.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.rows.len() + self.promised < PILES_MAX
    }

    /// Takes a promise back.
    pub fn forget(&mut self) {
        self.promised -= 1;
    }

    /// Puts down what was promised a place.
    ///
    /// # Panics
    /// Without a promise.
    pub fn put(&mut self, pile: Pile) {
        self.promised = self.promised.checked_sub(1).expect("a place was promised");
        self.rows.push(pile);
    }

    /// The pile an entity is.
    #[must_use]
    pub fn find(&self, entity: EntityId) -> Option<&Pile> {
        self.rows.iter().find(|pile| pile.entity == entity)
    }

    /// The pile an entity is, to change.
    pub fn find_mut(&mut self, entity: EntityId) -> Option<&mut Pile> {
        self.rows.iter_mut().find(|pile| pile.entity == entity)
    }

    /// Takes a pile away; it is the map's to let its entity vanish.
    pub fn remove(&mut self, entity: EntityId) -> Option<Pile> {
        let at = self.rows.iter().position(|pile| pile.entity == entity)?;
        Some(self.rows.swap_remove(at))
    }

    /// Every pile.
    pub fn iter(&self) -> impl Iterator<Item = &Pile> {
        self.rows.iter()
    }
}

impl Default for Piles {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pile(number: u16) -> Pile {
        let item = Item { uid: i64::from(number) + 1, template: 1, level: 0, version: 2 };
        let entity = EntityId::new(number, 1);
        Pile { entity, item, dropper: 9, place: number, until: Tick(5), taken: false }
    }

    #[test]
    fn what_is_promised_finds_its_place_and_no_more_is_promised() {
        let mut piles = Piles::new();
        assert_eq!((0..300).filter(|_| piles.promise()).count(), PILES_MAX);
        piles.forget();
        (1..256).for_each(|number| piles.put(pile(number)));
        assert!(piles.has_room() && piles.promise() && !piles.has_room());
        piles.put(pile(0));
        assert_eq!(piles.remove(EntityId::new(7, 1)).map(|pile| pile.place), Some(7));
        assert_eq!((piles.remove(EntityId::new(7, 1)), piles.iter().count()), (None, 255));
    }
}
