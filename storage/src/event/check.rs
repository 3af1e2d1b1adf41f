//! What every event must satisfy before the store is asked: rules that need no row. An event that breaks one is a defect of
//! the server that wrote it; it is never applied.

use super::{EventKind, MAX_SLOTS, Place, ValueEvent};
use crate::ids::SystemAccount;

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
    /// The deltas of a currency do not add up to zero.
    #[error("the ledger changes add up to {0}, not to zero")]
    Unbalanced(i128),
    /// The name is not one a character may have.
    #[error("the name is not valid")]
    Name,
}

impl ValueEvent {
    /// Checks bounds, parts, duplicates of items, places and accounts, and that each currency balances.
    ///
    /// # Errors
    ///
    /// The first rule it breaks.
    pub fn check(&self) -> Result<(), Malformed> {
        self.check_parts()?;
        self.check_birth()?;
        self.check_items()?;
        self.check_balances()
    }

    fn check_parts(&self) -> Result<(), Malformed> {
        let fits = match self.kind {
            EventKind::CharacterBirth => {
                let own = self.birth.map(|birth| birth.character);
                own.is_some()
                    && self.moves.is_empty()
                    && self.burns.is_empty()
                    && self.mints.iter().all(|mint| Some(mint.to.owner) == own)
                    && self.balances.iter().all(|change| change.account < 0 || Some(change.account) == own)
            }
            EventKind::Trade => {
                self.birth.is_none()
                    && self.mints.is_empty()
                    && self.burns.is_empty()
                    && self.balances.iter().all(|change| change.account > 0)
            }
        };
        if fits { Ok(()) } else { Err(Malformed::Parts(self.kind)) }
    }

    fn check_birth(&self) -> Result<(), Malformed> {
        let Some(birth) = &self.birth else {
            return Ok(());
        };
        positive(birth.character)?;
        positive(birth.account)?;
        if birth.name.is_valid() { Ok(()) } else { Err(Malformed::Name) }
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
            if place.container != Place::INVENTORY || place.slot >= MAX_SLOTS {
                return Err(Malformed::Place(place));
            }
        }
        unique(self.uids()).map_err(Malformed::ItemTwice)?;
        unique(self.sources()).map_err(Malformed::PlaceTwice)?;
        unique(self.targets()).map_err(Malformed::PlaceTwice)
    }

    fn check_balances(&self) -> Result<(), Malformed> {
        for change in &self.balances {
            let known = change.account > 0 || SystemAccount::ALL.iter().any(|s| s.ledger_account() == change.account);
            if !known {
                return Err(Malformed::Id(change.account));
            }
            if change.delta == 0 {
                return Err(Malformed::NoChange(change.account));
            }
        }
        unique(self.balances.iter().map(|c| (c.currency, c.account))).map_err(|(_, a)| Malformed::AccountTwice(a))?;
        for first in &self.balances {
            let same = self.balances.iter().filter(|c| c.currency == first.currency);
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
mod tests {
    use super::Malformed;
    use crate::event::samples::{birth, trade};
    use crate::event::{EventKind, ItemBurn, ItemMint, Place, ValueEvent};

    /// A trade after one change to it.
    fn broken(change: impl FnOnce(&mut ValueEvent)) -> Result<(), Malformed> {
        let mut event = trade();
        change(&mut event);
        event.check()
    }

    #[test]
    fn the_samples_are_well_formed() {
        assert_eq!(trade().check(), Ok(()));
        assert_eq!(birth().check(), Ok(()));
    }

    #[test]
    fn a_kind_allows_only_its_own_parts() {
        let parts = Err(Malformed::Parts(EventKind::Trade));
        let item = trade().moves[0];
        let mint = ItemMint { uid: 900, template: 1, level: 0, to: Place::inventory(2, 40) };
        assert_eq!(broken(|e| e.mints.push(mint)), parts);
        assert_eq!(broken(|e| e.burns.push(ItemBurn { uid: 900, version: 1, from: item.from })), parts);
        assert_eq!(broken(|e| e.birth = birth().birth), parts);
        assert_eq!(broken(|e| e.balances[0].account = -1), parts);
        let mut orphan = birth();
        orphan.birth = None;
        assert_eq!(orphan.check(), Err(Malformed::Parts(EventKind::CharacterBirth)));
        let mut stranger = birth();
        stranger.mints[0].to.owner += 1;
        assert_eq!(stranger.check(), Err(Malformed::Parts(EventKind::CharacterBirth)));
    }

    #[test]
    fn ids_versions_and_places_have_bounds() {
        assert_eq!(broken(|e| e.moves[0].uid = 0), Err(Malformed::Id(0)));
        assert_eq!(broken(|e| e.moves[0].to.owner = -1), Err(Malformed::Id(-1)));
        assert_eq!(broken(|e| e.moves[0].version = 0), Err(Malformed::Version { uid: 11, version: 0 }));
        let last = i32::MAX;
        assert_eq!(broken(|e| e.moves[0].version = last), Err(Malformed::Version { uid: 11, version: last }));
        let (far, odd) = (Place::inventory(2, 1024), Place { owner: 2, container: 1, slot: 0 });
        assert_eq!(broken(|e| e.moves[0].to = far), Err(Malformed::Place(far)));
        assert_eq!(broken(|e| e.moves[0].to = odd), Err(Malformed::Place(odd)));
        let mut unknown = birth();
        unknown.balances[0].account = -99;
        assert_eq!(unknown.check(), Err(Malformed::Id(-99)));
    }

    #[test]
    fn nothing_appears_twice() {
        let (first, second) = (trade().moves[0], trade().moves[1]);
        assert_eq!(broken(|e| e.moves[1].uid = first.uid), Err(Malformed::ItemTwice(first.uid)));
        assert_eq!(broken(|e| e.moves[1].to = first.to), Err(Malformed::PlaceTwice(first.to)));
        assert_eq!(broken(|e| e.moves[0].from = second.from), Err(Malformed::PlaceTwice(second.from)));
        assert_eq!(broken(|e| e.balances[1].account = 1), Err(Malformed::AccountTwice(1)));
    }

    #[test]
    fn money_neither_appears_nor_disappears() {
        assert_eq!(broken(|e| e.balances[0].delta += 1), Err(Malformed::Unbalanced(1)));
        assert_eq!(broken(|e| e.balances.truncate(1)), Err(Malformed::Unbalanced(-30)));
        assert_eq!(broken(|e| e.balances[0].delta = 0), Err(Malformed::NoChange(1)));
        let overflow = |e: &mut ValueEvent| e.balances.iter_mut().for_each(|change| change.delta = i64::MIN);
        assert_eq!(broken(overflow), Err(Malformed::Unbalanced(2 * i128::from(i64::MIN))));
    }
}
