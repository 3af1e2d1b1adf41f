//! What functions return, in numbers and in words.

#![allow(unsafe_code, reason = "an exported symbol is unsafe by its name alone")]

use std::ffi::{CStr, c_char};

use mu_wire::SendError;

/// Done.
pub const MU_OK: i32 = 0;
/// Nothing to give: no event, no timer, no measurement yet.
pub const MU_NOTHING: i32 = 1;
/// A pointer is NULL that must not be.
pub const MU_ERROR_NULL: i32 = -1;
/// The caller was compiled with a header of another MU_ABI_VERSION.
pub const MU_ERROR_ABI: i32 = -2;
/// An argument is outside its bounds.
pub const MU_ERROR_ARGUMENT: i32 = -3;
/// The buffer is too small; nothing is lost.
pub const MU_ERROR_BUFFER: i32 = -4;
/// The ticket's text is not what a gateway answers.
pub const MU_ERROR_TICKET: i32 = -5;
/// The gateway's server speaks another protocol than this library.
pub const MU_ERROR_PROTOCOL: i32 = -6;
/// The connection is not open.
pub const MU_ERROR_CLOSED: i32 = -7;
/// The message is longer than its lane or its field allows.
pub const MU_ERROR_TOO_LONG: i32 = -8;
/// The lane is full: the server does not acknowledge as fast as messages are sent. Try again later.
pub const MU_ERROR_FULL: i32 = -9;
/// There is no such lane, or it does not carry messages.
pub const MU_ERROR_LANE: i32 = -10;
/// A text is not UTF-8.
pub const MU_ERROR_TEXT: i32 = -11;
/// Events wait in such number that nothing more is taken in: poll them first, then hand the datagram in again.
pub const MU_ERROR_EVENTS: i32 = -12;
/// The bytes are another message, or none.
pub const MU_ERROR_OTHER_MESSAGE: i32 = -13;
/// The entity is not in sight.
pub const MU_ERROR_NOT_SEEN: i32 = -14;
/// The system gave no random numbers.
pub const MU_ERROR_RANDOM: i32 = -15;
/// The library failed; the client is of no use any more.
pub const MU_ERROR_PANIC: i32 = -16;

const TEXTS: [(i32, &CStr); 18] = [
    (MU_OK, c"done"),
    (MU_NOTHING, c"nothing to give"),
    (MU_ERROR_NULL, c"a pointer is NULL that must not be"),
    (MU_ERROR_ABI, c"compiled with another version of the header"),
    (MU_ERROR_ARGUMENT, c"an argument is outside its bounds"),
    (MU_ERROR_BUFFER, c"the buffer is too small"),
    (MU_ERROR_TICKET, c"the ticket is not what a gateway answers"),
    (MU_ERROR_PROTOCOL, c"the server speaks another version of the protocol"),
    (MU_ERROR_CLOSED, c"the connection is not open"),
    (MU_ERROR_TOO_LONG, c"the message is too long"),
    (MU_ERROR_FULL, c"too much waits to be acknowledged by the server"),
    (MU_ERROR_LANE, c"there is no such lane for messages"),
    (MU_ERROR_TEXT, c"a text is not UTF-8"),
    (MU_ERROR_EVENTS, c"events have to be polled first"),
    (MU_ERROR_OTHER_MESSAGE, c"the bytes are not this message"),
    (MU_ERROR_NOT_SEEN, c"the entity is not in sight"),
    (MU_ERROR_RANDOM, c"the system gave no random numbers"),
    (MU_ERROR_PANIC, c"the library failed; destroy the client"),
];

/// A status that is not MU_OK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status(pub(crate) i32);

impl From<SendError> for Status {
    fn from(error: SendError) -> Self {
        Self(match error {
            SendError::Closed => MU_ERROR_CLOSED,
            SendError::WrongLane => MU_ERROR_LANE,
            SendError::TooLong { .. } => MU_ERROR_TOO_LONG,
            SendError::Full => MU_ERROR_FULL,
            SendError::Empty => MU_ERROR_ARGUMENT,
        })
    }
}

/// What a status means, in English, for developers. Never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mu_status_text(status: i32) -> *const c_char {
    let known = TEXTS.iter().find(|(number, _)| *number == status);
    known.map_or(c"no status of this library", |(_, text)| text).as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_words_of_its_own() {
        let mut numbers: Vec<i32> = TEXTS.iter().map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (MU_ERROR_PANIC..=MU_NOTHING).collect::<Vec<_>>());
        let texts: std::collections::HashSet<_> = TEXTS.iter().map(|(_, text)| *text).collect();
        assert_eq!(texts.len(), TEXTS.len());
    }
}
