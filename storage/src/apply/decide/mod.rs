//! Deciding an event: a pure function of the rows it touches. Knows no database.
//!
//! A [`World`] holds those rows and changes with each applied event; [`Effects`] collects what has to be written. Checks
//! come first and change nothing, so a rejected event leaves no trace in the world.

mod change;
mod deeds;
mod effects;
mod resolve;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Birth, Deed, EventKind, Place, ValueEvent};
use crate::names;
use crate::planted::{self, Bug};
use crate::store::{MAX_CHARACTERS, Outcome, Reason};

pub(crate) use effects::{Effects, Step};
#[cfg(feature = "sim")]
pub(crate) use effects::{HistoryRow, LedgerRow, OutcomeRow};
pub(crate) use rows::{
    Balance, CharacterRow, Entity, GrowthRow, ItemRow, ListingRow, ListingState, ParcelRow, Position, Quarantined,
    Tracked,
};

/// Every row that the events of a batch touch.
#[derive(Debug, Default, Clone)]
pub(crate) struct World {
    /// The number of the journal whose events are decided.
    pub(crate) journal: i64,
    pub(crate) items: BTreeMap<i64, Tracked>,
    pub(crate) places: BTreeMap<Place, i64>,
    /// Items that exist or once existed, of those the batch creates.
    pub(crate) minted: BTreeSet<i64>,
    /// By account and currency code.
    pub(crate) balances: BTreeMap<(i64, i32), Balance>,
    pub(crate) characters: BTreeMap<i64, Tracked<CharacterRow>>,
    /// Accounts with their number of characters.
    pub(crate) accounts: BTreeMap<i64, usize>,
    /// Names in use, as [`names::key`].
    pub(crate) names: BTreeSet<String>,
    pub(crate) parcels: BTreeMap<i64, Tracked<ParcelRow>>,
    pub(crate) listings: BTreeMap<i64, Tracked<ListingRow>>,
    /// What is frozen, by which unresolved events, in their order.
    pub(crate) frozen: BTreeMap<Entity, BTreeSet<(Position, u128)>>,
    /// Quarantined events that are to be resolved, and those quarantined in this batch.
    pub(crate) reviews: BTreeMap<u128, Quarantined>,
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
        // What a resolution is about is frozen; it touches nothing else that exists.
        let frozen = entities(event).any(|entity| self.is_frozen(entity)) && !planted::is(Bug::FrozenIgnored);
        if event.kind != EventKind::Resolution && frozen {
            return Outcome::Quarantined(Reason::Frozen);
        }
        if planted::is(Bug::OutcomeWithoutEffects) && event.kind == EventKind::Trade {
            return self.check(event).map_or_else(Outcome::Rejected, |()| Outcome::Applied);
        }
        let decided = match self.resolution(event) {
            Ok(None) => self.check(event).map(|()| self.change(event, effects)),
            Ok(Some(resolution)) => self.check(event).and_then(|()| self.resolve(event, resolution, effects)),
            Err(reason) => Err(reason),
        };
        match decided {
            Ok(()) => Outcome::Applied,
            Err(reason) if told && !planted::is(Bug::ToldRejected) => Outcome::Quarantined(reason),
            Err(reason) => Outcome::Rejected(reason),
        }
    }

    /// Whether an unresolved event concerns it.
    pub(crate) fn is_frozen(&self, entity: Entity) -> bool {
        self.frozen.get(&entity).is_some_and(|by| !by.is_empty())
    }

    /// Every precondition of an event; changes nothing.
    fn check(&self, event: &ValueEvent) -> Result<(), Reason> {
        self.check_owners(event)?;
        self.check_deed(event)?;
        self.check_parcels(event)?;
        self.check_items(event)?;
        self.check_balances(event)
    }

    fn check_birth(&self, birth: &Birth) -> Result<(), Reason> {
        let characters = *self.accounts.get(&birth.account).ok_or(Reason::AccountUnknown)?;
        if self.is_character(birth.character) {
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

    fn is_character(&self, id: i64) -> bool {
        self.characters.get(&id).is_some_and(|tracked| tracked.now.is_some())
    }

    fn check_owners(&self, event: &ValueEvent) -> Result<(), Reason> {
        let born = event.birth().map(|birth| birth.character);
        if !characters(event).all(|id| Some(id) == born || self.is_character(id)) {
            return Err(Reason::CharacterUnknown);
        }
        if !event.purses().all(|id| self.accounts.contains_key(&id)) {
            return Err(Reason::AccountUnknown);
        }
        if event.kind != EventKind::WarehouseMove || planted::is(Bug::WarehouseOpen) {
            return Ok(());
        }
        // A warehouse is open to the characters of its account only.
        let Some(character) = event.actors().next() else { return Ok(()) };
        let own = self.characters.get(&character).and_then(|tracked| tracked.now).map(|row| row.account);
        if event.purses().all(|account| Some(account) == own) { Ok(()) } else { Err(Reason::AccountOther) }
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
            if item.version != version && !planted::is(Bug::VersionIgnored) {
                return Err(Reason::ItemVersion);
            }
            if item.place != from {
                return Err(Reason::ItemElsewhere);
            }
        }
        let left: BTreeSet<Place> = event.sources().collect();
        let taken = |place: Place| self.places.contains_key(&place) && !left.contains(&place);
        if event.targets().any(taken) && !planted::is(Bug::PlaceIgnored) { Err(Reason::PlaceTaken) } else { Ok(()) }
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
}

/// The characters an event names, beside one it brings to life: those that must exist.
pub(crate) fn characters(event: &ValueEvent) -> impl Iterator<Item = i64> {
    let senders = event.parcels.iter().flat_map(|parcel| [parcel.to, parcel.from]);
    event.actors().chain(senders).filter(|&id| id > 0)
}

/// The parcels an event names.
pub(crate) fn parcels(event: &ValueEvent) -> impl Iterator<Item = i64> {
    let claimed = match event.deed {
        Some(Deed::Claim { parcel }) => Some(parcel),
        _ => None,
    };
    event.parcels.iter().map(|parcel| parcel.id).chain(claimed)
}

/// The auction an event names.
pub(crate) const fn listing(event: &ValueEvent) -> Option<i64> {
    match &event.deed {
        Some(Deed::Listing(row)) => Some(row.id),
        Some(Deed::Bid { listing, .. } | Deed::Close { listing, .. }) => Some(*listing),
        _ => None,
    }
}

/// Everything an event names that can be frozen: what its outcome depends on. Whom a parcel is for is not among it.
pub(crate) fn entities(event: &ValueEvent) -> impl Iterator<Item = Entity> {
    let people = event.actors().map(Entity::Character).chain(event.purses().map(Entity::Account));
    let mail = parcels(event).map(Entity::Parcel).chain(listing(event).map(Entity::Listing));
    people.chain(mail).chain(event.uids().map(Entity::Item)).filter(|entity| entity.key().1 > 0)
}
