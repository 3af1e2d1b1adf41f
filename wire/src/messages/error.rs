//! Why bytes are not a message, and why a message cannot become bytes.

use crate::lanes::Lane;

/// What is wrong with a field or a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The bytes end inside it.
    #[error("the bytes end inside it")]
    Truncated,
    /// It declares more than it may have.
    #[error("{len} where {max} are the most")]
    TooLong {
        /// Bytes of a text, elements of a list.
        len: usize,
        /// The bound.
        max: usize,
    },
    /// A text is not UTF-8.
    #[error("not UTF-8")]
    NotText,
    /// A number that has no meaning here.
    #[error("{value} means nothing here")]
    UnknownValue {
        /// The number.
        value: u8,
    },
    /// Bytes are left after the last field.
    #[error("{bytes} bytes are left over")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// The message travels on another lane.
    #[error("it does not travel on the lane {lane:?}")]
    WrongLane {
        /// The lane it came on.
        lane: Lane,
    },
}

/// Received bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {problem}")]
pub struct DecodeError {
    /// The message and the field, as `Chat.text`; the enum's name where no message is known yet.
    pub at: &'static str,
    /// What is wrong there.
    pub problem: Problem,
}

/// A message cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The buffer is too small.
    #[error("the message does not fit into the buffer")]
    NoRoom,
    /// A text or a list is longer than the table allows.
    #[error("{len} where {max} are the most")]
    TooLong {
        /// Bytes of a text, elements of a list.
        len: usize,
        /// The bound.
        max: usize,
    },
}
