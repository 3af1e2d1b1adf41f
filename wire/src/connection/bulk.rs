//! The bulk lane on its connection: which frames mean what, and when a slice may leave.
//!
//! Slices take only what the game leaves: they ride behind all else in a datagram without a snapshot, within what the budget
//! has for them, and a client's so far apart that its datagrams stay within what a server takes.

use std::sync::Arc;
use std::time::Duration;

use super::{Connection, Events, Role, Violation};
use crate::blocks::{Begin, BlockFault, BlockPool, SLICE_FRAME};
use crate::codec::Writer;
use crate::lanes::SendError;
use crate::packet::Frame;
use crate::recovery::Sent;
use crate::time::Time;

/// Between two of a client's datagrams with slices: 62 a second of the 120 datagrams that a server takes from it.
const CLIENT_PAUSE: Duration = Duration::from_millis(16);

impl From<BlockFault> for Violation {
    fn from(_: BlockFault) -> Self {
        Self::Blocks
    }
}

impl Connection {
    /// Queues a block; its id.
    pub(crate) fn send_block(&mut self, now: Time, kind: u16, bytes: Arc<[u8]>) -> Result<u16, SendError> {
        let id = self.blocks.push(kind, bytes)?;
        if self.blocks.has_news() {
            self.content_by(now + self.terms.coalesce);
        }
        Ok(id)
    }

    /// Takes blocks of at most `longest` bytes, whose room comes out of `pool`.
    pub(crate) fn limit_blocks(&mut self, longest: usize, pool: BlockPool) {
        self.blocks.inbound.limit(longest, pool);
    }

    /// Takes in a frame about blocks; false if it is none.
    pub(super) fn block_frame(
        &mut self,
        now: Time,
        frame: &Frame<'_>,
        events: &mut impl Events,
    ) -> Result<bool, Violation> {
        let blocks = &mut self.blocks;
        match *frame {
            Frame::BlockBegin { block, kind, len, crc } => {
                blocks.inbound.begin(now, Begin { block, kind, len, crc })?;
            }
            Frame::BlockSlice { block, index, bytes } => {
                blocks.inbound.slice(now, (block, index), bytes, |kind, whole| events.block(kind, whole))?;
            }
            Frame::BlockCredit { block, slices } => blocks.outbound.credit(block, slices)?,
            Frame::BlockEnd { block, status } => {
                if let Some((id, end)) = blocks.outbound.end(block, status)? {
                    events.block_ended(id, end);
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// When the next slice may leave, if there is one; never is told by the end of time.
    pub(super) fn bulk_at(&self) -> Time {
        let budget = if self.blocks.outbound.has_slices() { self.next_bulk_at() } else { None };
        budget.map_or(Time::from_micros(u64::MAX), |at| at.max(self.bulk_next))
    }

    /// Writes slices behind all else, as far as the budget reaches.
    pub(super) fn slices(&mut self, now: Time, out: &mut Writer<'_>, sent: &mut Sent) {
        let probe = self.probe && !sent.eliciting;
        if !probe && !self.blocks.outbound.has_slices() {
            return;
        }
        let allowance = if probe {
            SLICE_FRAME
        } else if now < self.bulk_next {
            0
        } else {
            self.bulk_allowance(now)
        };
        if self.blocks.write_slices(out, probe, allowance, sent) {
            sent.eliciting = true;
            if matches!(self.role, Role::Client(_)) {
                self.bulk_next = now + CLIENT_PAUSE;
            }
        }
    }

    /// Writes BEGIN, CREDIT and END as far as they wait.
    pub(super) fn block_news(&mut self, out: &mut Writer<'_>, sent: &mut Sent) {
        sent.eliciting |= self.blocks.write_news(out, &mut sent.blocks);
    }
}
