//! Identities of stored things. All are positive, made by the application from blocks the store hands out, and never used
//! again for something else; what an id refers to is not known here.

use std::fmt;

pub use mu_wal::Lsn;

use crate::event::Currency;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// A player's account.
    AccountId
}
id! {
    /// A character. It is also the number of the character's ledger account.
    CharacterId
}
id! {
    /// One item that exists, existed, or will exist; it moves between owners and is never created twice.
    ItemUid
}

/// The ledger accounts that stand for the outside world, and for what is on its way: every unit of money that appears or
/// disappears passes through one, so that the deltas of an event always add up to zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemAccount {
    /// Pays the starter kit of a new character.
    Starter,
    /// Pays what is picked up.
    Loot,
    /// Pays and receives what shops of the game cost.
    Shop,
    /// Receives fees.
    Tax,
    /// Pays what operators grant, receives what they take.
    Gm,
    /// Holds the zen inside parcels.
    Post,
    /// Holds standing bids.
    Auction,
    /// Pays cash credits.
    CashProvider,
    /// Receives cash that is spent.
    CashShop,
    /// Pays what the house makes good.
    Compensation,
}

impl SystemAccount {
    /// Every system account.
    pub const ALL: [Self; 10] = [
        Self::Starter,
        Self::Loot,
        Self::Shop,
        Self::Tax,
        Self::Gm,
        Self::Post,
        Self::Auction,
        Self::CashProvider,
        Self::CashShop,
        Self::Compensation,
    ];

    /// The number used in ledger rows; negative, so that it can never be a character or an account.
    #[must_use]
    pub const fn ledger_account(self) -> i64 {
        match self {
            Self::Starter => -1,
            Self::Loot => -2,
            Self::Shop => -3,
            Self::Tax => -4,
            Self::Gm => -5,
            Self::Post => -6,
            Self::Auction => -7,
            Self::CashProvider => -8,
            Self::CashShop => -9,
            Self::Compensation => -10,
        }
    }

    /// The system account with this number in ledger rows.
    #[must_use]
    pub fn from_ledger_account(account: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|system| system.ledger_account() == account)
    }

    /// The money it deals in; it has a balance in each from the start.
    #[must_use]
    pub const fn currencies(self) -> &'static [Currency] {
        match self {
            Self::CashProvider | Self::CashShop => &[Currency::Cash],
            Self::Compensation => &[Currency::Zen, Currency::Cash],
            Self::Starter | Self::Loot | Self::Shop | Self::Tax | Self::Gm | Self::Post | Self::Auction => {
                &[Currency::Zen]
            }
        }
    }
}

/// A counter in the store from which ids are handed out in blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequence {
    /// For [`AccountId`].
    Account,
    /// For [`CharacterId`].
    Character,
    /// For [`ItemUid`].
    Item,
    /// For parcels.
    Parcel,
    /// For auctions.
    Listing,
}

impl Sequence {
    /// Every sequence.
    pub const ALL: [Self; 5] = [Self::Account, Self::Character, Self::Item, Self::Parcel, Self::Listing];

    /// Its key in the `sequences` table.
    #[must_use]
    pub const fn key(self) -> i64 {
        match self {
            Self::Account => 1,
            Self::Character => 2,
            Self::Item => 3,
            Self::Parcel => 4,
            Self::Listing => 5,
        }
    }
}

/// Ids reserved for this process and not yet given away. What is left when the process ends is never used.
#[derive(Debug, Clone, Default)]
pub struct IdBlock {
    next: i64,
    end: i64,
}

impl IdBlock {
    /// The ids `first .. first + count`, as returned by [`crate::store::Store::id_block`].
    ///
    /// # Panics
    ///
    /// If `first` is not positive or the block passes the end of the number range.
    #[must_use]
    pub fn new(first: i64, count: u32) -> Self {
        assert!(first > 0, "ids are positive, got {first}");
        let end = first.checked_add(i64::from(count)).expect("ids fit in 63 bits");
        Self { next: first, end }
    }

    /// How many are left.
    #[must_use]
    pub fn left(&self) -> u64 {
        (self.end - self.next).unsigned_abs()
    }
}

impl Iterator for IdBlock {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        if self.next == self.end {
            return None;
        }
        self.next += 1;
        Some(self.next - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::IdBlock;

    #[test]
    fn a_block_gives_each_id_once_and_then_nothing() {
        let mut block = IdBlock::new(7, 3);
        assert_eq!(block.left(), 3);
        assert_eq!(block.by_ref().collect::<Vec<_>>(), [7, 8, 9]);
        assert_eq!((block.left(), block.next()), (0, None));
    }
}
