//! An allocator that counts per thread, and a writable map: what the tests of a real disk need from unsafe code.
#![allow(unsafe_code, reason = "a global allocator and a map cannot be had without it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs::File;

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator with the arguments as they came; counting touches a thread local
// without a destructor, which allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Allocations of the calling thread since it began.
pub(crate) fn of_this_thread() -> u64 {
    COUNT.with(Cell::get)
}

/// Maps the whole file.
pub(crate) fn map(file: &File) -> memmap2::MmapMut {
    // SAFETY: the file is private to one test, which neither shortens it nor writes to it in another way.
    unsafe { memmap2::MmapMut::map_mut(file) }.expect("a map")
}
