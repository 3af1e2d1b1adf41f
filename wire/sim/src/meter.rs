//! Which memory the endpoints hold. A counting allocator, where one is installed, asks here whether an endpoint is at work and
//! counts for it; elsewhere the count stays 0 and the ceiling holds by itself.

use std::cell::Cell;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    static HELD: Cell<isize> = const { Cell::new(0) };
}

/// Whether an endpoint is at work, until dropped.
#[derive(Debug)]
pub struct Place {
    before: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        INSIDE.set(self.before);
    }
}

/// From here on an endpoint is at work.
#[must_use]
pub fn inside() -> Place {
    Place { before: INSIDE.replace(true) }
}

/// From here on it is not: a handler, a sink.
#[must_use]
pub fn outside() -> Place {
    Place { before: INSIDE.replace(false) }
}

/// The allocator took (or, negative, gave back) so many bytes on this thread.
pub fn count(bytes: isize) {
    // A thread that is ending counts nothing any more.
    if INSIDE.try_with(Cell::get).unwrap_or(false) {
        let _ending = HELD.try_with(|held| held.set(held.get() + bytes));
    }
}

/// Bytes that the endpoints of this thread's run hold.
#[must_use]
pub fn held() -> isize {
    HELD.get()
}

/// A new run begins.
pub fn reset() {
    HELD.set(0);
}
