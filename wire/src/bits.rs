//! Bits in, bits out: snapshots and inputs are packed below the byte. Knows no record.
//!
//! The first value written occupies the lowest bits of the first byte; a value's own lowest bit comes first. The last
//! byte is filled up with zeros. Both ends work on 64-bit words and check every step: a value is written whole or not
//! at all, and nothing is read past the end.

/// The value does not fit into what is left of the buffer; nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bits do not fit into what is left of the buffer")]
pub struct NoRoom;

/// The bits ended before the value did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bits end before the value does")]
pub struct Truncated;

/// All ones in the lowest `bits` bits.
const fn mask(bits: u32) -> u64 {
    if bits >= 64 { u64::MAX } else { (1 << bits) - 1 }
}

/// Writes bits into the caller's buffer.
#[derive(Debug)]
pub struct BitWriter<'a> {
    buffer: &'a mut [u8],
    /// Whole words stored so far, in bytes.
    stored: usize,
    /// Bits not stored yet, lowest first; zero above `pending`.
    word: u64,
    /// How many bits of `word` count, below 64.
    pending: u32,
}

impl<'a> BitWriter<'a> {
    /// A writer at the first bit of `buffer`.
    #[must_use]
    pub const fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, stored: 0, word: 0, pending: 0 }
    }

    /// Bits written so far.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.stored * 8 + self.pending as usize
    }

    /// Whether nothing was written yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bits still free.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.buffer.len() * 8 - self.len()
    }

    /// Appends the lowest `bits` bits of `value`, 64 at most; higher bits of `value` are ignored.
    ///
    /// # Errors
    /// [`NoRoom`]; the writer then stays as it was.
    #[inline]
    pub fn write(&mut self, value: u64, bits: u32) -> Result<(), NoRoom> {
        debug_assert!(bits <= 64, "{bits} bits asked of a 64-bit value");
        if self.remaining() < bits as usize {
            return Err(NoRoom);
        }
        let value = value & mask(bits);
        self.word |= value << self.pending;
        let total = self.pending + bits;
        if total < 64 {
            self.pending = total;
            return Ok(());
        }
        // 64 bits are complete and `remaining` said that they fit.
        let Some(target) = self.buffer.get_mut(self.stored..).and_then(<[u8]>::first_chunk_mut::<8>) else {
            return Err(NoRoom);
        };
        *target = self.word.to_le_bytes();
        self.stored += 8;
        let taken = 64 - self.pending;
        self.word = if taken == 64 { 0 } else { value >> taken };
        self.pending = total - 64;
        Ok(())
    }

    /// Appends one bit.
    ///
    /// # Errors
    /// [`NoRoom`].
    #[inline]
    pub fn flag(&mut self, set: bool) -> Result<(), NoRoom> {
        self.write(u64::from(set), 1)
    }

    /// Appends the first `bits` bits of `words`, as another writer packed them.
    ///
    /// # Errors
    /// [`NoRoom`]; nothing is written then.
    #[inline]
    pub fn copy(&mut self, words: &[u64], bits: u32) -> Result<(), NoRoom> {
        if self.remaining() < bits as usize || words.len() * 64 < bits as usize {
            return Err(NoRoom);
        }
        let mut left = bits;
        for &word in words {
            let now = left.min(64);
            if now == 0 {
                break;
            }
            self.write(word, now)?;
            left -= now;
        }
        Ok(())
    }

    /// Stores the last bits, fills their byte with zeros and says how many bytes were used.
    #[must_use = "the length is the message"]
    pub fn finish(self) -> usize {
        let bytes = self.pending.div_ceil(8) as usize;
        // Room for every pending bit was checked when it was written.
        if let Some(target) = self.buffer.get_mut(self.stored..self.stored + bytes) {
            for (to, from) in target.iter_mut().zip(self.word.to_le_bytes()) {
                *to = from;
            }
        }
        self.stored + bytes
    }
}

/// Reads bits from received bytes.
#[derive(Debug, Clone)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits consumed.
    at: usize,
}

impl<'a> BitReader<'a> {
    /// A reader at the first bit of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bits read so far.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.at
    }

    /// Bits not read yet, those that fill the last byte among them.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.bytes.len() * 8 - self.at
    }

    /// The next `bits` bits, 64 at most.
    ///
    /// # Errors
    /// [`Truncated`] if fewer are left; the reader then stays where it is.
    #[inline]
    pub fn read(&mut self, bits: u32) -> Result<u64, Truncated> {
        debug_assert!(bits <= 64, "{bits} bits asked of a 64-bit value");
        if self.remaining() < bits as usize {
            return Err(Truncated);
        }
        let tail = self.bytes.get(self.at / 8..).ok_or(Truncated)?;
        let shift = self.at % 8;
        let low = match tail.first_chunk::<8>() {
            Some(chunk) => u64::from_le_bytes(*chunk),
            None => tail.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
        };
        let mut value = low >> shift;
        if shift + bits as usize > 64 {
            // The ninth byte holds the rest; `shift` is not 0 here.
            value |= u64::from(*tail.get(8).ok_or(Truncated)?) << (64 - shift);
        }
        self.at += bits as usize;
        Ok(value & mask(bits))
    }

    /// The next bit.
    ///
    /// # Errors
    /// [`Truncated`] if none is left.
    #[inline]
    pub fn flag(&mut self) -> Result<bool, Truncated> {
        Ok(self.read(1)? == 1)
    }

    /// Whether only the filling of the last byte is left: less than 8 bits, all zero.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        let rest = self.remaining();
        rest < 8 && self.clone().read(u32::try_from(rest).unwrap_or(0)) == Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_value_sits_in_the_lowest_bits_of_the_first_byte() {
        let mut buffer = [0xff; 4];
        let mut writer = BitWriter::new(&mut buffer);
        writer.write(0b101, 3).unwrap();
        writer.write(0x1234, 16).unwrap();
        writer.flag(true).unwrap();
        assert_eq!(writer.len(), 20);
        assert_eq!(writer.finish(), 3);
        assert_eq!(buffer, [0b1010_0101, 0x91, 0b0000_1000, 0xff]);
    }

    #[test]
    fn a_value_is_written_whole_or_not_at_all() {
        let mut buffer = [0; 2];
        let mut writer = BitWriter::new(&mut buffer);
        writer.write(1, 10).unwrap();
        assert_eq!(writer.write(0, 7), Err(NoRoom));
        assert_eq!(writer.copy(&[0, 0], 7), Err(NoRoom));
        assert_eq!(writer.len(), 10);
        writer.write(0x3f, 6).unwrap();
        assert_eq!(writer.remaining(), 0);
        assert_eq!(writer.flag(false), Err(NoRoom));
        assert_eq!(writer.finish(), 2);
        assert_eq!(buffer, [0x01, 0xfc]);
    }

    #[test]
    fn nothing_is_read_past_the_end() {
        let mut reader = BitReader::new(&[0xff, 0x01]);
        assert_eq!(reader.read(9), Ok(0x1ff));
        assert_eq!(reader.read(8), Err(Truncated));
        assert!(reader.is_finished());
        assert_eq!(reader.read(7), Ok(0));
        assert_eq!(reader.flag(), Err(Truncated));
        assert!(!BitReader::new(&[0x00]).is_finished(), "a whole byte is not filling");
        let mut dirty = BitReader::new(&[0x81]);
        dirty.flag().unwrap();
        assert!(!dirty.is_finished(), "the filling is zero");
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(values in prop::collection::vec((any::<u64>(), 0u32..=64), 0..80), slack in 0usize..9) {
            let total: usize = values.iter().map(|(_, bits)| *bits as usize).sum();
            let mut buffer = vec![0xaa; total.div_ceil(8) + slack];
            let mut writer = BitWriter::new(&mut buffer);
            for &(value, bits) in &values {
                prop_assert_eq!(writer.write(value, bits), Ok(()));
            }
            prop_assert_eq!(writer.len(), total);
            let len = writer.finish();
            prop_assert_eq!(len, total.div_ceil(8));
            let mut reader = BitReader::new(&buffer[..len]);
            for &(value, bits) in &values {
                prop_assert_eq!(reader.read(bits), Ok(value & mask(bits)));
            }
            prop_assert!(reader.is_finished());
        }

        #[test]
        fn copied_bits_are_the_bits(lead in 0u32..64, words in prop::array::uniform4(any::<u64>()), bits in 0u32..=256) {
            let mut copied = [0; 48];
            let mut writer = BitWriter::new(&mut copied);
            writer.write(u64::MAX, lead).unwrap();
            writer.copy(&words, bits).unwrap();
            let len = writer.finish();
            let mut reader = BitReader::new(&copied[..len]);
            reader.read(lead).unwrap();
            let mut left = bits;
            for word in words {
                let now = left.min(64);
                prop_assert_eq!(reader.read(now), Ok(word & mask(now)));
                left -= now;
            }
            prop_assert!(reader.is_finished());
        }
    }
}
