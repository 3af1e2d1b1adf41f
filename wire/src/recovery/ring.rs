//! The records of the last 256 packets sent: 32 bytes each, allocated once.
//!
//! At 20 datagrams a second they reach back 12 s, further than the idle timeout. When the oldest of 256 is still waiting
//! for its fate, the ring is full and only acknowledgements and probes may be sent, until probing gives the oldest up.

use crate::time::Time;

/// Records kept, a power of two.
pub(crate) const RING: u64 = 256;
const _: () = assert!(RING.is_power_of_two());
const _: () = assert!(size_of::<Sent>() == 32, "8 KiB per connection");

/// What a packet held.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sent {
    pub(crate) at: Time,
    /// Bit i: the control message `control_first + i` was in it.
    pub(crate) control_bits: u64,
    pub(crate) control_first: u32,
    /// One above the last input in it; 0 = none.
    pub(crate) input_end: u32,
    /// Low 32 bits of one above the largest number it acknowledged; everything received below was told.
    pub(crate) told_below: u32,
    pub(crate) eliciting: bool,
    pub(crate) snapshot: bool,
    pub(crate) told: bool,
    pub(crate) state: SentState,
}

/// What is known of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum SentState {
    /// Left out on purpose.
    #[default]
    Skipped,
    /// On its way.
    Flying,
    /// Its fate was told.
    Settled,
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
