//! Once the memory is taken, snapshots are written and read without taking more.
#![allow(unsafe_code, reason = "an allocator can only be replaced by an unsafe impl; it counts and passes on")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use mu_wire::{
    messages::{ChatChannel, ClientMessage, Input},
    snapshot::{Replicator, View},
};

use crate::snapshot_size::Crowd;

/// Counts what each thread takes and gives back.
struct Counting;

/// Memory taken by a thread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    /// Blocks taken, those given back again among them.
    pub(crate) blocks: usize,
    /// Bytes held: taken and not given back.
    pub(crate) held: isize,
}

thread_local! {
    static TAKEN: Cell<Taken> = const { Cell::new(Taken { blocks: 0, held: 0 }) };
}

fn count(blocks: usize, held: isize) {
    // A thread that is ending counts nothing any more.
    let _ = TAKEN.try_with(|taken| {
        let before = taken.get();
        taken.set(Taken { blocks: before.blocks + blocks, held: before.held + held });
    });
}

// SAFETY: every call goes to the system's allocator unchanged, so its promises hold here as there; counting touches only
// a thread-local `Cell` without a destructor and allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size().cast_signed());
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, -layout.size().cast_signed());
        // SAFETY: the caller keeps `dealloc`'s contract, and the block came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size.cast_signed() - layout.size().cast_signed());
        // SAFETY: the caller keeps `realloc`'s contract, and the block came from `System`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What this thread took while `act` ran.
pub(crate) fn taken<R>(act: impl FnOnce() -> R) -> (Taken, R) {
    let before = TAKEN.with(Cell::get);
    let result = act();
    let after = TAKEN.with(Cell::get);
    (Taken { blocks: after.blocks - before.blocks, held: after.held - before.held }, result)
}

#[test]
fn a_view_of_128_takes_less_than_6_kib_once() {
    let (view, _view) = taken(|| Box::new(View::new(128)));
    println!("{} bytes in {} blocks", view.held, view.blocks);
    assert!(view.held <= 6 * 1_024, "{} bytes", view.held);
}

#[test]
fn a_slot_of_a_map_takes_less_than_1_kib_once() {
    let (slots, world) = taken(|| Replicator::new(1_000));
    println!("{} bytes for each of {} slots", slots.held / 1_000, world.capacity());
    assert!(slots.held <= 1_024 * 1_000, "{} bytes for 1,000 slots", slots.held);
}

#[test]
fn snapshots_take_no_memory_once_warm() {
    let mut crowd = Crowd::new(11, 100);
    for _ in 0..2_000 {
        crowd.walk(10);
        crowd.exchange();
    }
    let mut blocks = 0;
    for _ in 0..500 {
        // The walks are the test's and take memory; only the exchange counts.
        crowd.walk(10);
        blocks += taken(|| crowd.exchange()).0.blocks;
    }
    assert_eq!(blocks, 0, "blocks taken in 500 exchanges");
}

#[test]
fn a_replica_of_60_walkers_takes_less_than_24_kib() {
    // As players walk: everyone sets out again every two or three seconds.
    let mut crowd = Crowd::new(12, 60);
    let mut held = 0;
    for _ in 0..1_000 {
        crowd.walk(1);
        held += taken(|| crowd.exchange()).0.held;
    }
    assert_eq!(crowd.replica.len(), 60);
    println!("{held} bytes for a replica of 60, {} versions held", crowd.replica.held());
    assert!(held <= 24 * 1_024, "{held} bytes");
}

#[test]
fn messages_and_inputs_take_no_memory() {
    let text = "a".repeat(120);
    let chat = ClientMessage::Chat { channel: ChatChannel::Local, text: &text };
    let (memory, ()) = taken(|| {
        let mut buffer = [0; 200];
        let len = chat.encode(&mut buffer).unwrap();
        assert_eq!(ClientMessage::decode(&buffer[..len]), Ok(chat));
        let len = Input::Turn { heading: 7 }.encode(&mut buffer).unwrap();
        assert_eq!(Input::decode(&buffer[..len]), Ok(Input::Turn { heading: 7 }));
    });
    assert_eq!(memory.blocks, 0);
}
