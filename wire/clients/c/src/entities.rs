//! The entities a client sees, and where they are at a tick.

#![allow(unsafe_code, reason = "the C functions of this file; each block names the rule of the header it relies on")]
#![allow(clippy::missing_safety_doc, reason = "the rules of all functions stand once, in the header's head")]

use std::ffi::c_char;

use mu_wire::motion::Motion;
use mu_wire::snapshot::Seen;
use mu_wire::{EntityId, Tick};

use crate::border::{fill, wanted, with, write};
use crate::client::MuClient;
use crate::status::{MU_ERROR_NOT_SEEN, Status};

/// Somebody's character.
pub const MU_KIND_PLAYER: u8 = 0;
/// Something hostile.
pub const MU_KIND_MONSTER: u8 = 1;
/// Somebody who belongs to the place.
pub const MU_KIND_NPC: u8 = 2;
/// An item on the ground.
pub const MU_KIND_ITEM: u8 = 3;

/// An entity at a tick. Places are in 1/256 tiles, x to the east, y to the south; a tile is a place divided by 256.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct MuEntity {
    /// Its id on this map.
    pub entity: u32,
    /// The tick that made its state.
    pub changed_at: u32,
    /// The tick at which its walk ends or ended; 0 if it stands without having walked.
    pub arrives_at: u32,
    /// Where it is at the tick asked for.
    pub x: u16,
    /// Where it is at the tick asked for.
    pub y: u16,
    /// Where its walk ends; where it is, if it stands.
    pub to_x: u16,
    /// Where its walk ends; where it is, if it stands.
    pub to_y: u16,
    /// 1/256 tiles a tick; 0 if it stands without having walked.
    pub speed: u16,
    /// Which of its kind, from the world's content.
    pub template_id: u16,
    /// What it is besides, as the content defines the bits.
    pub flags: u16,
    /// MU_KIND_…
    pub kind: u8,
    /// Where it looks at the tick asked for: 1/256 of a turn, clockwise from north.
    pub heading: u8,
    /// Health in percent.
    pub hp_percent: u8,
    /// 1 if it is under way at the tick asked for.
    pub moving: u8,
    /// Its name; empty if its template names it.
    pub name: [c_char; 11],
}

impl MuEntity {
    fn new(seen: &Seen<'_>, tick: Tick) -> Self {
        let (identity, state) = (seen.identity, seen.state);
        let at = state.motion.position_at(tick);
        let moving = state.motion.is_moving_at(tick);
        let (to, arrives_at, speed, heading) = match &state.motion {
            Motion::Standing(place) => (*place, 0, 0, state.heading),
            Motion::Walking(path) => {
                let heading = if moving { path.direction_at(tick).heading() } else { state.heading };
                (path.destination(), path.arrives_at().0, path.speed(), heading)
            }
        };
        Self {
            entity: identity.entity.0,
            changed_at: seen.changed_at.0,
            arrives_at,
            x: at.x,
            y: at.y,
            to_x: to.x,
            to_y: to.y,
            speed,
            template_id: identity.template,
            flags: state.flags,
            kind: identity.kind as u8,
            heading,
            hp_percent: state.hp_percent,
            moving: u8::from(moving),
            name: zero_ended(identity.name.as_str()),
        }
    }
}

/// The text with zeros behind it; what does not fit beside one zero is cut.
pub(crate) fn zero_ended<const N: usize>(text: &str) -> [c_char; N] {
    let mut out = [0; N];
    for (to, from) in out.iter_mut().take(N - 1).zip(text.bytes()) {
        *to = c_char::from_le_bytes([from]);
    }
    out
}

/// One entity as it is at `tick`. MU_ERROR_NOT_SEEN if it is not in sight.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_entity(client: *mut MuClient, entity: u32, tick: u32, filled: *mut MuEntity) -> i32 {
    let inside = |client: &mut MuClient| {
        let seen = client.replica.get(EntityId(entity)).ok_or(Status(MU_ERROR_NOT_SEEN))?;
        // SAFETY: rule 2.
        unsafe { write(filled, MuEntity::new(&seen, Tick(tick))) }
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

/// Everyone in sight as they are at `tick`, in no order: as many as `capacity` allows into `entities`, and into `*count` how many
/// there are, at most 256.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_entities(
    client: *mut MuClient,
    tick: u32,
    entities: *mut MuEntity,
    capacity: usize,
    count: *mut usize,
) -> i32 {
    let inside = |client: &mut MuClient| {
        wanted(count)?;
        let seen = client.replica.iter().map(|seen| MuEntity::new(&seen, Tick(tick)));
        // SAFETY: rule 2.
        unsafe {
            let there = fill(entities, capacity, seen)?;
            write(count, there)
        }
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

#[cfg(test)]
mod tests {
    use mu_wire::motion::{Direction, Path, Position, Steps};
    use mu_wire::snapshot::{EntityKind, EntityState, Identity, Name};

    use super::*;

    #[test]
    fn a_walker_is_where_its_path_has_it_and_looks_where_it_goes() {
        let steps = Steps::new(&[Direction::East, Direction::South]).unwrap();
        let path = Path::new(Tick(10), Position::new(0x0a80, 0x1480), 64, steps).unwrap();
        let name = Name::new("Brünhilde".as_bytes()).unwrap();
        let identity = Identity { entity: EntityId::new(3, 1), kind: EntityKind::Monster, template: 2, name };
        let state = EntityState {
            motion: Motion::Walking(path),
            heading: Direction::South.heading(),
            hp_percent: 90,
            flags: 5,
        };
        let seen = Seen { identity: &identity, state: &state, changed_at: Tick(9) };
        let before = MuEntity::new(&seen, Tick(12));
        assert_eq!((before.x, before.y, before.heading, before.moving), (0x0b00, 0x1480, 64, 1));
        assert_eq!((before.to_x, before.to_y, before.arrives_at, before.speed), (0x0b80, 0x1580, 18, 64));
        assert_eq!((before.entity, before.kind, before.template_id, before.flags), (0x0001_0003, 1, 2, 5));
        let after = MuEntity::new(&seen, Tick(99));
        assert_eq!((after.x, after.y, after.heading, after.moving), (0x0b80, 0x1580, 128, 0));
        assert_eq!(before.name.map(|byte| byte.to_le_bytes()[0]), *b"Br\xc3\xbcnhilde\0");
    }
}
