//! A journal record as the store is to see it.

use mu_storage::event::{self, ValueEvent};
use mu_storage::store::{Entry, RecordKind};

use crate::flow::WAL_ACK;
use crate::planted::{self, Bug};

/// What a record turned out to be.
#[allow(clippy::large_enum_variant, reason = "nearly every record is an event, and a batch of them lives for one call")]
pub enum Decoded {
    /// A value event.
    Event(ValueEvent),
    /// Intact, but not readable by this version: it goes to review with its bytes, and what it names is frozen.
    Unreadable,
    /// Nothing for the store.
    Other,
}

impl Decoded {
    /// Reads a record by its kind and schema.
    #[must_use]
    pub fn of(kind: u16, schema: u16, payload: &[u8]) -> Self {
        match RecordKind::of(kind, schema) {
            RecordKind::Value => event::decode(schema, payload).map_or(Self::Unreadable, Self::Event),
            RecordKind::UnknownValue => Self::Unreadable,
            RecordKind::Other => Self::Other,
        }
    }

    /// The planted mistake: the same event under another identity.
    pub(crate) fn rename(&mut self) {
        if let Self::Event(event) = self {
            event.event_id ^= 1 << 127;
        }
    }

    /// The record as the store is given it.
    #[must_use]
    pub fn entry<'a>(&'a self, event_id: u128, flags: u16, payload: &'a [u8]) -> Entry<'a> {
        match self {
            Self::Event(event) => Entry::Event { event, told: flags & WAL_ACK != 0 && !planted::is(Bug::ToldFlagLost) },
            Self::Unreadable => Entry::Damaged { event_id, payload },
            Self::Other => Entry::Other,
        }
    }
}
