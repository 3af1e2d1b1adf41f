//! The program's allocator: the system's, with a count per thread of what happens while a thread asks for it and of the
//! bytes it holds.

#![allow(unsafe_code, reason = "an allocator can only be written against the unsafe trait GlobalAlloc")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

#[global_allocator]
static COUNTING: Counting = Counting;

struct Counting;

thread_local! {
    // Const-initialised and without a destructor: using it never allocates and works at any time in a thread's life.
    static COUNT: Cell<Option<u64>> = const { Cell::new(None) };
    static HELD: Cell<i64> = const { Cell::new(0) };
}

/// Calls to the allocator (allocate, grow, free) this thread makes inside `work`.
pub(crate) fn calls_during(work: impl FnOnce()) -> u64 {
    COUNT.set(Some(0));
    work();
    COUNT.take().unwrap_or(0)
}

/// Bytes this thread takes inside `work` and has not given back while what `work` returns still lives.
pub(crate) fn held_during<R>(work: impl FnOnce() -> R) -> i64 {
    let before = HELD.get();
    let kept = work();
    let held = HELD.get() - before;
    drop(kept);
    held
}

fn hold(bytes: usize, sign: i64) {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    HELD.set(HELD.get().wrapping_add(sign * bytes));
}

fn count() {
    if let Some(calls) = COUNT.get() {
        COUNT.set(Some(calls + 1));
    }
}

// SAFETY: every method hands its arguments to the system's allocator and returns its answer unchanged; counting touches no
// heap memory. The system's allocator keeps the trait's promises.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        hold(layout.size(), 1);
        // SAFETY: the caller keeps the promises of this method, which are those of the method called.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count();
        hold(layout.size(), -1);
        // SAFETY: as above; the block came from `System` because all of ours do.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        hold(layout.size(), 1);
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        hold(layout.size(), -1);
        hold(new_size, 1);
        // SAFETY: as in `dealloc`.
        unsafe { System.realloc(block, layout, new_size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_inside_is_counted_and_what_happens_outside_is_not() {
        let mut grown = Vec::with_capacity(1);
        grown.push(1_u64);
        assert_eq!(calls_during(|| grown[0] += 1), 0);
        assert_eq!(calls_during(|| drop(std::hint::black_box(Box::new(1_u64)))), 2, "one allocation, one free");
        assert_eq!(calls_during(|| grown.push(2)), 1, "one growth");
    }

    #[test]
    fn bytes_count_as_long_as_the_result_lives() {
        assert_eq!(held_during(|| vec![0_u8; 100]), 100);
        assert_eq!(held_during(|| drop(std::hint::black_box(vec![0_u8; 100]))), 0);
    }
}
