//! Receiving side of the input lane: each input once, in sequence order.
//!
//! A sender repeats from its oldest unacknowledged input on, so a frame that starts above what is expected was never sent
//! by an honest one.

use super::LaneFault;
use crate::packet::InputFrame;

/// The server's side of the lane.
#[derive(Debug, Default)]
pub(crate) struct InputIn {
    expected: u32,
}

impl InputIn {
    pub(crate) fn take(
        &mut self,
        frame: &InputFrame<'_>,
        mut deliver: impl FnMut(u32, &[u8]),
    ) -> Result<(), LaneFault> {
        if frame.first > self.expected {
            return Err(LaneFault::Overrun);
        }
        for (sequence, bytes) in frame.iter() {
            if sequence == self.expected {
                deliver(sequence, bytes);
                self.expected += 1;
            }
        }
        Ok(())
    }
}
