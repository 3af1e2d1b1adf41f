//! Places, and items that come to be, change place, or cease to be.

use rkyv::{Archive, Deserialize, Serialize};

/// Where an item lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Archive, Serialize, Deserialize, Hash)]
pub struct Place {
    /// Whose place it is: what kind of id this is depends on the container.
    pub owner: i64,
    /// Which container: one of the constants here.
    pub container: u8,
    /// Slot inside it, below [`super::MAX_SLOTS`].
    pub slot: u16,
}

impl Place {
    /// What a character carries and wears. The owner is the character.
    pub const INVENTORY: u8 = 0;
    /// The warehouse that the characters of an account share. The owner is the account.
    pub const WAREHOUSE: u8 = 1;
    /// The ground. The owner is the character that dropped the item and gets it back if nobody picked it up.
    pub const GROUND: u8 = 2;
    /// A parcel. The owner is the parcel's id.
    pub const POST: u8 = 3;
    /// An auction, slot 0. The owner is the listing's id.
    pub const AUCTION: u8 = 4;

    /// A slot of a character's inventory.
    #[must_use]
    pub const fn inventory(character: i64, slot: u16) -> Self {
        Self { owner: character, container: Self::INVENTORY, slot }
    }

    /// A slot of an account's warehouse.
    #[must_use]
    pub const fn warehouse(account: i64, slot: u16) -> Self {
        Self { owner: account, container: Self::WAREHOUSE, slot }
    }

    /// One of the places for what a character dropped.
    #[must_use]
    pub const fn ground(character: i64, slot: u16) -> Self {
        Self { owner: character, container: Self::GROUND, slot }
    }

    /// A slot of a parcel.
    #[must_use]
    pub const fn post(parcel: i64, slot: u16) -> Self {
        Self { owner: parcel, container: Self::POST, slot }
    }

    /// The place of an item that is up for auction.
    #[must_use]
    pub const fn auction(listing: i64) -> Self {
        Self { owner: listing, container: Self::AUCTION, slot: 0 }
    }
}

/// An item that comes to exist, at version 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct ItemMint {
    /// Its identity, from [`crate::ids::Sequence::Item`].
    pub uid: i64,
    /// What it is, as numbered by the content.
    pub template: u16,
    /// Its level.
    pub level: u8,
    /// Where it lies.
    pub to: Place,
}

/// An item that changes place; its version grows by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct ItemMove {
    /// Which item.
    pub uid: i64,
    /// The version it must have.
    pub version: i32,
    /// Where it must lie.
    pub from: Place,
    /// Where it will lie; free by then.
    pub to: Place,
}

/// An item that ceases to exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct ItemBurn {
    /// Which item.
    pub uid: i64,
    /// The version it must have.
    pub version: i32,
    /// Where it must lie.
    pub from: Place,
}
