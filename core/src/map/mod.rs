//! A map instance: one `Send` value of columns, and the page of its interface.
//!
//! A map takes inputs, requests and decisions, and once per tick says what is to be sent, journalled and stored. It
//! knows no socket, thread, clock, file or database: time is the tick number, randomness is its own seeded generator,
//! so the same calls in the same order give the same [`Map::state_hash`] on any machine. It can move to another shard
//! between two ticks.
//!
//! # One tick, as the shard drives it
//! ```text
//! any time   map.join(..) -> handle      map.attach(handle)   map.detach(handle)
//!            map.input(handle, seq, input)                    queued, bounded, handled in order of arrival
//!            map.request(handle, &message)                    queued, bounded, handled in order of arrival
//!            map.settle(event_id, verdict)                    queued, settled in the next tick
//! tick step  map.tick(tick, &mut outbox)
//!            for event in outbox.iter() {
//!                Send { to, lane, bytes, .. } -> a lane of that player
//!                Critical(event)             -> journal; answer every one with map.settle(..), a full queue with Verdict::NotTaken
//!                Portal { player, portal }   -> same shard: map.hand_over(player) and join on the other map
//!                                               other shard: map.copy(player), send it; when the target holds it
//!                                               map.hand_over(player), if it cannot map.stay(player)
//!                Entered(player)             -> its client may be told more: map.sheet(player), map.carried(player)
//!                Departed(departure)         -> the slot is free; store departure.hot, then the character may be loaded again;
//!                                               close the connection if departure.connected
//!                Dirty(row)                  -> latest-wins queue to the store
//!            }
//! send step  map.write_snapshot(handle, packet, space) -> bytes written, 0 for nothing
//!            map.snapshot_delivered(handle, packet)   map.snapshot_lost(handle, packet)
//! ```
//!
//! # Handles
//! A player is named by the [`EntityId`] it has on the wire: slot and generation. A handle of somebody who left is
//! dead: every call with it does nothing and says so. Slots are below [`Map::player_capacity`], so a plain array can
//! lead from a slot to a connection.
//!
//! # Leaving
//! `detach` says that there is no client any more. The player stays, and is seen, until nothing of it is undecided;
//! then `Departed` gives its final state. `attach` before that moment gives it to a new client. A request to leave
//! does the same with the client still connected. `hand_over` takes a player out at once with all it has; it is
//! refused while a critical event is undecided, which `Portal` never is.
//!
//! # Bounds
//! Columns, queues, grid and replicator are taken at load. A player's cold row and view are made when its slot is
//! used for the first time and kept. `tick` allocates nothing after that. Inputs beyond the queue's bound are dropped
//! and counted ([`MapStats`]).

mod calls;
pub mod entities;
pub mod event_ids;
pub mod grid;
pub mod inbox;
pub mod interest;
pub mod inventory;
pub mod market;
pub mod outbox;
pub mod piles;
pub mod player;
pub mod rng;
mod sheet;
pub mod slot_set;
pub mod slots;
mod state_hash;
pub mod terrain;
mod tick;
pub mod transit;
pub mod uids;

use mu_config::{Class, MapDef, MonsterTemplate, Service};
use mu_wire::motion::Tile;
use mu_wire::snapshot::{EntityKind, Identity, Name, Replicator, View};
use mu_wire::{EntityId, Tick};

use crate::planted::{self, Bug};
use crate::systems::deal::Deals;
use crate::systems::trade::Trades;
use entities::{Duties, Entities, Row};
use event_ids::EventIds;
use grid::Grid;
use inbox::Inbox;
use interest::Interest;
use market::{Market, Stand};
use piles::{PILES_MAX, Piles};
use player::Player;
use rng::Rng;
use slots::{Part, Slots};
use terrain::Terrain;
use uids::Uids;

pub use crate::systems::trade::Verdict;
pub use outbox::{Departure, Event, Outbox};
pub use transit::{Joining, MapFull, NotNow, Transit};

/// What an instance is made from.
#[derive(Debug, Clone)]
pub struct MapPlan<'a> {
    /// The map.
    pub map: &'a MapDef,
    /// The classes players can have.
    pub classes: &'a [Class],
    /// The monsters that can stand on it.
    pub monsters: &'a [MonsterTemplate],
    /// What its keepers sell, and what everything is worth.
    pub market: Market,
    /// The world it belongs to.
    pub world: u16,
    /// The entry point it belongs to.
    pub entry: u16,
    /// Its number, unique in the process.
    pub instance: u32,
    /// Most players at once.
    pub players: usize,
    /// The numbers of the game's rules.
    pub rules: Rules,
    /// Where its critical events get their identities.
    pub events: EventIds,
}

/// The numbers of the game's rules; distances in tiles, times in ticks of 50 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Most entities one player is told about, at most 256.
    pub visible: usize,
    /// How far from the server's position a walk may claim to begin.
    pub walk_tolerance: u8,
    /// Chat messages at once.
    pub chat_burst: u32,
    /// Ticks until one more may be sent.
    pub chat_every: u32,
    /// How far two traders may be apart.
    pub trade_reach: u8,
    /// How long a question to trade stands.
    pub trade_question: u32,
    /// How far away what is picked up may lie.
    pub pick_reach: u8,
    /// How long an item lies on the ground.
    pub lies: u32,
    /// Most zen a character can have.
    pub zen_max: i64,
    /// Changed hot state is given out once in this many ticks.
    pub hot_every: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            visible: 128,
            walk_tolerance: 2,
            chat_burst: 3,
            chat_every: 30,
            trade_reach: 6,
            trade_question: 400,
            pick_reach: 2,
            lies: 3_600,
            zen_max: 2_000_000_000,
            hot_every: 40,
        }
    }
}

/// What happened on a map so far; plain counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MapStats {
    /// Inputs and requests dropped because a queue was full.
    pub dropped: u64,
    /// Walks refused and corrected.
    pub walks_refused: u64,
    /// Walks begun.
    pub walks: u64,
    /// Chat messages spread.
    pub chats: u64,
    /// Chat messages refused.
    pub chats_refused: u64,
    /// Portals used.
    pub portals: u64,
    /// Trades submitted to the journal.
    pub trades_submitted: u64,
    /// Trades applied.
    pub trades_applied: u64,
    /// Trades submitted that came to nothing.
    pub trades_failed: u64,
    /// Deals submitted to the journal.
    pub deals_submitted: u64,
    /// Deals applied.
    pub deals_applied: u64,
    /// Deals submitted that came to nothing.
    pub deals_failed: u64,
    /// Decisions about events that nobody waits for.
    pub decisions_unknown: u64,
}

/// Who the instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) map: u16,
    pub(crate) world: u16,
    pub(crate) entry: u16,
    pub(crate) instance: u32,
}

/// How fast and healthy a class is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClassNumbers {
    pub(crate) id: u16,
    pub(crate) hp: u16,
    pub(crate) mp: u16,
    pub(crate) speed: u16,
}

/// A map instance.
#[derive(Debug)]
pub struct Map {
    pub(crate) place: Place,
    pub(crate) rules: Rules,
    pub(crate) ground: Terrain,
    pub(crate) classes: Box<[ClassNumbers]>,
    pub(crate) tick: Tick,
    pub(crate) slots: Slots,
    pub(crate) entities: Entities,
    pub(crate) players: Vec<Player>,
    /// By slot; none where the view went away with its player.
    pub(crate) views: Vec<Option<View>>,
    /// Views of slots whose players brought their own.
    pub(crate) spare_views: Vec<View>,
    pub(crate) grid: Grid,
    pub(crate) interest: Interest,
    pub(crate) replicator: Replicator,
    /// Slots whose visible state changed in this tick.
    pub(crate) changes: Vec<usize>,
    pub(crate) trades: Trades,
    pub(crate) deals: Deals,
    pub(crate) market: Market,
    pub(crate) stands: Vec<Stand>,
    pub(crate) uids: Uids,
    pub(crate) piles: Piles,
    pub(crate) inbox: Inbox,
    pub(crate) rng: Rng,
    pub(crate) events: EventIds,
    pub(crate) value_open: bool,
    pub(crate) stats: MapStats,
}

/// Queue entries per player of a map's capacity.
const INBOX_PER_PLAYER: usize = 4;
/// Queue entries of the smallest map.
const INBOX_LEAST: usize = 64;

impl Map {
    /// Makes an instance and puts its monsters and keepers where the content wants them.
    ///
    /// # Panics
    /// If players, monsters, keepers and what lies on the ground need more slots than [`slots::MAX_SLOTS`], or the map is larger than 256×256 tiles;
    /// the content's checks exclude both.
    #[must_use]
    pub fn new(plan: &MapPlan<'_>, seed: u64) -> Self {
        let monsters: usize = plan.map.monsters.iter().map(|spawn| usize::from(spawn.count)).sum();
        let slots = Slots::new(plan.players, monsters + plan.map.keepers.len() + PILES_MAX);
        let grid = Grid::new(plan.map.width, plan.map.height, slots.capacity());
        let interest = Interest::new(plan.players, slots.capacity(), grid.cells(), plan.rules.visible);
        let classes = plan.classes.iter().map(|class| ClassNumbers {
            id: class.id,
            hp: class.hp,
            mp: class.mp,
            speed: class.speed,
        });
        let mut map = Self {
            place: Place { map: plan.map.id, world: plan.world, entry: plan.entry, instance: plan.instance },
            rules: plan.rules,
            ground: Terrain::new(plan.map),
            classes: classes.collect(),
            tick: Tick(0),
            entities: Entities::new(slots.capacity()),
            players: Vec::with_capacity(plan.players),
            views: Vec::with_capacity(plan.players),
            spare_views: Vec::with_capacity(plan.players),
            replicator: Replicator::new(slots.capacity()),
            changes: Vec::with_capacity(slots.capacity()),
            slots,
            grid,
            interest,
            trades: Trades::new(plan.players),
            deals: Deals::new(plan.players),
            market: plan.market.clone(),
            stands: Vec::with_capacity(plan.map.keepers.len()),
            uids: Uids::default(),
            piles: Piles::new(),
            inbox: Inbox::new(plan.players, plan.players * INBOX_PER_PLAYER + INBOX_LEAST),
            rng: Rng::new(seed),
            events: plan.events.clone(),
            value_open: true,
            stats: MapStats::default(),
        };
        map.place_monsters(plan);
        map.place_keepers(plan);
        map
    }

    /// Monsters stand where they appear; nothing moves them yet.
    fn place_monsters(&mut self, plan: &MapPlan<'_>) {
        for spawn in &plan.map.monsters {
            let Some(template) = plan.monsters.iter().find(|monster| monster.id == spawn.template) else {
                continue;
            };
            let hp = u16::try_from(template.hp).unwrap_or(u16::MAX);
            for _ in 0..spawn.count {
                let (Some(tile), Some(id)) =
                    (self.ground.open_in(spawn.area, &mut self.rng), self.slots.take(Part::Other))
                else {
                    continue;
                };
                let heading = u8::try_from(self.rng.below(256)).unwrap_or(0);
                let row = Row { position: tile.centre(), heading, speed: template.speed, hp, hp_max: hp, flags: 0 };
                let identity =
                    Identity { entity: id, kind: EntityKind::Monster, template: template.id, name: Name::default() };
                self.appear(id, row, identity);
            }
        }
    }

    /// Keepers stand where they stand, for ever.
    fn place_keepers(&mut self, plan: &MapPlan<'_>) {
        for keeper in &plan.map.keepers {
            let Some(id) = self.slots.take(Part::Other) else { continue };
            let byte = |tile: u16| u8::try_from(tile).unwrap_or(u8::MAX);
            let position = Tile::new(byte(keeper.at.0), byte(keeper.at.1)).centre();
            let row = Row { position, heading: keeper.heading, speed: 0, hp: 1, hp_max: 1, flags: 0 };
            let name = Name::new(keeper.name.as_bytes()).unwrap_or_default();
            let template = match keeper.service {
                Service::Warehouse => 0,
                Service::Shop(shop) => shop,
            };
            self.appear(id, row, Identity { entity: id, kind: EntityKind::Npc, template, name });
            self.stands.push(Stand::new(usize::from(id.slot()), keeper));
        }
    }

    /// Puts a row into a slot just taken and makes it visible.
    pub(crate) fn appear(&mut self, id: EntityId, row: Row, identity: Identity) {
        let slot = usize::from(id.slot());
        self.entities.put(slot, row);
        self.grid.place(slot, row.position);
        self.replicator.insert(id.slot(), identity, self.entities.state(slot), self.tick);
    }

    /// Notes that what viewers see of a slot changed in this tick; told once, however often it changed.
    pub(crate) fn changed(&mut self, slot: usize) {
        if !self.entities.duties[slot].any(Duties::CHANGED) {
            self.entities.duties[slot].set(Duties::CHANGED);
            self.changes.push(slot);
        }
    }

    /// Hands the changes of this tick to the replicator.
    pub(crate) fn publish_changes(&mut self) {
        for slot in self.changes.drain(..) {
            self.entities.duties[slot].clear(Duties::CHANGED);
            if let Some(id) = self.slots.id(slot) {
                self.replicator.update(id.slot(), self.entities.state(slot), self.tick);
            }
        }
    }

    /// The row of a live player.
    pub(crate) fn player_slot(&self, handle: EntityId) -> Option<usize> {
        self.slots.find(handle).filter(|&slot| slot < self.slots.player_capacity())
    }

    /// Whether anything of a player is undecided.
    pub(crate) fn in_flight(&self, slot: usize) -> bool {
        let undecided = self.players[slot].dealings.deals > 0 || self.trade_in_flight(slot);
        undecided && !planted::is(Bug::InFlightNotSeen)
    }

    /// Whether a player's trade was submitted and is undecided.
    pub(crate) fn trade_in_flight(&self, slot: usize) -> bool {
        let row = self.players[slot].dealings.trade;
        row.and_then(|row| self.trades.row(row)).is_some_and(crate::systems::trade::Trade::is_in_flight)
    }
}
