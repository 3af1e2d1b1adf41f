//! How connections end: the code that travels, and the reason an application hears.

use arrayvec::ArrayString;

use crate::handshake::RejectCode;
use crate::packet::MAX_CLOSE_TEXT;

/// Why a peer closes, as a number on the wire. Codes from 0x100 on are the application's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// The peer is done.
    pub const DONE: Self = Self(0);
    /// The server stops.
    pub const SHUTDOWN: Self = Self(1);
    /// The player was removed; the text says why.
    pub const KICKED: Self = Self(2);
    /// The same player connected again.
    pub const REPLACED: Self = Self(3);
    /// The player moved to another shard.
    pub const MOVED: Self = Self(4);
    /// The peer sent what no correct peer sends.
    pub const VIOLATION: Self = Self(5);
    /// The peer does not take in what is sent to it.
    pub const OVERLOADED: Self = Self(6);
    /// More forged packets came than a connection bears.
    pub const FORGED: Self = Self(7);
    /// The first code of the application.
    pub const APPLICATION: Self = Self(0x100);

    /// What a player may be told, if the peer sent no words of its own.
    #[must_use]
    pub const fn player_text(self) -> &'static str {
        match self {
            Self::DONE => "The connection was closed.",
            Self::SHUTDOWN => "The server is closing.",
            Self::KICKED => "You were removed from the game.",
            Self::REPLACED => "You logged in from somewhere else.",
            Self::MOVED => "Your character went on elsewhere.",
            Self::VIOLATION => "The connection was broken; the program may be out of date.",
            Self::OVERLOADED => "Your connection is too slow for the game.",
            Self::FORGED => "The connection was disturbed from outside.",
            _ => "The server ended the connection.",
        }
    }
}

impl std::fmt::Display for CloseCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.player_text())
    }
}

/// What an authentic peer did that no correct one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Violation {
    /// A prelude or frame that is not in its one valid form.
    Malformed,
    /// A frame this version does not have.
    UnknownFrame,
    /// A frame that only the other side may send.
    UnexpectedFrame,
    /// It acknowledged a number above all sent.
    AckOfUnsent,
    /// It acknowledged a number that was left out on purpose.
    AckOfSkipped,
    /// It sent more ahead than a lane's window, or inputs out of sequence.
    LaneOverrun,
    /// It sent slices without credit or of a wrong length, began a block while one was on its way or one too long, or gave
    /// credit for and ended what never began.
    Blocks,
    /// It sent fragments that do not belong together, or more of them than a message of the lane may have.
    Fragment,
}

/// Why a connection ended, as its owner hears it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// This side closed it.
    Local(CloseCode),
    /// The peer closed it.
    Peer(CloseCode, ArrayString<MAX_CLOSE_TEXT>),
    /// The server does not know the connection any more: it was started anew, or gave the connection up.
    Reset,
    /// Nothing came from the peer for the idle time.
    Idle,
    /// The peer broke the protocol.
    Violation(Violation),
    /// The server did not answer.
    NoAnswer,
    /// The server refused the ticket.
    Rejected(RejectCode),
    /// The ticket cannot be used at all (its server key is no key).
    BadTicket,
}

impl CloseReason {
    /// What a player may be told: the server's own words if it sent some, else this end's for the reason.
    #[must_use]
    pub fn player_text(&self) -> &str {
        match self {
            Self::Peer(_, text) if !text.is_empty() => text,
            Self::Local(code) | Self::Peer(code, _) => code.player_text(),
            Self::Reset => "The server was restarted.",
            Self::Idle => "The connection to the server was lost.",
            Self::Violation(_) => "The server sent what this program does not understand; it may be out of date.",
            Self::NoAnswer => "The server does not answer.",
            Self::Rejected(code) => code.player_text(),
            Self::BadTicket => "The login is not valid; please log in again.",
        }
    }
}

/// A CLOSE frame's text.
pub(crate) type ClosingText = ArrayString<MAX_CLOSE_TEXT>;

/// As much of `text` as a CLOSE frame holds, cut at a character.
pub(crate) fn closing_text(text: &str) -> ClosingText {
    let mut out = ClosingText::new();
    for character in text.chars() {
        if out.try_push(character).is_err() {
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{CloseCode, CloseReason, closing_text};

    #[test]
    fn every_end_has_words_of_its_own() {
        let codes = (0..=8).map(CloseCode).map(CloseCode::player_text);
        let words: std::collections::BTreeSet<&str> = codes.collect();
        assert_eq!(words.len(), 9, "{words:?}");
        let peer = |text: &str| CloseReason::Peer(CloseCode::KICKED, closing_text(text));
        assert_eq!(peer("Because.").player_text(), "Because.");
        assert_eq!(peer("").player_text(), CloseCode::KICKED.to_string());
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let text = closing_text(&"ä".repeat(50));
        assert_eq!(text.as_str(), "ä".repeat(32));
    }
}
