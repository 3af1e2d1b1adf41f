//! Receiving side of the bulk lane: one block at a time, handed on once when it is whole and its CRC-32 is right.
//!
//! Slices that continue what is there are appended; early ones wait in slots of 1,024 bytes, at most 64 of them. Room
//! is taken for what came, doubling, and never beyond the block's length: a header alone takes a few hundred bytes.
//! A block whose slices stay away is let go, and so is one that is much slower than a slice a second.

use std::time::Duration;

use super::pool::Charge;
use super::{BlockEnd, BlockFault, BlockPool, WINDOW_SLICES, is_behind, slice_len, slices};
use crate::codec::Writer;
use crate::packet::{SLICE_LEN, frame_id};
use crate::time::Time;

/// A block is let go after so long without a slice.
const STALL: Duration = Duration::from_secs(30);
/// From BEGIN on a block has [`STALL`] and this for each of its slices.
const PER_SLICE: Duration = Duration::from_secs(1);
/// Further credit is told in steps of so many slices.
const CREDIT_STEP: u16 = 16;

/// What BEGIN said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Begin {
    pub(crate) block: u16,
    pub(crate) kind: u16,
    pub(crate) len: u32,
    pub(crate) crc: u32,
}

/// The receiver's side of the lane.
#[derive(Debug)]
pub(crate) struct BlockIn {
    /// Longest block an honest peer sends.
    longest: usize,
    /// Longest block that is taken.
    max: usize,
    pool: BlockPool,
    /// Id of the block on its way, or of the next one.
    expected: u16,
    open: Option<Box<Open>>,
    /// How the last block ended; told until the next one begins.
    ended: Option<(u16, BlockEnd)>,
    credit_waits: bool,
    end_waits: bool,
}

/// A block on its way.
#[derive(Debug)]
struct Open {
    begin: Begin,
    began: Time,
    /// When the last new slice came.
    last: Time,
    credit: u16,
    /// The first slice that is missing.
    next: u16,
    crc: crc32fast::Hasher,
    bytes: Vec<u8>,
    early: Early,
    charge: Charge,
}

/// Slices that came before their turn.
#[derive(Debug)]
struct Early {
    /// Bit i: the slice with index i modulo 64 is there.
    have: u64,
    /// Bit i: slot i holds one.
    used: u64,
    /// The slot of each slice by its index modulo 64.
    slots: [u8; WINDOW_SLICES as usize],
    bytes: Vec<u8>,
}

impl BlockIn {
    pub(super) const fn new(longest: usize) -> Self {
        Self {
            longest,
            max: longest,
            pool: BlockPool::unbounded(),
            expected: 0,
            open: None,
            ended: None,
            credit_waits: false,
            end_waits: false,
        }
    }

    /// Takes blocks of at most `max` bytes, whose room comes out of `pool`.
    pub(crate) fn limit(&mut self, max: usize, pool: BlockPool) {
        self.max = max.min(self.longest);
        self.pool = pool;
    }

    /// A block is announced.
    pub(crate) fn begin(&mut self, now: Time, begin: Begin) -> Result<(), BlockFault> {
        if is_behind(begin.block, self.expected) {
            return Ok(());
        }
        if let Some(open) = &self.open {
            return if open.begin == begin { Ok(()) } else { Err(BlockFault) };
        }
        let len = usize::try_from(begin.len).map_err(|_| BlockFault)?;
        if begin.block != self.expected || len > self.longest {
            return Err(BlockFault);
        }
        if len > self.max || !self.pool.admits() {
            self.finish(BlockEnd::Refused);
            return Ok(());
        }
        (self.ended, self.end_waits) = (None, false);
        self.credit_waits = true;
        self.open = Some(Box::new(Open {
            begin,
            began: now,
            last: now,
            credit: slices(len).min(WINDOW_SLICES),
            next: 0,
            crc: crc32fast::Hasher::new(),
            bytes: Vec::new(),
            early: Early { have: 0, used: 0, slots: [0; WINDOW_SLICES as usize], bytes: Vec::new() },
            charge: Charge::new(self.pool.clone()),
        }));
        Ok(())
    }

    /// A slice came; `deliver` hears the block if it is whole now.
    pub(crate) fn slice(
        &mut self,
        now: Time,
        (block, index): (u16, u16),
        bytes: &[u8],
        deliver: impl FnOnce(u16, &[u8]),
    ) -> Result<(), BlockFault> {
        if is_behind(block, self.expected) {
            return Ok(());
        }
        let open = self.open.as_deref_mut().filter(|open| open.begin.block == block).ok_or(BlockFault)?;
        if index >= open.credit || bytes.len() != slice_len(open.len(), index) {
            return Err(BlockFault);
        }
        let Some(new) = open.take(index, bytes) else {
            // No room at all: the others go on with what this one had.
            self.finish(BlockEnd::Refused);
            return Ok(());
        };
        if new {
            open.last = now;
        }
        if usize::from(open.next) * SLICE_LEN >= open.len() {
            let right = open.crc.clone().finalize() == open.begin.crc;
            if right {
                deliver(open.begin.kind, &open.bytes);
            }
            self.finish(if right { BlockEnd::Taken } else { BlockEnd::Damaged });
            return Ok(());
        }
        self.credit_waits |= open.extend_credit();
        Ok(())
    }

    fn finish(&mut self, end: BlockEnd) {
        self.open = None;
        self.credit_waits = false;
        self.ended = Some((self.expected, end));
        self.end_waits = true;
        self.expected = self.expected.wrapping_add(1);
    }

    pub(super) const fn has_news(&self) -> bool {
        self.credit_waits || self.end_waits
    }

    /// Writes CREDIT if it waits and fits.
    pub(super) fn write_credit(&mut self, out: &mut Writer<'_>) -> bool {
        let Some(open) = self.open.as_deref().filter(|_| self.credit_waits) else {
            return false;
        };
        let before = out.len();
        let written =
            out.u8(frame_id::BLOCK_CREDIT).and_then(|()| out.u16(open.begin.block)).and_then(|()| out.u16(open.credit));
        if written.is_err() {
            out.truncate(before);
            return false;
        }
        self.credit_waits = false;
        true
    }

    /// Writes END if it waits and fits.
    pub(super) fn write_end(&mut self, out: &mut Writer<'_>) -> bool {
        let Some((block, end)) = self.ended.filter(|_| self.end_waits) else {
            return false;
        };
        let before = out.len();
        let written = out.u8(frame_id::BLOCK_END).and_then(|()| out.u16(block)).and_then(|()| out.u8(end.number()));
        if written.is_err() {
            out.truncate(before);
            return false;
        }
        self.end_waits = false;
        true
    }

    pub(super) const fn credit_lost(&mut self) {
        self.credit_waits = self.open.is_some();
    }

    pub(super) const fn end_lost(&mut self) {
        self.end_waits = self.ended.is_some();
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.open.as_deref().map(Open::deadline)
    }

    pub(super) fn timeout(&mut self, now: Time) {
        if self.deadline().is_some_and(|at| at <= now) {
            self.finish(BlockEnd::Refused);
        }
    }
}

impl Open {
    fn len(&self) -> usize {
        self.begin.len as usize
    }

    fn deadline(&self) -> Time {
        let whole = self.began + STALL + PER_SLICE * u32::from(slices(self.len()));
        whole.min(self.last + STALL)
    }

    /// Keeps a slice. Whether it is new, or `None` if there is no room for it.
    fn take(&mut self, index: u16, bytes: &[u8]) -> Option<bool> {
        if index < self.next || self.early.has(index) {
            return Some(false);
        }
        if index > self.next {
            let longest = self.len().min(usize::from(WINDOW_SLICES) * SLICE_LEN);
            let slot = self.early.slot();
            grow(&mut self.early.bytes, (slot + 1) * SLICE_LEN, longest.next_multiple_of(SLICE_LEN), &mut self.charge)?;
            self.early.keep(index, slot, bytes);
            return Some(true);
        }
        self.append(bytes)?;
        while self.early.has(self.next) {
            let slice = self.early.release(self.next);
            let len = slice_len(self.len(), self.next);
            // The early slices are lent out for a moment, so that they can be appended without another copy.
            let early = std::mem::take(&mut self.early.bytes);
            let appended = self.append(early.get(slice..slice + len)?);
            self.early.bytes = early;
            appended?;
        }
        Some(true)
    }

    fn append(&mut self, bytes: &[u8]) -> Option<()> {
        let len = self.len();
        let need = self.bytes.len() + bytes.len();
        grow(&mut self.bytes, need, len, &mut self.charge)?;
        self.bytes.extend_from_slice(bytes);
        self.crc.update(bytes);
        self.next += 1;
        Some(())
    }

    /// True if more credit is to be told.
    fn extend_credit(&mut self) -> bool {
        let total = slices(self.len());
        let credit = self.next.saturating_add(WINDOW_SLICES).min(total);
        let step = credit - self.credit;
        if step >= CREDIT_STEP || (step > 0 && credit == total) {
            self.credit = credit;
            return true;
        }
        false
    }
}

/// Makes sure that `bytes` can hold `need`, by doubling up to `most`. `None` if the pool has no room for that.
fn grow(bytes: &mut Vec<u8>, need: usize, most: usize, charge: &mut Charge) -> Option<()> {
    let capacity = bytes.capacity();
    if need <= capacity {
        return Some(());
    }
    let wanted = (2 * capacity).min(most).max(need);
    if !charge.take(wanted - capacity) {
        return None;
    }
    bytes.reserve_exact(wanted - bytes.len());
    Some(())
}

impl Early {
    const fn place(index: u16) -> u32 {
        (index % WINDOW_SLICES) as u32
    }

    const fn has(&self, index: u16) -> bool {
        self.have & 1 << Self::place(index) != 0
    }

    /// The first free slot: there are as many as slices that can be early.
    const fn slot(&self) -> usize {
        self.used.trailing_ones() as usize
    }

    fn keep(&mut self, index: u16, slot: usize, bytes: &[u8]) {
        let start = slot * SLICE_LEN;
        if self.bytes.len() < start + SLICE_LEN {
            self.bytes.resize(start + SLICE_LEN, 0);
        }
        if let Some(place) = self.bytes.get_mut(start..start + bytes.len()) {
            place.copy_from_slice(bytes);
        }
        if let (Some(held), Ok(slot)) = (self.slots.get_mut(Self::place(index) as usize), u8::try_from(slot)) {
            *held = slot;
            self.used |= 1 << slot;
            self.have |= 1 << Self::place(index);
        }
    }

    /// Frees the slot of a slice and says where its bytes begin.
    fn release(&mut self, index: u16) -> usize {
        let slot = self.slots.get(Self::place(index) as usize).copied().unwrap_or(0);
        self.have &= !(1 << Self::place(index));
        self.used &= !(1 << slot);
        usize::from(slot) * SLICE_LEN
    }
}
