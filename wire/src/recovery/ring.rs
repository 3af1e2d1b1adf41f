//! The records of the last 256 packets sent: 56 bytes each, allocated once.
//!
//! At 20 datagrams a second they reach back 12 s, further than the idle timeout. When the oldest of 256 is still waiting
//! for its fate, the ring is full and only acknowledgements and probes may be sent, until probing gives the oldest up.

use crate::blocks::BlockNotes;
use crate::time::Time;

/// Records kept, a power of two.
pub(crate) const RING: u64 = 256;
const _: () = assert!(RING.is_power_of_two());
const _: () = assert!(size_of::<Sent>() == 56, "14 KiB per connection");
/// Most runs of messages in one packet; what would need another waits for the next packet.
const MAX_RUNS: usize = 4;

/// Messages of one lane that a packet held: bit i is the one whose id ends in `first + i`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Run {
    /// The low 16 bits of the first one's id: at most 256 are on their way, so they tell which it is.
    pub(crate) first: u16,
    /// The lane's number; for slices 128 and the low bits of their block's id.
    pub(crate) lane: u8,
    /// Never 0 in a run that is in use.
    pub(crate) bits: u32,
}

/// Everything with an id that a packet held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Runs([Run; MAX_RUNS]);

impl Runs {
    /// Notes a message; false if there is no room for it.
    pub(crate) fn add(&mut self, lane: u8, id: u16) -> bool {
        for run in &mut self.0 {
            if run.bits == 0 {
                *run = Run { first: id, lane, bits: 1 };
                return true;
            }
            let offset = id.wrapping_sub(run.first);
            if run.lane == lane && offset < 32 {
                run.bits |= 1 << offset;
                return true;
            }
        }
        false
    }

    /// Whether [`Runs::add`] would find room.
    pub(crate) fn has_room(&self, lane: u8, id: u16) -> bool {
        self.0.iter().any(|run| run.bits == 0 || (run.lane == lane && id.wrapping_sub(run.first) < 32))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Run> {
        self.0.iter().take_while(|run| run.bits != 0)
    }
}

impl Run {
    /// The low 16 bits of each message's id.
    pub(crate) fn ids(self) -> impl Iterator<Item = u16> {
        (0..32).filter(move |bit| self.bits & (1 << bit) != 0).map(move |bit| self.first.wrapping_add(bit))
    }
}

/// What a packet held.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sent {
    pub(crate) at: Time,
    pub(crate) runs: Runs,
    /// One above the last input in it; 0 = none.
    pub(crate) input_end: u32,
    /// Low 32 bits of one above the largest number it acknowledged; everything received below was told.
    pub(crate) told_below: u32,
    /// Bytes of the datagram.
    pub(crate) size: u16,
    pub(crate) eliciting: bool,
    pub(crate) snapshot: bool,
    pub(crate) told: bool,
    /// It held BUDGET.
    pub(crate) budget: bool,
    pub(crate) blocks: BlockNotes,
    pub(crate) state: SentState,
}

impl Sent {
    /// Whether it held something that is kept until it is acknowledged.
    pub(crate) fn is_kept(&self) -> bool {
        self.input_end != 0 || self.blocks != BlockNotes::default() || self.runs.iter().next().is_some()
    }

    /// Whether its acknowledgement may wait longer: it held a snapshot and nothing that is kept.
    pub(super) fn is_patient(&self) -> bool {
        self.snapshot && !self.is_kept()
    }
}

/// What is known of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum SentState {
    /// Left out on purpose.
    #[default]
    Skipped,
    /// On its way.
    Flying,
    /// It arrived.
    Settled,
    /// It was told to be lost; an acknowledgement may still come.
    Lost,
}

/// The records, and the range of numbers they belong to.
pub(crate) struct SentRing {
    records: Box<[Sent]>,
    /// The next number.
    next: u64,
    /// No number below waits for its fate.
    oldest: u64,
}

impl SentRing {
    pub(crate) fn new() -> Self {
        Self { records: (0..RING).map(|_| Sent::default()).collect(), next: 0, oldest: 0 }
    }

    pub(crate) const fn next(&self) -> u64 {
        self.next
    }

    pub(crate) const fn oldest(&self) -> u64 {
        self.oldest
    }

    /// How many further numbers there is room for.
    pub(crate) const fn room(&self) -> u64 {
        RING - (self.next - self.oldest)
    }

    /// Records the next number. There must be room.
    pub(crate) fn push(&mut self, sent: Sent) {
        debug_assert!(self.room() > 0, "the ring is full");
        let number = self.next;
        self.next += 1;
        if let Some(record) = self.records.get_mut(index(number)) {
            *record = sent;
        }
        self.advance();
    }

    /// The record of a number, if it is still kept.
    pub(crate) fn record(&mut self, number: u64) -> Option<&mut Sent> {
        if number < self.next && self.next - number <= RING { self.records.get_mut(index(number)) } else { None }
    }

    /// Moves `oldest` past everything that does not wait.
    pub(crate) fn advance(&mut self) {
        while self.oldest < self.next {
            match self.records.get(index(self.oldest)) {
                Some(record) if record.state == SentState::Flying && record.eliciting => break,
                _ => self.oldest += 1,
            }
        }
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number % RING).unwrap_or(0)
}
