//! Players who walk about the field of the demo world and see each other.

use std::error::Error;
use std::path::Path;

use mu_config::{Content, MapDef};
use mu_core::map::event_ids::EventIds;
use mu_core::map::rng::Rng;
use mu_core::map::{Joining, Map, MapPlan, MapStats, Outbox, Rules};
use mu_storage::ids::{AccountId, CharacterId};
use mu_storage::store::{Character, HotRow, LoadedCharacter};
use mu_wire::messages::{Input, Walk};
use mu_wire::motion::{Direction, Steps, Tile};
use mu_wire::{EntityId, Tick};

/// Steps of each walk; at walking speed about two seconds.
const STEPS: usize = 10;
/// A player walks anew once in this many ticks.
const WALK_EVERY: usize = 40;
/// Ticks until a snapshot is acknowledged.
const ROUND_TRIP: u64 = 2;
/// Room of a snapshot in a datagram.
const SPACE: usize = 1_200;

pub(super) struct Crowd {
    map: Map,
    out: Outbox,
    players: Vec<EntityId>,
    rng: Rng,
    tick: u32,
}

impl Crowd {
    pub(super) fn new(players: usize) -> Result<Self, Box<dyn Error>> {
        let content = mu_config::load_demo(Path::new("var"), [], [""; 0]).map_err(|found| found.to_string())?.content;
        let field = content.maps.iter().max_by_key(|map| open_tiles(map)).ok_or("the demo world has no map")?;
        let plan = MapPlan {
            map: field,
            classes: &content.classes,
            monsters: &content.monsters,
            market: mu_core::map::market::Market::default(),
            world: 1,
            entry: 1,
            instance: 1,
            players,
            rules: Rules::default(),
            events: EventIds::new(1, 1, 1),
        };
        let mut crowd = Self {
            map: Map::new(&plan, 1),
            out: Outbox::new(players),
            players: Vec::with_capacity(players),
            rng: Rng::new(2),
            tick: 0,
        };
        for id in 1..=i64::try_from(players)? {
            let character = crowd.character(id, &content, field);
            let joining = Joining::Fresh { character: &character, connected: true };
            crowd.players.push(crowd.map.join(joining).map_err(|_| "the map is full")?);
        }
        Ok(crowd)
    }

    /// A character on any open tile of the map.
    fn character(&mut self, id: i64, content: &Content, map: &MapDef) -> LoadedCharacter {
        let at = loop {
            let (x, y) = (self.rng.below(map.width), self.rng.below(map.height));
            if map.walk.get(x, y) {
                break Tile::new(u8::try_from(x).unwrap_or(0), u8::try_from(y).unwrap_or(0)).centre();
            }
        };
        LoadedCharacter {
            character: Character {
                id: CharacterId(id),
                account: AccountId(id),
                name: format!("Bot{id}"),
                class: i32::from(content.classes[0].id),
                level: 1,
            },
            hot: HotRow {
                character: CharacterId(id),
                owner_epoch: 1,
                version: 0,
                map: i32::from(map.id),
                entry: 1,
                x: i32::from(at.x),
                y: i32::from(at.y),
                heading: 0,
                hp: 60,
                mp: 20,
            },
            zen: 0,
            items: Vec::new(),
            stored_zen: 0,
            warehouse: Vec::new(),
            ground: Vec::new(),
            growth: mu_storage::store::CharacterGrowth::default(),
        }
    }

    /// Inputs, the tick, a snapshot for everybody; returns the snapshots' bytes.
    pub(super) fn tick(&mut self) -> u64 {
        self.tick += 1;
        let turn = usize::try_from(self.tick).unwrap_or(0) % WALK_EVERY;
        for at in (turn..self.players.len()).step_by(WALK_EVERY) {
            self.walk(at);
        }
        self.map.tick(Tick(self.tick), &mut self.out);
        let packet = u64::from(self.tick);
        let (mut space, mut bytes) = ([0; SPACE], 0);
        for &player in &self.players {
            bytes += u64::try_from(self.map.write_snapshot(player, packet, &mut space)).unwrap_or(0);
            self.map.snapshot_delivered(player, packet.saturating_sub(ROUND_TRIP));
        }
        bytes
    }

    fn walk(&mut self, at: usize) {
        let player = self.players[at];
        let Some(from) = self.map.position(player) else { return };
        let direction = Direction::from_bits(self.rng.draw() >> 9);
        let steps = Steps::new(&[direction; STEPS]).expect("few enough steps");
        self.map.input(player, self.tick, Input::Walk(Walk { from, steps }));
    }

    pub(super) fn stats(&self) -> MapStats {
        self.map.stats()
    }
}

fn open_tiles(map: &MapDef) -> usize {
    (0..map.height).map(|y| (0..map.width).filter(|&x| map.walk.get(x, y)).count()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crowd_walks_and_is_seen_without_an_allocation() {
        let mut crowd = Crowd::new(1_000).expect("the demo world has a field");
        let mut bytes = 0;
        for _ in 0..200 {
            crowd.tick();
        }
        let calls = crate::counting::calls_during(|| (0..50).for_each(|_| bytes += crowd.tick()));
        assert!(crowd.stats().walks > 100, "{:?}", crowd.stats());
        assert!(bytes > 0, "nobody sees anybody");
        assert_eq!(calls, 0, "calls of the allocator in 50 ticks");
    }
}
