//! The allocator of this binary counts what the endpoints hold, so that every run here has its ceiling checked.
#![allow(unsafe_code, reason = "an allocator can only be replaced by an unsafe impl; it counts and passes on")]

use std::alloc::{GlobalAlloc, Layout, System};

use mu_wire_sim::{Options, meter, run};

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged, so its promises hold here as there; counting touches only
// thread-local `Cell`s without destructors and allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        meter::count(layout.size().cast_signed());
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        meter::count(-layout.size().cast_signed());
        // SAFETY: the caller keeps `dealloc`'s contract, and the block came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        meter::count(size.cast_signed() - layout.size().cast_signed());
        // SAFETY: the caller keeps `realloc`'s contract, and the block came from `System`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn memory_is_counted() {
    let outcome = run(3, Options::default());
    assert_eq!(outcome.fault, None);
    // A connection's end holds about 11 KiB; a count of nothing would mean that the ceiling is not looked at.
    assert!(outcome.tally.memory_most > 15_000, "{} bytes at most", outcome.tally.memory_most);
}
