//! A tape with what is needed beside it, for either end: the digest, the shelf of blocks, the copy of a datagram.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use super::calls::{Shelved, kind};
use super::digest::Digest;
use super::fields::Fields;
use super::tape::Tape;

/// Calls between two checkpoints.
const CHECK_CALLS: u32 = 1_024;
/// How a recording ended: its owner wanted it.
pub(super) const FINISHED: u8 = 0;
/// How a recording ended: more waited than was allowed.
pub(super) const OVERRUN: u8 = 1;

/// A recording in progress.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) tape: Tape,
    pub(super) digest: RefCell<Digest>,
    /// Blocks that somebody still holds, with their places; a block that nobody holds cannot be sent again.
    shelf: Vec<(u64, Weak<[u8]>)>,
    shelved: u64,
    datagram: Vec<u8>,
    calls: u32,
    over: bool,
}

impl Recording {
    pub(super) fn new(tape: Tape) -> Self {
        Self {
            tape,
            digest: RefCell::default(),
            shelf: Vec::new(),
            shelved: 0,
            datagram: Vec::new(),
            calls: 0,
            over: false,
        }
    }

    /// Adds a call; a checkpoint follows now and then. When no more fits the tape ends.
    pub(super) fn call(&mut self, kind: u8, write: impl FnOnce(&mut Fields)) {
        if self.over {
            return;
        }
        let fits = self.tape.record(kind, write);
        self.calls += 1;
        if !fits {
            self.end(OVERRUN);
        } else if self.calls.is_multiple_of(CHECK_CALLS) {
            self.check();
        }
    }

    /// Whether nothing more is written down.
    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    /// Ends the recording with a checkpoint.
    pub(super) fn finish(&mut self) {
        if !self.over {
            self.check();
            self.end(FINISHED);
        }
    }

    fn check(&mut self) {
        let digest = self.digest.borrow();
        self.tape.last(kind::CHECK, |out| {
            out.raw(&digest.value().to_le_bytes());
            out.number(digest.datagrams);
            out.number(digest.events);
        });
    }

    fn end(&mut self, how: u8) {
        self.over = true;
        self.tape.last(kind::END, |out| out.u8(how));
    }

    /// Keeps a datagram that the endpoint is about to decrypt in place.
    pub(super) fn keep(&mut self, datagram: &[u8]) -> Vec<u8> {
        let mut kept = std::mem::take(&mut self.datagram);
        kept.clear();
        kept.extend_from_slice(datagram);
        kept
    }

    pub(super) fn give_back(&mut self, datagram: Vec<u8>) {
        self.datagram = datagram;
    }

    /// The same block for many connections is written once.
    pub(super) fn shelve<'b>(&mut self, block: &'b Arc<[u8]>) -> Shelved<'b> {
        let same = |known: &Weak<[u8]>| known.upgrade().is_some_and(|known| Arc::ptr_eq(&known, block));
        if let Some((place, _)) = self.shelf.iter().find(|(_, known)| same(known)) {
            return Shelved::Again(*place);
        }
        self.shelf.retain(|(_, known)| known.strong_count() > 0);
        self.shelved += 1;
        self.shelf.push((self.shelved, Arc::downgrade(block)));
        Shelved::New(block)
    }
}
