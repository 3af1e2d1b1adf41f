//! Which slots of a map are taken, and the generation of each: the handles of everything that stands in it.
//!
//! Slots are stable: an entity keeps its row in every column, in the replicator and in every viewer's alias table
//! from arrival to departure, so nothing is renumbered when somebody else leaves
//! (`docs/decisions/0001-stable-slots.md`). Players take the low slots `0..players`, everything else the slots above,
//! so that the players' cold columns need no row for a monster. The last slot freed is the first one taken: live
//! slots stay low and rows that were never used are never touched. Knows nothing of what stands in a slot.

use mu_wire::EntityId;

/// The most slots one map can have: a slot number is 16 bits on the wire.
pub const MAX_SLOTS: usize = 1 << 16;

/// Which part of the table a newcomer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The low slots, which have the players' cold columns.
    Player,
    /// The slots above.
    Other,
}

/// The slot table.
#[derive(Debug)]
pub struct Slots {
    generations: Box<[u16]>,
    live: Box<[bool]>,
    free_players: Vec<u16>,
    free_others: Vec<u16>,
    players: usize,
}

impl Slots {
    /// A table of `players` slots for players and `others` for everything else.
    ///
    /// # Panics
    /// If the two together exceed [`MAX_SLOTS`].
    #[must_use]
    pub fn new(players: usize, others: usize) -> Self {
        let total = players + others;
        assert!(total <= MAX_SLOTS, "a map has {total} slots, the wire allows {MAX_SLOTS}");
        let descending =
            |range: std::ops::Range<usize>| range.rev().filter_map(|slot| u16::try_from(slot).ok()).collect();
        Self {
            generations: vec![0; total].into_boxed_slice(),
            live: vec![false; total].into_boxed_slice(),
            free_players: descending(0..players),
            free_others: descending(players..total),
            players,
        }
    }

    /// How many slots there are.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.generations.len()
    }

    /// How many of them are for players.
    #[must_use]
    pub fn player_capacity(&self) -> usize {
        self.players
    }

    /// How many players stand in the map.
    #[must_use]
    pub fn players(&self) -> usize {
        self.players - self.free_players.len()
    }

    /// Takes a free slot and gives it its next generation; `None` when that part is full. Generation 0 is never given
    /// out.
    pub fn take(&mut self, part: Part) -> Option<EntityId> {
        let slot = match part {
            Part::Player => self.free_players.pop(),
            Part::Other => self.free_others.pop(),
        }?;
        let generation = &mut self.generations[usize::from(slot)];
        *generation = generation.checked_add(1).unwrap_or(1);
        self.live[usize::from(slot)] = true;
        Some(EntityId::new(slot, *generation))
    }

    /// Gives a slot back. The handle is dead from now on; a dead handle frees nothing.
    pub fn free(&mut self, id: EntityId) -> bool {
        let Some(slot) = self.find(id) else {
            return false;
        };
        self.live[slot] = false;
        if slot < self.players {
            self.free_players.push(id.slot());
        } else {
            self.free_others.push(id.slot());
        }
        true
    }

    /// The row of a handle, if what it names is still here.
    #[must_use]
    pub fn find(&self, id: EntityId) -> Option<usize> {
        let slot = usize::from(id.slot());
        (self.live.get(slot).copied().unwrap_or(false) && self.generations[slot] == id.generation()).then_some(slot)
    }

    /// The handle of a live slot.
    #[must_use]
    pub fn id(&self, slot: usize) -> Option<EntityId> {
        let number = u16::try_from(slot).ok()?;
        self.live.get(slot).copied().unwrap_or(false).then(|| EntityId::new(number, self.generations[slot]))
    }

    /// Whether somebody stands in this slot.
    #[must_use]
    pub fn is_live(&self, slot: usize) -> bool {
        self.live[slot]
    }

    /// The live player slots in slot order.
    pub fn live_players(&self) -> impl Iterator<Item = usize> + '_ {
        self.live[..self.players].iter().enumerate().filter_map(|(slot, live)| live.then_some(slot))
    }

    /// The live slots of both parts in slot order.
    pub fn live(&self) -> impl Iterator<Item = usize> + '_ {
        self.live.iter().enumerate().filter_map(|(slot, live)| live.then_some(slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freed_handle_stays_dead_when_its_slot_is_taken_again() {
        let mut slots = Slots::new(2, 1);
        let first = slots.take(Part::Player).unwrap();
        assert!(slots.free(first));
        let second = slots.take(Part::Player).unwrap();
        assert_eq!(first.slot(), second.slot(), "the slot is reused at once");
        assert_ne!(first.generation(), second.generation());
        assert_eq!(slots.find(first), None);
        assert!(!slots.free(first), "a dead handle must not free its successor");
        assert_eq!(slots.find(second), Some(usize::from(second.slot())));
    }

    #[test]
    fn generation_zero_is_skipped_when_the_counter_wraps() {
        let mut slots = Slots::new(1, 0);
        for _ in 0..u32::from(u16::MAX) + 5 {
            let id = slots.take(Part::Player).unwrap();
            assert_ne!(id.generation(), 0);
            slots.free(id);
        }
    }

    #[test]
    fn each_part_is_bounded_on_its_own() {
        let mut slots = Slots::new(1, 2);
        assert!(slots.take(Part::Player).is_some());
        assert!(slots.take(Part::Player).is_none());
        assert!(slots.take(Part::Other).is_some_and(|id| id.slot() == 1));
        assert_eq!(slots.live().collect::<Vec<_>>(), [0, 1]);
        assert_eq!(slots.players(), 1);
    }
}
