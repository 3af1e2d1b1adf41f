//! What the half blocks of a whole endpoint may take together.
//!
//! Bytes are counted when room for them is taken, never because a header promises them. New blocks are refused from three
//! quarters on, so that those on their way have the last one; a block that finds no room at all is refused too, which
//! gives its room to the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Debug)]
struct Shared {
    taken: AtomicUsize,
    limit: usize,
}

/// A share of the pool; clones count together. One thread uses an endpoint, so the order of the counts means nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct BlockPool(Option<Arc<Shared>>);

impl BlockPool {
    /// A pool of so many bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self(Some(Arc::new(Shared { taken: AtomicUsize::new(0), limit })))
    }

    /// No pool: what bounds one block is enough.
    pub(crate) const fn unbounded() -> Self {
        Self(None)
    }

    /// Whether a new block may begin.
    pub(crate) fn admits(&self) -> bool {
        self.0.as_ref().is_none_or(|pool| pool.taken.load(Ordering::Relaxed) < pool.limit / 4 * 3)
    }

    /// Bytes taken.
    pub(crate) fn taken(&self) -> usize {
        self.0.as_ref().map_or(0, |pool| pool.taken.load(Ordering::Relaxed))
    }

    fn take(&self, bytes: usize) -> bool {
        let Some(pool) = &self.0 else {
            return true;
        };
        let taken = pool.taken.load(Ordering::Relaxed).saturating_add(bytes);
        if taken > pool.limit {
            return false;
        }
        pool.taken.store(taken, Ordering::Relaxed);
        true
    }
}

/// What one block has taken from the pool; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Charge {
    pool: BlockPool,
    bytes: usize,
}

impl Charge {
    pub(super) const fn new(pool: BlockPool) -> Self {
        Self { pool, bytes: 0 }
    }

    /// Takes more; false if there is no room and nothing was taken.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let taken = self.pool.take(bytes);
        if taken {
            self.bytes += bytes;
        }
        taken
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if let Some(pool) = &self.pool.0 {
            let taken = pool.taken.load(Ordering::Relaxed);
            pool.taken.store(taken.saturating_sub(self.bytes), Ordering::Relaxed);
        }
    }
}
