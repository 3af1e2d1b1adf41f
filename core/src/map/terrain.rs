//! The ground of a map: where one can stand, where one is safe, where the portals and spawns are.
//!
//! Made once from the content and never changed. Knows tiles; positions, players and time are not its business.

use mu_config::{Grid, MapDef, Portal, Rect};
use mu_wire::motion::{Direction, Tile};

use super::rng::Rng;

/// The ground of a map.
#[derive(Debug, Clone)]
pub struct Terrain {
    walk: Grid,
    safe: Grid,
    portals: Vec<Portal>,
    spawns: Vec<Rect>,
}

impl Terrain {
    /// The ground the content describes.
    #[must_use]
    pub fn new(map: &MapDef) -> Self {
        Self {
            walk: map.walk.clone(),
            safe: map.safe.clone(),
            portals: map.portals.clone(),
            spawns: map.spawns.iter().map(|spawn| spawn.area).collect(),
        }
    }

    /// Whether one can stand on a tile; outside the map one cannot.
    #[must_use]
    pub fn is_open(&self, tile: Tile) -> bool {
        self.walk.get(u16::from(tile.x), u16::from(tile.y))
    }

    /// Whether nobody can be attacked on a tile.
    #[must_use]
    pub fn is_safe(&self, tile: Tile) -> bool {
        self.safe.get(u16::from(tile.x), u16::from(tile.y))
    }

    /// The tile one step away, if the step is possible: the tile is open, and a diagonal step does not cut a corner,
    /// so both tiles beside it are open too.
    #[must_use]
    pub fn step(&self, from: Tile, direction: Direction) -> Option<Tile> {
        let to = from.neighbour(direction)?;
        let beside = [Tile::new(to.x, from.y), Tile::new(from.x, to.y)];
        let open = self.is_open(to) && (!direction.is_diagonal() || beside.iter().all(|&tile| self.is_open(tile)));
        open.then_some(to)
    }

    /// The portal with this number.
    #[must_use]
    pub fn portal(&self, id: u16) -> Option<&Portal> {
        self.portals.iter().find(|portal| portal.id == id)
    }

    /// A tile to appear on: the wanted one if it is open, else one of a spawn area.
    pub fn arrival(&self, wanted: Tile, rng: &mut Rng) -> Tile {
        if self.is_open(wanted) { wanted } else { self.spawn(rng) }
    }

    /// An open tile of a spawn area; on a map without one any open tile.
    pub fn spawn(&self, rng: &mut Rng) -> Tile {
        let count = u16::try_from(self.spawns.len()).unwrap_or(u16::MAX);
        let spawn = self.spawns.get(usize::from(rng.below(count))).and_then(|area| self.open_in(*area, rng));
        spawn.or_else(|| self.walk.tiles().find_map(tile)).unwrap_or_default()
    }

    /// An open tile of a rectangle: a random one if a few tries find it, else the first, else none.
    pub fn open_in(&self, area: Rect, rng: &mut Rng) -> Option<Tile> {
        let open = |at: (u16, u16)| tile(at).filter(|&tile| self.is_open(tile));
        for _ in 0..8 {
            let x = area.x.saturating_add(rng.below(area.width));
            let y = area.y.saturating_add(rng.below(area.height));
            if let Some(found) = open((x, y)) {
                return Some(found);
            }
        }
        area.tiles().find_map(open)
    }
}

fn tile((x, y): (u16, u16)) -> Option<Tile> {
    Some(Tile::new(u8::try_from(x).ok()?, u8::try_from(y).ok()?))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A map drawn with `#` for walls; everything else is open.
    pub(crate) fn drawn(rows: &[&str]) -> MapDef {
        let width = u16::try_from(rows[0].len()).unwrap();
        let height = u16::try_from(rows.len()).unwrap();
        let mut walk = Grid::new(width, height);
        for (y, row) in (0..).zip(rows) {
            for (x, tile) in (0..).zip(row.bytes()) {
                if tile != b'#' {
                    walk.set(x, y);
                }
            }
        }
        MapDef {
            id: 1,
            key: "drawn".into(),
            name: "Drawn".into(),
            width,
            height,
            walk,
            safe: Grid::new(width, height),
            portals: Vec::new(),
            spawns: Vec::new(),
            monsters: Vec::new(),
            keepers: Vec::new(),
        }
    }

    #[test]
    fn a_diagonal_step_does_not_cut_a_corner() {
        let ground = Terrain::new(&drawn(&["..#", "...", "#.."]));
        let step = |x, y, direction| ground.step(Tile::new(x, y), direction);
        assert_eq!(step(0, 0, Direction::SouthEast), Some(Tile::new(1, 1)));
        assert_eq!(step(1, 0, Direction::SouthEast), None, "the tile east of it is a wall");
        assert_eq!(step(0, 1, Direction::SouthEast), None, "the tile south of it is a wall");
        assert_eq!(step(0, 0, Direction::West), None, "outside");
        assert_eq!(step(2, 2, Direction::East), None, "outside");
    }

    #[test]
    fn one_never_arrives_inside_a_wall() {
        let mut map = drawn(&["###", "##.", "###"]);
        let mut rng = Rng::new(1);
        let wall = Tile::new(0, 0);
        assert_eq!(Terrain::new(&map).arrival(wall, &mut rng), Tile::new(2, 1), "any open tile when there is no spawn");
        map.walk.set(1, 0);
        map.spawns.push(mu_config::PlayerSpawn { area: Rect { x: 0, y: 0, width: 3, height: 1 } });
        assert_eq!(Terrain::new(&map).arrival(wall, &mut rng), Tile::new(1, 0), "the open tile of the spawn");
        assert_eq!(
            Terrain::new(&map).arrival(Tile::new(2, 1), &mut rng),
            Tile::new(2, 1),
            "the wanted tile when it is open"
        );
    }
}
