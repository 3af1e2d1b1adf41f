//! What each packet on its way told the client, until its fate is known. Two rings, filled and emptied in order; a
//! packet whose fate is known before that of an older one stays in its place, empty.

use crate::time::Tick;

/// Packets remembered at most. A view writes one in a tick and forgets those older than 64 ticks.
pub(super) const MAX_PACKETS: usize = super::WINDOW_TICKS as usize;

/// A record as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) version: u16,
    pub(super) alias: u8,
    /// Which use of the alias.
    pub(super) life: Life,
    /// Which of the packets on their way: its place in the ring.
    pub(super) place: u8,
    /// Whether it said that the entity is gone.
    pub(super) leave: bool,
}

/// Which use of an alias, modulo 128. Between two uses a packet has to be acknowledged and at most 64 are on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Life(u8);

impl Life {
    pub(super) const fn next(self) -> Self {
        Self((self.0 + 1) & 0x7f)
    }
}

/// A record as it is kept: four bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Kept {
    version: u16,
    alias: u8,
    /// Bit 7: leave.
    life: u8,
}

#[derive(Debug, Clone, Copy, Default)]
struct Packet {
    number: u64,
    tick: Tick,
    /// Where its records begin in the ring.
    first: u16,
    /// How many there are; 0 when its fate is known.
    len: u16,
}

/// The packets on their way.
#[derive(Debug)]
pub(super) struct Packets {
    packets: Box<[Packet]>,
    /// The oldest, and how many.
    head: usize,
    len: usize,
    records: Box<[Kept]>,
    records_head: usize,
    records_len: usize,
}

impl Packets {
    /// Room for so many records in all packets together.
    pub(super) fn new(records: usize) -> Self {
        Self {
            packets: vec![Packet::default(); MAX_PACKETS].into(),
            head: 0,
            len: 0,
            records: vec![Kept::default(); records].into(),
            records_head: 0,
            records_len: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Records there is still room for.
    pub(super) const fn room(&self) -> usize {
        self.records.len() - self.records_len
    }

    pub(super) const fn clear(&mut self) {
        (self.head, self.len, self.records_head, self.records_len) = (0, 0, 0, 0);
    }

    /// The oldest packet if it has to make room for another written at `tick`.
    pub(super) fn overdue(&self, tick: Tick) -> Option<u64> {
        let oldest = self.packets.get(self.head).filter(|_| self.len > 0)?;
        (self.len == MAX_PACKETS || oldest.tick + super::WINDOW_TICKS <= tick).then_some(oldest.number)
    }

    /// The place that the next packet will have.
    pub(super) fn next_place(&self) -> u8 {
        u8::try_from((self.head + self.len) % MAX_PACKETS).expect("64 places")
    }

    /// Adds a record to the packet being written.
    pub(super) fn push(&mut self, version: u16, alias: u8, life: Life, leave: bool) {
        assert!(self.records_len < self.records.len(), "the caller has looked for room");
        let at = (self.records_head + self.records_len) % self.records.len();
        self.records[at] = Kept { version, alias, life: life.0 | u8::from(leave) << 7 };
        self.records_len += 1;
    }

    /// The packet is written: its records are the last `count` that were added.
    pub(super) fn close(&mut self, number: u64, tick: Tick, count: usize) {
        assert!(self.len < MAX_PACKETS, "the caller has made room");
        let first = (self.records_head + self.records_len - count) % self.records.len();
        self.packets[(self.head + self.len) % MAX_PACKETS] = Packet {
            number,
            tick,
            first: u16::try_from(first).expect("fewer than 65,536 records"),
            len: u16::try_from(count).expect("fewer than 65,536 records"),
        };
        self.len += 1;
    }

    /// The fate of a packet is known: its records, once. Nothing for a packet that was not written or is forgotten.
    pub(super) fn settle(&mut self, number: u64, mut each: impl FnMut(Sent)) {
        let Some(place) =
            (0..self.len).map(|i| (self.head + i) % MAX_PACKETS).find(|&place| self.packets[place].number == number)
        else {
            return;
        };
        let Packet { first, len, .. } = self.packets[place];
        for i in 0..usize::from(len) {
            let Kept { version, alias, life } = self.records[(usize::from(first) + i) % self.records.len()];
            each(Sent {
                version,
                alias,
                life: Life(life & 0x7f),
                place: u8::try_from(place).expect("64 places"),
                leave: life & 0x80 != 0,
            });
        }
        self.packets[place].len = 0;
        self.release();
    }

    /// Forgets the oldest packets whose fate is known.
    fn release(&mut self) {
        while self.len > 0 && self.packets[self.head].len == 0 {
            self.head = (self.head + 1) % MAX_PACKETS;
            self.len -= 1;
        }
        let first = if self.len > 0 {
            usize::from(self.packets[self.head].first)
        } else {
            self.records_head + self.records_len
        };
        let gone = (first + self.records.len() - self.records_head) % self.records.len();
        self.records_len = if self.len > 0 { self.records_len - gone } else { 0 };
        self.records_head = first % self.records.len();
    }
}
