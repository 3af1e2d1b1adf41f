//! Lanes: what a message is promised. Each decides by itself what the loss of a packet means to it.
//!
//! | lane | promise | loss of a packet |
//! |---|---|---|
//! | control, both ways | every message once, in order | its unacknowledged messages go out again |
//! | input, to the server | every input once, in order, fast | nothing: each datagram repeats what is unacknowledged |
//! | snapshot, to the client | newest state | the writer is told and encodes against older ground |

mod control_in;
mod control_out;
mod input_in;
mod input_out;
mod lane;

pub(crate) use control_in::{ControlIn, LaneFault};
pub(crate) use control_out::ControlOut;
pub(crate) use input_in::InputIn;
pub(crate) use input_out::InputOut;
pub use lane::Lane;
pub(crate) use lane::Mode;

/// So many messages from the oldest unacknowledged one may be on their way: what the receiver keeps room for.
pub(crate) const WINDOW_MESSAGES: u32 = 256;
/// So many bytes from the oldest unacknowledged message may be on their way.
pub(crate) const WINDOW_BYTES: usize = 64 * 1024;

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
    /// The lane holds as much unacknowledged data as it may.
    #[error("the lane is full: the peer does not acknowledge as fast as messages are sent")]
    Full,
}
