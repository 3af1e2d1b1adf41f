//! Sending side of the bulk lane: a short queue of shared blocks, of which the front one is on its way.
//!
//! A slice is waiting, flying or acknowledged; loss of the packet it flew in makes it wait again. The receiver's credit
//! never reaches more than 64 slices beyond what it has without a gap, so two words of 64 bits from `base` on hold the state
//! of everything between the oldest unacknowledged slice and the newest sent one.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{
    BlockEnd, BlockFault, MAX_BLOCKS_QUEUED, WINDOW_SLICES, is_behind, length_field, slice_len, slices, tagged_lane,
};
use crate::codec::{Writer, low16, low32, varint_len};
use crate::lanes::SendError;
use crate::packet::{SLICE_LEN, frame_id};
use crate::recovery::{Run, Runs};

/// A SLICE frame without its bytes: id, block, index, and the length of a full slice.
const SLICE_HEAD: usize = 7;
/// Bytes of a datagram that a full slice takes.
pub(crate) const SLICE_FRAME: usize = SLICE_HEAD + SLICE_LEN;

#[derive(Debug)]
struct Queued {
    bytes: Arc<[u8]>,
    kind: u16,
    crc: u32,
}

/// The blocks of one direction that wait or are on their way.
#[derive(Debug)]
struct Sending {
    queue: VecDeque<Queued>,
    /// BEGIN of the front block was sent at least once.
    begun: bool,
    /// BEGIN must leave.
    begin_waits: bool,
    /// Slices below may be sent.
    credit: u16,
    /// The first slice that was never sent.
    next: u16,
    /// All slices below are known to have arrived.
    base: u16,
    /// Bit i: slice `base + i` has arrived.
    arrived: u64,
    /// Bit i: slice `base + i` was sent and lost.
    again: u64,
}

/// The sender's side of the lane.
#[derive(Debug)]
pub(crate) struct BlockOut {
    /// Longest block.
    max: usize,
    /// Id of the block on its way, or of the next one.
    id: u16,
    /// Only while there is something to send.
    sending: Option<Box<Sending>>,
}

impl BlockOut {
    pub(super) const fn new(max: usize) -> Self {
        Self { max, id: 0, sending: None }
    }

    /// Queues a block; its id.
    pub(super) fn push(&mut self, kind: u16, bytes: Arc<[u8]>) -> Result<u16, SendError> {
        let len = bytes.len();
        if len == 0 {
            return Err(SendError::Empty);
        }
        if len > self.max {
            return Err(SendError::TooLong { len, max: self.max });
        }
        let sending = self.sending.get_or_insert_with(|| Box::new(Sending::new()));
        let ahead = sending.queue.len();
        if ahead >= MAX_BLOCKS_QUEUED {
            return Err(SendError::Full);
        }
        let crc = crc32fast::hash(&bytes);
        sending.queue.push_back(Queued { bytes, kind, crc });
        Ok(self.id.wrapping_add(low16(ahead as u64)))
    }

    pub(super) fn begin_waits(&self) -> bool {
        self.sending.as_ref().is_some_and(|sending| sending.begin_waits)
    }

    /// Whether a slice could leave if there is room for it on the way.
    pub(crate) fn has_slices(&self) -> bool {
        self.sending.as_ref().is_some_and(|sending| sending.again != 0 || sending.next < sending.credit)
    }

    /// Slices on their way.
    #[cfg(test)]
    pub(crate) fn flying(&self) -> u32 {
        self.sending.as_ref().map_or(0, |sending| sending.flying().count_ones())
    }

    /// Writes BEGIN if it waits and fits.
    pub(super) fn write_begin(&mut self, out: &mut Writer<'_>) -> bool {
        let id = self.id;
        let Some(sending) = self.sending.as_deref_mut().filter(|sending| sending.begin_waits) else {
            return false;
        };
        let Some(front) = sending.queue.front() else {
            return false;
        };
        let before = out.len();
        let written = out
            .u8(frame_id::BLOCK_BEGIN)
            .and_then(|()| out.u16(id))
            .and_then(|()| out.u16(front.kind))
            .and_then(|()| out.u32(length_field(front.bytes.len())))
            .and_then(|()| out.u32(front.crc));
        if written.is_err() {
            out.truncate(before);
            return false;
        }
        sending.begun = true;
        sending.begin_waits = false;
        true
    }

    /// Writes slices, lost ones first, as long as they fit and `allowance` bytes last. For a probe the oldest one on its way
    /// counts as lost if nothing else can leave. Bytes of frames written.
    pub(crate) fn write_slices(
        &mut self,
        out: &mut Writer<'_>,
        probe: bool,
        allowance: usize,
        runs: &mut Runs,
    ) -> usize {
        let Self { id, sending, .. } = self;
        let Some(sending) = sending.as_deref_mut() else {
            return 0;
        };
        if probe && sending.again == 0 && sending.next >= sending.credit {
            let flying = sending.flying();
            sending.again |= flying & flying.wrapping_neg();
        }
        let before = out.len();
        while let Some(index) = sending.ready() {
            let left = allowance.saturating_sub(out.len() - before);
            if !sending.write(*id, index, left, out, runs) {
                break;
            }
        }
        out.len() - before
    }

    pub(super) fn delivered(&mut self, run: Run) {
        if let Some(sending) = self.of(run) {
            for index in run.ids() {
                let bit = sending.bit(index);
                sending.arrived |= bit;
                sending.again &= !bit;
            }
            sending.advance(low16(sending.arrived.trailing_ones().into()));
        }
    }

    pub(super) fn lost(&mut self, run: Run) {
        if let Some(sending) = self.of(run) {
            for index in run.ids() {
                sending.again |= sending.bit(index) & !sending.arrived;
            }
        }
    }

    /// The packet that held a BEGIN is lost. CREDIT is what tells that another one arrived.
    pub(super) fn begin_lost(&mut self) {
        if let Some(sending) = self.sending.as_deref_mut() {
            sending.begin_waits |= sending.begun && sending.credit == 0;
        }
    }

    /// The receiver allows slices below `slices`.
    pub(crate) fn credit(&mut self, block: u16, slices: u16) -> Result<(), BlockFault> {
        if is_behind(block, self.id) {
            return Ok(());
        }
        let sending = self.sending.as_deref_mut().filter(|sending| sending.begun).ok_or(BlockFault)?;
        if block != self.id || slices == 0 || slices > sending.next.saturating_add(WINDOW_SLICES) {
            return Err(BlockFault);
        }
        let credit = slices.min(sending.total());
        if credit > sending.credit {
            sending.credit = credit;
            sending.begin_waits = false;
            // It has everything but the window: acknowledgements that would say so may be lost.
            sending.advance(slices.saturating_sub(WINDOW_SLICES).saturating_sub(sending.base));
        }
        Ok(())
    }

    /// The receiver says how the block ended; the next one begins. `None` if that was said before.
    pub(crate) fn end(&mut self, block: u16, status: u8) -> Result<Option<(u16, BlockEnd)>, BlockFault> {
        let end = BlockEnd::from_number(status).ok_or(BlockFault)?;
        if is_behind(block, self.id) {
            return Ok(None);
        }
        let sending = self.sending.as_deref_mut().filter(|sending| sending.begun).ok_or(BlockFault)?;
        let complete = sending.next == sending.total();
        if block != self.id || (end != BlockEnd::Refused && !complete) {
            return Err(BlockFault);
        }
        sending.queue.pop_front();
        if sending.queue.is_empty() {
            self.sending = None;
        } else {
            let queue = std::mem::take(&mut sending.queue);
            *sending = Sending { queue, ..Sending::new() };
        }
        self.id = self.id.wrapping_add(1);
        Ok(Some((block, end)))
    }

    /// The block on its way, if the run is one of its slices.
    fn of(&mut self, run: Run) -> Option<&mut Sending> {
        let current = run.lane == tagged_lane(self.id);
        self.sending.as_deref_mut().filter(|_| current)
    }
}

impl Sending {
    fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            begun: false,
            begin_waits: true,
            credit: 0,
            next: 0,
            base: 0,
            arrived: 0,
            again: 0,
        }
    }

    fn total(&self) -> u16 {
        self.queue.front().map_or(0, |front| slices(front.bytes.len()))
    }

    /// The slices between `base` and `next` that neither arrived nor were lost.
    fn flying(&self) -> u64 {
        let sent = u32::from(self.next.saturating_sub(self.base));
        let sent = 1_u64.checked_shl(sent).map_or(u64::MAX, |end| end - 1);
        sent & !self.arrived & !self.again
    }

    /// The bit of a slice that was sent and is not known to have arrived for long; 0 of any other.
    fn bit(&self, index: u16) -> u64 {
        if (self.base..self.next).contains(&index) {
            1_u64.checked_shl((index - self.base).into()).unwrap_or(0)
        } else {
            0
        }
    }

    fn advance(&mut self, slices: u16) {
        self.base += slices;
        self.arrived = self.arrived.checked_shr(slices.into()).unwrap_or(0);
        self.again = self.again.checked_shr(slices.into()).unwrap_or(0);
        let more = low16(self.arrived.trailing_ones().into());
        if more > 0 {
            self.advance(more);
        }
    }

    /// The slice to be sent next.
    fn ready(&self) -> Option<u16> {
        if self.again != 0 {
            return Some(self.base + low16(self.again.trailing_zeros().into()));
        }
        (self.next < self.credit).then_some(self.next)
    }

    /// Writes one slice; false if it fits neither into the packet, nor its record, nor the allowance.
    fn write(&mut self, id: u16, index: u16, allowance: usize, out: &mut Writer<'_>, runs: &mut Runs) -> bool {
        let Some(front) = self.queue.front() else {
            return false;
        };
        let len = slice_len(front.bytes.len(), index);
        let start = usize::from(index) * SLICE_LEN;
        let Some(bytes) = front.bytes.get(start..start + len) else {
            return false;
        };
        let need = 5 + varint_len(low32(len as u64)) + len;
        let lane = tagged_lane(id);
        if need > out.remaining().min(allowance) || !runs.has_room(lane, index) {
            return false;
        }
        let written = out
            .u8(frame_id::BLOCK_SLICE)
            .and_then(|()| out.u16(id))
            .and_then(|()| out.u16(index))
            .and_then(|()| out.varint(low32(len as u64)))
            .and_then(|()| out.bytes(bytes));
        debug_assert!(written.is_ok(), "the room was checked");
        runs.add(lane, index);
        self.again &= !self.bit(index);
        self.next = self.next.max(index + 1);
        true
    }
}
