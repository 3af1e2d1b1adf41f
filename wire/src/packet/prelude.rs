//! The prelude: what every packet says about the packets its sender received. Four bytes when nothing is missing.
//!
//! ```text
//! control 1       bit 0     an acknowledgement follows
//!                 bit 1     its delay byte is present (delay ≠ 0)
//!                 bits 2–5  mask byte 0–3 is present (byte ≠ 0xFF)
//!                 bit 6     the number before this packet's was left out on purpose
//!                 bit 7     zero
//! largest 2       low 16 bits of the largest number received
//! delay   0–1     time since it arrived, in 250 µs, at most 255
//! mask    0–4     bit i of the 32: number largest − 1 − i was received; numbers below zero count as received
//! ```
//!
//! One meaning has one encoding: a present delay is not zero, a present mask byte is not 0xFF, and without an
//! acknowledgement bits 1–5 are zero. Anything else is malformed.

use crate::codec::{NoRoom, Reader, Truncated, Writer};

const HAS_ACK: u8 = 1;
const HAS_DELAY: u8 = 2;
const SKIPPED: u8 = 1 << 6;
const MASK_BYTES: [u8; 4] = [1 << 2, 1 << 3, 1 << 4, 1 << 5];

/// A packet's first bytes after decryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prelude {
    pub(crate) ack: Option<PreludeAck>,
    /// The number before this packet's was never sent.
    pub(crate) skipped_before: bool,
}

/// The newest 33 numbers of an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PreludeAck {
    pub(crate) largest: u16,
    /// In 250 µs.
    pub(crate) delay: u8,
    pub(crate) mask: u32,
}

impl PreludeAck {
    /// Whether the bits of numbers below zero are ones, as their one form has it; `largest` is the whole of the number.
    pub(crate) fn is_whole_below_zero(&self, largest: u64) -> bool {
        let above = u32::try_from(largest).ok().and_then(|bits| self.mask.checked_shr(bits).map(|mask| (mask, bits)));
        above.is_none_or(|(mask, bits)| mask == u32::MAX >> bits)
    }
}

impl Prelude {
    pub(crate) fn write(&self, out: &mut Writer<'_>) -> Result<(), NoRoom> {
        let skipped = if self.skipped_before { SKIPPED } else { 0 };
        let Some(ack) = self.ack else {
            return out.u8(skipped);
        };
        let mut control = HAS_ACK | skipped;
        if ack.delay != 0 {
            control |= HAS_DELAY;
        }
        let mask = ack.mask.to_le_bytes();
        for (byte, bit) in mask.iter().zip(MASK_BYTES) {
            if *byte != 0xff {
                control |= bit;
            }
        }
        out.u8(control)?;
        out.u16(ack.largest)?;
        if ack.delay != 0 {
            out.u8(ack.delay)?;
        }
        for byte in mask.into_iter().filter(|byte| *byte != 0xff) {
            out.u8(byte)?;
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Truncated> {
        let control = reader.u8()?;
        let skipped_before = control & SKIPPED != 0;
        if control & 0x80 != 0 {
            return Err(Truncated);
        }
        if control & HAS_ACK == 0 {
            return if control & !SKIPPED == 0 { Ok(Self { ack: None, skipped_before }) } else { Err(Truncated) };
        }
        let largest = reader.u16()?;
        let delay = if control & HAS_DELAY == 0 { 0 } else { present(reader, 0)? };
        let mut mask = [0xff; 4];
        for (byte, bit) in mask.iter_mut().zip(MASK_BYTES) {
            if control & bit != 0 {
                *byte = present(reader, 0xff)?;
            }
        }
        let ack = PreludeAck { largest, delay, mask: u32::from_le_bytes(mask) };
        Ok(Self { ack: Some(ack), skipped_before })
    }
}

/// A byte that is only there because it differs from what its absence means.
fn present(reader: &mut Reader<'_>, absent: u8) -> Result<u8, Truncated> {
    reader.u8().and_then(|byte| if byte == absent { Err(Truncated) } else { Ok(byte) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(prelude: &Prelude) -> Vec<u8> {
        let mut buffer = [0; 8];
        let mut writer = Writer::new(&mut buffer);
        prelude.write(&mut writer).unwrap();
        writer.written().to_vec()
    }

    /// protocol.md 6.6.
    #[test]
    fn with_all_received_it_takes_four_bytes() {
        let ack = PreludeAck { largest: 0x1234, delay: 8, mask: u32::MAX };
        let prelude = Prelude { ack: Some(ack), skipped_before: false };
        assert_eq!(written(&prelude), [0b11, 0x34, 0x12, 8]);
    }

    /// protocol.md 6.6, 9.4.
    #[test]
    fn numbers_below_zero_count_as_received() {
        let whole = |largest, mask| PreludeAck { largest: 0, delay: 0, mask }.is_whole_below_zero(largest);
        assert!(whole(0, u32::MAX));
        assert!(!whole(0, u32::MAX - 1));
        assert!(whole(3, u32::MAX - 7), "2, 1 and 0 are missing");
        assert!(!whole(3, u32::MAX - 8), "so is -1");
        assert!(whole(31, 1 << 31));
        assert!(!whole(31, 0));
        assert!(whole(32, 0));
        assert!(whole(1 << 40, 0));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(largest: u16, delay: u8, mask: u32, present: bool, skipped_before: bool) {
            let ack = present.then_some(PreludeAck { largest, delay, mask });
            let prelude = Prelude { ack, skipped_before };
            let bytes = written(&prelude);
            prop_assert_eq!(Prelude::read(&mut Reader::new(&bytes)), Ok(prelude));
        }

        #[test]
        fn what_is_read_is_written_back_byte_for_byte(bytes in prop::collection::vec(any::<u8>(), 0..10)) {
            let mut reader = Reader::new(&bytes);
            if let Ok(prelude) = Prelude::read(&mut reader) {
                prop_assert_eq!(written(&prelude), &bytes[..bytes.len() - reader.remaining()]);
            }
        }
    }
}
