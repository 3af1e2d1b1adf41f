//! The worlds as a player sees them before entering: names, how full, how well, the best choice first.
//!
//! Only shapes and order; the figures come from the directory.

use std::collections::HashMap;

use serde::Serialize;

use super::{Health, Route};
use crate::shard::command::ShardId;

/// A world and its entry points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorldView {
    /// Id.
    pub id: u16,
    /// Name.
    pub name: String,
    /// The best choice first.
    pub entries: Vec<EntryView>,
}

/// An entry point and its maps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntryView {
    /// Id.
    pub id: u16,
    /// Name.
    pub name: String,
    /// Players in all its maps.
    pub players: u32,
    /// Players it can hold.
    pub capacity: u32,
    /// `healthy`, `degraded`, `full` or `down`.
    pub health: &'static str,
    /// By map id.
    pub maps: Vec<MapView>,
}

/// A map of an entry point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MapView {
    /// Id.
    pub id: u16,
    /// Name.
    pub name: String,
    /// Players in all its instances.
    pub players: u32,
    /// Players it can hold.
    pub capacity: u32,
    /// Running copies.
    pub instances: u32,
}

/// The names of everything, from the content.
pub(super) struct Names {
    worlds: HashMap<u16, String>,
    entries: HashMap<u16, String>,
    maps: HashMap<u16, String>,
}

impl Names {
    pub(super) fn of(content: &mu_config::Content) -> Self {
        let worlds = content.worlds.iter();
        let entries = content.worlds.iter().flat_map(|world| &world.entries);
        Self {
            worlds: worlds.map(|world| (world.id, world.name.clone())).collect(),
            entries: entries.map(|entry| (entry.id, entry.name.clone())).collect(),
            maps: content.maps.iter().map(|map| (map.id, map.name.clone())).collect(),
        }
    }

    /// Groups the routes, which are ascending by (world, entry, map), and orders each level by availability.
    pub(super) fn worlds(
        &self,
        routes: &[Route],
        players: &[u32],
        hard_cap: u32,
        health_of: impl Fn(ShardId) -> Health,
    ) -> Vec<WorldView> {
        let mut worlds: Vec<WorldView> = Vec::new();
        let mut worst = Vec::new();
        for (route, players) in routes.iter().zip(players.iter().copied()) {
            if worlds.last().is_none_or(|world| world.id != route.world) {
                worlds.push(WorldView { id: route.world, name: name(&self.worlds, route.world), entries: Vec::new() });
            }
            let Some(world) = worlds.last_mut() else {
                continue;
            };
            if world.entries.last().is_none_or(|entry| entry.id != route.entry) {
                world.entries.push(EntryView {
                    id: route.entry,
                    name: name(&self.entries, route.entry),
                    players: 0,
                    capacity: 0,
                    health: "",
                    maps: Vec::new(),
                });
                worst.push(Health::Healthy);
            }
            let (Some(entry), Some(worst)) = (world.entries.last_mut(), worst.last_mut()) else {
                continue;
            };
            entry.players += players;
            entry.capacity += hard_cap;
            *worst = health_of(route.shard).max(*worst);
            entry.health = word(*worst, entry.players, entry.capacity);
            entry.maps.push(MapView {
                id: route.map,
                name: name(&self.maps, route.map),
                players,
                capacity: hard_cap,
                instances: 1,
            });
        }
        for world in &mut worlds {
            world.entries.sort_by_key(|entry| (rank(entry), entry.players, entry.id));
        }
        worlds.sort_by_key(|world| (world.entries.first().map(|best| (rank(best), best.players)), world.id));
        worlds
    }
}

fn name(names: &HashMap<u16, String>, id: u16) -> String {
    names.get(&id).cloned().unwrap_or_else(|| id.to_string())
}

fn word(health: Health, players: u32, capacity: u32) -> &'static str {
    match health {
        Health::Down => "down",
        _ if players >= capacity => "full",
        Health::Degraded => "degraded",
        Health::Healthy => "healthy",
    }
}

/// Lower is the better choice.
fn rank(entry: &EntryView) -> u8 {
    match entry.health {
        "healthy" => 0,
        "degraded" => 1,
        "full" => 2,
        _ => 3,
    }
}
