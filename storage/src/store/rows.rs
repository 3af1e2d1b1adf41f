//! The rows that pass through the store.

use super::Reason;
use crate::event::{EventKind, Place, Resolve, ValueEvent};
use crate::ids::{AccountId, CharacterId, ItemUid, Lsn};

/// An account to be created.
#[derive(Debug, Clone, Copy)]
pub struct NewAccount<'a> {
    /// From [`crate::ids::Sequence::Account`].
    pub id: AccountId,
    /// Its name.
    pub name: &'a str,
    /// The password hash in PHC string format.
    pub password: &'a str,
    /// When, in microseconds since 1970.
    pub created_us: i64,
}

/// A stored account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name as it was registered.
    pub name: String,
    /// The password hash in PHC string format.
    pub password: String,
    /// The generation of its newest session; 0 before the first.
    pub generation: u64,
}

/// A character's lasting properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Character {
    /// Its id.
    pub id: CharacterId,
    /// Whose it is.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Its class, as numbered by the content.
    pub class: i32,
    /// Its level.
    pub level: i32,
}

/// The state of a character that is written often and may be some seconds old after a crash. No value in here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HotRow {
    /// Whose state.
    pub character: CharacterId,
    /// Counts who held the character; from [`super::Store::character_take`].
    pub owner_epoch: i64,
    /// Counts changes made by the holder; grows with each flushed state.
    pub version: i64,
    /// Map.
    pub map: i32,
    /// Entry point.
    pub entry: i32,
    /// Position, 8.8 fixed point tiles.
    pub x: i32,
    /// Position, 8.8 fixed point tiles.
    pub y: i32,
    /// Direction.
    pub heading: i32,
    /// Health.
    pub hp: i32,
    /// Mana.
    pub mp: i32,
}

/// An item that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Its identity.
    pub uid: ItemUid,
    /// Counts its moves, from 1.
    pub version: i32,
    /// What it is.
    pub template: i32,
    /// Its level.
    pub level: i32,
    /// Which container of its owner it lies in.
    pub container: i32,
    /// Where in it.
    pub slot: i32,
}

/// A character with everything it has, read at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedCharacter {
    /// Who it is.
    pub character: Character,
    /// Where and how it stands.
    pub hot: HotRow,
    /// The zen it carries.
    pub zen: i64,
    /// What it carries and wears, by slot.
    pub items: Vec<Item>,
    /// Zen in the warehouse of its account.
    pub stored_zen: i64,
    /// Items in the warehouse of its account, by slot.
    pub warehouse: Vec<Item>,
    /// Items it dropped that nobody picked up, by slot.
    pub ground: Vec<Item>,
    /// Its points and stats.
    pub growth: CharacterGrowth,
}

/// A character's growth. At version 0 it has the stats its class begins with, which the store does not know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CharacterGrowth {
    /// Counts its changes, from 0.
    pub version: i32,
    /// Its level.
    pub level: u16,
    /// Points it may spend.
    pub points: u16,
    /// Its stats; zeros at version 0.
    pub stats: [u16; 4],
}

/// A parcel that waits for its receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenParcel {
    /// Its id.
    pub id: i64,
    /// The character that sent it; 0 is the house.
    pub from: i64,
    /// The sender's name; empty for the house.
    pub from_name: String,
    /// How much zen is in it.
    pub zen: i64,
    /// What else is in it, by slot.
    pub items: Vec<Item>,
    /// The event that sent it.
    pub made_by: u128,
}

/// An auction that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenListing {
    /// Its id.
    pub id: i64,
    /// Its version; the next bid must name it.
    pub version: i32,
    /// The character that sells.
    pub seller: i64,
    /// The least that may be bid.
    pub min_bid: i64,
    /// The full price; 0 if there is none.
    pub buy_out: i64,
    /// When it ends, in seconds since 1970.
    pub ends_s: i64,
    /// The character that bid most; 0 before the first bid.
    pub bidder: i64,
    /// How much it bid.
    pub bid: i64,
    /// What is sold.
    pub item: Item,
}

/// A quarantined event, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewEntry {
    /// Which event.
    pub event_id: u128,
    /// Its position in its journal.
    pub lsn: Lsn,
    /// What it was; `None` if it could not be read.
    pub kind: Option<EventKind>,
    /// Why it was quarantined.
    pub reason: Reason,
    /// The same in words.
    pub detail: String,
    /// The event that resolved it, and how.
    pub resolved: Option<(u128, Resolve)>,
}

/// A quarantined event with everything an operator needs to decide about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The event in one line.
    pub entry: ReviewEntry,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// The event; `None` if it cannot be read.
    pub event: Option<ValueEvent>,
    /// The rows of what it names as it found them, one per line.
    pub found: String,
    /// The same rows at this moment.
    pub now: String,
    /// What it freezes: kind (character, item, account, parcel, listing) and id.
    pub freezes: Vec<(&'static str, i64)>,
    /// Other unresolved events that freeze one of these, in the order of the journal.
    pub related: Vec<u128>,
}

/// One step of an item's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemStep {
    /// The item's version after it.
    pub version: i32,
    /// What did it.
    pub event_id: u128,
    /// The event's position in its journal.
    pub lsn: Lsn,
    /// What the event was.
    pub kind: Option<EventKind>,
    /// Where the item lay; `None` where it was created.
    pub from: Option<Place>,
    /// Whose place that was, by name; empty if it has none.
    pub from_name: String,
    /// Where it lies; `None` where it was destroyed.
    pub to: Option<Place>,
    /// Whose place that is, by name; empty if it has none.
    pub to_name: String,
}

/// What became of flushed rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlushReport {
    /// Rows stored.
    pub written: usize,
    /// Characters whose stored state is newer, or that do not exist; somebody else owns them now.
    pub stale: Vec<CharacterId>,
}
