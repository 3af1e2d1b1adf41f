//! The versions of a map instance's entities, and the bits that lead from one to another.
//!
//! Written by the map once a tick, read by every view of that map. All memory is taken at the start: 16 states, one
//! whole state and 15 steps in bits for each slot, 0.9 KiB.

use super::{
    MAX_STEP, VERSIONS,
    record::{STEP_WORDS, Shared, WHOLE_WORDS, pack_step, pack_whole},
    state::{EntityState, Identity},
};
use crate::time::Tick;

/// How often bits were made and how often copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReplicatorStats {
    /// Records whose bits were made.
    pub encoded: u64,
    /// Records whose bits were there already.
    pub copied: u64,
}

/// The entities of one map instance as their viewers may see them.
#[derive(Debug)]
pub struct Replicator {
    /// The newest version of each slot. Grows by one with each change and also when an entity comes or goes, so a view
    /// has to look at nothing else to find what is new.
    versions: Box<[u16]>,
    /// When the newest version was made.
    changed: Box<[Tick]>,
    /// Who lives in the slot.
    identities: Box<[Option<Identity>]>,
    /// State `version % 16` of each slot.
    states: Box<[[EntityState; VERSIONS]]>,
    /// Bits that lead to the newest version.
    shared: Box<[SlotBits]>,
    stats: ReplicatorStats,
}

#[derive(Debug, Clone, Copy)]
struct SlotBits {
    whole: Shared<WHOLE_WORDS>,
    /// Step `n` at `n − 1`.
    steps: [Shared<STEP_WORDS>; MAX_STEP as usize],
    /// Whether any of the above was made for this version.
    used: bool,
}

impl SlotBits {
    const NONE: Self = Self { whole: Shared::NONE, steps: [Shared::NONE; MAX_STEP as usize], used: false };

    fn forget(&mut self) {
        if self.used {
            self.whole.bits = 0;
            for step in &mut self.steps {
                step.bits = 0;
            }
            self.used = false;
        }
    }
}

impl Replicator {
    /// Room for entities in the slots below `capacity`.
    ///
    /// # Panics
    /// When `capacity` is more than 65,536, the number of slots an entity id can name.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        assert!(capacity <= 1 << 16, "{capacity} slots, an entity id names 65,536");
        Self {
            versions: vec![0; capacity].into(),
            changed: vec![Tick::default(); capacity].into(),
            identities: vec![None; capacity].into(),
            states: vec![[EntityState::default(); VERSIONS]; capacity].into(),
            shared: vec![SlotBits::NONE; capacity].into(),
            stats: ReplicatorStats::default(),
        }
    }

    /// Slots there are.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.versions.len()
    }

    /// The newest version of each slot.
    #[must_use]
    pub const fn versions(&self) -> &[u16] {
        &self.versions
    }

    /// How often bits were made and copied since the start.
    #[must_use]
    pub const fn stats(&self) -> ReplicatorStats {
        self.stats
    }

    /// Who lives in the slot.
    #[must_use]
    pub fn identity(&self, slot: u16) -> Option<&Identity> {
        self.identities.get(usize::from(slot)).and_then(Option::as_ref)
    }

    /// The newest state of the slot's entity.
    #[must_use]
    pub fn state(&self, slot: u16) -> Option<&EntityState> {
        self.identity(slot).map(|_| self.version(slot, self.versions[usize::from(slot)]))
    }

    /// When the newest state was made.
    #[must_use]
    pub fn changed_at(&self, slot: u16) -> Option<Tick> {
        self.identity(slot).map(|_| self.changed[usize::from(slot)])
    }

    /// An entity begins to live in the slot, in place of whoever was there.
    ///
    /// # Panics
    /// When there is no such slot.
    pub fn insert(&mut self, slot: u16, identity: Identity, state: EntityState, tick: Tick) {
        let index = self.index(slot);
        self.identities[index] = Some(identity);
        self.advance(index, state, tick);
    }

    /// The entity of the slot is like this at `tick`. Nothing happens unless that differs from what it was; health above
    /// 100 counts as 100. Says whether it did.
    ///
    /// # Panics
    /// When nobody lives in the slot.
    pub fn update(&mut self, slot: u16, state: EntityState, tick: Tick) -> bool {
        let index = self.index(slot);
        assert!(self.identities[index].is_some(), "nobody lives in slot {slot}");
        let state = quantised(state);
        if *self.version(slot, self.versions[index]) == state {
            return false;
        }
        if self.changed[index] >= tick && !self.shared[index].used {
            // The second change within a tick, and nobody was told of the first.
            self.states[index][ring(self.versions[index])] = state;
        } else {
            // A version is known by its tick, so two never share one.
            let after = self.changed[index] + 1;
            self.advance(index, state, tick.max(after));
        }
        true
    }

    /// The slot's entity is gone.
    ///
    /// # Panics
    /// When there is no such slot.
    pub fn remove(&mut self, slot: u16) {
        let index = self.index(slot);
        if self.identities[index].take().is_some() {
            self.versions[index] = self.versions[index].wrapping_add(1);
            self.shared[index].forget();
        }
    }

    /// The shared bits that lead from `step` versions back, or from nothing (0), to the newest version of a living slot.
    pub(crate) fn bits(&mut self, slot: u16, step: u16) -> (&[u64], usize) {
        let index = usize::from(slot);
        let version = self.versions[index];
        let at = self.changed[index];
        let states = &self.states[index];
        let shared = &mut self.shared[index];
        shared.used = true;
        let new = &states[ring(version)];
        let made = if step == 0 {
            let made = shared.whole.bits == 0;
            if made {
                let identity = self.identities[index].as_ref().expect("the caller has seen who lives there");
                shared.whole = pack_whole(identity, new, version, at);
            }
            made
        } else {
            let bits = &mut shared.steps[usize::from(step) - 1];
            let made = bits.bits == 0;
            if made {
                *bits = pack_step(&states[ring(version.wrapping_sub(step))], new, version, at);
            }
            made
        };
        if made {
            self.stats.encoded += 1;
        } else {
            self.stats.copied += 1;
        }
        if step == 0 {
            (&shared.whole.words, usize::from(shared.whole.bits))
        } else {
            let bits = &shared.steps[usize::from(step) - 1];
            (&bits.words, usize::from(bits.bits))
        }
    }

    #[cfg(feature = "measure")]
    pub(crate) fn forget_shared(&mut self) {
        self.shared.iter_mut().for_each(SlotBits::forget);
    }

    fn index(&self, slot: u16) -> usize {
        let index = usize::from(slot);
        assert!(index < self.versions.len(), "slot {slot} of {}", self.versions.len());
        index
    }

    fn version(&self, slot: u16, version: u16) -> &EntityState {
        &self.states[usize::from(slot)][ring(version)]
    }

    fn advance(&mut self, index: usize, state: EntityState, tick: Tick) {
        let version = self.versions[index].wrapping_add(1);
        self.versions[index] = version;
        self.changed[index] = tick;
        self.states[index][ring(version)] = quantised(state);
        self.shared[index].forget();
    }
}

/// Where a version's state lies.
fn ring(version: u16) -> usize {
    usize::from(version) % VERSIONS
}

fn quantised(state: EntityState) -> EntityState {
    EntityState { hp_percent: state.hp_percent.min(100), ..state }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        ids::EntityId,
        motion::{Motion, Position},
        snapshot::state::{EntityKind, Name},
    };

    fn identity() -> Identity {
        Identity {
            entity: EntityId::new(1, 1),
            kind: EntityKind::Player,
            template: 0,
            name: Name::new(b"Hild").unwrap(),
        }
    }

    fn standing(x: u16) -> EntityState {
        EntityState { motion: Motion::Standing(Position::new(x, 7)), ..EntityState::default() }
    }

    /// protocol.md 12.1.1.
    #[test]
    fn a_version_is_made_by_a_difference_only() {
        let mut world = Replicator::new(2);
        world.insert(1, identity(), standing(5), Tick(3));
        let version = world.versions()[1];
        assert!(!world.update(1, standing(5), Tick(4)));
        assert_eq!((world.versions()[1], world.changed_at(1)), (version, Some(Tick(3))));
        assert!(world.update(1, standing(6), Tick(5)));
        assert_eq!((world.versions()[1], world.changed_at(1)), (version + 1, Some(Tick(5))));
        world.remove(1);
        assert_eq!((world.state(1), world.changed_at(1)), (None, None));
    }

    #[test]
    fn health_above_100_is_100() {
        let mut world = Replicator::new(1);
        world.insert(0, identity(), EntityState { hp_percent: 255, ..standing(1) }, Tick(1));
        assert_eq!(world.state(0).unwrap().hp_percent, 100);
        assert!(!world.update(0, EntityState { hp_percent: 101, ..standing(1) }, Tick(2)));
    }

    /// protocol.md 12.1.1.
    #[test]
    fn two_versions_never_share_a_tick() {
        let mut world = Replicator::new(1);
        world.insert(0, identity(), standing(1), Tick(3));
        let version = world.versions()[0];
        // Nobody was told yet: the later change of the tick takes the place of the earlier one.
        assert!(world.update(0, standing(2), Tick(3)));
        assert_eq!((world.versions()[0], world.changed_at(0)), (version, Some(Tick(3))));
        let _ = world.bits(0, 0);
        assert!(world.update(0, standing(4), Tick(3)));
        assert_eq!((world.versions()[0], world.changed_at(0)), (version + 1, Some(Tick(4))));
    }

    proptest! {
        #[test]
        fn shared_bits_are_the_bits(
            history in prop::collection::vec((any::<u16>(), 0u8..=100, 1u32..9), 16..80),
            asked in prop::collection::vec(0u16..16, 1..40),
        ) {
            let mut world = Replicator::new(1);
            let mut tick = Tick(1);
            world.insert(0, identity(), standing(0), tick);
            let mut all = vec![standing(0)];
            for (x, hp_percent, ticks) in history {
                tick = tick + ticks;
                let state = EntityState { hp_percent, ..standing(x) };
                if world.update(0, state, tick) {
                    all.push(state);
                }
                let version = world.versions()[0];
                let at = world.changed_at(0).unwrap();
                for &step in asked.iter().filter(|&&step| usize::from(step) < all.len()) {
                    let new = all.last().unwrap();
                    let (words, bits) = world.bits(0, step);
                    if step == 0 {
                        let direct = pack_whole(&identity(), new, version, at);
                        prop_assert_eq!((words, bits), (&direct.words[..], usize::from(direct.bits)));
                    } else {
                        let direct = pack_step(&all[all.len() - 1 - usize::from(step)], new, version, at);
                        prop_assert_eq!((words, bits), (&direct.words[..], usize::from(direct.bits)));
                    }
                }
            }
            let stats = world.stats();
            prop_assert!(stats.encoded <= 16 * all.len() as u64);
        }
    }
}
