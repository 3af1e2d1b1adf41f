//! A player on its way: everything it has as one value, and how it enters a map.
//!
//! Between two maps of one shard the value is handed over directly and the client keeps its connection and its view;
//! to another shard a copy travels, and the source lets go only after the target holds it. Nothing undecided ever
//! travels.

use mu_storage::ids::{AccountId, CharacterId};
use mu_storage::store::{HotRow, LoadedCharacter};
use mu_wire::motion::Tile;
use mu_wire::snapshot::View;

use super::entities::Row;
use super::player::Player;
use crate::systems::hot;

/// Everything of a player.
#[derive(Debug)]
pub struct Transit {
    pub(crate) player: Player,
    pub(crate) row: Row,
    pub(crate) connected: bool,
    /// The map and entry point it comes from.
    pub(crate) from: (u16, u16),
    /// What its client was told; only while it keeps its connection.
    pub(crate) view: Option<View>,
}

impl Transit {
    /// Which character.
    #[must_use]
    pub fn character(&self) -> CharacterId {
        self.player.character
    }

    /// Whose it is.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.player.account
    }

    /// The owner epoch it is held under.
    #[must_use]
    pub fn owner_epoch(&self) -> i64 {
        self.player.owner_epoch
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.player.name
    }

    /// Its hot state where it last stood, with a version of its own: what to store if it arrives nowhere.
    #[must_use]
    pub fn hot(&self) -> HotRow {
        HotRow { version: self.player.version + 1, ..hot::of(&self.player, &self.row, self.from) }
    }

    /// Says whether a client is connected where it arrives; a copy sent to another shard arrives without one.
    pub fn set_connected(&mut self, connected: bool) {
        self.connected = connected;
    }
}

/// How a player enters.
#[derive(Debug)]
pub enum Joining<'a> {
    /// From the store: where it last stood if that was this map, else at a spawn.
    Fresh {
        /// The character as it was taken over.
        character: &'a LoadedCharacter,
        /// Whether its client is connected.
        connected: bool,
    },
    /// From another map.
    Transit {
        /// Everything it has.
        transit: Box<Transit>,
        /// Where it arrives.
        to: Tile,
        /// Where it looks.
        heading: u8,
    },
}

/// The map has no free slot for a player; what wanted to join is given back.
#[derive(Debug, thiserror::Error)]
#[error("the map has no free place")]
pub struct MapFull(pub Option<Box<Transit>>);

/// Why a player cannot be taken out now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotNow {
    /// Nobody has this handle any more.
    #[error("nobody has this handle")]
    Gone,
    /// An event of it is undecided.
    #[error("an event of this player is undecided")]
    InFlight,
}
