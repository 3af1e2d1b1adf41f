//! The client's copy: who is seen, and how they are now.
//!
//! Snapshots may be lost, come late or out of order; what is here is always a state the server once had, and the newest
//! the client has heard of. Memory grows with the number of entities seen at once: about 0.4 KiB each, at most 1.2 KiB
//! for one that changes in every tick.

use super::{
    MAX_STEP, WINDOW_TICKS,
    change::Change,
    error::Malformed,
    record::{self, Record},
    state::{EntityState, Identity},
};
use crate::{bits::BitReader, ids::EntityId, time::Tick};

/// Versions of an entity kept at most. A version can still be a baseline while the newest is at most 15 ahead of the
/// version it leads to, which is at most 15 ahead of it.
const MAX_HELD: u16 = 32;

/// Something a snapshot brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicaEvent {
    /// An entity came into sight.
    Entered {
        /// Which.
        entity: EntityId,
        /// The tick that made its state.
        changed_at: Tick,
    },
    /// An entity changed.
    Changed {
        /// Which.
        entity: EntityId,
        /// The tick that made the change.
        changed_at: Tick,
    },
    /// An entity went out of sight.
    Left {
        /// Which.
        entity: EntityId,
    },
}

/// An entity as the client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen<'a> {
    /// Who it is.
    pub identity: &'a Identity,
    /// How it is.
    pub state: &'a EntityState,
    /// The tick that made it so.
    pub changed_at: Tick,
}

/// The entities a client sees.
#[derive(Debug, Clone, Default)]
pub struct Replica {
    /// Which entity has the alias; 0 for none. Beside `lives`.
    entities: Vec<EntityId>,
    lives: Vec<Life>,
    newest: Option<Tick>,
}

/// One use of an alias.
#[derive(Debug, Clone)]
struct Life {
    /// The last tick that said the alias is free; what is told of it at that tick or before is another life.
    left_at: Option<Tick>,
    /// The tick of the first record heard of this life.
    entered_at: Tick,
    identity: Option<Identity>,
    /// A baseline and the tick of the record that used it: later records use none before it.
    floor: Option<(u16, Tick)>,
    /// Oldest first, in numbers and in ticks.
    held: Vec<Held>,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    state: EntityState,
    at: Tick,
    version: u16,
}

impl Replica {
    /// Sees nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many entities are seen.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether none is seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The entity, if it is seen.
    #[must_use]
    pub fn get(&self, entity: EntityId) -> Option<Seen<'_>> {
        self.lives.get(self.find(entity)?)?.seen()
    }

    /// Everyone who is seen, in no order.
    #[must_use = "iterators do nothing unless consumed"]
    pub fn iter(&self) -> impl Iterator<Item = Seen<'_>> {
        self.lives.iter().filter_map(Life::seen)
    }

    /// Versions held for all entities together, for reports.
    #[must_use]
    pub fn held(&self) -> usize {
        self.lives.iter().map(|life| life.held.len()).sum()
    }

    /// Takes a snapshot body in and says what it brought.
    ///
    /// # Errors
    /// [`Malformed`] when no server would have written it. What came before the fault has been taken in; the client
    /// should close the connection.
    pub fn apply(&mut self, tick: Tick, body: &[u8], on: &mut impl FnMut(ReplicaEvent)) -> Result<(), Malformed> {
        if self.newest.is_some_and(|newest| tick + WINDOW_TICKS <= newest) {
            // The server has counted it as lost.
            return Ok(());
        }
        self.newest = self.newest.max(Some(tick));
        let mut reader = BitReader::new(body);
        while !reader.is_finished() {
            let (alias, record) = record::read(&mut reader, tick)?;
            match record {
                Record::Leave => self.leave(usize::from(alias), tick, on),
                Record::Whole { version, at, identity, state } => {
                    self.whole(alias, tick, &identity, Held { state, at, version }, on)?;
                }
                Record::Step { step, version, at, change } => {
                    self.step(alias, tick, (step, version), at, &change, on)?
                }
            }
        }
        Ok(())
    }

    fn find(&self, entity: EntityId) -> Option<usize> {
        self.entities.iter().position(|&seen| seen == entity).filter(|&alias| self.lives[alias].identity.is_some())
    }

    fn leave(&mut self, alias: usize, tick: Tick, on: &mut impl FnMut(ReplicaEvent)) {
        let life = self.life(alias);
        if life.is_past(tick) {
            return;
        }
        life.left_at = Some(tick);
        if let Some(identity) = life.identity.take() {
            life.held.clear();
            self.entities[alias] = EntityId::default();
            on(ReplicaEvent::Left { entity: identity.entity });
        }
    }

    fn whole(
        &mut self,
        alias: u8,
        tick: Tick,
        identity: &Identity,
        held: Held,
        on: &mut impl FnMut(ReplicaEvent),
    ) -> Result<(), Malformed> {
        let index = usize::from(alias);
        let entity = identity.entity;
        let life = self.life(index);
        if life.is_past(tick) {
            return Ok(());
        }
        match life.identity {
            Some(known) if known.entity == entity => {
                if life.hold(held) {
                    on(ReplicaEvent::Changed { entity, changed_at: held.at });
                }
                return Ok(());
            }
            Some(_) => return Err(Malformed::AliasInUse { alias }),
            None => {}
        }
        if let Some(other) = self.find(entity) {
            // It left and came back under another alias, and only one of the two has been heard of.
            if self.lives[other].entered_at > tick {
                return Ok(());
            }
            self.leave(other, tick, on);
        }
        self.entities[index] = entity;
        let life = self.life(index);
        life.entered_at = tick;
        life.identity = Some(*identity);
        life.floor = None;
        life.held.push(held);
        on(ReplicaEvent::Entered { entity, changed_at: held.at });
        Ok(())
    }

    fn step(
        &mut self,
        alias: u8,
        tick: Tick,
        (step, version): (u16, u16),
        at: Tick,
        change: &Change,
        on: &mut impl FnMut(ReplicaEvent),
    ) -> Result<(), Malformed> {
        let life = self.life(usize::from(alias));
        let (Some(identity), false) = (life.identity, life.is_past(tick)) else {
            return Ok(());
        };
        let low = version.wrapping_sub(step) & MAX_STEP;
        let Some(base) = life.held.iter().rfind(|held| held.version & MAX_STEP == low && held.at < at).copied() else {
            // Without its baseline a change is lost for good unless a newer one is here already.
            let stale = life.held.last().is_some_and(|newest| at <= newest.at);
            return if stale { Ok(()) } else { Err(Malformed::UnknownBaseline { alias }) };
        };
        let state = change.apply(&base.state, at)?;
        life.settle_floor(base.version, tick);
        if life.hold(Held { state, at, version: base.version.wrapping_add(step) }) {
            on(ReplicaEvent::Changed { entity: identity.entity, changed_at: at });
        }
        Ok(())
    }

    /// The life of an alias, for the first time or again.
    fn life(&mut self, alias: usize) -> &mut Life {
        while self.lives.len() <= alias {
            self.lives.push(Life {
                left_at: None,
                entered_at: Tick::default(),
                identity: None,
                floor: None,
                held: Vec::new(),
            });
            self.entities.push(EntityId::default());
        }
        &mut self.lives[alias]
    }
}

impl Life {
    fn seen(&self) -> Option<Seen<'_>> {
        let newest = self.held.last()?;
        Some(Seen { identity: self.identity.as_ref()?, state: &newest.state, changed_at: newest.at })
    }

    /// Whether what was told at `tick` concerns an earlier life.
    fn is_past(&self, tick: Tick) -> bool {
        self.left_at.is_some_and(|left| tick <= left)
    }

    /// Keeps a version; whether it is the newest.
    fn hold(&mut self, new: Held) -> bool {
        let after = self.held.iter().rposition(|held| held.at <= new.at);
        match after {
            Some(i) if self.held[i].at == new.at => false,
            Some(i) => {
                self.held.insert(i + 1, new);
                let newest = i + 2 == self.held.len();
                if newest {
                    self.held.retain(|held| new.version.wrapping_sub(held.version) < MAX_HELD);
                }
                newest
            }
            None => {
                self.held.insert(0, new);
                self.held.len() == 1
            }
        }
    }

    /// A record of `tick` used this baseline. Every later one uses it or a newer one, and every earlier one is ignored as
    /// soon as the window has passed; then what is older can go.
    fn settle_floor(&mut self, base: u16, tick: Tick) {
        match self.floor {
            Some((_, since)) if tick < since + WINDOW_TICKS => return,
            Some((floor, _)) => {
                let keep = self.held.iter().position(|held| held.version == floor).unwrap_or(0);
                self.held.drain(..keep);
            }
            None => {}
        }
        self.floor = Some((base, tick));
    }
}
