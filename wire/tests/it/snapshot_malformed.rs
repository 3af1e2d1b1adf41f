//! Bodies that no server writes: cut, bent and invented ones are refused or ignored, and nothing else happens.

use mu_wire::{
    EntityId, Tick,
    snapshot::{EntityKind, EntityState, Identity, Malformed, Name, Replica, Replicator, View},
};
use proptest::prelude::*;

use crate::{dice::Dice, walkers};

const SLOTS: u16 = 24;

/// Bodies of a short life with everything in it: comings, changes of each kind, goings.
fn bodies(seed: u64) -> Vec<(Tick, Vec<u8>)> {
    let mut dice = Dice(seed);
    let mut world = Replicator::new(SLOTS.into());
    let mut view = View::new(SLOTS.into());
    let mut bodies = Vec::new();
    for slot in 0..SLOTS {
        world.insert(slot, walkers::identity(slot, 1), walkers::somewhere(&mut dice), Tick(100));
        view.enter(slot);
    }
    for n in 0..60 {
        let tick = Tick(100 + n);
        for slot in 0..SLOTS {
            let state = *world.state(slot).unwrap();
            if dice.chance(20) {
                world.update(slot, walkers::anything(&mut dice, &state, tick), tick);
            }
            match dice.below(60) {
                0 => view.leave(slot),
                1..4 => _ = view.enter(slot),
                _ => {}
            }
        }
        let mut body = [0; 400];
        let len = view.write(n.into(), tick, &mut world, &mut body);
        if dice.chance(70) {
            view.delivered(n.into());
            bodies.push((tick, body[..len].to_vec()));
        } else {
            view.lost(n.into());
        }
    }
    bodies
}

/// A replica that has taken in all but the last body.
fn replica_before(bodies: &[(Tick, Vec<u8>)]) -> Replica {
    let mut replica = Replica::new();
    for (tick, body) in &bodies[..bodies.len() - 1] {
        replica.apply(*tick, body, &mut |_| ()).unwrap();
    }
    replica
}

#[test]
fn every_truncation_is_refused_or_a_shorter_body() {
    for seed in 0..8 {
        let bodies = bodies(seed);
        for last in 1..=bodies.len() {
            let known = &bodies[..last];
            let (tick, body) = &known[last - 1];
            for len in (0..body.len()).rev().step_by(1 + last % 5) {
                let mut replica = replica_before(known);
                // A cut between two records whose filling happens to be zero is a body of its own.
                if let Err(error) = replica.apply(*tick, &body[..len], &mut |_| ()) {
                    assert_eq!(error, Malformed::Truncated, "seed {seed}, body {last} cut to {len}");
                }
            }
        }
    }
}

/// Takes in a bent body and two after it: whatever it said, nothing panics and memory stays in its bounds.
fn survives(mut replica: Replica, last: &(Tick, Vec<u8>), tick: Tick, body: &[u8]) {
    let _ = replica.apply(tick, body, &mut |_| ());
    let _ = replica.apply(last.0, &last.1, &mut |_| ());
    let _ = replica.apply(last.0 + 30, body, &mut |_| ());
    assert!(replica.len() <= 256 && replica.held() <= 256 * 32, "{} seen, {} held", replica.len(), replica.held());
    for seen in replica.iter() {
        assert!(seen.state.hp_percent <= 100);
        let _ = seen.state.motion.position_at(Tick(u32::MAX));
    }
}

#[test]
fn a_hundred_thousand_bent_bodies_do_no_harm() {
    let mut dice = Dice(20);
    for seed in 0..50 {
        let mut known = bodies(seed);
        while known.last().unwrap().1.is_empty() {
            known.pop();
        }
        let last = known.last().unwrap();
        let before = replica_before(&known);
        for _ in 0..2_000 {
            let mut body = last.1.clone();
            for _ in 0..1 + dice.below(5) {
                let bit = usize::try_from(dice.below(body.len() as u64 * 8)).unwrap();
                body[bit / 8] ^= 1 << (bit % 8);
            }
            let tick = Tick(dice.below(400).try_into().unwrap());
            survives(before.clone(), last, tick, &body);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn invented_bodies_do_no_harm(
        seed in 0u64..1_000,
        body in prop::collection::vec(any::<u8>(), 0..300),
        tick in any::<u32>(),
    ) {
        let known = bodies(seed);
        survives(replica_before(&known), known.last().unwrap(), Tick(tick), &body);
    }
}

fn one(state: EntityState, kind: EntityKind) -> Vec<u8> {
    let mut world = Replicator::new(1);
    let identity = Identity { entity: EntityId::new(0, 1), kind, template: 5, name: Name::new(b"abc").unwrap() };
    world.insert(0, identity, state, Tick(7));
    let mut view = View::new(1);
    view.enter(0);
    let mut body = [0; 64];
    let len = view.write(0, Tick(7), &mut world, &mut body);
    body[..len].to_vec()
}

fn apply(body: &[u8]) -> Result<(), Malformed> {
    Replica::new().apply(Tick(7), body, &mut |_| ())
}

/// Sets `len` bits at `at` to `value`.
fn set(body: &mut [u8], at: usize, len: usize, value: u64) {
    for i in 0..len {
        let bit = at + i;
        body[bit / 8] = body[bit / 8] & !(1 << (bit % 8)) | u8::from(value >> i & 1 == 1) << (bit % 8);
    }
}

/// protocol.md 12.2.
#[test]
fn each_fault_has_its_name() {
    let standing = EntityState { hp_percent: 50, ..EntityState::default() };
    let good = one(standing, EntityKind::Npc);
    assert_eq!(apply(&good), Ok(()));
    // Where the fields of a whole state lie: head 12, no leave 1, version 16, tick 32, entity 32, kind 3, template 16,
    // length 4, name 24, then motion 1, others 1, heading 1, health 1, flags 1, health 7.
    let (tick, kind, length, name, change) = (29, 93, 112, 116, 140);
    let bent = |at, len, value| {
        let mut body = good.clone();
        set(&mut body, at, len, value);
        apply(&body)
    };
    assert_eq!(bent(tick, 32, 8), Err(Malformed::BadDate));
    assert_eq!(bent(kind, 3, 4), Err(Malformed::UnknownKind(4)));
    assert_eq!(bent(length, 4, 11), Err(Malformed::BadName));
    assert_eq!(bent(name, 8, 0xff), Err(Malformed::BadName));
    assert_eq!(bent(change + 3, 1, 0), Err(Malformed::NotCanonical), "no group where one was announced");
    assert_eq!(bent(change + 5, 7, 101), Err(Malformed::BadHealth(101)));
    assert_eq!(bent(change + 5, 7, 100), Err(Malformed::NotCanonical), "health that did not change");
    assert_eq!(apply(&[&*good, &[0]].concat()), Err(Malformed::Truncated), "a whole byte of filling");

    let mut twice = Replica::new();
    assert_eq!(twice.apply(Tick(7), &good, &mut |_| ()), Ok(()));
    let mut other = good.clone();
    set(&mut other, 61, 32, 0x0002_0000);
    assert_eq!(twice.apply(Tick(8), &other, &mut |_| ()), Err(Malformed::AliasInUse { alias: 0 }));
    // A step from a version that was never told: alias 0, step 3, not late, version 9, nothing changed.
    let mut step = [0; 3];
    set(&mut step, 0, 19, 3 << 8 | 9 << 13);
    assert_eq!(twice.apply(Tick(9), &step, &mut |_| ()), Err(Malformed::UnknownBaseline { alias: 0 }));
    assert_eq!(
        Replica::new().apply(Tick(9), &step, &mut |_| ()),
        Ok(()),
        "an alias that is nobody's is another life's"
    );
    // The same, said to be 128 ticks old in tick 9.
    let mut early = [0; 4];
    set(&mut early, 0, 26, 3 << 8 | 0xff << 12);
    assert_eq!(Replica::new().apply(Tick(9), &early, &mut |_| ()), Err(Malformed::BadDate));
}
