//! Kinds of money and changes of ledger accounts.

use rkyv::{Archive, Deserialize, Serialize};

/// A kind of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Archive, Serialize, Deserialize)]
pub enum Currency {
    /// The money of the game, as a character carries it. The ledger account is the character.
    Zen,
    /// The money of the game in a warehouse. The ledger account is the account.
    ZenStored,
    /// Money that was paid for with real money. The ledger account is the account.
    Cash,
}

impl Currency {
    /// Every currency.
    pub const ALL: [Self; 3] = [Self::Zen, Self::ZenStored, Self::Cash];
    /// Currencies whose code divided by this is the same are one money in several pockets: they are added together.
    pub const FAMILY: i32 = 16;

    /// Its number in ledger rows.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::Zen => 0,
            Self::ZenStored => 1,
            Self::Cash => 16,
        }
    }

    /// Its family: the deltas of an event add up to zero in each.
    #[must_use]
    pub const fn family(self) -> i32 {
        self.code() / Self::FAMILY
    }
}

/// A change of one ledger account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct BalanceChange {
    /// A character's or an account's id, as the currency says, or a [`crate::ids::SystemAccount`].
    pub account: i64,
    /// Which money.
    pub currency: Currency,
    /// How much is added; not zero.
    pub delta: i64,
}
