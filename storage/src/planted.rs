//! Defects to order: with the feature `planted`, and never without, the store makes one chosen mistake, so that the tests
//! can show that they would see it. Where the store in memory has its own code, it makes the same mistake.
//!
//! The mistake is named by the environment variable `MU_PLANTED` at the first question, or by [`set`].

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Hands a character out without a new owner epoch.
    EpochNotBumped,
    /// Lets the hot state of an owner from before win.
    LateFlushWins,
    /// Moves the applied position in a transaction of its own, before the effects.
    PositionFirst,
    /// Commits a rejection without waiting for the disk.
    RejectionNotFlushed,
    /// Lets an applier go on that was fenced off.
    FenceNotHeld,
}

impl Bug {
    /// Every mistake, its name, and what it does wrong.
    pub const ALL: &[(Bug, &str, &str)] = &[
        (Bug::EpochNotBumped, "epoch-not-bumped", "hands a character out without a new owner epoch"),
        (Bug::LateFlushWins, "late-flush-wins", "lets the hot state of an owner from before win"),
        (
            Bug::PositionFirst,
            "position-first",
            "moves the applied position in a transaction of its own, before the effects",
        ),
        (Bug::RejectionNotFlushed, "rejection-not-flushed", "commits a rejection without waiting for the disk"),
        (Bug::FenceNotHeld, "fence-not-held", "lets an applier go on that was fenced off"),
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
