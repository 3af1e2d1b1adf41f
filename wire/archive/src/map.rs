//! Kind 3, the map: its names, where one can walk, where one is safe, its portals and where players appear. The same for
//! everyone who enters it.
//!
//! ```text
//! root     0 id 2 │ 2 width 2 │ 4 height 2 │ 6 zeros 2 │ 8 key │ 16 name: lists of bytes, UTF-8
//!          24 walk │ 32 safe: lists of bytes │ 40 portals │ 48 spawns: lists          56 bytes
//! portal   0 id 2 │ 2 x 2 │ 4 y 2 │ 6 width 2 │ 8 height 2 │ 10 to map 2 │ 12 to x 2 │ 14 to y 2 │ 16 heading 2
//! spawn    0 x 2 │ 2 y 2 │ 4 width 2 │ 6 height 2
//! ```
//!
//! The tile (x, y) is bit `(y × width + x) % 8` of byte `(y × width + x) / 8`; bits behind the last tile are zero.

use rkyv::{Archive, Deserialize, Serialize};

use crate::payload::{HEADER_LEN, Payload};

/// Most tiles from west to east, and from north to south.
pub const MAX_SIDE: u16 = 256;
/// Longest key and longest name, in bytes of UTF-8.
pub const MAX_MAP_NAME: usize = 64;
/// Most portals, and most areas where players appear.
pub const MAX_AREAS: usize = 256;

/// A map.
#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
#[rkyv(derive(Debug))]
pub struct MapData {
    /// Its number.
    pub id: u16,
    /// Tiles from west to east, 1 to 256.
    pub width: u16,
    /// Tiles from north to south, 1 to 256.
    pub height: u16,
    zeros: u16,
    key: Vec<u8>,
    name: Vec<u8>,
    /// A bit for each tile that can be walked.
    pub walk: Vec<u8>,
    /// A bit for each tile on which nobody can be attacked.
    pub safe: Vec<u8>,
    /// Ways to other maps.
    pub portals: Vec<Portal>,
    /// Where players appear.
    pub spawns: Vec<Area>,
}

/// A way to another map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Archive, Serialize, Deserialize)]
#[rkyv(derive(Debug))]
pub struct Portal {
    /// Its number on this map, for `UsePortal`.
    pub id: u16,
    /// The tiles from which it is used.
    pub area: Area,
    /// The map it leads to.
    pub to_map: u16,
    /// Tile of arrival there, eastward.
    pub to_x: u16,
    /// Tile of arrival there, southward.
    pub to_y: u16,
    /// The direction faced on arrival, in 1/256 of a turn clockwise from north.
    pub heading: u16,
}

/// A rectangle of tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Archive, Serialize, Deserialize)]
#[rkyv(derive(Debug))]
pub struct Area {
    /// Westernmost column.
    pub x: u16,
    /// Northernmost row.
    pub y: u16,
    /// Columns, at least 1.
    pub width: u16,
    /// Rows, at least 1.
    pub height: u16,
}

/// Bytes of a grid of so many tiles.
#[must_use]
pub const fn grid_bytes(width: u16, height: u16) -> usize {
    (width as usize * height as usize).div_ceil(8)
}

impl MapData {
    /// A map of this size without a tile to walk on.
    #[must_use]
    pub fn new(id: u16, (width, height): (u16, u16), key: &str, name: &str) -> Self {
        let grid = vec![0; grid_bytes(width, height)];
        Self {
            id,
            width,
            height,
            zeros: 0,
            key: key.into(),
            name: name.into(),
            walk: grid.clone(),
            safe: grid,
            portals: Vec::new(),
            spawns: Vec::new(),
        }
    }

    /// Lets a tile be walked; tiles outside are ignored.
    pub fn open(&mut self, x: u16, y: u16) {
        set(&mut self.walk, self.width, self.height, (x, y));
    }

    /// Makes a tile safe; tiles outside are ignored.
    pub fn protect(&mut self, x: u16, y: u16) {
        set(&mut self.safe, self.width, self.height, (x, y));
    }
}

impl ArchivedMapData {
    /// What files call the map.
    #[must_use]
    pub fn key(&self) -> &str {
        std::str::from_utf8(&self.key).unwrap_or("")
    }

    /// The name shown to players.
    #[must_use]
    pub fn name(&self) -> &str {
        std::str::from_utf8(&self.name).unwrap_or("")
    }

    /// Whether a tile can be walked; outside the map none can.
    #[must_use]
    pub fn is_open(&self, x: u16, y: u16) -> bool {
        self.bit(&self.walk, x, y)
    }

    /// Whether nobody can be attacked on a tile.
    #[must_use]
    pub fn is_safe(&self, x: u16, y: u16) -> bool {
        self.bit(&self.safe, x, y)
    }

    fn bit(&self, grid: &[u8], x: u16, y: u16) -> bool {
        let (width, height) = (self.width.to_native(), self.height.to_native());
        let (byte, mask) = place(width, x, y);
        x < width && y < height && grid.get(byte).is_some_and(|bits| bits & mask != 0)
    }

    fn holds(&self, area: &ArchivedArea) -> bool {
        let inside = |from: u16, len: u16, end: u16| len > 0 && from.checked_add(len).is_some_and(|to| to <= end);
        inside(area.x.to_native(), area.width.to_native(), self.width.to_native())
            && inside(area.y.to_native(), area.height.to_native(), self.height.to_native())
    }
}

impl Payload for MapData {
    const KIND: u16 = 3;
    const VERSION: u16 = 1;
    const LAYOUT: &'static str = "0 id u16, 2 width u16, 4 height u16, 6 zeros u16, 8 key list of u8, 16 name list of u8, 24 walk list of u8, \
        32 safe list of u8, 40 portals list, 48 spawns list; 56 bytes, align 4; \
        portal: 0 id u16, 2 x u16, 4 y u16, 6 width u16, 8 height u16, 10 to_map u16, 12 to_x u16, 14 to_y u16, 16 heading u16; \
        18 bytes, align 2; spawn: 0 x u16, 2 y u16, 4 width u16, 6 height u16; 8 bytes, align 2";
    const MAX_LEN: usize = HEADER_LEN
        + size_of::<ArchivedMapData>()
        + 2 * MAX_MAP_NAME
        + 2 * grid_bytes(MAX_SIDE, MAX_SIDE)
        + MAX_AREAS * (size_of::<ArchivedPortal>() + size_of::<ArchivedArea>())
        + 16;

    fn check(map: &ArchivedMapData) -> Result<(), &'static str> {
        let (width, height) = (map.width.to_native(), map.height.to_native());
        if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) || map.zeros != 0 {
            return Err("a map has 1 to 256 tiles each way");
        }
        let named = |text: &[u8]| text.len() <= MAX_MAP_NAME && std::str::from_utf8(text).is_ok();
        if !named(&map.key) || !named(&map.name) {
            return Err("key and name are UTF-8 of at most 64 bytes");
        }
        let tiles = usize::from(width) * usize::from(height);
        let grid = |bits: &[u8]| {
            let spare = match (bits.last(), tiles % 8) {
                (Some(last), used @ 1..) => last >> used,
                _ => 0,
            };
            bits.len() == grid_bytes(width, height) && spare == 0
        };
        if !grid(&map.walk) || !grid(&map.safe) {
            return Err("a grid has one bit for each tile, and zeros behind the last");
        }
        if map.portals.len() > MAX_AREAS || map.spawns.len() > MAX_AREAS {
            return Err("a map has at most 256 portals and 256 areas");
        }
        let inside = map.portals.iter().map(|portal| &portal.area).chain(map.spawns.iter()).all(|area| map.holds(area));
        if inside { Ok(()) } else { Err("an area is not inside the map") }
    }
}

/// Byte and bit of a tile.
fn place(width: u16, x: u16, y: u16) -> (usize, u8) {
    let tile = usize::from(y) * usize::from(width) + usize::from(x);
    (tile / 8, 1 << (tile % 8))
}

fn set(grid: &mut [u8], width: u16, height: u16, (x, y): (u16, u16)) {
    let (byte, mask) = place(width, x, y);
    if let Some(bits) = grid.get_mut(byte).filter(|_| x < width && y < height) {
        *bits |= mask;
    }
}
