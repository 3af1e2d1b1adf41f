//! Walking: a path is checked when it begins and then simply true; nothing about it is decided later.
//!
//! The walk begins where the server says the player is, never where the client says. The client names the tile it
//! begins from; that tile may be a little ahead, because the client started earlier, and is then joined to the
//! server's position by the steps in between. Every step is checked against the ground, the speed is the server's. A
//! walk that cannot be is refused as a whole: the player stops and its client is corrected.

use arrayvec::ArrayVec;
use mu_wire::messages::{Input, ServerMessage};
use mu_wire::motion::{Direction, MAX_STEPS, Motion, Path, Position, Steps, Tile};

use crate::map::entities::Duties;
use crate::map::{Map, Outbox};

/// Directions of a walk in the making.
type Way = ArrayVec<Direction, MAX_STEPS>;

/// Handles one input.
pub(crate) fn input(map: &mut Map, out: &mut Outbox, slot: usize, input: Input) {
    let here = here(map, slot);
    let fine = match input {
        Input::Walk(walk) => begin(map, slot, walk.from.tile(), walk.steps.iter()),
        Input::Step { dx, dy } => {
            Direction::from_delta(dx, dy).is_some_and(|step| begin(map, slot, here.tile(), std::iter::once(step)))
        }
        Input::Turn { heading } => {
            turn(map, slot, heading);
            true
        }
        Input::Stop => {
            stop(map, slot);
            true
        }
    };
    if fine {
        return;
    }
    map.stats.walks_refused += 1;
    halt(map, slot);
    if let Some(to) = map.slots.id(slot) {
        out.send(to, &ServerMessage::Correction { tick: map.tick, x: here.x, y: here.y });
    }
}

/// Where the player is in this tick.
fn here(map: &Map, slot: usize) -> Position {
    map.entities.motions[slot].position_at(map.tick)
}

/// Begins a walk; false when it cannot be.
fn begin(map: &mut Map, slot: usize, claimed: Tile, steps: impl Iterator<Item = Direction>) -> bool {
    let origin = here(map, slot);
    let mut way = Way::new();
    let Some(mut at) = join_up(map, slot, origin.tile(), claimed, &mut way) else {
        return false;
    };
    for direction in steps {
        let Some(next) = map.ground.step(at, direction) else {
            return false;
        };
        at = next;
        // The steps that joined the two tiles may leave no room for the last ones: the walk then ends a little
        // earlier.
        let _ = way.try_push(direction);
    }
    let Some(steps) = Steps::new(&way) else {
        return false;
    };
    let Ok(path) = Path::new(map.tick, origin, map.entities.speeds[slot], steps) else {
        return false;
    };
    map.stats.walks += 1;
    set_off(map, slot, path);
    true
}

/// The steps from the server's tile to the one the client claims: along the path under way if it leads there, else
/// straight. `None` when it is too far or the ground does not allow it.
fn join_up(map: &Map, slot: usize, from: Tile, claimed: Tile, way: &mut Way) -> Option<Tile> {
    let tolerance = map.rules.walk_tolerance;
    if from.x.abs_diff(claimed.x).max(from.y.abs_diff(claimed.y)) > tolerance {
        return None;
    }
    if let Motion::Walking(path) = map.entities.motions[slot] {
        follow(&path, from, claimed, usize::from(tolerance), way);
    }
    let mut at = from;
    for &direction in way.iter() {
        at = map.ground.step(at, direction)?;
    }
    while at != claimed {
        let direction = Direction::from_delta(towards(at.x, claimed.x), towards(at.y, claimed.y))?;
        at = map.ground.step(at, direction)?;
        way.try_push(direction).ok()?;
    }
    Some(at)
}

/// If the path leads from one tile to the other within a few steps, those steps.
fn follow(path: &Path, from: Tile, to: Tile, limit: usize, way: &mut Way) {
    let tiles = || std::iter::once(path.origin().tile()).chain(path.tiles());
    let Some(first) = tiles().position(|tile| tile == from) else {
        return;
    };
    let ahead = tiles().skip(first).take(limit + 1).position(|tile| tile == to).unwrap_or(0);
    way.extend(path.steps().iter().skip(first).take(ahead));
}

fn towards(from: u8, to: u8) -> i8 {
    match from.cmp(&to) {
        std::cmp::Ordering::Less => 1,
        std::cmp::Ordering::Equal => 0,
        std::cmp::Ordering::Greater => -1,
    }
}

/// Looks somewhere else; a walker looks where it goes.
fn turn(map: &mut Map, slot: usize, heading: u8) {
    if !map.entities.motions[slot].is_moving_at(map.tick) && map.entities.headings[slot] != heading {
        map.entities.headings[slot] = heading;
        map.entities.duties[slot].set(Duties::DIRTY);
        map.changed(slot);
    }
}

/// Stops at the next centre of the path under way.
fn stop(map: &mut Map, slot: usize) {
    let Motion::Walking(path) = map.entities.motions[slot] else {
        return;
    };
    let kept = path.steps().first(path.steps_done(map.tick) + 1).filter(|kept| kept.len() < path.steps().len());
    if let Some(Ok(shorter)) = kept.map(|kept| Path::new(path.start(), path.origin(), path.speed(), kept)) {
        set_off(map, slot, shorter);
    }
}

/// Stops where the player is in this tick; looks where it went.
pub(crate) fn halt(map: &mut Map, slot: usize) {
    if let Motion::Walking(path) = map.entities.motions[slot]
        && map.tick < path.arrives_at()
    {
        map.entities.headings[slot] = path.direction_at(map.tick).heading();
        map.entities.stand(slot, path.position_at(map.tick));
        map.grid.place(slot, map.entities.positions[slot]);
        map.entities.duties[slot].set(Duties::DIRTY);
        map.changed(slot);
    }
}

fn set_off(map: &mut Map, slot: usize, path: Path) {
    let entities = &mut map.entities;
    entities.motions[slot] = Motion::Walking(path);
    entities.arrivals[slot] = path.arrives_at();
    entities.headings[slot] = path.steps().last().heading();
    map.changed(slot);
}

/// Moves everybody under way to where it is in this tick.
pub(crate) fn advance(map: &mut Map) {
    let entities = &mut map.entities;
    for slot in 0..entities.arrivals.len() {
        let arrival = entities.arrivals[slot];
        if arrival.0 == 0 {
            continue;
        }
        let at = entities.motions[slot].position_at(map.tick);
        entities.positions[slot] = at;
        entities.duties[slot].set(Duties::DIRTY);
        map.grid.place(slot, at);
        if arrival <= map.tick {
            entities.arrivals[slot].0 = 0;
        }
    }
}
