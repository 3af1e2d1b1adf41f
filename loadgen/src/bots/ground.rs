//! The terrain as bots know it: from the same content files as the server's, shared by all bots, read-only.
//!
//! A bot never asks the server where it can walk. A diagonal step is taken only where both tiles beside it are open too.

use std::collections::VecDeque;

use mu_archive::{ArchivedMapData, Area, MapData};
use mu_config::{Content, Grid, MapDef, Rect};
use mu_wire::motion::{Direction, MAX_STEPS, Steps, Tile};

use crate::dice::Dice;

/// A tile no way leads from.
const FAR: u16 = u16::MAX;

/// All maps.
#[derive(Debug)]
pub struct Atlas {
    maps: Vec<Ground>,
    speed: u16,
}

/// One map.
#[derive(Debug)]
pub(super) struct Ground {
    id: u16,
    walk: Grid,
    /// What the server's map block must say.
    told: MapData,
    exits: Vec<Exit>,
}

/// A portal, and how many steps it is away from each tile.
#[derive(Debug)]
pub(super) struct Exit {
    pub(super) portal: u16,
    area: Rect,
    away: Vec<u16>,
}

impl Atlas {
    /// The terrain of a content.
    #[must_use]
    pub fn new(content: &Content) -> Self {
        let speed = content.classes.first().map_or(64, |class| class.speed);
        Self { maps: content.maps.iter().map(Ground::new).collect(), speed }
    }

    /// A map; `None` when the server's content has one that this one has not.
    pub(super) fn map(&self, id: u16) -> Option<&Ground> {
        self.maps.iter().find(|map| map.id == id)
    }

    /// How fast bots walk, until the server shows it.
    pub(super) fn speed(&self) -> u16 {
        self.speed
    }
}

impl Ground {
    fn new(map: &MapDef) -> Self {
        let mut told = MapData::new(map.id, (map.width, map.height), &map.key, &map.name);
        map.walk.tiles().for_each(|(x, y)| told.open(x, y));
        told.portals.extend(map.portals.iter().map(self::told));
        let mut ground = Self { id: map.id, walk: map.walk.clone(), told, exits: Vec::new() };
        let exit = |portal: &mu_config::Portal| Exit {
            portal: portal.id,
            area: portal.area,
            away: ground.distances(portal.area),
        };
        ground.exits = map.portals.iter().map(exit).collect();
        ground
    }

    /// Whether a map block describes this map.
    pub(super) fn is(&self, map: &ArchivedMapData) -> bool {
        let portals = map.portals.iter().zip(&self.told.portals).all(|(there, here)| {
            let (area, (x, y)) = (&there.area, (there.to_x, there.to_y));
            let area =
                Area { x: area.x.into(), y: area.y.into(), width: area.width.into(), height: area.height.into() };
            (there.id, there.to_map, x, y) == (here.id.into(), here.to_map.into(), here.to_x.into(), here.to_y.into())
                && area == here.area
                && there.heading == here.heading
        });
        let size = (map.width, map.height) == (self.told.width.into(), self.told.height.into());
        size && map.walk[..] == self.told.walk[..] && map.portals.len() == self.told.portals.len() && portals
    }

    pub(super) fn exits(&self) -> &[Exit] {
        &self.exits
    }

    /// Where a step leads; `None` where it cannot be taken.
    pub(super) fn step(&self, from: Tile, direction: Direction) -> Option<Tile> {
        let to = from.neighbour(direction).filter(|to| self.open(*to))?;
        let beside = || self.open(Tile::new(to.x, from.y)) && self.open(Tile::new(from.x, to.y));
        (!direction.is_diagonal() || beside()).then_some(to)
    }

    /// A walk without an aim: it mostly keeps its direction and never leaves the open ground. `None` where no step is possible.
    pub(super) fn wander(&self, from: Tile, longest: u8, pick: u64) -> Option<Steps> {
        let mut dice = Dice::new(pick, 0x3a1c);
        let mut way = [Direction::North; MAX_STEPS];
        let want = 1 + dice.index(usize::from(longest).clamp(1, MAX_STEPS));
        let mut heading = dice.below(8);
        let mut at = from;
        let mut len = 0;
        while len < want {
            let side = if dice.below(2) == 0 { 1 } else { 7 };
            if dice.below(10) < 3 {
                heading = heading.wrapping_add(side);
            }
            // Straight on, else ever further to one side.
            let tries = (0..8).map(|tries| Direction::from_bits(heading.wrapping_add(tries * side)));
            let step = tries.map(|direction| (direction, self.step(at, direction))).find(|(_, to)| to.is_some());
            let Some((direction, Some(next))) = step else { break };
            heading = direction as u64;
            way[len] = direction;
            len += 1;
            at = next;
        }
        Steps::new(&way[..len])
    }

    /// The next steps of the shortest way into an exit's area. `None` inside it, or where no way leads.
    pub(super) fn towards(&self, exit: &Exit, from: Tile) -> Option<Steps> {
        let mut way = [Direction::North; MAX_STEPS];
        let (mut at, mut len) = (from, 0);
        while len < MAX_STEPS {
            let away = self.away(exit, at);
            let tries = Direction::ALL.into_iter().filter_map(|direction| Some((direction, self.step(at, direction)?)));
            let best = tries.min_by_key(|(direction, to)| (self.away(exit, *to), direction.is_diagonal()));
            let Some((direction, next)) = best.filter(|(_, to)| self.away(exit, *to) < away) else { break };
            way[len] = direction;
            len += 1;
            at = next;
        }
        Steps::new(&way[..len])
    }

    fn open(&self, tile: Tile) -> bool {
        self.walk.get(u16::from(tile.x), u16::from(tile.y))
    }

    fn away(&self, exit: &Exit, tile: Tile) -> u16 {
        exit.away.get(self.index(tile)).copied().unwrap_or(FAR)
    }

    fn index(&self, tile: Tile) -> usize {
        usize::from(tile.y) * usize::from(self.walk.width()) + usize::from(tile.x)
    }

    /// Steps from each tile into the area.
    fn distances(&self, area: Rect) -> Vec<u16> {
        let mut away = vec![FAR; usize::from(self.walk.width()) * usize::from(self.walk.height())];
        let mut open = VecDeque::new();
        for (x, y) in area.tiles() {
            if let (Ok(x), Ok(y)) = (u8::try_from(x), u8::try_from(y)) {
                let tile = Tile::new(x, y);
                away[self.index(tile)] = 0;
                open.push_back(tile);
            }
        }
        while let Some(tile) = open.pop_front() {
            let next = away[self.index(tile)] + 1;
            for direction in Direction::ALL {
                // A step can be taken both ways or neither way.
                if let Some(there) = self.step(tile, direction)
                    && away[self.index(there)] == FAR
                {
                    away[self.index(there)] = next;
                    open.push_back(there);
                }
            }
        }
        away
    }
}

/// A portal as a map block tells of it.
pub(super) fn told(portal: &mu_config::Portal) -> mu_archive::Portal {
    let Rect { x, y, width, height } = portal.area;
    mu_archive::Portal {
        id: portal.id,
        area: Area { x, y, width, height },
        to_map: portal.to_map,
        to_x: portal.to.0,
        to_y: portal.to.1,
        heading: portal.heading.into(),
    }
}

impl Exit {
    /// Whether a player on this tile can use it.
    pub(super) fn holds(&self, tile: Tile) -> bool {
        self.area.contains(u16::from(tile.x), u16::from(tile.y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile((x, y): (u16, u16)) -> Tile {
        Tile::new(u8::try_from(x).expect("maps are small"), u8::try_from(y).expect("maps are small"))
    }

    fn follow(ground: &Ground, from: Tile, steps: &Steps) -> Option<Tile> {
        steps.iter().try_fold(from, |at, direction| ground.step(at, direction))
    }

    #[test]
    fn a_wanderer_stays_on_open_ground_for_ever() {
        let content = Content::demo();
        let atlas = Atlas::new(&content);
        for map in &content.maps {
            let ground = atlas.map(map.id).expect("every map is in the atlas");
            let mut at = tile(map.spawns[0].area.centre());
            for pick in 0..2000 {
                let steps = ground.wander(at, 12, pick).expect("no spawn is walled in");
                assert_eq!(Some(steps), ground.wander(at, 12, pick), "the pick decides");
                at = follow(ground, at, &steps).expect("each step can be taken");
            }
        }
    }

    #[test]
    fn every_portal_is_reached_from_the_far_end_of_its_map() {
        let content = Content::demo();
        let atlas = Atlas::new(&content);
        for map in &content.maps {
            let ground = atlas.map(map.id).expect("every map is in the atlas");
            for exit in ground.exits() {
                let far = map.walk.tiles().map(tile).max_by_key(|tile| ground.away(exit, *tile));
                let mut at = far.expect("a map has tiles");
                assert_ne!(ground.away(exit, at), FAR, "{at:?} of {} has no way to portal {}", map.key, exit.portal);
                while let Some(steps) = ground.towards(exit, at) {
                    at = follow(ground, at, &steps).expect("each step can be taken");
                }
                assert!(exit.holds(at), "the way on {} ends at {at:?}", map.key);
            }
        }
    }
}
