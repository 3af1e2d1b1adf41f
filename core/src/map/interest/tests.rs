//! Interest against the rule applied to every pair, and what holds in a crowd.

use std::collections::BTreeSet;

use super::*;
use crate::map::rng::Rng;

/// A viewer that checks it is told each thing once, with a bounded number of places.
#[derive(Default)]
struct Told {
    slots: BTreeSet<u16>,
    places: usize,
}

impl Viewer for Told {
    fn enter(&mut self, slot: u16) -> bool {
        if self.slots.len() >= self.places {
            return false;
        }
        assert!(self.slots.insert(slot), "slot {slot} entered twice");
        true
    }
    fn leave(&mut self, slot: u16) {
        assert!(self.slots.remove(&slot), "slot {slot} left without having entered");
    }
}

struct World {
    grid: Grid,
    interest: Interest,
    positions: Vec<Position>,
    live: Vec<bool>,
    told: Vec<Told>,
    rng: Rng,
}

fn number(slot: usize) -> u16 {
    u16::try_from(slot).unwrap()
}

const SLOTS: usize = 90;
const PLAYERS: usize = 70;

impl World {
    fn new(places: usize, seed: u64) -> Self {
        let grid = Grid::new(120, 96, SLOTS);
        let interest = Interest::new(PLAYERS, SLOTS, grid.cells(), places);
        let told = (0..PLAYERS).map(|_| Told { places, ..Told::default() }).collect();
        Self {
            grid,
            interest,
            positions: vec![Position::default(); SLOTS],
            live: vec![false; SLOTS],
            told,
            rng: Rng::new(seed),
        }
    }

    /// Somebody appears, vanishes, walks a tile or jumps.
    fn stir(&mut self) {
        let slot = usize::from(self.rng.below(number(SLOTS)));
        if !self.live[slot] || self.rng.below(10) == 0 {
            if self.live[slot] && self.rng.below(2) == 0 {
                self.vanish(slot);
                return;
            }
            self.live[slot] = true;
            self.positions[slot] = Position::new(self.rng.below(120 << 8), self.rng.below(96 << 8));
        } else {
            let stride = |rng: &mut Rng, at: u16, limit: u16| (at + rng.below(1_024)).saturating_sub(512).min(limit);
            let at = self.positions[slot];
            self.positions[slot] =
                Position::new(stride(&mut self.rng, at.x, (120 << 8) - 1), stride(&mut self.rng, at.y, (96 << 8) - 1));
        }
        self.grid.place(slot, self.positions[slot]);
    }

    fn vanish(&mut self, slot: usize) {
        self.live[slot] = false;
        self.grid.remove(slot);
        let told = &mut self.told;
        self.interest.vanish(slot, |player| told[player].leave(number(slot)));
        if slot < PLAYERS {
            self.interest.forget(slot);
            self.told[slot].slots.clear();
        }
    }

    fn look(&mut self, tick: u32) {
        for player in (0..PLAYERS).filter(|&player| self.live[player]) {
            let look = Look { player, pinned: None, tick, positions: &self.positions };
            self.interest.look(&self.grid, look, &mut self.told[player]);
        }
    }

    fn rings(&self, player: usize, slot: usize) -> usize {
        let cell = |slot: usize| (i32::from(self.positions[slot].x >> 11), i32::from(self.positions[slot].y >> 11));
        let ((px, py), (sx, sy)) = (cell(player), cell(slot));
        px.abs_diff(sx).max(py.abs_diff(sy)) as usize
    }

    fn check_both_directions(&self) {
        for player in 0..PLAYERS {
            let told: Vec<usize> = self.told[player].slots.iter().map(|&slot| usize::from(slot)).collect();
            assert_eq!(slot_set::iter(self.interest.seen(player)).collect::<Vec<_>>(), told);
            for slot in 0..SLOTS {
                assert_eq!(slot_set::contains(self.interest.seen_by(slot), player), told.contains(&slot));
            }
        }
    }
}

#[test]
fn with_room_for_all_it_equals_the_rule_applied_to_every_pair() {
    for seed in 0..6 {
        let mut world = World::new(SLOTS, seed);
        let mut expected: Vec<BTreeSet<u16>> = vec![BTreeSet::new(); PLAYERS];
        for tick in 0..300 {
            let before = world.live.clone();
            for _ in 0..1 + world.rng.below(6) {
                world.stir();
            }
            for player in 0..PLAYERS {
                let mut next = BTreeSet::new();
                for slot in 0..SLOTS {
                    let number = number(slot);
                    let stayed = before[slot]
                        && before[player]
                        && expected[player].contains(&number)
                        && world.told[player].slots.contains(&number);
                    let reach = if stayed { LEAVE } else { ENTER };
                    if world.live[player] && world.live[slot] && world.rings(player, slot) <= reach {
                        next.insert(number);
                    }
                }
                expected[player] = next;
            }
            world.look(tick);
            for (player, expected) in expected.iter().enumerate() {
                assert_eq!(&world.told[player].slots, expected, "seed {seed}, tick {tick}, player {player}");
            }
            world.check_both_directions();
        }
    }
}
const ENTER: usize = 2;
const LEAVE: usize = 3;

#[test]
fn in_a_crowd_the_nearest_are_shown_and_never_more_than_there_are_places() {
    const PLACES: usize = 20;
    for seed in 0..4 {
        let mut world = World::new(PLACES, seed);
        for slot in 0..SLOTS {
            world.live[slot] = true;
            world.positions[slot] = Position::new(world.rng.below(40 << 8), world.rng.below(40 << 8));
            world.grid.place(slot, world.positions[slot]);
        }
        for tick in 0..CHOOSE_EVERY * 2 {
            world.look(tick);
        }
        world.check_both_directions();
        for player in 0..PLAYERS {
            let seen = &world.told[player].slots;
            assert!(seen.contains(&number(player)), "a player always sees itself");
            assert_eq!(seen.len(), PLACES);
            let key = |slot: usize| (world.rings(player, slot), apart(world.positions[player], world.positions[slot]));
            let farthest = seen.iter().map(|&slot| key(usize::from(slot))).max().unwrap();
            for slot in (0..SLOTS).filter(|&slot| !seen.contains(&number(slot))) {
                let (rings, tiles) = key(slot);
                let much_nearer = rings < farthest.0
                    || (rings == farthest.0 && i64::from(tiles) + KEEP_TILES * 256 < i64::from(farthest.1));
                assert!(
                    !much_nearer,
                    "seed {seed}: {player} does not see {slot} at {rings} rings but something at {farthest:?}"
                );
            }
        }
    }
}

#[test]
fn the_pinned_slot_is_kept_in_any_crowd() {
    let mut world = World::new(5, 1);
    for slot in 0..SLOTS {
        world.live[slot] = true;
        world.grid.place(slot, Position::default());
    }
    world.positions[80] = Position::new(23 << 8, 0);
    world.grid.place(80, world.positions[80]);
    let look = Look { player: 3, pinned: Some(80), tick: 0, positions: &world.positions };
    world.interest.look(&world.grid, look, &mut world.told[3]);
    assert!(world.told[3].slots.contains(&80) && world.told[3].slots.contains(&3));
    assert_eq!(world.told[3].slots.len(), 5);
}

#[test]
fn nobody_flickers_while_equals_shuffle_around() {
    let mut world = World::new(10, 9);
    for slot in 0..SLOTS {
        world.live[slot] = true;
        world.positions[slot] = Position::new(world.rng.below(256), world.rng.below(256));
        world.grid.place(slot, world.positions[slot]);
    }
    world.look(0);
    let first = world.told[0].slots.clone();
    for tick in 1..100 {
        let slot = usize::from(world.rng.below(number(SLOTS)));
        world.positions[slot] = Position::new(world.rng.below(256), world.rng.below(256));
        world.grid.place(slot, world.positions[slot]);
        world.look(tick);
    }
    assert_eq!(world.told[0].slots, first, "all stand within one tile, nobody is much nearer than before");
}
