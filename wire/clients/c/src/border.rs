//! The border itself: what turns the caller's pointers into values, and panics into a status.
//!
//! Every exported function runs inside `guard` or `with` and touches memory of the caller only through the functions
//! here. What the caller must keep stands in `RULES.txt`; the rule a block relies on is named at the block.

#![allow(unsafe_code, reason = "the caller's pointers are all there is at this border")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::client::MuClient;
use crate::status::{MU_ERROR_NULL, MU_ERROR_PANIC, MU_ERROR_TEXT, MU_OK, Status};

/// What the inside of an exported function says.
pub(crate) type Outcome = Result<(), Status>;

/// Runs the inside of an exported function that has no client; nothing unwinds out of it.
pub(crate) fn guard(inside: impl FnOnce() -> Outcome) -> i32 {
    match catch_unwind(AssertUnwindSafe(inside)) {
        Ok(Ok(())) => MU_OK,
        Ok(Err(Status(status))) => status,
        Err(_panic) => MU_ERROR_PANIC,
    }
}

/// Runs the inside of an exported function on a client. A panic leaves the client marked, because nobody knows what state
/// it is in; from then on it only answers that.
///
/// # Safety
/// Rule 1.
pub(crate) unsafe fn with(client: *mut MuClient, inside: impl FnOnce(&mut MuClient) -> Outcome) -> i32 {
    guard(|| {
        // SAFETY: by rule 1 a pointer that is not NULL is a live client that nobody else uses during this call.
        let client = unsafe { client.as_mut() }.ok_or(Status(MU_ERROR_NULL))?;
        if std::mem::replace(&mut client.inside, true) {
            return Err(Status(MU_ERROR_PANIC));
        }
        let outcome = inside(client);
        client.inside = false;
        outcome
    })
}

/// The caller's bytes, to be read during this call.
///
/// # Safety
/// Rule 2. The result must not outlive the call.
pub(crate) unsafe fn bytes<'a>(from: *const u8, length: usize) -> Result<&'a [u8], Status> {
    // SAFETY: handed on.
    unsafe { elements(from, length) }
}

/// The caller's elements, to be read during this call.
///
/// # Safety
/// Rule 2. The result must not outlive the call.
pub(crate) unsafe fn elements<'a, T>(from: *const T, length: usize) -> Result<&'a [T], Status> {
    if length == 0 {
        return Ok(&[]);
    }
    if from.is_null() || length > isize::MAX.cast_unsigned() / size_of::<T>() {
        return Err(Status(MU_ERROR_NULL));
    }
    // SAFETY: not NULL, no longer than an object can be, and by rule 2 valid for `length` elements that nobody changes
    // while this call lasts.
    Ok(unsafe { std::slice::from_raw_parts(from, length) })
}

/// The caller's text, to be read during this call.
///
/// # Safety
/// Rule 2. The result must not outlive the call.
pub(crate) unsafe fn text<'a>(from: *const std::ffi::c_char, length: usize) -> Result<&'a str, Status> {
    // SAFETY: handed on.
    let bytes = unsafe { bytes(from.cast(), length) }?;
    str::from_utf8(bytes).map_err(|_| Status(MU_ERROR_TEXT))
}

/// The struct a pointer points to.
///
/// # Safety
/// Rule 2. The result must not outlive the call.
pub(crate) unsafe fn read<'a, T>(from: *const T) -> Result<&'a T, Status> {
    // SAFETY: by rule 2 a pointer to a struct is NULL or valid and aligned, and nobody changes it while this call lasts.
    unsafe { from.as_ref() }.ok_or(Status(MU_ERROR_NULL))
}

/// Writes to the caller's place, which need not hold anything yet.
///
/// # Safety
/// Rule 2.
pub(crate) unsafe fn write<T>(to: *mut T, value: T) -> Outcome {
    if to.is_null() {
        return Err(Status(MU_ERROR_NULL));
    }
    // SAFETY: not NULL, and by rule 2 valid and aligned.
    unsafe { to.write(value) };
    Ok(())
}

/// Whether a place to write to was given at all.
pub(crate) const fn wanted<T>(to: *mut T) -> Outcome {
    if to.is_null() { Err(Status(MU_ERROR_NULL)) } else { Ok(()) }
}

/// Copies as many of `values` as `capacity` allows into the caller's array, which need not hold anything yet, and says how
/// many there were.
///
/// # Safety
/// Rule 2.
pub(crate) unsafe fn fill<T>(
    to: *mut T,
    capacity: usize,
    values: impl IntoIterator<Item = T>,
) -> Result<usize, Status> {
    if to.is_null() && capacity > 0 {
        return Err(Status(MU_ERROR_NULL));
    }
    let mut count = 0;
    for value in values {
        if count < capacity {
            // SAFETY: not NULL, and by rule 2 the array has room for `capacity` elements.
            unsafe { to.add(count).write(value) };
        }
        count += 1;
    }
    Ok(count)
}

/// Copies bytes into the caller's buffer, which is known to be long enough and need not hold anything yet.
///
/// # Safety
/// Rule 2, and `to` has room for all of `from`.
pub(crate) unsafe fn copy(from: &[u8], to: *mut u8) {
    // SAFETY: the caller of this function vouches for the room; the source is our own memory, so the two do not overlap.
    unsafe { to.copy_from_nonoverlapping(from.as_ptr(), from.len()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_stops_at_the_border() {
        assert_eq!(guard(|| panic!("a fault made for this test")), MU_ERROR_PANIC);
        assert_eq!(guard(|| Ok(())), MU_OK);
    }

    #[test]
    fn pointers_are_looked_at_before_they_are_used() {
        // SAFETY: NULL is what the rule allows for no elements, and what these functions refuse otherwise.
        unsafe {
            assert_eq!(bytes(std::ptr::null(), 0), Ok(&[][..]));
            assert_eq!(bytes(std::ptr::null(), 1), Err(Status(MU_ERROR_NULL)));
            assert_eq!(bytes(std::ptr::dangling(), usize::MAX), Err(Status(MU_ERROR_NULL)));
            assert_eq!(read::<u32>(std::ptr::null()), Err(Status(MU_ERROR_NULL)));
            assert_eq!(write(std::ptr::null_mut(), 1), Err(Status(MU_ERROR_NULL)));
            assert_eq!(fill(std::ptr::null_mut(), 1, [1]), Err(Status(MU_ERROR_NULL)));
            assert_eq!(fill(std::ptr::null_mut(), 0, [1, 2]), Ok(2));
            let mut room = [0; 2];
            assert_eq!(fill(room.as_mut_ptr(), 2, [7, 8, 9]), Ok(3));
            assert_eq!(room, [7, 8]);
        }
    }
}
