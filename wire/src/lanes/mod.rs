//! Lanes: what a message is promised. Each decides by itself what the loss of a packet means to it.
//!
//! | lanes | promise | loss of a packet |
//! |---|---|---|
//! | reliable, both ways | every message once, in order or on arrival | its unacknowledged messages go out again |
//! | unreliable, both ways | at most once | nothing |
//! | sequenced, both ways | at most once, never after a newer one | nothing |
//! | input, to the server | every input once, in order, fast | nothing: each datagram repeats what is unacknowledged |
//! | snapshot, to the client | newest state | the writer is told and encodes against older ground |

mod incoming;
mod input_in;
mod input_out;
mod lane;
mod loose_in;
mod loose_out;
#[cfg(test)]
mod model;
mod outgoing;
mod reliable_in;
mod reliable_out;
mod repeat;
mod shelf;

pub(crate) use incoming::LanesIn;
pub(crate) use input_in::InputIn;
pub(crate) use input_out::InputOut;
pub use lane::Lane;
pub(crate) use lane::Mode;
pub(crate) use outgoing::LanesOut;

use crate::packet::{MAX_RELIABLE, MAX_UNFRAGMENTED};

/// So many messages and fragments of a lane from the oldest unacknowledged message may be on their way.
const WINDOW_PARTS: u16 = 256;
/// So many bytes each reliable lane may always have on their way, counted from the oldest unacknowledged message.
const OWN_WINDOW: usize = 1_280;
/// So many bytes may be on their way beyond that, on all reliable lanes together.
const COMMON_WINDOW: usize = MAX_RELIABLE - OWN_WINDOW;
/// Reliable lanes.
const RELIABLE_LANES: usize = 4;
/// Unreliable and sequenced lanes.
const LOOSE_LANES: usize = 2;
/// Most fragments of a message of an unreliable or sequenced lane to the server.
pub(crate) const LOOSE_FRAGMENTS_UP: u8 = 2;
/// Most fragments of such a message to the client.
pub(crate) const LOOSE_FRAGMENTS_DOWN: u8 = 4;
/// Most of all that a connection queues on its message lanes: what the longest message takes, and a little more.
pub(crate) const QUEUE_ROOM: usize = MAX_RELIABLE + 256;
const _: () = assert!(MAX_UNFRAGMENTED <= OWN_WINDOW, "no lane can keep another from sending a message");

/// How far the window of one lane may reach, given those of the others.
fn window_limit(others: impl Iterator<Item = usize>) -> usize {
    let taken = others.map(|window| window.saturating_sub(OWN_WINDOW)).sum();
    OWN_WINDOW + COMMON_WINDOW.saturating_sub(taken)
}

/// A lane used in a way that no honest peer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LaneFault {
    /// More ahead than the lane's window, or inputs out of sequence.
    Overrun,
    /// Fragments that do not belong together, or too many.
    Fragment,
}

/// Which part of which message: fragment `index` of `count`; a whole message is its only one.
#[derive(Debug, Clone, Copy)]
struct Place {
    id: u16,
    index: u8,
    count: u8,
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no such connection, or it is closing.
    #[error("the connection is not open")]
    Closed,
    /// The lane carries nothing of this kind: blocks where messages go, or the other way round.
    #[error("the lane does not carry this")]
    WrongLane,
    /// A block has at least one byte.
    #[error("the block is empty")]
    Empty,
    /// Longer than the lane carries.
    #[error("{len} bytes exceed the lane's {max}")]
    TooLong {
        /// Its length.
        len: usize,
        /// The lane's limit.
        max: usize,
    },
    /// The lane, or all of the connection's together, hold as much unacknowledged data as they may.
    #[error("the lane is full: the peer does not acknowledge as fast as messages are sent")]
    Full,
}
