//! From settings and content to what each shard runs.

use std::net::SocketAddr;
use std::sync::Arc;

use mu_config::{Plan, Settings};
use mu_wire::Time;
use mu_wire_io::SocketOptions;

use crate::directory::{Placement, RouteTable, place_instances};
use crate::map::Rules;
use crate::map::event_ids::EventIds;
use crate::map::market::Market;
use crate::runtime::cores::CorePlan;
use crate::shard::{InstancePlan, ShardId, ShardPlan};

/// Who runs what, where.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) routes: Arc<RouteTable>,
    pub(super) shards: Vec<ShardPlan>,
    /// The instant of tick 0 of every shard.
    pub(super) origin: Time,
}

/// Where shard `shard`'s clients connect.
pub(super) fn endpoint(settings: &Settings, shard: ShardId) -> SocketAddr {
    SocketAddr::new(settings.public_ip(), port(settings, shard))
}

fn port(settings: &Settings, shard: ShardId) -> u16 {
    settings.udp.port.saturating_add(u16::from(shard.0))
}

/// One instance of each map of each entry point, spread over one shard per map core.
pub(super) fn layout(plan: &Plan, cores: &CorePlan, boot: u32, origin: Time) -> Layout {
    let settings = &plan.settings;
    let market = Market { shops: plan.content.shops.clone().into(), items: plan.content.items.clone().into() };
    let count = u8::try_from(cores.map.len()).expect("the core plan allows at most 255 shards");
    let placed = place_instances(&plan.content.worlds, count);
    let routes = RouteTable::new(&placed, |shard| (shard.0 < count).then(|| endpoint(settings, shard)));
    let shards = cores
        .map
        .iter()
        .zip(0u8..)
        .map(|(cpu, number)| {
            let shard = ShardId(number);
            let instances = placed
                .iter()
                .filter(|place| place.shard == shard)
                .filter_map(|place| instance(plan, place, boot, &market))
                .collect();
            ShardPlan {
                shard,
                cpu: *cpu,
                bind: SocketAddr::new(settings.udp.bind, port(settings, shard)),
                socket: SocketOptions {
                    recv_bytes: settings.udp.receive_buffer_kib as usize * 1_024,
                    send_bytes: settings.udp.send_buffer_kib as usize * 1_024,
                },
                connections_max: settings.udp.connections_max as usize,
                instances,
                tick_ms: settings.tick.player_ms,
                origin,
                realm: settings.host.realm,
            }
        })
        .collect();
    Layout { routes: Arc::new(routes), shards, origin }
}

fn instance(plan: &Plan, place: &Placement, boot: u32, market: &Market) -> Option<InstancePlan> {
    let map = Arc::new(plan.content.map(place.map)?.clone());
    let events = EventIds::new(plan.settings.host.realm, boot, place.instance.0);
    Some(InstancePlan {
        instance: place.instance,
        world: place.world,
        entry: place.entry,
        map,
        classes: plan.content.classes.clone().into(),
        monsters: plan.content.monsters.clone().into(),
        market: market.clone(),
        players: usize::from(plan.settings.map.hard_cap),
        rules: Rules::default(),
        events,
    })
}
