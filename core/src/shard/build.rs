//! Building a shard inside its pinned thread, so that its memory is first touched there.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use mu_config::{Class, MapDef, MonsterTemplate};
use mu_storage::ids::IdBlock;
use mu_value::ValueStatus;
use mu_wire::capture::RecordedServer;
use mu_wire::{HostKeys, Limits, Random, ServerConfig, Tick, Time, TokenSealer};
use mu_wire_io::SocketOptions;
use ring::rand::{SecureRandom as _, SystemRandom};
use rtrb::{Consumer, Producer};
use tokio::sync::mpsc;

use super::Shard;
use super::command::{Command, InstanceId, Report, ShardId};
use super::contents;
use super::figures::Published;
use super::house::{Counts, House, Room, Seats};
use super::peers::PeerLinks;
use super::publish::Publisher;
use super::reservations::Reservations;
use super::stop::StopFlag;
use crate::capture::{Outlet, WAITING_MAX};
use crate::directory::RouteTable;
use crate::journal::ShardPort;
use crate::map::event_ids::EventIds;
use crate::map::market::Market;
use crate::map::{Map, MapPlan, Outbox, Rules};
use crate::net::Net;
use crate::persist::Row;

/// One instance a shard is to run.
#[derive(Debug, Clone)]
pub struct InstancePlan {
    /// Its number.
    pub instance: InstanceId,
    /// The world's id.
    pub world: u16,
    /// The entry point's id.
    pub entry: u16,
    /// The map.
    pub map: Arc<MapDef>,
    /// The classes players can have.
    pub classes: Arc<[Class]>,
    /// The monsters that can stand on it.
    pub monsters: Arc<[MonsterTemplate]>,
    /// What keepers sell, and what everything is worth.
    pub market: Market,
    /// Players at most.
    pub players: usize,
    /// The numbers of the game's rules.
    pub rules: Rules,
    /// Where its critical events get their identities.
    pub events: EventIds,
}

/// What a shard is.
#[derive(Debug, Clone)]
pub struct ShardPlan {
    /// Its number.
    pub shard: ShardId,
    /// The CPU it is pinned to.
    pub cpu: usize,
    /// The address its socket binds.
    pub bind: SocketAddr,
    /// Wanted socket buffers.
    pub socket: SocketOptions,
    /// Connections at most.
    pub connections_max: usize,
    /// Its instances.
    pub instances: Vec<InstancePlan>,
    /// Length of a tick in milliseconds.
    pub tick_ms: u16,
    /// The instant of tick 0.
    pub origin: Time,
    /// The realm its tokens must name.
    pub realm: u32,
}

/// The shard's ends of everything it shares.
pub struct ShardSeams {
    /// The host's protocol keys.
    pub keys: Arc<HostKeys>,
    /// Makes transfer tickets.
    pub sealer: TokenSealer,
    /// Where every map runs.
    pub routes: Arc<RouteTable>,
    /// To and from the other shards.
    pub peers: PeerLinks,
    /// From the control thread.
    pub commands: mpsc::Receiver<Command>,
    /// To the directory.
    pub reports: mpsc::Sender<Report>,
    /// To the persist thread.
    pub rows: Producer<Row>,
    /// Ids for items that its maps create.
    pub uids: Consumer<IdBlock>,
    /// To and from the journal.
    pub value: ShardPort,
    /// Whether value can move.
    pub value_status: Arc<ValueStatus>,
    /// Where figures are published.
    pub published: Published,
    /// Where the recording of its protocol goes; `None` records nothing.
    pub capture: Option<Outlet>,
    /// The process's stop.
    pub stop: StopFlag,
}

impl std::fmt::Debug for ShardSeams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShardSeams").finish_non_exhaustive()
    }
}

/// Binds the socket and takes all memory of the shard.
///
/// # Errors
/// In words for the operator: the address is taken, the system gave no random bytes, or a map does not fit its block.
pub fn build(plan: &ShardPlan, seams: ShardSeams) -> Result<Shard, String> {
    let net = Net::bind(plan.bind, &plan.socket)
        .map_err(|error| format!("cannot bind UDP {}: {error}; choose another udp.port", plan.bind))?;
    let mut seed = [0; 32];
    SystemRandom::new().fill(&mut seed).map_err(|_unspecified| "the system's random generator failed".to_owned())?;
    let config = ServerConfig {
        shard: plan.shard.0,
        max_connections: plan.connections_max,
        tick_ms: plan.tick_ms,
        tick_origin: plan.origin,
        realm: plan.realm,
        // The game takes no blocks from its clients.
        limits: Limits { block_max: 0, ..Limits::default() },
        ..ServerConfig::default()
    };
    let mut random = Random::from_seed(seed);
    let seed = random.array();
    let server = match &seams.capture {
        None => RecordedServer::new(config, &seams.keys, seed),
        Some(_) => RecordedServer::recorded(config, &seams.keys, seed, WAITING_MAX),
    };
    let players = plan.instances.iter().map(|instance| instance.players).max().unwrap_or(0);
    let mut rooms: Vec<Room> = Vec::with_capacity(plan.instances.len());
    for instance in &plan.instances {
        // Instances of one map share its block.
        let same = plan.instances.iter().zip(&rooms).find(|(before, _)| Arc::ptr_eq(&before.map, &instance.map));
        let block = same.map(|(_, room)| Arc::clone(&room.block));
        rooms.push(room(instance, block)?);
    }
    let house = House {
        id: plan.shard,
        rooms,
        seats: Seats::new(plan.connections_max),
        places: Reservations::new(plan.connections_max),
        people: BTreeMap::new(),
        moves: Vec::new(),
        partings: Vec::new(),
        routes: seams.routes,
        sealer: seams.sealer,
        random,
        peers: seams.peers,
        commands: seams.commands,
        reports: seams.reports,
        reports_waiting: VecDeque::new(),
        rows: seams.rows,
        rows_waiting: VecDeque::new(),
        uids: seams.uids,
        value: seams.value,
        value_status: seams.value_status,
        counts: Counts::default(),
        stop: seams.stop,
        closing: false,
        realm: plan.realm,
    };
    Ok(Shard {
        server,
        capture: seams.capture,
        net,
        house,
        outbox: Outbox::new(players),
        crossings: Vec::with_capacity(players),
        publisher: Publisher::new(seams.published),
        tick: Tick(0),
    })
}

fn room(instance: &InstancePlan, block: Option<Arc<[u8]>>) -> Result<Room, String> {
    let block = match block {
        Some(block) => block,
        None => contents::map_block(&instance.map)
            .map_err(|error| format!("clients cannot be told of the map {}: {error}", instance.map.key))?,
    };
    // Every instance has its own stream, the same at each start: a recorded run can be replayed.
    let seed = u64::from(instance.instance.0);
    let plan = MapPlan {
        map: &instance.map,
        classes: &instance.classes,
        monsters: &instance.monsters,
        market: instance.market.clone(),
        world: instance.world,
        entry: instance.entry,
        instance: instance.instance.0,
        players: instance.players,
        rules: instance.rules,
        events: instance.events.clone(),
    };
    Ok(Room {
        instance: instance.instance,
        world: instance.world,
        entry: instance.entry,
        map: Map::new(&plan, seed),
        portals: instance.map.portals.clone(),
        classes: Arc::clone(&instance.classes),
        block,
        conns: vec![None; instance.players],
        held: 0,
    })
}
