//! Where an entity is at a tick: positions, directions, walked paths. Integers only, so that the server, every client
//! and every machine agree to the last unit.
//!
//! Does not know terrain, collision or who may walk where: those are the map's business.
//!
//! A position counts 1/256 of a tile (8.8 fixed point); the tile is the high byte, its centre is at 128. A path begins
//! anywhere inside a tile and goes to the centre of the neighbouring tile named by its first step, then from centre to
//! centre. A leg between two centres is 256 units long when straight and 362 when diagonal (the integer square root of
//! 2 × 256²); the first leg is as long as the integer square root says. After `t` ticks the walker has gone `t × speed`
//! units along the legs and stays at the last centre for ever after.

mod path;
mod steps;

pub use path::{BadPath, Path};
pub use steps::{MAX_STEPS, Steps};

use crate::time::Tick;

/// Units of a position in one tile.
pub const UNITS_PER_TILE: u16 = 256;

/// A place on a map in 1/256 tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Position {
    /// Eastward.
    pub x: u16,
    /// Southward.
    pub y: u16,
}

impl Position {
    /// A place from its coordinates in 1/256 tiles.
    #[must_use]
    pub const fn new(x: u16, y: u16) -> Self {
        Self { x, y }
    }

    /// The tile this place lies in.
    #[must_use]
    pub const fn tile(self) -> Tile {
        Tile { x: self.x.to_be_bytes()[0], y: self.y.to_be_bytes()[0] }
    }

    /// The distance to `other` in 1/256 tiles, rounded down.
    #[must_use]
    pub const fn distance(self, other: Self) -> u32 {
        let dx = self.x.abs_diff(other.x) as u64;
        let dy = self.y.abs_diff(other.y) as u64;
        let square = dx * dx + dy * dy;
        // At most 92,681: the square root of 2 × 65,535².
        #[expect(clippy::cast_possible_truncation, reason = "the root of a 33-bit number has 17 bits")]
        let root = square.isqrt() as u32;
        root
    }
}

/// One square of a map's grid; maps are at most 256 tiles wide and high.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tile {
    /// Eastward.
    pub x: u8,
    /// Southward.
    pub y: u8,
}

impl Tile {
    /// A tile from its coordinates.
    #[must_use]
    pub const fn new(x: u8, y: u8) -> Self {
        Self { x, y }
    }

    /// The middle of the tile.
    #[must_use]
    pub const fn centre(self) -> Position {
        Position { x: u16::from_be_bytes([self.x, 128]), y: u16::from_be_bytes([self.y, 128]) }
    }

    /// The neighbour in `direction`; `None` beyond the edge of the largest map.
    #[must_use]
    pub const fn neighbour(self, direction: Direction) -> Option<Self> {
        let (dx, dy) = direction.delta();
        match (self.x.checked_add_signed(dx), self.y.checked_add_signed(dy)) {
            (Some(x), Some(y)) => Some(Self { x, y }),
            _ => None,
        }
    }
}

/// One of the eight neighbours of a tile, clockwise from north. `y` grows to the south.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Direction {
    /// `(0, -1)`
    North = 0,
    /// `(1, -1)`
    NorthEast = 1,
    /// `(1, 0)`
    East = 2,
    /// `(1, 1)`
    SouthEast = 3,
    /// `(0, 1)`
    South = 4,
    /// `(-1, 1)`
    SouthWest = 5,
    /// `(-1, 0)`
    West = 6,
    /// `(-1, -1)`
    NorthWest = 7,
}

impl Direction {
    /// All eight in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::North,
        Self::NorthEast,
        Self::East,
        Self::SouthEast,
        Self::South,
        Self::SouthWest,
        Self::West,
        Self::NorthWest,
    ];

    /// The direction with this number; only the low three bits count.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self::ALL[(bits & 7) as usize]
    }

    /// The direction of a step to a neighbour; `None` for a stay or anything longer than one tile.
    #[must_use]
    pub const fn from_delta(dx: i8, dy: i8) -> Option<Self> {
        match (dx, dy) {
            (0, -1) => Some(Self::North),
            (1, -1) => Some(Self::NorthEast),
            (1, 0) => Some(Self::East),
            (1, 1) => Some(Self::SouthEast),
            (0, 1) => Some(Self::South),
            (-1, 1) => Some(Self::SouthWest),
            (-1, 0) => Some(Self::West),
            (-1, -1) => Some(Self::NorthWest),
            _ => None,
        }
    }

    /// What the step adds to the tile's `x` and `y`.
    #[must_use]
    pub const fn delta(self) -> (i8, i8) {
        match self {
            Self::North => (0, -1),
            Self::NorthEast => (1, -1),
            Self::East => (1, 0),
            Self::SouthEast => (1, 1),
            Self::South => (0, 1),
            Self::SouthWest => (-1, 1),
            Self::West => (-1, 0),
            Self::NorthWest => (-1, -1),
        }
    }

    /// The direction as a heading: 1/256 of a turn, clockwise from north.
    #[must_use]
    pub const fn heading(self) -> u8 {
        self as u8 * 32
    }

    /// Whether the step changes both coordinates.
    #[must_use]
    pub const fn is_diagonal(self) -> bool {
        self as u8 & 1 == 1
    }
}

/// How an entity moves: not at all, or along a path.
///
/// A path that has been walked to its end stays a path: nothing changed that a client could not compute, so nothing
/// needs to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motion {
    /// Stays where it is.
    Standing(Position),
    /// Walks, or has walked, along this path.
    Walking(Path),
}

impl Motion {
    /// Where the entity is at `tick`.
    #[must_use]
    pub const fn position_at(&self, tick: Tick) -> Position {
        match self {
            Self::Standing(position) => *position,
            Self::Walking(path) => path.position_at(tick),
        }
    }

    /// The tile the entity is in at `tick`.
    #[must_use]
    pub const fn tile_at(&self, tick: Tick) -> Tile {
        self.position_at(tick).tile()
    }

    /// Whether the entity is still under way at `tick`.
    #[must_use]
    pub fn is_moving_at(&self, tick: Tick) -> bool {
        match self {
            Self::Standing(_) => false,
            Self::Walking(path) => tick < path.arrives_at(),
        }
    }
}

impl Default for Motion {
    fn default() -> Self {
        Self::Standing(Position::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// protocol.md 13.2.
    #[test]
    fn directions_and_deltas_are_inverse() {
        for direction in Direction::ALL {
            let (dx, dy) = direction.delta();
            assert_eq!(Direction::from_delta(dx, dy), Some(direction));
            assert_eq!(Direction::from_bits(direction as u64), direction);
            assert_eq!(direction.is_diagonal(), dx != 0 && dy != 0);
        }
        assert_eq!(Direction::from_delta(0, 0), None);
        assert_eq!(Direction::from_delta(2, 0), None);
    }

    #[test]
    fn a_tile_contains_its_centre_and_edges_have_no_neighbours_outside() {
        for tile in [Tile::new(0, 0), Tile::new(7, 200), Tile::new(255, 255)] {
            assert_eq!(tile.centre().tile(), tile);
        }
        assert_eq!(Tile::new(0, 3).neighbour(Direction::West), None);
        assert_eq!(Tile::new(3, 255).neighbour(Direction::SouthEast), None);
        assert_eq!(Tile::new(3, 3).neighbour(Direction::NorthWest), Some(Tile::new(2, 2)));
    }

    #[test]
    fn distance_is_exact_at_the_extremes() {
        let far = Position::new(u16::MAX, u16::MAX);
        assert_eq!(Position::default().distance(far), 92_680);
        assert_eq!(Position::new(0, 0).distance(Position::new(256, 256)), 362);
        assert_eq!(Position::new(256, 0).distance(Position::new(0, 0)), 256);
    }
}
