//! The hand-off of value: from a map's outbox to the journal, from the journal to the store, and back as an outcome.
//!
//! ```text
//!  shard ─▶ ring ─┐                        ┌─▶ applier ─▶ one transaction ─▶ outcome ─┐
//!  shard ─▶ ring ─┼─▶ wal thread: one frame ┘                                          │
//!  gateway ─▶ q ──┘   for all, one fdatasync                                           │
//!  shard ◀─ ring ◀────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Who writes: each shard its own ring, the wal thread the journal, the applier the store. What bounds it: a port owns
//! [`IN_FLIGHT_MAX`] payload buffers; without a free one an event is refused before anything is held. What the threads do
//! in their turn is in `mu_value`, which knows no thread. Knows no SQL and no map; decides no outcome.

mod applier;
mod port;
mod writer;

pub use applier::{ApplierParts, run_applier};
pub use port::{
    Busy, Completion, CompletionEnds, ControlPort, JournalEnds, Origin, PortEnd, Settled, ShardPort, WalAck,
    journal_ports,
};
pub use writer::{WriterParts, run_writer};

use std::time::Duration;

use mu_wire::Time;

/// A moment as `mu_value` counts time.
#[must_use]
pub const fn since_origin(time: Time) -> Duration {
    Duration::from_micros(time.as_micros())
}

/// Events one shard may have between "submitted" and "decided". A trade needs about 60 ms, so 1,024 is some 17,000
/// trades a second for one shard: far above what its players can confirm, small enough to bound memory (4 MiB).
pub const IN_FLIGHT_MAX: usize = 1_024;

/// Logged events that may wait for the applier in its ring; what comes behind them waits with the wal thread, up to
/// [`mu_value::BACKLOG_EVENTS_MAX`].
pub const APPLY_QUEUE_MAX: usize = 8_192;
