//! A small map with players, and what it told each of them.

use std::collections::BTreeMap;

use mu_config::{
    Class, Grid, ItemTemplate, Keeper, MapDef, PlayerSpawn, Portal, Rect, Service, Shop, SlotKind, StarterKit, Ware,
};
use mu_core::map::event_ids::EventIds;
use mu_core::map::market::Market;
use mu_core::map::rng::Rng;
use mu_core::map::{Departure, Event, Joining, Map, MapPlan, Outbox, Rules};
use mu_storage::event::ValueEvent;
use mu_storage::ids::{AccountId, CharacterId, IdBlock, ItemUid};
use mu_storage::store::{Character, HotRow, Item, LoadedCharacter};
use mu_wire::messages::{ClientMessage, ServerMessage};
use mu_wire::motion::{Position, Tile};
use mu_wire::{EntityId, Tick};

/// Walking speed of the only class.
pub(crate) const SPEED: u16 = 40;
/// The map's number.
pub(crate) const MAP: u16 = 3;
/// The portal of every rig, over the tiles (0, 0) to (1, 1).
pub(crate) const PORTAL: u16 = 9;

/// A map from a drawing: `#` is a wall.
pub(crate) fn drawn(rows: &[String]) -> MapDef {
    let (width, height) =
        (u16::try_from(rows[0].len()).expect("a small map"), u16::try_from(rows.len()).expect("a small map"));
    let mut walk = Grid::new(width, height);
    for (y, row) in (0..).zip(rows) {
        for (x, tile) in (0..).zip(row.bytes()) {
            if tile != b'#' {
                walk.set(x, y);
            }
        }
    }
    let area = Rect { x: 0, y: 0, width: 2, height: 2 };
    MapDef {
        id: MAP,
        key: "drawn".into(),
        name: "Drawn".into(),
        width,
        height,
        walk,
        safe: Grid::new(width, height),
        portals: vec![Portal { id: PORTAL, area, to_map: 4, to: (5, 5), heading: 0 }],
        spawns: vec![PlayerSpawn { area: Rect { x: 0, y: 0, width, height } }],
        monsters: Vec::new(),
        keepers: Vec::new(),
    }
}

/// An open map of this many tiles each way.
pub(crate) fn open_map(side: usize) -> MapDef {
    drawn(&vec![".".repeat(side); side])
}

/// An open map with the keeper of the warehouse on (5, 5) and that of the shop on (7, 5), both with a reach of 3 tiles.
pub(crate) fn town() -> MapDef {
    let keeper = |name: &str, x, service| Keeper { name: name.into(), at: (x, 5), heading: 0, reach: 3, service };
    MapDef {
        keepers: vec![keeper("Halla", 5, Service::Warehouse), keeper("Brokk", 7, Service::Shop(1))],
        ..open_map(64)
    }
}

/// The entity of a town's warehouse keeper, on a map for this many players.
pub(crate) fn warehouse_keeper(players: u16) -> EntityId {
    EntityId::new(players, 1)
}

/// The entity of a town's shop keeper.
pub(crate) fn shop_keeper(players: u16) -> EntityId {
    EntityId::new(players + 1, 1)
}

/// One shop that sells the one kind of item at 100 zen and pays 40.
pub(crate) fn market() -> Market {
    let ware = Ware { template: 7, level: 0, price: 100 };
    let shop = Shop {
        id: 1,
        key: "smithy".into(),
        name: "Smithy".into(),
        sells_percent: 100,
        buys_percent: 40,
        wares: vec![ware],
    };
    let item = ItemTemplate { id: 7, name: "Sword".into(), slot: SlotKind::Weapon, max_level: 9, value: 100 };
    Market { shops: vec![shop].into(), items: vec![item].into() }
}

/// A character as the store would give it.
pub(crate) fn character(id: i64, tile: Tile, zen: i64, items: &[(i64, u8)]) -> LoadedCharacter {
    let at = tile.centre();
    LoadedCharacter {
        character: Character {
            id: CharacterId(id),
            account: AccountId(id + 1_000),
            name: format!("Hero{id}"),
            class: 1,
            level: 1,
        },
        hot: HotRow {
            character: CharacterId(id),
            owner_epoch: 1,
            version: 0,
            map: i32::from(MAP),
            entry: 1,
            x: i32::from(at.x),
            y: i32::from(at.y),
            heading: 0,
            hp: 60,
            mp: 20,
        },
        zen,
        items: items
            .iter()
            .map(|&(uid, slot)| Item {
                uid: ItemUid(uid),
                version: 1,
                template: 7,
                level: 2,
                container: 0,
                slot: i32::from(slot),
            })
            .collect(),
        stored_zen: 0,
        warehouse: Vec::new(),
        ground: Vec::new(),
        growth: mu_storage::store::CharacterGrowth::default(),
    }
}

/// A map and everything it said.
pub(crate) struct Rig {
    pub(crate) map: Map,
    pub(crate) out: Outbox,
    pub(crate) tick: u32,
    /// Messages by player, oldest first, as encoded.
    pub(crate) told: BTreeMap<EntityId, Vec<Vec<u8>>>,
    pub(crate) events: Vec<ValueEvent>,
    pub(crate) entered: Vec<EntityId>,
    pub(crate) departed: Vec<Departure>,
    pub(crate) portals: Vec<(EntityId, u16)>,
    pub(crate) rows: Vec<HotRow>,
}

impl Rig {
    pub(crate) fn new(map: &MapDef, players: usize, rules: Rules, seed: u64) -> Self {
        let kit = StarterKit { zen: 0, items: Vec::new() };
        let classes = [Class { id: 1, key: "knight".into(), name: "Knight".into(), hp: 60, mp: 20, speed: SPEED, kit }];
        let plan = MapPlan {
            map,
            classes: &classes,
            monsters: &[],
            market: market(),
            world: 1,
            entry: 1,
            instance: 5,
            players,
            rules,
            events: EventIds::new(1, 1, 5),
        };
        let mut map = Map::new(&plan, seed);
        assert!(map.give_uids(&IdBlock::new(1_000_000, 10_000)));
        Self {
            map,
            out: Outbox::new(players),
            tick: 100,
            told: BTreeMap::new(),
            events: Vec::new(),
            departed: Vec::new(),
            entered: Vec::new(),
            portals: Vec::new(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn join(&mut self, character: &LoadedCharacter) -> EntityId {
        self.map.join(Joining::Fresh { character, connected: true }).expect("there is room")
    }

    pub(crate) fn ask(&mut self, who: EntityId, message: ClientMessage<'_>) {
        assert!(self.map.request(who, &message), "queued");
    }

    /// Runs a tick and files what it said.
    pub(crate) fn step(&mut self) {
        self.tick += 1;
        self.map.tick(Tick(self.tick), &mut self.out);
        for event in self.out.iter() {
            match event {
                Event::Send { to, bytes, .. } => self.told.entry(to).or_default().push(bytes.to_vec()),
                Event::Critical(event) => self.events.push(event.clone()),
                Event::Portal { player, portal } => self.portals.push((player, portal)),
                Event::Entered(player) => self.entered.push(player),
                Event::Departed(departure) => self.departed.push(departure),
                Event::Dirty(row) => self.rows.push(row),
            }
        }
    }

    pub(crate) fn steps(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.step();
        }
    }

    /// Everything a player was told and not yet asked about.
    pub(crate) fn heard<T>(&mut self, who: EntityId, mut each: impl FnMut(ServerMessage<'_>) -> T) -> Vec<T> {
        let told = self.told.remove(&who).unwrap_or_default();
        told.iter().map(|bytes| each(ServerMessage::decode(bytes).expect("the map's own message"))).collect()
    }

    /// The names of what a player was told.
    pub(crate) fn names(&mut self, who: EntityId) -> Vec<&'static str> {
        self.heard(who, |message| message.name())
    }

    pub(crate) fn at(&self, who: EntityId) -> Position {
        self.map.position(who).expect("is here")
    }
}

/// One of these, at random.
pub(crate) fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[usize::from(rng.below(u16::try_from(from.len()).expect("a short list")))]
}
