//! When each connection has to be looked at: a wheel of 1,024 slots of one millisecond, one entry per connection.
//!
//! A deadline that moves later leaves its entry where it is: the entry comes due, the connection is asked again and put
//! further on. Deadlines beyond the wheel's reach wait in its last slot in the same way. So an entry moves only when a
//! deadline moves closer, and a step costs what is due in it plus the slots it passes.

use crate::codec::low32;
use crate::time::Time;

const SLOTS: u64 = 1024;
const SLOT_US: u64 = 1_000;
const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Entry {
    next: u32,
    previous: u32,
    /// The slot's number since the origin, or `u64::MAX` if the entry is in no slot.
    at: u64,
}

/// The wheel; entries are numbered like the connections' slots.
pub(super) struct Wheel {
    heads: Box<[u32]>,
    entries: Vec<Entry>,
    /// The next slot to look at.
    now: u64,
}

impl Wheel {
    pub(super) fn new(connections: usize) -> Self {
        let empty = Entry { next: NONE, previous: NONE, at: u64::MAX };
        Self { heads: (0..SLOTS).map(|_| NONE).collect(), entries: vec![empty; connections], now: 0 }
    }

    /// Makes sure that `index` comes due at `deadline` at the latest.
    pub(super) fn schedule(&mut self, index: u32, deadline: Time) {
        let slot = (deadline.as_micros() / SLOT_US).clamp(self.now, self.now + SLOTS - 1);
        match self.entry(index).map(|entry| entry.at) {
            Some(at) if slot < at => {
                self.remove(index);
                self.insert(index, slot);
            }
            _ => {}
        }
    }

    /// Takes `index` out.
    pub(super) fn remove(&mut self, index: u32) {
        let Some(&Entry { next, previous, at }) = self.entry(index).map(|entry| &*entry) else {
            return;
        };
        if at == u64::MAX {
            return;
        }
        if previous == NONE {
            if let Some(head) = self.heads.get_mut(place(at)) {
                *head = next;
            }
        } else if let Some(before) = self.entry(previous) {
            before.next = next;
        }
        if let Some(after) = self.entry(next) {
            after.previous = previous;
        }
        if let Some(entry) = self.entry(index) {
            *entry = Entry { next: NONE, previous: NONE, at: u64::MAX };
        }
    }

    /// The next connection that is due by `now`, taken out of the wheel.
    pub(super) fn pop_due(&mut self, now: Time) -> Option<u32> {
        let until = now.as_micros() / SLOT_US;
        // A jump over more than the wheel's circumference sees each slot once.
        self.now = self.now.max((until + 1).saturating_sub(SLOTS));
        loop {
            let head = self.heads.get(place(self.now)).copied().unwrap_or(NONE);
            if head != NONE {
                self.remove(head);
                return Some(head);
            }
            if self.now >= until {
                return None;
            }
            self.now += 1;
        }
    }

    fn insert(&mut self, index: u32, slot: u64) {
        let Some(head) = self.heads.get_mut(place(slot)) else {
            return;
        };
        let next = std::mem::replace(head, index);
        if let Some(after) = self.entry(next) {
            after.previous = index;
        }
        if let Some(entry) = self.entry(index) {
            *entry = Entry { next, previous: NONE, at: slot };
        }
    }

    fn entry(&mut self, index: u32) -> Option<&mut Entry> {
        self.entries.get_mut(index as usize)
    }
}

fn place(slot: u64) -> usize {
    low32(slot % SLOTS) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    fn due(wheel: &mut Wheel, now: Time) -> Vec<u32> {
        let mut due: Vec<u32> = std::iter::from_fn(|| wheel.pop_due(now)).collect();
        due.sort_unstable();
        due
    }

    #[test]
    fn each_entry_comes_due_once_and_not_early() {
        let mut wheel = Wheel::new(4);
        wheel.schedule(0, ms(5));
        wheel.schedule(1, ms(5));
        wheel.schedule(2, ms(900));
        assert_eq!(due(&mut wheel, ms(4)), [] as [u32; 0]);
        assert_eq!(due(&mut wheel, ms(5)), [0, 1]);
        assert_eq!(due(&mut wheel, ms(899)), [] as [u32; 0]);
        assert_eq!(due(&mut wheel, ms(900)), [2]);
    }

    #[test]
    fn only_an_earlier_deadline_moves_an_entry() {
        let mut wheel = Wheel::new(4);
        wheel.schedule(0, ms(50));
        wheel.schedule(0, ms(80));
        wheel.schedule(1, ms(50));
        wheel.schedule(1, ms(20));
        assert_eq!(due(&mut wheel, ms(20)), [1]);
        assert_eq!(due(&mut wheel, ms(50)), [0]);
        wheel.schedule(3, ms(60));
        wheel.remove(3);
        assert_eq!(due(&mut wheel, ms(2_000)), [] as [u32; 0]);
    }

    #[test]
    fn far_deadlines_and_jumps_of_the_clock_lose_nothing() {
        let mut wheel = Wheel::new(3);
        wheel.schedule(0, ms(1_000_000));
        wheel.schedule(1, ms(3));
        assert_eq!(due(&mut wheel, ms(500_000)), [0, 1], "0 is early and will be put back");
        wheel.schedule(0, ms(1_000_000));
        wheel.schedule(2, ms(1));
        assert_eq!(due(&mut wheel, ms(500_000)), [2], "a past deadline is due now");
    }
}
