//! A value event: everything one critical operation does to items and currency, as absolute, checkable changes.
//!
//! This is the payload of a journal record ([`VALUE_KIND`]). An event names for each item its expected version and place
//! and for each ledger account a signed delta, so that it can be decided from the store's rows alone, at any later time,
//! to the same result. It holds no rules of the game: what may be traded is decided by the map before the event is made.

mod check;
mod codec;
pub mod deed;
pub mod item;
pub mod kind;
mod make;
pub mod money;
pub mod parts;
#[cfg(test)]
mod samples;
mod schema1;
mod shape;
pub mod text;

pub use check::Malformed;
pub use codec::{BadEvent, MAX_EVENT_BYTES, decode, encode_into};
pub use deed::Deed;
pub use item::{ItemBurn, ItemMint, ItemMove, Place};
pub use kind::EventKind;
pub use make::{Letter, Standing};
pub use money::{BalanceChange, Currency};
pub use parts::{Birth, CharacterName, Close, Growth, Listing, Parcel, Resolve};
pub use text::Text;

use arrayvec::ArrayVec;
use rkyv::{Archive, Deserialize, Serialize};

/// The journal's record kind of a value event. Kinds below 16 belong to the journal itself.
pub const VALUE_KIND: u16 = 16;
/// The schema number of [`ValueEvent`] as [`encode_into`] writes it. Older schemas are read and turned into it.
pub const VALUE_SCHEMA: u16 = 2;

/// Most parcels sent by one event: goods, proceeds and a refund, and one more.
pub const MAX_PARCELS: usize = 4;
/// Most items created by one event.
pub const MAX_MINTS: usize = 16;
/// Most items moved by one event: two players trading 32 each.
pub const MAX_MOVES: usize = 64;
/// Most items destroyed by one event.
pub const MAX_BURNS: usize = 16;
/// Most ledger accounts changed by one event.
pub const MAX_BALANCES: usize = 8;
/// Most slots of one container.
pub const MAX_SLOTS: u16 = 1024;

/// One critical operation, complete.
#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct ValueEvent {
    /// Unique for good: host, boot and counter. The outcome row carries it; deciding it twice is impossible.
    pub event_id: u128,
    /// What the operation was.
    pub kind: EventKind,
    /// What it does beside moving items and money.
    pub deed: Option<Deed>,
    /// Parcels sent. Their items are the mints and moves to [`Place::post`] of their ids.
    pub parcels: ArrayVec<Parcel, MAX_PARCELS>,
    /// Items created.
    pub mints: ArrayVec<ItemMint, MAX_MINTS>,
    /// Items that change place.
    pub moves: ArrayVec<ItemMove, MAX_MOVES>,
    /// Items destroyed.
    pub burns: ArrayVec<ItemBurn, MAX_BURNS>,
    /// Ledger changes; they add up to zero per family of currencies.
    pub balances: ArrayVec<BalanceChange, MAX_BALANCES>,
}

impl ValueEvent {
    /// An event that changes nothing yet.
    #[must_use]
    pub const fn new(event_id: u128, kind: EventKind) -> Self {
        Self {
            event_id,
            kind,
            deed: None,
            parcels: ArrayVec::new_const(),
            mints: ArrayVec::new_const(),
            moves: ArrayVec::new_const(),
            burns: ArrayVec::new_const(),
            balances: ArrayVec::new_const(),
        }
    }

    /// The character that comes to life, for [`EventKind::CharacterBirth`].
    #[must_use]
    pub const fn birth(&self) -> Option<&Birth> {
        match &self.deed {
            Some(Deed::Birth(birth)) => Some(birth),
            _ => None,
        }
    }
}
