//! What travels: an encoded event before it has a position, and after.

use std::time::Duration;

use mu_wal::Lsn;

/// Flag of a journal record: its origin was told "done" as soon as the record was durable. Such an event can no longer be
/// rejected; what cannot be applied is quarantined.
pub const WAL_ACK: u16 = 1;

/// One encoded event on its way to the journal. `O` names who waits for the outcome.
#[derive(Debug)]
pub struct Submission<O> {
    /// The event's identity, unique for ever.
    pub event_id: u128,
    /// The journal's record kind.
    pub kind: u16,
    /// The payload's schema.
    pub schema: u16,
    /// [`WAL_ACK`] or 0.
    pub flags: u16,
    /// The archive.
    pub payload: Vec<u8>,
    /// Who is told.
    pub origin: O,
    /// When it was submitted, since the caller's origin of time.
    pub at: Duration,
}

impl<O> Submission<O> {
    /// Whether success is told when the record is durable.
    #[must_use]
    pub const fn is_told_when_durable(&self) -> bool {
        self.flags & WAL_ACK != 0
    }
}

/// A durable event on its way to the applier.
#[derive(Debug)]
pub struct Logged<O> {
    /// Its position in the journal.
    pub lsn: Lsn,
    /// The event.
    pub submission: Submission<O>,
}
