//! What happened, in order, as one number: two runs of a seed are the same run if it is the same. On request also in words.

/// The story of one run.
#[derive(Debug, Default)]
pub struct Trace {
    hash: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    /// A trace that keeps its words too.
    #[must_use]
    pub const fn in_words() -> Self {
        Self { hash: 0, lines: Some(Vec::new()) }
    }

    /// Something happened at `now_us`: its bytes enter the number, its words the story.
    pub fn note(&mut self, now_us: u64, bytes: &[u8], words: impl FnOnce() -> String) {
        let mut hash = fold(self.hash, now_us);
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            hash = fold(hash, chunk.first_chunk().map_or(0, |word| u64::from_le_bytes(*word)));
        }
        let rest = chunks.remainder().iter().fold(bytes.len() as u64, |all, byte| all << 8 | u64::from(*byte));
        self.hash = fold(hash, rest);
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>12.6} s  {}", std::time::Duration::from_micros(now_us).as_secs_f64(), words()));
        }
    }

    /// The number of the story so far.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// The words, if they were wanted.
    #[must_use]
    pub fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}

const fn fold(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::Trace;

    #[test]
    fn every_bit_and_the_order_count() {
        let hash = |notes: &[(u64, &[u8])]| {
            let mut trace = Trace::default();
            for (at, bytes) in notes {
                trace.note(*at, bytes, String::new);
            }
            trace.hash()
        };
        let plain = hash(&[(1, b"123456789"), (2, b"x")]);
        for other in [
            hash(&[(1, b"123456788"), (2, b"x")]),
            hash(&[(2, b"x"), (1, b"123456789")]),
            hash(&[(1, b"123456789"), (3, b"x")]),
            hash(&[(1, b"123456789\0"), (2, b"x")]),
            hash(&[(1, b"123456789")]),
        ] {
            assert_ne!(plain, other);
        }
        assert_eq!(plain, hash(&[(1, b"123456789"), (2, b"x")]));
    }
}
