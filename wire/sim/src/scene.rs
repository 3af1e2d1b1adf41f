//! The map that the players see: entities that come, change and go, and everything they ever were.

use mu_wire::motion::{Direction, Motion, Path, Position, Steps, Tile};
use mu_wire::snapshot::{EntityKind, EntityState, Identity, Name, Replica, ReplicaEvent, Replicator, View};
use mu_wire::{EntityId, Tick};

use crate::dice::Dice;

/// Entities and their history.
#[derive(Debug)]
pub(crate) struct Scene {
    /// The state that clients are told.
    pub(crate) replicator: Replicator,
    entities: u16,
    generations: Vec<u16>,
    /// Which states each slot had: generation, tick, state.
    history: Vec<Vec<(u16, Tick, EntityState)>>,
    dice: Dice,
}

impl Scene {
    /// An empty map.
    #[must_use]
    pub(crate) fn new(entities: u16, dice: Dice) -> Self {
        Self {
            replicator: Replicator::new(entities.into()),
            entities,
            generations: vec![0; entities.into()],
            history: vec![Vec::new(); entities.into()],
            dice,
        }
    }

    /// A tick in which `bustle` of a hundred entities do something.
    pub(crate) fn step(&mut self, tick: Tick, bustle: u32) {
        for slot in 0..self.entities {
            if !self.dice.percent(bustle) {
                continue;
            }
            match self.replicator.state(slot).copied() {
                None => self.come(slot, tick),
                Some(_) if self.dice.percent(3) => {
                    self.replicator.remove(slot);
                    if self.dice.percent(50) {
                        self.come(slot, tick);
                    }
                }
                Some(state) => {
                    let next = change(&mut self.dice, state, tick);
                    self.replicator.update(slot, next, tick);
                }
            }
            self.remember(slot);
        }
    }

    /// The interest of one client wanders.
    pub(crate) fn look_around(&mut self, view: &mut View) {
        for _ in 0..2 + self.entities / 12 {
            let slot = self.dice.u16(self.entities);
            if view.contains(slot) {
                if self.dice.percent(10) {
                    view.leave(slot);
                }
            } else if self.replicator.identity(slot).is_some() {
                view.enter(slot);
            }
        }
    }

    /// Whether an entity was ever as a replica says it became.
    ///
    /// # Errors
    /// What it says that never was.
    pub(crate) fn check(&self, replica: &Replica, event: ReplicaEvent) -> Result<(), String> {
        let (entity, changed_at) = match event {
            ReplicaEvent::Entered { entity, changed_at } | ReplicaEvent::Changed { entity, changed_at } => {
                (entity, changed_at)
            }
            ReplicaEvent::Left { .. } => return Ok(()),
        };
        // Something newer may have come in the same body.
        let Some(seen) = replica.get(entity).filter(|seen| seen.changed_at == changed_at) else {
            return Ok(());
        };
        let states = self.history.get(usize::from(entity.slot())).map_or(&[][..], Vec::as_slice);
        let key = (entity.generation(), changed_at);
        match states.binary_search_by_key(&key, |(generation, tick, _)| (*generation, *tick)) {
            Ok(at) if states[at].2 == *seen.state => Ok(()),
            _ => Err(format!("{entity} was never like {:?} at {changed_at:?}", seen.state)),
        }
    }

    /// Whether a replica holds exactly what its view shows.
    ///
    /// # Errors
    /// The first difference.
    pub(crate) fn compare(&self, view: &View, replica: &Replica) -> Result<(), String> {
        if replica.len() != view.len() {
            return Err(format!("the replica sees {} entities, the view {}", replica.len(), view.len()));
        }
        for slot in view.iter() {
            let Some(identity) = self.replicator.identity(slot) else {
                return Err(format!("slot {slot} is in view and empty"));
            };
            let Some(seen) = replica.get(identity.entity) else {
                return Err(format!("{} is not seen", identity.entity));
            };
            if Some(seen.state) != self.replicator.state(slot) || seen.identity != identity {
                return Err(format!(
                    "{} is {:?}, seen as {:?}",
                    identity.entity,
                    self.replicator.state(slot),
                    seen.state
                ));
            }
        }
        Ok(())
    }

    fn come(&mut self, slot: u16, tick: Tick) {
        let generation = &mut self.generations[usize::from(slot)];
        *generation += 1;
        let dice = &mut self.dice;
        let tile = Tile::new(40 + dice.u8(170), 40 + dice.u8(170));
        let state =
            EntityState { motion: Motion::Standing(tile.centre()), heading: dice.u8(255), ..EntityState::default() };
        self.replicator.insert(slot, identity(slot, *generation), state, tick);
    }

    fn remember(&mut self, slot: u16) {
        if let (Some(state), Some(tick)) = (self.replicator.state(slot), self.replicator.changed_at(slot)) {
            let known = &mut self.history[usize::from(slot)];
            let key = (self.generations[usize::from(slot)], tick);
            if known.last().is_none_or(|(generation, tick, _)| (*generation, *tick) < key) {
                known.push((key.0, key.1, *state));
            }
        }
    }
}

fn identity(slot: u16, generation: u16) -> Identity {
    let kind = [EntityKind::Player, EntityKind::Monster, EntityKind::Npc, EntityKind::Item][usize::from(slot % 4)];
    let name = if kind == EntityKind::Player { format!("bot{slot}") } else { String::new() };
    Identity {
        entity: EntityId::new(slot, generation),
        kind,
        template: slot % 7,
        name: Name::new(name.as_bytes()).unwrap_or_default(),
    }
}

fn change(dice: &mut Dice, state: EntityState, tick: Tick) -> EntityState {
    let mut new = state;
    match dice.below(7) {
        0 => new.hp_percent = dice.u8(101),
        1 => new.flags = dice.u16(u16::MAX),
        2 => new.heading = dice.u8(255),
        3 => new.motion = Motion::Standing(state.motion.position_at(tick)),
        4 => new.motion = Motion::Standing(Position::new(dice.u16(u16::MAX), dice.u16(u16::MAX))),
        _ => new = walk(dice, state, tick).unwrap_or(new),
    }
    new
}

fn walk(dice: &mut Dice, state: EntityState, tick: Tick) -> Option<EntityState> {
    let steps: Vec<_> = (0..1 + dice.below(8)).map(|_| Direction::from_bits(dice.next())).collect();
    let origin = Position::new(0x2000 + dice.u16(0xc000), 0x2000 + dice.u16(0xc000));
    let path = Path::new(tick, origin, 1 + dice.u16(300), Steps::new(&steps)?).ok()?;
    Some(EntityState { motion: Motion::Walking(path), heading: path.steps().last().heading(), ..state })
}
