//! Defects to order: with the feature `planted`, and never without, the writer's and the applier's steps make one chosen
//! mistake, so that the simulator can show that it would see it.
//!
//! The mistake is named by the environment variable `MU_PLANTED` at the first question, or by `set`.

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Tells success at durability before the sync.
    ToldBeforeSync,
    /// Hands events to the applier before the sync.
    DecidedBeforeDurable,
    /// Frees segments whose events are only durable.
    SafeFromDurable,
    /// Forgets that success was told at durability.
    ToldFlagLost,
    /// Tells failed when the reply to a commit is lost.
    FailedOnLostReply,
    /// Tells success when the reply to a commit is lost.
    DoneOnLostReply,
    /// Takes a commit that does not wait for the disk for safe.
    SafeFromCommit,
    /// Gives an event a new identity when it asks again.
    EventIdRegenerated,
    /// Leaves one event out when it decides again.
    RedriveGap,
    /// Starts without deciding the last event of the run before.
    UndecidedForgotten,
    /// Decides the events of the run before in another order.
    ReplayOutOfOrder,
    /// Calls replayed events safe before the store's disk has them.
    StartNotSafe,
    /// Begins a new journal although the store has applied one.
    LostJournalAccepted,
}

impl Bug {
    /// Every mistake, its name, and what it does wrong.
    pub const ALL: &[(Bug, &str, &str)] = &[
        (Bug::ToldBeforeSync, "told-before-sync", "tells success at durability before the sync"),
        (Bug::DecidedBeforeDurable, "decided-before-durable", "hands events to the applier before the sync"),
        (Bug::SafeFromDurable, "safe-from-durable", "frees segments whose events are only durable"),
        (Bug::ToldFlagLost, "told-flag-lost", "forgets that success was told at durability"),
        (Bug::FailedOnLostReply, "failed-on-lost-reply", "tells failed when the reply to a commit is lost"),
        (Bug::DoneOnLostReply, "done-on-lost-reply", "tells success when the reply to a commit is lost"),
        (Bug::SafeFromCommit, "safe-from-commit", "takes a commit that does not wait for the disk for safe"),
        (Bug::EventIdRegenerated, "event-id-regenerated", "gives an event a new identity when it asks again"),
        (Bug::RedriveGap, "redrive-gap", "leaves one event out when it decides again"),
        (Bug::UndecidedForgotten, "undecided-forgotten", "starts without deciding the last event of the run before"),
        (Bug::ReplayOutOfOrder, "replay-out-of-order", "decides the events of the run before in another order"),
        (Bug::StartNotSafe, "start-not-safe", "calls replayed events safe before the store's disk has them"),
        (Bug::LostJournalAccepted, "lost-journal-accepted", "begins a new journal although the store has applied one"),
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
