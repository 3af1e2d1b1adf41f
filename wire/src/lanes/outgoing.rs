//! The sending sides of all message lanes of a connection, and which of them writes into a packet first.
//!
//! Control comes before all others. The other reliable lanes share what is left by deficit round robin, so that each gets
//! the same number of bytes while it has something to say; then come effects and positions. No lane waits for another's
//! losses: each has a window of its own, and only what it has on its way beyond that comes out of what all share.
//!
//! All queues together are bounded; for a reliable message those give way that may be lost.

use super::loose_out::LooseOut;
use super::reliable_out::{Pass, ReliableOut};
use super::repeat::Packet;
use super::{LOOSE_LANES, Lane, RELIABLE_LANES, SendError, window_limit};
use crate::codec::Writer;
use crate::recovery::{Run, Runs};
use crate::time::Time;

/// What a lane may write more in each round.
const QUANTUM: usize = 256;
/// A lane that must wait for the next packet keeps a claim to so much: one part.
const CLAIM: usize = 1200;
/// Where control stands among the reliable lanes.
const CONTROL: usize = 0;
/// Reliable lanes that share what control leaves.
const SHARING: usize = RELIABLE_LANES - 1;

/// All lanes' sending sides.
#[derive(Debug)]
pub(crate) struct LanesOut {
    /// Control, Value, Social, Unordered.
    reliable: [ReliableOut; RELIABLE_LANES],
    /// Bytes that each of those after control may still write in this round.
    claims: [usize; SHARING],
    /// Whose round it is first in the next packet.
    turn: usize,
    /// Effects, Position.
    loose: [LooseOut; LOOSE_LANES],
    /// Most memory for what is queued.
    room: usize,
    packet: Packet,
    /// No lane has anything that waits, is to be repeated or was dropped: none of them has to be looked at, which would be most
    /// of what a packet without messages touches of its connection.
    quiet: bool,
}

/// How a lane's turn ended.
enum Served {
    /// Its claim is used up.
    Claim,
    /// It has nothing more that may leave.
    Empty,
    /// The next part does not fit into this packet.
    NoRoom,
}

impl LanesOut {
    /// Empty lanes that queue at most `room` bytes; an unreliable message may have `max_fragments`.
    pub(crate) const fn new(max_fragments: u8, room: usize) -> Self {
        Self {
            reliable: [
                ReliableOut::new(Lane::Control),
                ReliableOut::new(Lane::Value),
                ReliableOut::new(Lane::Social),
                ReliableOut::new(Lane::Unordered),
            ],
            claims: [0; SHARING],
            turn: 0,
            loose: [LooseOut::new(Lane::Effects, max_fragments), LooseOut::new(Lane::Position, max_fragments)],
            room,
            packet: Packet::first(),
            quiet: true,
        }
    }

    /// Queues a message; a reliable one leaves in `copies` packets in a row (1 or 2) before anything is known of the first.
    pub(crate) fn push(&mut self, now: Time, lane: Lane, message: &[u8], copies: u8) -> Result<(), SendError> {
        self.quiet = false;
        let result = match lane {
            Lane::Bulk => return Err(SendError::WrongLane),
            Lane::Effects | Lane::Position => self.push_loose(now, lane, message),
            Lane::Control | Lane::Value | Lane::Social | Lane::Unordered => self.push_reliable(lane, message, copies),
        };
        let taken = self.reliable.iter().map(ReliableOut::room).chain(self.loose.iter().map(LooseOut::room));
        if taken.sum::<usize>() > self.room {
            // Lanes keep the room they once needed; not all of them can.
            self.reliable.iter_mut().for_each(ReliableOut::trim);
            self.loose.iter_mut().for_each(LooseOut::trim);
        }
        result
    }

    fn push_reliable(&mut self, lane: Lane, message: &[u8], copies: u8) -> Result<(), SendError> {
        let need = ReliableOut::need(message);
        while self.used() + need > self.room {
            if !self.loose.iter_mut().any(LooseOut::drop_oldest) {
                return Err(SendError::Full);
            }
        }
        match self.reliable.get_mut(usize::from(lane.number())) {
            Some(queue) => queue.push(message, copies),
            None => Err(SendError::WrongLane),
        }
    }

    fn push_loose(&mut self, now: Time, lane: Lane, message: &[u8]) -> Result<(), SendError> {
        let need = LooseOut::need(message);
        let mut used = self.used();
        while used + need > self.room && self.loose.iter_mut().any(LooseOut::drop_oldest) {
            used = self.used();
        }
        let [effects, position] = &mut self.loose;
        let queue = if lane == Lane::Effects { effects } else { position };
        if used + need > self.room {
            queue.refuse();
            return Ok(());
        }
        queue.push(now, message)
    }

    /// Memory that what is queued needs.
    fn used(&self) -> usize {
        let reliable = self.reliable.iter().map(ReliableOut::used);
        reliable.chain(self.loose.iter().map(LooseOut::used)).sum()
    }

    /// How far the window of a reliable lane may reach now.
    fn limit(&self, index: usize) -> usize {
        let others = self.reliable.iter().enumerate().filter(|(other, _)| *other != index);
        window_limit(others.map(|(_, lane)| lane.window()))
    }

    /// Whether anything may leave now.
    pub(crate) fn is_ready(&self) -> bool {
        !self.quiet && (self.is_reliable_ready() || self.loose.iter().any(LooseOut::is_ready))
    }

    /// Whether anything may leave now whose arrival matters.
    pub(crate) fn is_reliable_ready(&self) -> bool {
        let is_ready = |(index, lane): (usize, &ReliableOut)| lane.has_waiting() && lane.is_ready(self.limit(index));
        !self.quiet && self.reliable.iter().enumerate().any(is_ready)
    }

    /// Before a probe is filled: if nothing could leave, the oldest unacknowledged part waits again.
    pub(crate) fn probe(&mut self) {
        if !self.is_reliable_ready() {
            // Of the first lane that has something on its way.
            self.quiet = false;
            let _ = self.reliable.iter_mut().any(ReliableOut::wake_oldest);
        }
    }

    /// Everything that is not acknowledged waits again.
    pub(crate) fn wake_all(&mut self) {
        self.quiet = false;
        self.reliable.iter_mut().for_each(ReliableOut::wake_all);
    }

    /// The next packet is filled from here on; `lossy` says whether the link loses.
    pub(crate) const fn begin(&mut self, lossy: bool) {
        self.packet.next(lossy);
    }

    /// Writes control messages but for the last `keep` bytes of the packet, and notes them in `runs`; true if anything was
    /// written.
    pub(crate) fn fill_control(&mut self, out: &mut Writer<'_>, runs: &mut Runs, keep: usize) -> bool {
        if self.quiet {
            return false;
        }
        let (before, mut claim) = (out.len(), usize::MAX);
        self.serve(CONTROL, &mut Pass::default(), &mut claim, (out, runs), keep);
        out.len() > before
    }

    /// Writes messages of the other lanes but for the last `keep` bytes of the packet; true if anything was written.
    pub(crate) fn fill_others(&mut self, now: Time, out: &mut Writer<'_>, runs: &mut Runs, keep: usize) -> bool {
        if self.quiet {
            return false;
        }
        let before = out.len();
        if self.reliable.iter().skip(CONTROL + 1).any(ReliableOut::has_waiting) {
            self.share(out, runs, keep);
        }
        for lane in &mut self.loose {
            let room = out.remaining().saturating_sub(keep);
            lane.fill(now, out, room);
        }
        out.len() > before
    }

    /// Writes once more what left with the packet before, control first: what was lost, and fresh messages of at most
    /// `allowance` bytes, which becomes what is left of it. True if anything was written.
    pub(crate) fn fill_echoes(
        &mut self,
        allowance: &mut usize,
        out: &mut Writer<'_>,
        runs: &mut Runs,
        keep: usize,
    ) -> bool {
        if self.quiet {
            return false;
        }
        let before = out.len();
        for lane in self.reliable.iter_mut().filter(|lane| lane.has_echoes()) {
            lane.write_echoes(self.packet, allowance, (out, runs), keep);
        }
        out.len() > before
    }

    /// The lanes after control in turns.
    fn share(&mut self, out: &mut Writer<'_>, runs: &mut Runs, keep: usize) {
        let mut passes = [Some(Pass::default()); SHARING];
        let (first, mut blocked) = (self.turn, None);
        // Each round adds to the claim of every lane that is not done, so each is done after a few.
        while passes.iter().any(Option::is_some) {
            for index in (0..SHARING).map(|step| (first + step) % SHARING) {
                let Some(slot) = passes.get_mut(index) else {
                    continue;
                };
                let Some(pass) = slot else {
                    continue;
                };
                let mut claim = self.claims.get(index).copied().unwrap_or(0) + QUANTUM;
                let served = self.serve(CONTROL + 1 + index, pass, &mut claim, (out, runs), keep);
                match served {
                    Served::Claim => {}
                    Served::Empty => (*slot, claim) = (None, 0),
                    Served::NoRoom => {
                        (*slot, claim) = (None, claim.min(CLAIM));
                        blocked.get_or_insert(index);
                    }
                }
                if let Some(place) = self.claims.get_mut(index) {
                    *place = claim;
                }
            }
        }
        self.turn = blocked.unwrap_or(first);
    }

    /// One lane's turn: writes until its claim is used up.
    fn serve(
        &mut self,
        index: usize,
        pass: &mut Pass,
        claim: &mut usize,
        (out, runs): (&mut Writer<'_>, &mut Runs),
        keep: usize,
    ) -> Served {
        let limit = self.limit(index);
        let Some(lane) = self.reliable.get_mut(index) else {
            return Served::Empty;
        };
        loop {
            let Some(size) = lane.next_size(pass, limit) else {
                return Served::Empty;
            };
            if size > *claim {
                return Served::Claim;
            }
            if size + keep > out.remaining() || !lane.write_next(pass, self.packet, out, runs) {
                return Served::NoRoom;
            }
            *claim -= size;
        }
    }

    /// The packet that carried these arrived.
    pub(crate) fn delivered(&mut self, run: Run) {
        if let Some(lane) = self.reliable.get_mut(usize::from(run.lane)) {
            lane.delivered(run);
        }
    }

    /// The packet that carried these did not.
    pub(crate) fn lost(&mut self, run: Run) {
        self.quiet = false;
        if let Some(lane) = self.reliable.get_mut(usize::from(run.lane)) {
            lane.lost(run);
        }
    }

    /// Unreliable messages that were dropped because they could not leave in time, since this was last asked.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        if self.quiet {
            return 0;
        }
        let waits = self.reliable.iter().any(|lane| lane.has_waiting() || lane.has_echoes());
        self.quiet = !waits && !self.loose.iter().any(LooseOut::is_ready);
        self.loose.iter_mut().map(LooseOut::take_dropped).sum()
    }
}
