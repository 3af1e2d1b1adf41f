//! The head of a payload, what a type must say to be one, and writing.

use std::sync::Arc;

use rkyv::api::high::{HighSerializer, HighValidator};
use rkyv::bytecheck::CheckBytes;
use rkyv::rancor::Failure;
use rkyv::ser::allocator::ArenaHandle;
use rkyv::util::AlignedVec;
use rkyv::{Archive, Portable, Serialize};

/// Bytes before the archive; a multiple of its alignment.
pub const HEADER_LEN: usize = 16;

/// Alignment of payloads in memory.
pub(crate) const ALIGN: usize = 16;

/// A content that travels as a block.
pub trait Payload:
    Archive<Archived: Portable + for<'a> CheckBytes<HighValidator<'a, Failure>>>
    + for<'a> Serialize<HighSerializer<AlignedVec<ALIGN>, ArenaHandle<'a>, Failure>>
{
    /// The block's kind.
    const KIND: u16;
    /// Counts changes of meaning that the layout does not show.
    const VERSION: u16;
    /// The fields with their places, in words. Its CRC-32 travels.
    const LAYOUT: &'static str;
    /// Longest payload, head included.
    const MAX_LEN: usize;

    /// What the type promises beyond its layout; the rule that is broken, in words.
    ///
    /// # Errors
    /// The rule.
    fn check(archived: &Self::Archived) -> Result<(), &'static str>;

    /// What stands for the layout in the head.
    #[must_use]
    fn layout() -> u32 {
        crc32fast::hash(Self::LAYOUT.as_bytes())
    }
}

/// Why bytes are not a payload of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadArchive {
    /// Shorter than any payload or longer than any of this type.
    #[error("{0} bytes are not the length of such a payload")]
    Length(usize),
    /// A payload of another kind.
    #[error("the kind is {0}")]
    Kind(u16),
    /// Another version, or laid out differently.
    #[error("version {version} with the layout {layout:#010x} is not known")]
    Layout {
        /// The version found.
        version: u16,
        /// The layout found.
        layout: u32,
    },
    /// The head's zeros are not zero, or the archive does not hold together.
    #[error("the archive does not hold together")]
    Broken,
    /// A rule of the type is broken.
    #[error("{0}")]
    Rule(&'static str),
}

/// The kind a payload says it is; `None` if it is too short to say so.
#[must_use]
pub fn kind_of(payload: &[u8]) -> Option<u16> {
    payload.first_chunk().copied().map(u16::from_le_bytes)
}

/// The payload of a value, ready to be sent to any number of peers.
///
/// # Errors
/// [`BadArchive`] if the value breaks a rule of its type: a reader would refuse it.
pub fn encode<T: Payload>(value: &T) -> Result<Arc<[u8]>, BadArchive> {
    let mut head = AlignedVec::<ALIGN>::with_capacity(1024);
    head.extend_from_slice(&T::KIND.to_le_bytes());
    head.extend_from_slice(&T::VERSION.to_le_bytes());
    head.extend_from_slice(&T::layout().to_le_bytes());
    head.extend_from_slice(&[0; 8]);
    let payload = rkyv::api::high::to_bytes_in::<_, Failure>(value, head).map_err(|_| BadArchive::Broken)?;
    crate::checked::validate::<T>(&payload)?;
    Ok(Arc::from(&payload[..]))
}

/// Reads a head and gives back the archive behind it.
pub(crate) fn archive_of<T: Payload>(payload: &[u8]) -> Result<&[u8], BadArchive> {
    let length = BadArchive::Length(payload.len());
    if payload.len() > T::MAX_LEN {
        return Err(length);
    }
    let (head, archive) = payload.split_first_chunk::<HEADER_LEN>().ok_or(length)?;
    let [k0, k1, v0, v1, l0, l1, l2, l3, zeros @ ..] = *head;
    let (kind, version) = (u16::from_le_bytes([k0, k1]), u16::from_le_bytes([v0, v1]));
    let layout = u32::from_le_bytes([l0, l1, l2, l3]);
    if kind != T::KIND {
        return Err(BadArchive::Kind(kind));
    }
    if (version, layout) != (T::VERSION, T::layout()) {
        return Err(BadArchive::Layout { version, layout });
    }
    if zeros == [0; 8] { Ok(archive) } else { Err(BadArchive::Broken) }
}
