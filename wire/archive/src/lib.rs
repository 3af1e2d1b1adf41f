//! What blocks carry: contents that are read in place, as rkyv archives of flat structures.
//!
//! ```text
//! payload   kind 2 │ version 2 │ layout 4 │ zeros 8 │ archive: lists, then the root at the end
//! ```
//!
//! The layout is the CRC-32 of a text that lists the fields: builds that would misread each other have different ones. A
//! payload is valid if its kind, version and layout are those of the reader's type, the zeros are zeros, the archive holds
//! together (every list lies inside of it, before what points to it) and the type's own rules are kept. [`Checked`] is the
//! proof of that: nothing else makes one, and nothing is checked again.
//!
//! Numbers are little endian; `docs/protocol.md`, chapter 14, draws each layout for readers without this library. Knows no
//! connection: how blocks travel is in `mu_wire`, what they mean to a game is the game's.

mod character;
mod checked;
mod inventory;
mod map;
mod payload;

pub use character::{ArchivedCharacterSheet, CharacterSheet, MAX_NAME};
pub use checked::Checked;
pub use inventory::{ArchivedCarried, ArchivedInventory, Carried, Inventory, MAX_ITEMS};
pub use map::{
    ArchivedArea, ArchivedMapData, ArchivedPortal, Area, MAX_AREAS, MAX_MAP_NAME, MAX_SIDE, MapData, Portal, grid_bytes,
};
pub use payload::{BadArchive, HEADER_LEN, Payload, encode, kind_of};
