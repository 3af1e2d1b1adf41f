//! libFuzzer over one of the entry points of mu-wire and mu-archive, named by the environment variable `MU_FUZZ`.
//!
//! Beside a panic, an input fails that makes its entry point hold more memory at once than its budget: the parsers must
//! charge by what arrived, never by what a header claims.

#![no_main]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::OnceLock;

use mu_wire::fuzzing::{TARGETS, Target};

mod archives;

/// Entry points of other packages.
const MORE: &[Target] = &[Target { name: "archives", run: archives::archives, budget: 4 * 1024 * 1024 }];

/// Counts what the fuzzing thread holds, and the most it held.
struct Counting;

thread_local! {
    static HELD: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

// SAFETY: every call is handed to the system's allocator unchanged; the counts are kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _gone = HELD.try_with(|held| {
            let (now, most) = held.get();
            let now = now.wrapping_add(layout.size());
            held.set((now, if now < usize::MAX / 2 { most.max(now) } else { most }));
        });
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        let _gone = HELD.try_with(|held| {
            let (now, most) = held.get();
            held.set((now.wrapping_sub(layout.size()), most));
        });
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn target() -> &'static Target {
    static TARGET: OnceLock<&Target> = OnceLock::new();
    TARGET.get_or_init(|| {
        let name = std::env::var("MU_FUZZ").unwrap_or_default();
        let mut all = TARGETS.iter().chain(MORE);
        let found = all.find(|target| target.name == name);
        found.unwrap_or_else(|| {
            eprintln!("MU_FUZZ must name one of: {}", TARGETS.iter().chain(MORE).map(|t| t.name).collect::<Vec<_>>().join(" "));
            std::process::exit(2);
        })
    })
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let target = target();
    HELD.set((0, 0));
    (target.run)(bytes);
    let (_, most) = HELD.get();
    let bound = 1024 + target.budget + 64 * bytes.len();
    assert!(most <= bound, "{most} bytes held at once for {} bytes of input, {bound} allowed", bytes.len());
});
