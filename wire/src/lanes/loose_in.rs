//! Receiving side of an unreliable or sequenced lane: messages at most once; long ones are put together, one at a time.
//!
//! Only fragments are kept, those of one message, at most 4 KiB. A fragment of a newer message makes room for it; one that
//! comes 100 ms after the first is too late.

use std::time::Duration;

use super::shelf::Shelf;
use super::{LOOSE_FRAGMENTS_DOWN, LaneFault, Place};
use crate::packet::FRAGMENT_LEN;
use crate::time::Time;

/// So long after its first fragment the last of a message may come.
const PATIENCE: Duration = Duration::from_millis(100);

/// The message that is being put together.
#[derive(Debug, Clone, Copy)]
struct Partial {
    id: u16,
    count: u8,
    since: Time,
    /// Bytes of each fragment that came; 0 = it did not.
    lens: [u16; LOOSE_FRAGMENTS_DOWN as usize],
}

impl Partial {
    /// Bytes kept of the fragments before this one.
    fn before(&self, index: u8) -> usize {
        self.lens.iter().take(index.into()).map(|len| usize::from(*len)).sum()
    }
}

/// One lane's receiving side.
#[derive(Debug)]
pub(super) struct LooseIn {
    sequenced: bool,
    /// The newest order handed on, of a sequenced lane.
    newest: Option<u16>,
    partial: Option<Partial>,
    held: usize,
}

/// Whether `id` comes after `other`, ids being counted around 65,536.
const fn is_newer(id: u16, other: u16) -> bool {
    let ahead = id.wrapping_sub(other);
    ahead != 0 && ahead < 1 << 15
}

impl LooseIn {
    pub(super) const fn new(sequenced: bool) -> Self {
        Self { sequenced, newest: None, partial: None, held: 0 }
    }

    /// Bytes on the shelf.
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    fn is_old(&self, order: u16) -> bool {
        self.sequenced && self.newest.is_some_and(|newest| !is_newer(order, newest))
    }

    /// Takes a whole message; `order` counts on sequenced lanes only. True if it is to be handed on.
    pub(super) fn whole(&mut self, order: u16) -> bool {
        let new = !self.is_old(order);
        if new {
            self.newest = Some(order);
        }
        new
    }

    /// Takes a fragment of a message of at most `most` of them.
    pub(super) fn fragment(
        &mut self,
        now: Time,
        place: Place,
        bytes: &[u8],
        most: u8,
        (shelf, base): (&mut Shelf, usize),
        deliver: impl FnOnce(&[u8]),
    ) -> Result<(), LaneFault> {
        if place.count > most.min(LOOSE_FRAGMENTS_DOWN) {
            return Err(LaneFault::Fragment);
        }
        let late = |partial: &Partial| now.since(partial.since) > PATIENCE;
        let other = self.partial.filter(|partial| late(partial) || is_newer(place.id, partial.id));
        if other.is_some() || self.partial.is_some_and(|partial| self.is_old(partial.id)) {
            shelf.remove(base, self.held);
            (self.held, self.partial) = (0, None);
        }
        if self.is_old(place.id) || other.is_some_and(|partial| partial.id == place.id) {
            return Ok(());
        }
        let empty = Partial { id: place.id, count: place.count, since: now, lens: [0; LOOSE_FRAGMENTS_DOWN as usize] };
        let mut partial = self.partial.unwrap_or(empty);
        if partial.id != place.id {
            return Ok(()); // Older than the one being put together.
        }
        if partial.count != place.count {
            return Err(LaneFault::Fragment);
        }
        let at = base + partial.before(place.index);
        let len = u16::try_from(bytes.len()).ok().filter(|_| bytes.len() <= FRAGMENT_LEN).ok_or(LaneFault::Fragment)?;
        if let Some(slot) = partial.lens.get_mut(usize::from(place.index)).filter(|slot| **slot == 0) {
            *slot = len;
            shelf.insert(at, bytes);
            self.held += bytes.len();
        }
        if partial.lens.iter().take(partial.count.into()).all(|len| *len > 0) {
            if self.whole(partial.id) {
                deliver(shelf.slice(base, self.held));
            }
            shelf.remove(base, self.held);
            (self.held, self.partial) = (0, None);
        } else {
            self.partial = Some(partial);
        }
        Ok(())
    }
}
