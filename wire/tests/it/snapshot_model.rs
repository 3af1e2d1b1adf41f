//! Two map instances, several clients, a hostile network. Whatever is lost, late or out of order: a client never sees a
//! state the server did not have, and sees the newest of everyone as soon as the network has been quiet.

use std::collections::HashMap;

use mu_wire::{
    EntityId, Tick,
    snapshot::{EntityState, Replica, ReplicaEvent, Replicator, View},
};
use proptest::prelude::*;

use crate::{dice::Dice, walkers};

const SLOTS: u16 = 40;

/// One map instance and all it ever was.
struct World {
    replicator: Replicator,
    generations: Vec<u16>,
    history: HashMap<(EntityId, Tick), EntityState>,
}

impl World {
    fn new() -> Self {
        Self { replicator: Replicator::new(SLOTS.into()), generations: vec![0; SLOTS.into()], history: HashMap::new() }
    }

    /// A tick in which some entities come, change or go.
    fn step(&mut self, dice: &mut Dice, tick: Tick, busy: u64) {
        for slot in 0..SLOTS {
            if !dice.chance(busy) {
                continue;
            }
            match self.replicator.state(slot).copied() {
                None => self.come(dice, slot, tick),
                Some(_) if dice.chance(4) => {
                    self.replicator.remove(slot);
                    if dice.chance(50) {
                        self.come(dice, slot, tick);
                    }
                }
                Some(state) => {
                    self.replicator.update(slot, walkers::anything(dice, &state, tick), tick);
                }
            }
            self.remember(slot);
        }
    }

    fn come(&mut self, dice: &mut Dice, slot: u16, tick: Tick) {
        let generation = &mut self.generations[usize::from(slot)];
        *generation += 1;
        self.replicator.insert(slot, walkers::identity(slot, *generation), walkers::somewhere(dice), tick);
    }

    fn remember(&mut self, slot: u16) {
        if let Some(state) = self.replicator.state(slot) {
            let entity = self.replicator.identity(slot).unwrap().entity;
            self.history.insert((entity, self.replicator.changed_at(slot).unwrap()), *state);
        }
    }
}

/// A body on its way.
struct Packet {
    number: u64,
    tick: Tick,
    body: Vec<u8>,
    /// When it reaches the client; `None`: never.
    arrives: Option<u32>,
    /// When the server learns its fate; `None`: never.
    known: Option<u32>,
    /// What it then learns.
    acknowledged: bool,
}

struct Client {
    view: View,
    replica: Replica,
    world: usize,
    /// What the callback has told.
    seen: HashMap<EntityId, Tick>,
    flight: Vec<Packet>,
    next: u64,
    max_visible: usize,
}

impl Client {
    fn new(max_visible: usize) -> Self {
        Self {
            view: View::new(max_visible),
            replica: Replica::new(),
            world: 0,
            seen: HashMap::new(),
            flight: Vec::new(),
            next: 0,
            max_visible,
        }
    }

    /// The interest of this client wanders.
    fn look_around(&mut self, dice: &mut Dice, world: &World) {
        let wanted = SLOTS.min(u16::try_from(self.max_visible).unwrap() + 2);
        for _ in 0..3 {
            let slot = dice.u16(wanted);
            if self.view.contains(slot) {
                if dice.chance(30) {
                    self.view.leave(slot);
                }
            } else if world.replicator.identity(slot).is_some() {
                self.view.enter(slot);
                if dice.chance(20) {
                    self.view.pin(slot);
                }
            }
        }
    }

    fn send(&mut self, dice: &mut Dice, world: &mut World, tick: Tick, hostile: bool) -> usize {
        let mut body = vec![0; if hostile { 20 + usize::from(dice.u8(200)) } else { 1_100 }];
        self.next += 1 + dice.below(3);
        let len = self.view.write(self.next, tick, &mut world.replicator, &mut body);
        if len == 0 {
            return 0;
        }
        body.truncate(len);
        // Mostly a few ticks, sometimes longer than either end remembers.
        let delay = |dice: &mut Dice| -> u32 {
            let bound = match (hostile, dice.below(20)) {
                (false, _) => return 1,
                (true, 0) => 120,
                (true, 1..10) => 40,
                (true, _) => 8,
            };
            u32::from(dice.u8(bound))
        };
        let lost = hostile && dice.chance(25);
        let arrives = (!lost).then(|| tick.0 + delay(dice));
        // A packet that arrived may be taken for lost; one that did not is never taken for delivered.
        let spurious = hostile && dice.chance(5);
        let known = match arrives {
            Some(at) if !spurious => at + delay(dice),
            _ => tick.0 + 3 + delay(dice),
        };
        let known = if hostile && dice.chance(3) { None } else { Some(known) };
        self.flight.push(Packet { number: self.next, tick, body, arrives, known, acknowledged: !lost && !spurious });
        len
    }

    /// Everything that happens between two ticks.
    fn network(&mut self, dice: &mut Dice, now: u32, worlds: &[World]) {
        let swap = dice.chance(50);
        if swap {
            self.flight.reverse();
        }
        for packet in &mut self.flight {
            if packet.arrives.is_some_and(|at| at <= now) {
                packet.arrives = None;
                let seen = &mut self.seen;
                self.replica
                    .apply(packet.tick, &packet.body, &mut |event| match event {
                        ReplicaEvent::Entered { entity, changed_at } => {
                            assert_eq!(seen.insert(entity, changed_at), None, "{entity} entered twice");
                        }
                        ReplicaEvent::Changed { entity, changed_at } => {
                            let before = seen.insert(entity, changed_at);
                            assert!(
                                before.is_some_and(|before| before < changed_at),
                                "{entity} changed backwards or unseen"
                            );
                        }
                        ReplicaEvent::Left { entity } => {
                            assert!(seen.remove(&entity).is_some(), "{entity} left unseen")
                        }
                    })
                    .expect("a server's own body");
            }
        }
        // The fates come in any order, but not before the arrival they speak of.
        for packet in &mut self.flight {
            if packet.known.is_some_and(|at| at <= now) {
                packet.known = None;
                if packet.acknowledged {
                    self.view.delivered(packet.number);
                } else {
                    self.view.lost(packet.number);
                }
            }
        }
        self.flight.retain(|packet| packet.arrives.is_some() || packet.known.is_some());
        self.check(worlds);
    }

    /// All that is seen was once so.
    fn check(&self, worlds: &[World]) {
        assert_eq!(self.seen.len(), self.replica.len());
        for seen in self.replica.iter() {
            let entity = seen.identity.entity;
            assert_eq!(self.seen.get(&entity), Some(&seen.changed_at));
            assert_eq!(*seen.identity, walkers::identity(entity.slot(), entity.generation()));
            let known = worlds.iter().any(|world| world.history.get(&(entity, seen.changed_at)) == Some(seen.state));
            assert!(known, "{entity} was never like this: {:?}", seen.state);
        }
        let bound = 32 * self.max_visible * 2;
        assert!(self.replica.held() <= bound, "{} versions held, {bound} are the most", self.replica.held());
    }

    /// Everyone in view is seen as they are, and nobody else is.
    fn check_same(&self, world: &World) {
        assert_eq!(self.replica.len(), self.view.len());
        for slot in self.view.iter() {
            let identity = world.replicator.identity(slot).expect("only the living are in view");
            let seen = self.replica.get(identity.entity).expect("all in view are seen");
            assert_eq!(Some(seen.state), world.replicator.state(slot), "{}", identity.entity);
            assert_eq!(Some(seen.changed_at), world.replicator.changed_at(slot));
        }
    }
}

fn run(seed: u64, max_visible: usize, busy: u64, ticks: u32) {
    let mut dice = Dice(seed);
    let mut worlds = [World::new(), World::new()];
    let mut clients: Vec<Client> = (0..3).map(|_| Client::new(max_visible)).collect();
    let mut now = 1;
    while now < ticks {
        for world in &mut worlds {
            world.step(&mut dice, Tick(now), busy);
        }
        for client in &mut clients {
            if dice.chance(1) {
                client.view.leave_all();
                client.world = 1 - client.world;
            }
            client.look_around(&mut dice, &worlds[client.world]);
            client.send(&mut dice, &mut worlds[client.world], Tick(now), true);
            client.network(&mut dice, now, &worlds);
        }
        now += 1;
    }
    for client in &mut clients {
        let mut quiet = 0;
        while quiet < 70 {
            let sent = client.send(&mut dice, &mut worlds[client.world], Tick(now), false);
            client.network(&mut dice, now, &worlds);
            quiet = if sent == 0 && client.flight.is_empty() { quiet + 1 } else { 0 };
            now += 1;
            assert!(now < ticks + 1_000, "never quiet");
        }
        client.check_same(&worlds[client.world]);
        assert_eq!(client.view.in_flight(), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_replica_becomes_the_truth(seed in any::<u64>(), max_visible in 1usize..48, busy in 1u64..100) {
        run(seed, max_visible, busy, 250);
    }
}

/// protocol.md 8.3, 12.1.3, 12.1.4.
#[test]
fn a_long_run_with_a_full_view() {
    run(1, 40, 60, 3_000);
}

/// protocol.md 12.1.2, 12.1.4.
#[test]
fn a_long_run_with_many_comings_and_goings() {
    run(2, 5, 30, 3_000);
}
