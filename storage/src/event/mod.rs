//! A value event: everything one critical operation does to items and currency, as absolute, checkable changes.
//!
//! This is the payload of a journal record ([`VALUE_KIND`]). An event names for each item its expected version and place
//! and for each ledger account a signed delta, so that it can be decided from the store's rows alone, at any later time,
//! to the same result. It holds no rules of the game: what may be traded is decided by the map before the event is made.

mod check;
mod codec;
#[cfg(test)]
mod samples;

pub use check::Malformed;
pub use codec::{BadEvent, MAX_EVENT_BYTES, decode, encode_into};

use arrayvec::ArrayVec;
use rkyv::{Archive, Deserialize, Serialize};

use crate::ids::SystemAccount;
use crate::names::{self, CHARACTER_NAME_BYTES, NameError};

/// The journal's record kind of a value event. Kinds below 16 belong to the journal itself.
pub const VALUE_KIND: u16 = 16;
/// The schema number of [`ValueEvent`] as encoded here.
pub const VALUE_SCHEMA: u16 = 1;

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
    /// The character that comes to life, for [`EventKind::CharacterBirth`].
    pub birth: Option<Birth>,
    /// Items created.
    pub mints: ArrayVec<ItemMint, MAX_MINTS>,
    /// Items that change place.
    pub moves: ArrayVec<ItemMove, MAX_MOVES>,
    /// Items destroyed.
    pub burns: ArrayVec<ItemBurn, MAX_BURNS>,
    /// Ledger changes; they add up to zero per currency.
    pub balances: ArrayVec<BalanceChange, MAX_BALANCES>,
}

/// What an event does; fixes which of its lists may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub enum EventKind {
    /// A character is created with its starter items and zen.
    CharacterBirth,
    /// Two characters exchange items and zen.
    Trade,
}

/// A new character, with the place and health it starts with. Level is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Birth {
    /// Its id, from [`crate::ids::Sequence::Character`].
    pub character: i64,
    /// The account that owns it.
    pub account: i64,
    /// Its name.
    pub name: CharacterName,
    /// Its class, as numbered by the content.
    pub class: u16,
    /// Entry point it starts in.
    pub entry: u16,
    /// Map it starts on.
    pub map: u16,
    /// Start position, 8.8 fixed point tiles.
    pub x: u16,
    /// Start position, 8.8 fixed point tiles.
    pub y: u16,
    /// Direction it faces.
    pub heading: u8,
    /// Health at the start.
    pub hp: u16,
    /// Mana at the start.
    pub mp: u16,
}

/// A character's name: 4 to 10 ASCII letters or digits, padded with zero bytes.
#[derive(Clone, Copy, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct CharacterName([u8; CHARACTER_NAME_BYTES]);

impl CharacterName {
    /// A valid name.
    ///
    /// # Errors
    ///
    /// The rule it breaks.
    pub fn new(name: &str) -> Result<Self, NameError> {
        names::check_character(name)?;
        let mut bytes = [0; CHARACTER_NAME_BYTES];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Ok(Self(bytes))
    }

    /// The name; empty if the bytes came from a damaged record and are not text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let len = self.0.iter().position(|&b| b == 0).unwrap_or(self.0.len());
        std::str::from_utf8(&self.0[..len]).unwrap_or("")
    }

    /// Whether the bytes are a valid name with nothing behind it.
    fn is_valid(&self) -> bool {
        Self::new(self.as_str()).as_ref() == Ok(self)
    }
}

impl std::fmt::Debug for CharacterName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}

/// Where an item lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Archive, Serialize, Deserialize)]
pub struct Place {
    /// The character that owns the container.
    pub owner: i64,
    /// Which container: [`Place::INVENTORY`].
    pub container: u8,
    /// Slot inside it, below [`MAX_SLOTS`].
    pub slot: u16,
}

impl Place {
    /// The inventory a character carries.
    pub const INVENTORY: u8 = 0;

    /// A slot of a character's inventory.
    #[must_use]
    pub const fn inventory(owner: i64, slot: u16) -> Self {
        Self { owner, container: Self::INVENTORY, slot }
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

/// A kind of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Archive, Serialize, Deserialize)]
pub enum Currency {
    /// The money of the game.
    Zen,
}

impl Currency {
    /// Its number in ledger rows.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::Zen => 0,
        }
    }
}

/// A change of one ledger account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct BalanceChange {
    /// A character's id, or a [`SystemAccount`].
    pub account: i64,
    /// Which money.
    pub currency: Currency,
    /// How much is added; not zero.
    pub delta: i64,
}

impl ValueEvent {
    /// An event that changes nothing yet.
    #[must_use]
    pub const fn new(event_id: u128, kind: EventKind) -> Self {
        Self {
            event_id,
            kind,
            birth: None,
            mints: ArrayVec::new_const(),
            moves: ArrayVec::new_const(),
            burns: ArrayVec::new_const(),
            balances: ArrayVec::new_const(),
        }
    }

    /// A character comes to life with `zen` and `items`: (uid, template, level, inventory slot).
    ///
    /// # Panics
    ///
    /// If there are more than [`MAX_MINTS`] items or `zen` is negative; both come from checked content.
    #[must_use]
    pub fn character_birth(
        event_id: u128,
        birth: Birth,
        zen: i64,
        items: impl IntoIterator<Item = (i64, u16, u8, u16)>,
    ) -> Self {
        assert!(zen >= 0, "a character cannot start with {zen} zen");
        let mut event = Self::new(event_id, EventKind::CharacterBirth);
        event.birth = Some(birth);
        for (uid, template, level, slot) in items {
            event.mints.push(ItemMint { uid, template, level, to: Place::inventory(birth.character, slot) });
        }
        if zen > 0 {
            let starter = SystemAccount::Starter.ledger_account();
            event.balances.push(BalanceChange { account: starter, currency: Currency::Zen, delta: -zen });
            event.balances.push(BalanceChange { account: birth.character, currency: Currency::Zen, delta: zen });
        }
        event
    }
}
