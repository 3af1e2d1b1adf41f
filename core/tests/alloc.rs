//! A tick of a thousand players takes no memory and gives none back, once every slot was used: walking, chat, trades,
//! deals, people coming and going, snapshots.
//!
//! A target of its own, because the allocator is the whole program's. It counts only on the thread that armed it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use mu_config::{
    Class, Grid, ItemTemplate, Keeper, MapDef, PlayerSpawn, Rect, Service, Shop, SlotKind, StarterKit, Ware,
};
use mu_core::map::event_ids::EventIds;
use mu_core::map::inventory::Inventory;
use mu_core::map::market::Market;
use mu_core::map::rng::Rng;
use mu_core::map::{Event, Joining, Map, MapPlan, Outbox, Rules, Verdict};
use mu_storage::ids::{AccountId, CharacterId, IdBlock, ItemUid};
use mu_storage::store::{Character, HotRow, Item, LoadedCharacter};
use mu_wire::messages::{ChatChannel, ClientMessage, Input, ItemUids, Walk};
use mu_wire::motion::{Direction, Steps};
use mu_wire::{EntityId, Tick};

thread_local! {
    static ARMED: Cell<bool> = const { Cell::new(false) };
    static COUNTED: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counting every call of an armed thread.
struct Counting;

fn count() {
    if ARMED.get() {
        COUNTED.set(COUNTED.get() + 1);
    }
}

#[expect(unsafe_code, reason = "an allocator is unsafe by its interface; every call is passed on unchanged")]
// SAFETY: all four methods hand their arguments to the system's allocator and return what it returns; counting
// touches two thread-local cells that need neither memory nor a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs something and says how often it called the allocator.
fn counted<T>(work: impl FnOnce() -> T) -> (T, u64) {
    COUNTED.set(0);
    ARMED.set(true);
    let result = work();
    ARMED.set(false);
    (result, COUNTED.get())
}

const PLAYERS: usize = 1_000;
const SIDE: u16 = 256;
/// Players stand on this square, so that every view is full and the nearest have to be chosen.
const CROWD: Rect = Rect { x: 80, y: 80, width: 90, height: 90 };

fn map() -> Map {
    let mut walk = Grid::new(SIDE, SIDE);
    let everywhere = Rect { x: 0, y: 0, width: SIDE, height: SIDE };
    everywhere.tiles().filter(|(x, y)| x % 16 != 7 || y % 16 != 7).for_each(|(x, y)| walk.set(x, y));
    let def = MapDef {
        id: 1,
        key: "field".into(),
        name: "Field".into(),
        width: SIDE,
        height: SIDE,
        safe: Grid::new(SIDE, SIDE),
        walk,
        portals: Vec::new(),
        spawns: vec![PlayerSpawn { area: CROWD }],
        monsters: Vec::new(),
        keepers: vec![keeper(Service::Warehouse), keeper(Service::Shop(1))],
    };
    let kit = StarterKit { zen: 0, items: Vec::new() };
    let class = Class { id: 1, key: "knight".into(), name: "Knight".into(), hp: 60, mp: 20, speed: 40, kit };
    let plan = MapPlan {
        map: &def,
        classes: &[class],
        monsters: &[],
        market: market(),
        world: 1,
        entry: 1,
        instance: 1,
        players: PLAYERS,
        rules: Rules::default(),
        events: EventIds::new(1, 1, 1),
    };
    Map::new(&plan, 7)
}

/// A keeper in the middle of the crowd.
fn keeper(service: Service) -> Keeper {
    Keeper { name: "Keeper".into(), at: (125, 125), heading: 0, reach: 40, service }
}

fn market() -> Market {
    let wares = vec![Ware { template: 7, level: 1, price: 10 }];
    let (key, name) = ("shop".into(), "Shop".into());
    let shop = Shop { id: 1, key, name, sells_percent: 100, buys_percent: 40, wares };
    let item = ItemTemplate { id: 7, name: "Sword".into(), slot: SlotKind::Weapon, max_level: 9, value: 10 };
    Market { shops: vec![shop].into(), items: vec![item].into() }
}

fn character(id: i64) -> LoadedCharacter {
    let hot = HotRow {
        character: CharacterId(id),
        owner_epoch: 1,
        version: 0,
        map: 0,
        entry: 1,
        x: 0,
        y: 0,
        heading: 0,
        hp: 60,
        mp: 20,
    };
    let item = |slot: i32| Item {
        uid: ItemUid(id * 64 + i64::from(slot)),
        version: 1,
        template: 7,
        level: 1,
        container: 0,
        slot,
    };
    LoadedCharacter {
        character: Character {
            id: CharacterId(id),
            account: AccountId(id),
            name: format!("H{id}"),
            class: 1,
            level: 1,
        },
        hot,
        zen: 1_000,
        items: (0..20).map(item).collect(),
        stored_zen: 0,
        warehouse: Vec::new(),
        ground: Vec::new(),
        growth: mu_storage::store::CharacterGrowth::default(),
    }
}

struct World {
    map: Map,
    out: Outbox,
    rng: Rng,
    players: Vec<EntityId>,
    submitted: Vec<u128>,
    tick: u32,
    bytes: u64,
    packets: Vec<(EntityId, u64)>,
    next_uid: i64,
}

impl World {
    fn pick(&mut self) -> EntityId {
        let count = u16::try_from(self.players.len()).expect("a thousand");
        self.players[usize::from(self.rng.below(count))]
    }

    /// What clients and the journal do between two ticks.
    fn between(&mut self) {
        for event in self.submitted.drain(..) {
            assert!(self.map.settle(event, Verdict::Applied), "the map waits for it");
        }
        for _ in 0..60 {
            let who = self.pick();
            let Some(from) = self.map.position(who) else { continue };
            let steps = Steps::new(&[Direction::from_bits(self.rng.draw() >> 7); 6]).expect("six steps");
            self.map.input(who, 1, Input::Walk(Walk { from, steps }));
        }
        for _ in 0..20 {
            let who = self.pick();
            self.map.request(who, &ClientMessage::Chat { channel: ChatChannel::Local, text: "a word in the crowd" });
        }
        for _ in 0..30 {
            self.trade();
        }
        for _ in 0..10 {
            self.deal();
        }
        if self.map.wants_uids() {
            self.next_uid += 1_000;
            self.map.give_uids(&IdBlock::new(self.next_uid, 1_000));
        }
    }

    /// A player puts something into the warehouse, takes something out, buys and sells.
    fn deal(&mut self) {
        let who = self.pick();
        let count = u16::try_from(PLAYERS).expect("a thousand");
        let [warehouse, shop] = [count, count + 1].map(|slot| EntityId::new(slot, 1));
        let Some(player) = self.map.view_player(who) else { return };
        let first = |bag: &Inventory, skip: usize| bag.items().nth(skip).map(|(_, item)| item.uid.unsigned_abs());
        let (last, sold, stored) =
            (first(&player.inventory, 3), first(&player.inventory, 4), first(&player.warehouse, 0));
        self.map.request(who, &ClientMessage::KeeperOpen { keeper: warehouse });
        if let Some(uid) = last {
            let items = &[uid];
            let items = ItemUids::new(items);
            self.map.request(who, &ClientMessage::Deposit { keeper: warehouse, zen: 3, items });
        }
        if let Some(uid) = stored {
            let items = &[uid];
            let items = ItemUids::new(items);
            self.map.request(who, &ClientMessage::Withdraw { keeper: warehouse, zen: 1, items });
        }
        if let Some(uid) = sold {
            let items = &[uid];
            self.map.request(who, &ClientMessage::Sell { keeper: shop, items: ItemUids::new(items) });
        }
        self.map.request(who, &ClientMessage::Buy { keeper: shop, ware: 0, count: 1, price: 15 });
        self.map.request(who, &ClientMessage::Buy { keeper: shop, ware: 0, count: 1, price: 10 });
    }

    /// Two players near each other go through a whole trade in one tick.
    fn trade(&mut self) {
        let (who, other) = (self.pick(), self.pick());
        let (Some(here), Some(there)) = (self.map.position(who), self.map.position(other)) else { return };
        if who == other || here.distance(there) > 1_500 {
            return;
        }
        let uid = |map: &Map| {
            map.view_player(who)
                .and_then(|player| player.inventory.items().next().map(|(_, item)| item.uid.unsigned_abs()))
        };
        let Some(uid) = uid(&self.map) else { return };
        let agree = ClientMessage::TradeConfirm { revision: 1 };
        self.map.request(who, &ClientMessage::TradeRequest { target: other });
        self.map.request(other, &ClientMessage::TradeAnswer { accept: true });
        self.map.request(who, &ClientMessage::TradeOffer { revision: 0, zen: 1, items: ItemUids::new(&[uid]) });
        self.map.request(who, &agree);
        self.map.request(other, &agree);
    }

    /// One tick, everything it wants done, and a snapshot for everybody; one in fifty packets is lost.
    fn step(&mut self, space: &mut [u8]) {
        self.tick += 1;
        self.map.tick(Tick(self.tick), &mut self.out);
        for event in self.out.iter() {
            match event {
                Event::Critical(event) => self.submitted.push(event.event_id),
                Event::Send { bytes, .. } => self.bytes += bytes.len() as u64,
                Event::Departed(departure) => self.players.retain(|&player| player != departure.player),
                Event::Portal { .. } | Event::Dirty(_) | Event::Entered(_) => {}
            }
        }
        for (player, packet) in self.packets.drain(..) {
            if self.rng.below(50) == 0 {
                self.map.snapshot_lost(player, packet);
            } else {
                self.map.snapshot_delivered(player, packet);
            }
        }
        for &player in &self.players {
            let written = self.map.write_snapshot(player, u64::from(self.tick), space);
            self.bytes += written as u64;
            if written > 0 {
                self.packets.push((player, u64::from(self.tick)));
            }
        }
    }
}

#[test]
fn a_tick_of_a_thousand_players_allocates_nothing_after_warm_up() {
    let mut world = World {
        map: map(),
        out: Outbox::new(PLAYERS),
        rng: Rng::new(3),
        players: Vec::with_capacity(PLAYERS),
        submitted: Vec::with_capacity(PLAYERS),
        tick: 0,
        bytes: 0,
        packets: Vec::with_capacity(PLAYERS * 2),
        next_uid: 10_000_000,
    };
    let mut space = [0; 1_200];
    let mut next = 0;
    for round in 0..700 {
        // The characters are loaded by somebody else, so their memory is made here and not counted.
        let newcomers: Vec<LoadedCharacter> = (0..PLAYERS - world.players.len())
            .map(|_| {
                next += 1;
                character(next)
            })
            .collect();
        let leaver = (round > 0 && round % 3 == 0).then(|| world.pick());
        let ((), calls) = counted(|| {
            for character in &newcomers {
                let joined = world.map.join(Joining::Fresh { character, connected: true }).expect("a free slot");
                world.players.push(joined);
            }
            if let Some(leaver) = leaver {
                world.map.detach(leaver);
            }
            world.between();
            world.step(&mut space);
        });
        if round >= 200 {
            assert_eq!(calls, 0, "calls to the allocator in round {round}");
        }
    }
    let stats = world.map.stats();
    assert!(
        stats.trades_applied > 100
            && stats.deals_applied > 1_000
            && stats.chats > 1_000
            && stats.walks > 10_000
            && next > 1_100,
        "a busy map: {stats:?}"
    );
    assert!(world.bytes > 1_000_000, "and much to say: {} bytes", world.bytes);
    assert_eq!(stats.dropped, 0, "no queue was full: {stats:?}");
}

#[test]
fn the_counter_does_count() {
    let (kept, calls) = counted(|| vec![1, 2, 3]);
    assert_eq!((kept.len(), calls), (3, 1));
    assert_eq!(counted(|| drop(kept)).1, 1, "giving back counts too");
}
