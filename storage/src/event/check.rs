//! What every event must satisfy before the store is asked: rules that need no row. An event that breaks one is a defect of
//! the server that wrote it; it is never applied.

use super::shape::{DeedKind, Shape, shape};
use super::{Close, Currency, Deed, EventKind, MAX_SLOTS, Parcel, Place, Resolve, ValueEvent};
use crate::ids::SystemAccount;
use crate::planted::{self, Bug};

/// The rule an event breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The kind does not allow one of the lists used, or lacks one it needs.
    #[error("a {0:?} event cannot have these parts")]
    Parts(EventKind),
    /// An id that is not positive, and not a system account where one is allowed.
    #[error("{0} is not a valid id here")]
    Id(i64),
    /// A place outside its container.
    #[error("there is no place {0:?}")]
    Place(Place),
    /// An expected version that no item can have.
    #[error("item {uid} cannot have version {version}")]
    Version {
        /// Which item.
        uid: i64,
        /// The version expected.
        version: i32,
    },
    /// The same item twice.
    #[error("item {0} appears twice")]
    ItemTwice(i64),
    /// Two items leave or reach the same place.
    #[error("{0:?} appears twice")]
    PlaceTwice(Place),
    /// The same account twice in one currency.
    #[error("account {0} appears twice")]
    AccountTwice(i64),
    /// A ledger change of nothing.
    #[error("account {0} changes by zero")]
    NoChange(i64),
    /// The deltas of a family of currencies do not add up to zero.
    #[error("the ledger changes add up to {0}, not to zero")]
    Unbalanced(i128),
    /// Money of a kind that moves none such, or the wrong way.
    #[error("a {0:?} event cannot change account {1} so")]
    Money(EventKind, i64),
    /// Things of several characters or accounts in an event of one.
    #[error("a {0:?} event concerns one character and one account")]
    Strangers(EventKind),
    /// A parcel that is empty, goes to nobody, or does not hold what the event puts into it.
    #[error("parcel {0} is not valid")]
    Parcel(i64),
    /// A number, a text or a reference of the deed is outside its bounds, or contradicts the rest of the event.
    #[error("what the {0:?} event does beside is not valid")]
    Deed(EventKind),
    /// The name is not one a character may have.
    #[error("the name is not valid")]
    Name,
}

impl ValueEvent {
    /// Checks bounds, parts, duplicates of items, places and accounts, and that each family of currencies balances.
    ///
    /// # Errors
    ///
    /// The first rule it breaks.
    pub fn check(&self) -> Result<(), Malformed> {
        let shape = shape(self.kind);
        self.check_parts(&shape)?;
        self.check_items()?;
        self.check_balances()?;
        self.check_money(&shape)?;
        self.check_alone(&shape)?;
        self.check_parcels()?;
        self.check_deed()
    }

    fn check_parts(&self, shape: &Shape) -> Result<(), Malformed> {
        let (fewest, most) = shape.parcels;
        let fits = DeedKind::of(self.deed.as_ref()) == shape.deed
            && (fewest..=most).contains(&self.parcels.len())
            && self.mints.iter().all(|mint| Some(mint.to.container) == shape.mints)
            && self.moves.iter().all(|m| shape.moves.contains(&(m.from.container, m.to.container)))
            && self.burns.iter().all(|burn| shape.burns.contains(&burn.from.container));
        let enough = match self.kind {
            EventKind::CharacterBirth
            | EventKind::Trade
            | EventKind::LevelUp
            | EventKind::PointsSpend
            | EventKind::Resolution => true,
            EventKind::ShopBuy => !self.mints.is_empty(),
            EventKind::ShopSell | EventKind::Despawn => !self.burns.is_empty(),
            EventKind::CashCredit | EventKind::CashSpend => !self.balances.is_empty(),
            _ => !(self.mints.is_empty() && self.moves.is_empty() && self.burns.is_empty() && self.balances.is_empty()),
        };
        if fits && enough { Ok(()) } else { Err(Malformed::Parts(self.kind)) }
    }

    /// Whose money moves, which way.
    fn check_money(&self, shape: &Shape) -> Result<(), Malformed> {
        for change in &self.balances {
            let allowed = match SystemAccount::from_ledger_account(change.account) {
                Some(system) => shape.system.contains(&system) && system.currencies().contains(&change.currency),
                None => match change.currency {
                    Currency::Zen => shape.zen.allows(change.delta),
                    Currency::ZenStored => shape.stored.allows(change.delta),
                    Currency::Cash => shape.cash.allows(change.delta),
                },
            };
            if !allowed {
                return Err(Malformed::Money(self.kind, change.account));
            }
        }
        Ok(())
    }

    /// That an event of one character concerns one character, and one account.
    fn check_alone(&self, shape: &Shape) -> Result<(), Malformed> {
        let alone = !shape.alone || (all_same(self.actors()) && all_same(self.purses()));
        if alone { Ok(()) } else { Err(Malformed::Strangers(self.kind)) }
    }

    fn check_parcels(&self) -> Result<(), Malformed> {
        unique(self.parcels.iter().map(|parcel| parcel.id)).map_err(Malformed::Parcel)?;
        let sender = if self.kind == EventKind::MailSend { self.actors().next().unwrap_or(0) } else { 0 };
        for parcel in &self.parcels {
            positive(parcel.id)?;
            positive(parcel.to)?;
            if parcel.from != sender || parcel.zen < 0 || (parcel.zen == 0 && self.items_in(parcel) == 0) {
                return Err(Malformed::Parcel(parcel.id));
            }
        }
        let stray = self
            .targets()
            .find(|place| place.container == Place::POST && self.parcels.iter().all(|parcel| parcel.id != place.owner));
        if let Some(place) = stray {
            return Err(Malformed::Parcel(place.owner));
        }
        if self.kind == EventKind::MailClaim {
            return Ok(());
        }
        let sent: i128 = self.parcels.iter().map(|parcel| i128::from(parcel.zen)).sum();
        let posted = self.delta(SystemAccount::Post.ledger_account(), Currency::Zen);
        if sent == i128::from(posted) { Ok(()) } else { Err(Malformed::Money(self.kind, -6)) }
    }

    fn check_deed(&self) -> Result<(), Malformed> {
        let Some(deed) = &self.deed else { return Ok(()) };
        let next = |version: i32, least: i32| (least..i32::MAX).contains(&version);
        let fits = match deed {
            Deed::Birth(birth) => {
                positive(birth.character)?;
                positive(birth.account)?;
                if !birth.name.is_valid() {
                    return Err(Malformed::Name);
                }
                true
            }
            Deed::Growth(growth) => {
                positive(growth.character)?;
                growth.level >= 1 && next(growth.version, 0)
            }
            Deed::Claim { parcel } => {
                positive(*parcel)?;
                self.sources().all(|place| place.owner == *parcel)
            }
            Deed::Listing(listing) => {
                positive(listing.id)?;
                let price = listing.buy_out == 0 || listing.buy_out >= listing.min_bid;
                let placed = self.moves.len() == 1 && self.targets().all(|place| place == Place::auction(listing.id));
                placed && price && listing.min_bid >= 1 && listing.ends_s >= 1
            }
            Deed::Bid { listing, version, bidder, amount } => {
                positive(*listing)?;
                positive(*bidder)?;
                let paid = amount.checked_neg() == Some(self.delta(*bidder, Currency::Zen));
                let item = usize::from(self.kind == EventKind::AuctionBuyOut);
                *amount >= 1 && paid && next(*version, 1) && self.leaves(*listing, item)
            }
            Deed::Close { listing, version, how: Close::Sold | Close::Expired | Close::Cancelled } => {
                positive(*listing)?;
                next(*version, 1) && self.leaves(*listing, 1)
            }
            Deed::Cash { account, reference } => {
                positive(*account)?;
                !reference.is_empty() && reference.is_valid()
            }
            Deed::Authority { operator, reason } => {
                !operator.is_empty() && operator.is_valid() && !reason.is_empty() && reason.is_valid()
            }
            Deed::Resolution { .. } => self.resolution_fits(deed),
        };
        if fits { Ok(()) } else { Err(Malformed::Deed(self.kind)) }
    }

    fn resolution_fits(&self, deed: &Deed) -> bool {
        let Deed::Resolution { event_id, action, operator, reason, second } = deed else { return false };
        let signed = !operator.is_empty() && operator.is_valid() && !reason.is_empty() && reason.is_valid();
        let others = second.is_valid() && second.as_str() != operator.as_str();
        let gives = !self.parcels.is_empty() || !self.balances.is_empty();
        let cash = self.balances.iter().any(|change| change.currency == Currency::Cash);
        signed
            && others
            && *event_id != self.event_id
            && gives == (*action == Resolve::Compensate)
            && !(cash && second.is_empty())
    }

    /// Whether exactly `items` items leave this auction, and nothing else moves.
    fn leaves(&self, listing: i64, items: usize) -> bool {
        self.moves.len() == items && self.moves.iter().all(|m| m.from == Place::auction(listing))
    }

    /// How many items the event puts into a parcel.
    pub(crate) fn items_in(&self, parcel: &Parcel) -> usize {
        let inside = |place: &Place| place.container == Place::POST && place.owner == parcel.id;
        self.targets().filter(inside).count()
    }

    /// By how much the event changes a ledger account; 0 if it does not.
    pub(crate) fn delta(&self, account: i64, currency: Currency) -> i64 {
        let change = self.balances.iter().find(|c| c.account == account && c.currency == currency);
        change.map_or(0, |c| c.delta)
    }

    /// The characters whose own things the event changes; one may appear many times.
    pub(crate) fn actors(&self) -> impl Iterator<Item = i64> {
        let deed = match &self.deed {
            Some(Deed::Birth(birth)) => Some(birth.character),
            Some(Deed::Growth(growth)) => Some(growth.character),
            Some(Deed::Listing(listing)) => Some(listing.seller),
            Some(Deed::Bid { bidder, .. }) => Some(*bidder),
            _ => None,
        };
        let carried = self.sources().chain(self.targets()).filter(|place| place.container == Place::INVENTORY);
        // What lies on the ground belongs to whom dropped it, and anybody may take it.
        let dropped = self.targets().filter(|place| place.container == Place::GROUND);
        let paid = self.balances.iter().filter(|c| c.account > 0 && c.currency == Currency::Zen).map(|c| c.account);
        deed.into_iter().chain(carried.chain(dropped).map(|place| place.owner)).chain(paid)
    }

    /// The accounts whose warehouse or cash the event changes; one may appear many times.
    pub(crate) fn purses(&self) -> impl Iterator<Item = i64> {
        let deed = match &self.deed {
            Some(Deed::Cash { account, .. }) => Some(*account),
            _ => None,
        };
        let stored = self.sources().chain(self.targets()).filter(|place| place.container == Place::WAREHOUSE);
        let paid = self.balances.iter().filter(|c| c.account > 0 && c.currency != Currency::Zen).map(|c| c.account);
        deed.into_iter().chain(stored.map(|place| place.owner)).chain(paid)
    }

    fn check_items(&self) -> Result<(), Malformed> {
        for item in &self.mints {
            positive(item.uid)?;
        }
        let expected =
            self.moves.iter().map(|m| (m.uid, m.version)).chain(self.burns.iter().map(|b| (b.uid, b.version)));
        for (uid, version) in expected {
            positive(uid)?;
            if !(1..i32::MAX).contains(&version) {
                return Err(Malformed::Version { uid, version });
            }
        }
        for place in self.sources().chain(self.targets()) {
            positive(place.owner)?;
            if place.container > Place::AUCTION || place.slot >= MAX_SLOTS {
                return Err(Malformed::Place(place));
            }
        }
        unique(self.uids()).map_err(Malformed::ItemTwice)?;
        unique(self.sources()).map_err(Malformed::PlaceTwice)?;
        unique(self.targets()).map_err(Malformed::PlaceTwice)
    }

    fn check_balances(&self) -> Result<(), Malformed> {
        for change in &self.balances {
            let known = change.account > 0 || SystemAccount::from_ledger_account(change.account).is_some();
            if !known {
                return Err(Malformed::Id(change.account));
            }
            if change.delta == 0 {
                return Err(Malformed::NoChange(change.account));
            }
        }
        unique(self.balances.iter().map(|c| (c.currency, c.account))).map_err(|(_, a)| Malformed::AccountTwice(a))?;
        for first in &self.balances {
            let one = |c: Currency| c.family() == first.currency.family() || planted::is(Bug::FamiliesMixed);
            let same = self.balances.iter().filter(|c| one(c.currency));
            let sum: i128 = same.map(|c| i128::from(c.delta)).sum();
            if sum != 0 {
                return Err(Malformed::Unbalanced(sum));
            }
        }
        Ok(())
    }

    /// Every item the event names.
    pub(crate) fn uids(&self) -> impl Iterator<Item = i64> {
        let minted = self.mints.iter().map(|m| m.uid);
        minted.chain(self.moves.iter().map(|m| m.uid)).chain(self.burns.iter().map(|b| b.uid))
    }

    /// Every place an item must lie in before.
    pub(crate) fn sources(&self) -> impl Iterator<Item = Place> {
        self.moves.iter().map(|m| m.from).chain(self.burns.iter().map(|b| b.from))
    }

    /// Every place an item lies in afterwards.
    pub(crate) fn targets(&self) -> impl Iterator<Item = Place> {
        self.mints.iter().map(|m| m.to).chain(self.moves.iter().map(|m| m.to))
    }
}

fn positive(id: i64) -> Result<(), Malformed> {
    if id > 0 { Ok(()) } else { Err(Malformed::Id(id)) }
}

fn all_same(mut ids: impl Iterator<Item = i64>) -> bool {
    ids.next().is_none_or(|first| ids.all(|id| id == first))
}

/// The first value that occurs again later.
fn unique<T: PartialEq + Ord>(values: impl Iterator<Item = T>) -> Result<(), T> {
    let mut seen = std::collections::BTreeSet::new();
    for value in values {
        if let Some(before) = seen.replace(value) {
            return Err(before);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
