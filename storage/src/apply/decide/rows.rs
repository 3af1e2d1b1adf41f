//! The rows that deciding reads and changes, as plain values.

use crate::event::Place;

/// A position in the order of all journals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// The journal's number in the store; later journals have greater ones.
    pub(crate) journal: i64,
    pub(crate) lsn: u64,
}

/// A row before the batch and now; `None` where it does not exist.
#[derive(Debug, Clone)]
pub(crate) struct Tracked<T = ItemRow> {
    pub(crate) before: Option<T>,
    pub(crate) now: Option<T>,
}

impl<T> Default for Tracked<T> {
    fn default() -> Self {
        Self { before: None, now: None }
    }
}

impl<T: Clone> Tracked<T> {
    /// A row as it was read.
    pub(crate) fn stored(row: T) -> Self {
        Self { before: Some(row.clone()), now: Some(row) }
    }
}

/// A stored item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ItemRow {
    pub(crate) version: i32,
    pub(crate) template: i32,
    pub(crate) level: i32,
    pub(crate) place: Place,
}

/// A balance before the batch and now; `None` before it existed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Balance {
    pub(crate) before: Option<i64>,
    pub(crate) now: i64,
}

/// A character's level and stats. Version 0 is how it was born.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GrowthRow {
    pub(crate) version: i32,
    pub(crate) level: i32,
    pub(crate) points: i32,
    pub(crate) stats: [i32; 4],
}

impl GrowthRow {
    pub(crate) const BORN: Self = Self { version: 0, level: 1, points: 0, stats: [0; 4] };
}

/// What deciding needs of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CharacterRow {
    pub(crate) account: i64,
    pub(crate) growth: GrowthRow,
}

/// A parcel. Never removed; an open one has no `claimed_by`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ParcelRow {
    pub(crate) sender: i64,
    pub(crate) receiver: i64,
    pub(crate) zen: i64,
    /// How many items were put into it.
    pub(crate) items: i32,
    pub(crate) made_by: u128,
    pub(crate) claimed_by: Option<u128>,
}

/// How an auction stands. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListingState {
    Open = 0,
    BoughtOut = 1,
    Sold = 2,
    Expired = 3,
    Cancelled = 4,
}

impl ListingState {
    const ALL: [Self; 5] = [Self::Open, Self::BoughtOut, Self::Sold, Self::Expired, Self::Cancelled];

    pub(crate) fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|&state| state as i32 == code)
    }
}

/// An auction. Its version is that of its newest step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListingRow {
    pub(crate) version: i32,
    pub(crate) seller: i64,
    pub(crate) min_bid: i64,
    pub(crate) buy_out: i64,
    pub(crate) ends_s: i64,
    /// 0 before the first bid.
    pub(crate) bidder: i64,
    pub(crate) bid: i64,
    pub(crate) state: ListingState,
    pub(crate) made_by: u128,
}

/// A quarantined event as it waits for review.
#[derive(Debug, Clone)]
pub(crate) struct Quarantined {
    pub(crate) at: Position,
    /// The payload's schema; 0 if it could not be read.
    pub(crate) schema: u16,
    pub(crate) payload: Vec<u8>,
    pub(crate) resolved_by: Option<u128>,
}

/// What can be frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Entity {
    Character(i64),
    Item(i64),
    Account(i64),
    Parcel(i64),
    Listing(i64),
}

impl Entity {
    /// Its key in the table of frozen things.
    pub(crate) const fn key(self) -> (i64, i64) {
        match self {
            Self::Character(id) => (0, id),
            Self::Item(uid) => (1, uid),
            Self::Account(id) => (2, id),
            Self::Parcel(id) => (3, id),
            Self::Listing(id) => (4, id),
        }
    }

    pub(crate) const fn from_key(kind: i32, id: i64) -> Option<Self> {
        match kind {
            0 => Some(Self::Character(id)),
            1 => Some(Self::Item(id)),
            2 => Some(Self::Account(id)),
            3 => Some(Self::Parcel(id)),
            4 => Some(Self::Listing(id)),
            _ => None,
        }
    }
}
