//! Defects to order: with the feature `planted`, and never without, the store makes one chosen mistake, so that the tests
//! can show that they would see it. Where the store in memory has its own code, it makes the same mistake.
//!
//! The mistake is named by the environment variable `MU_PLANTED` at the first question, or by `set`.

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Hands a character out without a new owner epoch.
    EpochNotBumped,
    /// Lets the hot state of an owner from before win.
    LateFlushWins,
    /// Moves the applied position in a transaction of its own, before the effects.
    PositionFirst,
    /// Moves the applied position in a transaction of its own, behind the effects.
    PositionApart,
    /// Commits a rejection without waiting for the disk.
    RejectionNotFlushed,
    /// Lets an applier go on that was fenced off.
    FenceNotHeld,
    /// Applies an event again that was decided earlier in the batch.
    SecondApplication,
    /// Writes the outcome row of an event but not its effects.
    OutcomeWithoutEffects,
    /// Lets one operator decide about cash.
    ResolutionAlone,
    /// Wants no parcel for who is outbid.
    RefundForgotten,
    /// Moves an item whatever its version.
    VersionIgnored,
    /// Moves an item to an occupied place.
    PlaceIgnored,
    /// Balances zen against cash.
    FamiliesMixed,
    /// Lets an emptied parcel be emptied again.
    ClaimTwice,
    /// Lets a parcel be closed with items left in it.
    ClaimPartly,
    /// Keeps frozen what a resolution releases.
    ReleaseForgotten,
    /// Applies a quarantined event before the one it waits for.
    OrderIgnored,
    /// Rejects an event whose success was told.
    ToldRejected,
    /// Decides events that touch what is frozen.
    FrozenIgnored,
    /// Opens a warehouse to characters of other accounts.
    WarehouseOpen,
    /// Lets an old growth overwrite a newer one.
    GrowthVersionIgnored,
    /// Leaves the first event of a range out of the audit.
    AuditSkipsFirst,
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
        (
            Bug::PositionApart,
            "position-apart",
            "moves the applied position in a transaction of its own, behind the effects",
        ),
        (Bug::RejectionNotFlushed, "rejection-not-flushed", "commits a rejection without waiting for the disk"),
        (Bug::FenceNotHeld, "fence-not-held", "lets an applier go on that was fenced off"),
        (Bug::SecondApplication, "second-application", "applies an event again that was decided earlier in the batch"),
        (
            Bug::OutcomeWithoutEffects,
            "outcome-without-effects",
            "writes the outcome row of an event but not its effects",
        ),
        (Bug::ResolutionAlone, "resolution-alone", "lets one operator decide about cash"),
        (Bug::RefundForgotten, "refund-forgotten", "wants no parcel for who is outbid"),
        (Bug::VersionIgnored, "version-ignored", "moves an item whatever its version"),
        (Bug::PlaceIgnored, "place-ignored", "moves an item to an occupied place"),
        (Bug::FamiliesMixed, "families-mixed", "balances zen against cash"),
        (Bug::ClaimTwice, "claim-twice", "lets an emptied parcel be emptied again"),
        (Bug::ClaimPartly, "claim-partly", "lets a parcel be closed with items left in it"),
        (Bug::ReleaseForgotten, "release-forgotten", "keeps frozen what a resolution releases"),
        (Bug::OrderIgnored, "order-ignored", "applies a quarantined event before the one it waits for"),
        (Bug::ToldRejected, "told-rejected", "rejects an event whose success was told"),
        (Bug::FrozenIgnored, "frozen-ignored", "decides events that touch what is frozen"),
        (Bug::WarehouseOpen, "warehouse-open", "opens a warehouse to characters of other accounts"),
        (Bug::GrowthVersionIgnored, "growth-version-ignored", "lets an old growth overwrite a newer one"),
        (Bug::AuditSkipsFirst, "audit-skips-first", "leaves the first event of a range out of the audit"),
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
