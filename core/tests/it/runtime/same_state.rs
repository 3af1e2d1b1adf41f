//! The same inputs give the same state hash on both runtimes: a map's time is its tick number and nothing else.

use std::sync::mpsc::{Sender, channel};

use mu_core::map::Rules;
use mu_core::map::rng::Rng;
use mu_core::runtime::{Flow, RuntimeChoice, ShardLoop, ShardSpec, StepTime, start};
use mu_wire::EntityId;
use mu_wire::messages::{Input, Walk};
use mu_wire::motion::{Direction, Steps, Tile};

use super::{PATIENCE, last_cpu, options, runtimes};
use crate::map::rig::{Rig, character, open_map};

const PLAYERS: i64 = 200;
const TICKS: u32 = 30;
const SIDE: u16 = 64;

/// A map that ticks with every tenth step of the grid, with inputs drawn from a seed.
struct World {
    rig: Rig,
    players: Vec<EntityId>,
    rng: Rng,
    ticks: u32,
    report: Sender<u64>,
}

impl World {
    fn new(report: Sender<u64>) -> Self {
        let mut rig = Rig::new(&open_map(usize::from(SIDE)), 256, Rules::default(), 7);
        let mut rng = Rng::new(11);
        let mut players = Vec::new();
        for id in 1..=PLAYERS {
            let mut place = || u8::try_from(rng.below(SIDE)).expect("a small map");
            let tile = Tile::new(place(), place());
            players.push(rig.join(&character(id, tile, 0, &[])));
        }
        Self { rig, players, rng, ticks: 0, report }
    }

    fn tick(&mut self) {
        for _ in 0..20 {
            let who = self.players[usize::from(self.rng.below(u16::try_from(PLAYERS).expect("few")))];
            let from = self.rig.at(who);
            let steps = Steps::new(&[Direction::from_bits(self.rng.draw() >> 9); 6]).expect("six steps");
            assert!(self.rig.map.input(who, self.ticks, Input::Walk(Walk { from, steps })), "queued");
        }
        self.rig.step();
        self.ticks += 1;
        self.report.send(self.rig.map.state_hash()).expect("the test listens");
    }
}

impl ShardLoop for World {
    fn step(&mut self, time: StepTime) -> Flow {
        let steps = time.step..time.step + u64::from(time.due);
        for _ in steps.filter(|step| step % 10 == 0) {
            if self.ticks < TICKS {
                self.tick();
            }
        }
        if self.ticks == TICKS { Flow::Stop } else { Flow::Continue }
    }
}

fn hashes(choice: RuntimeChoice) -> Vec<u64> {
    let (report, hashes) = channel();
    let build: mu_core::runtime::BuildLoop = Box::new(move || Ok(Box::new(World::new(report))));
    let running = start(vec![ShardSpec { shard: 0, cpu: last_cpu(), build }], &options(choice)).expect("started");
    let hashes = (0..TICKS).map(|_| hashes.recv_timeout(PATIENCE).expect("a tick")).collect();
    assert_eq!(running.join().len(), 1);
    hashes
}

#[test]
fn both_runtimes_come_to_the_same_state_in_each_tick() {
    let (report, direct) = channel();
    let mut world = World::new(report);
    (0..TICKS).for_each(|_| world.tick());
    drop(world);
    let direct: Vec<u64> = direct.iter().collect();
    assert!(direct.windows(2).all(|pair| pair[0] != pair[1]), "every tick changes the state");
    for (choice, _) in runtimes() {
        assert_eq!(hashes(choice), direct, "{choice:?}");
    }
}
