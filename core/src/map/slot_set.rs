//! Sets of slots as rows of bits, all rows of one table in one allocation.
//!
//! A row has one bit per slot of the map. Interest is arithmetic on such rows: what a player sees anew is `near &
//! !seen`, what it loses is `seen & !far`, and no pair of entities is ever looked at twice. Knows nothing of cells or
//! players.

/// Bits in one word of a row.
pub const WORD: usize = u64::BITS as usize;

/// How many words a row for this many slots has.
#[must_use]
pub fn words_for(slots: usize) -> usize {
    slots.div_ceil(WORD)
}

/// A table of rows, each a set of slots.
#[derive(Debug)]
pub struct SlotSets {
    words: Box<[u64]>,
    per_row: usize,
}

impl SlotSets {
    /// `rows` empty sets over `slots` slots.
    #[must_use]
    pub fn new(rows: usize, slots: usize) -> Self {
        let per_row = words_for(slots);
        Self { words: vec![0; rows * per_row].into_boxed_slice(), per_row }
    }

    /// One set.
    #[must_use]
    pub fn row(&self, row: usize) -> &[u64] {
        &self.words[row * self.per_row..(row + 1) * self.per_row]
    }

    /// One set, to change.
    pub fn row_mut(&mut self, row: usize) -> &mut [u64] {
        &mut self.words[row * self.per_row..(row + 1) * self.per_row]
    }

    /// Puts a slot into a set.
    pub fn insert(&mut self, row: usize, slot: usize) {
        self.row_mut(row)[slot / WORD] |= 1 << (slot % WORD);
    }

    /// Takes a slot out of a set.
    pub fn remove(&mut self, row: usize, slot: usize) {
        self.row_mut(row)[slot / WORD] &= !(1 << (slot % WORD));
    }

    /// Whether a set holds a slot.
    #[must_use]
    pub fn contains(&self, row: usize, slot: usize) -> bool {
        contains(self.row(row), slot)
    }

    /// Empties a set.
    pub fn clear(&mut self, row: usize) {
        self.row_mut(row).fill(0);
    }
}

/// Whether a row holds a slot.
#[must_use]
pub fn contains(row: &[u64], slot: usize) -> bool {
    row[slot / WORD] >> (slot % WORD) & 1 == 1
}

/// How many slots a row holds.
#[must_use]
pub fn count(row: &[u64]) -> usize {
    row.iter().map(|word| word.count_ones() as usize).sum()
}

/// Adds every slot of `from` to `into`.
pub fn union(into: &mut [u64], from: &[u64]) {
    for (word, other) in into.iter_mut().zip(from) {
        *word |= other;
    }
}

/// The slots of a row, lowest first.
pub fn iter(row: &[u64]) -> impl Iterator<Item = usize> + '_ {
    row.iter().enumerate().flat_map(|(index, &word)| bits(word).map(move |bit| index * WORD + bit))
}

/// The set bits of a word, lowest first.
pub fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        if word == 0 {
            return None;
        }
        let bit = word.trailing_zeros() as usize;
        word &= word - 1;
        Some(bit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_do_not_touch_each_other() {
        let mut sets = SlotSets::new(3, 130);
        sets.insert(1, 129);
        sets.insert(1, 64);
        sets.insert(2, 0);
        sets.remove(2, 1);
        assert_eq!(iter(sets.row(1)).collect::<Vec<_>>(), [64, 129]);
        assert_eq!(count(sets.row(0)), 0);
        assert!(sets.contains(2, 0));
        sets.clear(1);
        assert_eq!(count(sets.row(1)), 0);
        assert_eq!(count(sets.row(2)), 1);
    }
}
