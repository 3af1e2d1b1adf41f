//! Players who walk about: every 25th, on average, chooses a new way in a tick, which is what a snapshot has to tell.

use mu_wire::motion::{Direction, Motion, Path, Steps, Tile};
use mu_wire::snapshot::{EntityKind, EntityState, Identity, Name, Replicator};
use mu_wire::{EntityId, Random, Tick};

/// Steps of a walk.
const STEPS: usize = 10;

pub(super) struct Walkers {
    random: Random,
}

impl Walkers {
    pub(super) fn new(seed: u8) -> Self {
        Self { random: Random::from_seed([seed; 32]) }
    }

    /// A world full of players who stand about its middle.
    pub(super) fn world(&mut self, players: u16) -> Replicator {
        let mut world = Replicator::new(players.into());
        for slot in 0..players {
            let [x, y] = self.random.array().map(|byte: u8| 96 + byte % 64);
            let state = EntityState { motion: Motion::Standing(Tile::new(x, y).centre()), ..EntityState::default() };
            let identity = Identity {
                entity: EntityId::new(slot, 1),
                kind: EntityKind::Player,
                template: slot % 5,
                name: Name::new(format!("bot{slot}").as_bytes()).expect("short"),
            };
            world.insert(slot, identity, state, Tick(1));
        }
        world
    }

    /// One in `of` sets out again, from where he is; how many did.
    pub(super) fn walk(&mut self, world: &mut Replicator, tick: Tick, of: u64) -> u32 {
        let mut moved = 0;
        for slot in 0..u16::try_from(world.capacity()).expect("as made") {
            if self.random.u64().is_multiple_of(of) {
                let state = *world.state(slot).expect("everyone stays");
                moved += u32::from(world.update(slot, self.set_out(state, tick), tick));
            }
        }
        moved
    }

    /// A straight walk in any direction; back to the middle for those who strayed.
    fn set_out(&mut self, state: EntityState, tick: Tick) -> EntityState {
        let origin = state.motion.position_at(tick);
        let Tile { x, y } = origin.tile();
        let home = |at: u8| i8::from(at < 64) - i8::from(at > 192);
        let chance = Direction::from_bits(self.random.u64());
        let direction = Direction::from_delta(home(x), home(y)).unwrap_or(chance);
        let steps = Steps::new(&[direction; STEPS]).expect("few enough");
        let path = Path::new(tick, origin, 64, steps).expect("far from the edge");
        EntityState { motion: Motion::Walking(path), heading: direction.heading(), ..state }
    }
}
