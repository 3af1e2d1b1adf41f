//! Ids for new accounts, characters and items, taken from the store in blocks so that most requests need no query.
//!
//! Ids left when the process ends, or lost between two refills at once, are never used: there are 2^63 of them.

use std::sync::{Mutex, PoisonError};

use mu_storage::ids::{IdBlock, Sequence};

use super::database::{DatabaseError, DatabasePool};

/// Ids fetched at once: a few seconds of a launch day, and a starter kit takes up to 16 item ids.
const fn block_len(sequence: Sequence) -> u32 {
    match sequence {
        Sequence::Account | Sequence::Character | Sequence::Parcel | Sequence::Listing => 64,
        Sequence::Item => 1_024,
    }
}

/// The blocks in hand.
#[derive(Default)]
pub(crate) struct Ids {
    blocks: Mutex<[IdBlock; Sequence::ALL.len()]>,
}

impl Ids {
    /// `count` ids nobody else has, at most one block.
    pub(crate) async fn take(
        &self,
        database: &DatabasePool,
        sequence: Sequence,
        count: usize,
    ) -> Result<Vec<i64>, DatabaseError> {
        if let Some(ids) = self.take_from_block(sequence, count) {
            return Ok(ids);
        }
        let len = block_len(sequence);
        let first = database.run(move |store| store.id_block(sequence, len)).await?;
        let mut block = IdBlock::new(first, len);
        let ids = block.by_ref().take(count).collect();
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut blocks[slot(sequence)];
        if kept.left() < block.left() {
            *kept = block;
        }
        Ok(ids)
    }

    fn take_from_block(&self, sequence: Sequence, count: usize) -> Option<Vec<i64>> {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let block = &mut blocks[slot(sequence)];
        (block.left() >= count as u64).then(|| block.by_ref().take(count).collect())
    }
}

fn slot(sequence: Sequence) -> usize {
    match sequence {
        Sequence::Account => 0,
        Sequence::Character => 1,
        Sequence::Item => 2,
        Sequence::Parcel => 3,
        Sequence::Listing => 4,
    }
}
