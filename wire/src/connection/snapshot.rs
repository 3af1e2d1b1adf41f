//! The snapshot of a datagram: its frame, and the room it is given.

use super::Connection;
use crate::codec::Writer;
use crate::crypto::TAG_LEN;
use crate::packet::frame_id;
use crate::recovery::Sent;
use crate::time::{Tick, Time};

/// Bytes before its body: PING and the frame's head.
const HEAD: usize = 1 + 5;
/// A snapshot is given at least so much room or none: any single record fits, so none waits for ever behind shorter ones.
const LEAST_ROOM: usize = 56;
/// A body that leaves less than this free would have said more: no record is longer.
const LONGEST_RECORD: usize = 50;

impl Connection {
    /// Writes a snapshot into what the budget leaves of the datagram; `write` says how long its body is.
    pub(super) fn snapshot(
        &mut self,
        now: Time,
        number: u64,
        tick: Tick,
        write: &mut dyn FnMut(u64, &mut [u8]) -> usize,
        out: &mut Writer<'_>,
        sent: &mut Sent,
    ) {
        let budget = self.budget.snapshot_room(now, self.recovery.flying_bytes());
        let left = budget.saturating_sub(out.len() + TAG_LEN);
        let limited = left < out.remaining();
        if left.min(out.remaining()) < HEAD + LEAST_ROOM {
            if limited {
                self.budget.limits(now);
            }
            return;
        }
        let before = out.len();
        // A packet that holds what is kept is acknowledged soon without a word.
        let samples = self.budget.needs_samples(now) || self.recovery.rtt.smoothed().is_none();
        if samples && !sent.is_kept() {
            // There is room for all that comes before the body.
            let _written = out.u8(frame_id::PING);
        }
        if out.u8(frame_id::SNAP).and_then(|()| out.u32(tick.0)).is_err() {
            out.truncate(before);
            return;
        }
        let free = out.free();
        let room = free.len().min(left - HEAD);
        let space = free.get_mut(..room).unwrap_or_default();
        let written = write(number, space).min(room);
        if written == 0 {
            out.truncate(before);
            return;
        }
        out.advance(written);
        sent.snapshot = true;
        sent.eliciting = true;
        if written + LONGEST_RECORD > room {
            if limited {
                self.budget.limits(now);
            } else {
                self.mtu.wants();
            }
        }
    }
}
