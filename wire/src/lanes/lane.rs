//! The lanes by number and what each promises. The table is part of the protocol: ACCEPT carries it as the lane map.

/// What a lane promises for its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Each once, in order.
    ReliableOrdered,
    /// Each once, on arrival.
    ReliableUnordered,
    /// Each at most once.
    Unreliable,
    /// Each at most once, and none that is older than one handed on before.
    Sequenced,
    /// Long contents in slices.
    Blocks,
}

impl Mode {
    /// Whether every message arrives.
    pub(crate) const fn is_reliable(self) -> bool {
        matches!(self, Self::ReliableOrdered | Self::ReliableUnordered)
    }
}

/// A lane. Lanes do not wait for each other: a loss on one delays no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Reliable, ordered, and first in every datagram: the session itself.
    Control,
    /// Reliable, ordered: what the character owns.
    Value,
    /// Reliable, ordered: what people say.
    Social,
    /// Reliable, in the order of arrival.
    Unordered,
    /// Lost with its datagram.
    Effects,
    /// Lost with its datagram; an older message never comes after a newer one.
    Position,
    /// Blocks.
    Bulk,
}

impl Lane {
    /// Every lane, by its number.
    pub const ALL: [Self; 7] =
        [Self::Control, Self::Value, Self::Social, Self::Unordered, Self::Effects, Self::Position, Self::Bulk];

    /// Four bits for each lane, lane 0 in the lowest: 0 closed, 1 reliable ordered, 2 reliable unordered, 3 unreliable, 4
    /// sequenced, 5 blocks.
    pub(crate) const MAP: u32 = 0x5043_2111;

    /// Its number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Control => 0,
            Self::Value => 1,
            Self::Social => 2,
            Self::Unordered => 3,
            Self::Effects => 4,
            Self::Position => 5,
            Self::Bulk => 7,
        }
    }

    /// The lane of a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.number() == number)
    }

    pub(crate) const fn mode(self) -> Mode {
        match self {
            Self::Control | Self::Value | Self::Social => Mode::ReliableOrdered,
            Self::Unordered => Mode::ReliableUnordered,
            Self::Effects => Mode::Unreliable,
            Self::Position => Mode::Sequenced,
            Self::Bulk => Mode::Blocks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// protocol.md 4.9.
    #[test]
    fn the_map_says_what_the_lanes_are() {
        let map = Lane::ALL.into_iter().fold(0, |map, lane| {
            let mode = match lane.mode() {
                Mode::ReliableOrdered => 1,
                Mode::ReliableUnordered => 2,
                Mode::Unreliable => 3,
                Mode::Sequenced => 4,
                Mode::Blocks => 5,
            };
            map | mode << (4 * u32::from(lane.number()))
        });
        assert_eq!(map, Lane::MAP);
    }
}
