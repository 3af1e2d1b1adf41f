//! Defects to order in the simulator's own map side: with the feature `planted`, and never without, it breaks one rule that
//! a map must keep, so that it is shown that the invariants would see it.

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A map settles a deal when it is submitted.
    UnlockBeforeOutcome,
    /// A map reserves no place for what arrives.
    PlaceNotReserved,
    /// A player changes maps with an event in flight and is settled on neither.
    ChangeInFlight,
    /// A player is gone before its event is decided, and comes back with what it was.
    LeaveInFlight,
    /// Players are told failed when their server dies.
    FailedOnDoubt,
    /// A character is loaded from a store that has forgotten something.
    StaleLoad,
    /// Event ids begin again at each start.
    IdReused,
    /// A rejected deal is carried out in memory.
    RejectedSettled,
}

impl Bug {
    /// Every mistake, its name, and what it does wrong.
    pub const ALL: &[(Bug, &str, &str)] = &[
        (Bug::UnlockBeforeOutcome, "map-unlock-before-outcome", "a map settles a deal when it is submitted"),
        (Bug::PlaceNotReserved, "map-place-not-reserved", "a map reserves no place for what arrives"),
        (
            Bug::ChangeInFlight,
            "map-change-in-flight",
            "a player changes maps with an event in flight and is settled on neither",
        ),
        (
            Bug::LeaveInFlight,
            "map-leave-in-flight",
            "a player is gone before its event is decided, and comes back with what it was",
        ),
        (Bug::FailedOnDoubt, "map-failed-on-doubt", "players are told failed when their server dies"),
        (Bug::StaleLoad, "map-stale-load", "a character is loaded from a store that has forgotten something"),
        (Bug::IdReused, "map-id-reused", "event ids begin again at each start"),
        (Bug::RejectedSettled, "map-rejected-settled", "a rejected deal is carried out in memory"),
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
