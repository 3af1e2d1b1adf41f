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
//! [`IN_FLIGHT_MAX`] payload buffers; without a free one an event is refused before anything is held. Knows no SQL and
//! no map; decides no outcome.

mod applier;
mod port;
mod recover;
mod status;
mod writer;

pub use applier::{ApplierParts, run_applier};
pub use port::{Busy, Completion, ControlPort, JournalEnds, Origin, PortEnd, ShardPort, Submission, journal_ports};
pub use recover::{RecoverError, RecoverOptions, Recovered, recover};
pub use status::ValueStatus;
pub use writer::{Logged, WriterParts, run_writer};

/// Events one shard may have between "submitted" and "decided". A trade needs about 60 ms, so 1,024 is some 17,000
/// trades a second for one shard: far above what its players can confirm, small enough to bound memory (4 MiB).
pub const IN_FLIGHT_MAX: usize = 1_024;

/// Logged events that may wait for the applier. When full, the wal thread waits and the rings above fill in turn.
pub const APPLY_QUEUE_MAX: usize = 8_192;

/// Events applied in one transaction.
pub const APPLY_BATCH_MAX: usize = 512;
