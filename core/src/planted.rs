//! Defects to order: with the feature `planted`, and never without, a map makes one chosen mistake with what its players
//! have, so that the tests can show that they would see it.
//!
//! The mistake is named by the environment variable `MU_PLANTED` at the first question, or by `set`.

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Lets a player leave or change maps with an event in flight.
    InFlightNotSeen,
    /// Ends the holds of a trade when it is submitted.
    UnlockBeforeOutcome,
    /// Reserves no place for what a trade brings.
    SlotNotReserved,
    /// Does not hold the zen that a trade takes.
    ZenNotHeld,
    /// Carries out a rejected trade in memory.
    RejectedExchanged,
    /// Tells both players that a trade is done when it is submitted.
    ToldBeforeOutcome,
    /// Keeps a confirmation when the offer changes.
    ConfirmationsKept,
    /// Gives two trades one identity.
    EventIdReused,
    /// Reserves no place for what a deal brings.
    DealPlaceNotReserved,
    /// Uses an item that is held in a second deal.
    HeldItemAgain,
    /// Ends the holds of a deal when it is submitted.
    DealReleasedAtOnce,
    /// Tells a player that a deal is done when it is submitted.
    DealToldAtOnce,
    /// Takes a player's second confirmation for its partner's.
    ConfirmedTwice,
    /// Settles a deal again when its decision comes again.
    DecidedTwice,
    /// Lets a second player pick up what a first one is picking up.
    PickedUpTwice,
}

impl Bug {
    /// Every mistake, its name, and what it does wrong.
    pub const ALL: &[(Bug, &str, &str)] = &[
        (Bug::InFlightNotSeen, "in-flight-not-seen", "lets a player leave or change maps with an event in flight"),
        (Bug::UnlockBeforeOutcome, "unlock-before-outcome", "ends the holds of a trade when it is submitted"),
        (Bug::SlotNotReserved, "slot-not-reserved", "reserves no place for what a trade brings"),
        (Bug::ZenNotHeld, "zen-not-held", "does not hold the zen that a trade takes"),
        (Bug::RejectedExchanged, "rejected-exchanged", "carries out a rejected trade in memory"),
        (Bug::ToldBeforeOutcome, "told-before-outcome", "tells both players that a trade is done when it is submitted"),
        (Bug::ConfirmationsKept, "confirmations-kept", "keeps a confirmation when the offer changes"),
        (Bug::EventIdReused, "event-id-reused", "gives two trades one identity"),
        (Bug::DealPlaceNotReserved, "deal-place-not-reserved", "reserves no place for what a deal brings"),
        (Bug::HeldItemAgain, "held-item-again", "uses an item that is held in a second deal"),
        (Bug::DealReleasedAtOnce, "deal-released-at-once", "ends the holds of a deal when it is submitted"),
        (Bug::DealToldAtOnce, "deal-told-at-once", "tells a player that a deal is done when it is submitted"),
        (Bug::ConfirmedTwice, "confirmed-twice", "takes a player's second confirmation for its partner's"),
        (Bug::DecidedTwice, "decided-twice", "settles a deal again when its decision comes again"),
        (Bug::PickedUpTwice, "picked-up-twice", "lets a second player pick up what a first one is picking up"),
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
