//! The step from one state to another: found, written, read and made. Knows two states, no versions and no clients.
//!
//! A change has exactly one form: the reader finds the change again from the two states and refuses any other bits.

use super::{error::Malformed, state::EntityState};
use crate::{
    bits::{BitReader, BitWriter, NoRoom},
    motion::{Direction, Motion, Path, Position, Steps},
    time::Tick,
};

/// Bits of a change at most: 2 + 3 groups, 1 + 33 + 17 + 34 + 4 + 50 motion, 8 heading, 7 health, 16 flags.
pub(super) const MAX_CHANGE_BITS: usize = 175;

/// What differs between two states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    motion: Option<MotionChange>,
    heading: Option<u8>,
    hp_percent: Option<u8>,
    flags: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MotionChange {
    Stand(Place),
    Walk {
        /// `None`: when the change is made.
        start: Option<Tick>,
        /// `None`: as fast as before.
        speed: Option<u16>,
        origin: Place,
        steps: Steps,
    },
}

/// A position, told from where the reader expects it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Same,
    /// Add these; each fits into this many bits, 8 or 12.
    Near(i16, i16, u32),
    At(Position),
}

impl Change {
    /// The step from `base` to `new`, made at tick `at`.
    pub(super) fn between(base: &EntityState, new: &EntityState, at: Tick) -> Self {
        let motion = (base.motion != new.motion).then(|| MotionChange::between(&base.motion, &new.motion, at));
        Self {
            motion,
            heading: (new.heading != expected_heading(base, motion.as_ref())).then_some(new.heading),
            hp_percent: (new.hp_percent != base.hp_percent).then_some(new.hp_percent),
            flags: (new.flags != base.flags).then_some(new.flags),
        }
    }

    /// The state that this step, made at tick `at`, leads to from `base`.
    pub(super) fn apply(&self, base: &EntityState, at: Tick) -> Result<EntityState, Malformed> {
        let new = EntityState {
            motion: match &self.motion {
                None => base.motion,
                Some(motion) => motion.apply(&base.motion, at)?,
            },
            heading: self.heading.unwrap_or_else(|| expected_heading(base, self.motion.as_ref())),
            hp_percent: self.hp_percent.unwrap_or(base.hp_percent),
            flags: self.flags.unwrap_or(base.flags),
        };
        if Self::between(base, &new, at) == *self { Ok(new) } else { Err(Malformed::NotCanonical) }
    }

    pub(super) fn write(&self, writer: &mut BitWriter<'_>) -> Result<(), NoRoom> {
        let others = self.heading.is_some() || self.hp_percent.is_some() || self.flags.is_some();
        writer.flag(self.motion.is_some())?;
        writer.flag(others)?;
        if others {
            writer.flag(self.heading.is_some())?;
            writer.flag(self.hp_percent.is_some())?;
            writer.flag(self.flags.is_some())?;
        }
        if let Some(motion) = &self.motion {
            motion.write(writer)?;
        }
        if let Some(heading) = self.heading {
            writer.write(heading.into(), 8)?;
        }
        if let Some(hp_percent) = self.hp_percent {
            writer.write(hp_percent.into(), 7)?;
        }
        if let Some(flags) = self.flags {
            writer.write(flags.into(), 16)?;
        }
        Ok(())
    }

    pub(super) fn read(reader: &mut BitReader<'_>) -> Result<Self, Malformed> {
        let motion = reader.flag()?;
        let (heading, hp_percent, flags) = if reader.flag()? { others(reader)? } else { (false, false, false) };
        Ok(Self {
            motion: if motion { Some(MotionChange::read(reader)?) } else { None },
            heading: if heading { Some(low8(reader.read(8)?)) } else { None },
            hp_percent: if hp_percent { Some(health(reader)?) } else { None },
            flags: if flags { Some(low16(reader.read(16)?)) } else { None },
        })
    }
}

/// Where the entity looks unless told: where its last step goes, or where it looked before.
fn expected_heading(base: &EntityState, motion: Option<&MotionChange>) -> u8 {
    match motion {
        Some(MotionChange::Walk { steps, .. }) => steps.last().heading(),
        _ => base.heading,
    }
}

/// Which of heading, health and flags follow: one of them at least.
fn others(reader: &mut BitReader<'_>) -> Result<(bool, bool, bool), Malformed> {
    match (reader.flag()?, reader.flag()?, reader.flag()?) {
        (false, false, false) => Err(Malformed::NotCanonical),
        others => Ok(others),
    }
}

fn health(reader: &mut BitReader<'_>) -> Result<u8, Malformed> {
    match low8(reader.read(7)?) {
        percent @ 0..=100 => Ok(percent),
        percent => Err(Malformed::BadHealth(percent)),
    }
}

impl MotionChange {
    fn between(base: &Motion, new: &Motion, at: Tick) -> Self {
        match new {
            Motion::Standing(position) => Self::Stand(Place::between(base.position_at(at), *position)),
            Motion::Walking(path) => Self::Walk {
                start: (path.start() != at).then_some(path.start()),
                speed: (base_speed(base) != Some(path.speed())).then_some(path.speed()),
                origin: Place::between(base.position_at(path.start()), path.origin()),
                steps: path.steps(),
            },
        }
    }

    fn apply(&self, base: &Motion, at: Tick) -> Result<Motion, Malformed> {
        match self {
            Self::Stand(place) => Ok(Motion::Standing(place.apply(base.position_at(at)))),
            Self::Walk { start, speed, origin, steps } => {
                let start = start.unwrap_or(at);
                let speed = speed.or(base_speed(base)).ok_or(Malformed::NotCanonical)?;
                Ok(Motion::Walking(Path::new(start, origin.apply(base.position_at(start)), speed, *steps)?))
            }
        }
    }

    fn write(&self, writer: &mut BitWriter<'_>) -> Result<(), NoRoom> {
        match self {
            Self::Stand(place) => {
                writer.flag(false)?;
                place.write(writer)
            }
            Self::Walk { start, speed, origin, steps } => {
                writer.flag(true)?;
                writer.flag(start.is_some())?;
                if let Some(start) = start {
                    writer.write(start.0.into(), 32)?;
                }
                writer.flag(speed.is_some())?;
                if let Some(speed) = speed {
                    writer.write((*speed).into(), 16)?;
                }
                origin.write(writer)?;
                writer.write(steps.len() as u64 - 1, 4)?;
                write_shape(steps, writer)
            }
        }
    }

    fn read(reader: &mut BitReader<'_>) -> Result<Self, Malformed> {
        if !reader.flag()? {
            return Ok(Self::Stand(Place::read(reader)?));
        }
        let start = if reader.flag()? { Some(Tick(low32(reader.read(32)?))) } else { None };
        let speed = if reader.flag()? { Some(low16(reader.read(16)?)) } else { None };
        let origin = Place::read(reader)?;
        let len = usize::from(low8(reader.read(4)?)) + 1;
        Ok(Self::Walk { start, speed, origin, steps: read_shape(len, reader)? })
    }
}

fn base_speed(base: &Motion) -> Option<u16> {
    match base {
        Motion::Standing(_) => None,
        Motion::Walking(path) => Some(path.speed()),
    }
}

impl Place {
    fn between(expected: Position, position: Position) -> Self {
        let dx = i32::from(position.x) - i32::from(expected.x);
        let dy = i32::from(position.y) - i32::from(expected.y);
        if (dx, dy) == (0, 0) {
            return Self::Same;
        }
        for bits in [8, 12] {
            let half = 1 << (bits - 1);
            if let ((true, true), Ok(dx), Ok(dy)) =
                (((-half..half).contains(&dx), (-half..half).contains(&dy)), i16::try_from(dx), i16::try_from(dy))
            {
                return Self::Near(dx, dy, bits);
            }
        }
        Self::At(position)
    }

    /// Sums that leave the map come round on the other side; the reader then finds another change and refuses it.
    const fn apply(self, expected: Position) -> Position {
        match self {
            Self::Same => expected,
            Self::Near(dx, dy, _) => {
                Position::new(expected.x.wrapping_add_signed(dx), expected.y.wrapping_add_signed(dy))
            }
            Self::At(position) => position,
        }
    }

    fn write(self, writer: &mut BitWriter<'_>) -> Result<(), NoRoom> {
        match self {
            Self::Same => writer.write(0, 2),
            Self::Near(dx, dy, bits) => {
                writer.write(if bits == 8 { 1 } else { 2 }, 2)?;
                writer.write(dx.cast_unsigned().into(), bits)?;
                writer.write(dy.cast_unsigned().into(), bits)
            }
            Self::At(Position { x, y }) => {
                writer.write(3, 2)?;
                writer.write(x.into(), 16)?;
                writer.write(y.into(), 16)
            }
        }
    }

    fn read(reader: &mut BitReader<'_>) -> Result<Self, Malformed> {
        match reader.read(2)? {
            0 => Ok(Self::Same),
            class @ (1 | 2) => {
                let bits = if class == 1 { 8 } else { 12 };
                Ok(Self::Near(signed(reader.read(bits)?, bits), signed(reader.read(bits)?, bits), bits))
            }
            _ => Ok(Self::At(Position::new(low16(reader.read(16)?), low16(reader.read(16)?)))),
        }
    }
}

/// The two's complement number in the lowest `bits` bits, 16 at most.
const fn signed(value: u64, bits: u32) -> i16 {
    let up = 16 - bits;
    (low16(value) << up).cast_signed() >> up
}

/// How the steps of a path are told.
#[derive(Debug, PartialEq, Eq)]
enum Shape {
    /// All in one direction.
    Straight,
    /// The first direction and one beside it, clockwise or not.
    Two {
        anticlockwise: bool,
    },
    Any,
}

impl Shape {
    fn of(steps: &Steps) -> Self {
        let first = Direction::from_bits(steps.bits());
        let mut other = None;
        for step in steps.iter().filter(|&step| step != first) {
            if *other.get_or_insert(step) != step {
                return Self::Any;
            }
        }
        match other {
            None => Self::Straight,
            Some(other) if other == beside(first, false) => Self::Two { anticlockwise: false },
            Some(other) if other == beside(first, true) => Self::Two { anticlockwise: true },
            Some(_) => Self::Any,
        }
    }
}

/// The direction next to this one.
const fn beside(direction: Direction, anticlockwise: bool) -> Direction {
    Direction::from_bits(direction as u64 + if anticlockwise { 7 } else { 1 })
}

fn write_shape(steps: &Steps, writer: &mut BitWriter<'_>) -> Result<(), NoRoom> {
    let first = Direction::from_bits(steps.bits());
    match Shape::of(steps) {
        Shape::Two { anticlockwise } => {
            writer.flag(false)?;
            writer.write(first as u64, 3)?;
            writer.flag(anticlockwise)?;
            for step in steps.iter().skip(1) {
                writer.flag(step != first)?;
            }
            Ok(())
        }
        Shape::Straight => {
            writer.write(0b01, 2)?;
            writer.write(first as u64, 3)
        }
        Shape::Any => {
            writer.write(0b11, 2)?;
            writer.write(steps.bits(), 3 * u32::from(low8(steps.len() as u64)))
        }
    }
}

fn read_shape(len: usize, reader: &mut BitReader<'_>) -> Result<Steps, Malformed> {
    let (bits, shape) = if !reader.flag()? {
        let first = Direction::from_bits(reader.read(3)?);
        let anticlockwise = reader.flag()?;
        let other = beside(first, anticlockwise);
        let mut bits = first as u64;
        for step in 1..len {
            let direction = if reader.flag()? { other } else { first };
            bits |= (direction as u64) << (3 * step);
        }
        (bits, Shape::Two { anticlockwise })
    } else if !reader.flag()? {
        let direction = reader.read(3)?;
        ((0..len).fold(0, |bits, step| bits | direction << (3 * step)), Shape::Straight)
    } else {
        (reader.read(3 * u32::from(low8(len as u64)))?, Shape::Any)
    };
    let steps = Steps::from_bits(bits, len).ok_or(Malformed::NotCanonical)?;
    if Shape::of(&steps) == shape { Ok(steps) } else { Err(Malformed::NotCanonical) }
}

pub(super) const fn low8(bits: u64) -> u8 {
    bits.to_le_bytes()[0]
}

pub(super) const fn low16(bits: u64) -> u16 {
    let [a, b, ..] = bits.to_le_bytes();
    u16::from_le_bytes([a, b])
}

pub(super) const fn low32(bits: u64) -> u32 {
    let [a, b, c, d, ..] = bits.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn any_position()(x in any::<u16>(), y in any::<u16>()) -> Position {
            Position::new(x, y)
        }
    }

    prop_compose! {
        /// Walks of every shape: straight, of two neighbouring directions, and wild.
        fn any_path(around: Tick)(
            start in prop_oneof![Just(around), any::<u32>().prop_map(Tick)],
            x in (17u16 * 256)..(238 * 256),
            y in (17u16 * 256)..(238 * 256),
            speed in prop_oneof![Just(64u16), 1u16..=u16::MAX],
            first in 0u64..8,
            turn in prop_oneof![Just(0u64), Just(1), Just(7), 0u64..8],
            turns in any::<u16>(),
            wild in prop::option::of(any::<u64>()),
            len in 1usize..=16,
        ) -> Path {
            let steps = (0..16).fold(0, |bits, i| {
                bits | ((first + turn * u64::from(turns >> i & 1)) & 7) << (3 * i)
            });
            let steps = Steps::from_bits(wild.unwrap_or(steps), len).unwrap();
            Path::new(start, Position::new(x, y), speed, steps).unwrap()
        }
    }

    prop_compose! {
        fn any_state()(
            motion in prop_oneof![
                any_position().prop_map(Motion::Standing),
                any_path(Tick(1_000)).prop_map(Motion::Walking),
            ],
            heading in any::<u8>(),
            hp_percent in 0u8..=100,
            flags in any::<u16>(),
        ) -> EntityState {
            EntityState { motion, heading, hp_percent, flags }
        }
    }

    prop_compose! {
        /// Two states as like or as different as chance will have it.
        fn any_pair()(
            base in any_state(),
            other in any_state(),
            (dx, dy) in (-3_000i16..3_000, -3_000i16..3_000),
            keep in any::<[bool; 4]>(),
            how in 0..4,
        ) -> (EntityState, EntityState) {
            let here = base.motion.position_at(Tick(1_000));
            let motion = match how {
                0 => other.motion,
                1 => Motion::Standing(Position::new(here.x.wrapping_add_signed(dx), here.y.wrapping_add_signed(dy))),
                2 => Motion::Standing(here),
                _ => match other.motion {
                    Motion::Walking(path) => Path::new(Tick(1_000), here, path.speed(), path.steps())
                        .map_or(other.motion, Motion::Walking),
                    Motion::Standing(_) => other.motion,
                },
            };
            let new = EntityState {
                motion: if keep[0] { base.motion } else { motion },
                heading: if keep[1] { base.heading } else { other.heading },
                hp_percent: if keep[2] { base.hp_percent } else { other.hp_percent },
                flags: if keep[3] { base.flags } else { other.flags },
            };
            (base, new)
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn a_change_leads_from_one_state_to_the_other((base, new) in any_pair(), at in prop_oneof![Just(1_000u32), any::<u32>()]) {
            let change = Change::between(&base, &new, Tick(at));
            prop_assert_eq!(change.apply(&base, Tick(at)), Ok(new));
            let mut buffer = [0; 32];
            let mut writer = BitWriter::new(&mut buffer);
            prop_assert_eq!(change.write(&mut writer), Ok(()));
            let bits = writer.len();
            prop_assert!(bits <= MAX_CHANGE_BITS, "{} bits", bits);
            let len = writer.finish();
            let mut reader = BitReader::new(&buffer[..len]);
            prop_assert_eq!(Change::read(&mut reader), Ok(change));
            prop_assert_eq!(reader.position(), bits);
        }

        #[test]
        fn whatever_is_accepted_is_the_only_form(base in any_state(), bytes in prop::collection::vec(any::<u8>(), 1..32), at in any::<u32>()) {
            let mut reader = BitReader::new(&bytes);
            let Ok(change) = Change::read(&mut reader) else { return Ok(()) };
            let bits = reader.position();
            let Ok(new) = change.apply(&base, Tick(at)) else { return Ok(()) };
            let mut buffer = [0; 32];
            let mut writer = BitWriter::new(&mut buffer);
            prop_assert_eq!(Change::between(&base, &new, Tick(at)).write(&mut writer), Ok(()));
            prop_assert_eq!(writer.len(), bits);
            let len = writer.finish();
            let (mut again, mut first) = (BitReader::new(&buffer[..len]), BitReader::new(&bytes));
            for _ in 0..bits {
                prop_assert_eq!(again.read(1), first.read(1));
            }
        }
    }

    /// Bits of the step between two states at tick 1,000.
    fn bits(base: &EntityState, new: &EntityState) -> usize {
        let mut buffer = [0; 32];
        let mut writer = BitWriter::new(&mut buffer);
        Change::between(base, new, Tick(1_000)).write(&mut writer).unwrap();
        writer.len()
    }

    #[test]
    fn the_usual_changes_are_the_cheap_ones() {
        let walk = |start, origin, directions: &[Direction]| {
            let path = Path::new(Tick(start), origin, 64, Steps::new(directions).unwrap()).unwrap();
            EntityState {
                motion: Motion::Walking(path),
                heading: path.steps().last().heading(),
                ..EntityState::default()
            }
        };
        let base = walk(990, Position::new(0x8080, 0x8080), &[Direction::East; 16]);
        let here = base.motion.position_at(Tick(1_000));
        // Groups 2, walking 1, start 1, speed 1, place 2, length 4.
        assert_eq!(
            bits(&base, &walk(1_000, here, &[Direction::South; 16])),
            11 + 5,
            "a straight walk from where it is"
        );
        let two = [[Direction::South; 8], [Direction::SouthWest; 8]].concat();
        assert_eq!(bits(&base, &walk(1_000, here, &two)), 11 + 5 + 15, "a walk of two directions");
        let wild = [[Direction::South; 8], [Direction::West; 8]].concat();
        assert_eq!(bits(&base, &walk(1_000, here, &wild)), 11 + 2 + 48, "any walk");
        assert_eq!(bits(&base, &EntityState { motion: Motion::Standing(here), ..base }), 5, "a stop");
        assert_eq!(bits(&base, &EntityState { hp_percent: 50, ..base }), 12, "a wound");
        assert_eq!(bits(&base, &base), 2, "there and back again");
    }
}
