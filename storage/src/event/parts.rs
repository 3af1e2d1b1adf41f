//! What deeds consist of, and parcels.

use rkyv::{Archive, Deserialize, Serialize};

use crate::names::{self, CHARACTER_NAME_BYTES, NameError};

/// How an auction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub enum Close {
    /// The standing bid wins.
    Sold,
    /// Nobody bid.
    Expired,
    /// It is called off; a standing bid is given back.
    Cancelled,
}

/// What becomes of a quarantined event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub enum Resolve {
    /// It is applied, if it can be.
    Apply,
    /// It never happened.
    Discard,
    /// It never happened, and the resolution's own parcels make it good.
    Compensate,
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

/// A character's level and stats from one moment on. At version 0 a character has level 1, no points, and the stats its
/// class begins with, which the store does not know (they are stored as zeros).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Growth {
    /// Who grows.
    pub character: i64,
    /// The version of its growth that it must have; grows by one.
    pub version: i32,
    /// Its level.
    pub level: u16,
    /// Points it may spend.
    pub points: u16,
    /// Its stats.
    pub stats: [u16; 4],
}

/// An item up for auction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Listing {
    /// From [`crate::ids::Sequence::Listing`].
    pub id: i64,
    /// The character that sells.
    pub seller: i64,
    /// The least that may be bid.
    pub min_bid: i64,
    /// The price that ends the auction at once; 0 if there is none.
    pub buy_out: i64,
    /// When it ends, in seconds since 1970. The store compares it with nothing.
    pub ends_s: i64,
}

/// Zen and items on their way to a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Parcel {
    /// From [`crate::ids::Sequence::Parcel`].
    pub id: i64,
    /// The character that sends it; 0 is the house.
    pub from: i64,
    /// The character it is for.
    pub to: i64,
    /// How much zen is in it.
    pub zen: i64,
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
    pub(super) fn is_valid(&self) -> bool {
        Self::new(self.as_str()).as_ref() == Ok(self)
    }
}

impl std::fmt::Debug for CharacterName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}
