//! A walk: where it began, when, how fast, and the steps. Answers where the walker is at any tick.

use std::num::NonZeroU16;

use super::{Direction, Position, Steps, Tile};
use crate::time::Tick;

/// Length of a leg between two centres that share an edge.
const STRAIGHT: u32 = 256;
/// Length of a leg between two centres that share a corner.
const DIAGONAL: u32 = 362;

/// Why a path cannot exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// A walker with no speed never arrives.
    #[error("a path needs a speed")]
    NoSpeed,
    /// A step goes beyond tile 0 or 255.
    #[error("step {step} leaves the map")]
    LeavesMap {
        /// Which step, from 0.
        step: usize,
    },
}

/// A walk of one to sixteen steps. Valid by construction: it has a speed and stays on the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Path {
    start: Tick,
    origin: Position,
    speed: NonZeroU16,
    steps: Steps,
}

impl Path {
    /// A walk from `origin` that begins at `start`, at `speed` 1/256 tiles per tick.
    ///
    /// # Errors
    ///
    /// [`BadPath`] when the speed is 0 or a step leaves the grid of 256 × 256 tiles.
    pub fn new(start: Tick, origin: Position, speed: u16, steps: Steps) -> Result<Self, BadPath> {
        let speed = NonZeroU16::new(speed).ok_or(BadPath::NoSpeed)?;
        let mut tile = origin.tile();
        for (step, direction) in steps.iter().enumerate() {
            tile = tile.neighbour(direction).ok_or(BadPath::LeavesMap { step })?;
        }
        Ok(Self { start, origin, speed, steps })
    }

    /// The tick at which the walker is at the origin.
    #[must_use]
    pub const fn start(&self) -> Tick {
        self.start
    }

    /// Where the walk begins.
    #[must_use]
    pub const fn origin(&self) -> Position {
        self.origin
    }

    /// 1/256 tiles per tick, at least 1.
    #[must_use]
    pub const fn speed(&self) -> u16 {
        self.speed.get()
    }

    /// The steps.
    #[must_use]
    pub const fn steps(&self) -> Steps {
        self.steps
    }

    /// The tiles stepped on, in order, without the tile of the origin.
    #[must_use = "iterators do nothing unless consumed"]
    pub fn tiles(&self) -> impl ExactSizeIterator<Item = Tile> + use<> {
        let mut tile = self.origin.tile();
        self.steps.iter().map(move |direction| {
            tile = neighbour(tile, direction);
            tile
        })
    }

    /// Where the walk ends.
    #[must_use]
    pub fn destination(&self) -> Position {
        self.tiles().last().unwrap_or(self.origin.tile()).centre()
    }

    /// The length of the whole walk in 1/256 tiles.
    #[must_use]
    pub fn length(&self) -> u32 {
        let mut legs = self.steps.iter();
        let first =
            legs.next().map_or(0, |direction| self.origin.distance(neighbour(self.origin.tile(), direction).centre()));
        first + legs.map(leg).sum::<u32>()
    }

    /// The first tick at which the walker is at the end.
    #[must_use]
    pub fn arrives_at(&self) -> Tick {
        self.start + self.length().div_ceil(u32::from(self.speed.get()))
    }

    /// Where the walker is at `tick`: at the origin before the start, at the destination after the end.
    #[must_use]
    pub const fn position_at(&self, tick: Tick) -> Position {
        self.locate(tick).0
    }

    /// How many steps are done at `tick`: the number of centres reached.
    #[must_use]
    pub const fn steps_done(&self, tick: Tick) -> usize {
        self.locate(tick).1
    }

    /// The direction of the step under way at `tick`: the first before the start, the last after the end.
    #[must_use]
    pub const fn direction_at(&self, tick: Tick) -> Direction {
        let done = self.locate(tick).1;
        let last = self.steps.len() - 1;
        let step = if done < last { done } else { last };
        Direction::from_bits(self.steps.bits() >> (3 * step))
    }

    /// The position and the number of centres reached.
    const fn locate(&self, tick: Tick) -> (Position, usize) {
        let mut left = tick.since(self.start) as u64 * self.speed.get() as u64;
        let mut from = self.origin;
        let mut bits = self.steps.bits();
        let mut done = 0;
        while done < self.steps.len() {
            let direction = Direction::from_bits(bits);
            let to = neighbour(from.tile(), direction).centre();
            let length = if done == 0 { from.distance(to) } else { leg(direction) };
            if left < length as u64 {
                #[expect(clippy::cast_possible_truncation, reason = "less than the length of a leg")]
                return (
                    Position::new(
                        between(from.x, to.x, left as u32, length),
                        between(from.y, to.y, left as u32, length),
                    ),
                    done,
                );
            }
            left -= length as u64;
            from = to;
            bits >>= 3;
            done += 1;
        }
        (from, done)
    }
}

/// The length of a leg between two centres.
const fn leg(direction: Direction) -> u32 {
    if direction.is_diagonal() { DIAGONAL } else { STRAIGHT }
}

/// The next tile. The constructor has walked the path once, so the neighbour is there.
const fn neighbour(tile: Tile, direction: Direction) -> Tile {
    match tile.neighbour(direction) {
        Some(next) => next,
        None => tile,
    }
}

/// The coordinate after `gone` of `length`, rounded towards `from`. `gone < length ≤ 543`, `|to − from| ≤ 384`.
const fn between(from: u16, to: u16, gone: u32, length: u32) -> u16 {
    let moved = from.abs_diff(to) as u32 * gone / length;
    #[expect(clippy::cast_possible_truncation, reason = "less than the distance between two u16")]
    if to >= from { from + moved as u16 } else { from - moved as u16 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::motion::MAX_STEPS;

    fn steps(directions: &[Direction]) -> Steps {
        Steps::new(directions).expect("1 to 16 steps")
    }

    /// protocol.md 13.4.
    #[test]
    fn a_straight_walk_from_a_centre_takes_256_units_a_tile() {
        let path =
            Path::new(Tick(100), Tile::new(10, 10).centre(), 64, steps(&[Direction::East; 3])).expect("on the map");
        assert_eq!(path.length(), 3 * 256);
        assert_eq!(path.arrives_at(), Tick(112));
        assert_eq!(path.position_at(Tick(100)), Tile::new(10, 10).centre());
        assert_eq!(path.position_at(Tick(101)), Position::new(10 * 256 + 128 + 64, 10 * 256 + 128));
        assert_eq!(path.position_at(Tick(104)), Tile::new(11, 10).centre());
        assert_eq!(path.position_at(Tick(111)), Position::new(12 * 256 + 128 + 192, 10 * 256 + 128));
        assert_eq!(path.position_at(Tick(112)), Tile::new(13, 10).centre());
    }

    /// protocol.md 13.4.
    #[test]
    fn a_diagonal_leg_is_362_units() {
        let path =
            Path::new(Tick(0), Tile::new(10, 10).centre(), 1, steps(&[Direction::NorthWest; 2])).expect("on the map");
        assert_eq!(path.length(), 724);
        assert_eq!(path.position_at(Tick(181)), Position::new(10 * 256, 10 * 256));
        assert_eq!(path.steps_done(Tick(361)), 0);
        assert_eq!(path.steps_done(Tick(362)), 1);
        assert_eq!(path.position_at(Tick(724)), Tile::new(8, 8).centre());
    }

    /// protocol.md 13.3.
    #[test]
    fn the_first_leg_goes_from_anywhere_in_the_tile_to_the_first_centre() {
        let path = Path::new(
            Tick(0),
            Position::new(10 * 256 + 255, 10 * 256),
            10,
            steps(&[Direction::West, Direction::South]),
        )
        .expect("on the map");
        let first = Position::new(10 * 256 + 255, 10 * 256).distance(Tile::new(9, 10).centre());
        assert_eq!(first, 403);
        assert_eq!(path.length(), first + 256);
        assert_eq!(path.direction_at(Tick(40)), Direction::West);
        assert_eq!(path.direction_at(Tick(41)), Direction::South);
        assert_eq!(path.destination(), Tile::new(9, 11).centre());
    }

    /// protocol.md 13.3.
    #[test]
    fn no_speed_and_leaving_the_grid_are_refused() {
        let origin = Tile::new(1, 1).centre();
        assert_eq!(Path::new(Tick(0), origin, 0, steps(&[Direction::East])), Err(BadPath::NoSpeed));
        assert_eq!(Path::new(Tick(0), origin, 1, steps(&[Direction::North; 2])), Err(BadPath::LeavesMap { step: 1 }));
    }

    #[test]
    fn a_state_fits_in_24_bytes() {
        assert_eq!(size_of::<Path>(), 20);
        assert_eq!(size_of::<crate::motion::Motion>(), 20);
    }

    prop_compose! {
        fn any_path()(
            start in 0u32..4_000_000_000,
            x in (17u16 * 256)..(238 * 256),
            y in (17u16 * 256)..(238 * 256),
            speed in 1u16..=u16::MAX,
            slow in 1u16..200,
            use_slow in any::<bool>(),
            bits in any::<u64>(),
            len in 1usize..=MAX_STEPS,
        ) -> Path {
            let speed = if use_slow { slow } else { speed };
            Path::new(Tick(start), Position::new(x, y), speed, Steps::from_bits(bits, len).expect("a valid length"))
                .expect("too far from the edge to leave the map")
        }
    }

    proptest! {
        #[test]
        fn the_ends_are_exact_and_hold_for_ever(path in any_path(), later in any::<u32>()) {
            prop_assert_eq!(path.position_at(path.start()), path.origin());
            prop_assert_eq!(path.position_at(Tick(0)), path.origin());
            prop_assert_eq!(path.position_at(path.arrives_at()), path.destination());
            prop_assert_eq!(path.steps_done(path.arrives_at()), path.steps().len());
            prop_assert_eq!(path.position_at(path.arrives_at() + later), path.destination());
            prop_assert_eq!(path.position_at(Tick(u32::MAX)), path.destination());
            prop_assert!(path.steps_done(Tick(path.arrives_at().0 - 1)) < path.steps().len());
        }

        #[test]
        fn the_walk_only_ever_goes_forward(path in any_path()) {
            let mut legs = vec![path.origin()];
            legs.extend(path.tiles().map(Tile::centre));
            let mut before = (0, path.origin());
            for tick in path.start().0..=path.arrives_at().0.min(path.start().0 + 7_000) {
                let done = path.steps_done(Tick(tick));
                let at = path.position_at(Tick(tick));
                prop_assert!(done >= before.0, "a step was undone");
                if let (Some(from), Some(to)) = (legs.get(done), legs.get(done + 1)) {
                    // On the leg: never outside its two ends, never nearer to its start than before.
                    prop_assert!(at.x >= from.x.min(to.x) && at.x <= from.x.max(to.x));
                    prop_assert!(at.y >= from.y.min(to.y) && at.y <= from.y.max(to.y));
                    if done == before.0 {
                        prop_assert!(at.x.abs_diff(from.x) >= before.1.x.abs_diff(from.x));
                        prop_assert!(at.y.abs_diff(from.y) >= before.1.y.abs_diff(from.y));
                    }
                } else {
                    prop_assert_eq!(at, path.destination());
                }
                before = (done, at);
            }
        }

        #[test]
        fn a_tick_moves_the_walker_by_its_speed_at_most(path in any_path()) {
            for tick in path.start().0..path.arrives_at().0.min(path.start().0 + 2_000) {
                let moved = path.position_at(Tick(tick)).distance(path.position_at(Tick(tick + 1)));
                // Two roundings of less than a unit on each axis, and a diagonal leg is 0.04 units shorter than drawn.
                prop_assert!(moved <= u32::from(path.speed()) + 3, "{} at speed {}", moved, path.speed());
            }
        }
    }
}
