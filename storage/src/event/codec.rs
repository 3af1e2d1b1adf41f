//! The bytes of a value event: an rkyv archive, little endian, 32-bit relative pointers, root at the end.
//!
//! Archives are read through the checking validator only. The lists of an archive carry their own lengths, so these are
//! compared with the bounds before anything is copied out of it.

use rkyv::rancor;
use rkyv::ser::writer::Buffer;
use rkyv::util::{Align, AlignedVec};

use super::{ArchivedValueEvent, MAX_BALANCES, MAX_BURNS, MAX_MINTS, MAX_MOVES, ValueEvent};

/// The longest encoding of an event with every list full, rounded up; longer input is refused unread.
pub const MAX_EVENT_BYTES: usize = 8 * 1024;

/// Why bytes are not an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadEvent {
    /// Longer than any event.
    #[error("{0} bytes, at most {MAX_EVENT_BYTES} are an event")]
    TooLong(usize),
    /// The archive does not hold together.
    #[error("not an archive of an event: {0}")]
    Archive(String),
    /// A list is longer than its bound.
    #[error("a list of {len} {what}, at most {max} are allowed")]
    TooMany {
        /// Which list.
        what: &'static str,
        /// Its length.
        len: usize,
        /// Its bound.
        max: usize,
    },
    /// A record kind or schema this version does not know.
    #[error("record kind {kind} with schema {schema} is not known")]
    Schema {
        /// The kind found.
        kind: u16,
        /// The schema found.
        schema: u16,
    },
}

/// Replaces the content of `out` by the event's bytes.
///
/// # Panics
///
/// Never for a `ValueEvent`: its lists are bounded, and a test encodes one with every list full.
pub fn encode_into(event: &ValueEvent, out: &mut Vec<u8>) {
    let mut space = Align([0_u8; MAX_EVENT_BYTES]);
    let written = rkyv::api::high::to_bytes_in::<_, rancor::Error>(event, Buffer::from(&mut space.0));
    let written = written.expect("an event with every list full fits");
    out.clear();
    out.extend_from_slice(&written);
}

/// Reads an event back. [`ValueEvent::check`] is not called: the applier decides what to do with one that breaks a rule.
///
/// # Errors
///
/// What is wrong with the bytes; never panics, whatever they are.
pub fn decode(bytes: &[u8]) -> Result<ValueEvent, BadEvent> {
    if bytes.len() > MAX_EVENT_BYTES {
        return Err(BadEvent::TooLong(bytes.len()));
    }
    let mut aligned = AlignedVec::<16>::with_capacity(bytes.len());
    aligned.extend_from_slice(bytes);
    let archived = rkyv::access::<ArchivedValueEvent, rancor::Error>(&aligned).map_err(archive_error)?;
    bounded("mints", archived.mints.len(), MAX_MINTS)?;
    bounded("moves", archived.moves.len(), MAX_MOVES)?;
    bounded("burns", archived.burns.len(), MAX_BURNS)?;
    bounded("balances", archived.balances.len(), MAX_BALANCES)?;
    rkyv::deserialize::<ValueEvent, rancor::Error>(archived).map_err(archive_error)
}

fn bounded(what: &'static str, len: usize, max: usize) -> Result<(), BadEvent> {
    if len <= max { Ok(()) } else { Err(BadEvent::TooMany { what, len, max }) }
}

#[expect(clippy::needless_pass_by_value, reason = "used as a function for map_err")]
fn archive_error(error: rancor::Error) -> BadEvent {
    BadEvent::Archive(error.to_string())
}
