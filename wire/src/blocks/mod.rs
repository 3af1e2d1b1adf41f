//! Blocks: long contents on the bulk lane, one at a time in each direction.
//!
//! ```text
//! sender                              receiver
//!   │ ── BEGIN  kind, length, CRC-32 ──▶ │   refused at once, or room for the first slices
//!   │ ◀──────────────── CREDIT slices ── │   never more than 64 beyond what it has without a gap
//!   │ ── SLICE … SLICE ────────────────▶ │   memory is taken for what came
//!   │ ◀──────────────── CREDIT slices ── │
//!   │ ── SLICE … SLICE ────────────────▶ │   the whole is checked and handed on once
//!   │ ◀────────────────── END  status ── │   only now the next block may begin
//! ```
//!
//! Slices are tracked like messages: the fate of the packet that held one decides whether it goes out again. BEGIN is
//! answered by CREDIT or END, and the sender repeats it until then; CREDIT and END go out again, with what holds then,
//! when a packet that held one is lost. So a copy of each may come at any time and means nothing.
//!
//! Knows no socket and no timer: when a slice may leave is asked of whoever counts the bytes of the connection.

mod inbound;
mod outbound;
mod pool;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub(crate) use inbound::{Begin, BlockIn};
pub(crate) use outbound::{BlockOut, SLICE_FRAME};
pub(crate) use pool::BlockPool;

use crate::codec::{Writer, low16, low32};
use crate::lanes::SendError;
use crate::packet::SLICE_LEN;
use crate::recovery::{Run, Sent};
use crate::time::Time;

/// Longest block a client sends.
pub const MAX_BLOCK_UP: usize = 1024 * 1024;
/// Longest block a server sends.
pub const MAX_BLOCK_DOWN: usize = 8 * 1024 * 1024;
/// Blocks that wait to be sent, the one on its way among them.
pub const MAX_BLOCKS_QUEUED: usize = 16;
/// So many slices beyond those received without a gap may be on their way.
pub(crate) const WINDOW_SLICES: u16 = 64;

/// How a block that was sent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlockEnd {
    /// The peer has it, whole and unchanged.
    Taken,
    /// The peer does not want it, has no room for it, or waited too long for its slices. It may be sent again later.
    Refused,
    /// The peer has all of it and it is not what BEGIN promised.
    Damaged,
}

impl BlockEnd {
    const fn number(self) -> u8 {
        match self {
            Self::Taken => 0,
            Self::Refused => 1,
            Self::Damaged => 2,
        }
    }

    const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Taken),
            1 => Some(Self::Refused),
            2 => Some(Self::Damaged),
            _ => None,
        }
    }
}

/// Frames about blocks that no honest peer sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockFault;

/// Which frames about blocks a packet held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BlockNotes(u8);

impl BlockNotes {
    const BEGIN: u8 = 1;
    const CREDIT: u8 = 2;
    const END: u8 = 4;
    const SLICES: u8 = 8;

    const fn add(&mut self, note: u8) {
        self.0 |= note;
    }

    /// Whether it held slices.
    pub(crate) const fn has_slices(self) -> bool {
        self.has(Self::SLICES)
    }

    const fn has(self, note: u8) -> bool {
        self.0 & note != 0
    }
}

/// The bulk lane of one end of a connection.
#[derive(Debug)]
pub(crate) struct Blocks {
    pub(crate) outbound: BlockOut,
    pub(crate) inbound: BlockIn,
}

impl Blocks {
    /// An end that sends blocks of at most `send` bytes and takes those of at most `receive`.
    pub(crate) const fn new(send: usize, receive: usize) -> Self {
        Self { outbound: BlockOut::new(send), inbound: BlockIn::new(receive) }
    }

    /// Queues a block; its id.
    pub(crate) fn push(&mut self, kind: u16, bytes: Arc<[u8]>) -> Result<u16, SendError> {
        self.outbound.push(kind, bytes)
    }

    /// Whether BEGIN, CREDIT or END waits.
    pub(crate) fn has_news(&self) -> bool {
        self.outbound.begin_waits() || self.inbound.has_news()
    }

    /// Writes BEGIN, CREDIT and END as far as they wait and fit; true if anything was written.
    pub(crate) fn write_news(&mut self, out: &mut Writer<'_>, notes: &mut BlockNotes) -> bool {
        let begun = self.outbound.write_begin(out);
        if begun {
            notes.add(BlockNotes::BEGIN);
        }
        let credited = self.inbound.write_credit(out);
        if credited {
            notes.add(BlockNotes::CREDIT);
        }
        let ended = self.inbound.write_end(out);
        if ended {
            notes.add(BlockNotes::END);
        }
        begun || credited || ended
    }

    /// Writes slices as far as they wait, fit and `allowance` bytes last; true if there were any. For a probe the oldest one
    /// on its way counts as lost if nothing else can leave.
    pub(crate) fn write_slices(
        &mut self,
        out: &mut Writer<'_>,
        probe: bool,
        allowance: usize,
        sent: &mut Sent,
    ) -> bool {
        let written = self.outbound.write_slices(out, probe, allowance, &mut sent.runs);
        if written > 0 {
            sent.blocks.add(BlockNotes::SLICES);
        }
        written > 0
    }

    /// The packet that held these slices arrived.
    pub(crate) fn delivered(&mut self, run: Run) {
        self.outbound.delivered(run);
    }

    /// The packet that held these slices did not.
    pub(crate) fn lost(&mut self, run: Run) {
        self.outbound.lost(run);
    }

    /// The packet that held these frames did not arrive.
    pub(crate) fn lost_news(&mut self, notes: BlockNotes) {
        if notes.has(BlockNotes::BEGIN) {
            self.outbound.begin_lost();
        }
        if notes.has(BlockNotes::CREDIT) {
            self.inbound.credit_lost();
        }
        if notes.has(BlockNotes::END) {
            self.inbound.end_lost();
        }
    }

    /// When [`Blocks::timeout`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.inbound.deadline()
    }

    /// Lets go of a block whose slices do not come.
    pub(crate) fn timeout(&mut self, now: Time) {
        self.inbound.timeout(now);
    }
}

/// Whether a run of a sent record is one of slices.
pub(crate) const fn is_bulk(lane: u8) -> bool {
    lane & BULK != 0
}

/// The highest bit of a run's lane: slices.
const BULK: u8 = 0x80;

/// What a sent record calls the bulk lane: with the low bits of the block's id. So the fate of a slice of an earlier block,
/// told late, is not taken for that of this one: a block needs at least two packets, and there are 256 records.
const fn tagged_lane(block: u16) -> u8 {
    let [low, _] = block.to_le_bytes();
    BULK | low
}

/// Slices of a block of `len` bytes; a block is never so long that they cannot be counted.
fn slices(len: usize) -> u16 {
    low16(len.div_ceil(SLICE_LEN) as u64)
}

const _: () = assert!(MAX_BLOCK_DOWN.div_ceil(SLICE_LEN) + WINDOW_SLICES as usize <= u16::MAX as usize);
const _: () = assert!(MAX_BLOCK_UP <= MAX_BLOCK_DOWN);

/// Bytes of a slice: all have 1,024, but for the last.
fn slice_len(len: usize, index: u16) -> usize {
    let start = usize::from(index) * SLICE_LEN;
    len.saturating_sub(start).min(SLICE_LEN)
}

/// A length that is at most [`MAX_BLOCK_DOWN`], as it travels.
fn length_field(len: usize) -> u32 {
    low32(len as u64)
}

/// Whether `id` is one that was before `expected`.
const fn is_behind(id: u16, expected: u16) -> bool {
    id.wrapping_sub(expected) >= 1 << 15
}
