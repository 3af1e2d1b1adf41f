//! Append-only journal of opaque records: group commit, recovery, verify.
//!
//! ```text
//!   scan ──────────────► Scan ──────────────► Journal ───────────────────────────► close
//!   lock, read, judge    log id for the       append  copy into the frame
//!                        database's fence     sync    one frame, one fdatasync
//!                        into_journal(applied)        seal_if_idle, set_safe
//! ```
//!
//! A record that [`Journal::sync`] reported durable is found by every later [`scan`], or the damage is reported; it is
//! never silently missing. What was never reported durable may be there or not; what was never written is never there.
//!
//! Bytes on disk are described in `docs/wal-format.md`. The crate knows neither payloads nor the database: positions and
//! bytes only.

pub mod disk;
mod error;
pub mod format;
mod ids;
mod journal;
mod names;
pub mod planted;
mod recovery;
pub mod tool;

pub use disk::archive::Archive;
pub use disk::dir::{DirDisk, Medium};
pub use disk::stop_on_bus_error;
pub use error::{AppendError, Damage, Poisoned, Proof, WalError};
pub use format::epoch::EpochStart;
pub use format::record::{NewRecord, OwnedRecord, Record};
pub use format::{FRAME_RECORDS_MAX, PAYLOAD_BYTES_MAX};
pub use ids::{LogId, Lsn};
pub use journal::{Health, Idle, Journal, JournalOptions, SPARES_MIN, Synced, Watch};
pub use recovery::{Scan, ScanOptions, Tail, scan, scan_disk};
