//! Who sees whom, kept by difference.
//!
//! A player takes in everything within [`grid::ENTER_RINGS`] cells and lets go of what is beyond
//! [`grid::LEAVE_RINGS`]. Both sets are made once per cell and shared by all who stand in it; a player's news are
//! `near & !seen` and `seen & !far` on rows of bits (`docs/decisions/0003-interest-by-difference.md`). A player whose
//! cell kept its version since the last look costs two comparisons.
//!
//! More candidates than places: the nearest are taken, ring by ring, within the last ring by distance, ties by slot;
//! what is already seen counts as [`KEEP_TILES`] nearer, so that equals do not take turns. Such a player chooses anew
//! when it changes cell and otherwise once in [`CHOOSE_EVERY`] ticks, staggered by slot; in between it only loses
//! what went away. Itself and its trade partner are always kept.
//!
//! Knows slots, cells and positions; the alias table is behind [`Viewer`].

use mu_wire::motion::Position;

use super::grid::{self, Grid};
use super::slot_set::{self, SlotSets};

/// A crowded player chooses anew every this many ticks (0.4 s).
pub const CHOOSE_EVERY: u32 = 8;
/// How much nearer than it is something already seen counts.
pub const KEEP_TILES: i64 = 2;

/// The list of entities one client is told about.
pub trait Viewer {
    /// Starts telling about a slot; false when there is no place just now, then it is asked again next tick.
    fn enter(&mut self, slot: u16) -> bool;
    /// Stops telling about a slot.
    fn leave(&mut self, slot: u16);
}

/// What one look of one player needs to know beside the grid.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// The player's slot.
    pub player: usize,
    /// A slot to keep in view whatever the distance: the trade partner.
    pub pinned: Option<usize>,
    /// The tick, for staggering.
    pub tick: u32,
    /// Where every slot is.
    pub positions: &'a [Position],
}

/// What a player looked at last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Looked {
    cell: u32,
    version: u32,
    /// There was more to see than could be shown: look again although nothing changed.
    unfinished: bool,
}

const NEVER: Looked = Looked { cell: u32::MAX, version: 0, unfinished: true };

/// The visible sets of all players of a map.
#[derive(Debug)]
pub struct Interest {
    seen: SlotSets,
    seen_by: SlotSets,
    looked: Box<[Looked]>,
    near: SlotSets,
    far: SlotSets,
    made_for: Box<[u32]>,
    chosen: Box<[u64]>,
    ring: Box<[u64]>,
    candidates: Vec<(i64, u16)>,
    places: usize,
}

impl Interest {
    /// Nobody sees anything yet; each player has `places` places.
    #[must_use]
    pub fn new(players: usize, slots: usize, cells: usize, places: usize) -> Self {
        let row = vec![0; slot_set::words_for(slots)].into_boxed_slice();
        Self {
            seen: SlotSets::new(players, slots),
            seen_by: SlotSets::new(slots, players),
            looked: vec![NEVER; players].into_boxed_slice(),
            near: SlotSets::new(cells, slots),
            far: SlotSets::new(cells, slots),
            made_for: vec![0; cells].into_boxed_slice(),
            chosen: row.clone(),
            ring: row,
            candidates: Vec::with_capacity(slots),
            places,
        }
    }

    /// The slots a player sees.
    #[must_use]
    pub fn seen(&self, player: usize) -> &[u64] {
        self.seen.row(player)
    }

    /// Whether a player sees a slot.
    #[must_use]
    pub fn sees(&self, player: usize, slot: usize) -> bool {
        self.seen.contains(player, slot)
    }

    /// The players who see a slot.
    #[must_use]
    pub fn seen_by(&self, slot: usize) -> &[u64] {
        self.seen_by.row(slot)
    }

    /// Brings a player's visible set up to date with the grid.
    pub fn look(&mut self, grid: &Grid, look: Look<'_>, viewer: &mut impl Viewer) {
        let Some(cell) = grid.cell_of(look.player) else {
            return;
        };
        let now =
            Looked { cell: u32::try_from(cell).unwrap_or(u32::MAX), version: grid.version(cell), unfinished: false };
        let last = self.looked[look.player];
        if last == now {
            return;
        }
        self.refresh_cell(grid, cell);
        self.want(cell, look.player, look.pinned);
        let crowded = slot_set::count(&self.chosen) > self.places;
        let turn = last.cell != now.cell
            || look.tick.wrapping_add(u32::try_from(look.player).unwrap_or(0)) % CHOOSE_EVERY == 0;
        if crowded && turn {
            self.choose(grid, cell, look);
        } else if crowded {
            let seen = self.seen.row(look.player);
            self.chosen.iter_mut().zip(seen).for_each(|(want, seen)| *want &= seen);
        }
        let all_shown = self.apply(look.player, viewer);
        self.looked[look.player] = Looked { unfinished: crowded || !all_shown, ..now };
    }

    /// Makes a player blind again: everything is forgotten and the next look starts from nothing. The viewer is told
    /// by its owner.
    pub fn forget(&mut self, player: usize) {
        for (index, &word) in self.seen.row(player).iter().enumerate() {
            for bit in slot_set::bits(word) {
                self.seen_by.remove(index * slot_set::WORD + bit, player);
            }
        }
        self.seen.clear(player);
        self.looked[player] = NEVER;
    }

    /// Takes a departing slot out of everybody's sight; `each` is called with every player who saw it.
    pub fn vanish(&mut self, slot: usize, mut each: impl FnMut(usize)) {
        for player in slot_set::iter(self.seen_by.row(slot)) {
            self.seen.remove(player, slot);
            each(player);
        }
        self.seen_by.clear(slot);
    }

    /// The near and far sets of a cell, made again if anything moved around it since.
    fn refresh_cell(&mut self, grid: &Grid, cell: usize) {
        if self.made_for[cell] == grid.version(cell) {
            return;
        }
        self.made_for[cell] = grid.version(cell);
        self.near.clear(cell);
        for other in grid.around(cell, grid::ENTER_RINGS) {
            slot_set::union(self.near.row_mut(cell), grid.members(other));
        }
        self.far.row_mut(cell).copy_from_slice(self.near.row(cell));
        for other in grid.ring(cell, grid::LEAVE_RINGS) {
            slot_set::union(self.far.row_mut(cell), grid.members(other));
        }
    }

    /// Everything the player should see if places were free, into `chosen`.
    fn want(&mut self, cell: usize, player: usize, pinned: Option<usize>) {
        let (near, far, seen) = (self.near.row(cell), self.far.row(cell), self.seen.row(player));
        for (index, want) in self.chosen.iter_mut().enumerate() {
            *want = near[index] | (seen[index] & far[index]);
        }
        for slot in [Some(player), pinned].into_iter().flatten() {
            self.chosen[slot / slot_set::WORD] |= 1 << (slot % slot_set::WORD);
        }
    }

    /// Cuts `chosen` down to the places there are: pinned first, then the nearest.
    fn choose(&mut self, grid: &Grid, cell: usize, look: Look<'_>) {
        let mut room = self.places;
        let pinned = [Some(look.player), look.pinned];
        for slot in pinned.into_iter().flatten() {
            self.chosen[slot / slot_set::WORD] &= !(1 << (slot % slot_set::WORD));
            room = room.saturating_sub(1);
        }
        for rings in 0..=grid::LEAVE_RINGS {
            self.ring.fill(0);
            for other in grid.ring(cell, rings) {
                slot_set::union(&mut self.ring, grid.members(other));
            }
            self.ring.iter_mut().zip(&self.chosen).for_each(|(ring, chosen)| *ring &= chosen);
            let here = slot_set::count(&self.ring);
            if here > room {
                self.keep_nearest(room, look);
            }
            room -= here.min(room);
        }
        for slot in pinned.into_iter().flatten() {
            self.chosen[slot / slot_set::WORD] |= 1 << (slot % slot_set::WORD);
        }
    }

    /// Of the slots in `ring`, takes all but the nearest `room` out of `chosen`.
    fn keep_nearest(&mut self, room: usize, look: Look<'_>) {
        self.candidates.clear();
        for slot in slot_set::iter(&self.ring) {
            let keep = if self.seen.contains(look.player, slot) { KEEP_TILES } else { 0 };
            let key = i64::from(apart(look.positions[look.player], look.positions[slot])) - keep * 256;
            self.candidates.push((key, u16::try_from(slot).unwrap_or(u16::MAX)));
        }
        if room > 0 && room < self.candidates.len() {
            self.candidates.select_nth_unstable(room - 1);
        }
        for &(_, slot) in &self.candidates[room.min(self.candidates.len())..] {
            let slot = usize::from(slot);
            self.chosen[slot / slot_set::WORD] &= !(1 << (slot % slot_set::WORD));
        }
    }

    /// Tells the viewer the difference between what it saw and `chosen`; false when something found no place.
    fn apply(&mut self, player: usize, viewer: &mut impl Viewer) -> bool {
        let mut all_shown = true;
        for index in 0..self.chosen.len() {
            let (want, seen) = (self.chosen[index], self.seen.row(player)[index]);
            for bit in slot_set::bits(seen & !want) {
                let slot = index * slot_set::WORD + bit;
                viewer.leave(u16::try_from(slot).unwrap_or(u16::MAX));
                self.seen.remove(player, slot);
                self.seen_by.remove(slot, player);
            }
        }
        for index in 0..self.chosen.len() {
            let (want, seen) = (self.chosen[index], self.seen.row(player)[index]);
            for bit in slot_set::bits(want & !seen) {
                let slot = index * slot_set::WORD + bit;
                if viewer.enter(u16::try_from(slot).unwrap_or(u16::MAX)) {
                    self.seen.insert(player, slot);
                    self.seen_by.insert(slot, player);
                } else {
                    all_shown = false;
                }
            }
        }
        all_shown
    }
}

/// The larger of the two distances along the axes, in 1/256 tiles: the distance of everything that has a radius in
/// this game.
#[must_use]
pub fn apart(left: Position, right: Position) -> u16 {
    left.x.abs_diff(right.x).max(left.y.abs_diff(right.y))
}

#[cfg(test)]
mod tests;
