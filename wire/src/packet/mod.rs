//! Data packets: header, number, prelude, frames, and which numbers were received. Bytes and arithmetic only; what a
//! frame causes is decided in `connection`.

mod frame;
mod header;
mod number;
mod prelude;
mod ranges;
mod replay;
mod reset;

pub(crate) use frame::{Frame, FrameError, InputFrame, frame_id, next_frame};
pub(crate) use header::{Header, SHORT_BYTE, SHORT_MASK};
pub(crate) use number::recover;
pub(crate) use prelude::{Prelude, PreludeAck};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use ranges::read_ranges;
pub(crate) use ranges::{RangeList, write_ranges};
pub(crate) use replay::{Freshness, ReplayWindow, WINDOW};
pub(crate) use reset::{is_reset_token, reset_tail, write_reset};

/// Longest datagram that is sent without a probe: every path carries it.
pub const MAX_DATAGRAM: usize = 1200;
/// Longest datagram that is probed for and taken.
pub const LONGEST_DATAGRAM: usize = 1452;
/// Longest datagram a receiver looks at.
pub(crate) const MAX_RECEIVED: usize = 1472;
/// Longest message that travels in one frame.
pub const MAX_UNFRAGMENTED: usize = 1100;
/// Bytes of each fragment of a longer message but the last.
pub(crate) const FRAGMENT_LEN: usize = 1024;
/// Most fragments of a message.
pub(crate) const MAX_FRAGMENTS: usize = 16;
/// Bytes of each slice of a block but the last.
pub(crate) const SLICE_LEN: usize = 1024;
/// Longest message of a reliable lane.
pub const MAX_RELIABLE: usize = FRAGMENT_LEN * MAX_FRAGMENTS;
/// Longest text in a CLOSE frame.
pub const MAX_CLOSE_TEXT: usize = 64;
/// Longest input.
pub const MAX_INPUT: usize = 32;
/// Most inputs in one datagram.
pub const MAX_INPUTS_PER_PACKET: usize = 16;

/// Header to the server, tag, longest prelude, the most that acknowledgement ranges take, and a message frame's own head.
const LARGEST_HEAD: usize = 11 + 16 + 8 + ranges::MAX_RANGES_LEN + 6;
const _: () = assert!(
    LARGEST_HEAD + MAX_UNFRAGMENTED <= MAX_DATAGRAM,
    "the longest message fits beside the longest acknowledgement"
);
