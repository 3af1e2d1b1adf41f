//! Value on its way: submission → journal → store → outcome, as steps that know no thread and no clock.
//!
//! ```text
//!  submissions ─▶ Writer::step ─▶ one frame, one fdatasync ─▶ Applier::step ─▶ one transaction ─▶ outcomes
//!                     ▲                │ told at once: wal-ack      │
//!                     └── safe ────────┼───────────────────────────┘ the store's own disk has it
//!                                      └ kept in memory up to there, decided again if the store forgets
//! ```
//!
//! A step does a bounded piece of work and returns what to do next; the caller brings the time, the ends of the queues,
//! and the patience. The server runs each in a thin thread, the simulator in any order it likes. Decides no outcome: the
//! store's outcome row does (`docs/value.md`).

mod applier;
mod decode;
mod flow;
pub mod planted;
mod recover;
mod status;
mod window;
mod writer;

pub use applier::{Applier, ApplierEnds, ApplierStep, Stop};
pub use decode::Decoded;
pub use flow::{Logged, Submission, WAL_ACK};
pub use recover::{RecoverError, RecoverOptions, Recovered, recover};
pub use status::ValueStatus;
pub use writer::{Writer, WriterEnds, WriterStep};

use std::time::Duration;

/// Events decided in one transaction.
pub const APPLY_BATCH_MAX: usize = 512;

/// Durable events without an outcome, beyond which no new one is taken: what a full house picks up and sells in half a
/// minute while the store is away.
pub const BACKLOG_EVENTS_MAX: u64 = 200_000;

/// The same bound in bytes of payload.
pub const BACKLOG_BYTES_MAX: u64 = 512 << 20;

/// How often the store is asked to put on its own disk what it has committed.
pub const SAFE_EVERY: Duration = Duration::from_millis(75);

/// Decided events kept in memory until the store's own disk has them; when so many wait, the next batch waits too.
pub const KEPT_EVENTS_MAX: usize = 65_536;

/// The same bound in bytes of payload.
pub const KEPT_BYTES_MAX: usize = 64 << 20;
