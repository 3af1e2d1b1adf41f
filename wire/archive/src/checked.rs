//! The proof that a payload is valid: made by validation only, and read without any afterwards.
#![allow(unsafe_code, reason = "reading a validated archive again without validating it again")]

use std::marker::PhantomData;
use std::ops::Deref;

use rkyv::rancor::Failure;
use rkyv::util::AlignedVec;

use crate::payload::{ALIGN, BadArchive, HEADER_LEN, Payload, archive_of};

/// A valid payload in memory of its own, read in place.
///
/// Nothing can change its bytes, so what validation found out holds for as long as it lives.
pub struct Checked<T> {
    bytes: AlignedVec<ALIGN>,
    of: PhantomData<T>,
}

impl<T: Payload> Checked<T> {
    /// Copies a payload into aligned memory and validates it.
    ///
    /// # Errors
    /// What is wrong with it; never panics, whatever the bytes are.
    pub fn new(payload: &[u8]) -> Result<Self, BadArchive> {
        // A head that is wrong costs no copy.
        archive_of::<T>(payload)?;
        let mut bytes = AlignedVec::with_capacity(payload.len());
        bytes.extend_from_slice(payload);
        validate::<T>(&bytes)?;
        Ok(Self { bytes, of: PhantomData })
    }

    /// The whole payload, as it travelled.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.bytes
    }
}

impl<T: Payload> Deref for Checked<T> {
    type Target = T::Archived;

    fn deref(&self) -> &T::Archived {
        let archive = self.bytes.get(HEADER_LEN..).unwrap_or(&[]);
        // Validating again at each use costs 2 to 55 ns (measured, inventory of 64 items and map of 256 × 256 tiles) where this
        // costs 0.7: a search for a way looks at thousands of tiles.
        // SAFETY: `new` is the only constructor and has validated exactly these bytes as a `T::Archived` at the end of
        // the archive: position, alignment, every list and every value. They are private, never lent out mutably and
        // never moved (the memory belongs to the vector), so they are what was validated.
        unsafe { rkyv::access_unchecked::<T::Archived>(archive) }
    }
}

impl<T: Payload<Archived: std::fmt::Debug>> std::fmt::Debug for Checked<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

impl<T> Clone for Checked<T> {
    fn clone(&self) -> Self {
        Self { bytes: self.bytes.clone(), of: PhantomData }
    }
}

/// Validates a payload that lies aligned in memory.
pub(crate) fn validate<T: Payload>(payload: &AlignedVec<ALIGN>) -> Result<(), BadArchive> {
    let archive = archive_of::<T>(payload)?;
    let archived = rkyv::access::<T::Archived, Failure>(archive).map_err(|_| BadArchive::Broken)?;
    T::check(archived).map_err(BadArchive::Rule)
}
