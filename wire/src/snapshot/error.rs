//! Why a snapshot body cannot be what a server wrote.

use crate::{bits::Truncated, motion::BadPath};

/// The body is not one that a server writes to this client. The peer is authenticated, so this is a fault, not chance:
/// close the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bits end inside a record, or what fills the last byte is not zero.
    #[error("the body ends inside a record")]
    Truncated,
    /// A kind of entity that does not exist.
    #[error("{0} is no kind of entity")]
    UnknownKind(u8),
    /// An entity of generation 0, which no entity has.
    #[error("{0:#010x} names no entity")]
    NoEntity(u32),
    /// A name longer than allowed, or not UTF-8.
    #[error("an entity's name is not a name")]
    BadName,
    /// Health above 100 percent.
    #[error("{0} percent of health")]
    BadHealth(u8),
    /// A path that cannot exist.
    #[error("a path is impossible: {0}")]
    BadPath(#[from] BadPath),
    /// The same change has a shorter or the prescribed encoding.
    #[error("a change is not in its prescribed form")]
    NotCanonical,
    /// A change later than the snapshot that tells it, or before time began.
    #[error("a change is dated outside the time of its snapshot")]
    BadDate,
    /// The version from which a change starts was never told.
    #[error("alias {alias} has no such version to change from")]
    UnknownBaseline {
        /// Which entity of the view.
        alias: u8,
    },
    /// An alias is given to an entity while another has it.
    #[error("alias {alias} belongs to another entity")]
    AliasInUse {
        /// Which.
        alias: u8,
    },
}

impl From<Truncated> for Malformed {
    fn from(_: Truncated) -> Self {
        Self::Truncated
    }
}
