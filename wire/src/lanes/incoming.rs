//! The receiving sides of all message lanes of a connection, and what they may keep together.
//!
//! A peer makes it keep at most what the windows of the reliable lanes allow, 20 KiB together, and one unfinished message on
//! each unreliable lane: 2 KiB from a client, 4 KiB from a server.

use super::loose_in::LooseIn;
use super::reliable_in::ReliableIn;
use super::shelf::Shelf;
use super::{
    COMMON_WINDOW, LOOSE_FRAGMENTS_DOWN, LOOSE_LANES, Lane, LaneFault, OWN_WINDOW, Place, RELIABLE_LANES, window_limit,
};
use crate::packet::{FRAGMENT_LEN, Frame};
use crate::time::Time;

/// All lanes' receiving sides, in the order in which the shelf holds what they keep.
#[derive(Debug)]
pub(crate) struct LanesIn {
    /// Control, Value, Social, Unordered.
    reliable: [ReliableIn; RELIABLE_LANES],
    /// Effects, Position.
    loose: [LooseIn; LOOSE_LANES],
    shelf: Shelf,
    /// Most fragments of an unreliable message from this peer.
    max_fragments: u8,
}

impl LanesIn {
    /// Lanes on which nothing came; the peer may cut an unreliable message into `max_fragments`.
    pub(crate) fn new(max_fragments: u8) -> Self {
        debug_assert!(max_fragments <= LOOSE_FRAGMENTS_DOWN, "the lanes keep room for no more");
        let ordered = || ReliableIn::new(true);
        Self {
            reliable: [ordered(), ordered(), ordered(), ReliableIn::new(false)],
            loose: [LooseIn::new(false), LooseIn::new(true)],
            shelf: Shelf::new(
                RELIABLE_LANES * OWN_WINDOW + COMMON_WINDOW + LOOSE_LANES * usize::from(max_fragments) * FRAGMENT_LEN,
            ),
            max_fragments,
        }
    }

    /// Bytes taken for what came early or in part.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.shelf.room() + self.reliable.iter().map(ReliableIn::room).sum::<usize>()
    }

    /// Takes a frame of a message lane; `deliver` hears each message that becomes due. False if the frame is of no such lane.
    pub(crate) fn take(
        &mut self,
        now: Time,
        frame: &Frame<'_>,
        mut deliver: impl FnMut(Lane, &[u8]),
    ) -> Result<bool, LaneFault> {
        match *frame {
            Frame::Reliable { lane, id, bytes } => {
                let place = Place { id, index: 0, count: 1 };
                self.reliable(lane, place, bytes, |message| deliver(lane, message))?;
            }
            Frame::Unreliable { lane, bytes } => deliver(lane, bytes),
            Frame::Sequenced { lane, order, bytes } => {
                if self.loose(lane).is_some_and(|(lane, _)| lane.whole(order)) {
                    deliver(lane, bytes);
                }
            }
            Frame::Fragment { lane, id, index, count, bytes } => {
                let place = Place { id, index, count };
                if lane.mode().is_reliable() {
                    self.reliable(lane, place, bytes, |message| deliver(lane, message))?;
                } else {
                    self.fragment(now, lane, place, bytes, |message| deliver(lane, message))?;
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn reliable(
        &mut self,
        lane: Lane,
        place: Place,
        bytes: &[u8],
        deliver: impl FnMut(&[u8]),
    ) -> Result<(), LaneFault> {
        let number = usize::from(lane.number());
        let (mut base, mut others) = (0, [0; RELIABLE_LANES]);
        for (index, (lane, held)) in self.reliable.iter().zip(&mut others).enumerate() {
            if index != number {
                *held = lane.held();
            }
            if index < number {
                base += *held;
            }
        }
        let limit = window_limit(others.into_iter());
        match self.reliable.get_mut(number) {
            Some(state) => state.take(place, bytes, (&mut self.shelf, base), limit, deliver),
            None => Err(LaneFault::Fragment),
        }
    }

    fn fragment(
        &mut self,
        now: Time,
        lane: Lane,
        place: Place,
        bytes: &[u8],
        deliver: impl FnOnce(&[u8]),
    ) -> Result<(), LaneFault> {
        let most = self.max_fragments;
        let Some((_, base)) = self.loose(lane) else {
            return Err(LaneFault::Fragment);
        };
        let shelf = &mut self.shelf;
        match self.loose.get_mut(loose_index(lane)) {
            Some(state) => state.fragment(now, place, bytes, most, (shelf, base), deliver),
            None => Err(LaneFault::Fragment),
        }
    }

    /// An unreliable or sequenced lane, and where its part of the shelf begins.
    fn loose(&mut self, lane: Lane) -> Option<(&mut LooseIn, usize)> {
        let index = loose_index(lane);
        let base = self.reliable.iter().map(ReliableIn::held).sum::<usize>()
            + self.loose.get(..index)?.iter().map(LooseIn::held).sum::<usize>();
        Some((self.loose.get_mut(index)?, base))
    }
}

/// Where an unreliable or sequenced lane stands among its kind; out of range for other lanes.
const fn loose_index(lane: Lane) -> usize {
    match lane {
        Lane::Effects => 0,
        Lane::Position => 1,
        _ => usize::MAX,
    }
}
