//! Defects to order: with the feature `planted`, and never without, the journal makes one chosen mistake, so that the tests
//! can show that they would see it.
//!
//! The mistake is named by the environment variable `MU_PLANTED` at the first question, or by `set`.

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// See [`Bug::ALL`], as for each of them.
    AckBeforeSync,
    /// A name is used before it is durable.
    SkipDirectoryFsync,
    /// A failed sync is tried again.
    RetryFailedSync,
    /// A recovered segment is written to.
    AppendIntoRecovered,
    /// Checksums do not know their place.
    AcceptStaleFrame,
    /// A frame promises itself.
    PromiseTooHigh,
    /// Witnesses are not asked.
    TruncateOnCorruption,
    /// No seal is written.
    SkipSeal,
    /// The chain is not looked at.
    ChainNotChecked,
    /// A header's predecessor is not looked at.
    PredecessorNotChecked,
    /// A checkpoint's checksum is not looked at.
    CheckpointNotChecked,
    /// A record's checksum is not looked at.
    RecordNotChecked,
    /// Segments are used again once their records are durable.
    FreedTooEarly,
    /// Records logged again get fresh positions.
    RelogNewLsn,
    /// Records logged again are handed out before they are durable.
    RelogNotSynced,
    /// The page cache is believed.
    CacheBelieved,
    /// A segment gets its name before its header is durable.
    NamedBeforeHeader,
    /// A failure is forgotten.
    PoisonForgotten,
    /// Segments are given up in no order.
    RetiredOutOfOrder,
}

impl Bug {
    /// Every mistake, its name, and what it does wrong.
    pub const ALL: &[(Bug, &str, &str)] = &[
        (Bug::AckBeforeSync, "ack-before-sync", "reports a group durable before its sync"),
        (Bug::SkipDirectoryFsync, "skip-directory-fsync", "writes frames into a segment whose name is not durable"),
        (Bug::RetryFailedSync, "retry-failed-sync", "believes the second try of a failed sync"),
        (Bug::AppendIntoRecovered, "append-into-recovered", "continues in the segment that was recovered"),
        (Bug::AcceptStaleFrame, "accept-stale-frame", "checksums without log, segment and offset"),
        (Bug::PromiseTooHigh, "promise-too-high", "promises records that the frame itself carries"),
        (Bug::TruncateOnCorruption, "truncate-on-corruption", "takes every bad frame for a torn tail"),
        (Bug::SkipSeal, "skip-seal", "leaves the last frame without a witness"),
        (Bug::ChainNotChecked, "chain-not-checked", "accepts a frame chained to another one"),
        (Bug::PredecessorNotChecked, "predecessor-not-checked", "accepts a segment of another history"),
        (Bug::CheckpointNotChecked, "checkpoint-not-checked", "believes a checkpoint without its checksum"),
        (Bug::RecordNotChecked, "record-not-checked", "believes a record without its checksum"),
        (Bug::FreedTooEarly, "freed-too-early", "uses segments again that the database still needs"),
        (Bug::RelogNewLsn, "relog-new-lsn", "logs undecided records again with fresh positions"),
        (Bug::RelogNotSynced, "relog-not-synced", "hands out undecided records before they are durable again"),
        (Bug::CacheBelieved, "cache-believed", "recovers from the page cache instead of the disk"),
        (Bug::NamedBeforeHeader, "named-before-header", "names a segment whose header is not durable"),
        (Bug::PoisonForgotten, "poison-forgotten", "goes on behind a failed write"),
        (Bug::RetiredOutOfOrder, "retired-out-of-order", "gives up segments without making each step durable"),
    ];
}

/// Whether this mistake is to be made.
#[cfg(not(feature = "planted"))]
pub(crate) const fn is(_: Bug) -> bool {
    false
}

#[cfg(feature = "planted")]
pub use on::{is, set};

#[cfg(feature = "planted")]
mod on {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::Bug;

    static CHOSEN: OnceLock<AtomicU32> = OnceLock::new();

    fn number(bug: Bug) -> u32 {
        bug as u32 + 1
    }

    fn chosen() -> &'static AtomicU32 {
        CHOSEN.get_or_init(|| {
            let name = std::env::var_os("MU_PLANTED");
            let found = Bug::ALL.iter().find(|(_, own, _)| name.as_deref().is_some_and(|name| name == *own));
            AtomicU32::new(found.map_or(0, |(bug, _, _)| number(*bug)))
        })
    }

    /// Whether this mistake is to be made.
    #[must_use]
    pub fn is(bug: Bug) -> bool {
        chosen().load(Ordering::Relaxed) == number(bug)
    }

    /// Makes this mistake from now on, or none.
    pub fn set(bug: Option<Bug>) {
        chosen().store(bug.map_or(0, number), Ordering::Relaxed);
    }
}
