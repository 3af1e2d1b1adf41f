//! What there is to say about an entity: who it is, and how it is now.

use std::fmt;

use crate::{ids::EntityId, motion::Motion};

/// What sort of thing an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EntityKind {
    /// Somebody's character.
    Player = 0,
    /// Something hostile.
    Monster = 1,
    /// Somebody who belongs to the place.
    Npc = 2,
    /// An item on the ground.
    Item = 3,
}

impl EntityKind {
    /// The kind with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Player),
            1 => Some(Self::Monster),
            2 => Some(Self::Npc),
            3 => Some(Self::Item),
            _ => None,
        }
    }
}

/// A name that is not UTF-8 of at most [`Name::MAX_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name is UTF-8 of at most 10 bytes")]
pub struct BadName;

/// A short name, kept in place. Monsters and things whose template names them have none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Name {
    len: u8,
    /// Zero behind `len`.
    bytes: [u8; Self::MAX_BYTES],
}

impl Name {
    /// Bytes of a name at most.
    pub const MAX_BYTES: usize = 10;

    /// A name of these bytes.
    ///
    /// # Errors
    /// [`BadName`] when there are too many or they are not UTF-8.
    pub fn new(name: &[u8]) -> Result<Self, BadName> {
        let mut bytes = [0; Self::MAX_BYTES];
        bytes.get_mut(..name.len()).ok_or(BadName)?.copy_from_slice(name);
        str::from_utf8(name).map_err(|_| BadName)?;
        Ok(Self { len: u8::try_from(name.len()).map_err(|_| BadName)?, bytes })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // The constructor has looked.
        str::from_utf8(self.bytes.get(..usize::from(self.len)).unwrap_or(&[])).unwrap_or("")
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// What of an entity never changes while it is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Its name on this map instance.
    pub entity: EntityId,
    /// What sort of thing it is.
    pub kind: EntityKind,
    /// Which of that sort, from the world's content.
    pub template: u16,
    /// What it is called.
    pub name: Name,
}

/// What of an entity its viewers see change. Already in the units of the wire: what the server keeps is what clients get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntityState {
    /// Where it is and how it moves.
    pub motion: Motion,
    /// Where it looks when it stands: 1/256 of a turn, clockwise from north. A walker looks where it goes; give it the
    /// heading of its last step and it costs nothing.
    pub heading: u8,
    /// Health in percent, 0 to 100.
    pub hp_percent: u8,
    /// What it is besides: sitting, trading, dead, hidden… as the content defines the bits.
    pub flags: u16,
}

/// The state from which a whole state is told: standing at the corner, looking north, unhurt.
impl Default for EntityState {
    fn default() -> Self {
        Self { motion: Motion::default(), heading: 0, hp_percent: 100, flags: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_ten_bytes_of_text_and_nothing_else() {
        assert_eq!(Name::new(b"Skuld").unwrap().as_str(), "Skuld");
        assert_eq!(Name::new("Brünhilde".as_bytes()).unwrap().as_str(), "Brünhilde");
        assert_eq!(Name::new(b"").unwrap(), Name::default());
        assert_eq!(Name::new(b"elevenbytes"), Err(BadName));
        assert_eq!(Name::new(&[0xff]), Err(BadName));
    }

    #[test]
    fn sixteen_states_take_384_bytes() {
        assert_eq!(size_of::<EntityState>(), 24);
    }
}
