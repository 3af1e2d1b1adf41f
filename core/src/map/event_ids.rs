//! Identities of critical events: unique for ever, made without a clock and without asking anybody.
//!
//! ```text
//! bits 127..104  host (24)        from the configuration, unique among the hosts that share a store
//! bits 103..72   boot (32)        counted by the store at each start
//! bits  71..40   instance (32)    the map instance, unique in the process
//! bits  39..0    counter (40)     starts at 1, never back
//! ```
//! A map that moves to another shard takes its source with it.

use crate::planted::{self, Bug};

/// The source of one map instance.
#[derive(Debug, Clone)]
pub struct EventIds {
    prefix: u128,
    next: u64,
}

const COUNTER_BITS: u32 = 40;

impl EventIds {
    /// The source of this instance in this run of this host; of `host` the low 24 bits count.
    #[must_use]
    pub fn new(host: u32, boot: u32, instance: u32) -> Self {
        let prefix =
            u128::from(host & 0x00FF_FFFF) << 104 | u128::from(boot) << 72 | u128::from(instance) << COUNTER_BITS;
        Self { prefix, next: 1 }
    }

    /// An id that was never given out before.
    ///
    /// # Panics
    /// After 2⁴⁰ ids: at a thousand trades a second that is 34 years of one run.
    pub fn issue(&mut self) -> u128 {
        assert!(self.next < 1 << COUNTER_BITS, "{} event ids were issued in one run", self.next);
        let id = self.prefix | u128::from(self.next);
        self.next += u64::from(!planted::is(Bug::EventIdReused));
        id
    }

    /// How many ids were given out, for the state hash.
    #[must_use]
    pub fn issued(&self) -> u64 {
        self.next - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_different_sources_never_meet() {
        let mut sources = [(1, 1, 1), (1, 1, 2), (1, 2, 1), (2, 1, 1)]
            .map(|(host, boot, instance)| EventIds::new(host, boot, instance));
        let mut ids: Vec<u128> = sources.iter_mut().flat_map(|source| [source.issue(), source.issue()]).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 8);
        assert!(ids.iter().all(|&id| id != 0));
    }
}
