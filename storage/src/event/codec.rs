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

#[cfg(test)]
mod tests {
    use arrayvec::ArrayVec;
    use proptest::prelude::*;

    use super::{BadEvent, MAX_EVENT_BYTES, decode, encode_into};
    use crate::event::samples::{birth, full, trade};
    use crate::event::{BalanceChange, Birth, EventKind, ItemBurn, ItemMint, ItemMove, ValueEvent};

    fn bytes(event: &ValueEvent) -> Vec<u8> {
        let mut out = vec![0xEE; 3];
        encode_into(event, &mut out);
        out
    }

    fn hex(bytes: &[u8]) -> String {
        let lines = bytes.chunks(32).map(|line| line.iter().map(|b| format!("{b:02x}")).collect::<String>() + "\n");
        lines.collect()
    }

    #[test]
    fn events_come_back_as_they_were() {
        for event in [trade(), birth(), full(), ValueEvent::new(7, EventKind::Trade)] {
            assert_eq!(decode(&bytes(&event)), Ok(event));
        }
    }

    /// The bytes of schema 1 never change: journals that hold them are read for ever.
    #[test]
    fn the_bytes_of_schema_1_are_golden() {
        assert_eq!(hex(&bytes(&trade())), include_str!("../../tests/golden/trade.v1.hex"));
        assert_eq!(hex(&bytes(&birth())), include_str!("../../tests/golden/birth.v1.hex"));
    }

    #[test]
    fn the_longest_event_fits() {
        let len = bytes(&full()).len();
        assert!(len <= MAX_EVENT_BYTES, "{len} bytes, room for {MAX_EVENT_BYTES}");
        assert_eq!(decode(&vec![0; MAX_EVENT_BYTES + 1]), Err(BadEvent::TooLong(MAX_EVENT_BYTES + 1)));
    }

    /// The same archive with room for longer lists, as a defective or hostile writer could make it.
    #[derive(rkyv::Archive, rkyv::Serialize)]
    struct Wide {
        event_id: u128,
        kind: EventKind,
        birth: Option<Birth>,
        mints: ArrayVec<ItemMint, 40>,
        moves: ArrayVec<ItemMove, 80>,
        burns: ArrayVec<ItemBurn, 40>,
        balances: ArrayVec<BalanceChange, 40>,
    }

    #[test]
    fn a_list_beyond_its_bound_is_refused_before_it_is_copied() {
        let wide = |mints: usize, moves: usize, burns: usize, balances: usize| {
            let all = full();
            let wide = Wide {
                event_id: 1,
                kind: EventKind::Trade,
                birth: None,
                mints: (0..mints).map(|_| all.mints[0]).collect(),
                moves: (0..moves).map(|_| all.moves[0]).collect(),
                burns: (0..burns).map(|_| all.burns[0]).collect(),
                balances: (0..balances).map(|_| all.balances[0]).collect(),
            };
            decode(&rkyv::to_bytes::<rkyv::rancor::Error>(&wide).unwrap())
        };
        assert!(wide(16, 64, 16, 8).is_ok());
        let refused = |what, len, max| Err(BadEvent::TooMany { what, len, max });
        assert_eq!(wide(17, 0, 0, 0), refused("mints", 17, 16));
        assert_eq!(wide(0, 65, 0, 0), refused("moves", 65, 64));
        assert_eq!(wide(0, 0, 17, 0), refused("burns", 17, 16));
        assert_eq!(wide(0, 0, 0, 9), refused("balances", 9, 8));
    }

    #[test]
    fn every_truncation_is_refused_or_read_without_panic() {
        for event in [trade(), birth(), full()] {
            let bytes = bytes(&event);
            for len in 0..bytes.len() {
                if let Ok(other) = decode(&bytes[..len]) {
                    assert_ne!(other, event, "{len} of {} bytes", bytes.len());
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn damaged_bytes_never_panic(at in any::<prop::sample::Index>(), bit in 0..8_u32, cut in 0..64_usize, pick in 0..3_usize) {
            let mut bytes = bytes(&[trade(), birth(), full()][pick]);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            bytes.truncate(bytes.len() - cut.min(bytes.len() - 1) / 4);
            if let Ok(event) = decode(&bytes) {
                let _ = event.check();
                let _ = event.birth.map(|birth| birth.name.as_str().len());
            }
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = decode(&bytes);
        }
    }
}
