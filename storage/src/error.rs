//! What can go wrong at the store, by what the caller must do next; which driver said it is not known here.

use crate::ids::Lsn;

/// A call to the store that did not give its answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing happened; the same call may be made again, after a pause. The store reconnects by itself.
    #[error("the store is not available now: {0}")]
    Transient(String),
    /// The commit was sent and its reply was lost: the effects may or may not be there. Nobody may be told "failed";
    /// make the same call again.
    #[error("the store's reply to a commit was lost: {0}")]
    Unknown(String),
    /// Another process became the applier after this one. This process must not apply anything any more.
    #[error("another applier took over (its fencing epoch is {newest}, ours is {ours})")]
    Fenced {
        /// The epoch this connection holds.
        ours: i64,
        /// The epoch in the store.
        newest: i64,
    },
    /// The store's applied position lies before the batch: it was restored, or lost commits. Apply again from
    /// `applied + 1`.
    #[error("the store has applied up to {applied:?} only, the batch begins at {first:?}")]
    Behind {
        /// The position up to which every record is decided.
        applied: Lsn,
        /// The first position of the batch.
        first: Lsn,
    },
    /// Trying again cannot help; an operator must look.
    #[error("the store refuses: {0}")]
    Permanent(String),
}

impl StoreError {
    /// Whether the same call, made again later, can succeed.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Transient(_) | Self::Unknown(_))
    }
}

/// Why an account was not created.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Another account has this name, perhaps in other case.
    #[error("the account name is taken")]
    NameTaken,
    /// The name breaks a rule.
    #[error("the account name {0}")]
    NameInvalid(#[from] crate::names::NameError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a character was not handed out.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The account has no such character.
    #[error("no such character on this account")]
    NotFound,
    /// A quarantined event concerns it; it stays locked until an operator resolves the event.
    #[error("the character is frozen until a quarantined event is resolved")]
    Frozen,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}
