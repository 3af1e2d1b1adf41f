//! The bytes of a value event: an rkyv archive, little endian, 32-bit relative pointers, root at the end.
//!
//! Archives are read through the checking validator only. The lists of an archive carry their own lengths, so these are
//! compared with the bounds before anything is copied out of it.

use rkyv::rancor;
use rkyv::ser::writer::Buffer;
use rkyv::util::{Align, AlignedVec};

use super::deed::ArchivedDeed;
use super::schema1::{self, ArchivedValueEvent1, ValueEvent1};
use super::{ArchivedValueEvent, MAX_BALANCES, MAX_BURNS, MAX_MINTS, MAX_MOVES, MAX_PARCELS, VALUE_SCHEMA, ValueEvent};

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

/// Reads an event of any schema back. [`ValueEvent::check`] is not called: the applier decides what to do with one that
/// breaks a rule.
///
/// # Errors
///
/// What is wrong with the bytes; never panics, whatever they are.
pub fn decode(schema: u16, bytes: &[u8]) -> Result<ValueEvent, BadEvent> {
    if bytes.len() > MAX_EVENT_BYTES {
        return Err(BadEvent::TooLong(bytes.len()));
    }
    let mut aligned = AlignedVec::<16>::with_capacity(bytes.len());
    aligned.extend_from_slice(bytes);
    match schema {
        schema1::SCHEMA => decode_1(&aligned),
        VALUE_SCHEMA => decode_2(&aligned),
        _ => Err(BadEvent::Schema { kind: super::VALUE_KIND, schema }),
    }
}

fn decode_1(bytes: &[u8]) -> Result<ValueEvent, BadEvent> {
    let archived = rkyv::access::<ArchivedValueEvent1, rancor::Error>(bytes).map_err(archive_error)?;
    bounded("mints", archived.mints.len(), MAX_MINTS)?;
    bounded("moves", archived.moves.len(), MAX_MOVES)?;
    bounded("burns", archived.burns.len(), MAX_BURNS)?;
    bounded("balances", archived.balances.len(), MAX_BALANCES)?;
    rkyv::deserialize::<ValueEvent1, rancor::Error>(archived).map(ValueEvent::from).map_err(archive_error)
}

fn decode_2(bytes: &[u8]) -> Result<ValueEvent, BadEvent> {
    let archived = rkyv::access::<ArchivedValueEvent, rancor::Error>(bytes).map_err(archive_error)?;
    bounded("parcels", archived.parcels.len(), MAX_PARCELS)?;
    bounded("mints", archived.mints.len(), MAX_MINTS)?;
    bounded("moves", archived.moves.len(), MAX_MOVES)?;
    bounded("burns", archived.burns.len(), MAX_BURNS)?;
    bounded("balances", archived.balances.len(), MAX_BALANCES)?;
    if let Some(deed) = archived.deed.as_ref() {
        texts_bounded(deed)?;
    }
    rkyv::deserialize::<ValueEvent, rancor::Error>(archived).map_err(archive_error)
}

/// The texts of a deed carry their own lengths too.
fn texts_bounded(deed: &ArchivedDeed) -> Result<(), BadEvent> {
    match deed {
        ArchivedDeed::Cash { reference, .. } => bounded("bytes of reference", reference.len(), 64),
        ArchivedDeed::Authority { operator, reason } => bounded("bytes of operator", operator.len(), 32)
            .and_then(|()| bounded("bytes of reason", reason.len(), 128)),
        ArchivedDeed::Resolution { operator, reason, second, .. } => bounded("bytes of operator", operator.len(), 32)
            .and_then(|()| bounded("bytes of reason", reason.len(), 128))
            .and_then(|()| bounded("bytes of second", second.len(), 32)),
        ArchivedDeed::Birth(_)
        | ArchivedDeed::Growth(_)
        | ArchivedDeed::Claim { .. }
        | ArchivedDeed::Listing(_)
        | ArchivedDeed::Bid { .. }
        | ArchivedDeed::Close { .. } => Ok(()),
    }
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
    use crate::event::samples::{birth, full, of_each_kind, trade};
    use crate::event::schema1::{BalanceChange1, Currency1, EventKind1, ValueEvent1};
    use crate::event::{
        BalanceChange, Birth, EventKind, ItemBurn, ItemMint, ItemMove, MAX_BALANCES, MAX_BURNS, MAX_MINTS, MAX_MOVES,
        MAX_PARCELS, Parcel, Resolve, Text, ValueEvent,
    };

    fn bytes(event: &ValueEvent) -> Vec<u8> {
        let mut out = vec![0xEE; 3];
        encode_into(event, &mut out);
        out
    }

    fn hex(bytes: &[u8]) -> String {
        let lines = bytes.chunks(32).map(|line| line.iter().map(|b| format!("{b:02x}")).collect::<String>() + "\n");
        lines.collect()
    }

    fn unhex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
    }

    #[test]
    fn events_come_back_as_they_were() {
        for event in of_each_kind().into_iter().chain([full(), ValueEvent::new(7, EventKind::Trade)]) {
            assert_eq!(decode(2, &bytes(&event)), Ok(event));
        }
    }

    /// The bytes of a schema never change: journals that hold them are read for ever.
    #[test]
    fn the_bytes_of_schema_1_are_read_for_ever() {
        let (trade_1, birth_1) =
            (include_str!("../../tests/golden/trade.v1.hex"), include_str!("../../tests/golden/birth.v1.hex"));
        assert_eq!(decode(1, &unhex(trade_1)), Ok(trade()));
        assert_eq!(decode(1, &unhex(birth_1)), Ok(birth()));
    }

    /// A type of schema 1 that changed would still read what it writes: the written bytes are compared too.
    #[test]
    fn the_types_of_schema_1_still_write_its_bytes() {
        let event = trade();
        let old = ValueEvent1 {
            event_id: event.event_id,
            kind: EventKind1::Trade,
            birth: None,
            mints: event.mints,
            moves: event.moves,
            burns: event.burns,
            balances: event
                .balances
                .iter()
                .map(|c| BalanceChange1 { account: c.account, currency: Currency1::Zen, delta: c.delta })
                .collect(),
        };
        let written = rkyv::to_bytes::<rkyv::rancor::Error>(&old).unwrap();
        assert_eq!(hex(&written), include_str!("../../tests/golden/trade.v1.hex"));
    }

    /// One event of each kind, in the order of their numbers.
    #[test]
    fn the_bytes_of_schema_2_are_golden() {
        let mut written = String::new();
        for event in of_each_kind() {
            written += &format!("{}\n{}", event.kind.name(), hex(&bytes(&event)));
        }
        assert_eq!(written, include_str!("../../tests/golden/kinds.v2.hex"));
    }

    #[test]
    fn another_schema_is_refused() {
        let refused = |schema| Err(BadEvent::Schema { kind: 16, schema });
        assert_eq!(decode(0, &bytes(&trade())), refused(0));
        assert_eq!(decode(3, &bytes(&trade())), refused(3));
    }

    #[test]
    fn the_longest_event_fits() {
        let len = bytes(&full()).len();
        assert!(len <= MAX_EVENT_BYTES, "{len} bytes, room for {MAX_EVENT_BYTES}");
        assert_eq!(decode(2, &vec![0; MAX_EVENT_BYTES + 1]), Err(BadEvent::TooLong(MAX_EVENT_BYTES + 1)));
    }

    /// The same archive with room for longer lists, as a defective or hostile writer could make it.
    #[derive(rkyv::Archive, rkyv::Serialize)]
    struct Wide {
        event_id: u128,
        kind: EventKind,
        deed: Option<WideDeed>,
        parcels: ArrayVec<Parcel, 40>,
        mints: ArrayVec<ItemMint, 40>,
        moves: ArrayVec<ItemMove, 80>,
        burns: ArrayVec<ItemBurn, 40>,
        balances: ArrayVec<BalanceChange, 40>,
    }

    /// The deed with room for longer texts; its variants stand where those of the deed stand.
    #[derive(rkyv::Archive, rkyv::Serialize)]
    #[expect(
        dead_code,
        clippy::large_enum_variant,
        reason = "it is only written; most variants keep their numbers only"
    )]
    enum WideDeed {
        Birth(Birth),
        Growth(crate::event::Growth),
        Claim { parcel: i64 },
        Listing(crate::event::Listing),
        Bid { listing: i64, version: i32, bidder: i64, amount: i64 },
        Close { listing: i64, version: i32, how: crate::event::Close },
        Cash { account: i64, reference: Text<200> },
        Authority { operator: Text<200>, reason: Text<200> },
        Resolution { event_id: u128, action: Resolve, operator: Text<200>, reason: Text<200>, second: Text<200> },
    }

    fn wide(deed: Option<WideDeed>, lists: [usize; 5]) -> Result<ValueEvent, BadEvent> {
        let all = full();
        let [parcels, mints, moves, burns, balances] = lists;
        let wide = Wide {
            event_id: 1,
            kind: EventKind::Trade,
            deed,
            parcels: (0..parcels).map(|_| all.parcels[0]).collect(),
            mints: (0..mints).map(|_| all.mints[0]).collect(),
            moves: (0..moves).map(|_| all.moves[0]).collect(),
            burns: (0..burns).map(|_| all.burns[0]).collect(),
            balances: (0..balances).map(|_| all.balances[0]).collect(),
        };
        decode(2, &rkyv::to_bytes::<rkyv::rancor::Error>(&wide).unwrap())
    }

    #[test]
    fn a_list_beyond_its_bound_is_refused_before_it_is_copied() {
        assert!(wide(None, [MAX_PARCELS, MAX_MINTS, MAX_MOVES, MAX_BURNS, MAX_BALANCES]).is_ok());
        let refused = |what, len, max| Err(BadEvent::TooMany { what, len, max });
        assert_eq!(wide(None, [5, 0, 0, 0, 0]), refused("parcels", 5, 4));
        assert_eq!(wide(None, [0, 17, 0, 0, 0]), refused("mints", 17, 16));
        assert_eq!(wide(None, [0, 0, 65, 0, 0]), refused("moves", 65, 64));
        assert_eq!(wide(None, [0, 0, 0, 17, 0]), refused("burns", 17, 16));
        assert_eq!(wide(None, [0, 0, 0, 0, 9]), refused("balances", 9, 8));
    }

    #[test]
    fn a_text_beyond_its_bound_is_refused_before_it_is_copied() {
        let text = |len: usize| Text::<200>::new(&"x".repeat(len));
        let cash = |len| wide(Some(WideDeed::Cash { account: 1, reference: text(len) }), [0; 5]);
        assert!(cash(64).is_ok());
        assert_eq!(cash(65), Err(BadEvent::TooMany { what: "bytes of reference", len: 65, max: 64 }));
        let authority = |operator, reason| {
            wide(Some(WideDeed::Authority { operator: text(operator), reason: text(reason) }), [0; 5])
        };
        assert!(authority(32, 128).is_ok());
        assert_eq!(authority(33, 0), Err(BadEvent::TooMany { what: "bytes of operator", len: 33, max: 32 }));
        assert_eq!(authority(0, 129), Err(BadEvent::TooMany { what: "bytes of reason", len: 129, max: 128 }));
        let resolution = |operator, reason, second| {
            let (operator, reason, second) = (text(operator), text(reason), text(second));
            wide(Some(WideDeed::Resolution { event_id: 1, action: Resolve::Apply, operator, reason, second }), [0; 5])
        };
        assert!(resolution(32, 128, 32).is_ok());
        assert_eq!(resolution(33, 0, 0), Err(BadEvent::TooMany { what: "bytes of operator", len: 33, max: 32 }));
        assert_eq!(resolution(0, 129, 0), Err(BadEvent::TooMany { what: "bytes of reason", len: 129, max: 128 }));
        assert_eq!(resolution(0, 0, 33), Err(BadEvent::TooMany { what: "bytes of second", len: 33, max: 32 }));
    }

    #[test]
    fn every_truncation_is_refused_or_read_without_panic() {
        for event in of_each_kind().into_iter().chain([full()]) {
            let bytes = bytes(&event);
            for len in 0..bytes.len() {
                if let Ok(other) = decode(2, &bytes[..len]) {
                    assert_ne!(other, event, "{len} of {} bytes", bytes.len());
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn damaged_bytes_never_panic(
            at in any::<prop::sample::Index>(),
            bit in 0..8_u32,
            cut in 0..64_usize,
            schema in 1..3_u16,
            pick in any::<prop::sample::Index>(),
        ) {
            let events = of_each_kind();
            let mut bytes = bytes(pick.get(&events));
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            bytes.truncate(bytes.len() - cut.min(bytes.len() - 1) / 4);
            if let Ok(event) = decode(schema, &bytes) {
                let _ = event.check();
                let _ = format!("{event:?}");
            }
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), schema in 0..4_u16) {
            let _ = decode(schema, &bytes);
        }
    }
}
