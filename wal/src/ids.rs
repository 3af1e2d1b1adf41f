//! Positions and names: [`Lsn`], [`LogId`].
//!
//! Knows nothing of files or formats.

use std::fmt;

use serde::{Serialize, Serializer};

/// Position of a record in the log: dense, starting at 1, never reused once durable, never derived from time.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Lsn(pub u64);

impl Lsn {
    /// The position before the first record.
    pub const ZERO: Lsn = Lsn(0);

    /// The position after this one.
    ///
    /// # Panics
    /// If the log holds 2⁶⁴ records, which at ten million a second takes 58,000 years.
    #[must_use]
    pub fn next(self) -> Lsn {
        Lsn(self.0.checked_add(1).expect("a log never holds 2^64 records"))
    }

    /// The position before this one; the position before the first is [`Lsn::ZERO`].
    #[must_use]
    pub fn previous(self) -> Lsn {
        Lsn(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Random name of one log. It seeds every checksum, so that bytes of another log are never taken for this one's, and it
/// is the key under which the database keeps its applied position.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogId(pub u128);

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogId({self})")
    }
}

impl Serialize for LogId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
