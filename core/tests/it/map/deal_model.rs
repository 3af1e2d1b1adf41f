//! Deals at random, beside a ledger that plays the store.
//!
//! Characters of different accounts put in, take out, buy, sell and trade at the wrong moments, leave and come back,
//! while the ledger decides submitted events late, in order, and now and then against them. Every event must hold
//! against the ledger's rows when its turn comes: nothing but these events changes anything, so a place that is taken,
//! a version that has moved on or a purse that would owe is a fault of the map. After every tick each character has
//! exactly what the ledger says, nobody without an undecided event holds anything, nobody leaves with one, and nobody
//! was told of success or failure before the decision.

use std::collections::{BTreeMap, BTreeSet};

use mu_core::map::{Joining, Rules, Verdict};
use mu_storage::event::{Currency, Place, ValueEvent};
use mu_storage::store::{Item, LoadedCharacter, Reason};
use mu_wire::EntityId;
use mu_wire::messages::{ClientMessage, ItemUids, ServerMessage};
use mu_wire::motion::Tile;
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use super::rig::{Rig, character, shop_keeper, town, warehouse_keeper};

const CHARACTERS: usize = 3;
const PLAYERS: u16 = 4;
/// Ticks an item lies on the ground.
const LIES: u32 = 40;
const HOME: Tile = Tile::new(6, 6);

#[derive(Debug, Clone)]
enum Act {
    Join { who: usize },
    Detach { who: usize },
    Deposit { who: usize, zen: u64, items: u8 },
    Withdraw { who: usize, zen: u64, items: u8 },
    Buy { who: usize, count: u8 },
    Sell { who: usize, items: u8 },
    Drop { who: usize, nth: usize },
    PickUp { who: usize, nth: u16 },
    Ask { who: usize, whom: usize },
    Answer { who: usize },
    Offer { who: usize, zen: u64, items: u8 },
    Confirm { who: usize },
    Decide { verdict: Verdict, again: bool },
    Tick,
}

fn act() -> impl Strategy<Value = Act> {
    let who = || 0..CHARACTERS;
    let verdict = prop_oneof![
        6 => Just(Verdict::Applied),
        1 => Just(Verdict::Rejected(Reason::ItemVersion)),
        1 => Just(Verdict::NotTaken),
    ];
    prop_oneof![
        3 => who().prop_map(|who| Act::Join { who }),
        1 => who().prop_map(|who| Act::Detach { who }),
        8 => (who(), 0..60u64, any::<u8>()).prop_map(|(who, zen, items)| Act::Deposit { who, zen, items }),
        8 => (who(), 0..60u64, any::<u8>()).prop_map(|(who, zen, items)| Act::Withdraw { who, zen, items }),
        6 => (who(), 1..4u8).prop_map(|(who, count)| Act::Buy { who, count }),
        4 => (who(), any::<u8>()).prop_map(|(who, items)| Act::Sell { who, items }),
        5 => (who(), 0..6usize).prop_map(|(who, nth)| Act::Drop { who, nth }),
        8 => (who(), 0..6u16).prop_map(|(who, nth)| Act::PickUp { who, nth }),
        4 => (who(), who()).prop_map(|(who, whom)| Act::Ask { who, whom }),
        4 => who().prop_map(|who| Act::Answer { who }),
        4 => (who(), 0..40u64, any::<u8>()).prop_map(|(who, zen, items)| Act::Offer { who, zen, items }),
        8 => who().prop_map(|who| Act::Confirm { who }),
        8 => (verdict, prop::bool::weighted(0.2)).prop_map(|(verdict, again)| Act::Decide { verdict, again }),
        20 => Just(Act::Tick),
    ]
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec(act(), 100..400)
}

/// What the store holds.
#[derive(Debug, Clone, Default)]
struct Ledger {
    /// By account and code of the currency; the outside world's accounts too.
    money: BTreeMap<(i64, i32), i64>,
    /// Place and version of each item.
    items: BTreeMap<i64, (Place, i32)>,
    /// Every item that ever was.
    ever: BTreeSet<i64>,
}

fn id_of(who: usize) -> i64 {
    i64::try_from(who).expect("a few") + 1
}

/// The account of a character, as the rig numbers them.
fn account_of(who: usize) -> i64 {
    id_of(who) + 1_000
}

impl Ledger {
    fn new() -> Self {
        let mut ledger = Self::default();
        for who in 0..CHARACTERS {
            ledger.money.insert((id_of(who), Currency::Zen.code()), 300);
            for place in 0..3u16 {
                let uid = id_of(who) * 10 + i64::from(place);
                ledger.items.insert(uid, (Place::inventory(id_of(who), place), 1));
                ledger.ever.insert(uid);
            }
        }
        ledger
    }

    fn total(&self) -> i64 {
        self.money.values().sum()
    }

    /// Applies an event; every precondition must hold.
    fn apply(&mut self, event: &ValueEvent) {
        let moved = event.moves.iter().map(|step| (step.uid, step.from, step.version));
        for (uid, from, version) in moved.chain(event.burns.iter().map(|burn| (burn.uid, burn.from, burn.version))) {
            assert_eq!(self.items.remove(&uid), Some((from, version)), "item {uid} is where the event says");
        }
        for mint in &event.mints {
            assert!(self.ever.insert(mint.uid), "item {} is new", mint.uid);
        }
        let moved = event.moves.iter().map(|step| (step.uid, step.to, step.version + 1));
        for (uid, to, version) in event.mints.iter().map(|mint| (mint.uid, mint.to, 1)).chain(moved) {
            assert!(self.items.values().all(|(place, _)| *place != to), "{to:?} is free");
            self.items.insert(uid, (to, version));
        }
        for change in &event.balances {
            let purse = self.money.entry((change.account, change.currency.code())).or_default();
            *purse += change.delta;
            assert!(*purse >= 0 || change.account < 0, "{} owes {purse}", change.account);
        }
    }

    fn zen(&self, account: i64, currency: Currency) -> i64 {
        self.money.get(&(account, currency.code())).copied().unwrap_or(0)
    }

    fn of(&self, owner: i64, container: u8) -> BTreeMap<i64, (u16, i32)> {
        let own = self.items.iter().filter(|(_, (place, _))| (place.owner, place.container) == (owner, container));
        own.map(|(&uid, &(place, version))| (uid, (place.slot, version))).collect()
    }

    fn load(&self, who: usize) -> LoadedCharacter {
        let stored = |(uid, (slot, version)): (i64, (u16, i32))| Item {
            uid: mu_storage::ids::ItemUid(uid),
            version,
            template: 7,
            level: 0,
            container: 0,
            slot: i32::from(slot),
        };
        let mut loaded = character(id_of(who), HOME, self.zen(id_of(who), Currency::Zen), &[]);
        loaded.items = self.of(id_of(who), Place::INVENTORY).into_iter().map(stored).collect();
        loaded.warehouse = self.of(account_of(who), Place::WAREHOUSE).into_iter().map(stored).collect();
        loaded.ground = self.of(id_of(who), Place::GROUND).into_iter().map(stored).collect();
        loaded.stored_zen = self.zen(account_of(who), Currency::ZenStored);
        loaded
    }
}

struct World {
    rig: Rig,
    ledger: Ledger,
    here: BTreeMap<usize, EntityId>,
    undecided: Vec<(ValueEvent, Vec<EntityId>)>,
    decided: BTreeMap<u128, Verdict>,
    /// Decided and not settled: until the next tick the map may still hold.
    unsettled: BTreeSet<EntityId>,
    revision: BTreeMap<EntityId, u32>,
    done: BTreeMap<&'static str, usize>,
}

impl World {
    fn new() -> Self {
        Self {
            rig: Rig::new(&town(), usize::from(PLAYERS), Rules { lies: LIES, ..Rules::default() }, 1),
            ledger: Ledger::new(),
            here: BTreeMap::new(),
            undecided: Vec::new(),
            decided: BTreeMap::new(),
            unsettled: BTreeSet::new(),
            revision: BTreeMap::new(),
            done: BTreeMap::new(),
        }
    }

    fn request(&mut self, who: usize, message: &ClientMessage<'_>) {
        if let Some(&who) = self.here.get(&who) {
            self.rig.map.request(who, message);
        }
    }

    /// Some of the items in a container.
    fn some(&self, owner: i64, container: u8, which: u8) -> Vec<u64> {
        let own = self.ledger.of(owner, container);
        own.keys().zip(0..8).filter(|(_, bit)| which >> bit & 1 == 1).map(|(uid, _)| uid.unsigned_abs()).collect()
    }

    fn act(&mut self, act: &Act) {
        let (warehouse, shop) = (warehouse_keeper(PLAYERS), shop_keeper(PLAYERS));
        match *act {
            Act::Join { who } => self.join(who),
            Act::Detach { who } => drop(self.here.get(&who).map(|&who| self.rig.map.detach(who))),
            Act::Deposit { who, zen, items } => {
                let items = self.some(id_of(who), Place::INVENTORY, items);
                let items = ItemUids::new(&items);
                self.request(who, &ClientMessage::Deposit { keeper: warehouse, zen, items });
            }
            Act::Withdraw { who, zen, items } => {
                let items = self.some(account_of(who), Place::WAREHOUSE, items);
                let items = ItemUids::new(&items);
                self.request(who, &ClientMessage::Withdraw { keeper: warehouse, zen, items });
            }
            Act::Buy { who, count } => {
                self.request(who, &ClientMessage::Buy { keeper: shop, ware: 0, count, price: 100 });
            }
            Act::Sell { who, items } => {
                let items = self.some(id_of(who), Place::INVENTORY, items);
                self.request(who, &ClientMessage::Sell { keeper: shop, items: ItemUids::new(&items) });
            }
            Act::Drop { who, nth } => {
                if let Some(&item) = self.some(id_of(who), Place::INVENTORY, u8::MAX).get(nth) {
                    self.request(who, &ClientMessage::Drop { item });
                }
            }
            Act::PickUp { who, nth } => {
                // Slots of what lies on the ground come after the players' and the keepers'; generations count up.
                let slot = PLAYERS + 2 + nth;
                let mut there = (1..400).map(|generation| EntityId::new(slot, generation));
                if let Some(target) = there.find(|&entity| self.rig.map.position(entity).is_some()) {
                    self.request(who, &ClientMessage::PickUp { target });
                }
            }
            Act::Ask { who, whom } => {
                if let Some(&target) = self.here.get(&whom) {
                    self.request(who, &ClientMessage::TradeRequest { target });
                }
            }
            Act::Answer { who } => self.request(who, &ClientMessage::TradeAnswer { accept: true }),
            Act::Offer { who, zen, items } => {
                let revision = self.revision(who);
                let items = self.some(id_of(who), Place::INVENTORY, items);
                self.request(who, &ClientMessage::TradeOffer { revision, zen, items: ItemUids::new(&items) });
            }
            Act::Confirm { who } => {
                let revision = self.revision(who);
                self.request(who, &ClientMessage::TradeConfirm { revision });
            }
            Act::Decide { verdict, again } => self.decide(verdict, again),
            Act::Tick => self.tick(),
        }
    }

    fn revision(&self, who: usize) -> u32 {
        self.here.get(&who).and_then(|who| self.revision.get(who)).copied().unwrap_or(0)
    }

    fn join(&mut self, who: usize) {
        if !self.here.contains_key(&who) {
            let loaded = self.ledger.load(who);
            let joined = Joining::Fresh { character: &loaded, connected: true };
            self.here.insert(who, self.rig.map.join(joined).expect("room for all"));
        }
    }

    fn decide(&mut self, verdict: Verdict, again: bool) {
        if self.undecided.is_empty() {
            return;
        }
        let (event, players) = self.undecided.remove(0);
        // What its dropper gets back at its entry and what somebody picks up may be the same item: who comes second is
        // refused, as the store would.
        let moved = event.moves.iter().map(|step| (step.uid, step.from, step.version));
        let gone = moved
            .chain(event.burns.iter().map(|burn| (burn.uid, burn.from, burn.version)))
            .filter(|(_, from, _)| from.container == Place::GROUND)
            .any(|(uid, from, version)| self.ledger.items.get(&uid) != Some(&(from, version)));
        let verdict = if gone { Verdict::Rejected(Reason::ItemElsewhere) } else { verdict };
        if verdict == Verdict::Applied {
            self.ledger.apply(&event);
        }
        self.decided.insert(event.event_id, verdict);
        self.unsettled.extend(players);
        assert!(self.rig.map.settle(event.event_id, verdict), "the map waits for it");
        if again {
            assert!(!self.rig.map.settle(event.event_id, Verdict::Applied), "decided once");
        }
    }

    fn is_bound(&self, who: EntityId) -> bool {
        self.unsettled.contains(&who) || self.undecided.iter().any(|(_, players)| players.contains(&who))
    }

    fn tick(&mut self) {
        let bound: BTreeSet<EntityId> = self.undecided.iter().flat_map(|(_, players)| players.clone()).collect();
        self.rig.step();
        self.unsettled.clear();
        for event in std::mem::take(&mut self.rig.events) {
            event.check().expect("complete and balanced");
            let named = event.moves.iter().flat_map(|step| [step.from, step.to]);
            let named = named.chain(event.mints.iter().map(|mint| mint.to));
            let named = named.chain(event.burns.iter().map(|burn| burn.from));
            // Whose the item on the ground is: that holds nobody up.
            let named = named.filter(|place| place.container != Place::GROUND).map(|place| place.owner);
            let named: BTreeSet<i64> = named.chain(event.balances.iter().map(|change| change.account)).collect();
            let names = |who: usize| named.contains(&id_of(who)) || named.contains(&account_of(who));
            let players = self.here.iter().filter(|&(&who, _)| names(who)).map(|(_, &who)| who).collect();
            self.undecided.push((event, players));
        }
        self.take_messages();
        for departure in std::mem::take(&mut self.rig.departed) {
            assert!(!bound.contains(&departure.player), "nobody leaves with an event undecided");
            self.here.retain(|_, who| *who != departure.player);
        }
        self.compare();
    }

    fn take_messages(&mut self) {
        for (who, told) in std::mem::take(&mut self.rig.told) {
            for bytes in told {
                let message = ServerMessage::decode(&bytes).expect("the map's own message");
                match message {
                    ServerMessage::TradeOpened { .. } => drop(self.revision.insert(who, 0)),
                    ServerMessage::TradeOffers { revision, .. } => drop(self.revision.insert(who, revision)),
                    ServerMessage::TradeDone { event } | ServerMessage::DealDone { event, .. } => {
                        assert_eq!(self.decided.get(&event), Some(&Verdict::Applied), "success after it was applied");
                        *self.done.entry(message.name()).or_default() += 1;
                    }
                    ServerMessage::DealFailed { event, .. } => {
                        let verdict = self.decided.get(&event);
                        assert!(verdict.is_some_and(|&it| it != Verdict::Applied), "failure after it was decided");
                    }
                    _ => {}
                }
            }
        }
    }

    fn compare(&self) {
        for (&number, &who) in &self.here {
            let player = self.rig.map.view_player(who).expect("is here");
            let bound = player.inventory.is_bound() || player.warehouse.is_bound();
            assert!(!bound || self.is_bound(who), "character {number} holds nothing without an event undecided");
            let (id, account) = (id_of(number), account_of(number));
            for (bag, owner, container, currency) in [
                (&player.inventory, id, Place::INVENTORY, Currency::Zen),
                (&player.warehouse, account, Place::WAREHOUSE, Currency::ZenStored),
            ] {
                let items = bag.items().map(|(place, item)| (item.uid, (u16::from(place), item.version)));
                let memory: (i64, BTreeMap<i64, (u16, i32)>) = (bag.zen(), items.collect());
                let stored = (self.ledger.zen(owner, currency), self.ledger.of(owner, container));
                assert_eq!(memory, stored, "character {number} has what the ledger says");
            }
        }
    }

    /// Decides what is left and looks at everything once more.
    fn finish(mut self, before: i64) -> BTreeMap<&'static str, usize> {
        self.tick();
        for _ in 0..=LIES + 1 {
            while !self.undecided.is_empty() {
                self.decide(Verdict::Applied, true);
            }
            self.tick();
        }
        assert_eq!(self.rig.map.undecided(), 0);
        assert_eq!(self.ledger.total(), before, "money is conserved, the shop's included");
        self.done
    }
}

fn run(acts: &[Act]) -> BTreeMap<&'static str, usize> {
    let mut world = World::new();
    let before = world.ledger.total();
    (0..CHARACTERS).for_each(|who| world.join(who));
    world.tick();
    acts.iter().for_each(|act| world.act(act));
    world.finish(before)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn deals_hold_against_the_store_whatever_comes_between(acts in acts()) {
        run(&acts);
    }
}

#[test]
fn the_random_players_do_deal_and_trade() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut done = BTreeMap::new();
    for _ in 0..100 {
        for (name, count) in run(&acts().new_tree(&mut runner).expect("a list of acts").current()) {
            *done.entry(name).or_insert(0) += count;
        }
    }
    assert!(done["DealDone"] > 500 && done["TradeDone"] > 5, "{done:?}");
}
