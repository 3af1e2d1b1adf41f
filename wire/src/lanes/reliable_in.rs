//! Receiving side of a reliable lane: every message once, in order or on arrival, whatever order its parts arrive in.
//!
//! A whole message that is due is handed on from the datagram itself. What is early, and fragments, are kept: at most 256
//! parts, and as many bytes as the sender's window, which it never exceeds. The list of parts is made with the first.
//!
//! A fragment is taken only if (1) its message does not begin before what was handed on; (2) no other part that is kept or
//! was handed on claims one of its message's ids with another beginning or another count.

use super::shelf::Shelf;
use super::{LaneFault, Place, WINDOW_PARTS};
use crate::packet::{MAX_FRAGMENTS, MAX_UNFRAGMENTED};

const SLOTS: usize = WINDOW_PARTS as usize;
/// How far a message's first id lies before its last.
const REACH: u16 = 15;
const _: () = assert!(REACH as usize + 1 == MAX_FRAGMENTS);
/// Ids from here on lie behind the expected one.
const BEHIND: u16 = 1 << 15;

/// What is known of an id, in three bytes, for a lane has 256 of them.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// One more than its bytes on the shelf; 0 = nothing came.
    len: [u8; 2],
    /// Its index, and one less than the count of fragments, in four bits each.
    place: u8,
}

const _: () = assert!(size_of::<Slot>() == 3);

impl Slot {
    /// Handed on before those in front of it: unordered lanes only.
    const DONE: Self = Self { len: [u8::MAX; 2], place: 0 };

    fn new(place: Place, len: u16) -> Self {
        Self { len: (len + 1).to_le_bytes(), place: place.index << 4 | (place.count - 1) & 0xF }
    }

    fn is_free(self) -> bool {
        self.len == [0; 2]
    }

    fn is_done(self) -> bool {
        self.len == Self::DONE.len
    }

    /// Bytes on the shelf.
    fn len(self) -> usize {
        if self.is_done() { 0 } else { usize::from(u16::from_le_bytes(self.len).saturating_sub(1)) }
    }

    const fn index(self) -> u8 {
        self.place >> 4
    }

    /// Fragments of its message.
    const fn count(self) -> u8 {
        (self.place & 0xF) + 1
    }
}

/// One lane's receiving side.
#[derive(Debug)]
pub(super) struct ReliableIn {
    ordered: bool,
    /// The oldest id that was not handed on; its low 16 bits.
    expected: u16,
    /// By id modulo 256; empty until a part is kept.
    slots: Vec<Slot>,
    /// Slots in use.
    used: usize,
    /// Bytes on the shelf.
    held: usize,
}

impl ReliableIn {
    pub(super) const fn new(ordered: bool) -> Self {
        Self { ordered, expected: 0, slots: Vec::new(), used: 0, held: 0 }
    }

    /// Bytes on the shelf.
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    /// Bytes taken for the list of parts.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }

    /// Takes one part; what lies on the shelf for this lane begins at `base` and may grow to `limit` bytes.
    /// `deliver` hears each message that becomes due.
    pub(super) fn take(
        &mut self,
        place: Place,
        bytes: &[u8],
        (shelf, base): (&mut Shelf, usize),
        limit: usize,
        mut deliver: impl FnMut(&[u8]),
    ) -> Result<(), LaneFault> {
        let distance = place.id.wrapping_sub(self.expected);
        if distance >= BEHIND {
            return Ok(()); // Handed on before: a copy.
        }
        if distance >= WINDOW_PARTS {
            return Err(LaneFault::Overrun);
        }
        if self.check(place, distance)? {
            return Ok(()); // A copy of what is kept.
        }
        let whole = place.count == 1;
        if whole && (distance == 0 || !self.ordered) {
            deliver(bytes);
            if distance > 0 {
                self.set(place.id, Slot::DONE);
                return Ok(());
            }
            self.expected = self.expected.wrapping_add(1);
        } else {
            self.keep(place, bytes, (shelf, base), limit)?;
        }
        if self.used == 0 {
            return Ok(());
        }
        if self.ordered {
            self.flush(shelf, base, &mut deliver);
        } else {
            if !whole {
                self.complete(place, shelf, base, &mut deliver);
            }
            self.advance();
        }
        Ok(())
    }

    /// Whether the part is a copy; an error if it cannot belong to what is there.
    fn check(&self, place: Place, distance: u16) -> Result<bool, LaneFault> {
        if u16::from(place.index) > distance {
            return Err(LaneFault::Fragment);
        }
        let own = self.slot(place.id);
        if self.used == 0 || own.is_done() {
            return Ok(own.is_done());
        }
        // Distances of this message's ids, and of those whose message could claim one of them.
        let begin = distance - u16::from(place.index);
        let end = begin + u16::from(place.count);
        for other in begin.saturating_sub(REACH)..(end + REACH).min(WINDOW_PARTS) {
            let slot = self.slot(self.expected.wrapping_add(other));
            if slot.is_free() {
                continue;
            }
            let (index, count) = (slot.index(), slot.count());
            let other_begin = other.saturating_sub(index.into());
            let apart = other_begin >= end || other_begin + u16::from(count) <= begin;
            if !apart && (other_begin, count) != (begin, place.count) {
                return Err(LaneFault::Fragment);
            }
        }
        Ok(!own.is_free())
    }

    fn keep(
        &mut self,
        place: Place,
        bytes: &[u8],
        (shelf, base): (&mut Shelf, usize),
        limit: usize,
    ) -> Result<(), LaneFault> {
        let len = u16::try_from(bytes.len()).ok().filter(|len| usize::from(*len) <= MAX_UNFRAGMENTED);
        let len = len.ok_or(LaneFault::Overrun)?;
        if self.held + bytes.len() > limit {
            return Err(LaneFault::Overrun);
        }
        let at = base + self.before(place.id);
        shelf.insert(at, bytes);
        self.held += bytes.len();
        self.set(place.id, Slot::new(place, len));
        Ok(())
    }

    /// Hands on everything that is due in order.
    fn flush(&mut self, shelf: &mut Shelf, base: usize, deliver: &mut impl FnMut(&[u8])) {
        let mut gone = 0;
        while let Some((count, len)) = self.whole_at(self.expected) {
            deliver(shelf.slice(base + gone, len));
            gone += len;
            for _ in 0..count {
                self.clear(self.expected);
                self.expected = self.expected.wrapping_add(1);
            }
        }
        shelf.remove(base, gone);
        self.held -= gone;
    }

    /// Hands on the message of a fragment if all of it is there.
    fn complete(&mut self, place: Place, shelf: &mut Shelf, base: usize, deliver: &mut impl FnMut(&[u8])) {
        let first = place.id.wrapping_sub(place.index.into());
        let Some((count, len)) = self.whole_at(first) else {
            return;
        };
        let at = base + self.before(first);
        deliver(shelf.slice(at, len));
        shelf.remove(at, len);
        self.held -= len;
        for index in 0..u16::from(count) {
            self.clear(first.wrapping_add(index));
            self.set(first.wrapping_add(index), Slot::DONE);
        }
    }

    /// Moves past what was handed on.
    fn advance(&mut self) {
        while self.used > 0 && self.slot(self.expected).is_done() {
            self.clear(self.expected);
            self.expected = self.expected.wrapping_add(1);
        }
    }

    /// Fragments and bytes of the message that begins at `first`, if all of it is kept.
    fn whole_at(&self, first: u16) -> Option<(u8, usize)> {
        let slot = Some(self.slot(first)).filter(|slot| !slot.is_free() && !slot.is_done())?;
        // What reaches out of the window is not there, and its places are those of older ids.
        let begin = first.wrapping_sub(self.expected);
        if begin + u16::from(slot.count()) > WINDOW_PARTS {
            return None;
        }
        let mut len = 0;
        for index in 0..u16::from(slot.count()) {
            let slot = Some(self.slot(first.wrapping_add(index))).filter(|slot| !slot.is_free())?;
            len += slot.len();
        }
        Some((slot.count(), len))
    }

    /// Bytes kept of ids before this one.
    fn before(&self, id: u16) -> usize {
        let distance = id.wrapping_sub(self.expected);
        (0..distance).map(|ahead| self.slot(self.expected.wrapping_add(ahead)).len()).sum()
    }

    fn slot(&self, id: u16) -> Slot {
        self.slots.get(usize::from(id) % SLOTS).copied().unwrap_or_default()
    }

    fn set(&mut self, id: u16, slot: Slot) {
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, Slot::default());
        }
        if let Some(place) = self.slots.get_mut(usize::from(id) % SLOTS) {
            *place = slot;
            self.used += 1;
        }
    }

    fn clear(&mut self, id: u16) {
        if let Some(place) = self.slots.get_mut(usize::from(id) % SLOTS) {
            *place = Slot::default();
            self.used -= 1;
        }
    }
}
