//! World content as the engine reads it: worlds, entry points, maps, items, shops, classes, monsters.
//!
//! Everything in a `Content` has passed the checks: ids are unique, every reference leads somewhere, every portal and spawn stands on
//! ground that can be walked, and every walkable tile of a map can be reached from its spawns and arrivals. Knows nothing of text.

mod cross;
mod demo;
mod drawing;
mod grid;
mod map_file;
mod read;
mod shops;
mod tables;

pub use demo::write_demo;
pub use grid::{Grid, Rect};
pub(crate) use read::{demo_content, read_content};
pub use shops::SHOP_WARES;

/// Everything a world is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The worlds, by ascending id.
    pub worlds: Vec<World>,
    /// The maps of all worlds, by ascending id.
    pub maps: Vec<MapDef>,
    /// The item templates, by ascending id.
    pub items: Vec<ItemTemplate>,
    /// The shops, by ascending id.
    pub shops: Vec<Shop>,
    /// The classes a character can have, by ascending id.
    pub classes: Vec<Class>,
    /// The monster templates, by ascending id.
    pub monsters: Vec<MonsterTemplate>,
    /// Where a new character stands: map id and area.
    pub start: (u16, Rect),
}

/// A world: its entry points all lead to instances of the same maps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// Number, unique.
    pub id: u16,
    /// Name shown to players.
    pub name: String,
    /// Its entry points, by ascending id.
    pub entries: Vec<EntryPoint>,
}

/// An entry point (a "sub-server"): its own instances of every map of its world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryPoint {
    /// Number, unique over all worlds.
    pub id: u16,
    /// Name shown to players, `Midgard-1`.
    pub name: String,
    /// Map ids, ascending.
    pub maps: Vec<u16>,
}

/// A map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapDef {
    /// Number, unique.
    pub id: u16,
    /// Name of its file without the ending; what other files call it.
    pub key: String,
    /// Name shown to players.
    pub name: String,
    /// Tiles from west to east.
    pub width: u16,
    /// Tiles from north to south.
    pub height: u16,
    /// Tiles that can be walked.
    pub walk: Grid,
    /// Tiles on which nobody can be attacked.
    pub safe: Grid,
    /// Ways to other maps.
    pub portals: Vec<Portal>,
    /// Where players appear.
    pub spawns: Vec<PlayerSpawn>,
    /// Where monsters appear.
    pub monsters: Vec<MonsterSpawn>,
    /// Who keeps a warehouse or a shop.
    pub keepers: Vec<Keeper>,
}

/// A way to another map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portal {
    /// Number, unique on its map.
    pub id: u16,
    /// Tiles from which it is used.
    pub area: Rect,
    /// Map it leads to.
    pub to_map: u16,
    /// Tile of arrival on that map.
    pub to: (u16, u16),
    /// Direction faced on arrival: 0 is north, 32 north-east, clockwise in 256 parts.
    pub heading: u8,
}

/// Where players appear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayerSpawn {
    /// Tiles; every one of them can be walked.
    pub area: Rect,
}

/// Where monsters appear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonsterSpawn {
    /// Monster template id.
    pub template: u16,
    /// The smallest rectangle around the marked tiles; part of it may be unwalkable.
    pub area: Rect,
    /// How many live at once.
    pub count: u16,
}

/// Somebody who keeps a warehouse or a shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeper {
    /// Name shown to players, at most ten bytes.
    pub name: String,
    /// The tile it stands on.
    pub at: (u16, u16),
    /// Where it looks: 0 is north, 32 north-east, clockwise in 256 parts.
    pub heading: u8,
    /// How far away players may stand, in tiles.
    pub reach: u8,
    /// What it keeps.
    pub service: Service,
}

/// What a keeper keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The warehouse of each account.
    Warehouse,
    /// The shop with this id.
    Shop(u16),
}

/// A shop: what it sells, and what it pays for what players bring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shop {
    /// Number, unique.
    pub id: u16,
    /// Word used in map files.
    pub key: String,
    /// Name shown to players.
    pub name: String,
    /// What it asks, in percent of an item's worth.
    pub sells_percent: u16,
    /// What it pays, in percent of an item's worth.
    pub buys_percent: u16,
    /// What it sells, 1 to [`SHOP_WARES`].
    pub wares: Vec<Ware>,
}

/// Something a shop sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ware {
    /// Item template id.
    pub template: u16,
    /// Level.
    pub level: u8,
    /// Price in zen.
    pub price: u64,
}

/// What an item is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemTemplate {
    /// Number, unique.
    pub id: u16,
    /// Name shown to players.
    pub name: String,
    /// Where it is worn.
    pub slot: SlotKind,
    /// Highest level it can reach.
    pub max_level: u8,
    /// Price in zen at level 0.
    pub value: u32,
}

/// Where an item is worn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotKind {
    /// Right hand.
    Weapon,
    /// Left hand.
    Shield,
    /// Head.
    Helm,
    /// Body.
    Armor,
    /// Hands.
    Gloves,
    /// Feet.
    Boots,
    /// Finger or neck.
    Jewel,
    /// Nowhere; it is used up or sold.
    None,
}

/// A class a character can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Number, unique.
    pub id: u16,
    /// Word used in files and by the gateway.
    pub key: String,
    /// Name shown to players.
    pub name: String,
    /// Health of a new character.
    pub hp: u16,
    /// Mana of a new character.
    pub mp: u16,
    /// Walking speed, in 1/256 tile per tick of 50 ms.
    pub speed: u16,
    /// What a new character owns.
    pub kit: StarterKit,
}

/// What a new character owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StarterKit {
    /// Zen.
    pub zen: u64,
    /// Items, in the order of the inventory slots they take.
    pub items: Vec<StarterItem>,
}

/// One item of a starter kit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StarterItem {
    /// Item template id.
    pub template: u16,
    /// Level.
    pub level: u8,
}

/// What a monster is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonsterTemplate {
    /// Number, unique.
    pub id: u16,
    /// Word used in map files.
    pub key: String,
    /// Name shown to players.
    pub name: String,
    /// Level.
    pub level: u16,
    /// Health.
    pub hp: u32,
    /// Walking speed, in 1/256 tile per tick of 50 ms.
    pub speed: u16,
    /// How far it notices players, in tiles.
    pub sight_tiles: u8,
}

/// Slots of an inventory; a starter kit has to fit.
pub const INVENTORY_SLOTS: usize = 64;

impl Content {
    /// The demo world inside the binary.
    ///
    /// # Panics
    /// Never in a tested build: a test reads the same text.
    #[must_use]
    pub fn demo() -> Self {
        demo_content()
    }

    /// The map with this id.
    #[must_use]
    pub fn map(&self, id: u16) -> Option<&MapDef> {
        self.maps.binary_search_by_key(&id, |map| map.id).ok().map(|at| &self.maps[at])
    }

    /// The item template with this id.
    #[must_use]
    pub fn item(&self, id: u16) -> Option<&ItemTemplate> {
        self.items.binary_search_by_key(&id, |item| item.id).ok().map(|at| &self.items[at])
    }

    /// The shop with this id.
    #[must_use]
    pub fn shop(&self, id: u16) -> Option<&Shop> {
        self.shops.binary_search_by_key(&id, |shop| shop.id).ok().map(|at| &self.shops[at])
    }

    /// The class with this id.
    #[must_use]
    pub fn class(&self, id: u16) -> Option<&Class> {
        self.classes.binary_search_by_key(&id, |class| class.id).ok().map(|at| &self.classes[at])
    }

    /// The world and entry point with this entry id.
    #[must_use]
    pub fn entry(&self, id: u16) -> Option<(&World, &EntryPoint)> {
        self.worlds
            .iter()
            .find_map(|world| world.entries.iter().find(|entry| entry.id == id).map(|entry| (world, entry)))
    }
}
