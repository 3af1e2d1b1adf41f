//! Where every map of every entry point runs: fixed at boot, shared by reference, never locked.
//!
//! Shards look portals up here, the directory looks instances up here. Knows nothing of load or players.

use std::net::SocketAddr;

use crate::shard::command::{InstanceId, ShardId};

/// One running map instance and the address its players connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The world's id.
    pub world: u16,
    /// The entry point's id.
    pub entry: u16,
    /// The map's id.
    pub map: u16,
    /// The instance.
    pub instance: InstanceId,
    /// The shard that runs it.
    pub shard: ShardId,
    /// That shard's public UDP address.
    pub endpoint: SocketAddr,
}

/// An instance and its shard before the shard has an address: what boot needs to build the shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// The world's id.
    pub world: u16,
    /// The entry point's id.
    pub entry: u16,
    /// The map's id.
    pub map: u16,
    /// The instance.
    pub instance: InstanceId,
    /// The shard that shall run it.
    pub shard: ShardId,
}

/// Places one instance of each map of each entry point, spread over the shards in turn.
///
/// Entry points start one shard apart, so that the towns, which fill first, do not all land on shard 0.
#[must_use]
pub fn place_instances(worlds: &[mu_config::World], shards: u8) -> Vec<Placement> {
    let shards = shards.max(1);
    let mut placed = Vec::new();
    let mut next = 0u32;
    let mut first_shard = 0u8;
    for world in worlds {
        for entry in &world.entries {
            let mut shard = first_shard;
            for map in &entry.maps {
                placed.push(Placement {
                    world: world.id,
                    entry: entry.id,
                    map: *map,
                    instance: InstanceId(next),
                    shard: ShardId(shard),
                });
                next += 1;
                shard = (shard + 1) % shards;
            }
            first_shard = (first_shard + 1) % shards;
        }
    }
    placed
}

/// All routes, by (world, entry, map) and by instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTable {
    /// Ascending by (world, entry, map).
    routes: Vec<Route>,
    /// Positions in `routes`, ascending by instance.
    by_instance: Vec<usize>,
}

impl RouteTable {
    /// The table of these placements.
    ///
    /// # Panics
    /// When a placement names a shard without an endpoint: boot built fewer shards than it placed on.
    #[must_use]
    pub fn new(placed: &[Placement], endpoint: impl Fn(ShardId) -> Option<SocketAddr>) -> Self {
        let mut routes: Vec<Route> = placed
            .iter()
            .map(|place| Route {
                world: place.world,
                entry: place.entry,
                map: place.map,
                instance: place.instance,
                shard: place.shard,
                endpoint: endpoint(place.shard)
                    .unwrap_or_else(|| panic!("{place:?} is on a shard without an endpoint")),
            })
            .collect();
        routes.sort_by_key(|route| (route.world, route.entry, route.map));
        let mut by_instance: Vec<usize> = (0..routes.len()).collect();
        by_instance.sort_by_key(|at| routes[*at].instance);
        Self { routes, by_instance }
    }

    /// The instance of a map within an entry point.
    #[must_use]
    pub fn find(&self, world: u16, entry: u16, map: u16) -> Option<&Route> {
        self.routes
            .binary_search_by_key(&(world, entry, map), |route| (route.world, route.entry, route.map))
            .ok()
            .map(|at| &self.routes[at])
    }

    /// Where an instance runs.
    #[must_use]
    pub fn instance(&self, instance: InstanceId) -> Option<&Route> {
        self.position(instance).map(|at| &self.routes[at])
    }

    /// Every route, ascending by (world, entry, map).
    #[must_use]
    pub fn all(&self) -> &[Route] {
        &self.routes
    }

    /// The place of an instance in [`Self::all`].
    pub(super) fn position(&self, instance: InstanceId) -> Option<usize> {
        self.by_instance
            .binary_search_by_key(&instance, |at| self.routes[*at].instance)
            .ok()
            .map(|found| self.by_instance[found])
    }
}

#[cfg(test)]
mod tests {
    use mu_config::{EntryPoint, World};

    use super::*;

    fn worlds() -> Vec<World> {
        let entry = |id| EntryPoint { id, name: format!("Midgard-{id}"), maps: vec![1, 2, 3] };
        vec![World { id: 1, name: "Midgard".to_owned(), entries: vec![entry(1), entry(2)] }]
    }

    fn endpoint(shard: ShardId) -> Option<SocketAddr> {
        Some(SocketAddr::from(([127, 0, 0, 1], 7700 + u16::from(shard.0))))
    }

    #[test]
    fn each_map_of_each_entry_has_one_instance_and_towns_are_apart() {
        let placed = place_instances(&worlds(), 2);
        assert_eq!(placed.len(), 6);
        let town = |entry| placed.iter().find(|p| p.entry == entry && p.map == 1).unwrap();
        assert_ne!(town(1).shard, town(2).shard);
        assert!(place_instances(&worlds(), 1).iter().all(|p| p.shard == ShardId(0)));
    }

    #[test]
    fn routes_are_found_by_place_and_by_instance() {
        let table = RouteTable::new(&place_instances(&worlds(), 2), endpoint);
        for route in table.all() {
            assert_eq!(table.find(route.world, route.entry, route.map), Some(route));
            assert_eq!(table.instance(route.instance), Some(route));
            assert_eq!(Some(route.endpoint), endpoint(route.shard));
        }
        assert_eq!(table.find(1, 3, 1), None);
        assert_eq!(table.instance(InstanceId(6)), None);
    }
}
