//! The connection's part in moving to another address: PATH_CHALLENGE out, PATH_RESPONSE back, both in packets like any
//! other. Which address a packet goes to or came from is the endpoint's affair.

use super::{Connection, Extra};
use crate::codec::{NoRoom, Writer};
use crate::packet::{Freshness, frame_id, recover};
use crate::time::Time;

/// What is drawn at random for a challenge and comes back in the response.
pub(crate) type PathData = [u8; 8];

/// Challenges that wait for an answer, and answers that wait to be looked at: never more than one of each, the newest.
#[derive(Debug, Default)]
pub(super) struct PathFrames {
    asked: Option<PathData>,
    answered: Option<PathData>,
}

impl PathFrames {
    /// Whether a response waits to be sent.
    pub(super) const fn is_due(&self) -> bool {
        self.asked.is_some()
    }

    /// Writes the response that waits; true if there was one.
    pub(super) fn respond(&mut self, out: &mut Writer<'_>) -> bool {
        let Some(data) = self.asked else {
            return false;
        };
        let before = out.len();
        if write(frame_id::PATH_RESPONSE, data, out).is_err() {
            out.truncate(before);
            return false;
        }
        self.asked = None;
        true
    }
}

impl Connection {
    /// Writes a datagram that holds nothing but PATH_CHALLENGE; 0 if no number is free.
    pub(crate) fn challenge(&mut self, now: Time, data: PathData, buffer: &mut [u8]) -> usize {
        self.transmit(now, Extra::Challenge(data), buffer)
    }

    /// The peer asks whether this end is where its packets come from: the answer leaves at once.
    pub(super) fn challenged(&mut self, data: PathData) {
        self.path.asked = Some(data);
    }

    /// The peer answered a challenge.
    pub(super) fn path_answered(&mut self, data: PathData) {
        self.path.answered = Some(data);
    }

    /// The last answer to a challenge, once.
    pub(crate) fn take_path_answer(&mut self) -> Option<PathData> {
        self.path.answered.take()
    }

    /// Whether the datagram's number can be one of the next, without opening it: not received before and at most a window
    /// ahead.
    pub(crate) fn is_plausible(&self, datagram: &[u8]) -> bool {
        self.incoming.read(datagram).is_ok_and(|(_, low)| {
            let expected = self.received.expected();
            let number = recover(expected, low);
            self.received.look(number) == Freshness::Fresh && number < expected + crate::packet::WINDOW
        })
    }
}

/// Writes a frame of these eight bytes.
pub(super) fn write(id: u8, data: PathData, out: &mut Writer<'_>) -> Result<(), NoRoom> {
    out.u8(id)?;
    out.bytes(&data)
}
