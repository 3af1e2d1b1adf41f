//! Rows that stay known from one batch to the next, so that a batch reads only what no batch before it touched.
//!
//! The fenced applier is the only writer of these rows, and a batch begins where the last one ended; so what it knows is
//! what the database has, for as long as the applied position there is the one it was known at. Any failure, and any
//! position that is not expected, forgets all of it. Every write still states what it expects to find. Absence is knowledge
//! too: a place that is known to be free is not looked for.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use super::decide::{CharacterRow, Entity, ItemRow, Position, World, characters, entities};
use crate::event::{Place, ValueEvent};
use crate::ids::Lsn;

/// Rows of all kinds kept; when there are more, all are forgotten. Some 100 bytes each.
const ROWS_MAX: usize = 400_000;

/// The unresolved events that freeze an entity.
type Freezers = BTreeSet<(Position, u128)>;

/// Rows of one table by key; `None` for those that do not exist.
#[derive(Debug)]
pub(super) struct Known<K, V>(HashMap<K, Option<V>>);

impl<K, V> Default for Known<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Copy + Eq + Hash + Ord, V> Known<K, V> {
    /// Hands out what is known of these keys; returns those that have to be read.
    pub(super) fn recall(&self, wanted: &BTreeSet<K>, mut found: impl FnMut(K, &V)) -> BTreeSet<K> {
        let mut missing = BTreeSet::new();
        for key in wanted {
            match self.0.get(key) {
                Some(Some(row)) => found(*key, row),
                Some(None) => {}
                None => {
                    missing.insert(*key);
                }
            }
        }
        missing
    }

    fn learn(&mut self, keys: impl Iterator<Item = K>, row: impl Fn(&K) -> Option<V>) {
        for key in keys {
            self.0.insert(key, row(&key));
        }
    }
}

/// What the applier knows of the store.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    /// The applied position at which it knew it.
    applied: Lsn,
    pub(super) items: Known<i64, ItemRow>,
    pub(super) places: Known<Place, i64>,
    /// By account and currency code.
    pub(super) balances: Known<(i64, i32), i64>,
    pub(super) characters: Known<i64, CharacterRow>,
    pub(super) frozen: Known<Entity, Freezers>,
}

/// The keys that a batch asked for, whether they exist or not.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) items: BTreeSet<i64>,
    pub(super) places: BTreeSet<Place>,
    pub(super) balances: BTreeSet<(i64, i32)>,
    pub(super) characters: BTreeSet<i64>,
    pub(super) frozen: BTreeSet<Entity>,
}

impl Asked {
    /// What these events touch.
    pub(super) fn of<'a>(events: impl Iterator<Item = &'a ValueEvent> + Clone) -> Self {
        let changes = |event: &'a ValueEvent| event.balances.iter().map(|c| (c.account, c.currency.code()));
        Self {
            items: events.clone().flat_map(ValueEvent::uids).collect(),
            places: events.clone().flat_map(|event| event.sources().chain(event.targets())).collect(),
            balances: events.clone().flat_map(changes).collect(),
            characters: events.clone().flat_map(characters).collect(),
            frozen: events.flat_map(entities).collect(),
        }
    }
}

impl Cache {
    /// An empty cache, for a store at this position.
    pub(super) fn at(applied: Lsn) -> Self {
        Self { applied, ..Self::default() }
    }

    /// Whether it knows nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.rows() == 0
    }

    fn rows(&self) -> usize {
        let Self { items, places, balances, characters, frozen, .. } = self;
        items.0.len() + places.0.len() + balances.0.len() + characters.0.len() + frozen.0.len()
    }

    /// Whether it knows something, and about the store as it is at this position.
    pub(super) fn is_at(&self, applied: Lsn) -> bool {
        self.applied == applied && !self.is_empty()
    }

    /// Takes over what a batch read and changed; it ended at this position.
    pub(super) fn learn(&mut self, asked: &Asked, world: &World, applied: Lsn) {
        let Self { items, places, balances, characters, frozen, .. } = self;
        let now = |uid: &i64| world.items.get(uid).and_then(|item| item.now);
        items.learn(asked.items.iter().chain(world.items.keys()).copied(), now);
        places.learn(asked.places.iter().chain(world.places.keys()).copied(), |at| world.places.get(at).copied());
        let amount = |key: &(i64, i32)| world.balances.get(key).map(|balance| balance.now);
        balances.learn(asked.balances.iter().chain(world.balances.keys()).copied(), amount);
        let who = |id: &i64| world.characters.get(id).and_then(|character| character.now);
        characters.learn(asked.characters.iter().chain(world.characters.keys()).copied(), who);
        let by = |entity: &Entity| world.frozen.get(entity).cloned();
        frozen.learn(asked.frozen.iter().chain(world.frozen.keys()).copied(), by);
        if self.rows() > ROWS_MAX {
            *self = Self::default();
        }
        self.applied = applied;
    }
}
