//! Deciding an event: a pure function of the rows it touches. Knows no database.
//!
//! A [`World`] holds those rows and changes with each applied event; [`Effects`] collects what has to be written. Checks
//! come first and change nothing, so a rejected event leaves no trace in the world.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Birth, EventKind, Place, ValueEvent};
use crate::ids::Lsn;
use crate::names;
use crate::store::{MAX_CHARACTERS, Outcome, Reason};

/// A stored item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ItemRow {
    pub(crate) version: i32,
    pub(crate) template: i32,
    pub(crate) level: i32,
    pub(crate) place: Place,
}

/// An item before the batch and now; `None` where it does not exist.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tracked {
    pub(crate) before: Option<ItemRow>,
    pub(crate) now: Option<ItemRow>,
}

/// A balance before the batch and now; `None` before it existed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Balance {
    pub(crate) before: Option<i64>,
    pub(crate) now: i64,
}

/// What can be frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Entity {
    Character(i64),
    Item(i64),
}

/// Every row that the events of a batch touch.
#[derive(Debug, Default, Clone)]
pub(crate) struct World {
    pub(crate) items: BTreeMap<i64, Tracked>,
    pub(crate) places: BTreeMap<Place, i64>,
    /// Items that exist or once existed, of those the batch creates.
    pub(crate) minted: BTreeSet<i64>,
    /// By account and currency code.
    pub(crate) balances: BTreeMap<(i64, i32), Balance>,
    pub(crate) characters: BTreeSet<i64>,
    /// Accounts with their number of characters.
    pub(crate) accounts: BTreeMap<i64, usize>,
    /// Names in use, as [`names::key`].
    pub(crate) names: BTreeSet<String>,
    pub(crate) frozen: BTreeSet<Entity>,
}

/// What an item's history row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Minted,
    Moved,
    Burned,
}

/// A row of an item's history.
#[derive(Debug, Clone)]
pub(crate) struct HistoryRow {
    pub(crate) uid: i64,
    pub(crate) seq: i32,
    pub(crate) event_id: u128,
    pub(crate) step: Step,
    pub(crate) from: Place,
    pub(crate) to: Place,
}

/// A row of the ledger.
#[derive(Debug, Clone)]
pub(crate) struct LedgerRow {
    pub(crate) event_id: u128,
    pub(crate) account: i64,
    pub(crate) currency: i32,
    pub(crate) delta: i64,
}

/// An outcome row.
#[derive(Debug, Clone)]
pub(crate) struct OutcomeRow {
    pub(crate) event_id: u128,
    pub(crate) lsn: Lsn,
    pub(crate) outcome: Outcome,
    pub(crate) changes: usize,
    pub(crate) moves: usize,
}

/// A row of the review table.
#[derive(Debug, Clone)]
pub(crate) struct ReviewRow {
    pub(crate) event_id: u128,
    pub(crate) payload: Vec<u8>,
    pub(crate) detail: String,
}

/// Rows to be written, beside the items and balances that changed in the world.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) outcomes: Vec<OutcomeRow>,
    pub(crate) births: Vec<(Birth, u128)>,
    pub(crate) history: Vec<HistoryRow>,
    pub(crate) ledger: Vec<LedgerRow>,
    pub(crate) reviews: Vec<ReviewRow>,
    pub(crate) frozen: Vec<(Entity, u128)>,
    counted: (usize, usize),
}

/// The place of an item that does not exist.
const NOWHERE: Place = Place { owner: 0, container: 0, slot: 0 };

impl Effects {
    /// Adds the outcome row of an event whose effects were added just before.
    pub(crate) fn decided(&mut self, event_id: u128, lsn: Lsn, outcome: Outcome) {
        let (ledger, history) = self.counted;
        let (changes, moves) = (self.ledger.len() - ledger, self.history.len() - history);
        self.counted = (self.ledger.len(), self.history.len());
        self.outcomes.push(OutcomeRow { event_id, lsn, outcome, changes, moves });
    }

    pub(crate) fn review(&mut self, event_id: u128, payload: Vec<u8>, detail: String) {
        self.reviews.push(ReviewRow { event_id, payload, detail });
    }
}

impl World {
    /// Decides an event and, if it is applied, changes the world and adds its rows.
    ///
    /// `told`: success was told when the event became durable, so it can no longer be refused: what would be rejected is
    /// quarantined.
    pub(crate) fn decide(&mut self, event: &ValueEvent, told: bool, effects: &mut Effects) -> Outcome {
        if event.check().is_err() {
            return Outcome::Quarantined(Reason::Malformed);
        }
        if entities(event).any(|entity| self.frozen.contains(&entity)) {
            return Outcome::Quarantined(Reason::Frozen);
        }
        let checked = Self::check_kind(event)
            .and_then(|()| self.check_birth(event))
            .and_then(|()| self.check_characters(event))
            .and_then(|()| self.check_items(event))
            .and_then(|()| self.check_balances(event));
        if let Err(reason) = checked {
            return if told { Outcome::Quarantined(reason) } else { Outcome::Rejected(reason) };
        }
        self.apply_birth(event, effects);
        self.apply_items(event, effects);
        self.apply_balances(event, effects);
        Outcome::Applied
    }

    /// Keeps the event for review and freezes everything it names.
    pub(crate) fn quarantine(&mut self, event: &ValueEvent, payload: Vec<u8>, detail: String, effects: &mut Effects) {
        effects.review(event.event_id, payload, detail);
        for entity in entities(event) {
            if self.frozen.insert(entity) {
                effects.frozen.push((entity, event.event_id));
            }
        }
    }

    fn check_kind(event: &ValueEvent) -> Result<(), Reason> {
        match event.kind {
            EventKind::CharacterBirth | EventKind::Trade => Ok(()),
            _ => Err(Reason::KindUnknown),
        }
    }

    fn check_birth(&self, event: &ValueEvent) -> Result<(), Reason> {
        let Some(birth) = event.birth() else {
            return Ok(());
        };
        let characters = *self.accounts.get(&birth.account).ok_or(Reason::AccountUnknown)?;
        if self.characters.contains(&birth.character) {
            return Err(Reason::CharacterExists);
        }
        if characters >= MAX_CHARACTERS {
            return Err(Reason::CharacterLimit);
        }
        if self.names.contains(&names::key(birth.name.as_str())) {
            return Err(Reason::NameTaken);
        }
        Ok(())
    }

    fn check_characters(&self, event: &ValueEvent) -> Result<(), Reason> {
        let born = event.birth().map(|birth| birth.character);
        let known = |id: i64| Some(id) == born || self.characters.contains(&id);
        if characters(event).all(known) { Ok(()) } else { Err(Reason::CharacterUnknown) }
    }

    fn check_items(&self, event: &ValueEvent) -> Result<(), Reason> {
        for mint in &event.mints {
            if self.minted.contains(&mint.uid) {
                return Err(Reason::ItemExists);
            }
        }
        let moved = event.moves.iter().map(|m| (m.uid, m.version, m.from));
        let burned = event.burns.iter().map(|b| (b.uid, b.version, b.from));
        for (uid, version, from) in moved.chain(burned) {
            let item = self.items.get(&uid).and_then(|tracked| tracked.now).ok_or(Reason::ItemMissing)?;
            if item.version != version {
                return Err(Reason::ItemVersion);
            }
            if item.place != from {
                return Err(Reason::ItemElsewhere);
            }
        }
        let left: BTreeSet<Place> = event.sources().collect();
        let taken = |place: Place| self.places.contains_key(&place) && !left.contains(&place);
        if event.targets().any(taken) { Err(Reason::PlaceTaken) } else { Ok(()) }
    }

    fn check_balances(&self, event: &ValueEvent) -> Result<(), Reason> {
        for change in &event.balances {
            let balance = self.balances.get(&(change.account, change.currency.code())).map_or(0, |b| b.now);
            let after = balance.checked_add(change.delta).ok_or(Reason::BalanceTooHigh)?;
            if change.account > 0 && after < 0 {
                return Err(Reason::BalanceTooLow);
            }
        }
        Ok(())
    }

    fn apply_birth(&mut self, event: &ValueEvent, effects: &mut Effects) {
        let Some(&birth) = event.birth() else { return };
        self.characters.insert(birth.character);
        *self.accounts.entry(birth.account).or_default() += 1;
        self.names.insert(names::key(birth.name.as_str()));
        let zen = (birth.character, crate::event::Currency::Zen.code());
        self.balances.insert(zen, Balance { before: None, now: 0 });
        effects.births.push((birth, event.event_id));
    }

    fn apply_items(&mut self, event: &ValueEvent, effects: &mut Effects) {
        for place in event.sources() {
            self.places.remove(&place);
        }
        let event_id = event.event_id;
        for mint in &event.mints {
            let (template, level) = (mint.template.into(), mint.level.into());
            self.minted.insert(mint.uid);
            self.put(mint.uid, ItemRow { version: 1, template, level, place: mint.to });
            let step = Step::Minted;
            effects.history.push(HistoryRow { uid: mint.uid, seq: 1, event_id, step, from: NOWHERE, to: mint.to });
        }
        for change in &event.moves {
            let old = self.items[&change.uid].now.expect("checked above");
            let seq = change.version + 1;
            self.put(change.uid, ItemRow { version: seq, place: change.to, ..old });
            let (from, to, step) = (change.from, change.to, Step::Moved);
            effects.history.push(HistoryRow { uid: change.uid, seq, event_id, step, from, to });
        }
        for burn in &event.burns {
            self.items.entry(burn.uid).or_default().now = None;
            let (uid, seq, step) = (burn.uid, burn.version + 1, Step::Burned);
            effects.history.push(HistoryRow { uid, seq, event_id, step, from: burn.from, to: NOWHERE });
        }
    }

    fn put(&mut self, uid: i64, item: ItemRow) {
        self.items.entry(uid).or_default().now = Some(item);
        let before = self.places.insert(item.place, uid);
        assert_eq!(before, None, "the place {:?} was checked to be free", item.place);
    }

    fn apply_balances(&mut self, event: &ValueEvent, effects: &mut Effects) {
        for change in &event.balances {
            let (account, currency, delta) = (change.account, change.currency.code(), change.delta);
            let balance = self.balances.entry((account, currency)).or_insert(Balance { before: None, now: 0 });
            balance.now += delta;
            effects.ledger.push(LedgerRow { event_id: event.event_id, account, currency, delta });
        }
    }
}

/// The characters an event names, beside one it brings to life.
pub(crate) fn characters(event: &ValueEvent) -> impl Iterator<Item = i64> {
    let owners = event.sources().chain(event.targets()).map(|place| place.owner);
    owners.chain(event.balances.iter().map(|change| change.account)).filter(|&id| id > 0)
}

/// Everything an event names that can be frozen.
pub(crate) fn entities(event: &ValueEvent) -> impl Iterator<Item = Entity> {
    let born = event.birth().into_iter().map(|birth| birth.character).filter(|&id| id > 0);
    let items = event.uids().filter(|&uid| uid > 0).map(Entity::Item);
    born.chain(characters(event)).map(Entity::Character).chain(items)
}
