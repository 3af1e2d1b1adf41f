//! Lives of some entities as one client hears of them: bodies, some of them lost or late, and what is seen after each; bodies
//! that no server writes.

use super::motion::{parts, place};
use crate::generated::json::Json;
use crate::generated::values::{hex, unhex};
use crate::ids::EntityId;
use crate::motion::{Direction, Motion, Path, Position, Steps};
use crate::snapshot::{EntityKind, EntityState, Identity, Name, Replica, Replicator, View};
use crate::time::Tick;

const SLOTS: u16 = 8;

/// `lives`: each a list of `{tick, hex, seen}` in the order of arrival; `malformed`: `{why, before, tick, hex}`.
pub(super) fn vectors() -> Json {
    let lives = (1..=4).map(|seed| Json::List(life(seed)));
    Json::object([("lives", Json::List(lives.collect())), ("malformed", malformed())])
}

/// A small seeded generator (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn u16(&mut self, bound: u16) -> u16 {
        u16::try_from(self.below(bound.into())).unwrap()
    }

    fn u8(&mut self, bound: u8) -> u8 {
        u8::try_from(self.below(bound.into())).unwrap()
    }
}

fn identity(slot: u16, life: u16) -> Identity {
    let kinds = [EntityKind::Player, EntityKind::Monster, EntityKind::Npc, EntityKind::Item];
    let name = ["Hild", "Brünhilde", "", "Skuld"][usize::from(slot) % 4];
    let name = Name::new(name.as_bytes()).unwrap();
    Identity { entity: EntityId::new(slot, life), kind: kinds[usize::from(slot) % 4], template: slot * 1_000, name }
}

fn state(dice: &mut Dice, old: &EntityState, tick: Tick) -> EntityState {
    let mut new = *old;
    match dice.below(9) {
        0 => new.hp_percent = dice.u8(101),
        1 => new.flags = dice.u16(u16::MAX),
        2 => new.heading = dice.u8(255),
        3 => new.motion = Motion::Standing(old.motion.position_at(tick)),
        4 => new.motion = Motion::Standing(Position::new(dice.u16(u16::MAX), dice.u16(u16::MAX))),
        5 => {
            let near = old.motion.position_at(tick);
            let shifted = Position::new(near.x.saturating_add(dice.u16(2_000)), near.y.saturating_sub(dice.u16(100)));
            new.motion = Motion::Standing(shifted);
        }
        kind => {
            // Straight, two neighbouring directions, or any.
            let (first, spread) = (dice.below(8), [1, 2, 8][usize::try_from(kind - 6).unwrap()]);
            let steps: Vec<_> =
                (0..=dice.below(16)).map(|_| Direction::from_bits(first + dice.below(spread))).collect();
            let origin = if dice.below(3) == 0 {
                Position::new(0x2000 + dice.u16(0xc000), 0x2000 + dice.u16(0xc000))
            } else {
                old.motion.position_at(tick)
            };
            let start = if dice.below(4) == 0 { Tick(tick.0 - dice.u16(9) as u32) } else { tick };
            let path = Path::new(start, origin, 1 + dice.u16(200), Steps::new(&steps).unwrap());
            if let Ok(path) = path {
                new.motion = Motion::Walking(path);
                new.heading = path.steps().last().heading();
            }
        }
    }
    new
}

/// A body on its way.
struct Flight {
    number: u64,
    tick: Tick,
    body: Vec<u8>,
    /// The step at which it arrives; none: it is lost.
    arrives: Option<u64>,
}

fn life(seed: u64) -> Vec<Json> {
    let mut dice = Dice(seed);
    let mut world = Replicator::new(SLOTS.into());
    let mut view = View::new(6);
    let mut replica = Replica::new();
    let (mut flights, mut rows, mut lives) = (Vec::<Flight>::new(), Vec::new(), [1_u16; SLOTS as usize]);
    for slot in 0..SLOTS {
        world.insert(slot, identity(slot, 1), EntityState::default(), Tick(100));
    }
    for number in 0..30 {
        let tick = Tick(101 + 2 * u32::try_from(number).unwrap());
        for slot in 0..SLOTS {
            let life = &mut lives[usize::from(slot)];
            wander(&mut dice, &mut world, &mut view, slot, life, tick);
        }
        let mut body = [0; 300];
        let len = view.write(number, tick, &mut world, &mut body);
        let delay = if seed == 1 { 0 } else { dice.below(4) };
        let arrives = (seed <= 2 || dice.below(4) > 0).then_some(number + delay);
        flights.push(Flight { number, tick, body: body[..len].to_vec(), arrives });
        let (now, later): (Vec<_>, Vec<_>) =
            flights.into_iter().partition(|flight| flight.arrives.unwrap_or(number) <= number);
        flights = later;
        for flight in now {
            if flight.arrives.is_none() {
                view.lost(flight.number);
                continue;
            }
            view.delivered(flight.number);
            if !flight.body.is_empty() {
                rows.push(arrive(&mut replica, flight.tick, &flight.body));
            }
        }
    }
    rows
}

/// An entity changes, comes, goes, or gives its slot to another.
fn wander(dice: &mut Dice, world: &mut Replicator, view: &mut View, slot: u16, life: &mut u16, tick: Tick) {
    if dice.below(8) == 0 {
        let old = *world.state(slot).unwrap();
        world.update(slot, state(dice, &old, tick), tick);
    }
    match dice.below(40) {
        0 => view.leave(slot),
        1..8 => _ = view.enter(slot),
        8 => {
            view.leave(slot);
            world.remove(slot);
            *life += 1;
            world.insert(slot, identity(slot, *life), EntityState::default(), tick);
        }
        _ => {}
    }
}

/// The client takes a body in; what it sees then.
fn arrive(replica: &mut Replica, tick: Tick, body: &[u8]) -> Json {
    replica.apply(tick, body, &mut |_| ()).unwrap();
    let mut seen: Vec<_> = replica.iter().collect();
    seen.sort_by_key(|seen| seen.identity.entity);
    let seen = seen.into_iter().map(|seen| {
        let motion = match seen.state.motion {
            Motion::Standing(position) => place(position),
            Motion::Walking(path) => parts(&path),
        };
        Json::object([
            ("entity", seen.identity.entity.0.into()),
            ("kind", format!("{:?}", seen.identity.kind).to_lowercase().into()),
            ("template", seen.identity.template.into()),
            ("name", seen.identity.name.as_str().into()),
            ("tick", seen.changed_at.0.into()),
            ("motion", motion),
            ("at", place(seen.state.motion.position_at(tick))),
            ("heading", seen.state.heading.into()),
            ("health", seen.state.hp_percent.into()),
            ("flags", seen.state.flags.into()),
        ])
    });
    Json::object([("tick", tick.0.into()), ("hex", hex(body).into()), ("seen", Json::List(seen.collect()))])
}

/// Entity 0.1, an npc called "abc" of template 5, standing unhurt at (0, 0) since tick 7, with half its health: what is bent.
const WHOLE: &str = "002000e000000000002000400500132636a664";

/// What is wrong, the bodies before as (tick, bytes), the tick and where which bits of [`WHOLE`] differ, or other bytes.
fn malformed() -> Json {
    let good = whole();
    assert_eq!(hex(&good), WHOLE, "the body that is bent");
    let fresh = |why: &str, at: usize, len: usize, value: u64| {
        let mut body = good.clone();
        set(&mut body, at, len, value);
        row(why, &[], 7, &body)
    };
    let known = [(7, &*good)];
    let mut other = good.clone();
    set(&mut other, 61, 32, 0x0002_0000);
    let rows = vec![
        fresh("a state of the future", 29, 32, 8),
        fresh("an entity that is nobody", 77, 16, 0),
        fresh("an unknown kind", 93, 3, 4),
        fresh("a name of 11 bytes", 112, 4, 11),
        fresh("a name that is not UTF-8", 116, 8, 0xff),
        fresh("others, but none", 143, 1, 0),
        fresh("health of 101", 145, 7, 101),
        fresh("health that does not differ", 145, 7, 100),
        row("a whole byte of filling", &[], 7, &[&*good, &[0]].concat()),
        row("filling that is not zero", &[], 7, &[&good[..good.len() - 1], &[good[good.len() - 1] | 0x80]].concat()),
        row("an end inside", &[], 7, &good[..good.len() - 1]),
        row("an alias in use by another", &known, 8, &other),
        row("a step from a version that nobody has", &known, 9, &unhex("002301")),
        row("a change before tick 0", &[], 9, &unhex("00f30f00")),
    ];
    rows.into()
}

fn whole() -> Vec<u8> {
    let mut world = Replicator::new(1);
    let name = Name::new(b"abc").unwrap();
    let identity = Identity { entity: EntityId::new(0, 1), kind: EntityKind::Npc, template: 5, name };
    world.insert(0, identity, EntityState { hp_percent: 50, ..EntityState::default() }, Tick(7));
    let mut view = View::new(1);
    view.enter(0);
    let mut body = [0; 64];
    let len = view.write(0, Tick(7), &mut world, &mut body);
    body[..len].to_vec()
}

/// Sets `len` bits at `at` to `value`.
fn set(body: &mut [u8], at: usize, len: usize, value: u64) {
    for i in 0..len {
        let bit = at + i;
        body[bit / 8] = body[bit / 8] & !(1 << (bit % 8)) | u8::from(value >> i & 1 == 1) << (bit % 8);
    }
}

fn row(why: &str, before: &[(u32, &[u8])], tick: u32, body: &[u8]) -> Json {
    let mut replica = Replica::new();
    for (tick, body) in before {
        replica.apply(Tick(*tick), body, &mut |_| ()).unwrap();
    }
    assert!(replica.apply(Tick(tick), body, &mut |_| ()).is_err(), "{why}");
    let before = before.iter().map(|(tick, body)| vec![(*tick).into(), hex(body).into()].into());
    Json::object([
        ("why", why.into()),
        ("before", Json::List(before.collect())),
        ("tick", tick.into()),
        ("hex", hex(body).into()),
    ])
}
