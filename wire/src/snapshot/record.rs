//! Records as bits: the part that is the same for every client, made once and kept in words.

use super::{
    MAX_STEP,
    change::{Change, MAX_CHANGE_BITS, low8, low16, low32},
    error::Malformed,
    state::{EntityKind, EntityState, Identity, Name},
};
use crate::{
    bits::{BitReader, BitWriter, NoRoom},
    ids::EntityId,
    time::Tick,
};

/// Bits of an alias and a step.
pub(super) const HEAD_BITS: usize = 8 + 4;
/// Bits of a record that says that an entity is gone.
pub(super) const LEAVE_BITS: usize = HEAD_BITS + 1;
/// Bits of the shortest record.
pub(super) const MIN_RECORD_BITS: usize = LEAVE_BITS;

/// Words that hold the shared bits of any step.
pub(super) const STEP_WORDS: usize = 3;
/// Words that hold the shared bits of any whole state.
pub(super) const WHOLE_WORDS: usize = 6;

/// Bits of a record with a step at most: the head, the date, the shared bits.
pub(super) const MAX_STEP_BITS: usize = HEAD_BITS + 8 + 64 * STEP_WORDS;
/// Bits of a record with a whole state at most.
pub(super) const MAX_WHOLE_BITS: usize = HEAD_BITS + 1 + 64 * WHOLE_WORDS;

const VERSION_BITS: usize = 4;
const IDENTITY_BITS: usize = 32 + 3 + 16 + 4 + 8 * Name::MAX_BYTES;
const _: () = assert!(VERSION_BITS + MAX_CHANGE_BITS <= 64 * STEP_WORDS, "a step fits into its words");
const _: () =
    assert!(16 + 32 + IDENTITY_BITS + MAX_CHANGE_BITS <= 64 * WHOLE_WORDS, "a whole state fits into its words");
const _: () = assert!(MAX_STEP < 1 << 4, "a step is told in four bits");

/// The shared bits of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shared<const WORDS: usize> {
    pub(super) words: [u64; WORDS],
    /// 0 when not made yet.
    pub(super) bits: u16,
}

impl<const WORDS: usize> Shared<WORDS> {
    pub(super) const NONE: Self = Self { words: [0; WORDS], bits: 0 };

    /// Packs what `write` writes; the callers' sizes are proved above to fit.
    fn pack(write: impl FnOnce(&mut BitWriter<'_>) -> Result<(), NoRoom>) -> Self {
        let mut bytes = [0; 8 * WHOLE_WORDS];
        let mut writer = BitWriter::new(&mut bytes);
        write(&mut writer).expect("a record fits into its words");
        let bits = u16::try_from(writer.len()).expect("a record has less than 65,536 bits");
        let _ = writer.finish();
        let mut words = [0; WORDS];
        for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = chunk.first_chunk().map_or(0, |chunk| u64::from_le_bytes(*chunk));
        }
        Self { words, bits }
    }
}

/// The shared bits of a step from `base` to `new`, which is `version` and was made at tick `at`.
pub(super) fn pack_step(base: &EntityState, new: &EntityState, version: u16, at: Tick) -> Shared<STEP_WORDS> {
    Shared::pack(|writer| {
        writer.write(version.into(), 4)?;
        Change::between(base, new, at).write(writer)
    })
}

/// The shared bits of a whole state.
pub(super) fn pack_whole(identity: &Identity, state: &EntityState, version: u16, at: Tick) -> Shared<WHOLE_WORDS> {
    Shared::pack(|writer| {
        writer.write(version.into(), 16)?;
        writer.write(at.0.into(), 32)?;
        writer.write(identity.entity.0.into(), 32)?;
        writer.write(identity.kind as u64, 3)?;
        writer.write(identity.template.into(), 16)?;
        let name = identity.name.as_str().as_bytes();
        writer.write(name.len() as u64, 4)?;
        for &byte in name {
            writer.write(byte.into(), 8)?;
        }
        Change::between(&EntityState::default(), state, at).write(writer)
    })
}

/// A record as read; what a change leads to is only known beside its baseline.
#[derive(Debug)]
pub(super) enum Record {
    Leave,
    Whole {
        version: u16,
        at: Tick,
        identity: Identity,
        state: EntityState,
    },
    Step {
        /// How many versions before is the baseline, 1 to 15.
        step: u16,
        /// The low four bits of the version led to.
        version: u16,
        at: Tick,
        change: Change,
    },
}

/// The next record of a body written at `tick`, and whose it is.
pub(super) fn read(reader: &mut BitReader<'_>, tick: Tick) -> Result<(u8, Record), Malformed> {
    let alias = low8(reader.read(8)?);
    let step = low16(reader.read(4)?);
    let record = if step > 0 {
        let late = if reader.flag()? { low32(reader.read(7)?) + 1 } else { 0 };
        let at = Tick(tick.0.checked_sub(late).ok_or(Malformed::BadDate)?);
        Record::Step { step, version: low16(reader.read(4)?), at, change: Change::read(reader)? }
    } else if reader.flag()? {
        Record::Leave
    } else {
        read_whole(reader, tick)?
    };
    Ok((alias, record))
}

fn read_whole(reader: &mut BitReader<'_>, tick: Tick) -> Result<Record, Malformed> {
    let version = low16(reader.read(16)?);
    let at = Tick(low32(reader.read(32)?));
    if at > tick {
        return Err(Malformed::BadDate);
    }
    let entity = EntityId(low32(reader.read(32)?));
    if entity.generation() == 0 {
        return Err(Malformed::NoEntity(entity.0));
    }
    let number = reader.read(3)?;
    let kind = EntityKind::from_number(number).ok_or(Malformed::UnknownKind(low8(number)))?;
    let template = low16(reader.read(16)?);
    let len = usize::from(low8(reader.read(4)?));
    let mut bytes = [0; Name::MAX_BYTES];
    let name = bytes.get_mut(..len).ok_or(Malformed::BadName)?;
    for byte in name.iter_mut() {
        *byte = low8(reader.read(8)?);
    }
    let name = Name::new(name).map_err(|_| Malformed::BadName)?;
    let state = Change::read(reader)?.apply(&EntityState::default(), at)?;
    Ok(Record::Whole { version, at, identity: Identity { entity, kind, template, name }, state })
}
