//! Entities that behave: walk from where they are to somewhere near by, stand, turn, get hurt.

use mu_wire::{
    EntityId, Tick,
    motion::{Direction, MAX_STEPS, Motion, Path, Position, Steps, Tile},
    snapshot::{EntityKind, EntityState, Identity, Name},
};

use crate::dice::Dice;

pub(crate) fn identity(slot: u16, generation: u16) -> Identity {
    let name = format!("bot{slot}");
    Identity {
        entity: EntityId::new(slot, generation),
        kind: if slot.is_multiple_of(3) { EntityKind::Monster } else { EntityKind::Player },
        template: slot % 7,
        name: if slot.is_multiple_of(3) { Name::default() } else { Name::new(name.as_bytes()).unwrap() },
    }
}

/// Somewhere far enough from the edge for any path.
pub(crate) fn somewhere(dice: &mut Dice) -> EntityState {
    let tile = Tile::new(40 + dice.u8(170), 40 + dice.u8(170));
    EntityState { motion: Motion::Standing(tile.centre()), heading: dice.u8(255), ..EntityState::default() }
}

/// The steps of a straight walk over open ground, as a player's click makes them: diagonal and straight ones mixed.
pub(crate) fn towards(from: Tile, to: Tile) -> Option<Steps> {
    let (mut x, mut y) = (i32::from(from.x), i32::from(from.y));
    let (dx, dy) = (i32::from(to.x) - x, i32::from(to.y) - y);
    let count = dx.abs().max(dy.abs());
    let mut steps = Vec::new();
    for i in 1..=count.min(i32::try_from(MAX_STEPS).unwrap()) {
        let part = |by: i32| (2 * by * i + count).div_euclid(2 * count);
        let next = (i32::from(from.x) + part(dx), i32::from(from.y) + part(dy));
        let (east, south) = (i8::try_from(next.0 - x).unwrap(), i8::try_from(next.1 - y).unwrap());
        steps.push(Direction::from_delta(east, south).unwrap());
        (x, y) = next;
    }
    Steps::new(&steps)
}

/// A walk to a random place within a click's reach, from wherever the entity is at `tick`; `None` if it is there already.
pub(crate) fn walk(dice: &mut Dice, state: &EntityState, tick: Tick) -> Option<EntityState> {
    let origin = state.motion.position_at(tick);
    let tile = origin.tile();
    let target = |from: u8, by: u8| from.clamp(30, 225) + by - 12;
    let to = Tile::new(target(tile.x, dice.u8(25)), target(tile.y, dice.u8(25)));
    let path = Path::new(tick, origin, 64, towards(tile, to)?).ok()?;
    Some(EntityState { motion: Motion::Walking(path), heading: path.steps().last().heading(), ..*state })
}

/// Anything at all that a state may be.
pub(crate) fn anything(dice: &mut Dice, state: &EntityState, tick: Tick) -> EntityState {
    let mut new = *state;
    match dice.below(8) {
        0 => new.hp_percent = dice.u8(101),
        1 => new.flags = dice.u16(u16::MAX),
        2 => new.heading = dice.u8(255),
        3 => new.motion = Motion::Standing(state.motion.position_at(tick)),
        4 => new.motion = Motion::Standing(Position::new(dice.u16(u16::MAX), dice.u16(u16::MAX))),
        5 => {
            let start = Tick(dice.below(u64::from(tick.0) + 50).try_into().unwrap());
            let len = 1 + usize::from(dice.u8(16));
            let steps = Steps::from_bits(dice.next(), len).unwrap();
            let origin = Position::new(0x2000 + dice.u16(0xc000), 0x2000 + dice.u16(0xc000));
            new.motion = Motion::Walking(Path::new(start, origin, 1 + dice.u16(999), steps).unwrap());
        }
        _ => new = walk(dice, state, tick).unwrap_or(new),
    }
    new
}
