//! Inputs: what a player wants its character to do, packed in bits, at most sixteen bytes each.
//!
//! ```text
//! bits   field
//! 2      kind: 0 walk, 1 turn, 2 stop, 3 step
//! walk   16 x · 16 y · 4 steps − 1 · 3 per step      (37 to 86 bits behind the kind)
//! turn   8 heading
//! stop   nothing
//! step   8 dx · 8 dy, two's complement
//! ```
//!
//! The rest of the last byte is zero, and nothing follows it.

use crate::{
    bits::{BitReader, BitWriter, NoRoom, Truncated},
    motion::{Position, Steps},
};

/// Bytes of an input at most.
pub const MAX_INPUT_BYTES: usize = 16;

/// Received bytes are not an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadInput {
    /// The bits end inside it.
    #[error("the input ends early")]
    Truncated,
    /// Something follows it.
    #[error("something follows the input")]
    Trailing,
}

impl From<Truncated> for BadInput {
    fn from(_: Truncated) -> Self {
        Self::Truncated
    }
}

/// Where a client believes its character starts, and the steps from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walk {
    /// Where the client has its character; the server compares it with its own.
    pub from: Position,
    /// The steps.
    pub steps: Steps,
}

/// What a player wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Walk these steps instead of whatever the character is doing.
    Walk(Walk),
    /// Look there: 1/256 of a turn, clockwise from north.
    Turn {
        /// The direction.
        heading: u8,
    },
    /// Stand still at the next centre.
    Stop,
    /// One step by the keys: towards the neighbour in this direction.
    Step {
        /// Eastward.
        dx: i8,
        /// Southward.
        dy: i8,
    },
}

impl Input {
    /// Writes the input and says how many bytes it took, [`MAX_INPUT_BYTES`] at most.
    ///
    /// # Errors
    /// [`NoRoom`] when the buffer is too small.
    pub fn encode(&self, into: &mut [u8]) -> Result<usize, NoRoom> {
        let mut writer = BitWriter::new(into);
        match *self {
            Self::Walk(Walk { from, steps }) => {
                writer.write(0, 2)?;
                writer.write(u64::from(from.x), 16)?;
                writer.write(u64::from(from.y), 16)?;
                writer.write(steps.len() as u64 - 1, 4)?;
                for step in steps.iter() {
                    writer.write(step as u64, 3)?;
                }
            }
            Self::Turn { heading } => {
                writer.write(1, 2)?;
                writer.write(u64::from(heading), 8)?;
            }
            Self::Stop => writer.write(2, 2)?,
            Self::Step { dx, dy } => {
                writer.write(3, 2)?;
                writer.write(u64::from(dx.cast_unsigned()), 8)?;
                writer.write(u64::from(dy.cast_unsigned()), 8)?;
            }
        }
        Ok(writer.finish())
    }

    /// The input in `bytes`, which it fills to the end.
    ///
    /// # Errors
    /// [`BadInput`] when the bytes end early or go on. A step over the edge of the map is the map's to refuse.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadInput> {
        let mut reader = BitReader::new(bytes);
        let input = match reader.read(2)? {
            0 => {
                let from = Position::new(half(reader.read(16)?), half(reader.read(16)?));
                let len = usize::from(half(reader.read(4)?)) + 1;
                let bits = reader.read(3 * u32::from(half(len as u64)))?;
                let steps = Steps::from_bits(bits, len).ok_or(BadInput::Truncated)?;
                Self::Walk(Walk { from, steps })
            }
            1 => Self::Turn { heading: reader.read(8)?.to_le_bytes()[0] },
            2 => Self::Stop,
            _ => Self::Step {
                dx: reader.read(8)?.to_le_bytes()[0].cast_signed(),
                dy: reader.read(8)?.to_le_bytes()[0].cast_signed(),
            },
        };
        if reader.is_finished() { Ok(input) } else { Err(BadInput::Trailing) }
    }
}

/// The low 16 bits.
const fn half(bits: u64) -> u16 {
    let [a, b, ..] = bits.to_le_bytes();
    u16::from_le_bytes([a, b])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::motion::{Direction, MAX_STEPS};

    fn round_trip(input: Input) -> Vec<u8> {
        let mut buffer = [0xff; MAX_INPUT_BYTES];
        let len = input.encode(&mut buffer).unwrap();
        assert_eq!(Input::decode(&buffer[..len]), Ok(input));
        buffer[..len].to_vec()
    }

    /// protocol.md 11.1.
    #[test]
    fn the_bytes_are_these() {
        let steps = Steps::new(&[Direction::East, Direction::South, Direction::NorthWest]).unwrap();
        let walk = Input::Walk(Walk { from: Position::new(0x0a80, 0x1480), steps });
        assert_eq!(round_trip(walk), [0x00, 0x2a, 0x00, 0x52, 0x88, 0x78]);
        assert_eq!(round_trip(Input::Turn { heading: 0x40 }), [0x01, 0x01]);
        assert_eq!(round_trip(Input::Stop), [0x02]);
        assert_eq!(round_trip(Input::Step { dx: 1, dy: -1 }), [0x07, 0xfc, 0x03]);
    }

    /// protocol.md 11.1.
    #[test]
    fn every_truncation_and_every_addition_is_refused() {
        let steps = Steps::new(&[Direction::SouthWest; MAX_STEPS]).unwrap();
        for input in [
            Input::Walk(Walk { from: Position::new(0x1234, 0xffff), steps }),
            Input::Turn { heading: 255 },
            Input::Stop,
            Input::Step { dx: -128, dy: 127 },
        ] {
            let mut bytes = round_trip(input);
            for len in 0..bytes.len() {
                assert_eq!(Input::decode(&bytes[..len]), Err(BadInput::Truncated), "{input:?} cut to {len}");
            }
            bytes.push(0);
            assert_eq!(Input::decode(&bytes), Err(BadInput::Trailing), "{input:?} and a byte");
        }
    }

    proptest! {
        #[test]
        fn every_walk_survives_the_wire(x in any::<u16>(), y in any::<u16>(), bits in any::<u64>(), len in 1usize..=MAX_STEPS) {
            let steps = Steps::from_bits(bits, len).unwrap();
            let bytes = round_trip(Input::Walk(Walk { from: Position::new(x, y), steps }));
            prop_assert_eq!(bytes.len(), (38 + 3 * len).div_ceil(8));
        }

        #[test]
        fn any_bytes_are_refused_or_written_back_the_same(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            if let Ok(input) = Input::decode(&bytes) {
                prop_assert_eq!(round_trip(input), bytes);
            }
        }
    }
}
