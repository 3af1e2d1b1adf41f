//! How the journal's disk is doing, seen from outside the writer, which may be stuck in it: [`Watch`].
//!
//! A sync that takes longer than a second is said and counted; from five seconds on whoever accepts operations should
//! refuse them ([`Health::Stuck`]); when it takes longer than [`JournalOptions::abort_after`](super::JournalOptions), a
//! thread ends the process.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::steward::Shared;
use crate::disk::Disk;

/// Longer than this is worth a line in the log.
pub(crate) const SLOW: Duration = Duration::from_secs(1);
/// Longer than this is worth refusing new operations.
pub(crate) const STUCK: Duration = Duration::from_secs(5);

/// What a write that has been under way this long says about the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// As it should be.
    Well,
    /// Longer than a second.
    Slow,
    /// Longer than five seconds: accept nothing new.
    Stuck,
}

impl Health {
    /// The health that this time stands for.
    #[must_use]
    pub fn of(busy: Duration) -> Self {
        match busy {
            busy if busy > STUCK => Health::Stuck,
            busy if busy > SLOW => Health::Slow,
            _ => Health::Well,
        }
    }
}

/// A view of a journal's disk from any thread.
#[derive(Debug, Clone)]
pub struct Watch {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
}

impl Watch {
    pub(crate) fn new(shared: Arc<Shared>, disk: Arc<dyn Disk>) -> Self {
        Self { shared, disk }
    }

    /// How long the write and sync under way has taken so far; zero if there is none.
    #[must_use]
    pub fn busy(&self) -> Duration {
        match self.shared.busy_since_us.load(Ordering::Acquire) {
            0 => Duration::ZERO,
            since => self.disk.now().saturating_sub(Duration::from_micros(since)),
        }
    }

    /// What that says about the disk.
    #[must_use]
    pub fn health(&self) -> Health {
        Health::of(self.busy())
    }

    /// Writes and syncs so far that took longer than a second.
    #[must_use]
    pub fn slow(&self) -> u64 {
        self.shared.slow.load(Ordering::Relaxed)
    }

    /// Decided segments read again so far, and those of them that were damaged or unreadable.
    #[must_use]
    pub fn scrubbed(&self) -> (u64, u64) {
        (self.shared.scrubbed.load(Ordering::Relaxed), self.shared.decayed.load(Ordering::Relaxed))
    }
}

/// The watching thread: says when a write takes long, and ends the process when it takes too long. Ends when nobody holds
/// the other end of `until`.
pub(crate) fn watch(watch: &Watch, abort_after: Duration, until: &Receiver<()>) {
    let mut said = false;
    while until.recv_timeout(SLOW / 4) == Err(RecvTimeoutError::Timeout) {
        let busy = watch.busy();
        if busy > abort_after {
            log::error!(
                "journal {}: the disk has not answered for {busy:?}. Nothing more is acknowledged, the process stops; \
                 move the journal to a volume that answers, or restart when this one does again",
                watch.disk.place()
            );
            log::logger().flush();
            std::process::abort();
        }
        match Health::of(busy) {
            Health::Well => said = false,
            Health::Slow | Health::Stuck if said => {}
            Health::Slow | Health::Stuck => {
                said = true;
                log::warn!("journal {}: a sync has been under way for {busy:?}; operations wait", watch.disk.place());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SimDisk;

    #[test]
    fn health_follows_the_time_a_write_takes() {
        let disk = SimDisk::new(1);
        let shared = Arc::new(Shared::default());
        let watch = Watch::new(Arc::clone(&shared), Arc::new(disk.clone()));
        disk.advance(Duration::from_secs(100));
        assert_eq!((watch.busy(), watch.health()), (Duration::ZERO, Health::Well));
        shared.busy_since_us.store(99_500_000, Ordering::Release);
        assert_eq!(watch.health(), Health::Well);
        disk.advance(Duration::from_secs(1));
        assert_eq!((watch.busy(), watch.health()), (Duration::from_millis(1_500), Health::Slow));
        disk.advance(Duration::from_secs(4));
        assert_eq!(watch.health(), Health::Stuck);
    }
}
