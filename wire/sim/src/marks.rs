//! A set of small numbers.

/// Which of the numbers from 0 on were marked.
#[derive(Debug, Default)]
pub(crate) struct Marks(Vec<u64>);

impl Marks {
    /// Marks a number; false if it was marked already.
    pub(crate) fn set(&mut self, number: u32) -> bool {
        let (word, bit) = ((number / 64) as usize, 1 << (number % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::Marks;

    #[test]
    fn a_number_is_new_once() {
        let mut marks = Marks::default();
        assert!(marks.set(700) && marks.set(0) && marks.set(701));
        assert!(!marks.set(700) && !marks.set(0) && marks.set(64));
    }
}
